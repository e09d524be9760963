"""A backlog drains within bounded memory: in a process of its own, by its peak."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from inbox_support import DISCHARGED, FORM, envelope_of, opened, settings_of
from sqlalchemy import func, select

from grouper.service.worker import Worker
from grouper.store.database import connect
from grouper.store.inbox import Inbox
from grouper.store.schema import outcome
from grouper.store.states import State

pytestmark = pytest.mark.slow

LIMIT_MIB = 64.0
"""How far the peak may rise above that after the first messages, whatever the backlog."""
FIRST = 1000


def drain(url: str, folder: str) -> None:
    """Drain what waits, in this process; tell how many there were and how the peak rose."""
    database = connect(url)
    worker = Worker(settings_of(Path(folder)), database, {"plain": FORM})
    done = 0
    while done < FIRST:
        done += worker.step()
    first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while step := worker.step():
        done += step
    last = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    database.close()
    sys.stdout.write(json.dumps({"done": done, "grew": (last - first) / 1024}))


@pytest.mark.parametrize("messages", [5000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_a_backlog_drains_within_bounded_memory(tmp_path: Path, messages: int) -> None:
    url = f"sqlite:///{tmp_path / 'grouper.sqlite'}"
    with opened(tmp_path, url) as database:
        inbox = Inbox(database)
        for start in range(0, messages, 1000):
            sent = [
                envelope_of(n, visit=f"V{n // 4}", patient=f"P{n // 4}", facts=DISCHARGED)
                for n in range(start, start + 1000)
            ]
            inbox.put_many([(envelope, "test") for envelope in sent])
        command = (sys.executable, __file__, url, str(tmp_path))
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        told = json.loads(ran.stdout.splitlines()[-1])
        assert told["done"] == messages
        assert told["grew"] < LIMIT_MIB
        with database.reading() as connection:
            applied = outcome.c.state == State.APPLIED.value
            count = connection.scalar(select(func.count()).select_from(outcome).where(applied))
        assert count == messages


def test_a_message_of_64_mb_is_one_chunk_by_itself(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        inbox = Inbox(database)
        big = envelope_of(2, visit="V2", facts={"note": "x" * (64 * 2**20)})
        inbox.put_many([(e, "test") for e in (envelope_of(1), big, envelope_of(3, visit="V3"))])
        worker = Worker(settings_of(tmp_path), database, {"plain": FORM})
        assert [worker.step() for _ in range(4)] == [1, 1, 1, 0]


if __name__ == "__main__":
    drain(*sys.argv[1:])

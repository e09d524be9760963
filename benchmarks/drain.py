"""Measure the inbox and the worker: putting alone, draining a backlog, and from put to grouped.

Usage: python benchmarks/drain.py [MESSAGES]      (default 20,000; a day's backlog: 200000)

Messages are made up (HL7 v2, two ADT^A08 for each DFT^P03 with nine charge lines). The worker runs
in a process of its own, so that its memory is its own; it reads the backlog in bounded chunks, so
its peak must not depend on how much waits. On SQLite, in a folder beside this file's disk.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import intake_load
from report import told
from sqlalchemy import func, select

from grouper.case.dates import LOCAL
from grouper.service.settings import Settings
from grouper.service.worker import Worker
from grouper.store.database import connect
from grouper.store.inbox import Inbox
from grouper.store.migrate import upgrade
from grouper.store.outcomes import counts, position_of
from grouper.store.schema import grouping, now
from hl7_adapters.hl7v2 import FORM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.intake.envelope import Envelope
    from grouper.store.database import Database

DEFAULT = 20_000
SINGLES = 100
MESSAGES_A_STAY = 10
"""A backlog of a day speaks of many stays."""
LIMIT_MIB = 200.0
"""The worker's memory may grow by so much while it drains, whatever the backlog."""


def envelopes(mark: str) -> Iterator[Envelope]:
    """Made-up messages without an end."""
    return (FORM.envelope(raw) for raw, _ in intake_load.messages(mark))


def put_alone(inbox: Inbox) -> None:
    """How many messages a second go into the inbox, by messages in one commit."""
    for size in (1, 16, 128, 512):
        source = envelopes(f"P{size}-")
        batches = [
            [(e, "bench") for e in islice(source, size)] for _ in range(max(4, 2048 // size))
        ]
        start = time.perf_counter()
        for batch in batches:
            inbox.put_many(batch)
        seconds = time.perf_counter() - start
        stored = size * len(batches)
        each = seconds / len(batches) * 1000
        print(
            f"  put, {size:4} in a commit   {stored / seconds:9,.0f} messages/s   {each:6.1f} ms each"
        )


def work(folder: Path, url: str, *, drain: bool) -> None:
    """The worker's process: drains the backlog and tells how that went, or works until a signal."""
    database = connect(url)
    worker = Worker(Settings(folder=folder), database, {FORM.name: FORM})
    worker._grouper.warm(now().astimezone(LOCAL).date())  # noqa: SLF001 -- loading is not draining
    if drain:
        before = _peak()
        start, done = time.perf_counter(), 0
        while step := worker.step():
            done += step
        seconds = time.perf_counter() - start
        print(json.dumps({"done": done, "seconds": seconds, "grew": _peak() - before}))
    else:
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        print("ready", flush=True)
        worker.run(stop)
    database.close()


def _peak() -> float:
    """Greatest memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _command(folder: Path, url: str, how: str) -> list[str]:
    return [sys.executable, __file__, how, str(folder), url]


def drained(folder: Path, url: str, database: Database, number: int) -> float:
    """Drain a backlog; returns the growth of the worker's memory in MiB."""
    source, inbox = envelopes("D"), Inbox(database)
    left = number
    while left:
        batch = [(e, "bench") for e in islice(source, min(left, 2000))]
        inbox.put_many(batch)
        left -= len(batch)
    with database.reading() as connection:
        before = position_of(connection)
    waiting = inbox.last() - before
    found = json.loads(
        subprocess.run(
            _command(folder, url, "drain"), check=True, capture_output=True, text=True
        ).stdout.splitlines()[-1]
    )
    assert found["done"] == waiting, "a message was passed over"
    print(
        f"  drained {found['done']:,} messages   {found['done'] / found['seconds']:9,.0f} messages/s"
        f"   memory grew by {found['grew']:.0f} MiB"
    )
    told("drain.drained", found["done"] / found["seconds"], "messages/s")
    told("drain.grew", found["grew"], "MiB")
    with database.reading() as connection:
        print(f"  outcomes   { ({state.value: n for state, n in counts(connection).items()}) }")
    return float(found["grew"])


def put_to_grouped(folder: Path, url: str, database: Database) -> None:
    """How long a single message takes from the inbox to its grouping, at normal load."""
    process = subprocess.Popen(_command(folder, url, "run"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        inbox, took = Inbox(database), []
        for envelope in islice(envelopes("L"), SINGLES + 1):
            start = time.perf_counter()
            (receipt,) = inbox.put_many([(envelope, "bench")])
            while not _grouped(database, receipt.message_id or 0):
                time.sleep(0.001)
            took.append((time.perf_counter() - start) * 1000)
        process.terminate()
    # The first waited for the worker to start.
    took = sorted(took[1:])
    told("drain.put_to_grouped_p50", took[len(took) // 2], "ms")
    print(
        f"  put to grouped, {SINGLES} messages one by one   p50 {took[len(took) // 2]:.0f} ms"
        f"   p99 {took[int(len(took) * 0.99)]:.0f} ms"
    )


def _grouped(database: Database, number: int) -> bool:
    with database.reading() as connection:
        return position_of(connection) >= number


def main() -> None:
    """Run all."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    intake_load.STAYS = max(intake_load.STAYS, number // MESSAGES_A_STAY)
    with tempfile.TemporaryDirectory(prefix="grouper-bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        url = f"sqlite:///{folder}/grouper.sqlite"
        database = connect(url)
        upgrade(database)
        put_alone(Inbox(database))
        grew = drained(folder, url, database, number)
        put_to_grouped(folder, url, database)
        with database.reading() as connection:
            print(f"  groupings  {connection.scalar(select(func.count()).select_from(grouping)):,}")
        database.close()
    assert grew < LIMIT_MIB, f"the worker's memory grew by {grew:.0f} MiB"


if __name__ == "__main__":
    if len(sys.argv) > 2:
        work(Path(sys.argv[2]), sys.argv[3], drain=sys.argv[1] == "drain")
    else:
        main()

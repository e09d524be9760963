"""kill -9 at any moment: what was acknowledged is there once, applied once, never by half."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from inbox_support import FORM, opened
from kill_support import STAYS, Child, Nursery, Sender, nursery
from postgres_support import postgres_url  # noqa: F401 -- a fixture
from sqlalchemy import func, select

from grouper.store.database import Database
from grouper.store.inbox import Inbox
from grouper.store.outcomes import position_of
from grouper.store.schema import (
    charge_line,
    grouping,
    message,
    outcome,
    position,
    stay,
    stay_version,
)

ROUND = 12


def kill_rounds(url: str, folder: Path, rounds: int, seed: int) -> None:
    with opened(folder, url) as database, nursery(url, folder) as house:
        sender = Sender(random.Random(seed))  # noqa: S311 -- a seeded test
        kills = rounds_of(house, sender, database, rounds)
        finish(house, sender, database)
        check(database, sender)
        assert kills["receive"] >= rounds // 4
        assert kills["apply"] >= rounds // 4


def rounds_of(house: Nursery, sender: Sender, database: Database, rounds: int) -> dict[str, int]:
    """Send, kill at a moment drawn by lot, go on; nobody waits for anything else."""
    dice, kills = sender.dice, {"receive": 0, "apply": 0}
    running: dict[str, Child] = {}
    for _ in range(rounds):
        for role in kills:
            if role not in running:
                running[role] = house.start(role)
        receiver = running["receive"]
        receiver.held.settimeout(None)
        batch = sender.batch(dice.randint(1, ROUND))
        cut = dice.randint(0, len(batch))
        receiver.held.sendall(b"".join(raw + b"\n" for raw in batch[:cut]))
        # The moment of death: anywhere between the first byte and some commits later.
        time.sleep(dice.uniform(0, 0.04))
        sender.hear(receiver.lines())
        receiver.held.settimeout(None)
        receiver.held.sendall(b"".join(raw + b"\n" for raw in batch[cut:]))
        for role in dice.choice((["receive"], ["apply"], ["receive", "apply"])):
            time.sleep(dice.uniform(0, 0.01))
            said = running.pop(role).kill()
            kills[role] += 1
            if role == "receive":
                sender.hear(said)
        there = stored(database)
        missing = sender.acknowledged - there.keys()
        assert not missing, f"acknowledged and not there: {sorted(missing)}"
    for role, child in running.items():
        said = child.end()
        if role == "receive":
            sender.hear(said)
    return kills


def stored(database: Database) -> dict[str, bytes]:
    """The inbox by the sender's ids; each once."""
    with database.reading_inbox() as connection:
        rows = connection.execute(select(message.c.control_id, message.c.raw)).all()
    found = {row.control_id: row.raw for row in rows}
    assert len(found) == len(rows)
    return found


def finish(house: Nursery, sender: Sender, database: Database) -> None:
    """Send what was never acknowledged, and let the worker come to the end."""
    receiver, worker = house.start("receive"), house.start("apply")
    receiver.held.sendall(b"".join(raw + b"\n" for raw in sender.batch(0)))
    sender.hear(receiver.end())
    assert sender.acknowledged == sender.sent.keys()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with database.reading() as connection:
            done = position_of(connection)
        if done == Inbox(database).last():
            break
        time.sleep(0.02)
    worker.end()


def check(database: Database, sender: Sender) -> None:
    assert stored(database) == sender.sent
    total = len(sender.sent)
    with database.reading_inbox() as connection:
        numbers = {
            row.control_id: row.id
            for row in connection.execute(select(message.c.id, message.c.control_id))
        }
    with database.reading() as connection:
        assert position_of(connection) == max(numbers.values())
        states = connection.execute(select(outcome.c.message_id, outcome.c.state)).all()
        assert sorted(states) == [(n, "applied") for n in sorted(numbers.values())]
        # Each message adds one charge line and makes one version, which is grouped once.
        for column in (stay_version.c.message_id, charge_line.c.message_id):
            made = connection.scalars(select(column)).all()
            assert sorted(made) == sorted(numbers.values())
        groups = connection.execute(select(grouping.c.stay_id, grouping.c.version)).all()
        versions = connection.execute(select(stay_version.c.stay_id, stay_version.c.version)).all()
        assert set(groups) <= set(versions)
        assert len(set(groups)) == len(groups)
        heads = connection.execute(
            select(stay.c.visit, stay.c.version, stay.c.total_cost, stay.c.grouping_id)
        ).all()
        newest = {
            row.id
            for row in connection.execute(
                select(func.max(grouping.c.id).label("id")).group_by(grouping.c.stay_id)
            )
        }
    assert {row.grouping_id for row in heads} == newest
    for visit, version, cost, _ in heads:
        mine = sum(f"V{n % STAYS}" == visit for n in range(1, total + 1))
        assert (version, cost) == (mine, mine)


def test_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    kill_rounds(f"sqlite:///{tmp_path / 'grouper.sqlite'}", tmp_path, 20, seed=4)


def test_a_worker_killed_at_each_statement_applies_wholly_or_not_at_all(tmp_path: Path) -> None:
    """Not by lot: before every statement and the commit of a chunk once."""
    url = f"sqlite:///{tmp_path / 'grouper.sqlite'}"
    with opened(tmp_path, url) as database, nursery(url, tmp_path) as house:
        sender = Sender(random.Random(1))  # noqa: S311 -- a seeded test
        batch = [(FORM.envelope(raw), "kill") for raw in sender.batch(5)]
        Inbox(database).put_many(batch)
        deaths = 0
        while True:
            child = house.start(f"apply {deaths + 1}")
            if not wait_for_death_or_end(child, database):
                break
            deaths += 1
            with database.reading() as connection:
                for table in (outcome, stay, stay_version, charge_line, grouping, position):
                    there = connection.scalar(select(func.count()).select_from(table))
                    assert there == 0, f"{table} after death {deaths}"
        check(database, sender)
        assert deaths > 12


def wait_for_death_or_end(child: Child, database: Database) -> bool:
    """Whether it died before its commit; one that came past it is let end, or died later."""
    while not (died := child.died(0.01)):
        with database.reading() as connection:
            if position_of(connection):
                break
    with database.reading() as connection:
        applied = bool(position_of(connection))
    if died:
        child.held.close()
    else:
        child.end()
    return not applied


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_five_hundred_kills(tmp_path: Path, seed: int) -> None:
    kill_rounds(f"sqlite:///{tmp_path / 'grouper.sqlite'}", tmp_path, 100, seed=100 + seed)


@pytest.mark.slow
def test_kills_over_postgresql(tmp_path: Path, postgres_url: str) -> None:  # noqa: F811
    kill_rounds(postgres_url, tmp_path, 100, seed=7)

"""Whole stays that ended long ago, and messages that are known no more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from inbox_support import envelope_of
from retention_support import NEW, NOW, OLD, count, database, entered, ids, put
from store_support import Feed, line, stay

from grouper.intake.event import Event, EventKind
from grouper.store import audit, outcomes, retention
from grouper.store.checking import check
from grouper.store.database import Database
from grouper.store.inbox import Inbox
from grouper.store.retention_messages import (
    held_messages,
    held_repeats,
    sweep_messages,
    sweep_repeats,
)
from grouper.store.retention_rows import Aim, held, sweep
from grouper.store.review_schema import (
    finding,
    finding_event,
    finding_file,
    order_check,
    screened_stay,
)
from grouper.store.schema import (
    charge_line,
    forecast,
    grouping,
    message,
    now,
    outbox,
    outcome,
    person,
    repeat,
    stay_version,
)
from grouper.store.schema import stay as stay_table
from grouper.store.states import State

__all__ = ["database"]

BEFORE = NOW - timedelta(days=200)
"""Messages of the tests come in March 2026."""
ENDED = {"admission_time": "2026-03-01 08:00:00", "discharge_time": "2026-03-05 09:00:00"}


def swept(found: Database, before=BEFORE) -> int:  # noqa: ANN001 -- a time
    return sweep(found, Aim("stays", before, 200, "clerk", 2), lambda: False)


def ended(visit: str, patient: str = "P1", **facts: object) -> object:
    return stay(visit, patient, **{**ENDED, **facts}, lines=(line("1"),))


def test_a_stay_goes_with_all_that_tells_of_it_and_its_person(database: Database) -> None:
    feed = Feed(database)
    feed(ended("V1"))
    feed(ended("V1", age="61"))
    feed(ended("V2", "P2", discharge_time=None))
    number, other = feed.head("V1").id, feed.head("V2").id
    for of in (number, other):
        put(database, grouping, stay_id=of)
        put(database, forecast, stay_id=of, made=NEW)
        put(database, outbox, stay_id=of, state="failed")
        put(database, order_check, stay_id=of)
        put(database, screened_stay, stay_id=of)
        made = put(database, finding, key=str(of), stay_id=of, state="deducted", closed=NEW)
        put(database, finding_event, finding_id=made)
        put(database, finding_file, finding_id=made)
    assert held(database, "stays", BEFORE).due == 1
    assert swept(database) == 1
    of_stay = (stay_version, charge_line, grouping, forecast, outbox, order_check, screened_stay)
    for table in (*of_stay, finding):
        assert set(ids(database, table, "stay_id")) == {other}, table.name
    for table in (finding_event, finding_file, person, stay_table):
        assert count(database, table) == 1, table.name
    assert ids(database, person, "patient") == ["P2"]
    assert entered(database) == [("clerk", "stays", 1)]
    assert check(database).whole
    with database.reading() as connection:
        assert audit.verify(connection).faults == ()


@pytest.mark.parametrize("what", ["finding", "result", "message", "change"])
def test_what_is_under_way_keeps_a_stay(database: Database, what: str) -> None:
    feed = Feed(database)
    feed(ended("V1"))
    number = feed.head("V1").id
    if what == "finding":
        put(database, finding, key="1", stay_id=number, state="appealed")
    elif what == "result":
        put(database, outbox, stay_id=number, state="waiting", created=OLD)
    elif what == "message":
        put(database, outcome, message_id=9, visit="V1", state="quarantined", received=OLD)
    before = BEFORE - timedelta(days=400) if what == "change" else BEFORE
    assert swept(database, before) == 0
    assert count(database, stay_table) == 1
    assert entered(database) == []


def test_a_person_stays_while_a_stay_of_his_does(database: Database) -> None:
    feed = Feed(database)
    feed(ended("V1"))
    feed(stay("V2", "P1", admission_time="2026-11-01 08:00:00"))
    assert swept(database) == 1
    assert ids(database, stay_table, "visit") == ["V2"]
    assert ids(database, person, "patient") == ["P1"]


def test_stays_that_were_merged_go_before_the_one_that_goes_on(database: Database) -> None:
    feed = Feed(database)
    feed(ended("V1", "P1"))
    feed(ended("V2", "P2"))
    feed(Event(kind=EventKind.MERGE_PERSON, patient="P1", prior_patient="P2"))
    feed(Event(kind=EventKind.MERGE_VISIT, patient="P1", visit="V1", prior_visit="V2"))
    assert swept(database) == 1
    assert ids(database, stay_table, "visit") == ["V1"]
    assert count(database, person) == 2
    assert swept(database) == 1
    assert count(database, stay_table) == 0
    # The persons were one, and go together.
    assert count(database, person) == 0


def test_persons_who_were_merged_go_with_the_last_stay_of_them_all(database: Database) -> None:
    first = put(database, person, pseudonym="1", patient="1")
    second = put(database, person, pseudonym="2", patient="2", merged_into=first)
    third = put(database, person, pseudonym="3", patient="3", merged_into=second)
    put(database, person, pseudonym="4", patient="4")
    old = {"state": "discharged", "discharged": OLD, "changed": OLD}
    for number, of in enumerate((first, second, None), 1):
        put(database, stay_table, case_id=str(number), visit=str(number), person_id=of, **old)
    put(database, stay_table, case_id="9", visit="9", person_id=third, state="running")
    assert swept(database) == 3
    assert ids(database, person) == [1, 2, 3, 4]
    with database.writing_store() as connection:
        connection.execute(stay_table.update().values(**old, person_id=third))
    assert swept(database) == 1
    # Of whom there never was a stay nothing is known to be over.
    assert ids(database, person) == [4]


def _applied(found: Database, states: dict[int, State]) -> None:
    """Messages that were put are dealt with: what became of them, and the position."""
    inbox = Inbox(found)
    with found.writing_store() as connection:
        outcomes.write(
            connection,
            [outcomes.Outcome.of(inbox.one(n), state, OLD) for n, state in states.items()],
        )
        outcomes.move(connection, max(states))


def _sweep(found: Database, stopped: bool = False) -> int:
    aim = Aim("messages", now() + timedelta(days=1), 400, "clerk", 2)
    return sweep_messages(found, aim, lambda: stopped)


def test_messages_are_known_while_anything_rests_on_them(database: Database) -> None:
    inbox = Inbox(database)
    inbox.put_many([(envelope_of(n), "test") for n in range(1, 8)], at=OLD)
    inbox.put_many([(envelope_of(1), "test")], at=OLD)
    states = dict.fromkeys(range(1, 8), State.IGNORED) | {2: State.QUARANTINED, 3: State.APPLIED}
    _applied(database, states)
    put(database, stay_version, stay_id=1, version=1, message_id=3)
    late = now() + timedelta(days=1)
    # Their raw bytes are still there.
    assert _sweep(database) == 0
    retention.prune(database, late)
    assert held_messages(database, None).due == 0
    assert (held_messages(database, late).rows, held_messages(database, late).due) == (7, 5)
    # One whose replay is still to be read: its original is needed.
    inbox.replay([4])
    assert _sweep(database, stopped=True) == 0
    assert _sweep(database) == 4
    assert ids(database, message) == [2, 3, 4, 8]
    assert ids(database, outcome, "message_id") == [2, 3, 4]
    assert count(database, repeat) == 0
    assert [(what, rows) for _, what, rows in entered(database)] == [
        ("messages", 1),
        ("messages", 2),
        ("messages", 1),
    ]


def test_the_last_message_stays_and_so_the_inbox_is_not_behind(database: Database) -> None:
    inbox = Inbox(database)
    inbox.put_many([(envelope_of(n), "test") for n in (1, 2)], at=OLD)
    _applied(database, dict.fromkeys((1, 2), State.IGNORED))
    retention.prune(database, now())
    assert _sweep(database) == 1
    assert ids(database, message) == [2]
    assert check(database).whole
    # What comes again is taken for new once it is not known any more.
    (again,) = inbox.put_many([(envelope_of(1), "test")])
    assert not again.duplicate


def test_an_outcome_whose_message_went_goes_the_next_time(database: Database) -> None:
    inbox = Inbox(database)
    inbox.put_many([(envelope_of(n), "test") for n in (1, 2)], at=OLD)
    _applied(database, dict.fromkeys((1, 2), State.IGNORED))
    retention.prune(database, now())
    with database.writing_inbox() as connection:
        connection.execute(message.delete().where(message.c.id == 1))
    assert _sweep(database) == 1
    assert ids(database, outcome, "message_id") == [2]


def test_times_of_messages_that_came_again_go(database: Database) -> None:
    for received in (OLD, OLD, OLD, NEW):
        put(database, repeat, message_id=1, received=received)
    told = held_repeats(database, BEFORE)
    assert (told.rows, told.oldest, told.due) == (4, OLD, 3)
    assert held_repeats(database, None).due == 0
    aim = Aim("repeats", BEFORE, 200, "clerk", 2)
    assert sweep_repeats(database, aim, lambda: True) == 0
    assert sweep_repeats(database, aim, lambda: False) == 3
    assert ids(database, repeat) == [4]
    assert entered(database) == [("clerk", "repeats", 2), ("clerk", "repeats", 1)]

"""Results on their way back: in their order, until the receiver has them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from store_support import START, Feed, database, stay

from grouper.intake.event import Event, EventKind
from grouper.store import outbox
from grouper.store.database import Database
from grouper.store.outbox import Parcel
from grouper.store.states import Delivery

__all__ = ["database"]


@pytest.fixture
def filled(database: Database) -> Database:
    parcels = [
        Parcel(destination=name, stay_id=1, version=n, payload=b"m%d" % n, created=START)
        for n, name in enumerate(["his", "his", "web", "his"], 1)
    ]
    parcels.append(
        Parcel(
            destination="web",
            stay_id=2,
            version=1,
            payload=b"",
            created=START,
            state=Delivery.FAILED,
            answer="PROCESSING_FAILED",
        )
    )
    with database.writing_store() as connection:
        outbox.add(connection, [])
        outbox.add(connection, parcels)
    return database


def due(database: Database, name: str, seconds: float = 0, limit: int = 100) -> list[int]:
    with database.reading() as connection:
        found = outbox.due(connection, name, START + timedelta(seconds=seconds), limit)
    return [one.version for one in found]


def test_each_destination_gets_its_own_in_order(filled: Database) -> None:
    assert due(filled, "his") == [1, 2, 4]
    assert due(filled, "his", limit=2) == [1, 2]
    assert due(filled, "web") == [3]
    assert due(filled, "his", -1) == []


def test_nothing_overtakes_what_is_tried_again(filled: Database) -> None:
    with filled.writing_store() as connection:
        outbox.put_off(connection, 1, "away", START + timedelta(seconds=60))
    assert due(filled, "his", 59) == []
    assert due(filled, "his", 60) == [1, 2, 4]
    with filled.reading() as connection:
        (first, *_) = outbox.of_stay(connection, 1)
    assert (first.attempts, first.answer, first.state) == (1, "away", "waiting")


def test_sent_and_failed_ones_wait_no_more(filled: Database) -> None:
    with filled.writing_store() as connection:
        outbox.sent(connection, 1, "AA")
        outbox.failed(connection, 2, "x" * 1000)
    assert due(filled, "his") == [4]
    with filled.reading() as connection:
        assert outbox.oldest_waiting(connection) == {"his": (START, 1), "web": (START, 1)}
        assert outbox.counts(connection)["his", "failed"] == 1
        assert outbox.counts(connection)["his", "sent"] == 1
    with filled.writing_store() as connection:
        assert outbox.again(connection, 2, START)
        assert not outbox.again(connection, 1, START)
        # What was never written as a message cannot be sent.
        assert not outbox.again(connection, 5, START)
    assert due(filled, "his") == [2, 4]


def test_the_patients_number_is_the_one_that_goes_on(database: Database) -> None:
    feed = Feed(database)
    feed(stay("V1", "A"), stay("V2", "D"))
    feed(Event(kind=EventKind.MERGE_PERSON, patient="B", prior_patient="A"))
    feed(Event(kind=EventKind.MERGE_PERSON, patient="C", prior_patient="B"))
    with database.reading() as connection:
        found = outbox.patients_of(connection, {1, 2, None})
        assert outbox.patients_of(connection, [None]) == {}
    assert found == {1: "C", 2: "D"}

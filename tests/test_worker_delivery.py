"""Results on their way back: in order, tried again, and visible where they were refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from inbox_support import DISCHARGED, PlainForm, envelope_of, opened, settings_of
from sqlalchemy import select

from codebooks.errors import GrouperError
from grouper.intake.result import CaseResult
from grouper.service import delivery as delivery_module
from grouper.service.alerts import Watch
from grouper.service.delivery import Delivery
from grouper.service.settings import Destination
from grouper.service.worker import Worker
from grouper.store import outbox
from grouper.store.database import Database, StoreError
from grouper.store.inbox import Inbox
from grouper.store.schema import alert
from grouper.store.schema import outbox as table


class Post:
    """A sender and an encoder in one: writes the result as a line, and fails as it is told."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.fails: list[Exception] = []
        self.closed = False
        self.results: list[CaseResult] = []
        self.unwritable: Exception | None = None

    def encode(self, result: CaseResult, control_id: str) -> bytes:
        if self.unwritable is not None:
            raise self.unwritable
        self.results.append(result)
        group = result.grouped.group if result.grouped else result.reason
        return f"{control_id} {result.visit} {result.patient} {group}".encode()

    async def send(self, payload: bytes) -> str:
        if self.fails:
            raise self.fails.pop(0)
        self.sent.append(payload.decode())
        return "AA"

    async def close(self) -> None:
        self.closed = True


class House:
    def __init__(self, folder: Path, database: Database, post: Post, when: str) -> None:
        self.now = datetime(2026, 3, 20, 4, tzinfo=UTC)
        self.database, self.post = database, post
        settings = settings_of(folder, destinations={"his": Destination(when=when)})
        self.settings = settings
        self.worker = Worker(settings, database, {"plain": PlainForm()}, lambda: self.now)
        self.delivery = Delivery(settings, database, clock=lambda: self.now)

    def put(self, number: int, **said: Any) -> None:
        Inbox(self.database).put_many([(envelope_of(number, **said), "test")], at=self.now)
        self.worker.step()

    def send(self) -> int:
        return asyncio.run(self.delivery.send("his"))

    def rows(self) -> list[tuple[Any, ...]]:
        columns = (table.c.state, table.c.attempts, table.c.answer)
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(table.c.id))]


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    found = Post()
    monkeypatch.setattr(delivery_module, "porch", lambda _group, _name: lambda _options: found)
    return found


@pytest.fixture
def house(tmp_path: Path, post: Post) -> Iterator[House]:
    with opened(tmp_path) as database:
        yield House(tmp_path, database, post, "discharged")


def test_results_of_discharged_stays_go_back_in_their_order(house: House) -> None:
    house.put(1, facts={"age": "60"})
    assert house.rows() == []
    house.put(2, facts=DISCHARGED, dx=["I63.900"])
    house.put(3, visit="V2", patient="P2", facts=DISCHARGED)
    house.put(4, facts={"age": "5"})
    assert house.send() == 3
    assert [line.split()[1:3] for line in house.post.sent] == [
        ["V1", "P1"],
        ["V2", "P2"],
        ["V1", "P1"],
    ]
    ids = [line.split()[0] for line in house.post.sent]
    assert len(set(ids)) == 3
    assert max(map(len, ids)) <= 20
    assert house.send() == 0
    assert house.rows() == [("sent", 1, "AA")] * 3
    first = house.post.results[0]
    assert (first.hospital, first.version) == ("H1", 2)
    assert first.grouped is not None
    assert first.grouped.scheme == "chs-drg-2.0"
    assert first.case.person not in {None, "P1"}


def test_results_of_all_stays_where_that_is_wanted(tmp_path: Path, post: Post) -> None:
    with opened(tmp_path) as database:
        house = House(tmp_path, database, post, "all")
        house.put(1, facts={"age": "60", "region": "nowhere"})
        house.put(2, patient="", visit="V2", facts=DISCHARGED)
        house.put(3, kind="merge_person", patient="P9", prior_patient="P1", visit="")
        house.put(4, patient="P1", facts={"age": "61"})
        house.put(5, facts={"age": "62"}, patient="P1", cancelled=True)
        house.send()
        assert [line.split(" ")[1:] for line in post.sent] == [
            ["V1", "P1", "REGION_UNKNOWN"],
            ["V2", "", "0000"],
            ["V1", "P9", "REGION_UNKNOWN"],
        ]
        assert post.results[0].grouped is None
        assert post.results[0].reason == "REGION_UNKNOWN"


def test_a_destination_that_is_away_is_tried_again_and_nothing_overtakes(house: House) -> None:
    house.put(1, facts=DISCHARGED)
    house.put(2, facts={"age": "5"})
    house.post.fails = [GrouperError("DELIVERY_FAILED", why="no route")] * 3
    pauses = []
    for _ in range(3):
        assert house.send() == 0
        assert house.send() == 0
        with house.database.reading() as connection:
            (first, *_) = connection.scalars(select(table.c.next_try).order_by(table.c.id)).all()
        pauses.append((first - house.now).total_seconds())
        house.now = first
    assert pauses == [1, 2, 4]
    assert house.rows()[0] == ("waiting", 3, "no route")
    assert house.send() == 2
    assert [row[0] for row in house.rows()] == ["sent", "sent"]
    assert house.post.sent[0].startswith("G1V1")


def test_pauses_do_not_grow_for_ever(house: House) -> None:
    house.put(1, facts=DISCHARGED)
    house.post.fails = [RuntimeError() for _ in range(12)]
    for _ in range(12):
        before = house.now
        house.send()
        with house.database.reading() as connection:
            house.now = connection.scalars(select(table.c.next_try)).one()
    assert house.now - before == timedelta(minutes=5)
    assert house.rows() == [("waiting", 12, "PROCESSING_FAILED")]
    assert house.send() == 1


def test_a_refused_result_stays_visible_and_can_be_sent_again(house: House) -> None:
    house.put(1, facts=DISCHARGED)
    house.put(2, visit="V2", patient="P2", facts=DISCHARGED)
    house.post.fails = [GrouperError("DELIVERY_REFUSED", answer="AR")]
    assert house.send() == 2
    assert house.rows() == [("failed", 1, "AR"), ("sent", 1, "AA")]
    with house.database.writing_store() as connection:
        assert outbox.again(connection, 1, house.now)
    assert house.send() == 1
    assert house.rows() == [("sent", 2, "AA"), ("sent", 1, "AA")]


@pytest.mark.parametrize("error", [ValueError(), GrouperError("TEMPLATE")])
def test_a_result_that_cannot_be_written_is_visible_and_holds_up_nothing(
    house: House, error: Exception
) -> None:
    house.post.unwritable = error
    house.put(1, facts=DISCHARGED)
    house.post.unwritable = None
    house.put(2, visit="V2", patient="P2", facts=DISCHARGED)
    assert house.send() == 1
    assert house.rows() == [("failed", 0, "ENCODING_FAILED"), ("sent", 1, "AA")]


def test_results_that_wait_too_long_start_an_alert(house: House) -> None:
    house.put(1, facts=DISCHARGED)
    house.now += timedelta(seconds=61)
    watch = Watch(house.settings, house.database, dict, lambda: house.now)
    watch.look()
    house.send()
    house.now += timedelta(seconds=1)
    watch.look()
    with house.database.reading() as connection:
        rows = connection.execute(select(alert.c.kind, alert.c.ended)).all()
    assert [tuple(row) for row in rows] == [("delivery:his", house.now)]


def test_delivery_runs_by_itself_and_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real, away = house.delivery._due, [True]

    def due(name: str) -> Any:
        if away:
            away.pop()
            raise StoreError("STORE_UNAVAILABLE")
        return real(name)

    monkeypatch.setattr(house.delivery, "_due", due)
    monkeypatch.setattr(delivery_module, "POLL", 0.01)
    house.put(1, facts=DISCHARGED)
    house.delivery.start()
    for _ in range(1000):
        if house.rows() == [("sent", 1, "AA")]:
            break
        threading.Event().wait(0.01)
    house.delivery.stop()
    assert house.rows() == [("sent", 1, "AA")]
    assert house.post.closed


def test_a_sender_that_never_ends_does_not_hold_up_the_stop(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    async def send(_payload: bytes) -> str:
        begun.set()
        await asyncio.sleep(3600)
        return "AA"

    monkeypatch.setattr(house.post, "send", send)
    monkeypatch.setattr(delivery_module, "_GRACE", 0.01)
    house.put(1, facts=DISCHARGED)
    house.delivery.start()
    assert begun.wait(10)
    house.delivery.stop()
    assert house.rows()[0][0] == "waiting"


def test_without_destinations_there_is_no_delivery(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        delivery = Delivery(settings_of(tmp_path), database)
        delivery.start()
        delivery.stop()
        assert delivery._thread is None


def test_a_sender_may_be_given(house: House) -> None:
    house.put(1, facts=DISCHARGED)
    other = Post()
    given = Delivery(house.settings, house.database, {"his": other}, lambda: house.now)
    assert asyncio.run(given.send("his", threading.Event())) == 1
    stopped = threading.Event()
    stopped.set()
    house.put(2, facts={"age": "5"})
    assert asyncio.run(given.send("his", stopped)) == 0
    assert len(other.sent) == 1

"""The worker: each message once, in order, wholly or not at all; errors stay with their message."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from inbox_support import DISCHARGED, PlainForm, envelope_of, opened, settings_of
from sqlalchemy import event, func, select

from grouper.intake.envelope import Envelope
from grouper.service import worker as worker_module
from grouper.service.alerts import Watch
from grouper.service.worker import Worker
from grouper.store import outcomes
from grouper.store.database import Database, StoreError
from grouper.store.inbox import Inbox
from grouper.store.schema import alert, grouping, outcome, stay, stay_version

NOON = datetime(2026, 3, 20, 4, tzinfo=UTC)


class House:
    def __init__(self, folder: Path, database: Database, **settings: Any) -> None:
        self.folder, self.database = folder, database
        self.inbox, self.form = Inbox(database), PlainForm()
        self.settings = settings_of(folder, **settings)
        self.worker = self.another()

    def another(self, **more: Any) -> Worker:
        return Worker(self.settings, self.database, {"plain": self.form}, lambda: NOON, **more)

    def put(self, *envelopes: Envelope, at: datetime = NOON) -> None:
        self.inbox.put_many([(envelope, "test") for envelope in envelopes], at=at)

    def work(self) -> int:
        done = 0
        while step := self.worker.step():
            done += step
        return done

    def rows(self, query: Any) -> list[tuple[Any, ...]]:
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def one(self, query: Any) -> Any:
        with self.database.reading() as connection:
            return connection.scalar(query)

    def told(self) -> list[tuple[str, str]]:
        return [
            (state, reason)
            for state, reason in self.rows(
                select(outcome.c.state, outcome.c.reason).order_by(outcome.c.message_id)
            )
        ]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path) as database:
        yield House(tmp_path, database)


def test_a_message_becomes_a_stored_and_grouped_case(house: House) -> None:
    house.put(envelope_of(1, facts=DISCHARGED, dx=["I63.900"]))
    assert house.worker.step() == 1
    assert house.worker.step() == 0
    assert house.told() == [("applied", "")]
    ((state, version, grouping_id),) = house.rows(
        select(stay.c.state, stay.c.version, stay.c.grouping_id)
    )
    assert (state, version) == ("discharged", 1)
    ((number, scheme, status, group, binding),) = house.rows(
        select(
            grouping.c.id,
            grouping.c.scheme,
            grouping.c.status,
            grouping.c.group,
            grouping.c.binding,
        )
    )
    assert (number, scheme, status) == (grouping_id, "chs-drg-2.0", "grouped")
    assert group.startswith("BR2")
    assert binding


def test_what_says_nothing_new_makes_no_version_and_no_grouping(house: House) -> None:
    for number in range(3):
        house.put(envelope_of(number, facts=DISCHARGED))
        house.work()
    assert house.told() == [("applied", "")] * 3
    assert house.one(select(func.count()).select_from(stay_version)) == 1
    assert house.one(select(func.count()).select_from(grouping)) == 1


def test_messages_without_meaning_for_a_case_are_ignored(house: House) -> None:
    house.put(envelope_of(1, kind="nothing"))
    house.work()
    assert house.told() == [("ignored", "NO_CASE_EFFECT")]


def test_a_part_that_cannot_be_used_leaves_the_rest_applied(house: House) -> None:
    house.put(envelope_of(1, facts=DISCHARGED, rejected="VISIT_MISSING"))
    house.work()
    assert house.told() == [("quarantined", "VISIT_MISSING")]
    assert house.one(select(outcome.c.place)) == "row 2"
    assert house.one(select(stay.c.state)) == "discharged"


def test_a_form_that_is_not_installed_is_a_reason(house: House) -> None:
    house.put(Envelope(form="dicom", raw=b"?", control_id="1"))
    house.work()
    assert house.told() == [("quarantined", "FORM_MISSING")]


def test_errors_stay_with_their_message(house: House) -> None:
    house.put(
        envelope_of(1),
        envelope_of(2, visit="V2", bug=True),
        envelope_of(3, visit="V3", wrong="PATIENT_MISSING"),
        envelope_of(4, visit="V4"),
    )
    house.work()
    assert house.told() == [
        ("applied", ""),
        ("quarantined", "PROCESSING_FAILED"),
        ("quarantined", "PATIENT_MISSING"),
        ("applied", ""),
    ]


def test_a_large_message_is_read_within_its_transaction(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grouper.service.applying.EAGER", 0)
    house.put(
        envelope_of(1, facts=DISCHARGED),
        envelope_of(2, visit="V2", bug=True),
        envelope_of(3, visit="V3", wrong="VISIT_MISSING"),
        envelope_of(4, kind="nothing"),
    )
    assert house.work() == 4
    assert house.told() == [
        ("applied", ""),
        ("quarantined", "PROCESSING_FAILED"),
        ("quarantined", "VISIT_MISSING"),
        ("ignored", "NO_CASE_EFFECT"),
    ]


def test_an_error_nobody_declared_while_applying_stays_with_its_message(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = worker_module.Applier.apply

    def apply(self: Any, events: Any, message_id: int, *more: Any) -> Any:
        found = real(self, events, message_id, *more)
        if message_id == 2:
            raise RuntimeError
        return found

    monkeypatch.setattr(worker_module.Applier, "apply", apply)
    house.put(*(envelope_of(n, visit=f"V{n}") for n in (1, 2, 3)))
    house.work()
    assert house.told() == [("applied", ""), ("quarantined", "PROCESSING_FAILED"), ("applied", "")]
    visits = [row[0] for row in house.rows(select(stay.c.visit).order_by(stay.c.id))]
    assert visits == ["V1", "V3"]


def test_chunks_are_bounded_by_count_and_bytes(house: House) -> None:
    house.put(*(envelope_of(n) for n in range(7)))
    small = house.another(chunk=3)
    assert [small.step() for _ in range(4)] == [3, 3, 1, 0]
    house.put(*(envelope_of(n) for n in range(10, 14)))
    assert [house.another(chunk_bytes=1).step() for _ in range(5)] == [1, 1, 1, 1, 0]


@pytest.mark.parametrize("chunk", [1, 2, 3, 64])
def test_chunks_of_any_size_come_to_the_same(tmp_path: Path, chunk: int) -> None:
    with opened(tmp_path) as database:
        house = House(tmp_path, database)
        house.put(
            envelope_of(1, facts={"age": "40"}),
            envelope_of(2, visit="V2", patient="P2", lines={"a": "1.50", "b": "2"}),
            envelope_of(3, facts=DISCHARGED, dx=["I63.900", "I10.x00"]),
            envelope_of(4, visit="V2", patient="P2", lines={"a": "4.50"}),
            envelope_of(5, facts={"discharge_time": None}),
            envelope_of(6, facts=DISCHARGED),
            envelope_of(7, visit="V2", patient="P2", cancelled=True),
        )
        house.worker = house.another(chunk=chunk)
        assert house.work() == 7
        found = house.rows(
            select(stay.c.visit, stay.c.state, stay.c.version, stay.c.total_cost).order_by(
                stay.c.id
            )
        )
        assert [(v, s) for v, s, _, _ in found] == [("V1", "discharged"), ("V2", "cancelled")]
        assert str(found[1][3]) == "6.50"
        assert found[1][2] == 3
        # A stay that was called off has no grouping of its own.
        assert house.one(select(stay.c.grouping_id).where(stay.c.visit == "V2")) is None
        assert house.one(select(stay.c.grouping_id).where(stay.c.visit == "V1")) is not None


def test_two_workers_apply_each_message_once(house: House) -> None:
    house.put(*(envelope_of(n, visit=f"V{n}", facts=DISCHARGED) for n in range(40)))
    workers = [house.another(chunk=2) for _ in range(2)]
    workers[0].step()
    workers[1].step()
    threads = [
        threading.Thread(target=lambda w=w: [None for _ in range(40) if w.step()]) for w in workers
    ]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.work()
    assert house.told() == [("applied", "")] * 40
    assert house.one(select(func.count()).select_from(stay_version)) == 40


def test_a_chunk_that_fails_to_commit_is_done_again(house: House) -> None:
    house.put(envelope_of(1, facts=DISCHARGED))
    broken = [2]

    @event.listens_for(house.database.store, "commit")
    def _(_connection: object) -> None:
        if broken[0]:
            broken[0] -= 1
            raise StoreError("STORE_UNAVAILABLE")

    for _ in range(2):
        with pytest.raises(StoreError, match="STORE_UNAVAILABLE"):
            house.worker.step()
        assert house.told() == []
    assert house.worker.step() == 1
    assert house.told() == [("applied", "")]
    assert house.one(select(func.count()).select_from(stay_version)) == 1


@contextmanager
def running(worker: Worker) -> Iterator[threading.Event]:
    stop = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            worker.run(stop)
        except BaseException as error:  # noqa: BLE001 -- shown below
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
        assert errors == []


def wait_for(house: House, number: int) -> None:
    for _ in range(1000):
        if house.one(select(func.count()).select_from(outcome)) >= number:
            return
        threading.Event().wait(0.01)
    raise AssertionError


def test_a_running_worker_applies_what_comes_tells_its_status_and_ends(house: House) -> None:
    with running(house.worker):
        house.put(envelope_of(1, facts=DISCHARGED))
        wait_for(house, 1)
        house.put(envelope_of(2, facts={"age": "61"}))
        wait_for(house, 2)
    assert house.told() == [("applied", "")] * 2
    assert (house.folder / "status" / "worker.json").is_file()


def test_a_database_that_is_gone_for_a_minute_is_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is injected: the signal's wait returns at once and adds up the seconds."""
    waited: list[float] = []
    real = house.worker.step

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0)
            return False

    stop = Stop()

    def step() -> int:
        if sum(waited) <= 60:
            raise StoreError("STORE_UNAVAILABLE")
        done = real()
        if not done:
            stop.set()
        return done

    house.put(envelope_of(1, facts=DISCHARGED))
    monkeypatch.setattr(house.worker, "step", step)
    house.worker._loop(stop)
    assert 60 < sum(waited) < 65
    assert max(waited) <= 2
    assert house.told() == [("applied", "")]
    assert house.worker.metrics()["worker_waits"] == len(waited) - 1


def test_a_full_disk_of_the_store_loses_nothing(house: House) -> None:
    house.put(*(envelope_of(n, visit=f"V{n}", facts={"x": "y" * 4000}) for n in range(40)))
    with house.database.reading() as connection:
        pages = [connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 8]

    @event.listens_for(house.database.store, "connect")
    def _(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages[0]}").close()

    house.database.store.dispose()
    for _ in range(2):
        with pytest.raises(StoreError, match="STORE_FULL"):
            house.work()
        assert house.told() == []
    pages[0] = 10**6
    house.database.store.dispose()
    assert house.work() == 40
    assert house.told() == [("applied", "")] * 40


def test_a_store_that_knows_more_than_the_inbox_is_not_gone_on_with(house: House) -> None:
    with house.database.writing_store() as connection:
        outcomes.move(connection, 7)
    with pytest.raises(StoreError, match="INBOX_BEHIND"):
        house.worker.run(threading.Event())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        # Two patients under one number: name and birth date both differ.
        (
            {
                "visit": "V9",
                "patient": "P1",
                "person": {"name": "乙乙", "birth_date": "1990-09-09"},
            },
            "PATIENT_CONFLICT",
        ),
        ({"visit": "V1", "patient": "P2"}, "PATIENT_CONFLICT"),
        ({"kind": "merge_person", "patient": "P1", "prior_patient": "P1"}, "MERGE_TO_ITSELF"),
        ({"kind": "merge_visit", "visit": "V1", "prior_visit": "V1"}, "MERGE_TO_ITSELF"),
        ({"kind": "merge_person", "patient": "P1"}, "MERGE_INCOMPLETE"),
    ],
)
def test_bad_input_waits_in_quarantine_and_changes_nothing(
    house: House, said: dict[str, Any], reason: str
) -> None:
    house.put(envelope_of(1, person={"name": "甲甲", "birth_date": "1950-01-01"}, facts=DISCHARGED))
    house.work()
    before = house.rows(select(stay)), house.rows(select(stay_version))
    house.put(envelope_of(2, **said))
    house.work()
    assert house.told() == [("applied", ""), ("quarantined", reason)]
    assert (house.rows(select(stay)), house.rows(select(stay_version))) == before


def test_a_discharge_before_the_admission_is_kept_and_told_with_the_grouping(house: House) -> None:
    wrong = DISCHARGED | {"discharge_time": "2026-02-01 10:00:00"}
    house.put(envelope_of(1, facts=wrong, dx=["I63.900"]))
    house.work()
    assert house.told() == [("applied", "")]
    (issues,) = house.rows(select(stay_version.c.issues))[0]
    assert "DATE_ORDER" in {issue["reason"] for issue in issues}
    assert house.one(select(func.count()).select_from(grouping)) == 1


def test_a_message_that_comes_again_changes_nothing(house: House) -> None:
    for _ in range(3):
        house.put(envelope_of(1, facts=DISCHARGED))
        house.work()
    assert house.told() == [("applied", "")]


def test_order_holds_for_each_stay(house: House) -> None:
    house.put(*(envelope_of(n, visit=f"V{n % 5}", facts={"age": str(n)}) for n in range(50)))
    house.worker = house.another(chunk=7)
    house.work()
    for visit in range(5):
        stamps = house.rows(
            select(stay_version.c.message_id)
            .join(stay, stay.c.id == stay_version.c.stay_id)
            .where(stay.c.visit == f"V{visit}")
            .order_by(stay_version.c.version)
        )
        assert [stamp for (stamp,) in stamps] == [n + 1 for n in range(50) if n % 5 == visit]


def test_alerts_start_and_end_with_the_queue(house: House) -> None:
    now = [NOON]
    watch = Watch(house.settings, house.database, dict, lambda: now[0])
    house.put(envelope_of(1))
    assert watch.look()["worker_waiting"] == 1
    assert house.rows(select(alert)) == []
    now[0] = datetime(2026, 3, 20, 4, 1, 1, tzinfo=UTC)
    for _ in range(2):
        told = watch.look()
        assert (told["worker_oldest_seconds"], told["worker_alerts"]) == (61, 1)
    ((kind, started, ended, about),) = house.rows(
        select(alert.c.kind, alert.c.started, alert.c.ended, alert.c.about)
    )
    assert (kind, started, ended) == ("backlog", now[0], None)
    assert about == {"waiting": 1, "oldest_seconds": 61.0}
    house.work()
    now[0] = datetime(2026, 3, 20, 4, 2, tzinfo=UTC)
    assert watch.look()["worker_alerts"] == 0
    assert house.rows(select(alert.c.ended)) == [(now[0],)]


@pytest.mark.parametrize("messages", [5000])
def test_a_backlog_is_never_loaded_whole(
    tmp_path: Path, messages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as database:
        house = House(tmp_path, database)
        sent = [
            envelope_of(n, visit=f"V{n % 50}", facts={"age": str(n % 3)}) for n in range(messages)
        ]
        house.put(*sent)
        largest = []
        real = Inbox.after

        def after(self: Inbox, *args: Any, **more: Any) -> Any:
            found = real(self, *args, **more)
            largest.append(len(found))
            return found

        monkeypatch.setattr(Inbox, "after", after)
        assert house.work() == messages
        assert max(largest) == worker_module.CHUNK
        assert house.one(select(func.count()).select_from(outcome)) == messages

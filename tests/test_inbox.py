"""The inbox: each identity once, conflicts told, nothing half stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from inbox_support import envelope_of, opened, raw_of
from sqlalchemy import Table, event, func, select

from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.store.database import StoreError
from grouper.store.inbox import Inbox
from grouper.store.putting import fit
from grouper.store.schema import message, repeat

CONFLICT = "CONFLICTING_DUPLICATE"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as database:
        yield Inbox(database)


def put(inbox: Inbox, *envelopes: Envelope) -> list[Receipt]:
    return inbox.put_many([(envelope, "test") for envelope in envelopes])


def count(inbox: Inbox, table: Table = message) -> int:
    with inbox.database.reading_inbox() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_messages_are_stored_in_their_order_with_their_bytes(inbox: Inbox) -> None:
    sent = [envelope_of(n, visit=f"V{n}") for n in range(1200)]
    receipts = put(inbox, *sent)
    ids = [receipt.message_id for receipt in receipts]
    assert ids == sorted(ids)
    assert {receipt.verdict for receipt in receipts} == {Verdict.ACCEPTED}
    stored = inbox.after(0, count=2000, size=10**9)
    assert [one.raw for one in stored] == [envelope.raw for envelope in sent]
    assert [one.id for one in stored] == ids
    assert stored[7].visit == "V7"
    assert stored[7].channel == "test"
    assert stored[7].stamp == stored[7].id
    assert put(inbox) == []


def test_a_message_that_comes_again_is_answered_as_the_first_and_stored_once(inbox: Inbox) -> None:
    (first,) = put(inbox, envelope_of(1))
    (again,) = put(inbox, envelope_of(1))
    assert again == Receipt(message_id=first.message_id, verdict=Verdict.ACCEPTED, duplicate=True)
    assert count(inbox) == 1
    assert count(inbox, repeat) == 1


def test_repeats_within_one_batch_are_stored_once(inbox: Inbox) -> None:
    first, again, other = put(inbox, envelope_of(1), envelope_of(1), envelope_of(2))
    assert again.duplicate
    assert again.message_id == first.message_id
    assert not other.duplicate
    assert count(inbox) == 2
    assert count(inbox, repeat) == 1


def test_the_same_id_with_other_content_waits_in_quarantine(inbox: Inbox) -> None:
    changed = envelope_of(1, facts={"age": "3"})
    (first,) = put(inbox, envelope_of(1))
    (conflict,) = put(inbox, changed)
    assert (conflict.verdict, conflict.reason) == (Verdict.UNUSABLE, CONFLICT)
    assert conflict.message_id != first.message_id
    (again,) = put(inbox, changed)
    assert again.duplicate
    assert (again.message_id, again.reason) == (conflict.message_id, CONFLICT)
    (first_again,) = put(inbox, envelope_of(1))
    assert (first_again.message_id, first_again.reason) == (first.message_id, "")
    assert count(inbox) == 2


def test_conflicts_within_one_batch_are_told_too(inbox: Inbox) -> None:
    receipts = put(inbox, envelope_of(1), envelope_of(1, facts={"age": "3"}), envelope_of(1))
    assert [receipt.reason for receipt in receipts] == ["", CONFLICT, ""]
    assert [receipt.duplicate for receipt in receipts] == [False, False, True]


def test_ids_of_other_senders_and_forms_are_other_messages(inbox: Inbox) -> None:
    raw = raw_of(1)
    senders = [
        Envelope(form=form, raw=raw, sender=sender, facility=facility, control_id="1")
        for form in ("hl7v2", "nhsa")
        for sender in ("HIS", "LIS")
        for facility in ("A", "B")
    ]
    receipts = put(inbox, *senders)
    assert not any(receipt.duplicate or receipt.reason for receipt in receipts)
    assert count(inbox) == 8


def test_without_an_id_nothing_is_a_duplicate(inbox: Inbox) -> None:
    nameless = Envelope(form="table", raw=b"same")
    receipts = put(inbox, nameless, nameless)
    assert len({receipt.message_id for receipt in receipts}) == 2
    assert count(inbox, repeat) == 0


def test_verdicts_of_the_form_are_kept(inbox: Inbox) -> None:
    sick = envelope_of(5, visit="")
    (receipt,) = put(inbox, sick)
    assert (receipt.verdict, receipt.reason, receipt.place) == ("AE", "VISIT_MISSING", "visit")
    (again,) = put(inbox, sick)
    assert (again.reason, again.place, again.duplicate) == ("VISIT_MISSING", "visit", True)


def test_long_and_strange_fields_are_stored_and_stay_apart(inbox: Inbox) -> None:
    ids = ["x" * 300 + end for end in ("a", "b")] + ["nul\0", "half\ud800", "汉" * 256]
    sent = [Envelope(form="f", raw=b"r", control_id=number, kind="k" * 999) for number in ids]
    receipts = put(inbox, *sent)
    assert not any(receipt.duplicate or receipt.reason for receipt in receipts)
    assert all(receipt.duplicate for receipt in put(inbox, *sent))
    assert [len(one.control_id) for one in inbox.after(0, count=9, size=1)] == [256]
    assert len(inbox.after(0, count=9, size=99)) == 5


@given(st.text(max_size=700))
def test_fitted_texts_are_short_and_plain(value: str) -> None:
    fitted = fit(value, "sender")
    assert len(fitted) <= 256
    assert "\0" not in fitted
    fitted.encode("utf-8")
    assert fit(fitted, "sender") == fitted


def test_reading_is_bounded_by_count_and_by_bytes(inbox: Inbox) -> None:
    put(inbox, *(Envelope(form="f", raw=b"x" * size) for size in (10, 10, 1000, 10)))
    assert [one.id for one in inbox.after(0, count=2, size=10**6)] == [1, 2]
    assert [one.id for one in inbox.after(0, count=9, size=25)] == [1, 2]
    assert [one.id for one in inbox.after(2, count=9, size=25)] == [3]
    assert [one.id for one in inbox.after(3, count=9, size=25)] == [4]
    assert inbox.after(4, count=9, size=25) == []
    assert inbox.last() == 4


def test_one_message_can_be_asked_for(inbox: Inbox) -> None:
    put(inbox, envelope_of(1), envelope_of(2))
    assert inbox.one(2).control_id == "2"
    with pytest.raises(StoreError, match="MESSAGE_UNKNOWN"):
        inbox.one(3)


def test_what_waits_and_since_when(inbox: Inbox) -> None:
    assert inbox.waiting(0) == (0, None)
    early = datetime(2026, 1, 1, tzinfo=UTC)
    inbox.put_many([(envelope_of(1), "c")], at=early)
    put(inbox, envelope_of(2))
    assert inbox.waiting(0) == (2, early)
    assert inbox.waiting(1)[0] == 1
    assert inbox.waiting(2) == (0, None)


def test_a_replay_reads_its_original(inbox: Inbox) -> None:
    put(inbox, envelope_of(1), envelope_of(2, visit="V2"))
    assert inbox.replay([2, 1]) == [3, 4]
    replay = inbox.one(3)
    assert (replay.replay_of, replay.stamp, replay.raw) == (2, 2, envelope_of(2, visit="V2").raw)
    assert (replay.visit, replay.verdict, replay.channel) == ("V2", Verdict.ACCEPTED, "replay")
    assert replay.size == len(replay.raw)
    # The bytes of the original count for the chunk, those of its row are none.
    assert [one.id for one in inbox.after(2, count=9, size=replay.size)] == [3]
    assert inbox.replay([]) == []
    for wrong in (3, 99):
        with pytest.raises(StoreError, match="MESSAGE_UNKNOWN"):
            inbox.replay([1, wrong])
    assert inbox.last() == 4


def test_an_attempt_that_failed_after_its_commit_stores_nothing_twice(inbox: Inbox) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    nameless = Envelope(form="table", raw=b"same")
    sent = [(nameless, "c"), (nameless, "c"), (envelope_of(1), "c")]
    first = inbox.put_many(sent, at=at)
    # The sender's side never heard of it: another inbox object knows of no number.
    other = Inbox(inbox.database)
    assert other.put_many([*sent, (nameless, "c")], at=at, again=True)[:3] == first
    assert count(inbox) == 4
    assert count(inbox, repeat) == 0


def test_a_full_disk_stores_nothing_and_heals(inbox: Inbox) -> None:
    put(inbox, envelope_of(0))

    @event.listens_for(inbox.database.inbox, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=60").close()

    inbox.database.inbox.dispose()
    with pytest.raises(StoreError, match="STORE_FULL"):
        put(inbox, *(envelope_of(n, facts={"x": "y" * 9000}) for n in range(1, 50)))
    assert count(inbox) == 1
    (small,) = put(inbox, envelope_of(1))
    assert small.message_id == 2

    @event.listens_for(inbox.database.inbox, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=1000000").close()

    inbox.database.inbox.dispose()
    receipts = put(inbox, *(envelope_of(n, facts={"x": "y" * 9000}) for n in range(2, 50)))
    assert count(inbox) == 50
    assert not any(receipt.duplicate for receipt in receipts)


def test_a_statement_that_is_wrong_is_no_database_that_is_away(inbox: Inbox) -> None:
    with inbox.database.writing_inbox() as connection:
        connection.exec_driver_sql("ALTER TABLE message RENAME TO elsewhere")
    with pytest.raises(StoreError, match="STORE_FAILED"):
        put(inbox, envelope_of(1))
    with pytest.raises(StoreError, match="STORE_FAILED"):
        inbox.last()


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=8), max_size=6))
def test_however_batches_fall_each_content_is_stored_once(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, int]]]
) -> None:
    with opened(tmp_path_factory.mktemp("batches")) as database:
        inbox = Inbox(database)
        known: dict[tuple[int, int], int] = {}
        first_of: dict[int, int] = {}
        for batch in batches:
            sent = [envelope_of(number, facts={"age": str(n)}) for number, n in batch]
            for (number, n), receipt in zip(batch, put(inbox, *sent), strict=True):
                assert receipt.duplicate == ((number, n) in known)
                assert known.setdefault((number, n), receipt.message_id or 0) == receipt.message_id
                conflict = first_of.setdefault(number, n) != n
                assert receipt.reason == (CONFLICT if conflict else "")
        assert count(inbox) == len(known)

"""Quarantine and retention: what waits for a person is found, looked at, replayed, put aside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from inbox_support import FORM, PlainForm, envelope_of, opened, raw_of, settings_of
from sqlalchemy import select
from typer.testing import CliRunner

from grouper.cli.inbox import app
from grouper.intake.envelope import Envelope
from grouper.service.worker import Worker
from grouper.store import outcomes, retention
from grouper.store.database import Database, StoreError
from grouper.store.inbox import Inbox
from grouper.store.quarantine import Quarantine, Wanted, readable
from grouper.store.schema import audit, message
from grouper.store.states import State

EARLY = datetime(2026, 1, 5, tzinfo=UTC)
LATE = datetime(2026, 6, 5, tzinfo=UTC)


class House:
    """A database with its inbox, quarantine and worker."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.database = database
        self.inbox = Inbox(database)
        self.quarantine = Quarantine(database)
        self.form = PlainForm()
        self.worker = Worker(settings_of(folder), database, {"plain": self.form})

    def put(self, *envelopes: Envelope, at: datetime = EARLY) -> None:
        self.inbox.put_many([(envelope, "test") for envelope in envelopes], at=at)

    def work(self) -> None:
        while self.worker.step():
            pass

    def states(self) -> dict[int, str]:
        with self.database.reading() as connection:
            found = outcomes.read(connection, range(1, 100))
        return {number: one.state.value for number, one in sorted(found.items())}

    def audited(self) -> list[tuple[str, str, str]]:
        with self.database.reading() as connection:
            rows = connection.execute(select(audit.c.actor, audit.c.action, audit.c.object))
            return [tuple(row) for row in rows]

    def raw(self, number: int) -> bytes | None:
        with self.database.reading_inbox() as connection:
            return connection.scalar(select(message.c.raw).where(message.c.id == number))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path) as database:
        yield House(tmp_path, database)


def filled(house: House) -> None:
    """1 applied, 2 without its visit, 3 of an unknown type, 4 in conflict with 1, 5 with a bug."""
    house.put(
        envelope_of(1),
        envelope_of(2, visit=""),
        envelope_of(3, kind="unknown"),
        envelope_of(1, facts={"age": "3"}),
        envelope_of(5, visit="V5", patient="P5", bug=True),
    )
    house.work()


def test_each_message_has_an_outcome_with_its_reason(house: House) -> None:
    filled(house)
    found = house.quarantine.search(Wanted(states=()))
    assert [(one.state.value, one.reason, one.place) for one in found] == [
        ("applied", "", ""),
        ("quarantined", "VISIT_MISSING", "visit"),
        ("refused", "TYPE_UNSUPPORTED", "kind"),
        ("quarantined", "CONFLICTING_DUPLICATE", ""),
        ("quarantined", "PROCESSING_FAILED", ""),
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), [2, 3, 4, 5]),
        (Wanted(reason="VISIT_MISSING"), [2]),
        (Wanted(states=(State.REFUSED,)), [3]),
        (Wanted(visit="V1"), [3, 4]),
        (Wanted(patient="P5"), [5]),
        (Wanted(sender="HIS", form="plain"), [2, 3, 4, 5]),
        (Wanted(sender="LIS"), []),
        (Wanted(control_id="1"), [4]),
        (Wanted(kind="unknown"), [3]),
        (Wanted(since=EARLY, until=LATE), [2, 3, 4, 5]),
        (Wanted(since=LATE), []),
        (Wanted(until=EARLY), []),
    ],
)
def test_quarantine_is_searched(house: House, wanted: Wanted, expected: list[int]) -> None:
    filled(house)
    assert [one.message_id for one in house.quarantine.search(wanted)] == expected
    assert house.quarantine.count(wanted) == len(expected)


def test_pages_follow_each_other(house: House) -> None:
    filled(house)
    first = house.quarantine.search(Wanted(), limit=3)
    rest = house.quarantine.search(Wanted(), limit=3, after=first[-1].message_id)
    assert [one.message_id for one in (*first, *rest)] == [2, 3, 4, 5]


def test_a_look_at_a_message_is_logged(house: House) -> None:
    filled(house)
    house.put(envelope_of(2, visit=""))
    shown = house.quarantine.show(2, "lin")
    assert shown.text == raw_of(2, visit="").decode()
    assert shown.outcome is not None
    assert shown.outcome.reason == "VISIT_MISSING"
    assert [channel for _, channel in shown.repeats] == ["test"]
    assert shown.replays == ()
    assert house.audited() == [("lin", "message_shown", "message:2")]
    with pytest.raises(StoreError, match="MESSAGE_UNKNOWN"):
        house.quarantine.show(77, "lin")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("张三|男\rPID".encode("gb18030"), "张三|男\nPID"),
        ("张三\r\nPID".encode(), "张三\nPID"),
        (b"\x0bMSH\x1c\x1b[2J\x7f", "␋MSH␜␛[2J\\u007f"),
        (b"\xff\xff", "��"),
    ],
)
def test_raw_bytes_are_shown_as_harmless_text(raw: bytes, text: str) -> None:
    assert readable(raw) == text


def test_a_replay_after_the_mapping_was_mended_applies_the_original(house: House) -> None:
    filled(house)
    house.form.mended = True
    assert house.quarantine.replay([2], "lin") == [6]
    # Asked for twice before the worker came to it: once is enough.
    assert house.quarantine.replay([2], "lin") == []
    house.work()
    assert house.states()[2] == "replayed"
    assert house.states()[6] == "applied"
    assert house.audited() == [("lin", "message_replayed", "message:2")]
    with house.database.reading() as connection:
        original = outcomes.read(connection, [2])[2]
    assert original.attempts == 2
    assert len(original.stays) == 1
    assert house.quarantine.show(2, "lin").replays == (6,)


def test_a_replay_that_fails_again_leaves_the_original_waiting(house: House) -> None:
    filled(house)
    house.quarantine.replay([5, 2], "lin")
    house.work()
    assert [house.states()[n] for n in (5, 2, 6, 7)] == [
        "quarantined",
        "quarantined",
        "failed_again",
        "failed_again",
    ]
    (waits,) = house.quarantine.search(Wanted(reason="PROCESSING_FAILED"))
    assert (waits.message_id, waits.attempts) == (5, 2)


def test_a_conflicting_duplicate_is_applied_at_its_own_place(house: House) -> None:
    """What came later than it still counts, whenever the replay is."""
    house.put(
        envelope_of(1, facts={"age": "1"}),
        envelope_of(1, facts={"age": "2", "sex": "2"}),
        envelope_of(3, facts={"age": "3"}),
    )
    house.work()
    assert house.states() == {1: "applied", 2: "quarantined", 3: "applied"}
    house.quarantine.replay(Wanted(reason="CONFLICTING_DUPLICATE"), "lin")
    house.work()
    assert house.states() == {1: "applied", 2: "replayed", 3: "applied", 4: "applied"}
    with house.database.reading() as connection:
        record = connection.exec_driver_sql(
            "SELECT record FROM stay_version ORDER BY version DESC LIMIT 1"
        ).scalar_one()
    facts = json.loads(record)["facts"]
    assert facts == {"age": ["3", 3], "sex": ["2", 2]}


def test_a_replay_of_what_was_settled_meanwhile_changes_nothing(house: House) -> None:
    filled(house)
    house.form.mended = True
    house.inbox.replay([2, 2])
    house.quarantine.dismiss([4], "lin", "the first counts")
    house.inbox.replay([4])
    house.work()
    found = house.quarantine.search(Wanted(states=(State.IGNORED,)))
    assert [(one.message_id, one.reason) for one in found] == [(8, "ALREADY_SETTLED")]
    assert house.states()[2] == "replayed"
    assert house.states()[4] == "dismissed"


def test_messages_are_put_aside_with_a_note(house: House) -> None:
    filled(house)
    with pytest.raises(StoreError, match="NOTE_NEEDED"):
        house.quarantine.dismiss([2], "lin", " ")
    assert house.quarantine.dismiss(Wanted(reason="VISIT_MISSING"), "lin", "a test") == 1
    (one,) = house.quarantine.search(Wanted(states=(State.DISMISSED,)))
    assert (one.message_id, one.settled_by, one.settled_note) == (2, "lin", "a test")
    assert house.audited() == [("lin", "message_dismissed", "message:2")]


def test_what_does_not_wait_is_neither_replayed_nor_dismissed(house: House) -> None:
    filled(house)
    with pytest.raises(StoreError, match="MESSAGE_SETTLED"):
        house.quarantine.replay([2, 1], "lin")
    with pytest.raises(StoreError, match="MESSAGE_UNKNOWN"):
        house.quarantine.dismiss([99], "lin", "why")
    assert house.audited() == []
    assert house.inbox.last() == 5


def test_retention_keeps_what_waits_what_is_new_and_what_a_replay_reads(house: House) -> None:
    filled(house)
    house.put(envelope_of(6), at=LATE)
    house.work()
    house.put(envelope_of(7), at=LATE)
    assert retention.prune(house.database, EARLY) == retention.Pruned()
    done = retention.prune(house.database, LATE, batch=2)
    assert done == retention.Pruned(1, len(raw_of(1)))
    kept = {n for n in range(1, 8) if house.raw(n) is not None}
    # 1 was applied; 2, 4, 5 wait; 3 was refused; 6 is new; 7 is not processed.
    assert kept == {2, 3, 4, 5, 6, 7}
    house.form.mended = True
    house.quarantine.replay([2], "lin")
    house.quarantine.dismiss([4], "lin", "why")
    assert retention.prune(house.database, LATE).messages == 1
    assert house.raw(4) is None
    assert house.raw(2) is not None
    house.work()
    assert house.states()[2] == "replayed"
    later = LATE + timedelta(days=1)
    assert retention.prune(house.database, later).messages == 3
    assert [n for n in range(1, 9) if house.raw(n) is not None] == [3, 5]
    assert retention.prune(house.database, later) == retention.Pruned()


def test_a_settled_message_keeps_its_bytes_while_a_replay_of_it_waits(house: House) -> None:
    filled(house)
    house.inbox.replay([1])
    assert retention.prune(house.database, LATE).messages == 0
    assert house.raw(1) is not None


def test_a_message_without_its_bytes_is_still_known(house: House) -> None:
    filled(house)
    retention.prune(house.database, LATE)
    retention.shrink(house.database)
    (again,) = house.inbox.put_many([(envelope_of(1), "test")])
    assert again.duplicate
    assert house.quarantine.show(1, "lin").text is None
    house.inbox.replay([1])
    house.worker = Worker(house.worker._settings, house.database, {"plain": FORM})
    house.work()
    assert house.states()[6] == "ignored"


def test_bytes_that_are_gone_are_a_reason(house: House) -> None:
    filled(house)
    with house.database.writing_inbox() as connection:
        connection.exec_driver_sql("UPDATE message SET raw = NULL WHERE id = 2")
    house.quarantine.replay([2], "lin")
    house.work()
    (one,) = house.quarantine.search(Wanted(reason="RAW_GONE"))
    assert one.message_id == 2


def test_the_worker_prunes_as_the_settings_say(house: House) -> None:
    filled(house)
    house.worker._clock = lambda: EARLY + timedelta(days=90)
    assert house.worker.prune().messages == 0
    house.worker._clock = lambda: EARLY + timedelta(days=90, seconds=1)
    assert house.worker.prune().messages == 1
    assert house.worker.metrics()["worker_pruned"] == 1


class TestCommand:
    """``grouper inbox``."""

    @pytest.fixture
    def run(self, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: ANN201 -- a function
        monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
        monkeypatch.setenv("COLUMNS", "200")
        filled(house)
        runner = CliRunner()

        def run(*arguments: str, status: int = 0) -> str:
            result = runner.invoke(app, arguments)
            assert result.exit_code == status, result.output
            return result.output

        return run

    def test_list(self, run) -> None:  # noqa: ANN001 -- see the fixture
        lines = run("list").splitlines()
        assert len(lines) == 5
        assert "报文没有就诊号" in lines[1]
        assert "PV1-19" in lines[1]
        assert run("list", "--reason", "NOTHING").strip() == "没有符合条件的报文。"
        assert "--after 3" in run("list", "--limit", "2")
        found = json.loads(run("list", "--json", "--state", "applied", "--since", "2026-01-01"))
        assert [one["message_id"] for one in found] == [1]
        assert not {"patient", "visit"} & found[0].keys()

    def test_show(self, run, house: House) -> None:  # noqa: ANN001
        house.put(envelope_of(2, visit=""), envelope_of(9))
        shown = run("show", "2")
        for part in ("隔离", "报文没有就诊号", "位置：visit", '"patient": "P1"', "重复收到"):
            assert part in shown
        assert "尚未处理" in run("show", "6")
        assert "涉及的病例：1" in run("show", "1")
        assert house.audited()[0][1:] == ("message_shown", "message:2")

    def test_replay(self, run, house: House) -> None:  # noqa: ANN001
        house.form.mended = True
        assert "1 条" in run("replay", "2")
        assert "1 条" in run("replay", "--reason", "CONFLICTING_DUPLICATE")
        house.work()
        assert "重放记录：6" in run("show", "2")
        run("replay", status=2)
        run("replay", "2", "--all", status=2)
        assert "2 条" in run("replay", "--all")

    def test_dismiss(self, run, house: House) -> None:  # noqa: ANN001
        assert "1 条" in run("dismiss", "2", "--note", "测试")
        assert house.states()[2] == "dismissed"
        assert "处理：测试" in run("show", "2")
        run("dismiss", "3", status=2)

    def test_prune(self, run, house: House) -> None:  # noqa: ANN001
        assert "1 条" in run("prune", "--days", "1", "--shrink")
        assert "保留期限" in run("show", "1")
        assert "0 条" in run("prune")
        assert ("messages_pruned", "inbox") in {row[1:] for row in house.audited()}

    def test_status(self, run, house: House) -> None:  # noqa: ANN001
        house.put(envelope_of(9))
        told = json.loads(run("status", "--json"))
        assert (told["waiting"], told["position"]) == (1, 5)
        assert told["states"] == {"applied": 1, "quarantined": 3, "refused": 1}
        words = run("status")
        assert "待处理：1 条" in words
        assert "最早一条收到于 2026-01-05 08:00:00" in words

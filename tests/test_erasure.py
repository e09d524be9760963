"""One person erased: no trace is left anywhere, and what is of others is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from erasure_support import (
    OLD_PATIENT,
    OTHER,
    OTHER_VISIT,
    PATIENT,
    SECRETS,
    UNREADABLE,
    VISITS,
    Hospital,
    first,
    hospital,
    messages,
    pid,
    traces,
)
from hl7_messages import dg1, message, pv1
from sqlalchemy import update

from codebooks.errors import GrouperError
from grouper.intake.event import Event
from grouper.service import erasing, erasing_files, erasing_list, status
from grouper.service.erasing import Eraser
from grouper.service.settled_deductions import closed_in
from grouper.store import audit, erasing_inbox
from grouper.store import erasing as rows_of
from grouper.store.checking import check
from grouper.store.database import connect
from grouper.store.erasing_compact import compact
from grouper.store.review_schema import (
    finding,
    finding_batch,
    finding_batch_row,
    finding_event,
    order_check,
    whitelist,
)
from grouper.store.schema import charge_line, now, outcome, person, stay, stay_version
from grouper.store.schema import message as inbox

__all__ = ["first"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def made(request: pytest.FixtureRequest, tmp_path: Path, first: Path) -> Iterator[Hospital]:
    with hospital(request.param, tmp_path / "h", first) as found:
        yield found


@pytest.fixture
def lite(tmp_path: Path, first: Path) -> Iterator[Hospital]:
    """What is no matter of the kind of database is asked on SQLite alone."""
    with hospital("sqlite", tmp_path / "h", first) as found:
        yield found


def code(error: pytest.ExceptionInfo[GrouperError]) -> str:
    return error.value.code


def others(made: Hospital) -> dict[str, list[dict[str, Any]]]:
    """The rows of the other person."""
    (own,) = (row for row in made.rows(stay) if row["visit"] == OTHER_VISIT)
    found = {
        table.name: [row for row in made.rows(table) if row["stay_id"] == own["id"]]
        for table in (stay_version, charge_line, finding)
    }
    assert all(found.values())
    events = [one for one in made.rows(finding_event) if "一例" in (one["note"] or "")]
    assert len(events) == 1
    return found | {
        "stay": [own],
        "person": [row for row in made.rows(person) if row["patient"] == OTHER],
        "message": [row for row in made.rows(inbox) if row["control_id"].startswith("B")],
        "outcome": [row for row in made.rows(outcome) if row["control_id"].startswith("B")],
        "row": [row for row in made.rows(finding_batch_row) if OTHER_VISIT in row["cells"]],
    }


def test_no_trace_is_left_and_others_are_as_they_were(made: Hospital) -> None:
    assert set(traces(made.held())) == set(SECRETS)
    before, answers = others(made), made.answers()
    plan = made.erase()
    assert traces(made.held()) == {}
    assert others(made) == before
    assert made.answers() == answers
    assert plan.months == {"2026-03": 1}
    counts = {"persons": 2, "stays": 2, "messages": 7, "jobs": 1, "errands": 1}
    counts |= {"kept": 2, "anew": 2, "taken": 1, "exceptions": 1, "order_checks": 2, "list_rows": 2}
    assert {name: plan.counts[name] for name in counts} == counts
    with made.database.reading() as connection:
        assert audit.verify(connection, []).faults == ()
        (entry,) = audit.entries(connection, action=erasing.ACTION)
    assert (entry.object, entry.about["why"], entry.actor) == ("erasure:1", "request", "tester")
    assert check(made.database).whole
    # Numbers in what was written elsewhere are starred, the rest of it stands.
    assert [one["note"] for one in made.rows(finding_event) if one["note"]] == ["见 *** 一例"]
    assert [one["reason"] for one in made.rows(whitelist)] == ["*** 已核"]
    assert [one["name"] for one in made.rows(finding_batch)] == ["清单 ***.xlsx"]
    assert made.rows(order_check) == []
    # Nothing waits any more but the other person's message; all keep their places.
    states = {row["message_id"]: row["state"] for row in made.rows(outcome)}
    assert [number for number, state in states.items() if state == "quarantined"] == [10]
    assert len(made.rows(inbox)) == len(messages()) == len(states)


def test_sums_of_what_was_settled_stay(lite: Hospital) -> None:
    kept = lite.settings.folder / "settled" / "2026-03-x" / "cases.parquet"
    before, deducted = pq.read_table(kept), closed_in(lite.database, "2026-04")
    lite.erase()
    after = pq.read_table(kept)
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after["fund"].equals(before["fund"])
    mine, other = after["case_id"].to_pylist()
    assert mine.startswith(erasing_files.ERASED)
    assert other == lite.cases[OTHER_VISIT]
    # The document calls the case as the table does.
    assert f'"{mine}"' in kept.with_name("zh.json").read_text("utf-8")
    (one,) = closed_in(lite.database, "2026-04")
    assert (one.deduction, one.case_id, one.rule) == (Decimal(30), None, deducted[0].rule)
    assert deducted[0].case_id == lite.cases[VISITS[0]]
    (row,) = (row for row in lite.rows(finding_batch_row) if row["key"])
    assert row["cells"] == ["", ""]
    (held,) = (row for row in lite.rows(finding) if row["source"] == "insurer")
    assert (held["key"], held["document"]["finding"]) == (row["key"], row["key"])
    assert held["document"]["case_id"] is None
    assert (lite.settings.folder / "jobs" / "j2").is_dir()
    assert (lite.settings.folder / "errands" / "e2").is_dir()


@pytest.mark.parametrize("by", ["old number", "visit", "case"])
def test_a_person_is_found_by_any_of_its_numbers(lite: Hospital, by: str) -> None:
    asked = {
        "old number": ("patient", OLD_PATIENT),
        "visit": ("visit", VISITS[1]),
        "case": ("case", lite.cases[VISITS[1]]),
    }
    whole = lite.eraser.plan("patient", PATIENT, limit=False)
    assert lite.eraser.plan(*asked[by], limit=False) == whole
    assert len(whole.subject.persons) == len(whole.subject.stays) == 2


def test_a_person_that_is_not_here(lite: Hospital) -> None:
    for by, value, where in (
        ("patient", "PT0", None),
        ("visit", "a\0b", None),
        ("patient", PATIENT, "H0002"),
    ):
        with pytest.raises(GrouperError) as error:
            lite.eraser.plan(by, value, limit=False, hospital=where)
        assert code(error) == "ERASE_UNKNOWN"


def test_billing_may_stay(made: Hospital) -> None:
    case = made.cases[VISITS[0]]
    before = {table.name: made.rows(table) for table in (charge_line, finding)}
    heads = made.rows(stay)
    made.erase(limit=True)
    left = traces(made.held())
    assert set(left) <= {PATIENT, OLD_PATIENT, *VISITS}
    assert {
        name: made.rows(table) for table in (charge_line, finding) for name in [table.name]
    } == before
    assert made.rows(stay) == heads
    with made.database.reading() as connection:
        assert audit.verify(connection, []).faults == ()
    assert [row["details"] for row in made.rows(person) if row["patient"] == PATIENT] == [{}]
    (record,) = (
        r["record"] for r in made.rows(stay_version) if r["stay_id"] == 1 and r["version"] == 1
    )
    assert record["extra"] == {}
    assert record["facts"]["birth_date"]
    notes = [row["note"] for row in made.rows(finding_event) if row["note"]]
    assert notes == [f"见 {VISITS[0]} 一例"]
    kept = made.settings.folder / "settled" / "2026-03-x" / "cases.parquet"
    assert pc.any(pc.equal(pq.read_table(kept)["case_id"], case)).as_py()


def test_what_was_erased_does_not_come_back_by_a_repeat_but_comes_anew(lite: Hospital) -> None:
    (old,) = (row["pseudonym"] for row in lite.rows(person) if row["patient"] == PATIENT)
    lite.erase()
    count = len(lite.rows(inbox))
    lite.send(*messages()[:2])
    assert len(lite.rows(inbox)) == count
    assert traces(lite.held()) == {}
    assert lite.eraser.returned() == []
    back = pv1(visit="ZY900009", admitted="20260601083000+0800")
    lite.send(message("ADT^A01", pid(), back, dg1(1, "I10.x00x002", f6="F"), control_id="A9"))
    (fresh,) = (row for row in lite.rows(person) if row["patient"] == PATIENT)
    assert fresh["pseudonym"] != old
    (case,) = (row["case_id"] for row in lite.rows(stay) if row["visit"] == "ZY900009")
    (told,) = lite.eraser.returned()
    assert (told.erasure, told.cases) == (1, (case,))
    lite.erase()
    assert [one.number for one in lite.eraser.erasures.entries()] == [1, 2]
    assert traces(lite.held()) == {}


_STEPS = [
    (erasing_files, "erase"),
    (erasing_inbox, "blank"),
    (erasing_inbox, "settle"),
    (rows_of, "erase"),
    (audit, "append"),
    (erasing, "compact"),
]


def test_it_may_be_broken_off_anywhere(lite: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    for place, name in _STEPS:
        with monkeypatch.context() as patched:
            patched.setattr(place, name, broken)
            with pytest.raises(RuntimeError):
                lite.erase()
        assert [one.done for one in lite.eraser.erasures.entries()] == [False]
    # The store has let go of the person, its files have not.
    with pytest.raises(GrouperError) as error:
        lite.erase()
    assert code(error) == "ERASE_UNKNOWN"
    assert lite.eraser.finish_for("patient", "PT0", "tester") is False
    assert lite.eraser.finish_for("patient", OLD_PATIENT, "tester") is True
    assert [one.done for one in lite.eraser.erasures.entries()] == [True]
    assert traces(lite.held()) == {}
    assert check(lite.database).whole
    assert lite.eraser.finish("tester") == 0


def test_what_was_broken_off_is_finished_without_a_number(
    lite: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(erasing_inbox, "settle", broken)
        with pytest.raises(RuntimeError):
            lite.erase()
    assert lite.eraser.finish("tester") == 1
    assert traces(lite.held()) == {}


class Shared:
    """A form of which each message speaks of two persons."""

    def events(self, raw: bytes) -> list[Event]:
        if b"ADT^A01" not in raw:
            raise ValueError
        return [Event(patient=PATIENT, visit=VISITS[0]), Event(patient=OTHER, visit=OTHER_VISIT)]


class Unreadable:
    """A form that reads nothing."""

    def events(self, raw: bytes) -> list[Event]:
        raise ValueError(len(raw))


def wait(made: Hospital) -> None:
    """Let the messages of the person that cannot be read wait again."""
    with made.database.writing_store() as connection:
        of = outcome.c.message_id.in_(UNREADABLE)
        connection.execute(update(outcome).where(of).values(state="quarantined"))


def test_a_message_that_waits_and_speaks_of_others_too(lite: Hospital) -> None:
    wait(lite)
    plan = lite.eraser.plan("patient", PATIENT, limit=False)
    forms: Any = {"hl7v2": Shared()}
    eraser = Eraser(lite.settings, lite.database, forms)
    with pytest.raises(GrouperError) as error:
        eraser.erase(plan, limit=False, why="request", actor="tester")
    assert code(error) == "ERASE_SHARED"
    assert eraser.erasures.entries() == []
    # What cannot be read, or whose form is not there any more, may speak of others as well.
    for known in ({}, {"hl7v2": Unreadable()}):
        other = Eraser(lite.settings, lite.database, cast("Any", known))
        with pytest.raises(GrouperError) as error:
            other.erase(plan, limit=False, why="order", actor="tester")
        assert code(error) == "ERASE_SHARED"
    assert eraser.erasures.entries() == []


def _broken(*_: object, **__: object) -> None:
    raise RuntimeError


@pytest.mark.parametrize(
    ("place", "name"), [(erasing, "compact"), (erasing_list.ErasureList, "take")]
)
def test_who_came_back_stays_when_the_erasure_is_finished(
    lite: Hospital, monkeypatch: pytest.MonkeyPatch, place: object, name: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(place, name, _broken)
        with pytest.raises(RuntimeError):
            lite.erase()
    assert [one.taken for one in lite.eraser.unfinished()] == [True]
    lite.send(messages()[0].replace(b"|A1|", b"|A11|"))
    assert lite.eraser.finish("tester") == 1
    assert PATIENT in {row["patient"] for row in lite.rows(person)}
    assert lite.eraser.unfinished() == []


def test_a_backup_made_while_a_person_was_erased(lite: Hospital) -> None:
    """It holds the person; one that was made before or after an erasure that was done again does not."""
    kept = lite.eraser.erasures
    begun = now()
    entry = kept.begin({"m"}, begun, "request", limit=False)
    between = now()
    kept.take(entry.number)
    after = now()
    kept.finish(entry.number)
    (entry,) = kept.entries()
    assert [entry.due(at) for at in (begun, between, after)] == [True, True, False]
    kept.reopen(entry.number)
    again = now()
    assert [one.due(now()) for one in kept.entries()] == [True]
    kept.finish(entry.number)
    (entry,) = kept.entries()
    assert [entry.due(at) for at in (between, after, again, now())] == [True, False, True, False]


def test_one_that_cannot_be_done_again_stops_no_other(
    lite: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = now()
    kept = lite.eraser.erasures
    mark = kept.marker()
    for number in (OTHER, PATIENT):
        marks = {mark("patient", lite.settings.hospital, number)}
        kept.finish(kept.begin(marks, now(), "request", limit=False).number)
    alone = Eraser._alone

    def shared(self: Eraser, plan: erasing.Plan) -> None:
        if OTHER in plan.subject.needles.numbers:
            raise GrouperError("ERASE_SHARED", message=1)
        alone(self, plan)

    status.write(lite.settings.folder, "worker", {})
    with pytest.raises(GrouperError) as error:
        lite.eraser.reapply(start, "tester")
    assert code(error) == "ERASE_RUNNING"
    assert [one.number for one in lite.eraser.unfinished()] == [1, 2]
    monkeypatch.setattr(Eraser, "ready", lambda _: None)
    with monkeypatch.context() as patched:
        patched.setattr(Eraser, "_alone", shared)
        with pytest.raises(GrouperError) as error:
            lite.eraser.reapply(start, "tester")
    assert code(error) == "ERASE_SHARED"
    assert [one.number for one in lite.eraser.unfinished()] == [1]
    assert [row["patient"] for row in lite.rows(person)] == [OTHER]


def test_the_service_must_not_run(lite: Hospital) -> None:
    status.write(lite.settings.folder, "worker", {})
    with pytest.raises(GrouperError) as error:
        lite.eraser.ready()
    assert code(error) == "ERASE_RUNNING"
    assert erasing.reapply(lite.database, lite.settings, now()) == 0


def test_files_that_are_read_by_another(lite: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grouper.store.database.BUSY_MS", 20)
    impatient = connect(lite.url)
    with lite.database.reading_inbox() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM message").one()
        with pytest.raises(GrouperError) as error:
            compact(impatient)
    assert code(error) == "STORE_BUSY"
    compact(impatient)
    impatient.close()


def test_a_list_of_an_earlier_version_tells_only_the_beginning(lite: Hospital) -> None:
    kept = lite.eraser.erasures
    entry = kept.begin({"m"}, now(), "request", limit=False)
    path = kept.folder / "list.jsonl"
    path.write_text(path.read_text("utf-8") + '{"number": 1, "done": true}\n', "utf-8")
    (read,) = kept.entries()
    assert (read.done, read.due(entry.at), read.due(now())) == (True, True, False)

"""Screenings of the store: standings, exceptions, what fails, and who is first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from screening_stays_support import database, hospital, stand
from screening_support import (
    NIGHT,
    REPEATED,
    charge,
    ended,
    found,
    gone,
    held,
    screened,
    visited,
)
from screening_support import both as both  # noqa: PLC0414 -- a fixture
from screening_support import few_rules as few_rules  # noqa: PLC0414 -- a fixture
from sqlalchemy import update
from store_support import Feed

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from grouper.intake.event import Event
from grouper.service import screening, screening_page, screening_runs
from grouper.service.screening_choice import screening_data
from grouper.service.screening_gaps import OFF
from grouper.store import screenings, whitelists
from grouper.store.database import Database
from grouper.store.review_schema import screened_stay
from grouper.store.schema import stay_version
from grouper.store.whitelists import WhitelistRow

__all__ = ["database"]


def test_the_standing_of_a_rule_decides(both: Database) -> None:
    feed = Feed(both)
    feed(ended(lines=(charge("a"), charge("b"))))
    stand(both, REPEATED, "off")
    row = screened(both, "discharged")
    assert found(feed) == []
    off = {"rule": REPEATED, "reason": OFF, "template": None, "missing": []}
    assert off in row.not_run["rules"]
    stand(both, REPEATED, "shadow")
    row = screened(both, "discharged", night=1)
    (one,) = found(feed)
    assert (one.shadow, one.state, row.counts["shadow"], row.findings) == (True, "shadow", 1, 1)
    # It becomes live: the next night brings its findings into the review.
    stand(both, REPEATED, "live")
    screened(both, "discharged", night=2)
    (one,) = found(feed)
    assert (one.shadow, one.state) == (False, "new")
    # What was found before a rule was switched off stays as it is.
    stand(both, REPEATED, "off")
    assert screened(both, "discharged", night=3).gone == 0


def test_an_exception_holds_on_the_day_of_the_finding(both: Database) -> None:
    feed = Feed(both)
    feed(ended(lines=(charge("a"), charge("b"))))
    feed(
        ended(
            "V2",
            "P2",
            lines=tuple(charge(key, line_time="2026-03-06 09:00") for key in ("a", "b")),
        )
    )
    row = WhitelistRow(
        rule=REPEATED,
        row=None,
        scope={"dx": "I10"},
        reason="试",
        valid_from=date(2026, 3, 1),
        valid_to=date(2026, 3, 5),
        created=NIGHT,
        created_by="a",
    )
    with both.writing_store() as connection:
        number = whitelists.add(connection, row)
    screened(both, "discharged")
    assert [one.state for one in (*found(feed), *found(feed, "V2"))] == ["new", "new"]
    with both.writing_store() as connection:
        whitelists.approve(connection, number, "b", NIGHT)
    # An exception that was approved brings the stays up again.
    again = screened(both, "discharged", night=1)
    assert (again.cases, again.counts["exempt"]) == (2, 1)
    (one,), (other,) = found(feed), found(feed, "V2")
    assert (one.state, one.whitelist_id) == ("exempt", number)
    assert (other.state, other.whitelist_id) == ("new", None)


def test_rows_in_shadow_are_asked_apart(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = audit_book()
    table = book.tables["age"]
    row = next(
        one for one in table.to_pylist() if one["source"].startswith("drug_limits_suspect.csv")
    )
    rule = row["rule"]
    # Beside it a row of a public list that the same line breaks: it is the one that is told.
    rows = [row, {**row, "row": "public", "source": "list"}]
    tables = {name: one[:0] for name, one in book.tables.items()}
    tables["age"] = pa.Table.from_pylist(rows, table.schema)
    tables["behaviour"] = book.tables["behaviour"]
    kept = {name: book.rules[name] for name in (rule, "LOC-REPDX")}
    small = replace(book, rules=kept, tables=tables)
    monkeypatch.setattr(screening, "audit_book", lambda _: small)
    feed = Feed(database)
    feed(ended(lines=(charge("a", line_item=f"{row['item']}001"),)))

    def told() -> dict[str | None, tuple[bool, str]]:
        return {one.row: (one.shadow, one.state) for one in found(feed, rules=[rule])}

    first = screened(database, "discharged")
    assert told() == {"public": (False, "new")}
    assert {one["reason"] for one in first.not_run["rules"]} >= {"SHADOW", "TRIAL"}
    run = screened(database, "discharged", night=1, shadow=True)
    assert told() == {"public": (False, "new"), row["row"]: (True, "shadow")}
    assert (run.findings, run.fresh, run.counts["shadow"]) == (2, 1, 1)
    assert not {one["reason"] for one in run.not_run["rules"]} & {"SHADOW", "TRIAL"}
    # They are no longer asked for.
    assert screened(database, "discharged", night=2).gone == 1
    assert told() == {"public": (False, "new"), row["row"]: (True, "gone")}


def test_a_rule_on_trial_is_asked_apart_until_it_is_promoted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, trial = audit_book(), "LOC-REPDX"
    tables = {name: one[:0] for name, one in book.tables.items()}
    tables["behaviour"] = book.tables["behaviour"]
    small = replace(book, rules={trial: book.rules[trial]}, tables=tables)
    monkeypatch.setattr(screening, "audit_book", lambda _: small)
    feed = Feed(database)
    for number, day in enumerate(("2026-03-04", "2026-03-05"), 1):
        test = charge("a", line_class="03", line_time=f"{day} 09:30")
        feed(visited(f"V{number}", day, lines=(test,)))
    screened(database, "discharged")
    assert found(feed, "V2", [trial]) == []
    screened(database, "discharged", night=1, shadow=True)
    (one,) = found(feed, "V2", [trial])
    assert (one.shadow, one.state) == (True, "shadow")
    # Once it is promoted it is asked in any case, and its findings are shown.
    stand(database, trial, "live")
    row = screened(database, "discharged", night=2)
    (one,) = found(feed, "V2", [trial])
    assert (one.shadow, one.state, row.gone) == (False, "new", 0)


def test_a_case_that_fails_stops_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed = Feed(database)
    hospital(feed)
    bad = feed.head("V4").case_id
    real = screening_page.screen

    def broken(sources: Any, *arguments: Any, **named: Any) -> Any:
        if bad in sources.cases["case_id"].to_pylist():
            raise ValueError("secret of a case")
        return real(sources, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(screening_page, "screen", broken)
        row = screened(database, "discharged")
    assert (row.state, row.cases, row.counts["failed"]) == ("done", 17, 1)
    assert found(feed)
    with database.reading() as connection:
        (failed,) = screenings.failures(connection, row.id or 0)
    assert (failed.case_id, failed.reason) == (bad, "SCREENING_FAILED")
    assert "secret" not in capsys.readouterr().out
    # It is tried again another day, not the same night.
    assert screened(database, "discharged").cases == 0
    assert screened(database, "discharged", night=1).cases == 1
    with database.reading() as connection:
        assert screenings.failures(connection, row.id or 0) == []


def test_a_case_that_cannot_be_read_stops_no_other(database: Database) -> None:
    feed = Feed(database)
    feed(ended(lines=(charge("a"), charge("b"))))
    feed(ended("V2", "P2", lines=(charge("a"), charge("b"))))
    feed(ended("V3", "P2"))
    # Two columns that say the sex, and not the same: that is no case.
    feed(ended("V4", "P4", sex="1", 性别="2"))
    broken = feed.head("V3").id
    with database.writing_store() as connection:
        change = update(stay_version).where(stay_version.c.stay_id == broken)
        connection.execute(change.values(record={"facts": 1}))
    row = screened(database, "discharged")
    assert (row.counts["failed"], row.cases) == (2, 2)
    assert found(feed, "V1")
    assert found(feed, "V2")
    with database.reading() as connection:
        told = {one.case_id: one.reason for one in screenings.failures(connection, row.id or 0)}
    assert told == {
        feed.head("V3").case_id: "SCREENING_FAILED",
        feed.head("V4").case_id: "COLUMN_CONFLICT",
    }
    # Read beside another one it is left out, and told.
    feed(held("V5", "P2", admission_time="2026-03-09 08:00"))
    row = screened(database)
    assert (row.cases, row.counts["beside_unread"]) == (1, 1)


def test_where_everyone_fails_the_run_does(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(database)
    hospital(feed)

    def broken(*_arguments: Any, **_named: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(screening_page, "screen", broken)
    with pytest.raises(MemoryError):
        screened(database, "discharged")
    with database.reading() as connection:
        (row,) = screenings.listed(connection)
    assert (row.state, row.reason, row.cases) == ("failed", "SCREENING_FAILED", 0)
    # The stay that stands alone had a page of its own.
    assert [one["stay_id"] for one in feed.rows(screened_stay)] == [feed.head("V5").id]


def test_one_run_of_a_scope_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed(database)
    feed(held())

    def inside(_count: int) -> None:
        with pytest.raises(GrouperError, match="SCREENING_UNDER_WAY"):
            screened(database)
        # Another scope may be screened meanwhile.
        assert screened(database, "discharged").state == "done"

    row = screened(database, progress=inside)
    assert row.state == "done"
    # One whose process fell has kept nothing for long, and is taken up.
    with database.writing_store() as connection:
        screenings.change(connection, replace(row, state="running"))
    with pytest.raises(GrouperError, match="SCREENING_UNDER_WAY"):
        screened(database)
    monkeypatch.setattr(
        screening_runs, "screening_data", lambda: screening_data() | {"silent_seconds": 0}
    )
    assert screened(database).id == row.id


def test_what_was_screened_later_is_not_overwritten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(database)
    feed(ended(lines=(charge("a"), charge("b"))))
    scope = f"case:{feed.head().case_id}"
    real = screening_page.judge

    def meanwhile(*arguments: Any) -> Any:
        page = real(*arguments)
        monkeypatch.setattr(screening, "judge", real)
        feed(held(lines=(gone("b"),)))
        screened(database, scope)
        return page

    monkeypatch.setattr(screening, "judge", meanwhile)
    row = screened(database, "discharged")
    assert (row.cases, row.findings) == (0, 0)
    assert found(feed) == []


def test_one_stay_at_its_moment(database: Database) -> None:
    feed = Feed(database)
    feed(held(lines=(charge("a"), charge("b"))))
    scope = f"case:{feed.head().case_id}"
    assert (screened(database, scope).moment, len(found(feed))) == ("stay", 1)
    feed(ended())
    row = screened(database, scope)
    assert (row.moment, row.cases) == ("upload", 1)
    # It may be asked for as often as one likes.
    assert screened(database, scope).cases == 1
    for wrong in ("case:nobody", "case:"):
        with pytest.raises(GrouperError, match="SCREENING_CASE"):
            screened(database, wrong)
    feed(Event(visit="V1", patient="P1", cancelled=True))
    with pytest.raises(GrouperError, match="SCREENING_CASE"):
        screened(database, scope)
    for wrong in ("2026-13", "november", ""):
        with pytest.raises(GrouperError, match="SCREENING_SCOPE"):
            screened(database, wrong)

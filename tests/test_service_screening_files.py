"""A month of the demonstration hospital in the store and in files: the same findings, at any page."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from demo_hospital_support import PART, march
from screening_support import NIGHT
from store_support import Feed, open_database

from codebooks.audit.books import audit_book
from grouper.audit.context import Context
from grouper.audit.group_costs import group_costs
from grouper.audit.levels import hospital_levels
from grouper.audit.reading import Sources
from grouper.audit.review.documents import typed
from grouper.audit.screening import screen
from grouper.case.fields import CASE_SCHEMA, FIELDS, members
from grouper.intake.event import Coded, Event, Line
from grouper.intake.table_rows import written
from grouper.service.screening import How, screen_stored
from grouper.store import screenings
from grouper.store.database import Database
from grouper.store.schema import stay
from grouper.store.stays import Applier

_OWN = ("case_id", "person", "hospital")
_NESTED = {one.name for one in FIELDS.values() if one.nested}
_ASSESSED = members("assessment_item")


@cache
def sources() -> Sources:
    """Part of a month."""
    made = march(PART)
    kinds = [made.inpatient, made.outpatient]
    cases = pa.concat_tables([one.select(CASE_SCHEMA.names).cast(CASE_SCHEMA) for one in kinds])
    some = np.arange(cases.num_rows) % 24 == 0
    # Persons whole, for rules look at all stays of a person.
    people = set(cases.filter(pa.array(some))["person"].to_pylist())
    kept = [one in people for one in cases["person"].to_pylist()]
    return Sources(cases.filter(pa.array(kept)), made.charges, {})


def events(found: Sources) -> list[Event]:
    """What messages would say of the cases, one a case."""
    lines: dict[str, list[Line]] = defaultdict(list)
    rows = found.charges.to_pylist()
    for row in sorted(rows, key=lambda one: one["line"]):
        about = {
            name: written(value)
            for name, value in row.items()
            if name.startswith("line_") and value is not None
        }
        lines[row["case_id"]].append(Line(key=str(row["line"]), about=about))
    return [_event(case, lines[case["case_id"]]) for case in found.cases.to_pylist()]


def _event(case: dict[str, Any], lines: list[Line]) -> Event:
    facts = {
        name: written(value)
        for name, value in case.items()
        if name not in _NESTED and name not in _OWN and value is not None
    }
    return Event(
        patient=case["person"] or "",
        visit=case["case_id"],
        hospital=case["hospital"],
        facts=facts,
        dx=_codes(case, "dx"),
        px=_codes(case, "px"),
        lines=tuple(lines) or _nested(case),
        assessments={name: tuple(map(written, case[name] or ())) for name in _ASSESSED},
    )


def _codes(case: dict[str, Any], name: str) -> tuple[Coded, ...]:
    found = []
    for at, code in enumerate(case[name] or ()):
        if code is not None:
            beside = {n: case[n][at] for n in members(name)[1:] if case[n]}
            about = {n: written(value) for n, value in beside.items() if value is not None}
            found.append(Coded(code=code, rank=min(at, 1), about=about))
    return tuple(found)


def _nested(case: dict[str, Any]) -> tuple[Line, ...]:
    names = [name for name in members("line_item") if case[name]]
    count = max((len(case[name]) for name in names), default=0)
    return tuple(
        Line(
            key=str(at + 1),
            about={n: written(case[n][at]) for n in names if case[n][at] is not None},
        )
        for at in range(count)
    )


def put(database: Database) -> None:
    """Bring the cases into a store."""
    with database.writing_store() as connection:
        applier = Applier(connection, "H0001")
        for number, event in enumerate(events(sources()), 1):
            applier.apply([event], number, number, NIGHT)
        applier.flush()


def told(row: dict[str, Any], names: dict[str, str]) -> str:
    """A finding without what is another in each store: its key, and Grouper's names of cases."""
    case = names.get(row["case_id"], row["case_id"])
    evidence = [(one["key"], names.get(one["value"], one["value"])) for one in row["evidence"]]
    other = {"finding", "case_id", "person", "evidence"}
    plain = {name: value for name, value in row.items() if name not in other}
    return str((case, evidence, sorted(plain.items())))


@pytest.fixture(scope="module")
def of_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the files' audit finds of the same cases."""
    path = tmp_path_factory.mktemp("charges") / "2025-03.parquet"
    pq.write_table(sources().charges, path)
    found = replace(sources(), charges=(path,))
    levels = hospital_levels(found.cases, date(2025, 3, 1))
    costs = group_costs(found.cases, None, date(2025, 3, 1), region="demo")
    context = Context(levels=levels, group_costs=costs)
    screened = screen(found, audit_book(), context=context, region="demo")
    return sorted(told(row, {}) for row in screened.audited.findings.to_pylist())


@pytest.mark.parametrize("page", [70, pytest.param(7, marks=pytest.mark.slow)])
def test_the_store_and_files_give_the_same_findings(
    tmp_path: Path, page: int, of_files: list[str]
) -> None:
    assert len(of_files) > 5
    with open_database("sqlite", tmp_path) as database:
        put(database)
        how = How(region="demo", page=page)
        row = screen_stored(database, "2025-03", how, NIGHT, actor="tester")
        assert (row.state, row.cases) == ("done", sources().cases.num_rows)
        feed = Feed(database)
        names = {one["case_id"]: one["visit"] for one in feed.rows(stay)}
        with database.reading() as connection:
            kept = screenings.found_by(connection, row.id or 0)
    assert sorted(told(typed(one.document), names) for one in kept) == of_files

"""Group, ADRG and MDC of groupings of every family, and of what is in no group."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.case.dates import LOCAL
from grouper.case.fields import CASE_SCHEMA
from grouper.case.issues import issue_table
from grouper.case.record import Case
from grouper.forecast.levels import ADRG, ALL, GROUP, LEVELS, MDC, UNGROUPED, above, levels_of
from grouper.payment.run import group_batch
from grouper.schemes.protocol import RESULT_SCHEMA
from grouper.schemes.reasons import Status

NAMED = (GROUP, ADRG, MDC)
Row = dict[str, str | None]


def results(rows: list[Row]) -> pa.Table:
    """Groupings of a few columns; the rest is empty."""
    columns = [pa.array([row.get(f.name) for row in rows], f.type) for f in RESULT_SCHEMA]
    return pa.table(columns, RESULT_SCHEMA)


def row(status: str, group: str | None = None, **rest: str | None) -> Row:
    return {"status": status, "group": group, **rest}


def told(table: pa.Table | pa.RecordBatch) -> list[tuple[str, ...]]:
    """Group, ADRG and MDC of each row."""
    levels = levels_of(table)
    return list(zip(*(levels.texts(level).tolist() for level in NAMED), strict=True))


def grouped(cases: list[Case], region: str) -> pa.Table:
    columns = [pa.array([getattr(case, f.name) for case in cases], f.type) for f in CASE_SCHEMA]
    batch = pa.RecordBatch.from_arrays(columns, schema=CASE_SCHEMA)
    found = group_batch(batch, issue_table([]), region)
    return pa.Table.from_batches([found]).select(RESULT_SCHEMA.names)


def case(*dx: str, px: tuple[str, ...] = (), year: int = 2026, sex: int = 1) -> Case:
    return Case(
        case_id="A1",
        sex=sex,
        age=60,
        dx=dx,
        px=px,
        admission_time=datetime(year, 3, 2, 9, tzinfo=LOCAL),
        discharge_time=datetime(year, 3, 9, 9, tzinfo=LOCAL),
    )


def test_dip_has_the_category_and_the_chapter_of_its_diagnosis() -> None:
    cases = [
        case("I21.900"),
        case("K35.800", px=("47.0100",)),
        # A comprehensive group stands for the category already.
        case("J18.900", px=("47.0100",)),
        case(),
        case("ZZZ"),
        # No scheme binds it.
        case("I21.900", year=2019),
    ]
    table = grouped(cases, "demo")
    assert table["adrg"].null_count == table["mdc"].null_count == len(cases)
    invalid = ("?invalid",) * 3
    assert told(table) == [
        ("I21.9", "I21", "I"),
        ("K35.8:47.0100", "K35", "K"),
        ("J18:SS", "J18", "J"),
        *[invalid] * 3,
    ]
    levels = levels_of(table)
    assert levels.status.tolist() == ["grouped"] * 3 + ["invalid"] * 3
    assert levels.names["I21.9"] == table["group_name"][0].as_py()
    assert levels.names["?invalid"] == ""


def test_drg_names_its_own_levels() -> None:
    cases = [
        case("I21.900"),
        case("J18.900"),
        # A procedure that has nothing to do with the diagnosis: the ambiguous group of its MDC.
        case("J18.900", px=("47.0100",)),
        # In no group; and of the wrong sex.
        case("I10.x00", "E11.900"),
        case("N80.000"),
    ]
    table = grouped(cases, "national")
    assert table["status"].to_pylist() == [
        *("grouped", "grouped", "ambiguous"),
        *("ungrouped", "invalid"),
    ]
    found = told(table)
    assert found[:3] == [("FR15", "FR1", "MDCF"), ("ES35", "ES3", "MDCE"), ("EQY", "EQY", "MDCE")]
    # The family's own group of what is in none: one at each level, and of no other MDC.
    assert set(found[3:]) == {("0000", "000", "0")}


def test_what_has_no_group_is_a_group_by_its_status() -> None:
    rows = [row(status) for status in Status]
    assert told(results(rows)) == [(f"?{status}",) * 3 for status in Status]
    # A family that knows the MDC of a case without a group says so.
    assert told(results([row("ungrouped", None, mdc="MDCB")])) == [
        ("?ungrouped", "?ungrouped", "MDCB")
    ]
    assert told(results([row("ambiguous", "BQY", adrg="BQY", mdc="MDCB", group_name="")])) == [
        ("BQY", "BQY", "MDCB")
    ]


@pytest.mark.parametrize(
    ("group", "adrg", "mdc"),
    [
        ("I21.9:36.0601", "I21", "I"),
        ("I21", "I21", "I"),
        ("A", "A", "A"),
        ("", "", ""),
        ("?ungrouped", "?ungrouped", "?ungrouped"),
    ],
)
def test_the_levels_above_a_group(group: str, adrg: str, mdc: str) -> None:
    assert (above(group, ADRG), above(group, MDC)) == (adrg, mdc)


def test_the_levels_have_an_order() -> None:
    assert LEVELS == (GROUP, ADRG, MDC, ALL)


def test_names_of_groups() -> None:
    rows = [
        row("grouped", "I21.9", group_name="心肌梗死：保守治疗"),
        row("grouped", "I21.9", group_name="心肌梗死：保守治疗"),
        row("grouped", "I22", group_name=None),
        # A tab ends no name.
        row("grouped", "I23", group_name="a\tb"),
        row("invalid"),
    ]
    assert levels_of(results(rows)).names == {
        "I21.9": "心肌梗死：保守治疗",
        "I22": "",
        "I23": "a\tb",
        "?invalid": "",
    }


def test_no_rows_have_no_levels() -> None:
    levels = levels_of(RESULT_SCHEMA.empty_table())
    assert levels.words == {GROUP: (), ADRG: (), MDC: ()}
    assert levels.names == {}
    assert all(levels.texts(level).tolist() == [] for level in NAMED)


_WORDS = st.sampled_from(["I21.9", "I21.9:36.06", "J18:SS", "K3", "FR15", "0000"])
_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from([str(one) for one in Status]),
            "group": st.none() | _WORDS,
            "adrg": st.none() | st.sampled_from(["FR1", "I21"]),
            "mdc": st.none() | st.sampled_from(["MDCF", "I"]),
            "group_name": st.none() | st.sampled_from(["", "名"]),
        }
    ),
    max_size=8,
)


def plainly(one: Row) -> tuple[str, ...]:
    """The levels of a row, read by itself."""
    group = one["group"]
    if group is None:
        group = f"{UNGROUPED}{one['status']}"
    category, chapter = (group, group) if group[0] == "?" else (group[:3], group[0])
    adrg, mdc = one["adrg"], one["mdc"]
    return group, category if adrg is None else adrg, chapter if mdc is None else mdc


@given(_ROWS, _ROWS, st.data())
@settings(deadline=None)
def test_each_row_is_read_as_if_alone(first: list[Row], second: list[Row], data: Any) -> None:
    both = [*first, *second]
    # In chunks with dictionaries of their own, as batches come.
    table = pa.concat_tables([results(first), results(second)])
    levels = levels_of(table)
    assert told(table) == [plainly(one) for one in both]
    assert levels.status.tolist() == [one["status"] for one in both]
    assert set(levels.names) == set(levels.words[GROUP])
    for batch in table.to_batches():
        assert told(batch) == told(pa.Table.from_batches([batch]))
    rows = data.draw(st.lists(st.sampled_from(range(len(both))), max_size=5)) if both else []
    taken = levels.take(np.array(rows, np.int64))
    for level in NAMED:
        assert taken.texts(level).tolist() == levels.texts(level)[rows].tolist()
    assert taken.status.tolist() == [both[at]["status"] for at in rows]
    kept = levels.take(np.array([at % 2 == 0 for at in range(len(both))], bool))
    assert kept.texts(GROUP).tolist() == levels.texts(GROUP)[::2].tolist()

"""Lines and cases as records have them: what cannot be judged is told, the rest is screened."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from audit_support import ITEMS, Line, at, book, cases, charges, rule, rules
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.audit.engine import Audited, Context, audit
from grouper.audit.errors import AuditError
from grouper.audit.lines import Vocabulary, Words, lines_of, local_seconds
from grouper.audit.planning import NotRun
from grouper.audit.portion import portion_of
from grouper.case.fields import CASE_SCHEMA

QUANTITY = {"quantity": [{"item": ITEMS[0], "most": Decimal(1), "per": "day"}]}
SMALL = book(QUANTITY, rules())


def lines(*told: Line) -> pa.Table:
    return charges([replace(one, line=number) for number, one in enumerate(told, 1)])


def screened(table: pa.Table, people: list[dict[str, Any]] | None = None, **more: Any) -> Audited:
    return audit(cases(people or [{}]), table, SMALL, context=Context(**more))


def wrong(found: Audited) -> dict[str, list[int]]:
    return {
        row["evidence"][0]["value"]: row["lines"]
        for row in found.findings.to_pylist()
        if row["rule"] == "GZ10000201002000"
    }


def test_odd_lines_are_told_and_the_rest_is_screened() -> None:
    found = screened(
        lines(
            Line("C0", 1, time=at(2)),
            Line("C0", 2, time=at(2), amount=Decimal("5.00")),
            Line("C0", 3, time=None),
            Line("C0", 4, item=None, time=at(3)),
            Line("C0", 5, ITEMS[1], at(3), quantity=None),
            Line("C0", 6, ITEMS[1], at(4), amount=None),
            Line("C0", 7, ITEMS[1], at(4), Decimal(-1), Decimal("3.00")),
            Line("C0", 8, ITEMS[2], at(4), Decimal(-1), Decimal("-3.00")),
        )
    )
    assert wrong(found) == {
        "no_time": [3],
        "no_item": [4],
        "no_quantity": [5],
        "no_amount": [6],
        "sign": [7],
        "refund_alone": [8],
    }
    (over,) = [row for row in found.findings.to_pylist() if row["rule"] == "GZ1"]
    assert (over["observed"], over["allowed"], over["amount"]) == (2, 1, Decimal("10.00"))
    assert found.counts["lines"] == 8
    assert found.counts["lines_sign"] == 1


def test_part_of_a_charge_is_left_after_a_refund() -> None:
    found = screened(
        lines(
            Line("C0", 1, time=at(2), quantity=Decimal(3), amount=Decimal("10.00")),
            Line("C0", 2, time=at(2, 9), quantity=Decimal(-1), amount=Decimal("-3.33")),
        )
    )
    (over,) = found.findings.to_pylist()
    assert (over["observed"], over["amount"], over["lines"]) == (2, Decimal("3.34"), [1])


def test_a_refund_before_its_charge_cancels_nothing() -> None:
    found = screened(
        lines(
            Line("C0", 1, time=at(2), quantity=Decimal(-1), amount=Decimal("-10.00")),
            Line("C0", 2, time=at(2, 9)),
        )
    )
    assert wrong(found) == {"refund_alone": [1]}


def test_lines_of_other_cases_are_counted() -> None:
    found = screened(lines(Line("C0", 1, time=at(2)), Line("X9", 2, time=at(2))))
    assert found.counts["lines_of_other_cases"] == 1
    assert found.counts["lines"] == 1


def test_cases_without_values_are_counted_and_not_judged() -> None:
    people = [{"sex": None, "age": None, "dx": [None], "person": None, "admission_time": None}]
    tables = {
        "sex": [{"rule": "GZ5", "item": ITEMS[0], "sex": "2"}],
        "age": [{"rule": "GZ6", "item": ITEMS[0], "most_years": 3}],
        "indication": [{"rule": "GZ12", "item": ITEMS[0], "allowed": ["C"], "text": "t"}],
    }
    small = book(tables, rules())
    found = audit(cases(people), lines(Line("C0", 1, time=at(2))), small)
    assert found.findings.num_rows == 0
    lacking = {"sex", "age", "dx", "person", "admission_time"}
    assert {name for name in lacking if found.counts[f"cases_without_{name}"] == 1} == lacking
    told = {one.rule: one for one in found.not_run}
    assert told["GZ5"] == NotRun("GZ5", "FIELDS", ("sex",), "sex")
    assert told["GZ12"].missing == ("dx",)
    assert told["GZ10000201008000"].missing == ("admission_time",)


def test_the_age_follows_from_the_day_of_birth() -> None:
    from datetime import date  # noqa: PLC0415 -- only here

    tables = {"age": [{"item": ITEMS[0], "most_days": 28}]}
    people = [
        {"age": None, "age_days": None, "birth_date": date(2024, 12, 4)},
        {"age": None, "age_days": None, "birth_date": date(2024, 12, 3)},
        {"age": None, "age_days": None, "birth_date": date(2026, 1, 1)},
    ]
    table = charges([Line(f"C{n}", 1, time=at(2)) for n in range(3)])
    found = audit(cases(people), table, book(tables)).findings.to_pylist()
    assert [(row["case_id"], row["observed"]) for row in found] == [("C1", 29)]


def test_lines_before_the_book_are_counted() -> None:
    found = screened(lines(*(Line("C0", 1, time=at(0, hour)) for hour in (8, 9))))
    assert found.counts["lines_before_book"] == 2
    assert {row["rule"] for row in found.findings.to_pylist()} == {"GZ10000201008000"}


def test_lines_that_stand_in_the_cases_are_screened() -> None:
    table = lines(Line("C0", 1, time=at(2)), Line("C0", 2, time=at(2, 9)))
    nested: dict[str, Any] = {
        name: table[name].to_pylist() for name in table.column_names if name.startswith("line_")
    }
    one = audit(cases([nested]), None, SMALL)
    other = audit(cases([{}]), table, SMALL)
    assert one.findings.equals(other.findings)
    assert one.findings.num_rows == 1
    # A list of another length than the amounts says nothing of any line.
    short = nested | {"line_item": nested["line_item"][:1]}
    mixed = audit(cases([short, nested]), None, SMALL)
    assert wrong(mixed) == {"no_item": [1, 2]}
    assert [r["case_id"] for r in mixed.findings.to_pylist() if r["rule"] == "GZ1"] == ["C1"]
    bare = audit(cases([nested | {"line_item": []}]), None, SMALL)
    assert wrong(bare) == {"no_item": [1, 2]}


def test_charges_stand_above_the_lines_of_the_cases() -> None:
    table = lines(Line("C0", 1, time=at(2)))
    twice = {name: table[name].to_pylist() * 2 for name in table.column_names if "line_" in name}
    assert audit(cases([twice]), table, SMALL).counts["lines"] == 1


def test_lines_without_numbers_are_counted_in_their_order() -> None:
    table = lines(*(Line("C0", 1, time=at(2, hour)) for hour in (1, 2, 3))).drop_columns("line")
    (over,) = audit(cases([{}]), table, SMALL).findings.to_pylist()
    assert over["lines"] == [2, 3]


def test_files_are_read_in_portions_of_whole_cases(tmp_path: Path) -> None:
    made = [Line(f"C{n % 4}", n // 4 + 1, time=at(2, n % 20)) for n in range(40)]
    table = charges(made)
    files = [tmp_path / name for name in ("a.parquet", "b.parquet")]
    pq.write_table(table.slice(0, 23), files[0], row_group_size=5)
    pq.write_table(table.slice(23), files[1], row_group_size=5)
    people = [{} for _ in range(4)]
    wanted = audit(cases(people), table, SMALL)
    for size in (3, 1000):
        found = audit(cases(people), files, SMALL, portion_lines=size)
        assert found.findings.equals(wanted.findings)
        assert found.counts == wanted.counts
    bare = [tmp_path / "c.parquet", tmp_path / "d.parquet"]
    pq.write_table(table.drop_columns("line").slice(0, 23), bare[0], row_group_size=5)
    pq.write_table(table.drop_columns("line").slice(23), bare[1], row_group_size=5)
    assert audit(cases(people), bare, SMALL).findings.equals(wanted.findings)


@pytest.mark.parametrize("column", ["case_id", "line_item", "line_amount", "line_time"])
def test_charges_without_a_column_are_refused(tmp_path: Path, column: str) -> None:
    table = lines(Line("C0", 1, time=at(2))).drop_columns(column)
    with pytest.raises(AuditError) as refused:
        screened(table)
    assert (refused.value.code, refused.value.where.column) == ("AUDIT_CHARGES", column)
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    with pytest.raises(AuditError) as refused:
        audit(cases([{}]), [path], SMALL)
    assert refused.value.where.file == "x.parquet"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("line_amount", pa.array(["much"])),
        ("line_time", pa.array(["noon"])),
        ("line_quantity", pa.array([True])),
        ("line", pa.array([None], pa.int32())),
        ("line_scope", pa.array([[1]])),
    ],
)
def test_columns_that_cannot_be_read_are_refused(column: str, values: pa.Array) -> None:
    table = lines(Line("C0", 1, time=at(2)))
    place = table.schema.get_field_index(column)
    with pytest.raises(AuditError) as refused:
        screened(table.set_column(place, column, values))
    assert refused.value.where.column == column


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"no")
    with pytest.raises(AuditError) as refused:
        audit(cases([{}]), [path], SMALL)
    assert refused.value.code == "AUDIT_CHARGES"


def test_nothing_at_all_is_screened() -> None:
    found = audit(CASE_SCHEMA.empty_table(), None, SMALL)
    assert found.findings.num_rows == 0
    assert found.counts["cases"] == 0


def test_summer_times_of_old_are_known() -> None:
    told = pa.array([int(at(1).timestamp()), 551_750_400], pa.timestamp("s", "Asia/Shanghai"))
    seconds = local_seconds(told, 2)
    # The second is 1987-06-27 00:00 UTC, nine hours behind the clocks of that summer.
    assert (seconds - np.asarray(told.cast(pa.int64()))).tolist() == [8 * 3600, 9 * 3600]


def test_columns_that_are_missing_are_empty() -> None:
    words = Vocabulary(Words(), Words(), Words())
    names = ("item", "class", "quantity", "amount", "time", "scope", "department", "physician")
    columns = dict.fromkeys(f"line_{name}" for name in names)
    found = portion_of(
        lines_of(columns, np.zeros(2, np.int32), np.arange(2, dtype=np.int32), words)
    )
    assert found.stated == set()
    assert found.counts["lines_no_amount"] == 2


def test_rows_of_shadow_lists_are_asked_on_request_alone() -> None:
    row = QUANTITY["quantity"][0] | {"source": "service_limits_suspect.csv 3"}
    small = book({"quantity": [row]}, rules())
    table = lines(Line("C0", 1, time=at(2)), Line("C0", 2, time=at(2, 9)))
    usual = audit(cases([{}]), table, small)
    assert usual.findings.num_rows == 0
    assert NotRun("GZ1", "SHADOW", ("1",)) in usual.not_run
    asked = audit(cases([{}]), table, small, context=Context(shadow=True))
    assert asked.findings.num_rows == 1
    assert "SHADOW" not in {one.reason for one in asked.not_run}


def test_rules_say_why_they_did_not_run() -> None:
    told = [
        rule("A", needs=("points",)),
        rule("B", moments=("order",)),
        rule("C", template="sex"),
        rule("D"),
        rule("E", template="px_sex"),
        rule("LOC-SPLIT"),
        rule("LOC-HANG"),
    ]
    found = audit(cases([{}]), lines(Line("C0", 1, time=at(2))), book({}, told)).not_run
    assert {(one.rule, one.reason) for one in found} == {
        ("A", "NEEDS"),
        ("B", "MOMENT"),
        ("C", "NO_ROWS"),
        ("D", "NO_TEMPLATE"),
        ("E", "CODING"),
        ("LOC-SPLIT", "COVERED"),
        ("LOC-HANG", "PARAMETERS"),
        ("LOC-HANG", "FIELDS"),
    }


def test_prices_and_group_costs_are_handed_in() -> None:
    costs = pa.table(
        {"case_id": ["C0"], "group": ["G"], "mean": [20_000], "deviation": [10_000]},
    )
    tables = {
        "behaviour": [
            {
                "rule": "LOC-COST",
                "parameter": "deviations",
                "value": Decimal("2.5"),
                "unit": "times",
            },
            {
                "rule": "LOC-COST",
                "parameter": "times_mean",
                "value": Decimal("1.5"),
                "unit": "fold",
            },
        ],
        "surgery": [
            {"rule": "GZ14", "item": item, "group": "x", "share": Decimal("0.5")}
            for item in ITEMS[:2]
        ],
    }
    table = lines(
        Line("C0", 1, ITEMS[0], at(2), amount=Decimal("40.00")),
        Line("C0", 2, ITEMS[1], at(2), amount=Decimal("30.00")),
    )
    context = Context(
        ceilings={ITEMS[0]: 3000, ITEMS[7]: 1},
        prices={ITEMS[1]: 5000},
        group_costs=costs,
        shadow=True,
    )
    found = audit(cases([{}]), table, book(tables, rules()), context=context).findings.to_pylist()
    told = {r["rule"]: (r["lines"], r["observed"], r["allowed"], r["amount"]) for r in found}
    assert told == {
        "GZ10000102001000": ([1], 40, 30, Decimal("10.00")),
        # The second one has the higher listed price, so the first is to be discounted.
        "GZ14": ([1], 40, 20, Decimal("20.00")),
        "LOC-COST": ([], 1000, 450, Decimal("550.00")),
    }


TEXT = st.none() | st.text(max_size=4)


@settings(max_examples=examples(15), deadline=None)
@given(
    st.lists(
        st.builds(
            Line,
            case_id=st.sampled_from(["C0", "C1", ""]),
            line=st.integers(1, 6),
            item=TEXT | st.sampled_from(ITEMS),
            time=st.none()
            | st.datetimes().map(lambda t: t.replace(year=max(t.year, 1970)).astimezone()),
            quantity=st.none() | st.decimals(-(10**9), 10**9, places=4),
            amount=st.none() | st.decimals(-(10**11), 10**11, places=2),
            scope=TEXT,
            kind=TEXT,
            department=TEXT,
        ),
        max_size=8,
    )
)
def test_any_lines_are_screened_or_refused(made: list[Line]) -> None:
    found = screened(charges(made))
    told = sum(1 for one in made if one.case_id == "C0")
    assert found.counts["lines"] == told

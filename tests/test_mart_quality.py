"""Quality of data in the mart: what is asked of a case and lacks, remarks, and what they stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from mart_support import fact, mart
from settlement_support import SCHEMA, case, when

from codebooks.messages import catalogue
from codebooks.policies.policies import policies
from grouper.case.fields import CASE_SCHEMA, FIELDS
from grouper.case.issues import Issue, Severity, codes_by_row, issue_table
from grouper.mart import asked, quality
from grouper.mart.facts import facts
from grouper.mart.mart import Mart
from grouper.mart.quality import Sort, Stage, bit_of
from grouper.mart.slices import Axis, Slice
from grouper.payment.settlement.looked import Looked
from grouper.schemes.reasons import Reason

D = Decimal
YEAR = Slice(since=date(2026, 1, 1), until=date(2027, 1, 1), reach=None)
WHOLE: dict[str, Any] = {
    "discharge_time": when("2026-03-31T10:00:00"),
    "admission_time": when("2026-03-25T10:00:00"),
    "kind": "inpatient",
    "dx": ["A09.000"],
    "dx_poa": ["1"],
    "px": ["45.1300"],
    "px_date": [date(2026, 3, 26)],
    "sex": 1,
    "age": 40,
    "los": 6,
    "discharge_way": "1",
    "department": "D1",
    "physician": "P1",
    "insurance_type": "310",
    "visit_type": "21",
    "total_cost": D("3000.00"),
    "scope_cost": D("2800.00"),
    "person": "private",
    "line_class": ["09"],
    "line_amount": [D("10.00")],
}


def made(*cases: dict[str, Any]) -> list[dict[str, Any]]:
    """The facts of cases in which nothing is missing but what is said here."""
    schema = {field.name: field.type for field in SCHEMA}
    for name in (*WHOLE, *asked.columns(), *asked.SAID, *(one for known in cases for one in known)):
        if name not in schema:
            schema[name] = FIELDS[name].type if name in FIELDS else pa.string()
    rows = [{**case(number), **WHOLE, **known} for number, known in enumerate(cases, 1000)]
    table = pa.Table.from_pylist(rows, pa.schema(list(schema.items())))
    found: list[dict[str, Any]] = facts(
        table, Looked(policies().on("demo", date(2026, 6, 30)))
    ).to_pylist()
    assert "private" not in str(found)
    assert len(found) == len(cases)
    return found


def lacking(row: dict[str, Any]) -> set[str]:
    return {one.field for one in quality.fields() if row["gaps"] >> one.bit & 1}


def of(row: dict[str, Any]) -> set[str]:
    return {one.field for one in quality.fields() if row["asked"] >> one.bit & 1}


ODD: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set()),
    ({"dx": [], "dx_poa": []}, {"dx"}),
    ({"dx": [None, "E11.900"], "dx_poa": [None, "1"]}, {"dx"}),
    ({"dx": ["A09.000", "E11.900"], "dx_poa": ["1", None]}, {"dx_poa"}),
    ({"dx_poa": []}, {"dx_poa"}),
    ({"px_date": [None]}, {"px_date"}),
    ({"px": [], "px_date": []}, set()),
    ({"sex": None, "age": None}, {"sex", "age"}),
    ({"physician": " "}, {"physician"}),
    ({"person": None}, {"person"}),
    ({"line_amount": [], "line_class": []}, {"line_item"}),
    ({"age": 0}, {"age_days"}),
    ({"age": 0, "age_days": 40}, set()),
    ({"age": 0, "age_days": 28}, {"weight_g"}),
    ({"age": 0, "age_days": 3, "birth_weight_g": 3100}, set()),
    ({"kind": "outpatient", "discharge_way": None, "los": None, "dx_poa": []}, set()),
    ({"kind": "long_stay"}, {"assessment_item"}),
]
"""What is odd of a case, and what it lacks."""


def test_what_is_asked_of_a_case_and_missing() -> None:
    found = made(*(known for known, _ in ODD))
    assert [lacking(row) for row in found] == [fields for _, fields in ODD]
    assert of(found[0]) == {one.field for one in quality.fields()} - {
        "age_days",
        "weight_g",
        "assessment_item",
    }


def test_remarks_are_those_of_the_table_in_order() -> None:
    noted, plain = made(
        {
            "issues": "LOS_CONFLICT;AGE_CONFLICT",
            "warnings": "DX_OTHER_UNKNOWN;SEX_MISSING",
            "reason": "SEX_CONFLICT",
            "pay_warnings": "PAY_BUDGET",
            "share_reason": "PAY_COST_MISMATCH",
        },
        {"issues": "SEX_MISSING"},
    )
    assert noted["notes"] == (
        "AGE_CONFLICT;DX_OTHER_UNKNOWN;LOS_CONFLICT;PAY_COST_MISMATCH;SEX_CONFLICT"
    )
    assert plain["notes"] is None


def test_the_tables_are_sound() -> None:
    fields = quality.fields()
    bits = [one.bit for one in fields]
    assert len(set(bits)) == len(bits)
    assert set(bits) <= set(range(31))
    assert len({one.field for one in fields}) == len(fields)
    for one in fields:
        assert one.weight > 0
        assert set(one.columns) <= set(CASE_SCHEMA.names)
        assert {f"reason.{code}" for code in one.reasons} <= set(catalogue("zh"))
        assert f"case.label.{one.field}" in catalogue("zh")
    assert bit_of("no field") == 0
    # Whatever a grouping may say has been looked at: it is a remark on the data, or it is none.
    names = (files("grouper.mart") / "data" / quality.NOTES).read_text("utf-8").split()
    listed = {line.split(",")[0] for line in names[1:]}
    assert {one.value for one in Reason} <= listed
    assert {f"reason.{code}" for code in listed} <= set(catalogue("zh"))
    assert {one.value for one in quality.sorts().values()} == {one.value for one in Sort}


def test_what_readers_say_is_kept_by_row() -> None:
    issues = [
        Issue(7, "sex", "SEX_INVALID", Severity.WARNING),
        Issue(5, "age", "AGE_CONFLICT", Severity.WARNING),
        Issue(7, "los", "LOS_CONFLICT", Severity.WARNING),
        Issue(7, "sex", "SEX_INVALID", Severity.WARNING),
        Issue(0, "", "FIELD_ABSENT", Severity.WARNING),
    ]
    found = codes_by_row(issue_table(issues), 5, 3).to_pylist()
    assert found == ["AGE_CONFLICT", None, "LOS_CONFLICT;SEX_INVALID"]


ASKED = bit_of("dx") | bit_of("sex") | bit_of("scope_cost")
ROWS = [
    fact(1, asked=ASKED, gaps=0, cost=1000, amount=900, patient=100),
    fact(
        2,
        asked=ASKED,
        gaps=bit_of("dx"),
        cost=5000,
        status="invalid",
        reason="DX_PRINCIPAL_MISSING",
        pay_status="unpriced",
        pay_reason="PAY_CASE_INVALID",
        notes="LOS_CONFLICT",
    ),
    fact(
        3,
        asked=ASKED,
        gaps=bit_of("scope_cost") | bit_of("sex"),
        cost=700,
        amount=600,
        share_reason="PAY_SCOPE_MISSING",
        department="D2",
        notes="DX_OTHER_EDITION;PX_UNKNOWN",
    ),
    fact(
        4,
        asked=bit_of("sex"),
        gaps=bit_of("sex"),
        cost=300,
        status="ambiguous",
        reason="PX_UNRELATED",
        amount=10,
        patient=1,
        department="D2",
        day=date(2026, 4, 2),
        notes="DX_CROSSWALKED",
    ),
    fact(5, department=None, day=date(2026, 4, 3)),
]


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mart]:
    names = {"department": {"D1": "一科"}}
    with mart(tmp_path_factory.mktemp("quality"), ROWS, names=names) as found:
        yield found


def test_completeness_counts_only_whom_a_field_is_asked_of(asking: Mart) -> None:
    rows = {
        (row["value"], row["field"]): (row["asked"], row["missing"], row["complete"])
        for row in asking.completeness(YEAR, Axis.DEPARTMENT).to_pylist()
    }
    assert rows["D1", "dx"] == (2, 1, D("0.5000"))
    assert rows["D2", "sex"] == (2, 2, D("0.0000"))
    assert rows["D2", "dx"] == (1, 0, D("1.0000"))
    assert rows["D2", "age"] == (0, 0, None)
    # A mart's older facts were asked nothing.
    assert rows[None, "sex"] == (0, 0, None)
    named = asking.completeness(YEAR, Axis.DEPARTMENT)
    assert set(zip(named["value"].to_pylist(), named["name"].to_pylist(), strict=True)) == {
        ("D1", "一科"),
        ("D2", ""),
        (None, ""),
    }


def test_quality_weighs_the_fields_and_counts_the_cases(asking: Mart) -> None:
    whole = asking.quality(YEAR).to_pylist()[0]
    counts = {name: whole[name] for name in ("cases", "whole", "invalid", "ambiguous", "unpriced")}
    assert counts == {"cases": 5, "whole": 2, "invalid": 1, "ambiguous": 1, "unpriced": 1}
    assert (whole["ungrouped"], whole["unshared"], whole["codes"]) == (0, 2, 1)
    assert (whole["conflict"], whole["edition"], whole["unknown"]) == (1, 1, 1)
    assert (whole["mapped"], whole["unmapped"], whole["unreadable"]) == (1, 0, 0)
    weights = {one.field: one.weight for one in quality.fields()}
    dx, sex, scope = weights["dx"], weights["sex"], weights["scope_cost"]
    asked_for = 3 * (dx + sex + scope) + sex
    missing = dx + (scope + sex) + sex
    assert whole["complete"] == (D(asked_for - missing) / asked_for).quantize(D("0.0001"))
    months = asking.quality(YEAR, Axis.MONTH)
    assert months["value"].to_pylist() == ["2026-03", "2026-04"]
    assert months["cases"].to_pylist() == [3, 2]


def test_reasons_tell_each_stage(asking: Mart) -> None:
    rows = asking.reasons(YEAR).to_pylist()
    told = {(row["stage"], row["reason"]): (row["cases"], row["sum_cost"]) for row in rows}
    assert told == {
        ("group", "DX_PRINCIPAL_MISSING"): (1, D("50.00")),
        ("group", "PX_UNRELATED"): (1, D("3.00")),
        ("price", "PAY_CASE_INVALID"): (1, D("50.00")),
        ("share", "PAY_SCOPE_MISSING"): (1, D("7.00")),
        ("share", None): (1, D("0.00")),
        ("note", "LOS_CONFLICT"): (1, D("50.00")),
        ("note", "DX_OTHER_EDITION"): (1, D("7.00")),
        ("note", "PX_UNKNOWN"): (1, D("7.00")),
        ("note", "DX_CROSSWALKED"): (1, D("3.00")),
    }
    assert {row["share"] for row in rows} == {D("0.2000")}
    assert {row["sort"] for row in rows if row["stage"] == Stage.NOTE} == {
        "conflict",
        "edition",
        "unknown",
        "mapped",
    }


def test_gaps_cost_only_what_they_stopped(asking: Mart) -> None:
    rows = {row["field"]: row for row in asking.gaps(YEAR).to_pylist()}
    dx, sex, scope = rows["dx"], rows["sex"], rows["scope_cost"]
    assert (dx["missing"], dx["ungrouped"], dx["unpriced"], dx["sum_cost"]) == (1, 1, 1, D("50.00"))
    # Two cases lack the sex, and neither stopped for it.
    assert (sex["missing"], sex["ungrouped"], sex["sum_cost"]) == (2, 0, D("0.00"))
    assert (scope["unshared"], scope["unpriced"], scope["sum_cost"]) == (1, 0, D("7.00"))
    assert list(rows) == [one.field for one in quality.fields()]


@pytest.mark.parametrize(
    ("wanted", "cases"),
    [
        ({"gaps": ("sex",)}, ["C0003", "C0004"]),
        ({"gaps": ("dx", "scope_cost")}, ["C0002", "C0003"]),
        ({"gaps": ("no field",)}, []),
        ({"notes": ("PX_UNKNOWN", "LOS_CONFLICT")}, ["C0002", "C0003"]),
        ({"notes": ("AGE_CONFLICT",)}, []),
        ({"reasons": ("PX_UNRELATED",)}, ["C0004"]),
        ({"pay_reasons": ("PAY_CASE_INVALID",)}, ["C0002"]),
        ({"share_reasons": ("PAY_SCOPE_MISSING", "OTHER")}, ["C0003"]),
        ({"gaps": ("sex",), "reach": ("D1",)}, []),
        ({"reach": ()}, []),
    ],
    ids=lambda one: "-".join(sorted(map(str, one))),
)
def test_a_figure_leads_to_its_cases(
    asking: Mart, wanted: dict[str, Any], cases: list[str]
) -> None:
    cut = Slice(**{"since": YEAR.since, "until": YEAR.until, "reach": None, **wanted})
    found = asking.rows(cut, order="case_id", descending=False)["case_id"].to_pylist()
    assert found == cases
    assert asking.count(cut) == len(cases)


def test_an_unknown_surplus_leads_to_the_cases_that_are_counted(tmp_path: Path) -> None:
    told = {"share_reason": "PAY_SCOPE_MISSING"}
    rows = [
        fact(1, **told),
        fact(2, pay_status="unpriced", pay_reason="PAY_CASE_INVALID", **told),
        fact(3, cost=1000, amount=900, patient=100, **told),
    ]
    with mart(tmp_path, rows) as found:
        counted = [row for row in found.reasons(YEAR).to_pylist() if row["stage"] == Stage.SHARE]
        cut = replace(YEAR, share_reasons=("PAY_SCOPE_MISSING",))
        assert [row["cases"] for row in counted] == [found.count(cut)] == [1]
        assert found.rows(cut, order="case_id")["case_id"].to_pylist() == ["C0001"]


def test_every_answer_keeps_to_the_reach(asking: Mart) -> None:
    cut = Slice(since=YEAR.since, until=YEAR.until, reach=("D2",))
    questions: list[Callable[[Slice], pa.Table]] = [asking.quality, asking.completeness]
    for ask in questions:
        assert ask(cut).num_rows
        assert not ask(Slice(since=YEAR.since, until=YEAR.until, reach=())).num_rows
    assert asking.quality(cut)["cases"].to_pylist() == [2]
    assert "DX_PRINCIPAL_MISSING" not in asking.reasons(cut)["reason"].to_pylist()
    assert next(row for row in asking.gaps(cut).to_pylist() if row["field"] == "dx")["missing"] == 0


def test_a_mart_without_remarks_answers(tmp_path: Path) -> None:
    with mart(tmp_path, [fact()]) as found:
        assert found.count(Slice(since=YEAR.since, until=YEAR.until, reach=None, notes=("X",))) == 0
        assert found.reasons(YEAR)["stage"].to_pylist() == ["share"]


def test_sums_are_those_of_a_plain_reading(tmp_path: Path) -> None:
    draw = Random(5)  # noqa: S311 -- repeatable, not secret
    fields = quality.fields()
    rows = []
    for number in range(1, 120):
        wanted = draw.getrandbits(31) & sum(1 << one.bit for one in fields)
        rows.append(fact(number, asked=wanted, gaps=wanted & draw.getrandbits(31)))
    with mart(tmp_path, rows) as found:
        whole = found.quality(YEAR).to_pylist()[0]
        told = {row["field"]: row for row in found.completeness(YEAR).to_pylist()}
    parts = wholes = 0
    for one in fields:
        asks = [row for row in rows if row["asked"] >> one.bit & 1]
        lacks = [row for row in asks if row["gaps"] >> one.bit & 1]
        assert (told[one.field]["asked"], told[one.field]["missing"]) == (len(asks), len(lacks))
        parts += one.weight * (len(asks) - len(lacks))
        wholes += one.weight * len(asks)
    assert whole["complete"] == (D(parts) / wholes).quantize(D("0.0001"), "ROUND_HALF_UP")
    assert whole["whole"] == sum(not row["gaps"] for row in rows)

"""Whatever a record holds, it is priced, has a reason, and only grouping refuses by a declared error."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_support import LOCAL, batch_of, grouping, row_of, rows_of_batch

from codebooks.errors import GrouperError
from grouper.case.fields import FIELDS
from grouper.case.record import Case
from grouper.payment.batch import price_batch
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.result import PayStatus
from grouper.payment.words import as_html, document, explained
from grouper.run.one_case import grouping_of
from grouper.schemes.protocol import Grouping

LIKELY: dict[str, list[Any]] = {
    "region": ["demo", "demo", "harbin", "金华"],
    "hospital": ["H00000000001"],
    "kind": ["inpatient", "inpatient", "outpatient", "住院"],
    "insurance_type": ["310", "390"],
    "insured_region": ["", "demo", "harbin", "410400"],
    "person_type": ["11", "12", "16"],
    "visit_type": ["11", "14", "21", "26", "28", "2105"],
    "sex": ["1", "2", "男"],
    "age": ["0", "45"],
    "admission_time": ["2025-02-20", "2024-05-01"],
    "discharge_time": ["2025-03-01", "2026-11-28 10:00", "2024-05-05"],
    "discharge_way": ["1", "2", "5", "9"],
    "los": ["0", "8", "400"],
    "dx": ["K80.101", "A03.900", "N18.500", "I21.001|E11.900"],
    "px": ["51.2300", "39.9500", ""],
}
ODD = [
    *("", " ", "?", "x", "nowhere", "火星", "-1", "200", "99999999999", "long_stay", "门诊"),
    *("9999-12-31 23:59", "0001-01-01", "2030-01-01", "2008-08-08", "1e400", "NaN", "-0"),
]
MONEY = ["0", "0.00", "12.34", "8000.00"]
ODD_MONEY = ["-1", "999999999999.99", "1e400", "NaN", "Infinity", "１２", "0.005", "", "八千"]
YEAR = ("year_deductible", "year_basic", "year_burden", "year_critical")
AMOUNTS = (*(name for name in FIELDS if name.endswith(("_cost", "_paid"))), *YEAR)
ANYTHING = (
    st.none()
    | st.text(max_size=12)
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.decimals()
    | st.booleans()
    | st.dates()
    | st.datetimes()
    | st.lists(st.text(max_size=5) | st.none() | st.decimals(), max_size=3)
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A record with likely values, some of them replaced by anything at all."""
    found: dict[str, Any] = {}
    for name, values in LIKELY.items():
        if draw(st.integers(0, 9)):
            found[name] = draw(st.sampled_from(values))
    for name in AMOUNTS:
        if draw(st.booleans()):
            found[name] = draw(st.sampled_from(MONEY if draw(st.integers(0, 5)) else ODD_MONEY))
    for name in draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=3)):
        found[name] = draw(st.sampled_from(ODD) | ANYTHING)
    return found


def group_of(case: Case, region: str) -> Grouping:
    """The grouping of a case; of one that no scheme takes, one that is made up."""
    try:
        return grouping_of(case, None, region)
    except GrouperError as error:
        assert error.describe("zh") != error.describe("en"), error.code  # noqa: PT017 -- beside
        return grouping(scheme="dip-pingdingshan-2025", group="A03.9", weight=Decimal("812.5"))


def priced(record: dict[str, Any], region: str, today: date | None) -> bool:
    """Price a record by both engines, which never fails; whether there is an amount."""
    case, issues = Case.from_mapping(record)
    for issue in issues:
        assert issue.describe("zh")
    group = group_of(case, region)
    terms = Terms(region=region, today=today)
    payment = price(case, group, terms)
    assert rows_of_batch(price_batch(batch_of([case], [group]), terms)) == [row_of(payment)]
    assert (payment.amount is None) == (payment.status is PayStatus.UNPRICED)
    assert (payment.amount is None) == (payment.reason is not None)
    for lang in ("zh", "en"):
        assert document(payment, lang)["pay_status"] == payment.status.value
        assert explained(payment, lang)
        assert as_html(payment, lang)
    return payment.amount is not None


@given(
    records(),
    st.sampled_from(["national", "demo", "harbin", "jinhua"]),
    st.sampled_from([None, date(2026, 11, 28), date.max, date.min]),
)
@settings(max_examples=examples(100), deadline=None)
def test_any_record(record: dict[str, Any], region: str, today: date | None) -> None:
    priced(record, region, today)


def test_a_likely_record_is_priced() -> None:
    record: dict[str, Any] = {
        "region": "demo",
        "hospital": "H00000000001",
        "insurance_type": "310",
        "sex": "1",
        "age": "45",
        "discharge_time": datetime(2026, 11, 9, 8, tzinfo=LOCAL),
        "dx": "A03.900",
        "total_cost": "8000.00",
    }
    assert priced(record, "national", None)

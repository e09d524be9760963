"""The Baicheng dialysis year: the patient pays once, the fund up to its cap, the hospital the rest."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_quota_support import batch, grouping, yuan

from grouper.case.record import Case
from grouper.payment.batch import price_batch
from grouper.payment.capitation_year import DialysisYear, _case, dialysis_years, follow_dialysis
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.words import told_line
from grouper.schemes.reasons import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BAICHENG = Terms(region="baicheng")
NOBODY = grouping(Status.INVALID, None, "")


def visit(month: int, day: int, cost: Decimal | str | int, person: str = "P1", **more: Any) -> Case:
    told: dict[str, Any] = {
        "case_id": f"{person}-{month:02}{day:02}",
        "person": person,
        "kind": "outpatient",
        "insurance_type": "310",
        "dx": ("N18.001",),
        "discharge_time": datetime(2014, month, day, 4, tzinfo=UTC),
        "scope_cost": yuan(cost),
    }
    return Case(**(told | more))


def test_a_case_of_a_table_has_what_its_row_has() -> None:
    row = {"dx": ["N18.001"], "px": None, "line_amount": [yuan(7)], "kind": None, "case_id": "C1"}
    kept = _case({**row, "group": "G"})
    assert (kept.dx, kept.px, kept.line_amount) == (("N18.001",), (), (yuan(7),))
    assert (kept.kind, kept.case_id) == ("inpatient", "C1")


def year(
    months: Iterable[int], cost: int, a_month: int = 13, person: str = "P1", **more: Any
) -> list[Case]:
    """So many visits each month, each of one cost."""
    return [visit(m, d + 1, cost, person, **more) for m in months for d in range(a_month)]


def table(cases: Sequence[Case]) -> pa.Table:
    return pa.Table.from_batches([batch(cases, [NOBODY] * len(cases))])


def settle(cases: Sequence[Case], terms: Terms = BAICHENG) -> DialysisYear:
    (found,) = dialysis_years(table(cases), terms)
    return found


def figures(one: DialysisYear) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    return one.cost, one.patient, one.fund, one.excess


def priced(cases: Sequence[Case], terms: Terms = BAICHENG) -> list[dict[str, Any]]:
    followed = follow_dialysis(table(cases), terms)
    return price_batch(followed.combine_chunks().to_batches()[0], terms).to_pylist()


def test_a_full_year_of_an_employee() -> None:
    # 12 months × 13 visits × 400 = 62,400. The patient pays 500 once. The fund pays
    # min(62,400 − 500, 42,000 × 12 ÷ 12) = 42,000; the hospital bears 62,400 − 500 − 42,000 = 19,900.
    found = settle(year(range(1, 13), 400))
    assert (found.visits, found.months) == (156, 12)
    assert figures(found) == (yuan(62400), yuan(500), yuan(42000), yuan(19900))


def test_a_full_year_of_a_resident_below_the_cap() -> None:
    # 12 × 8 × 400 = 38,400: the patient 400, the fund 38,000, nothing for the hospital to bear.
    found = settle(year(range(1, 13), 400, 8, insurance_type="390"))
    assert figures(found) == (yuan(38400), yuan(400), yuan(38000), yuan(0))


def test_a_year_that_begins_in_july() -> None:
    # 6 × 13 × 400 = 31,200; the cap is 42,000 × 6 ÷ 12 = 21,000; 31,200 − 500 − 21,000 = 9,700.
    # Visit by visit the fund paid 30,700 of a whole year's cap: 9,700 go back.
    found = settle(year(range(7, 13), 400))
    assert (found.months, found.advance) == (6, yuan(30700))
    assert figures(found) == (yuan(31200), yuan(500), yuan(21000), yuan(9700))
    assert found.lines[-1].number == -9700


@pytest.mark.parametrize(
    ("counted", "months", "fund"),
    [("since_first", 9, 31500), ("with_visits", 3, 10500), ("full_year", 12, 31900)],
)
def test_how_months_count(counted: str, months: int, fund: int) -> None:
    # Visits in April, July and December: 3 × 27 × 400 = 32,400, less 500.
    terms = Terms(region="baicheng", changes={"dialysis_capitation.months_counted": counted})
    found = settle(year((4, 7, 12), 400, 27), terms)
    assert (found.months, found.fund) == (months, yuan(fund))


def test_the_visits_of_a_year_one_by_one() -> None:
    rows = priced([visit(1, 2, 300), visit(1, 5, 300), visit(1, 8, 41000), visit(1, 9, 900)])
    assert [row["method"] for row in rows] == ["dialysis_capitation"] * 4
    told = [(row["patient"], row["fund"], row["amount"], row["band"]) for row in rows]
    assert told == [
        (yuan(300), yuan(0), yuan(300), "normal"),
        (yuan(200), yuan(100), yuan(300), "normal"),
        (yuan(0), yuan(41000), yuan(41000), "normal"),
        # 42,000 − 100 − 41,000 = 900 are left of the cap.
        (yuan(0), yuan(900), yuan(900), "normal"),
    ]
    assert sum(row["patient"] for row in rows) == yuan(500)


def test_the_excess_of_a_visit_is_the_hospitals_loss() -> None:
    cases = [visit(1, 2, 42000, total_cost=yuan(42000)), visit(1, 9, 1000, total_cost=yuan(1000))]
    first, last = priced(cases)
    assert (first["surplus"], last["fund"]) == (yuan(0), yuan(500))
    assert (last["band"], last["surplus"]) == ("capped", yuan(-500))


def test_what_the_record_says_of_the_year_goes_first() -> None:
    told = {"year_deductible": yuan(500), "year_basic": yuan(41800)}
    rows = priced([visit(2, 1, 300, **told), visit(2, 3, 300)])
    assert [row["fund"] for row in rows] == [yuan(200), yuan(0)]
    found = settle([visit(2, 1, 300, **told), visit(2, 3, 300)])
    # From February on the cap is 42,000 × 11 ÷ 12 = 38,500, which others used up before.
    assert figures(found) == (yuan(600), yuan(0), yuan(0), yuan(600))


def test_a_new_year_begins_anew_and_persons_stand_apart() -> None:
    cases = [
        visit(12, 30, 800),
        visit(1, 2, 800, case_id="next", discharge_time=datetime(2015, 1, 1, 17, tzinfo=UTC)),
        visit(12, 30, 800, "P2"),
    ]
    assert [row["patient"] for row in priced(cases)] == [yuan(500)] * 3
    found = dialysis_years(table(cases), BAICHENG)
    assert [(one.person, one.year, one.months) for one in found] == [
        ("P1", 2014, 1),
        ("P1", 2015, 12),
        ("P2", 2014, 1),
    ]
    # 17:00 UTC on the first of January is the second in Baicheng; the month of 42,000 ÷ 12 = 3,500.
    assert [one.fund for one in found] == [yuan(300)] * 3


def test_visits_that_are_no_part_of_a_year() -> None:
    cases = [
        visit(1, 2, 800),
        visit(1, 3, 800, person=None),
        visit(1, 4, 800, discharge_time=None),
        visit(1, 5, 800, dx=("I10",)),
        visit(1, 6, 800, insurance_type="unknown"),
        visit(1, 7, 800, kind="inpatient"),
        visit(1, 8, 800, scope_cost=None),
        visit(1, 9, 800, region="nowhere"),
        visit(1, 10, 800, region="jinhua"),
    ]
    found = settle(cases)
    assert (found.visits, found.reasons) == (2, ("PAY_COST_MISSING",))
    assert figures(found) == (yuan(800), yuan(500), yuan(300), yuan(0))
    followed = follow_dialysis(table(cases), BAICHENG)
    stated = [one is not None for one in followed.column("year_basic").to_pylist()]
    assert stated == [True, False, False, False, False, False, True, False, False]
    reasons = [row["pay_reason"] for row in priced(cases)]
    assert reasons[:3] == [None, "PAY_YEAR_MISSING", "PAY_DAY_MISSING"]
    assert reasons[4] == "POLICY_VALUE_MISSING"
    assert reasons[6] == "PAY_COST_MISSING"


def test_a_table_with_nothing_for_dialysis_stays_as_it_is() -> None:
    for cases in ([], [visit(1, 1, 800, dx=("I10",))], [visit(1, 1, 800, dx=())]):
        told = table(cases)
        assert follow_dialysis(told, BAICHENG).equals(told)
        assert dialysis_years(told, BAICHENG) == []
    bare = pa.table({"case_id": ["x"]})
    assert follow_dialysis(bare, BAICHENG).equals(bare)


def test_a_table_without_columns_for_the_year() -> None:
    told = table([visit(1, 2, 800), visit(1, 3, 800)])
    names = [name for name in told.column_names if not name.startswith("year_")]
    followed = follow_dialysis(told.select(names), BAICHENG)
    assert followed.column("year_deductible").to_pylist() == [yuan(0), yuan(500)]
    assert followed.column("year_basic").to_pylist() == [yuan(0), yuan(300)]


def test_one_visit_with_its_trace_equals_the_batch() -> None:
    told = visit(3, 5, 800, year_deductible=yuan(100), year_basic=yuan(0))
    found = price(told, NOBODY, BAICHENG)
    (row,) = priced([told])
    assert (found.amount, found.fund) == (row["amount"], row["fund"]) == (yuan(800), yuan(400))
    assert found.policy is not None
    assert found.policy.valid_from <= date(2014, 3, 5)
    assert "dialysis_capitation.deductible_place" in found.assumptions


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_lines_of_a_year_in_words(lang: str) -> None:
    found = settle(year(range(7, 13), 400))
    written = [told_line(line, lang)["written"] for line in found.lines]
    assert len(written) == 7
    assert any("9,700" in one for one in written)
    assert {one.path for one in found.asked} >= {
        "dialysis_capitation.deductible[employee]",
        "dialysis_capitation.annual_benefit",
        "dialysis_capitation.months_counted",
    }


@settings(max_examples=examples(25), deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(1, 28), st.decimals(0, 9000, places=2)),
        min_size=1,
        max_size=12,
        unique_by=lambda one: one[:2],
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter_and_nothing_is_lost(
    told: list[tuple[int, int, Decimal]], chance: random.Random
) -> None:
    cases = [visit(*one) for one in told]
    mixed = chance.sample(cases, len(cases))
    assert settle(cases) == settle(mixed)
    found = settle(cases)
    assert found.patient + found.fund + found.excess == found.cost == sum(one[2] for one in told)
    assert found.patient <= yuan(500)
    assert found.fund <= yuan(42000)
    rows = priced(cases)
    assert sum(row["fund"] for row in rows) == found.advance
    by_id = {case.case_id: row for case, row in zip(cases, rows, strict=True)}
    again = {case.case_id: row for case, row in zip(mixed, priced(mixed), strict=True)}
    assert by_id == again

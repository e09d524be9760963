"""The outlook of a month and its year: what is certain, what is drawn, and what is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outlook_support import BUDGET, DIP, RULES, START, at_hand, cases, office, published
from settlement_support import D, value

from codebooks.errors import GrouperError
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.backtest import backtest, summed
from grouper.forecast.outlook.cases import BASE, MEASURES
from grouper.forecast.outlook.document import document
from grouper.forecast.outlook.history import History, whole_months
from grouper.forecast.outlook.months import at, first, last, number, whole_until
from grouper.forecast.outlook.published import Month, Published
from grouper.forecast.outlook.result import Outlook, Period
from grouper.forecast.outlook.running import Running
from grouper.forecast.outlook.settings import Settings
from grouper.payment.settlement.month import settle_month

MONTH, MIDDLE = "2026-02", date(2026, 2, 10)
"""The last month of the invented cases, and a day of it."""
PART = (DIP, "resident")


def of_part(period: Period, part: tuple[str | None, str | None] = PART) -> Any:
    (found,) = [one for one in period.parts if one.part == part]
    return found


def all_figures(found: Outlook) -> list[Any]:
    return [
        figure
        for period in found.periods
        for figures in (*(one.figures for one in period.parts), period.whole)
        for figure in figures.values()
    ]


def width(figure: Any) -> Decimal:
    found: Decimal = figure.spans[-1].high - figure.spans[-1].low
    return found


def test_the_parts_add_up_and_the_intervals_hold_what_is_expected(tmp_path: Path) -> None:
    found = office(tmp_path).look(MONTH, MIDDLE)
    for period in found.periods:
        assert set(period.whole) == set(MEASURES)
        for name, whole in period.whole.items():
            parts = [one.figures[name] for one in period.parts if name in one.figures]
            for key in ("certain", "running", "coming", "expected"):
                assert getattr(whole, key) == sum(getattr(one, key) for one in parts), (name, key)
        # What is closed is exact: the surplus is the fund's part less what was booked, but of cases
        # whose fund's part is not known.
        assert period.whole["cases"].certain > 0
    for figure in all_figures(found):
        low, high = figure.spans
        assert high.low <= low.low <= figure.expected <= low.high <= high.high
    assert found.later > 0
    assert found.ahead == 2
    assert found.year.whole["fund"].certain > found.month.whole["fund"].certain
    assert found.hospital is None


def test_closed_cases_are_exact_at_the_expected_point_value(tmp_path: Path) -> None:
    known = office(tmp_path)
    found = known.look(MONTH, MIDDLE)
    (worth,) = [one for one in found.month.worths if one.pool == PART]
    rows = known.cases.until(number(MIDDLE)).rows(PART, number(date(2026, 2, 1)), number(MIDDLE))
    exact = known.cases.exact(rows, worth.value)
    part = of_part(found.month)
    assert part.figures["fund"].certain == part.closed["fund"]
    assert abs(part.closed["fund"] - Decimal(float(exact.fund))) <= D("0.01")
    assert part.closed["cases"] == exact.cases


def test_a_closed_and_published_month_has_no_width_and_is_the_settlement(tmp_path: Path) -> None:
    table, rule = cases(), value("point_value_rule", '{"*": fund}')
    found = office(tmp_path, table).look("2025-07", date(2026, 2, 28))
    for figures in (*(one.figures for one in found.month.parts), found.month.whole):
        assert all(span.low == span.high for one in figures.values() for span in one.spans)
    # The open year around it is a fact for what is closed alone.
    assert all(one.basis == "published" for one in found.month.worths)
    # A region without monthly values settles its cases as they were priced.
    priced = office(tmp_path / "2", table, Published(()), settlement=rule)
    other = priced.look("2025-07", date(2026, 2, 28)).month
    settled = settle_month(
        table, region="demo", month="2025-07", at_hand=at_hand(tmp_path / "3", settlement=rule)
    )
    for name in ("amount", "fund", "booked", "surplus"):
        assert other.whole[name].expected == getattr(settled.sums, name), name
        assert width(other.whole[name]) == 0
    assert other.whole["cases"].expected == settled.sums.cases


def test_nothing_later_than_the_day_is_looked_at(tmp_path: Path) -> None:
    """The same outlook, whether the table goes on after the day or not."""
    whole, known = cases(), published()
    days = np.asarray(whole["discharge_time"].cast("date32")).astype("datetime64[D]")
    cut = whole.filter(days <= np.datetime64(MIDDLE))
    one = office(tmp_path, whole, known).look(MONTH, MIDDLE)
    other = office(tmp_path / "2", cut, known.until(START + 12)).look(MONTH, MIDDLE)
    assert document(one.__class__(**{**asdict(one), "later": 0, "ahead": 0})) == document(other)


def asdict(one: Outlook) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def test_neither_order_nor_a_second_run_changes_anything(tmp_path: Path) -> None:
    table = cases()
    order = list(range(len(table)))
    random.Random(7).shuffle(order)  # noqa: S311 -- no secret
    one = office(tmp_path, table).look(MONTH, MIDDLE)
    other = office(tmp_path / "2", table.take(order)).look(MONTH, MIDDLE)
    assert document(one) == document(other)


def test_as_the_month_goes_on_less_is_open(tmp_path: Path) -> None:
    known = office(tmp_path)
    found = [
        known.look(MONTH, day)
        for day in (date(2025, 12, 31), MIDDLE, date(2026, 2, 24), date(2026, 2, 28))
    ]
    for name in ("cases", "booked"):
        widths = [width(one.month.whole[name]) for one in found]
        assert widths == sorted(widths, reverse=True), name
        assert widths[-1] == 0
    assert width(found[-1].month.whole["fund"]) == 0
    years = [width(one.year.whole["fund"]) for one in found]
    assert years[0] > years[-1] > 0


def test_running_cases_stand_beside_those_to_come(tmp_path: Path) -> None:
    known = office(tmp_path)
    day = float(number(date(2026, 2, 15)))
    bounds = {"amount": (4000.0, 5000.0, 7000.0), "fund": (2000.0, 3000.0, 5000.0)}
    running = [
        Running(
            case_id=f"R{place}",
            part=PART,
            level=0.9,
            leaves=(day, day, day),
            amounts={**bounds, "surplus": (-900.0, 0.0, 900.0)},
        )
        for place in range(10)
    ]
    unknown = Running(case_id="X", part=(None, None), level=0.9, leaves=None, amounts={})
    alone = known.look(MONTH, MIDDLE)
    found = known.look(MONTH, MIDDLE, [*running, unknown])
    assert (found.running, found.unknown) == (11, 1)
    with_, without = of_part(found.month).figures, of_part(alone.month).figures
    assert with_["cases"].running == 10
    # They are among those whom the days ahead let expect.
    assert with_["cases"].expected == pytest.approx(without["cases"].expected, abs=1)
    assert with_["fund"].running == pytest.approx(10 * D(3300), rel=D("0.15"))
    booked = with_["fund"].running - with_["surplus"].running
    assert abs(with_["booked"].running - booked) <= D("0.01")
    assert found.inputs != alone.inputs
    # A part that only running cases have.
    new = [
        Running(
            case_id="N",
            part=("bed_day", "resident"),
            level=0.9,
            leaves=(day, day, day),
            amounts={**bounds, "surplus": (0.0, 0.0, 0.0)},
        )
    ]
    part = of_part(known.look(MONTH, MIDDLE, new).month, ("bed_day", "resident"))
    assert part.figures["cases"].running == 1
    assert part.figures["fund"].expected > 0


def test_a_month_ahead_and_one_of_the_next_year(tmp_path: Path) -> None:
    known = office(tmp_path)
    found = known.look("2026-05", date(2026, 2, 28))
    assert found.month.whole["cases"].certain == 0
    assert found.month.whole["cases"].expected == pytest.approx(108, abs=15)
    later = known.look("2027-01", date(2026, 2, 28))
    assert later.year.name == "2027"
    assert later.year.whole["cases"].certain == 0
    assert width(later.year.whole["fund"]) > 0


def test_too_few_months_of_cases_are_refused(tmp_path: Path) -> None:
    known = office(tmp_path, cases(2), published(2))
    found = known.look("2025-03", date(2025, 2, 28))
    for period in found.periods:
        assert period.whole == {}
        assert period.lines == ()
        for part in period.parts:
            assert part.figures == {}
            assert part.reason is not None
            assert part.reason.code == "OUTLOOK_CASES_SHORT"
    assert of_part(found.year).closed["cases"] > 0
    # What is closed needs no forecast.
    closed = known.look("2025-02", date(2025, 2, 28)).month
    assert closed.whole["fund"].expected == closed.whole["fund"].certain


def test_cases_without_a_point_value_stand_as_priced(tmp_path: Path) -> None:
    """Without published months or a budget there is no point value, but the cases have a price."""
    for place, (months, budget) in enumerate(
        ((Published(()), BUDGET), (published(), value("payment_ratio", "{employee: 0.8}")))
    ):
        found = office(tmp_path / str(place), months=months, budget=budget).look(MONTH, MIDDLE)
        reasons = {one.reason.code for one in found.year.worths if one.reason}
        assert reasons == {"OUTLOOK_NOT_PUBLISHED" if not months.months else "POLICY_VALUE_MISSING"}
        assert all(one.value is None for one in found.year.worths)
        assert found.year.whole["fund"].expected > 0
    # As the policy prices them, where it says so.
    own = office(
        tmp_path / "x",
        months=Published(()),
        dip_score=value("point_value", "{employee: 10.8, resident: 10.2}", "CNY/point"),
    )
    dear = of_part(own.look("2026-05", date(2026, 2, 28)).month).figures["amount"].expected
    cheap = of_part(
        office(tmp_path / "y", months=Published(())).look("2026-05", date(2026, 2, 28)).month
    )
    assert float(dear) == pytest.approx(2 * float(cheap.figures["amount"].expected), rel=0.02)


def test_a_method_that_follows_another_shares_its_point_value(tmp_path: Path) -> None:
    table = cases()
    place = table.column_names.index("method")
    words = ["day_ward" if one == "disease_quota" else one for one in table["method"].to_pylist()]
    followed = table.set_column(place, "method", [words])
    own = office(tmp_path, followed, day_ward=value("of", "dip_score"))
    found = own.look(MONTH, MIDDLE)
    assert {one.pool[0] for one in found.month.worths} == {DIP}
    assert of_part(found.month, ("day_ward", "resident")).figures["fund"].expected != 0


def test_a_hospital_with_a_steady_share_and_its_region_move_together(tmp_path: Path) -> None:
    table = cases(15, a_day=6)
    known = office(tmp_path, table)
    rows = []
    for month in known.published.months:
        days = (first(month.month), last(month.month))
        points = known.cases.sum(known.cases.rows(month.pool, *days))[BASE.index("points")]
        total = D(f"{points / 0.4:.2f}")
        rows.append(Month(month=month.month, pool=month.pool, points=total, value=month.value))
    steady = replace(known, published=Published.of(rows))
    found = steady.look(MONTH, MIDDLE)
    assert "led_points" in [line.name for line in found.month.worths[0].lines]
    # A month with many cases has a low point value: what they are worth hardly moves.
    alone = known.look(MONTH, MIDDLE)
    for pool in ((DIP, "employee"), PART):
        both = (of_part(one.month, pool).figures["amount"] for one in (found, alone))
        narrow, wide = (float(width(one) / one.expected) for one in both)
        assert narrow < 0.7 * wide


def test_data_that_begin_late_in_a_month_or_hold_a_part_seldom(tmp_path: Path) -> None:
    table = cases(5)
    days = np.asarray(table["discharge_time"].cast("date32")).astype("datetime64[D]")
    late = table.filter(days >= np.datetime64("2025-01-10"))
    assert len(whole_months(office(tmp_path, late).cases, Settings.shipped())) == 4
    early = office(tmp_path / "2", late).cases.until(number(date(2025, 1, 9)))
    assert len(whole_months(early, Settings.shipped())) == 0
    found = History.of(early, PART, Settings.shipped())
    assert found.weekdays.tolist() == [1.0] * 7
    assert found.exposure(10, 9) == 0
    # A method that only the running month has is drawn by chance alone.
    place = table.column_names.index("method")
    words = table["method"].to_pylist()
    words[-1] = "bed_day"
    known = office(tmp_path / "3", table.set_column(place, "method", [words]))
    (one,) = [p for p in known.cases.parts if p[0] == "bed_day"]
    assert of_part(known.look("2025-06").month, one).figures["cases"].expected < 3


def test_what_cannot_be_asked(tmp_path: Path) -> None:
    known = office(tmp_path)
    for month, day, code in (
        ("2026-2", None, "OUTLOOK_MONTH"),
        ("2028-01", None, "OUTLOOK_HORIZON"),
        (MONTH, date(2024, 12, 31), "OUTLOOK_BEFORE"),
    ):
        with pytest.raises(ForecastError, match=code):
            known.look(month, day)
    with pytest.raises(ForecastError, match="OUTLOOK_EMPTY"):
        office(tmp_path / "2", cases(1).slice(0, 0)).look(MONTH)
    late = known.look("2026-04", date(2026, 4, 1))
    assert [note.code for note in late.notes] == ["OUTLOOK_DATA_END"]


def test_a_region_that_says_nothing_of_the_month_has_no_prepayment(tmp_path: Path) -> None:
    found = office(tmp_path).look(MONTH, MIDDLE)
    assert [one.name for one in of_part(found.month).lines] == ["fund", "due", "kept_back", "paid"]
    assert [one.name for one in of_part(found.year).lines] == ["fund"]
    assert [one.name for one in found.month.lines] == ["fund", "surplus"]
    fund, due, back, paid = (D(str(one.value)) for one in of_part(found.month).lines)
    assert due == round(fund * D("0.95"), 2)
    assert paid == due - back
    assert RULES


def test_the_back_test_holds_each_try_against_what_came(tmp_path: Path) -> None:
    known = office(tmp_path, cases(20, a_day=1), published(20))
    tries = backtest(known)
    settled_figures = {"amount", "fund", "booked", "surplus"}
    assert {one.what for one in tries} == {"month_value", "year_value", *settled_figures}
    # A year that is still open has not come.
    assert {one.month[:4] for one in tries if one.what == "year_value"} == {"2025"}
    months = {one.month for one in tries}
    assert min(months) == "2025-07"
    assert max(months) == "2026-08"
    assert {one.day for one in tries} == {0, 15}
    found = summed([one for one in tries if one.month > "2026-01"])
    values = next(one for one in found if (one.what, one.day) == ("month_value", 0))
    assert values.tries == 2 * 7
    # With a season that was seen once the model is better than the value last published.
    assert 0 < values.error < values.baseline
    assert values.covered[0.8] <= values.covered[0.9]
    assert values.width[0.8] < values.width[0.9]
    # What came is what the closed and published month gives.
    came = {one.came for one in tries if one.what == "booked" and one.month == "2025-09"}
    settled = settle_month(
        cases(20, a_day=1), region="demo", month="2025-09", at_hand=at_hand(tmp_path / "again")
    )
    assert came == {float(settled.sums.booked)}
    # Half a month later less is open.
    by_day = {one.day: one.width[0.9] for one in found if one.what == "booked"}
    assert by_day[15] < by_day[0]


def test_the_hash_of_what_was_known_covers_all_that_is_published(tmp_path: Path) -> None:
    known = office(tmp_path)
    before = known.look(MONTH, MIDDLE)
    earliest = known.published.months[0]
    for change in ({"own": D("1.5")}, {"budget": D("12345678")}, {"points": earliest.points + 1}):
        months = (replace(earliest, **change), *known.published.months[1:])
        other = replace(known, published=Published.of(months))
        assert other.look(MONTH, MIDDLE).inputs != before.inputs
    assert known.look(MONTH, MIDDLE).inputs == before.inputs


def test_the_end_of_the_calendar_is_no_fault(tmp_path: Path) -> None:
    assert whole_until(number(date.max)) == at(date.max)
    assert whole_until(number(date(2026, 2, 27))) == at(date(2026, 1, 31))
    with pytest.raises(GrouperError) as caught:
        office(tmp_path).look("9999-12", date.max, [])
    assert caught.value.code == "POLICY_MISSING"

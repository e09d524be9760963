"""Monthly series, the region's points and the point value: forecast, intervals and their laws."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from outlook_support import DIP, START, at_hand, published
from settlement_support import D, value

from codebooks.policies.yaml_nodes import PolicyError
from grouper.forecast.outlook.published import Month, Published, Status
from grouper.forecast.outlook.region import OwnPoints, totals
from grouper.forecast.outlook.result import Basis
from grouper.forecast.outlook.series import fit
from grouper.forecast.outlook.settings import Settings
from grouper.forecast.outlook.value import many, month_value, rules, worth
from grouper.forecast.outlook.worths import PoolOutlook, Valued
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.looked import Looked
from grouper.payment.settlement.point_value import by_budget, by_fund

OURS = Settings.shipped().drawing(400)
POOL = (DIP, "employee")
SEASON = np.array([0.05, -0.1, 0.04, 0, 0, 0, -0.02, -0.02, 0, 0, 0.02, 0.03])


def looked(tmp_path: Path, **topics: str) -> Looked:
    facts = {"method": DIP, "insurance": "employee"}
    return Looked(at_hand(tmp_path, **topics).on("demo", date(2026, 12, 31)), facts)


def series(count: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    months = np.arange(START, START + count, dtype=np.int64)
    chance = np.random.default_rng(seed).normal(0, noise, count)
    return months, 10 + SEASON[months % 12] + chance


def test_a_season_is_learned_when_months_come_back() -> None:
    months, values = series(36, 0.005, 1)
    wanted = np.arange(START + 36, START + 48, dtype=np.int64)
    found = fit(months, values, OURS).middle(wanted)
    assert np.abs(found - 10 - SEASON[wanted % 12]).max() < 0.02
    # Of three months no season can be known: the forecast stays near the level, the spread is wide.
    early = fit(months[:3], values[:3], OURS)
    assert np.abs(early.middle(wanted[3:]) - values[:3].mean()).max() < 0.05
    drawn = early.draw(wanted, OURS.chance("x"), OURS.chance("y").random((400, 12)))
    assert drawn.std(axis=0).min() > 0.03


def test_a_series_does_not_depend_on_its_order_and_draws_again_alike() -> None:
    months, values = series(20, 0.02, 3)
    order = np.random.default_rng(4).permutation(20)
    one, other = fit(months, values, OURS), fit(months[order], values[order], OURS)
    wanted, places = np.arange(START + 20, START + 24), OURS.chance("p").random((400, 4))
    assert np.array_equal(
        one.draw(wanted, OURS.chance("c"), places), other.draw(wanted, OURS.chance("c"), places)
    )


def test_what_was_left_over_is_carried_on_where_one_month_follows_the_other() -> None:
    months = np.arange(START, START + 30, dtype=np.int64)
    steps = np.repeat([0.0, 0.2], 15)
    found = fit(months, 10 + steps, OURS)
    assert found.follows > 0.2
    chance = fit(months, 10 + np.tile([0.1, -0.1], 15), OURS)
    assert chance.follows == 0
    assert fit(months[:1], np.array([3.0]), OURS).follows == 0


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 11))
def test_more_published_months_do_not_widen_the_year(seed: int, known: int) -> None:
    """Each month that closes leaves less to be drawn; chance may move the width a little."""

    def width(count: int) -> float:
        rows = published(12 + count, seed=seed).of_pool(POOL)
        found = totals(POOL, rows, START // 12 + 1, OwnPoints(), OURS)
        year = found.sum(range(START + 12, START + 24), OURS.draws)
        return float(np.subtract(*np.quantile(year, [0.95, 0.05])))

    assert width(known) < width(known - 3) * 1.25
    assert width(12) == 0


def test_the_hospital_leads_where_its_share_is_steady() -> None:
    rows = published(18).of_pool(POOL)
    share = {one.month: float(one.points) * 0.3 for one in rows}
    month = START + 18
    draws = np.full(OURS.draws, 0.3 * 90_000.0)
    own = OwnPoints(share, {month: draws}, {})
    led = totals(POOL, rows, START // 12 + 1, own, OURS)
    alone = totals(POOL, rows, START // 12 + 1, OwnPoints(), OURS)
    assert alone.led is None
    assert led.led is not None
    assert led.led > 0.9
    assert led.share == pytest.approx(0.3)
    # A share without any chance and a known volume leave nothing open.
    assert led.draws[month] == pytest.approx(90_000)
    assert alone.draws[month].std() > 1000
    # A share that moves leads nobody.
    moving = {m: p * (1 + 0.3 * (m % 2)) for m, p in share.items()}
    unsteady = totals(POOL, rows, START // 12 + 1, OwnPoints(moving, {month: draws}), OURS)
    assert unsteady.led is None


def test_what_is_unsure_of_the_hospital_is_brought_together_with_the_region() -> None:
    rows = published(18).of_pool(POOL)
    chance = np.random.default_rng(1).normal(0, 0.05, OURS.draws)
    month, share = START + 18, {one.month: float(one.points) * 0.3 for one in rows}
    draws = 0.3 * 90_000.0 * np.exp(chance)
    own = OwnPoints(share, {month: draws}, {month: draws / 2})
    found = totals(POOL, rows, START // 12 + 1, own, OURS)
    after = draws / 2 + draws / 2 * found.moved[month]
    # Afterwards the share holds in every draw, as it always did.
    assert after / found.draws[month] == pytest.approx(0.3, rel=0.01)
    assert found.draws[month].std() < totals(POOL, rows, 2026, OwnPoints(), OURS).draws[month].std()


def test_a_region_has_no_fewer_points_than_the_hospital() -> None:
    rows = published(14).of_pool(POOL)
    own = OwnPoints({}, {START + 14: np.full(OURS.draws, 1e9)}, {})
    assert totals(POOL, rows, 2026, own, OURS).draws[START + 14].min() == 1e9


# ---- the rules


def test_a_month_has_a_twelfth_of_the_year(tmp_path: Path) -> None:
    own = looked(tmp_path)
    found = month_value(own, rules(own), 3, [D(70_000), D(60_000), D(80_000)])
    assert found.value == by_fund(own, D(80_000), fund=D(4_000_000) / 12).value
    assert [one.name for one in found.lines] == ["fund_available", "payments", "point_value"]


def test_a_year_to_date_counts_all_its_months(tmp_path: Path) -> None:
    rule = value("point_value_rule", '{"*": budget}')
    rule += value("month_point_value", '{"*": year_to_date}')
    own = looked(tmp_path, settlement=rule)
    money = rules(own)
    found = month_value(own, money, 3, [D(70_000), D(60_000), D(80_000)])
    assert found.value == by_budget(own, D(210_000), budget=D(1_000_000), outside=D(0)).value
    assert worth(own, money, D(800_000), Fraction(1)).value == by_budget(own, D(800_000)).value
    stated = rules(own, budget=D(8_000_000))
    assert worth(own, stated, D(800_000), Fraction(1)).value == D("10.0000")


def test_the_rule_of_years_before_needs_whole_years(tmp_path: Path) -> None:
    own = looked(tmp_path, settlement=value("point_value_rule", '{"*": forecast}'))
    months = published(24).of_pool(POOL)
    money = rules(own, before=months, year=2027)
    assert len(money.years) == 2
    found = worth(own, money, D(1), Fraction(1)).value
    assert many(own, money, np.array([1.0, 2.0]), Fraction(1)) == pytest.approx(float(found))
    short = rules(own, before=months[1:], year=2027)
    assert len(short.years) == 1
    with pytest.raises(SettlementError, match="SETTLE_YEARS"):
        worth(own, rules(own, before=months, year=2030), D(1), Fraction(1))


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(10**3, 10**9), st.sampled_from(["fund", "budget"]), st.sampled_from([1, 3, 12]))
def test_drawn_values_are_those_of_the_settlement(
    tmp_path_factory: pytest.TempPathFactory, points: int, rule: str, months: int
) -> None:
    """The one division that is done for many totals gives what the settlement's formula gives."""
    own = looked(
        tmp_path_factory.mktemp("p"), settlement=value("point_value_rule", f'{{"*": {rule}}}')
    )
    money, share = rules(own), Fraction(months, 12)
    (found,) = many(own, money, np.array([float(points)]), share)
    assert found == pytest.approx(float(worth(own, money, D(points), share).value), abs=1.01e-4)


# ---- a pool


def pool(tmp_path: Path, months: Published, month: int, **topics: str) -> tuple[Valued, Valued]:
    own = looked(tmp_path, **topics)
    found = PoolOutlook(POOL, month, (own, own), months, OwnPoints(), OURS).both()
    return found[0], found[1]


def test_a_published_month_is_a_fact_and_an_open_one_is_not(tmp_path: Path) -> None:
    months = published(14)
    month, year = pool(tmp_path, months, START + 13)
    (row,) = [one for one in months.of_pool(POOL) if one.month == START + 13]
    assert (month.told.value, month.told.basis) == (row.value, Basis.PUBLISHED)
    assert all(span.low == span.high == row.value for span in month.told.spans)
    assert year.told.basis is Basis.FORECAST
    names = [line.name for line in year.told.lines]
    assert names[:3] == ["published_points", "open_points", "total_points"]
    open_, _ = pool(tmp_path / "2", months, START + 14)
    assert open_.told.basis is Basis.FORECAST
    assert open_.told.baseline == row.value
    for span in open_.told.spans:
        assert span.low < open_.told.value < span.high
    wide = {span.level: span.high - span.low for span in open_.told.spans}
    assert wide[0.8] < wide[0.9]
    assert not open_.told.notes


def test_a_closed_year_is_a_fact(tmp_path: Path) -> None:
    months = published(24)
    _, year = pool(tmp_path, months, START + 20)
    total = sum(one.points for one in months.of_pool(POOL)[12:])
    own = looked(tmp_path / "2")
    assert year.told.value == by_fund(own, total, fund=D(4_000_000)).value
    assert year.told.basis is Basis.CLOSED
    assert all(span.low == span.high for span in year.told.spans)
    final = value("point_value_rule", '{"*": fund}') + value(
        "final_point_value", "{employee: {dip_score: 5.5}}"
    )
    _, year = pool(tmp_path / "3", published(3), START + 2, settlement=final)
    assert (year.told.value, year.told.basis) == (D("5.5"), Basis.FINAL)


def test_too_little_history_is_refused_or_told(tmp_path: Path) -> None:
    month, year = pool(tmp_path, published(2), START + 2)
    for one in (month, year):
        assert one.told.value is None
        assert one.draws is None
        assert one.told.reason is not None
        assert one.told.reason.code == "OUTLOOK_HISTORY_SHORT"
        assert one.told.reason.params == {"found": 2, "wanted": 3}
    month, _ = pool(tmp_path / "2", published(4), START + 4)
    assert [note.code for note in month.told.notes] == ["OUTLOOK_HISTORY_THIN"]
    none, _ = pool(tmp_path / "3", Published(()), START + 4)
    assert none.told.reason is not None
    assert none.told.reason.code == "OUTLOOK_NOT_PUBLISHED"
    wide, _ = pool(tmp_path / "4", published(16), START + 16)
    assert width(month) > 1.3 * width(wide)


def width(one: Valued) -> float:
    span = one.told.spans[-1]
    return float(span.high - span.low)


def test_without_a_budget_there_is_no_number(tmp_path: Path) -> None:
    nothing = value("payment_ratio", "{employee: 0.8}")
    month, year = pool(tmp_path, published(14), START + 14, budget=nothing)
    for one in (month, year):
        assert one.told.value is None
        assert one.told.reason is not None
        assert one.told.reason.code == "POLICY_VALUE_MISSING"
        assert one.told.reason.params["path"] == "budget.annual_budget"
    spent = value("annual_budget", "{employee: {dip_score: 5}}", "CNY/year")
    spent += value("outside_spending", "{employee: {dip_score: 9}}", "CNY/year")
    spent += value("payment_ratio", "{employee: 0.8}")
    rule = value("point_value_rule", '{"*": budget}')
    _, year = pool(tmp_path / "2", published(14), START + 14, budget=spent, settlement=rule)
    assert year.told.reason is not None
    assert year.told.reason.code == "SETTLE_BUDGET_SPENT"


def test_months_without_a_value_of_their_own_stand_as_priced(tmp_path: Path) -> None:
    rule = value("point_value_rule", '{"*": fund}')
    month, year = pool(tmp_path, published(14), START + 14, settlement=rule)
    assert month.told.value is None
    assert month.told.reason is not None
    assert month.told.reason.code == "OUTLOOK_NO_MONTH_VALUE"
    assert year.told.value is not None
    # A published month needs no rule.
    month, _ = pool(tmp_path / "2", published(14), START + 13, settlement=rule)
    assert month.told.basis is Basis.PUBLISHED


def test_what_does_not_fit_the_budget_is_told(tmp_path: Path) -> None:
    months = published(14)
    rows = [
        Month(month=one.month, pool=one.pool, points=one.points, value=one.value * 2)
        if one.month == START + 13
        else one
        for one in months.months
    ]
    month, _ = pool(tmp_path, Published.of(rows), START + 13)
    assert [note.code for note in month.told.notes] == ["OUTLOOK_IDENTITY"]
    early = published(14, status=Status.PRELIMINARY)
    month, year = pool(tmp_path / "2", early, START + 13)
    for one in (month, year):
        assert [note.code for note in one.told.notes] == ["OUTLOOK_PRELIMINARY"]
        assert one.told.notes[0].params == {"months": 2}
    lacking = value("payment_ratio", "{employee: 0.8}")
    month, _ = pool(tmp_path / "3", months, START + 13, budget=lacking)
    assert month.told.notes == ()


def test_a_year_to_date_value_needs_all_months(tmp_path: Path) -> None:
    rule = value("point_value_rule", '{"*": fund}')
    rule += value("month_point_value", '{"*": year_to_date}')
    month, _ = pool(tmp_path, published(14), START + 15, settlement=rule)
    assert [line.name for line in month.told.lines][:3] == [
        *("published_points", "open_points", "total_points"),
    ]
    gap = Published.of([one for one in published(14).months if one.month != START + 12])
    month, _ = pool(tmp_path / "2", gap, START + 13, settlement=rule)
    assert month.told.notes == ()


def test_a_rule_that_the_policy_lacks(tmp_path: Path) -> None:
    own = looked(tmp_path, settlement=value("month_point_value", "{dip_score: month}"))
    with pytest.raises(PolicyError):
        rules(own.of(method="by_item"))

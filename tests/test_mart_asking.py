"""The mart asked: against plain readings of the same facts, within the reach, in exact amounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import fields
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from mart_support import fact, mart, ratio

from grouper.mart.answers import (
    BY,
    CHOICES,
    CONTROL,
    MEASURES,
    ROWS,
    SPREAD,
    STRUCTURE,
    TREND,
    WATERFALL,
    Headline,
    Interval,
    Measure,
)
from grouper.mart.asking.headline import wilson
from grouper.mart.errors import MartError
from grouper.mart.facts import NANO
from grouper.mart.mart import Mart
from grouper.mart.slices import Axis, Slice

SINCE, UNTIL = date(2026, 3, 1), date(2026, 4, 1)
D = Decimal


def cut(**known: Any) -> Slice:
    return Slice(**{"since": SINCE, "until": UNTIL, "reach": None} | known)


MONEY = st.one_of(st.none(), st.integers(-5_000, 900_000))
ROW = st.fixed_dictionaries(
    {
        "department": st.sampled_from([None, "D1", "D2"]),
        "physician": st.sampled_from(["P1", "P2"]),
        "group": st.sampled_from([None, "G1", "G2", "G3"]),
        "status": st.sampled_from(["grouped", "invalid"]),
        "pay_status": st.sampled_from(["priced", "unpriced"]),
        "band": st.sampled_from([None, "normal", "high", "low", "capped"]),
        "kind": st.sampled_from(["inpatient", "outpatient"]),
        "insurance": st.sampled_from([None, "employee", "resident"]),
        "day": st.dates(date(2026, 2, 25), date(2026, 4, 3)),
        "cost": MONEY,
        "amount": MONEY,
        "patient": MONEY,
        "deducted": st.integers(0, 5_000),
        "standard": MONEY,
        "days": st.one_of(st.none(), st.integers(0, 60)),
        "weight": st.one_of(st.none(), st.integers(0, 9 * NANO)),
        "died": st.sampled_from([None, True, False]),
    }
)


def plain(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of some facts, reckoned one by one."""

    def stated(values: list[Any]) -> list[Any]:
        return [one for one in values if one is not None]

    def yuan(name: str) -> Decimal | None:
        known = stated([row[name] for row in rows])
        return D(sum(known)).scaleb(-2) if known else None

    def mean(values: list[Any], scale: Decimal, places: str) -> Decimal | None:
        known = stated(values)
        if not known:
            return None
        return (D(sum(known)) / len(known) * scale).quantize(D(places), ROUND_HALF_UP)

    weights = stated([row["weight"] for row in rows])
    nano = D(1) / NANO
    return {
        "cases": len(rows),
        "groups": len(
            {row["group"] for row in rows if row["status"] == "grouped" and row["group"]}
        ),
        "ungrouped": sum(row["status"] != "grouped" for row in rows),
        "unpriced": sum(row["pay_status"] != "priced" for row in rows),
        "high": sum(row["band"] == "high" for row in rows),
        "low": sum(row["band"] == "low" for row in rows),
        "losing": sum((row["surplus"] or 0) < 0 for row in rows),
        "deaths": sum(bool(row["died"]) for row in rows),
        "weight": (D(sum(weights)) * nano).quantize(D("0.000001"), ROUND_HALF_UP)
        if weights
        else None,
        "cmi": mean(weights, nano, "0.0001"),
        **{name: yuan(name) for name in ("cost", "amount", "fund", "patient", "surplus")},
        "mean_cost": mean([row["cost"] for row in rows], D("0.01"), "0.01"),
        "mean_days": mean([row["days"] for row in rows], D(1), "0.01"),
        "cost_index": mean([ratio(row, "cost") for row in rows], nano, "0.0001"),
        "time_index": mean([ratio(row, "days") for row in rows], nano, "0.0001"),
    }


def near(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Equal; indices of doubles to their last place."""
    for name in MEASURES.names:
        if name.endswith("_index") and wanted[name] is not None:
            assert abs(found[name] - wanted[name]) <= D("0.0001"), name
        else:
            assert found[name] == wanted[name], name


@settings(max_examples=examples(10), deadline=None)
@given(st.lists(ROW, max_size=12))
def test_figures_are_those_of_a_plain_reading(drawn: list[dict[str, Any]]) -> None:
    rows = [fact(number, **row) for number, row in enumerate(drawn)]
    mine = [row for row in rows if SINCE <= row["day"] < UNTIL and row["kind"] == "inpatient"]
    with TemporaryDirectory() as folder, mart(Path(folder), rows) as found:
        headline = found.headline(cut())
        wanted = plain(mine)
        if mine:
            near({name: getattr(headline, name).value for name in FIGURES}, wanted)
        assert found.count(cut()) == headline.cases.value == len(mine)
        for axis in (Axis.DEPARTMENT, Axis.GROUP, Axis.INSURANCE, Axis.BAND):
            by: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
            for row in mine:
                by[row[axis.value]].append(row)
            table = {row["value"]: row for row in found.by(cut(), axis).to_pylist()}
            assert table.keys() == by.keys()
            for value, part in by.items():
                near(table[value], plain(part))
            # Whatever tells them apart, the parts add up to the whole.
            for name in ("cases", "losing", "deaths"):
                assert sum(row[name] for row in table.values()) == getattr(headline, name).value
            for name in ("cost", "amount", "fund", "surplus"):
                parts = [row[name] for row in table.values() if row[name] is not None]
                assert (sum(parts) if parts else None) == getattr(headline, name).value
        steps = {row["step"]: row for row in found.waterfall(cut()).to_pylist()}
        known = [row for row in mine if row["surplus"] is not None]
        assert steps["cost"]["amount"] == D(sum(row["cost"] for row in known)).scaleb(-2)
        assert steps["surplus"]["amount"] == D(sum(row["surplus"] for row in known)).scaleb(-2)
        # What the waterfall does not count is all that is missing to the whole.
        left = found.unreckoned(cut())
        assert left.cases == len(mine) - len(known)
        assert steps["cost"]["amount"] + left.cost == (headline.cost.value or 0)
        dues = (row["amount"] for row in mine if row["surplus"] is None)
        assert left.amount == D(sum(one or 0 for one in dues)).scaleb(-2)
        level = reached = D(0)
        for row in steps.values():
            assert row["start"] == (0 if row["total"] else level)
            level = row["start"] + row["amount"]
            assert row["end"] == level
            if row["step"] in {"standard", "income", "surplus"}:
                # A total is where the changes before it have led.
                assert reached == level
            reached = level


FIGURES = tuple(name for name in MEASURES.names)


def many(folder: Path) -> Any:
    rows = [
        fact(1, department="D1", cost=100_00, amount=90_00, patient=10_00, days=3, weight=NANO),
        fact(2, department="D1", cost=300_00, amount=200_00, patient=0, days=5, weight=2 * NANO),
        fact(3, department="D2", cost=50_00, amount=90_00, patient=0, days=2, group="G2"),
        fact(4, department="D3", cost=70_00, kind="outpatient", physician="P9"),
        fact(5, department=None, cost=10_00, status="invalid", group=None),
        fact(6, department="D1", cost=500_00, day=date(2026, 2, 20), died=True),
    ]
    return mart(folder, rows, names={"department": {"D1": "一科"}})


ALL: dict[str, Callable[[Mart, Slice], int]] = {
    "by": lambda one, asked: one.by(asked, Axis.DEPARTMENT).num_rows,
    "trend": lambda one, asked: one.trend(asked).num_rows,
    "structure": lambda one, asked: one.structure(asked).num_rows,
    "spread": lambda one, asked: one.spread(asked).num_rows,
    "control": lambda one, asked: one.control(asked, Measure.MEAN_COST).num_rows,
    "rows": lambda one, asked: one.rows(asked).num_rows,
    "count": lambda one, asked: one.count(asked),
    "choices": lambda one, asked: one.choices(asked, Axis.DEPARTMENT).num_rows,
    "headline": lambda one, asked: int(one.headline(asked).cases.value or 0),
}


@pytest.mark.parametrize("question", ALL)
def test_nobody_is_told_of_what_lies_beyond_the_reach(question: str, tmp_path: Path) -> None:
    with many(tmp_path) as found:
        ask = ALL[question]
        assert ask(found, cut(reach=())) == 0
        assert ask(found, cut(reach=("D1",), groups=("G2",))) == 0
        assert ask(found, cut(reach=("D9",))) == 0


def test_reach_and_filters_bound_every_answer(tmp_path: Path) -> None:
    with many(tmp_path) as found:
        # A case without a department is seen by those alone who see all.
        assert found.count(cut()) == 4
        assert found.count(cut(reach=("D1", "D2", "D3"))) == 3
        assert found.count(cut(kinds=("outpatient",))) == 1
        assert found.count(cut(kinds=("inpatient", "outpatient"))) == 5
        assert found.count(cut(statuses=("invalid",))) == 1
        assert found.count(cut(groups=("G2",))) == 1
        assert found.count(cut(physicians=("P9",))) == 0
        # A filter shows all it offers within the reach, not what it has left over.
        told = found.choices(cut(departments=("D2",)), Axis.DEPARTMENT)
        assert told.to_pylist() == [
            {"value": "D1", "name": "一科", "cases": 2},
            {"value": "D2", "name": "", "cases": 1},
        ]
        seen = found.choices(cut(reach=("D2",)), Axis.DEPARTMENT)["value"].to_pylist()
        assert seen == ["D2"]
        # What is written into a filter is a value and never SQL.
        assert found.count(cut(groups=("G1') OR ('1'='1",))) == 0


def test_the_headline_says_what_was_before_and_how_sure_it_is(tmp_path: Path) -> None:
    rows = [fact(n, cost=(100 + n) * 100, amount=100_00, patient=0) for n in range(10)]
    rows += [fact(20, cost=90_00, day=date(2026, 2, 3))]
    with mart(tmp_path, rows) as found:
        assert found.headline(cut()).cost.before is None  # The mart begins after 29 January.
        week = cut(since=date(2026, 3, 10), until=date(2026, 3, 11))
        assert found.headline(week).cases.before == 0
        feb = cut(since=date(2026, 3, 1), until=date(2026, 3, 29))
        told = found.headline(feb)
        assert (told.cost.value, told.cost.before) == (D("1045.00"), D("90.00"))
        # Ten cases 100 … 109: the deviation is 3.0277, of the mean 0.9574; times 1.96.
        assert told.mean_cost.value == D("104.50")
        assert (told.mean_cost.low, told.mean_cost.high) == (D("102.62"), D("106.38"))
        assert told.mean_cost.interval is Interval.MEAN
        assert told.losing_share.value == D("0.9000")
        assert (told.losing_share.low, told.losing_share.high) == (D("0.5958"), D("0.9821"))
        assert told.losing_share.of == 10
        assert told.death_share.value is None
        assert told.cmi.value is None
        one = found.headline(cut(since=date(2026, 2, 3), until=date(2026, 2, 4)))
        assert (one.mean_cost.value, one.mean_cost.low) == (D("90.00"), None)


def test_an_interval_of_none_or_all_stays_within_bounds() -> None:
    assert wilson(0, 10) == (D("0.0000"), D("0.2775"))
    assert wilson(10, 10) == (D("0.7225"), D("1.0000"))


def test_a_slice_without_cases_has_empty_answers(tmp_path: Path) -> None:
    with many(tmp_path) as found:
        none = cut(since=date(2030, 1, 1), until=date(2030, 2, 1))
        told = found.headline(none)
        assert told.cases.value == 0
        assert {one.name for one in fields(Headline) if getattr(told, one.name).value} == set()
        for axis in Axis:
            assert found.by(none, axis).schema == BY
            assert found.choices(none, axis).schema == CHOICES
        assert found.trend(none, axis=Axis.GROUP).schema == TREND
        assert found.structure(none, Axis.GROUP).schema == STRUCTURE
        assert found.spread(none, Axis.GROUP).schema == SPREAD
        assert found.rows(none).schema == ROWS
        for measure in Measure:
            assert found.control(none, measure).schema == CONTROL
            assert found.control(none, measure, Axis.DEPARTMENT).num_rows == 0
        steps = found.waterfall(none)
        assert steps.schema == WATERFALL
        assert set(steps["amount"].to_pylist()) == {D("0.00")}


def test_a_mart_without_cases_can_be_asked(tmp_path: Path) -> None:
    with mart(tmp_path, []) as found:
        assert (found.about.cases, found.about.first, found.about.months) == (0, None, ())
        assert found.headline(cut()).cases.value == 0
        assert found.by(cut(), Axis.GROUP).num_rows == 0


def test_orders_are_of_known_columns_alone(tmp_path: Path) -> None:
    with many(tmp_path) as found:
        dear = found.by(cut(), Axis.DEPARTMENT, order="cost", descending=True, limit=2)
        assert dear["value"].to_pylist() == ["D1", "D2"]
        assert found.by(cut(), Axis.DEPARTMENT)["value"].to_pylist() == ["D1", "D2", None]
        with pytest.raises(MartError) as refused:
            found.by(cut(), Axis.DEPARTMENT, order="cost; DROP TABLE facts")
        assert refused.value.code == "MART_ORDER"
        with pytest.raises(MartError, match="MART_ORDER"):
            found.rows(cut(), order="person")
        with pytest.raises(MartError, match="MART_STEP"):
            found.trend(cut(), step="decade")


@pytest.mark.parametrize("order", ROWS.names)
def test_pages_of_rows_go_on_where_they_ended(order: str, tmp_path: Path) -> None:
    with many(tmp_path) as found:
        whole = found.rows(cut(), order=order, descending=False)
        pages = [
            found.rows(cut(), order=order, descending=False, start=start, limit=1).to_pylist()
            for start in range(5)
        ]
        assert [row for page in pages for row in page] == whole.to_pylist()
        assert len(whole) == 4


def test_a_row_says_what_the_case_is(tmp_path: Path) -> None:
    with many(tmp_path) as found:
        row = found.rows(cut(), order="cost", limit=1).to_pylist()[0]
    assert row["case_id"] == "C0002"
    assert (row["department_name"], row["group_name"]) == ("一科", "一组")
    assert (row["cost"], row["surplus"], row["weight"]) == (D(300), D(-100), D(2))
    # Of group means of 1,000 yuan and 5 days.
    assert (row["cost_index"], row["time_index"]) == (D("0.3000"), D("1.0000"))


def test_a_trend_has_its_periods_in_order(tmp_path: Path) -> None:
    with many(tmp_path) as found:
        wide = cut(since=date(2026, 2, 1))
        months = found.trend(wide).to_pylist()
        assert [(row["period"], row["cases"], row["value"]) for row in months] == [
            (date(2026, 2, 1), 1, None),
            (date(2026, 3, 1), 4, None),
        ]
        weeks = found.trend(wide, axis=Axis.DEPARTMENT, step="week").to_pylist()
        assert weeks[0]["period"] == date(2026, 2, 16)
        assert [row["name"] for row in weeks] == ["一科", "一科", "", ""]


def test_structure_is_of_the_charges_by_class(tmp_path: Path) -> None:
    rows = [
        fact(1, class_01=30_00, class_09=70_00, class_none=0),
        fact(2, class_09=50_00, class_none=50_00, department="D2"),
        fact(3, department="D3"),
    ]
    with mart(tmp_path, rows) as found:
        told = found.structure(cut(), Axis.DEPARTMENT).to_pylist()
        assert [(row["value"], row["cost_class"], row["amount"], row["share"]) for row in told] == [
            ("D1", "01", D(30), D("0.3")),
            ("D1", "09", D(70), D("0.7")),
            ("D2", "09", D(50), D("0.5")),
            ("D2", None, D(50), D("0.5")),
        ]
        whole = found.structure(cut())
        assert whole["share"].to_pylist() == [D("0.15"), D("0.6"), D("0.25")]


def test_a_spread_shows_values_that_occur(tmp_path: Path) -> None:
    rows = [fact(n, cost=n * 100_00, days=n) for n in range(1, 21)]
    with mart(tmp_path, rows) as found:
        cost, days = found.spread(cut(), Axis.GROUP).to_pylist()
    assert [cost[name] for name in ("p05", "p25", "p50", "p75", "p95")] == [
        D(100),
        D(500),
        D(1000),
        D(1500),
        D(1900),
    ]
    assert (cost["reference"], cost["cases"], cost["measure"]) == (D(1000), 20, "cost")
    assert (days["p50"], days["reference"]) == (D(10), D(5))


def test_limits_of_months_come_from_their_moves(tmp_path: Path) -> None:
    rows = [
        fact(n, cost=cost * 100, day=date(2026, n, 5))
        for n, cost in enumerate([10, 12, 11, 12, 10, 30], 1)
    ]
    with mart(tmp_path, rows) as found:
        wide = cut(since=date(2026, 1, 1), until=date(2026, 7, 1))
        told = found.control(wide, Measure.MEAN_COST).to_pylist()
        # Mean 14.1667; moves 2, 1, 1, 2, 20: mean 5.2, times 2.66 is 13.832.
        assert told[0]["centre"] == pytest.approx(85 / 6)
        assert told[0]["high"] == pytest.approx(85 / 6 + 13.832)
        assert [row["outside"] for row in told] == [False] * 5 + [True]
        alone = found.control(cut(), Measure.MEAN_COST).to_pylist()[0]
        assert (alone["low"], alone["outside"]) == (None, False)


def test_a_funnel_is_narrow_where_cases_are_many(tmp_path: Path) -> None:
    rows = [fact(n, band="high" if n % 10 == 0 else "normal") for n in range(90)]
    rows += [fact(100 + n, department="D2", band="high") for n in range(10)]
    with mart(tmp_path, rows) as found:
        large, small = found.control(cut(), Measure.HIGH_SHARE, Axis.DEPARTMENT).to_pylist()
    # 19 of 100 are high: 3 standard errors are 3 × √(0.19 × 0.81 ÷ n).
    assert large["centre"] == small["centre"] == pytest.approx(0.19)
    assert large["high"] == pytest.approx(0.19 + 3 * (0.19 * 0.81 / 90) ** 0.5)
    assert small["high"] == pytest.approx(0.19 + 3 * (0.19 * 0.81 / 10) ** 0.5)
    assert (small["low"], small["outside"], large["outside"]) == (0.0, True, False)


def test_days_that_run_backwards_are_refused() -> None:
    with pytest.raises(MartError, match="MART_DAYS_BACKWARDS"):
        cut(until=SINCE)
    assert cut().before().since == SINCE - timedelta(days=31)

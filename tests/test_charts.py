"""Charts on their data: what they reckon, and that both languages draw."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages_manager_support import Fake

from dashboards.charts.boxes import boxes
from dashboards.charts.control import control
from dashboards.charts.data import plain
from dashboards.charts.pareto import losses, pareto
from dashboards.charts.quadrant import quadrant
from dashboards.charts.structure import structure
from dashboards.charts.trend import trend
from dashboards.charts.waterfall import steps, waterfall
from grouper.mart.answers import Measure
from grouper.mart.slices import Axis, Slice

MONEY = st.decimals(-(10**9), 10**9, places=2)
CUT = Slice(since=date(2026, 1, 1), until=date(2026, 7, 1), reach=None)


def rows_of(chart: object) -> list[dict[str, object]]:
    """The largest of the data of a chart."""
    spec = chart.to_dict()  # type: ignore[attr-defined]
    found = [spec.get("data", {}).get("values", [])]
    found += [one.get("data", {}).get("values", []) for one in spec.get("layer", [])]
    found += list(spec.get("datasets", {}).values())
    return max(found, key=len)


def by(surplus: list[Decimal | None]) -> pa.Table:
    return pa.table(
        {
            "value": [f"v{number}" for number in range(len(surplus))],
            "name": [f"n{number}" for number in range(len(surplus))],
            "surplus": pa.array(surplus, pa.decimal128(20, 2)),
        }
    )


@settings(deadline=None)
@given(st.lists(st.none() | MONEY, max_size=30))
def test_losses_add_up(surplus: list[Decimal | None]) -> None:
    found = losses(by(surplus))
    losing = [-one for one in surplus if one is not None and one < 0]
    assert [one["loss"] for one in found] == sorted(losing, reverse=True)
    assert [one["rank"] for one in found] == list(range(1, len(losing) + 1))
    shares = [one["cumulated"] for one in found]
    assert shares == sorted(shares)
    assert not found or shares[-1] == 1


def test_the_loss_of_all_may_be_more() -> None:
    found = losses(by([Decimal(-50), Decimal(10)]), Decimal(200))
    assert [one["cumulated"] for one in found] == [Decimal("0.25")]


@settings(deadline=None)
@given(st.lists(st.tuples(MONEY, st.booleans()), max_size=20))
def test_steps_meet(amounts: list[tuple[Decimal, bool]]) -> None:
    found = steps([(f"s{at}", amount, whole) for at, (amount, whole) in enumerate(amounts)])
    level = Decimal(0)
    for one, (amount, whole) in zip(found, amounts, strict=True):
        assert one["start"] == (0 if whole else level)
        level = amount if whole else level + amount
        assert one["end"] == level
        assert one["kind"] == ("sum" if whole else "less" if amount < 0 else "more")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_charts_hold_their_rows(lang: str) -> None:
    mart = Fake()
    table = mart.by(CUT, Axis.DEPARTMENT)
    assert {one["value"] for one in rows_of(quadrant(table, lang))} == {"D1", "D2", "D3"}
    bars = rows_of(pareto(losses(table), lang))
    assert [one["loss"] for one in bars] == [4000.0]
    fall = rows_of(waterfall(steps([("a", Decimal(5), True), ("b", Decimal(-2), False)]), lang))
    assert [one["top"] for one in fall] == [5.0, 5.0]
    course = mart.trend(CUT)
    months = [one.isoformat()[:7] for one in course["period"].to_pylist()]
    course = course.append_column("month", [months])
    assert [
        one["month"] for one in rows_of(trend(course, lang, measure="cmi", form=".3f"))
    ] == months
    assert rows_of(trend(course, lang, measure="cmi", form=".3f", by="name"))
    points = mart.control(CUT, Measure.CMI, Axis.DEPARTMENT)
    points = points.rename_columns({"low": "lower", "high": "upper"})
    drawn = rows_of(control(points, lang, measure="cmi", form=".3f"))
    assert len({one["said"] for one in drawn}) == 2
    parts = pa.table({"name": ["a", "a"], "part": ["x", "y"], "cost": [Decimal(1), Decimal(0)]})
    assert [one["part"] for one in rows_of(structure(parts, lang))] == ["x"]
    assert len(rows_of(boxes(mart.spread(CUT, Axis.GROUP), lang, measure="case_cost"))) == 6


def test_a_point_without_an_index_is_not_drawn() -> None:
    table = Fake().by(CUT, Axis.DEPARTMENT).slice(0, 1)
    none = pa.array([None], table.schema.field("cost_index").type)
    table = table.set_column(table.column_names.index("cost_index"), "cost_index", none)
    assert not [one for one in rows_of(quadrant(table, "zh")) if "value" in one]


def test_a_band_is_drawn_beneath_its_line() -> None:
    table = pa.table({"month": ["2026-01"], "cmi": [1.0], "b_low": [0.9], "b_high": [1.1]})
    spec = trend(table, "zh", measure="cmi", form=".3f", low="b").to_dict()
    assert [one["mark"]["type"] for one in spec["layer"]] == ["area", "line"]


def test_plain_values() -> None:
    assert plain(Decimal("1.5")) == 1.5
    assert plain(date(2026, 1, 2)) == "2026-01-02"
    assert plain("x") == "x"

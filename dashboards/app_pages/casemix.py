"""What is treated and what it is made of: course of case-mix and cost, classes of cost, spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from dashboards.charts.boxes import boxes
from dashboards.charts.structure import structure
from dashboards.charts.trend import trend
from dashboards.frame.beginning import begin
from dashboards.frame.exports import Sheet, offer
from dashboards.frame.labels import cost_class, labelled
from dashboards.frame.language import say
from dashboards.frame.marts import ask
from dashboards.frame.picking import axis_choice
from dashboards.frame.picture import Picture, show
from dashboards.frame.tables import named
from grouper.mart.slices import Axis

if TYPE_CHECKING:
    from dashboards.frame.grounds import Grounds
    from dashboards.frame.view import View
    from grouper.mart.mart import Mart
    from grouper.mart.slices import Slice

_KEY = "casemix"
_FIGURES = ("cmi", "groups", "mean_cost", "mean_days", "cases")
_COURSES = {
    "cmi": (".3f", "index"),
    "cases": (",", "count"),
    "mean_cost": (",.0f", "yuan"),
    "mean_days": (".1f", "days"),
}
_AXES = (Axis.MONTH, Axis.DEPARTMENT, Axis.MDC)
_ROWS = 15
"""So many rows of a chart can be read; those with most cases are drawn."""
_PARTS = ("name", "part", "sum_amount", "share")
_BOXES = ("name", "cases", "p05", "p25", "p50", "p75", "p95", "reference")
_MONTHS = ("month", "cases", "groups", "cmi", "mean_cost", "mean_days", "cost_index", "time_index")


def page(view: View) -> None:
    """Show it."""
    begun = begin(view, _KEY, _FIGURES)
    if begun is None:
        return
    mart, cut, on = begun.mart, begun.cut, begun.on
    course = _course(mart, cut)
    measure = st.segmented_control(
        say("pick.measure"),
        list(_COURSES),
        default="cmi",
        format_func=lambda one: say(f"fact.{one}"),
        key=f"{_KEY}.measure",
    )
    form, unit = _COURSES[measure or "cmi"]
    line = _picture(
        "trend",
        trend(course, view.lang, measure=measure or "cmi", form=form),
        named(course, view.lang, columns=_MONTHS),
        say(f"unit.{unit}"),
        on,
    )
    show(line, view.lang)
    axis = axis_choice(_KEY, _AXES)
    parts = _parts(mart, cut, axis, view.lang)
    bars = _picture(
        "structure",
        structure(parts.rename_columns(["name", "part", "cost", "share"]), view.lang),
        named(parts, view.lang, columns=_PARTS),
        say("unit.share"),
        on,
    )
    show(bars, view.lang)
    spread = _spread(mart, cut, view.lang)
    box = _picture(
        "boxes",
        boxes(spread, view.lang, measure="case_cost"),
        named(spread, view.lang, columns=_BOXES),
        say("unit.yuan"),
        on,
    )
    show(box, view.lang)
    st.caption(say("casemix.boxes", most=_ROWS))
    sheets = [
        Sheet(say("chart.trend.title"), course, _MONTHS),
        Sheet(say("chart.structure.title"), parts, _PARTS),
        Sheet(say("chart.boxes.title"), spread, _BOXES),
    ]
    offer(view, _KEY, on, sheets, [line, bars, box])


def _picture(key: str, chart: object, shown: pa.Table, unit: str, on: Grounds) -> Picture:
    return Picture(key, chart, shown, unit, on.period, on.population, on.source)  # type: ignore[arg-type]


def _course(mart: Mart, cut: Slice) -> pa.Table:
    found = ask(mart, "trend", cut)
    months = [one.isoformat()[:7] for one in found["period"].to_pylist()]
    return found.append_column("month", [pa.array(months, pa.string())])


def _most(mart: Mart, cut: Slice, axis: Axis) -> list[str | None]:
    if axis is Axis.MONTH:
        return sorted(ask(mart, "by", cut, axis=axis)["value"].to_pylist())
    found = ask(mart, "by", cut, axis=axis, order="cases", descending=True, limit=_ROWS)
    values: list[str | None] = found["value"].to_pylist()
    return values


def _of(found: pa.Table, values: list[str | None]) -> pa.Table:
    """The rows of some values, in the order of these."""
    place = {value: at for at, value in enumerate(values)}
    held = found["value"].to_pylist()
    rows = [at for at, one in enumerate(held) if one in place]
    return found.take(sorted(rows, key=lambda at: place[held[at]]))


def _parts(mart: Mart, cut: Slice, axis: Axis, lang: str) -> pa.Table:
    found = _of(ask(mart, "structure", cut, axis=axis), _most(mart, cut, axis))
    found = labelled(found, axis, lang)
    words = [cost_class(one, lang) for one in found["cost_class"].to_pylist()]
    found = found.append_column("part", [pa.array(words, pa.string())])
    return found.select(["name", "part", "amount", "share"]).rename_columns(list(_PARTS))


def _spread(mart: Mart, cut: Slice, lang: str) -> pa.Table:
    found = ask(mart, "spread", cut, axis=Axis.GROUP)
    found = found.filter(pa.compute.equal(found["measure"], "cost"))
    return labelled(_of(found, _most(mart, cut, Axis.GROUP)), Axis.GROUP, lang)

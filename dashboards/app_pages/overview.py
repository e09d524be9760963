"""The manager's first page: the hospital in five figures, and who takes longer or costs more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.charts.quadrant import PICK, quadrant
from dashboards.frame.beginning import begin
from dashboards.frame.drill import drill, narrowed
from dashboards.frame.exports import Sheet, offer
from dashboards.frame.headline import TOLD, told
from dashboards.frame.labels import labelled
from dashboards.frame.language import say
from dashboards.frame.marts import ask
from dashboards.frame.picking import axis_choice, picked
from dashboards.frame.picture import Picture, show
from dashboards.frame.tables import named, table
from grouper.mart.slices import Axis

if TYPE_CHECKING:
    from dashboards.frame.view import View

_KEY = "overview"
_AXES = (Axis.DEPARTMENT, Axis.GROUP, Axis.PHYSICIAN)
_POINTS = 80
"""More points than these hide each other; those with most cases are drawn."""
_COLUMNS = ("name", "cases", "cmi", "mean_cost", "mean_days", "cost_index", "time_index", "surplus")


def page(view: View) -> None:
    """Show it."""
    begun = begin(view, _KEY)
    if begun is None:
        return
    mart, cut, on = begun.mart, begun.cut, begun.on
    axis = axis_choice(_KEY, _AXES)
    by = labelled(
        ask(mart, "by", cut, axis=axis, order="cases", descending=True, limit=_POINTS),
        axis,
        view.lang,
    )
    drawn = Picture(
        "quadrant",
        quadrant(by, view.lang),
        named(by, view.lang, columns=_COLUMNS),
        say("unit.index"),
        on.period,
        on.population,
        on.source,
    )
    chosen = picked(show(drawn, view.lang, key=f"{_KEY}.chart.{axis}"), PICK)
    st.caption(say("overview.quadrant", most=_POINTS))
    rows = table(by, view.lang, columns=_COLUMNS, key=f"{_KEY}.table.{axis}")
    if rows:
        chosen = by["value"][rows[0]].as_py()
    if chosen is not None:
        name = by["name"][by["value"].to_pylist().index(chosen)].as_py()
        drill(view, mart, narrowed(cut, axis, chosen), key=f"{_KEY}.drill", title=name)
    whole = told(begun.found, view.lang)
    with st.expander(say("overview.all")):
        table(whole, view.lang, columns=TOLD)
    sheets = [
        Sheet(say("overview.all"), whole, TOLD),
        Sheet(say(f"axis_name.{axis}"), by, _COLUMNS),
    ]
    offer(view, _KEY, on, sheets, [drawn])

"""Control charts: which month or department is out of the usual, and the cases behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from dashboards.charts.control import PICK, control
from dashboards.frame.drill import drill, narrowed
from dashboards.frame.exports import Sheet, offer
from dashboards.frame.filters import slice_of
from dashboards.frame.grounds import grounds
from dashboards.frame.labels import labelled
from dashboards.frame.language import say
from dashboards.frame.marts import ask, mart_of
from dashboards.frame.picking import axis_choice, picked
from dashboards.frame.picture import Picture, show
from dashboards.frame.tables import named, table
from grouper.mart.answers import Measure
from grouper.mart.slices import Axis

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.mart.slices import Slice

_KEY = "control"
_AXES = (Axis.MONTH, Axis.DEPARTMENT, Axis.PHYSICIAN)
_NUMBERS = ("figure", "lower", "centre", "upper")
_POINTS = 60
_FORMS = {
    Measure.MEAN_COST: (",.0f", "yuan"),
    Measure.MEAN_DAYS: (".1f", "days"),
    Measure.CMI: (".3f", "index"),
    Measure.COST_INDEX: (".3f", "index"),
    Measure.TIME_INDEX: (".3f", "index"),
}
_SHARE = (".1%", "share")


def page(view: View) -> None:
    """Show it."""
    cut = slice_of(view, key=_KEY)
    mart = mart_of(view) if cut else None
    if cut is None or mart is None:
        return
    cases = ask(mart, "count", cut)
    if not cases:
        st.info(say("filter.no_case"), icon=":material/info:")
        return
    chosen_measure: Any = st.selectbox(
        say("pick.measure"),
        list(Measure),
        format_func=lambda one: say(f"fact.{one}"),
        key=f"{_KEY}.measure",
    )
    measure = Measure(chosen_measure)
    axis = axis_choice(_KEY, _AXES)
    by_month = axis is Axis.MONTH
    found = ask(mart, "control", cut, measure=measure, axis=None if by_month else axis)
    points = _points(labelled(found, axis, view.lang))
    outside = sum(points["outside"].to_pylist())
    st.markdown(say("control.month" if by_month else "control.funnel"))
    if outside:
        st.warning(say("control.some", outside=outside), icon=":material/flag:")
    elif all(one is None for one in points["lower"].to_pylist()):
        st.info(say("control.too_few"), icon=":material/info:")
    else:
        st.success(say("control.all_usual"), icon=":material/check:")
    form, unit = _FORMS.get(measure, _SHARE)
    suffix = "" if measure in _FORMS else "_share"
    columns = ("name", "cases", *(f"{one}{suffix}" for one in _NUMBERS), "said")
    shown = points.rename_columns({one: f"{one}{suffix}" for one in _NUMBERS})
    key = f"{_KEY}.{axis}.{measure}"
    on = grounds(mart.about, cut, cases, view.lang)
    drawn = Picture(
        "control",
        control(points, view.lang, measure=measure, form=form),
        named(shown, view.lang, columns=columns),
        say(f"unit.{unit}"),
        on.period,
        on.population,
        on.source,
    )
    chosen = picked(show(drawn, view.lang, key=f"{key}.chart"), PICK)
    rows = table(shown, view.lang, columns=columns, key=f"{key}.table")
    if rows:
        chosen = points["value"][rows[0]].as_py()
    if chosen is None:
        st.caption(say("drill.how"))
    else:
        name = points["name"][points["value"].to_pylist().index(chosen)].as_py()
        part = _month(cut, chosen) if by_month else narrowed(cut, axis, chosen)
        drill(view, mart, part, key=f"{_KEY}.drill", title=name)
    offer(view, _KEY, on, [Sheet(say("chart.control.title"), shown, columns)], [drawn])


def _points(found: pa.Table) -> pa.Table:
    """Those out of the usual first kept, then those with most cases, in the order of the answer."""
    said = [
        say("control.outside" if one else "control.usual") for one in found["outside"].to_pylist()
    ]
    found = found.rename_columns({"low": "lower", "high": "upper"}).append_column(
        "said", [pa.array(said, pa.string())]
    )
    ranked = sorted(
        range(found.num_rows),
        key=lambda at: (not found["outside"][at].as_py(), -found["cases"][at].as_py()),
    )
    return found.take(sorted(ranked[:_POINTS]))


def _month(cut: Slice, month: str) -> Slice:
    """The part of a slice in one month."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return replace(cut, since=max(cut.since, first), until=min(cut.until, following))

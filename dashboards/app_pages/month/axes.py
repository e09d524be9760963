"""A statement by department, group or physician: the largest losses or surpluses, each with its cases."""

from __future__ import annotations

from calendar import monthrange
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.settled_tables import made, sizes
from dashboards.frame.exports import Sheet
from dashboards.frame.figures import count
from dashboards.frame.labels import label
from dashboards.frame.language import lang as language
from dashboards.frame.language import say
from dashboards.frame.navigation import address
from dashboards.frame.tables import table
from grouper.mart.slices import Axis
from grouper.service.settled_telling import ranked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.kept_results import Kept

_AXES = (Axis.DEPARTMENT, Axis.GROUP, Axis.PHYSICIAN)
_LINKED = {Axis.DEPARTMENT: "department", Axis.GROUP: "group"}
"""By what the page of cases can be asked."""
_COLUMNS = (
    *("name", "cases", "losing", "unpriced", "amount", "fund", "settled_booked", "surplus"),
)
_LOSSES, _SURPLUSES = "losses", "surpluses"


def show(view: View, kept: Kept, told: Mapping[str, Any]) -> None:
    """Show the totals by an axis."""
    left, right = st.columns(2)
    with left:
        axis = st.segmented_control(
            say("month_page.axis"),
            _AXES,
            default=_AXES[0],
            required=True,
            key="month.axis",
            format_func=lambda one: say(f"axis_name.{one}"),
        )
    with right:
        order = st.segmented_control(
            say("month_page.order"),
            (_LOSSES, _SURPLUSES),
            default=_LOSSES,
            required=True,
            key="month.order",
            format_func=lambda one: say(f"month_page.{one}"),
        )
    chosen = Axis(axis)
    rows = ranked(told, chosen.value, losses=order == _LOSSES)
    most = sizes()["ranked"]
    linked = [_row(one, chosen) | {"link": _cases(kept, chosen, one)} for one in rows[:most]]
    columns = (*_COLUMNS, "link") if chosen in _LINKED else _COLUMNS
    table(made(linked, columns), view.lang, columns=columns)
    if len(rows) > most:
        st.caption(say("month_page.ranked", shown=count(most), all=count(len(rows))))


def sheets(told: Mapping[str, Any]) -> list[Sheet]:
    """The totals by each axis, for a file."""
    return [
        Sheet(
            say(f"axis_name.{axis}"),
            made([_row(one, axis) for one in ranked(told, axis.value, losses=True)], _COLUMNS),
            _COLUMNS,
        )
        for axis in _AXES
    ]


def _row(one: Mapping[str, Any], axis: Axis) -> dict[str, Any]:
    return {
        "name": label(axis, one["key"], one["name"], language()),
        "settled_booked": one["booked"],
        **{
            name: one[name] for name in ("cases", "losing", "unpriced", "amount", "fund", "surplus")
        },
    }


def _cases(kept: Kept, axis: Axis, one: Mapping[str, Any]) -> str | None:
    """The address of the cases of a row."""
    if axis not in _LINKED or one["key"] is None:
        return None
    year, month = map(int, kept.of.split("-"))
    last = f"{kept.of}-{monthrange(year, month)[1]:02}"
    days = {"since": f"{kept.of}-01", "last": last, "state": "discharged"}
    return address("cases", **{_LINKED[axis]: one["key"]}, **days)

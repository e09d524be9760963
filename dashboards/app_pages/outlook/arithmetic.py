"""How each figure of an outlook is reckoned, line by line, and what of the policy is assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.settled_tables import made
from dashboards.frame.exports import Sheet
from dashboards.frame.language import say
from dashboards.frame.rows import plain
from dashboards.frame.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View

_LINES = ("settled_line", "settled_formula", "settled_worked", "settled_value")
_SHEET = ("look_period", "pool", *_LINES)


def show(view: View, told: Mapping[str, Any]) -> None:
    """Show the lines of both periods."""
    st.caption(say("outlook_page.arithmetic_about", draws=f"{told['draws']:,}"))
    for period in told["periods"]:
        st.subheader(say("outlook_page.of_period", period=period["name"]), anchor=False)
        for name, lines in _of(period):
            if lines:
                with st.expander(plain(name)):
                    rows = made([_line(one) for one in lines], _LINES)
                    table(rows, view.lang, columns=_LINES)
        if period["assumptions"]:
            names = say("month_page.joint").join(period["assumptions"])
            st.caption(say("outlook_page.assumptions", names=plain(names)))


def sheets(told: Mapping[str, Any]) -> list[Sheet]:
    """All lines, for a file."""
    rows = [
        {"look_period": period["name"], "pool": name} | _line(one)
        for period in told["periods"]
        for name, lines in _of(period)
        for one in lines
    ]
    return [Sheet(say("outlook_part.arithmetic"), made(rows, _SHEET), _SHEET)]


def _of(period: Mapping[str, Any]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The lines of a period by what they are of."""
    values = [
        (say("outlook_page.value_of", pool=_called(one)), one["lines"])
        for one in period["point_values"]
    ]
    parts = [
        (say("outlook_page.fund_of", pool=_called(one)), one["lines"]) for one in period["parts"]
    ]
    return [*values, (say("outlook_page.fund_of_all"), period["lines"]), *parts]


def _line(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "settled_line": one["label"],
        "settled_formula": one["formula"],
        "settled_worked": one["worked"],
        "settled_value": one["value"],
    }


def _called(one: Mapping[str, Any]) -> str:
    return f"{one['method_name']} · {one['insurance_name']}"

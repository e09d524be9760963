"""The hospital's own cases of month and year: closed, running and to come, with the intervals of the sums."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.outlook.head import ends, noted
from dashboards.app_pages.settled_tables import made
from dashboards.charts.stacked import stacked
from dashboards.frame.exports import Sheet
from dashboards.frame.language import say
from dashboards.frame.picture import Picture
from dashboards.frame.picture import show as draw
from dashboards.frame.rows import plain
from dashboards.frame.tables import named, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.grounds import Grounds
    from dashboards.frame.view import View

_LOOK = "look"
_ENDS = tuple(f"{_LOOK}_{end}_{level}" for level in (80, 90) for end in ("low", "high"))
_FIGURES = (
    *("look_period", "pool", "settled_figure", "look_certain", "look_running", "look_coming"),
    *("look_expected", *_ENDS),
)
_DRAWN = ("pool", "look_certain", "look_running", "look_coming", "look_expected", *_ENDS)
_FUND = "fund"
_WIDEST = -1
_SMALL, _TENTH, _WHOLE = 10, Decimal("0.1"), Decimal(1)


def show(view: View, told: Mapping[str, Any], on: Grounds) -> None:
    """Show month or year: the fund's part drawn, then every figure."""
    names = [one["name"] for one in told["periods"]]
    chosen = st.segmented_control(
        say("outlook_page.which_period"),
        names,
        default=names[0],
        required=True,
        key="outlook.period",
        label_visibility="collapsed",
    )
    place = names.index(chosen) if chosen in names else 0
    period = told["periods"][place]
    found = picture(told, place, on, view.lang)
    if found is not None:
        draw(found, view.lang)
    if not period["whole"]:
        st.warning(say("outlook_page.no_whole"), icon=":material/warning:")
    for one in period["parts"]:
        if one["reason"]:
            st.caption(f"{plain(_called(one))} {noted(one['reason'])}")
    st.caption(say("outlook_page.exact"))
    table(_figures(told, place), view.lang, columns=_FIGURES)


def picture(told: Mapping[str, Any], place: int, on: Grounds, lang: str) -> Picture | None:
    """The fund's part of a period; None: no part can be foretold."""
    period = told["periods"][place]
    whole = {
        "method_name": say("month_page.whole"),
        "insurance_name": "",
        "figures": period["whole"],
    }
    parts = [one for one in (*period["parts"], whole) if _FUND in one["figures"]]
    if not parts:
        return None
    rows = [_drawn(_called(one), one["figures"][_FUND]) for one in parts]
    figures = made([_row(_called(one), one["figures"][_FUND]) for one in parts], _DRAWN)
    return Picture(
        "stacked",
        stacked(rows, lang),
        named(figures, lang, columns=_DRAWN),
        say("unit.drawn_yuan"),
        say("outlook_page.of_period", period=period["name"]),
        on.population,
        on.source,
    )


def sheets(told: Mapping[str, Any]) -> list[Sheet]:
    """All figures of month and year, for a file."""
    return [
        Sheet(say("outlook_page.figures", period=period["name"]), _figures(told, place), _FIGURES)
        for place, period in enumerate(told["periods"])
    ]


def _drawn(name: str, figure: Mapping[str, Any]) -> dict[str, Any]:
    spans = figure["intervals"]
    wide = spans[_WIDEST] if spans else None
    open_ = wide is not None and wide["low"] != wide["high"]
    return {
        "name": name,
        **{one: Decimal(figure[one]) for one in ("certain", "running", "coming")},
        **{end: Decimal(wide[end]) if wide and open_ else None for end in ("low", "high")},
    }


def _figures(told: Mapping[str, Any], place: int) -> Any:  # noqa: ANN401 -- a table of Arrow
    period = told["periods"][place]
    whole = [{"name": say("month_page.whole"), "figures": period["whole"]}]
    parts = [{"name": _called(one), "figures": one["figures"]} for one in period["parts"]]
    return made(
        [
            {"look_period": period["name"], "settled_figure": say(f"outlook.measure.{name}")}
            | _row(one["name"], figure)
            for one in (*whole, *parts)
            for name, figure in one["figures"].items()
        ],
        _FIGURES,
    )


def _row(name: str, figure: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a row; an estimate in whole yuan or cases, a small one with a tenth."""
    exact = all(one["low"] == one["high"] for one in figure["intervals"])
    tell = Decimal if exact else _rough
    columns = ("certain", "running", "coming", "expected")
    return {
        "pool": name,
        **{f"{_LOOK}_{one}": tell(figure[one]) for one in columns},
        **ends(figure["intervals"], _LOOK, tell),
    }


def _rough(value: str) -> Decimal:
    found = Decimal(value)
    return found.quantize(_TENTH if abs(found) < _SMALL else _WHOLE, ROUND_HALF_UP) + 0


def _called(one: Mapping[str, Any]) -> str:
    if not one["insurance_name"]:
        return str(one["method_name"])
    return f"{one['method_name']} · {one['insurance_name']}"

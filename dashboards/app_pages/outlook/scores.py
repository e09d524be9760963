"""What became of earlier outlooks: each against what came, and all of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.settled_tables import made, pool, sizes
from dashboards.frame.figures import count
from dashboards.frame.language import lang as language
from dashboards.frame.language import say
from dashboards.frame.tables import table
from grouper.service.outlook_scores import scored, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.forecast.outlook.published import Published
    from grouper.service.outlook_scores import Came, Held

_TOGETHER = (
    *("settled_figure", "look_tries", "look_error", "look_baseline_error"),
    *("look_inside_80", "look_inside_90"),
)
_SCORED = (
    *("look_day", "look_period", "pool", "settled_figure", "look_expected", "look_came"),
    *("look_error", "look_baseline_error", "look_inside"),
)


def show(view: View, published: Published | None) -> None:
    """Show how the kept outlooks did."""
    st.caption(say("outlook_page.scores_about"))
    found = scored(view.parts.settings, view.principal, published)
    if not found:
        st.info(say("outlook_page.no_score"), icon=":material/info:")
        return
    st.subheader(say("outlook_page.together"), anchor=False)
    rows = [_held(one) for one in together(found)]
    table(made(rows, _TOGETHER), view.lang, columns=_TOGETHER)
    st.subheader(say("outlook_page.one_by_one"), anchor=False)
    most = sizes()["scored"]
    table(made([_row(one) for one in found[:most]], _SCORED), view.lang, columns=_SCORED)
    if len(found) > most:
        st.caption(say("outlook_page.some", shown=count(most), all=count(len(found))))


def _held(one: Held) -> dict[str, Any]:
    return {
        "settled_figure": _figure(one.figure, year=one.year),
        "look_tries": one.tries,
        "look_error": one.error,
        "look_baseline_error": one.baseline,
        "look_inside_80": one.inside.get("0.8"),
        "look_inside_90": one.inside.get("0.9"),
    }


def _row(one: Came) -> dict[str, Any]:
    found = one.scored
    return {
        "look_day": one.kept.about["as_of"],
        "look_period": found.period,
        "pool": say("month_page.whole")
        if one.whole
        else pool(found.method, found.insurance, language()),
        "settled_figure": say(f"outlook.measure.{one.figure}"),
        "look_expected": found.forecast,
        "look_came": found.came,
        "look_error": found.error,
        "look_baseline_error": found.baseline_error,
        "look_inside": _inside(found.inside),
    }


def _figure(name: str, *, year: bool) -> str:
    period = say("outlook_page.year" if year else "outlook_page.month")
    return say("outlook_page.figure", period=period, name=say(f"outlook.measure.{name}"))


def _inside(found: Mapping[str, bool]) -> str:
    held = [f"{100 * float(level):g}%" for level, inside in found.items() if inside]
    return say("month_page.joint").join(held) or say("outlook_page.outside")

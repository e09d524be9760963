"""What if the month had other point values, more cases, other costs: asked for, and held beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.settled_tables import made, pool, sizes
from dashboards.frame.errands import ask_errand, errand_box, errands
from dashboards.frame.errors import show_error
from dashboards.frame.figures import count
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.rows import plain
from dashboards.frame.tables import table
from grouper.payment.settlement.simulate import FIGURES
from grouper.payment.words import shown
from grouper.service.simulating import KIND, asked
from grouper.service.simulating import told as told_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.kept_results import Kept

_COLUMNS = ("pool", "settled_figure", "settled_before", "settled_after", "settled_change")
_BROKEN = "month.try.broken"
_PLACES, _ALL = 4, ""


def show(view: View, kept: Kept, told: Mapping[str, Any]) -> None:
    """Show the form, how far a simulation has come, and what it gave."""
    st.caption(say("month_try.about"))
    error = st.session_state.pop(_BROKEN, None)
    if isinstance(error, GrouperError):
        show_error(error)
    pools = [one for one in told["point_values"] if one["method"] and one["insurance"]]
    _form(view, kept, told, pools)
    done = errand_box(
        view,
        KIND,
        key="month.try.errand",
        matches=lambda one: one.params["month"] == kept.of and one.params["name"] == kept.name,
    )
    if done is None:
        return
    _result(view, done.params, told_of(errands(view).files(done), view.lang))


def _form(view: View, kept: Kept, told: Mapping[str, Any], pools: list[Mapping[str, Any]]) -> None:
    departments = [one["key"] for one in told["totals"]["department"] if one["key"]]
    most = float(sizes()["most_growth"])
    with st.form("month.try.form"):
        if pools:
            st.markdown(say("month_try.points"))
        for start in range(0, len(pools), 2):
            for column, one in zip(st.columns(2), pools[start : start + 2], strict=False):
                column.number_input(
                    plain(pool(one["method"], one["insurance"], view.lang)),
                    min_value=0.0,
                    value=None,
                    step=0.01,
                    format=f"%.{_PLACES}f",
                    placeholder=_now(one["values"]),
                    key=_point_key(one),
                )
        left, middle, right = st.columns(3)
        left.number_input(
            say("month_try.growth"), -100.0, most, value=None, step=1.0, key="month.try.growth"
        )
        middle.selectbox(
            say("month_try.department"),
            [_ALL, *departments],
            key="month.try.department",
            format_func=lambda one: department(one) if one else say("month_try.all"),
        )
        right.number_input(
            say("month_try.cost"), -100.0, most, value=None, step=1.0, key="month.try.cost"
        )
        st.form_submit_button(
            say("month_try.ask"), type="primary", on_click=_ask, args=(view, kept, pools)
        )


def _now(values: list[str]) -> str:
    """The point values as they are, for the empty field."""
    return say("month_try.now", values=say("month_page.joint").join(_short(one) for one in values))


def _short(value: str) -> str:
    return shown(Decimal(value))


def _point_key(one: Mapping[str, Any]) -> str:
    return f"month.try.{one['method']}.{one['insurance']}"


def _ask(view: View, kept: Kept, pools: list[Mapping[str, Any]]) -> None:
    state = st.session_state
    points = [
        f"{one['method']}:{one['insurance']}={state[_point_key(one)]:.{_PLACES}f}"
        for one in pools
        if state.get(_point_key(one)) is not None
    ]
    growth, cost = state.get("month.try.growth"), state.get("month.try.cost")
    of = state.get("month.try.department") or _ALL
    place = f"department:{of}=" if of else ""
    params: dict[str, Any] = {
        "points": points,
        "growth": [] if growth is None else [f"{place}{growth:.2f}%"],
        "cost": "" if cost is None else f"{cost:.2f}%",
    }
    try:
        asked(params)
    except GrouperError as error:
        state[_BROKEN] = error
        return
    ask_errand(view, KIND, {"month": kept.of, "name": kept.name, **params})


def _result(view: View, params: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    st.subheader(say("month_try.result"), anchor=False)
    st.caption(say("month_try.asked", what=plain(_changes(params, view.lang))))
    rows = [
        {
            "pool": _called(one),
            "settled_figure": _figure(name),
            "settled_before": one["before"][name],
            "settled_after": one["after"][name],
            "settled_change": one["difference"][name],
        }
        for one in (told["whole"], *told["parts"])
        for name in FIGURES
    ]
    table(made(rows, _COLUMNS), view.lang, columns=_COLUMNS)
    for one in (told["whole"], *told["parts"]):
        if one["break_even"] is None:
            continue
        said = say("month_try.even", which=plain(_called(one)), factor=_short(one["break_even"]))
        values = say("month_page.joint").join(
            say("month_try.even_value", value=_short(each["value"]), even=_short(each["even"]))
            for each in one["point_values"]
        )
        st.caption(f"{said}{values}" if one["method"] else said)
    if told["unmet"]:
        names = say("month_page.joint").join(told["unmet"])
        st.warning(say("month_try.unmet", names=plain(names)), icon=":material/warning:")
    st.caption(
        say(
            "month_try.unpriced",
            before=count(told["unpriced_before"]),
            after=count(told["unpriced_after"]),
        )
    )


def _figure(name: str) -> str:
    return say("month_try.deducted" if name == "deducted" else f"settlement.column.{name}")


def _called(one: Mapping[str, Any]) -> str:
    if one["method"] is None:
        return say("month_page.whole")
    return f"{one['method_name']} · {one['insurance_name']}"


def _changes(params: Mapping[str, Any], lang: str) -> str:
    """What was changed, in words."""
    told = []
    for one in params["points"]:
        place, _, value = one.partition("=")
        method, _, insurance = place.partition(":")
        told.append(
            say("month_try.of_point", pool=pool(method, insurance, lang), value=_short(value))
        )
    for one in params["growth"]:
        place, found, share = one.rpartition("=")
        of = department(place.partition(":")[2]) if found else say("month_try.all")
        told.append(say("month_try.of_growth", of=of, share=share))
    if params["cost"]:
        told.append(say("month_try.of_cost", share=params["cost"]))
    return say("month_page.joint").join(told)

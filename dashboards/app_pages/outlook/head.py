"""What an outlook is of, what has to be said of it, and its five figures with their intervals."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.settled_tables import pool as pool_called
from dashboards.frame.figures import NONE, count, span, yuan
from dashboards.frame.headline import short
from dashboards.frame.language import lang as language
from dashboards.frame.language import say
from dashboards.frame.rows import plain
from grouper.case.dates import LOCAL
from grouper.service.bureau_months import stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dashboards.frame.view import View
    from grouper.service.kept_results import Kept

Pool = tuple[str, str]
_WIDEST = -1
"""The interval that is told beneath a figure is the widest one."""


def about(view: View, kept: Kept, told: Mapping[str, Any]) -> None:
    """Say what it rests on, and what is to be known of it."""
    foretold = kept.about["foretold"]
    st.caption(
        say(
            "outlook_page.about",
            day=told["as_of"],
            cases=count(told["cases"]),
            running=count(told["running"]),
            unknown=count(told["running_unknown"]),
            foretold=foretold or NONE,
            policy=plain(told["periods"][0]["policy"]),
            made=kept.made.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M"),
            actor=plain(str(kept.about["actor"])),
        )
    )
    stamp = stamp_of(view.parts.settings)
    before = kept.about["published"]
    if (None if before is None else tuple(before)) != stamp:
        st.warning(say("outlook_page.published_changed"), icon=":material/update:")
    if foretold is None:
        st.info(say("outlook_page.not_foretold"), icon=":material/info:")
    for one in told["notes"]:
        st.warning(noted(one), icon=":material/warning:")


def noted(one: Mapping[str, Any]) -> str:
    """A note or a reason in words, with what is to be done."""
    return plain(say("outlook_page.note", text=one["text"], advice=one["advice"]))


def pool_of(told: Mapping[str, Any], lang: str) -> Pool | None:
    """The method and insurance whose point value is shown first; None: there are none.

    The first is that of which most is expected to be paid here.
    """
    period = told["periods"][0]
    pools = [(one["method"], one["insurance"]) for one in period["point_values"]]
    if not pools:
        return None
    paid = {
        (one["method"], one["insurance"]): Decimal(one["figures"]["amount"]["expected"])
        for one in period["parts"]
        if "amount" in one["figures"]
    }
    first = max(pools, key=lambda one: paid.get(one, Decimal(0)))
    key = "outlook.pool"
    names = {pool_called(*one, lang): one for one in pools}
    if st.session_state.get(key) not in names:
        st.session_state[key] = pool_called(*first, lang)
    chosen = st.selectbox(say("outlook_page.pool"), list(names), key=key, width=420)
    return names[chosen]


def headline(told: Mapping[str, Any], pool: Pool | None, lang: str) -> None:
    """The point values of month and year, and what is expected of the month."""
    month, year = told["periods"]
    shown: list[tuple[str, str, str]] = []
    for name, period in (("month_value", month), ("year_value", year)):
        worth = worth_of(period, pool)
        value = None if worth is None or worth["value"] is None else worth["value"]
        beneath = NONE if worth is None else _beneath(worth)
        called = say(f"outlook_metric.{name}", period=period["name"])
        shown.append((called, value or NONE, beneath))
    for name in ("fund", "surplus", "cases"):
        figure = month["whole"].get(name)
        called = say(f"outlook_metric.{name}")
        if figure is None:
            shown.append((called, NONE, say("outlook_page.no_sum")))
            continue
        form = name if name == "cases" else "fund"
        number, unit = short(form, Decimal(figure["expected"]), lang)
        bounds = _bounds(figure["intervals"], lambda one, of=name: amount(one, of, lang))
        called = say("table_heading", name=called, unit=unit) if unit else called
        shown.append((called, number, bounds))
    for column, (called, number, beneath) in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            st.metric(called, number, border=True)
            st.caption(beneath)


def worth_of(period: Mapping[str, Any], pool: Pool | None) -> Mapping[str, Any] | None:
    """The point value of a method and insurance in a period."""
    return next(
        (one for one in period["point_values"] if (one["method"], one["insurance"]) == pool), None
    )


def amount(value: str, name: str, lang: str) -> str:
    """An estimate for people: whole cases, or yuan."""
    number = Decimal(value)
    return f"{number:,.0f}" if name == "cases" else yuan(number, lang)


def level(value: float) -> str:
    """The share of outcomes that an interval is to hold."""
    return f"{100 * value:g}%"


def _beneath(worth: Mapping[str, Any]) -> str:
    if worth["value"] is None:
        return noted(worth["reason"])
    certain = all(one["low"] == one["high"] for one in worth["intervals"])
    return worth["basis_name"] if certain else _bounds(worth["intervals"], str)


def _bounds(spans: Sequence[Mapping[str, Any]], tell: Any) -> str:  # noqa: ANN401 -- a function of one text
    if not spans or all(one["low"] == one["high"] for one in spans):
        return say("outlook_page.certain")
    one = spans[_WIDEST]
    low, high = tell(one["low"]), tell(one["high"])
    return say("outlook_page.interval", level=level(one["level"]), span=span(low, high, language()))


def ends(
    spans: Iterable[Mapping[str, Any]],
    name: str,
    tell: Callable[[str], object] = Decimal,
) -> dict[str, Any]:
    """The bounds of intervals by their level, as columns of a table: ``<name>_low_80`` and so on."""
    return {
        f"{name}_{end}_{100 * one['level']:g}": tell(one[end])
        for one in spans
        for end in ("low", "high")
    }

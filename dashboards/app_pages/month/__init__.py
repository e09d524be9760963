"""The month's settlement of the hospital: how it comes to what is paid, what is open, what if."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.auditing.months import month_picked
from dashboards.app_pages.month import axes, deductions, making, opened, parts, trying
from dashboards.app_pages.month.making import document_of
from dashboards.app_pages.settled_tables import amount
from dashboards.frame.exports import offer
from dashboards.frame.figures import count
from dashboards.frame.grounds import Grounds
from dashboards.frame.headline import short
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.picking import part_picked
from grouper.case.dates import LOCAL
from grouper.service.settled_telling import value_of
from grouper.service.settling import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dashboards.frame.view import View
    from grouper.service.kept_results import Kept

_PARTS: Mapping[str, Callable[[View, Kept, Mapping[str, Any]], None]] = {
    "parts": parts.show,
    "axes": axes.show,
    "open": opened.show,
    "deductions": deductions.show,
    "try": trying.show,
}
_KEY = "month"


def page(view: View) -> None:
    """Show the page."""
    said()
    month = month_picked("month.month", over=True)
    found = statements(view.parts.settings, view.principal, month)
    kept = found[0] if found else None
    making.show(view, month, kept)
    if kept is None:
        if not making.under_way(view, month):
            st.info(say("month_page.none", month=month), icon=":material/info:")
        return
    looked(view, "statement_shown", "statement", {"month": month, "name": kept.name})
    told = document_of(kept, view.lang)
    if not told["sums"]["cases"]:
        st.info(say("month_page.no_case", month=month), icon=":material/info:")
        return
    _headline(told, view.lang)
    _PARTS[part_picked(f"{_KEY}.part", tuple(_PARTS), f"{_KEY}_part")](view, kept, told)
    offer(
        view,
        _KEY,
        grounds(kept, told),
        [
            *parts.sheets(told),
            *axes.sheets(told),
            *opened.sheets(kept, view.lang),
            *deductions.sheets(told),
        ],
        parts.pictures(kept, told, view.lang),
    )


def grounds(kept: Kept, told: Mapping[str, Any]) -> Grounds:
    """What the figures of a statement rest on."""
    return Grounds(
        period=say("month_page.period", month=kept.of),
        population=say("month_page.population", cases=count(told["sums"]["cases"])),
        source=say(
            "month_page.source",
            policy=told["policy"],
            made=kept.made.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M"),
        ),
    )


def _headline(told: Mapping[str, Any], lang: str) -> None:
    sums = told["sums"]
    figures: Mapping[str, Decimal | None] = {
        "cases": Decimal(sums["cases"]),
        "amount": amount(sums["amount"]),
        "fund": amount(sums["fund"]),
        "due": value_of(told, "sum_due"),
        "surplus": amount(sums["surplus"]),
    }
    beneath = {
        "cases": say("month_page.unpriced", cases=count(sums["unpriced"])),
        "amount": say("month_page.priced", cases=count(sums["priced"])),
        "fund": say("month_page.funded", cases=count(sums["funded"])),
        "due": say("month_page.paid", paid=parts.money(value_of(told, "total_paid"))),
        "surplus": say(
            "month_page.losing", losing=count(sums["losing"]), known=count(sums["known"])
        ),
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        number, unit = short(name, value, lang)
        called = say(f"month_metric.{name}")
        with column:
            st.metric(
                say("table_heading", name=called, unit=unit) if unit else called,
                number,
                border=True,
            )
            st.caption(beneath[name])

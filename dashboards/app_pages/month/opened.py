"""The cases of a statement that have no price or no known fund's part: why, and what is to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.settled_tables import made, sizes
from dashboards.frame.exports import Sheet
from dashboards.frame.figures import NONE, count
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, first, link, table, turned, turner
from grouper.payment.words import advice_text, reason_text
from grouper.service.settled_telling import open_page, open_reasons

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.kept_results import Kept
    from grouper.service.settled_telling import Reason

_LIST, _WHY = "month.open", "month.why"
_SHORT = 8
"""Letters of a case's id that tell it apart on a page."""
_COLUMNS = ("settled_reason", "cases", "settled_advice")


def show(view: View, kept: Kept, told: Mapping[str, Any]) -> None:
    """Show the reasons, then the cases, page by page."""
    reasons = open_reasons(kept)
    _beside(told)
    if not reasons:
        st.success(say("month_page.nothing_open"), icon=":material/check_circle:")
        return
    st.caption(say("month_page.open_about"))
    known = {_key(one): one for one in reasons}
    table(
        [
            Column(say("fact.settled_reason")),
            Column(say("fact.cases"), right=True),
            Column(say("fact.settled_advice")),
        ],
        [(_why(one, view.lang), count(one.cases), _advice(one, view.lang)) for one in reasons],
    )
    st.selectbox(
        say("month_page.why"),
        [None, *known],
        key=_WHY,
        format_func=lambda one: (
            say("month_page.every_reason") if one is None else _why(known[one], view.lang)
        ),
        on_change=first,
        args=(_LIST,),
    )
    _cases(view, kept, known.get(st.session_state.get(_WHY) or ""))


def sheets(kept: Kept, lang: str) -> list[Sheet]:
    """The reasons, for a file."""
    rows = [
        {
            "settled_reason": _why(one, lang),
            "cases": one.cases,
            "settled_advice": _advice(one, lang),
        }
        for one in open_reasons(kept)
    ]
    return [Sheet(say("month_part.open"), made(rows, _COLUMNS), _COLUMNS)] if rows else []


def _beside(told: Mapping[str, Any]) -> None:
    """Cases that were counted and left out, or counted twice."""
    for name in ("undated", "repeated", "foreign"):
        if told[name]:
            st.caption(say(f"month_page.{name}", cases=count(told[name])))


def _cases(view: View, kept: Kept, why: Reason | None) -> None:
    start, limit = int(turned(_LIST) or 0), sizes()["open_cases"]
    rows, every = open_page(kept, why, start, limit)
    ids = [str(row["case_id"]) for row in rows]
    looked(view, "cases_listed", "cases", {"cases": ids})
    columns = [
        Column(say("fact.link"), short=True),
        Column(say("fact.department")),
        Column(say("fact.group"), short=True),
        Column(say("fact.settled_reason")),
    ]
    table(
        columns,
        [
            (
                link(view, one[:_SHORT], "case", case_id=one),
                department(row["department"]),
                row["group"] or NONE,
                reason_text(row["reason"], view.lang) if row["reason"] else say("value.none"),
            )
            for one, row in zip(ids, rows, strict=True)
        ],
    )
    behind = start + limit
    turner(_LIST, str(behind) if behind < every else None)


def _key(one: Reason) -> str:
    """What tells a reason apart: cases with a price and without one may have the same."""
    return f"{'priced' if one.priced else 'unpriced'}:{one.reason or ''}"


def _why(one: Reason, lang: str) -> str:
    said = reason_text(one.reason, lang) if one.reason else say("value.none")
    return say("month_page.fund_unknown", reason=said) if one.priced else said


def _advice(one: Reason, lang: str) -> str:
    return (one.reason and advice_text(one.reason, lang)) or NONE

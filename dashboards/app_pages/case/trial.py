"""A case tried with other values: what group and payment would be. A trial; nothing is kept."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.case.group import result
from dashboards.app_pages.case.payment import told_payment
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import plain
from grouper.payment.words import document
from grouper.service.grouping import issues_out
from grouper.service.trials import Other, tried
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.frame.view import View
    from grouper.service.stored import Stay

_LONGEST = 4_000
_MOST_DAYS = 3_650
_LARGEST = Decimal(10) ** 9


def show(view: View, stay: Stay) -> None:
    """Show the tab.

    Raises:
        GrouperError: no scheme binds the case, or its book is not at hand.
    """
    st.info(say("case_trial.what"), icon=":material/science:")
    other = _asked(stay)
    if other is None:
        return
    about = {
        "version": stay.version,
        "changed": [
            name for name in ("dx", "px", "los", "total_cost") if _differs(stay, other, name)
        ],
    }
    looked(view, "case_tried", f"case:{stay.case_id}", about, again=True)
    found = tried(view.parts.database, stay, other, view.parts.settings.region, now())
    st.subheader(say("case_trial.result"), anchor=False)
    for one in issues_out(found.issues, view.lang):
        st.caption(plain(f"{one['label']}: {one['text']}"))
    result(found.grouping.trace.document(view.lang))
    told_payment(document(found.payment, view.lang), view.lang)


def _differs(stay: Stay, other: Other, name: str) -> bool:
    return getattr(other, name) is not None and getattr(stay.case, name) != getattr(other, name)


def _asked(stay: Stay) -> Other | None:
    """The values asked for; None: nobody asked yet, or they cannot be read, which is said."""
    case, key = stay.case, f"case.trial.{stay.case_id}.{stay.version}"
    with st.form(key, border=True):
        dx = st.text_area(
            say("case_trial.dx"),
            _written(case.dx),
            key=f"{key}.dx",
            max_chars=_LONGEST,
            help=say("case_trial.codes_help"),
        )
        px = st.text_area(
            say("case_trial.px"),
            _written(case.px),
            key=f"{key}.px",
            max_chars=_LONGEST,
            help=say("case_trial.codes_help"),
        )
        left, right = st.columns(2)
        los = left.number_input(
            say("case_trial.los"), 0, _MOST_DAYS, case.los, step=1, key=f"{key}.los"
        )
        cost = right.text_input(
            say("case_trial.cost"),
            "" if case.total_cost is None else f"{case.total_cost:f}",
            key=f"{key}.cost",
        )
        if not st.form_submit_button(say("case_trial.try"), icon=":material/calculate:"):
            return None
    try:
        total = Decimal(cost.strip()) if cost.strip() else None
    except InvalidOperation:
        total = Decimal(-1)
    if total is not None and not (total.is_finite() and 0 <= total < _LARGEST):
        st.error(say("case_trial.no_amount"), icon=":material/error:")
        return None
    return Other(
        dx=_codes(dx),
        px=_codes(px),
        los=None if los is None else int(los),
        total_cost=total,
    )


def _written(codes: Sequence[str | None]) -> str:
    return " ".join(one for one in codes if one)


def _codes(written: str) -> tuple[str, ...]:
    for sign in "，,;；、":
        written = written.replace(sign, " ")
    return tuple(written.split())

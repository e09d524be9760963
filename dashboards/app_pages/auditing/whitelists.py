"""Exceptions from rules: proposed by one, approved by another, ended with a reason."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.audit.books import NATIONAL, audit_book
from dashboards.app_pages.auditing.acting import act, nothing, typed
from dashboards.app_pages.auditing.tables import moment, table
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import plain
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.tables import limits
from grouper.audit.review.whitelisting import SCOPE
from grouper.service import finding_rules
from grouper.service.access.principal import Right
from grouper.service.finding_answers import rule_name
from grouper.service.finding_rules import Exempting
from grouper.store.schema import now

if TYPE_CHECKING:
    from typing import Any

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.store.whitelists import WhitelistRow

_KEY = "rules.whitelist"
_COLUMNS = {
    "exception": "count",
    "stands": "text",
    "rule": "text",
    "rule_name": "text",
    "row": "text",
    "bound": "text",
    "reason": "text",
    "days": "text",
    "created_by": "text",
    "approved_by": "text",
    "ended": "text",
}


def show(view: View) -> None:
    """Show all exceptions; one that is chosen may be approved or ended."""
    _propose(view)
    found = finding_rules.every(view.parts.database)
    looked(view, "whitelists_listed", "whitelists")
    if not found:
        nothing("whitelist_page.nothing")
        return
    chosen = table(
        [_row(one, view.lang) for one in found],
        _COLUMNS,
        alt=say("rules_part.whitelists"),
        key=f"{_KEY}.table",
        choose="single",
    )
    if not chosen:
        st.caption(say("whitelist_page.choose"))
        return
    _settle(view, found[chosen[0]])


def _row(one: WhitelistRow, lang: str) -> dict[str, Any]:
    bound = [f"{say(f'whitelist_scope.{name}')} {value}" for name, value in one.scope.items()]
    last = one.valid_to - timedelta(days=1)
    return {
        "exception": one.id,
        "stands": say(f"whitelist_stands.{_stands(one)}"),
        "rule": one.rule,
        "rule_name": rule_name(NATIONAL, one.rule, lang),
        "row": one.row,
        "bound": say("insurer_page.comma").join(bound),
        "reason": one.reason,
        "days": say("whitelist_page.days", first=one.valid_from, last=last),
        "created_by": one.created_by,
        "approved_by": one.approved_by,
        "ended": moment(one.ended),
    }


def _stands(one: WhitelistRow) -> str:
    if one.ended is not None:
        return "ended"
    return "proposed" if one.approved is None else "approved"


def _settle(view: View, one: WhitelistRow) -> None:
    stands, number = _stands(one), one.id or 0
    if stands == "ended":
        st.caption(
            say(
                "whitelist_page.over",
                by=plain(one.ended_by or ""),
                reason=plain(one.ended_reason or ""),
            )
        )
        return
    if stands == "proposed":
        own = one.created_by == view.principal.name
        st.button(
            say("whitelist_page.approve", number=number),
            icon=":material/check:",
            disabled=own,
            on_click=_approve,
            args=(view, number),
        )
        if own:
            st.caption(say("whitelist_page.second"))
    with st.form(f"{_KEY}.end.form"):
        st.text_input(
            say("whitelist_page.end_reason"), key=f"{_KEY}.end", max_chars=limits().most_note
        )
        st.form_submit_button(
            say("whitelist_page.end", number=number), on_click=_end, args=(view, number)
        )


def _approve(view: View, number: int) -> None:
    def doing(principal: Principal) -> str:
        finding_rules.approve(view.parts.database, principal.name, number, now())
        return say("whitelist_page.approved", number=number)

    act(view, Right.REVIEW, doing)


def _end(view: View, number: int) -> None:
    reason = typed(f"{_KEY}.end")

    def doing(principal: Principal) -> str:
        finding_rules.end(view.parts.database, principal.name, number, reason, now())
        return say("whitelist_page.ended", number=number)

    act(view, Right.REVIEW, doing)


def _propose(view: View) -> None:
    rules = audit_book(NATIONAL).rules
    with (
        st.expander(say("whitelist_page.propose"), icon=":material/add:"),
        st.form(f"{_KEY}.form", border=False),
    ):
        st.selectbox(
            say("findings_column.rule"),
            list(rules),
            index=None,
            format_func=lambda one: f"{one} {rules[one].name(view.lang)}",
            placeholder=say("whitelist_page.rule"),
            key=f"{_KEY}.rule",
        )
        st.text_input(say("whitelist_page.row"), key=f"{_KEY}.row")
        for column, name in zip(st.columns(len(SCOPE)), SCOPE, strict=True):
            column.text_input(say(f"whitelist_scope.{name}"), key=f"{_KEY}.scope.{name}")
        first, last = st.columns(2)
        first.date_input(say("whitelist_page.first"), value=None, key=f"{_KEY}.first")
        last.date_input(say("whitelist_page.last"), value=None, key=f"{_KEY}.last")
        st.text_area(
            say("whitelist_page.reason"), key=f"{_KEY}.reason", max_chars=limits().most_note
        )
        st.form_submit_button(say("whitelist_page.add"), on_click=_add, args=(view,))


def _add(view: View) -> None:
    def doing(principal: Principal) -> str:
        made = finding_rules.propose(view.parts.database, principal.name, exempting(), now())
        return say("whitelist_page.proposed", number=made.id)

    act(view, Right.REVIEW, doing)


def exempting() -> Exempting:
    """The exception that was written into the form.

    Raises:
        ReviewError: ``REVIEW_RULE``, ``WHITELIST_DAYS``: there is no rule or no day.
    """
    rule = typed(f"{_KEY}.rule")
    if not rule:
        raise ReviewError("REVIEW_RULE", found="", book=NATIONAL)
    first, last = (st.session_state.get(f"{_KEY}.{one}") for one in ("first", "last"))
    if not isinstance(first, date) or not isinstance(last, date):
        raise ReviewError("WHITELIST_DAYS", most=limits().most_days)
    scope = {name: typed(f"{_KEY}.scope.{name}") for name in SCOPE}
    return Exempting(
        rule=rule,
        row=typed(f"{_KEY}.row") or None,
        scope={name: value for name, value in scope.items() if value},
        reason=typed(f"{_KEY}.reason"),
        valid_from=first,
        valid_to=last + timedelta(days=1),
    )

"""A finding that somebody of the office adds by hand: of which rule, which lines, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.audit.books import audit_book
from dashboards.app_pages.auditing.acting import act, hint, typed
from dashboards.app_pages.auditing.stepping import amount_written
from dashboards.app_pages.office_sizes import sizes
from dashboards.frame.figures import NONE, count, day, yuan
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from grouper.audit.review.tables import limits
from grouper.audit.words import LEVELS, level_words
from grouper.service.access.principal import Right
from grouper.service.finding_raising import Raised, lines_to_name, raise_finding
from grouper.service.findings import asker_of
from grouper.store.schema import now

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.finding_raising import Line
    from grouper.service.stored import Stay

_KEY = "case.raise"
_FIELDS = ("rule", "level", "lines", "amount", "note")


def raising(view: View, stay: Stay) -> None:
    """The form, shut until somebody wants it; the charge lines are read when it is opened."""
    if st.toggle(say("case_raise.title"), key=f"{_KEY}.open"):
        with st.container(border=True):
            st.caption(say("case_raise.about"))
            _form(view, stay)


def _form(view: View, stay: Stay) -> None:
    lang, most = view.lang, sizes().raised
    looked(view, "case_lines_shown", f"case:{stay.case_id}", {"version": stay.version})
    st.text_input(say("case_raise.find"), key=f"{_KEY}.find")
    found, every = lines_to_name(
        view.parts.database,
        asker_of(view.principal),
        stay.case_id,
        typed(f"{_KEY}.find"),
        most,
    )
    if every > len(found):
        st.caption(say("case_raise.lines_some", all=count(every), shown=count(len(found))))
    words = {one.number: _words(one, lang) for one in found}
    # What was chosen stays chosen when the search finds other lines.
    chosen = [one for one in st.session_state.get(f"{_KEY}.lines", []) if one not in words]
    st.multiselect(
        say("case_raise.lines"),
        [*chosen, *words],
        format_func=lambda one: words.get(one, say("case_raise.chosen", number=one)),
        key=f"{_KEY}.lines",
        placeholder=say("case_raise.choose"),
    )
    rules = audit_book().rules
    with st.form(f"{_KEY}.form", border=False):
        st.selectbox(
            say("case_raise.rule"),
            list(rules),
            index=None,
            format_func=lambda one: f"{rules[one].name(lang)}（{one}）",
            key=f"{_KEY}.rule",
            placeholder=say("case_raise.choose"),
        )
        st.selectbox(
            say("case_raise.level"),
            LEVELS,
            index=None,
            format_func=lambda one: level_words(one, lang),
            key=f"{_KEY}.level",
            placeholder=say("case_raise.choose"),
        )
        st.text_input(say("case_raise.amount"), key=f"{_KEY}.amount")
        st.text_area(say("case_raise.note"), key=f"{_KEY}.note", max_chars=limits().most_note)
        st.form_submit_button(
            say("case_raise.button"), type="primary", on_click=_raise, args=(view, stay.case_id)
        )


def _words(line: Line, lang: str) -> str:
    return say(
        "case_raise.line",
        day=day(line.day),
        name=line.name or NONE,
        item=line.item or NONE,
        amount=yuan(line.amount, lang),
    )


def _raise(view: View, case_id: str) -> None:
    rule = typed(f"{_KEY}.rule")
    if not rule:
        hint(say("case_raise.no_rule"))
        return

    def doing(principal: Principal) -> str:
        said = Raised(
            case_id=case_id,
            rule=rule,
            level=typed(f"{_KEY}.level") or None,
            lines=st.session_state.get(f"{_KEY}.lines", []),
            amount=amount_written(typed(f"{_KEY}.amount")),
            note=typed(f"{_KEY}.note"),
        )
        made = raise_finding(view.parts.database, asker_of(principal), said, now())
        for name in _FIELDS:
            st.session_state.pop(f"{_KEY}.{name}", None)
        return say("case_raise.done", number=made.listed.finding.id)

    act(view, Right.REVIEW, doing)

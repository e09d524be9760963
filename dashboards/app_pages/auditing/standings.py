"""The rule book in force with the standing of each rule here, and its promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.audit.books import NATIONAL, audit_book
from dashboards.app_pages.auditing.acting import act, nothing, typed
from dashboards.app_pages.auditing.tables import moment, table
from dashboards.frame.figures import count, share
from dashboards.frame.language import say
from dashboards.frame.rows import plain, say_plain
from grouper.audit.review.tables import limits
from grouper.audit.review.tables import standings as known_standings
from grouper.audit.words import level_words
from grouper.service.access.principal import Right
from grouper.service.finding_answers import word
from grouper.service.finding_rules import set_standing, standings_of
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.finding_rules import RuleStanding

_KEY = "rules.standing"
_COLUMNS = {
    "rule": "text",
    "rule_name": "text",
    "class": "text",
    "level": "text",
    "standing": "text",
    "found": "count",
    "judged": "count",
    "false_positives": "count",
    "false_share": "text",
    "since": "text",
    "actor": "text",
    "reason": "text",
}


def show(view: View) -> None:
    """Show the rules, and for one that is chosen what its standing may become."""
    rules = standings_of(view.parts.database)
    book = audit_book(NATIONAL)
    st.caption(say_plain("rules_page.book", name=book.names[view.lang], source=book.source))
    words = list(known_standings())
    for column, name in zip(st.columns(len(words)), words, strict=True):
        held = sum(one.standing == name for one in rules)
        column.metric(word("standing", name, view.lang), count(held))
    first, second = st.columns((2, 3))
    only = first.multiselect(
        say("rules_page.standing"),
        words,
        key=f"{_KEY}.only",
        format_func=lambda one: word("standing", one, view.lang),
        placeholder=say("findings_filter.all"),
    )
    text = second.text_input(say("rules_page.text"), key=f"{_KEY}.text").strip().casefold()
    shown = [
        one
        for one in rules
        if (not only or one.standing in only)
        and (not text or text in f"{one.rule.rule} {one.rule.name(view.lang)}".casefold())
    ]
    if not shown:
        nothing("rules_page.nothing")
        return
    chosen = table(
        [_row(one, view.lang) for one in shown],
        _COLUMNS,
        alt=say("rules_part.standings"),
        key=f"{_KEY}.table",
        choose="single",
    )
    if not chosen:
        st.caption(say("rules_page.choose"))
        return
    _change(view, shown[chosen[0]])


def _row(one: RuleStanding, lang: str) -> dict[str, Any]:
    given, counted = one.given, one.counted
    return {
        "rule": one.rule.rule,
        "rule_name": one.rule.name(lang),
        "class": say(f"audit_class.{one.rule.class_}"),
        "level": level_words(one.rule.level, lang),
        "standing": word("standing", one.standing, lang),
        "found": counted.found,
        "judged": counted.judged,
        "false_positives": counted.false_positives,
        "false_share": share(counted.false_positives / counted.judged) if counted.judged else None,
        "since": None if given is None else moment(given.at),
        "actor": None if given is None else given.actor,
        "reason": None if given is None else given.reason,
    }


def _change(view: View, one: RuleStanding) -> None:
    figures = limits()
    st.markdown(plain(f"{one.rule.rule} {one.rule.name(view.lang)}"))
    st.text(one.rule.note)
    st.caption(say("rules_page.source", source=plain(one.rule.source)))
    missing = one.rule.missing(view.lang)
    if missing:
        st.caption(say_plain("rules_page.missing", missing=missing))
    change(view, one.rule.rule, known_standings()[one.standing].to)
    st.caption(
        say(
            "rules_page.promotion",
            least=figures.least_judged,
            most=share(figures.most_false, places=0),
            marks=figures.marks,
        )
    )


def change(view: View, rule: str, to: Sequence[str]) -> None:
    """The form that gives a rule another standing.

    Args:
        view: of the page.
        rule: its id.
        to: what its standing may become.
    """
    with st.form(f"{_KEY}.form"):
        st.radio(
            say("rules_page.becomes"),
            list(to),
            format_func=lambda name: word("standing", name, view.lang),
            key=f"{_KEY}.to",
            horizontal=True,
        )
        st.text_input(say("rules_page.why"), key=f"{_KEY}.why", max_chars=limits().most_note)
        st.form_submit_button(say("rules_page.change"), on_click=_set, args=(view, rule))


def _set(view: View, rule: str) -> None:
    to, why = str(st.session_state.get(f"{_KEY}.to")), typed(f"{_KEY}.why")

    def doing(principal: Principal) -> str:
        done = set_standing(view.parts.database, principal.name, NATIONAL, rule, to, why, now())
        return say(
            "rules_page.changed", rule=rule, standing=word("standing", done.standing, view.lang)
        )

    act(view, Right.REVIEW, doing)

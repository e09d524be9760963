"""One finding: what and why, the lines at fault, the rule, the evidence, its history, what is next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages.auditing.acting import nothing, said
from dashboards.app_pages.auditing.evidence import evidence
from dashboards.app_pages.auditing.lines import lines
from dashboards.app_pages.auditing.rule import rule
from dashboards.app_pages.auditing.stepping import moved, stepping
from dashboards.app_pages.auditing.tables import deadline, moment, table
from dashboards.frame.figures import yuan
from dashboards.frame.going import go
from dashboards.frame.labels import department, physician
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import plain
from grouper.audit import words
from grouper.audit.review.documents import typed
from grouper.service import findings
from grouper.service.finding_answers import detail_out, word
from grouper.service.finding_rules import book_named
from grouper.service.findings import asker_of
from grouper.service.problems import ServiceError
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.findings import Shown

_MOST = 2**62
_OWN = "own_finding"
_LEVELS = {"violation": "red", "suspect": "orange", "verify": "blue", "monitor": "gray"}
_EVENTS = {"at": "text", "actor": "text", "action": "text", "change": "text", "note": "text"}


def page(view: View) -> None:
    """Show the page."""
    failed = said()
    if st.button(say("finding_page.back"), icon=":material/arrow_back:", type="tertiary"):
        go("findings")
    number = _number()
    if number is None:
        nothing("finding_page.none")
        return
    try:
        shown = findings.show(view.parts.database, asker_of(view.principal), number)
    except ServiceError as error:
        if error.code != "FINDING_UNKNOWN":
            raise
        st.warning(say("finding_page.unknown", number=number), icon=":material/search_off:")
        return
    looked(view, "finding_shown", f"finding:{number}")
    detail = detail_out(shown, view.lang)
    if failed is not None:
        moved(view, shown)
    _head(view, detail)
    left, right = st.columns((3, 2), gap="large")
    with left:
        _words(view, shown, detail)
        lines(view, shown)
        rule(view, shown.listed.finding)
    with right:
        stepping(view, shown)
        evidence(view, shown)
    st.subheader(say("finding_page.history"), anchor=False)
    table(
        [event_row(one, view.lang) for one in reversed(detail["events"])],
        _EVENTS,
        alt=say("finding_page.history"),
    )


def _number() -> int | None:
    """The finding that the address names; None: it names none."""
    told = st.query_params.get("id", "")
    plain = told.isascii() and told.isdigit() and len(told) <= len(str(_MOST))
    return int(told) if plain and 0 < int(told) < _MOST else None


def _head(view: View, detail: Mapping[str, Any]) -> None:
    st.subheader(
        say("finding_page.title", number=detail["id"], rule=plain(detail["rule_name"])),
        anchor=False,
    )
    marks = [
        (detail["level_name"], _LEVELS.get(detail["level"], "gray")),
        (word("source", detail["source"], view.lang), "gray"),
    ]
    marks += [(say("finding_page.overdue"), "red")] if detail["overdue"] else []
    marks += [(say("finding_page.gone"), "green")] if detail["gone"] is not None else []
    marks += [(say("finding_page.shadow"), "violet")] if detail["shadow"] else []
    marks += [(say("finding_page.false_positive"), "gray")] if detail["false_positive"] else []
    with st.container(horizontal=True):
        for told, color in marks:
            st.badge(told, color=color)  # type: ignore[arg-type]
    asked = detail["asked_department"] or detail["department"] or detail["stay_department"]
    due = detail["asked_until"] or detail["due"]
    figures = (
        ("state", detail["state_name"]),
        ("amount", yuan(detail["amount"], view.lang)),
        ("due", deadline(due) or say("finding_page.no_due")),
        ("department", plain(department(asked) if asked else say("finding_page.no_department"))),
        ("assignee", plain(detail["assignee"] or say("finding_page.nobody"))),
    )
    for column, (name, told) in zip(st.columns(len(figures)), figures, strict=True):
        column.metric(say(f"finding_metric.{name}"), told)


def _words(view: View, shown: Shown, detail: Mapping[str, Any]) -> None:
    """What was found, where, why, and what to do."""
    row = shown.listed.finding
    told = words.parts(typed(row.document), book_named(row.book), view.lang)
    for name in ("what", "where", "why", "advice"):
        text = getattr(told, name)
        if text:
            st.caption(say(f"finding_words.{name}"))
            st.text(text)
    document = row.document
    reason = document.get("reason")
    if reason is not None:
        known = catalogue(view.lang)
        st.warning(
            plain(f"{known.get(f'reason.{reason}', reason)} {known.get(f'advice.{reason}', '')}"),
            icon=":material/link_off:",
        )
    if document.get(_OWN) is not None:
        number = str(document[_OWN])
        if st.button(say("finding_page.own", number=number), icon=":material/compare_arrows:"):
            go("finding", id=number)
    facts = {
        "case_id": detail["case_id"],
        "visit": detail["visit"],
        "physician": detail["physician"] and physician(detail["physician"]),
        "raised_by": None if detail["source"] == "own" else _raiser(detail, view.lang),
        "first_seen": moment(detail["first_seen"]),
        "last_seen": moment(detail["last_seen"]),
        "gone": moment(detail["gone"]),
        "opinion_by": detail["opinion_by"],
        "closed": moment(detail["closed"]),
        "closed_by": detail["closed_by"],
        "deduction": None if detail["deduction"] is None else yuan(detail["deduction"], view.lang),
    }
    with st.expander(say("finding_page.facts")):
        table(
            [
                {"what": say(f"finding_fact.{name}"), "value": value}
                for name, value in facts.items()
                if value
            ],
            {"what": "text", "value": "text"},
            alt=say("finding_page.facts"),
        )
    if detail["case_id"] and st.button(say("finding_page.case"), icon=":material/folder_open:"):
        go("case", case_id=detail["case_id"])


def _raiser(detail: Mapping[str, Any], lang: str) -> str:
    return str(word("source", detail["raised_by"], lang))


def event_row(event: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """An event of a finding as a row of a table."""
    before, after = event["before"], event["after"]
    change = (
        "" if before == after else f"{word('state', before, lang)} → {word('state', after, lang)}"
    )
    return {
        "at": moment(event["at"] or now()),
        "actor": actor(event["actor"], lang),
        "action": event["action_name"],
        "change": change,
        "note": event["note"],
    }


def actor(name: str, lang: str) -> str:
    """Who did something: an account, or a part of the program in words."""
    return catalogue(lang).get(f"finding_actor.{name}", name)

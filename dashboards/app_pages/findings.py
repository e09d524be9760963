"""The board of findings: how many stand where, which are to be seen to, and whose turn it is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import nothing, said
from dashboards.app_pages.auditing.asking import asked
from dashboards.app_pages.auditing.assigning import assigning
from dashboards.app_pages.auditing.paging import Paging
from dashboards.app_pages.auditing.sizes import sizes
from dashboards.app_pages.auditing.tables import deadline, table
from dashboards.frame.figures import count, yuan
from dashboards.frame.going import go
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.navigation import address
from grouper.audit.review.tables import states
from grouper.audit.words import LEVELS
from grouper.service import findings
from grouper.service.access.principal import Right
from grouper.service.finding_answers import finding_out, word
from grouper.service.findings import asker_of
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from dashboards.frame.view import View
    from grouper.store.findings import Counted, Listed, Wanted

_COLUMNS = {
    "number": "link",
    "level": "text",
    "rule_name": "text",
    "department": "text",
    "day": "text",
    "amount": "money",
    "state": "text",
    "due": "text",
    "assignee": "text",
    "source": "text",
    "case_id": "text",
}


def page(view: View) -> None:
    """Show the page."""
    said()
    wanted = asked(view)
    if wanted is not None:
        board(view, wanted)


def board(view: View, wanted: Wanted, key: str = "findings") -> None:
    """The counts and a page of some findings.

    Args:
        view: who looks.
        wanted: which findings.
        key: of the widgets and of the place in the pages.
    """
    asker = asker_of(view.principal)
    database = view.parts.database
    paging = Paging(f"{key}.page", wanted)
    found, following, counted = findings.page(
        database, asker, wanted, paging.after, sizes()["findings"]
    )
    numbers = [one.finding.id for one in found]
    looked(view, "findings_listed", "findings", {"findings": numbers})
    late = replace(wanted, due_before=now())
    _, _, overdue = findings.page(database, asker, late, None, 1)
    _headline(counted, overdue, view.lang)
    if not counted:
        nothing("findings_page.nothing")
        return
    with st.expander(say("findings_page.counts"), expanded=True):
        _counts(counted, view.lang)
    st.subheader(say("findings_page.list"), anchor=False)
    chosen = table(
        [listed_row(one, view.lang) for one in found],
        _COLUMNS,
        alt=say("findings_page.list"),
        key=f"{key}.table.{paging.at}",
        choose="multi",
    )
    paging.buttons(following, len(found), sum(one.count for one in counted))
    picked = [found[place] for place in chosen]
    _open(picked, key)
    if picked and view.principal.may(Right.REVIEW):
        assigning(view, picked)


def listed_row(one: Listed, lang: str) -> dict[str, Any]:
    """A finding as a row of a table."""
    told = finding_out(one, lang)
    due = one.finding.asked_until or one.finding.due
    late = f"{say('findings_page.overdue_mark')} " if told["overdue"] else ""
    return {
        "number": address("finding", id=str(told["id"])),
        "level": told["level_name"],
        "rule_name": told["rule_name"],
        "department": department(told["department"] or told["stay_department"]),
        "day": told["day"],
        "amount": told["amount"],
        "state": told["state_name"] + (f" · {say('findings_page.gone')}" if told["gone"] else ""),
        "due": late + deadline(due),
        "assignee": told["assignee"],
        "source": word("source", told["source"], lang),
        "case_id": told["case_id"],
    }


def _headline(counted: Sequence[Counted], overdue: Sequence[Counted], lang: str) -> None:
    known = states()
    to_do = [one for one in counted if not known[one.state].closed and not known[one.state].hidden]
    figures = (
        ("all", count(sum(one.count for one in counted))),
        ("open", count(sum(one.count for one in to_do))),
        ("overdue", count(sum(one.count for one in overdue))),
        ("violations", count(sum(one.count for one in to_do if one.level == LEVELS[0]))),
        ("stake", yuan(sum((one.amount for one in to_do), Decimal(0)), lang)),
    )
    for column, (name, told) in zip(st.columns(len(figures)), figures, strict=True):
        column.metric(say(f"findings_metric.{name}"), told)


def _counts(counted: Sequence[Counted], lang: str) -> None:
    """How many stand in each state, by level."""
    rows = []
    for name in states():
        own = [one for one in counted if one.state == name]
        if own:
            by = {one.level: one.count for one in own}
            rows.append(
                {
                    "state": word("state", name, lang),
                    "stage": word("stage", states()[name].stage, lang),
                }
                | {level: by.get(level, 0) for level in LEVELS}
                | {
                    "count": sum(by.values()),
                    "amount": sum((one.amount for one in own), Decimal(0)),
                }
            )
    columns = {"state": "text", "stage": "text", **dict.fromkeys(LEVELS, "count")}
    table(rows, columns | {"count": "count", "amount": "money"}, alt=say("findings_page.counts"))


def _open(picked: Sequence[Listed], key: str) -> None:
    if not picked:
        st.caption(say("findings_page.choose"))
        return
    number = str(picked[0].finding.id)
    label = say("findings_page.open", number=number)
    if len(picked) == 1 and st.button(label, key=f"{key}.open", icon=":material/open_in_full:"):
        go("finding", id=number)

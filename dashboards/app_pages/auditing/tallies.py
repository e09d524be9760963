"""What became of findings by rule, department, physician and month; the deductions of a month."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import nothing
from dashboards.app_pages.auditing.months import month_picked
from dashboards.app_pages.auditing.sizes import sizes
from dashboards.app_pages.auditing.tables import moment, table
from dashboards.frame.figures import count, share, yuan
from dashboards.frame.labels import department, physician
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.navigation import address
from grouper.audit.review.statistics import BY
from grouper.audit.words import level_words
from grouper.service import finding_statistics
from grouper.service.finding_answers import word
from grouper.service.finding_asked import statistics_out
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dashboards.frame.view import View

_KEY = "rules.statistics"
_TALLY = {
    "found": "count",
    "open": "count",
    "overdue": "count",
    "confirmed": "count",
    "dismissed": "count",
    "corrected": "count",
    "still_found": "count",
    "judged": "count",
    "false_positives": "count",
    "false_share": "text",
    "deduction": "money",
    "amount": "money",
    "median_days": "number",
}
_ORDERS = {
    "rule": "text",
    "told": "count",
    "gone_on": "count",
    "gone_back": "count",
    "unanswered": "count",
}
_DEDUCTIONS = {
    "number": "link",
    "source": "text",
    "rule_name": "text",
    "level": "text",
    "department": "text",
    "day": "text",
    "amount": "money",
    "deduction": "money",
    "state": "text",
    "closed": "text",
    "actor": "text",
}


def statistics(view: View) -> None:
    """Show what became of findings by one thing."""
    options = [one for one in BY if one != "physician" or view.principal.reach is None]
    first, second, third = st.columns((2, 1, 1), vertical_alignment="bottom")
    by = first.segmented_control(
        say("tally_page.by"),
        options,
        default=options[0],
        format_func=lambda one: say(f"tally_by.{one}"),
        key=f"{_KEY}.by",
        required=True,
    )
    since = second.date_input(say("tally_page.since"), value=None, key=f"{_KEY}.since")
    last = third.date_input(say("tally_page.last"), value=None, key=f"{_KEY}.last")
    if isinstance(since, date) and isinstance(last, date) and last < since:
        nothing("tally_page.backwards")
        return
    by = by or options[0]
    found = finding_statistics.tallied(
        view.parts.database,
        view.principal.reach,
        by,
        now(),
        since=since if isinstance(since, date) else None,
        until=last + timedelta(days=1) if isinstance(last, date) else None,
    )
    looked(view, "finding_statistics_shown", "findings", {"by": by})
    told = statistics_out(found, by, view.lang)
    if not told["groups"]:
        nothing("tally_page.nothing")
        return
    total = told["total"]
    figures = {
        "found": count(total["found"]),
        "open": count(total["open"]),
        "confirmed": count(total["confirmed"]),
        "false_share": share(total["false_share"]),
        "deduction": yuan(total["deduction"], view.lang),
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(say(f"findings_column.{name}"), value)
    groups = sorted(told["groups"], key=lambda one: -one["found"])
    if by == "month":
        groups = sorted(told["groups"], key=lambda one: one["key"] or "", reverse=True)
    most = sizes()["groups"]
    _shown(by, groups[:most])
    if len(groups) > most:
        st.caption(say("tally_page.more", count=count(len(groups) - most)))
    st.caption(say("tally_page.about"))
    if told["orders"]:
        st.subheader(say("tally_page.orders"), anchor=False)
        table(told["orders"], _ORDERS, alt=say("tally_page.orders"))


def _shown(by: str, groups: list[dict[str, Any]]) -> None:
    columns = {"rule": "text", "rule_name": "text"} if by == "rule" else {by: "text"}
    rows = [{by: _key(by, one["key"]), **_tally(one)} for one in groups]
    table(rows, {**columns, **_TALLY}, alt=say("rules_part.statistics"))


def _key(by: str, key: str | None) -> str:
    named = {"department": department, "physician": physician}
    if not key:
        return say("tally_page.unknown")
    return named[by](key) if by in named else key


def _tally(one: Mapping[str, Any]) -> dict[str, Any]:
    told = None if one["false_share"] is None else share(one["false_share"])
    return {**one, "rule_name": one["name"], "false_share": told}


def deductions(view: View) -> None:
    """Show the deductions of a month, and give them out as a file."""
    month = month_picked("rules.deductions.month")
    rows = finding_statistics.deductions(
        view.parts.database, view.principal.reach, month, view.lang
    )
    about = {"month": month, "findings": [row["finding"] for row in rows]}
    looked(view, "deductions_shown", "findings", about)
    if not rows:
        nothing("tally_page.no_deduction")
        return
    first, second = st.columns(2)
    first.metric(say("tally_page.deductions"), count(len(rows)))
    total = finding_statistics.total_of(rows)
    second.metric(say("findings_column.deduction"), yuan(total, view.lang))
    table(
        [_deduction(row, view.lang) for row in rows], _DEDUCTIONS, alt=say("rules_part.deductions")
    )
    st.download_button(
        say("tally_page.download"),
        data=finding_statistics.as_csv(rows, view.lang).encode(),
        file_name=f"deductions-{month}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _deduction(row: Mapping[str, Any], lang: str) -> dict[str, Any]:
    return {
        **row,
        "number": address("finding", id=str(row["finding"])),
        "source": word("source", row["source"], lang),
        "level": level_words(row["level"], lang),
        "department": department(row["department"]),
        "state": word("state", row["state"], lang),
        "closed": moment(row["closed"]),
        "actor": row["closed_by"],
    }

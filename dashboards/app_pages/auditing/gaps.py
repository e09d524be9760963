"""Screenings, and what they could not ask and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import catalogue
from dashboards.app_pages.auditing.acting import nothing
from dashboards.app_pages.auditing.sizes import sizes
from dashboards.app_pages.auditing.tables import moment, table
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import plain
from grouper.service.screening_answers import known, page_of, screening_detail

if TYPE_CHECKING:
    from typing import Any

    from dashboards.frame.view import View
    from grouper.store.screenings import ScreeningRow

_COLUMNS = {
    "screening": "count",
    "at": "text",
    "scope": "text",
    "run": "text",
    "cases": "count",
    "lines": "count",
    "found": "count",
    "fresh": "count",
    "gone": "count",
}
_CASE = "case:"


def show(view: View) -> None:
    """Show the last screenings, and of one what it could not ask."""
    found, _ = page_of(view.parts.database, None, None, sizes()["screenings"])
    if not found:
        nothing("rules_page.no_screening")
        return
    chosen = table(
        [_row(one) for one in found],
        _COLUMNS,
        alt=say("rules_page.screenings"),
        key="rules.screenings",
        choose="single",
    )
    one = found[chosen[0]] if chosen else found[0]
    row, failed = known(view.parts.database, one.id or 0)
    told = screening_detail(row, failed, view.lang)
    cases = [each.case_id for each in failed]
    looked(view, "screening_shown", f"screening:{row.id}", {"cases": cases})
    st.subheader(say("rules_page.not_run", number=row.id), anchor=False)
    if row.reason is not None:
        st.warning(
            plain(catalogue(view.lang).get(f"error.{row.reason}", row.reason)),
            icon=":material/warning:",
        )
    if told["not_run"]:
        table(
            [
                {"rule": gap["rule"], "row": gap["row"], "why": gap["words"]}
                for gap in told["not_run"]
            ],
            {"rule": "text", "row": "text", "why": "text"},
            alt=say("rules_page.not_run", number=row.id),
        )
    else:
        st.caption(say("rules_page.all_run"))
    if told["failures"]:
        st.subheader(say("rules_page.failures"), anchor=False)
        table(
            [{"case": each["case_id"], "why": each["words"]} for each in told["failures"]],
            {"case": "text", "why": "text"},
            alt=say("rules_page.failures"),
        )


def _row(one: ScreeningRow) -> dict[str, Any]:
    scope = (
        one.scope if one.scope not in ("running", "discharged") else say(f"rules_scope.{one.scope}")
    )
    if scope.startswith(_CASE):
        scope = say("rules_scope.case", case=scope.removeprefix(_CASE))
    return {
        "screening": one.id,
        "at": moment(one.started),
        "scope": scope,
        "run": say(f"rules_run.{one.state}"),
        "cases": one.cases,
        "lines": one.lines,
        "found": one.findings,
        "fresh": one.fresh,
        "gone": one.gone,
    }

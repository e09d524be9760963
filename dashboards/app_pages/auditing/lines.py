"""The charge lines of a finding's stay, those at fault marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.sizes import sizes
from dashboards.app_pages.auditing.tables import moment, table
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from grouper.service.access.principal import Right
from grouper.service.finding_lines import lines_named
from grouper.service.problems import ServiceError
from grouper.service.stored import lines_of, stay_of_case

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from dashboards.frame.view import View
    from grouper.service.findings import Shown

_COLUMNS = {
    "fault": "text",
    "line": "text",
    "item": "text",
    "item_name": "text",
    "charged": "text",
    "quantity": "number",
    "amount": "money",
}


def lines(view: View, shown: Shown) -> None:
    """Show the lines at fault, or all lines, a page of them."""
    case_id, faulty = shown.listed.case_id, shown.listed.finding.line_names
    if case_id is None or not view.principal.may(Right.CASES):
        return
    st.subheader(say("finding_lines.title"), anchor=False)
    key = f"finding.lines.{shown.listed.finding.id}"
    every = not faulty or st.toggle(say("finding_lines.every"), key=key)
    database, limit = view.parts.database, sizes()["lines"]
    try:
        stay = stay_of_case(database, case_id, view.principal.reach)
    except ServiceError:
        # A finding may be shown to a department that its stay does not lie in.
        st.caption(say("finding_lines.out_of_reach"))
        return
    start = 0
    if every:
        start = limit * (int(st.session_state.get(f"{key}.page") or 1) - 1)
        found = lines_of(database, stay, start, limit + 1)
    else:
        found = lines_named(database, stay, faulty, limit)
    looked(view, "case_lines_shown", f"case:{case_id}", {"version": stay.version})
    if not found:
        st.caption(say("finding_lines.nothing"))
        return
    rows = [_row(one, faulty) for one in found[:limit]]
    table(rows, _COLUMNS, alt=say("finding_lines.title"))
    if every and (start or len(found) > limit):
        st.number_input(say("finding_lines.page"), min_value=1, step=1, key=f"{key}.page")


def _row(line: Mapping[str, Any], faulty: Collection[str]) -> dict[str, Any]:
    return {
        "fault": say("finding_lines.fault") if line["line"] in faulty else None,
        "line": line["line"],
        "item": line["item"],
        "item_name": line["name"],
        "charged": moment(line["charged"]),
        "quantity": line["quantity"],
        "amount": line["amount"],
    }

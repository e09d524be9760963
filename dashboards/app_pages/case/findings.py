"""The findings of a case: where each stands, with the way to its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.case.raising import raising
from dashboards.app_pages.finding_rows import found
from dashboards.app_pages.office_sizes import sizes
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import turned, turner
from grouper.service.access.principal import Right
from grouper.service.findings import asker_of, page
from grouper.store.findings import Wanted

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.stored import Stay


def show(view: View, stay: Stay) -> None:
    """Show the tab."""
    said()
    if view.principal.may(Right.REVIEW):
        raising(view, stay)
    key = f"case.findings.{stay.case_id}"
    after = turned(key)
    rows, following, _ = page(
        view.parts.database,
        asker_of(view.principal),
        Wanted(case_id=stay.case_id),
        None if after is None else int(after),
        sizes().rows,
    )
    looked(
        view,
        "case_findings_shown",
        f"case:{stay.case_id}",
        {"findings": [one.finding.id for one in rows]},
    )
    if not rows:
        st.info(say("case_findings.none"), icon=":material/check:")
        return
    found(view, rows)
    turner(key, None if following is None else str(following))

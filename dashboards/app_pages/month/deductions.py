"""What is deducted from a month: by the file that was handed in, and by findings that were closed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.settled_tables import amount, made, pool, sizes
from dashboards.frame.exports import Sheet
from dashboards.frame.figures import NONE, count, yuan
from dashboards.frame.labels import department
from dashboards.frame.language import lang as language
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, link
from dashboards.frame.rows import table as rows_table
from dashboards.frame.tables import table
from grouper.service.settled_deductions import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.kept_results import Kept

_COLUMNS = ("settled_kind", "pool", "sum_amount", "settled_note")
_SHORT = 8


def show(view: View, kept: Kept, told: Mapping[str, Any]) -> None:
    """Show the deductions, and the findings behind them."""
    del kept
    st.caption(say("month_page.deductions_about"))
    if not told["deductions"]:
        st.info(say("month_page.no_deduction"), icon=":material/info:")
        return
    table(_rows(told), view.lang, columns=_COLUMNS)
    found = told["findings"][: sizes()["findings"]]
    if not found:
        return
    st.subheader(say("month_page.findings_title", count=count(len(told["findings"]))), anchor=False)
    looked(view, "findings_listed", "findings", {"findings": [one["finding"] for one in found]})
    rows_table(
        [
            Column(say("month_page.finding"), short=True),
            Column(say("month_page.rule")),
            Column(say("fact.department")),
            Column(say("fact.link"), short=True),
            Column(say("month_page.deducted"), right=True),
        ],
        [
            (
                link(view, str(one["finding"]), "finding", id=str(one["finding"])),
                one["rule_name"],
                department(one["department"]),
                link(view, one["case_id"][:_SHORT], "case", case_id=one["case_id"])
                if one["case_id"]
                else NONE,
                yuan(amount(one["deduction"]), view.lang),
            )
            for one in found
        ],
    )


def sheets(told: Mapping[str, Any]) -> list[Sheet]:
    """The deductions, for a file."""
    if not told["deductions"]:
        return []
    return [Sheet(say("month_part.deductions"), _rows(told), _COLUMNS)]


def _rows(told: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- a table of Arrow
    return made([_row(one) for one in told["deductions"]], _COLUMNS)


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    of_findings = one["kind"] == FINDINGS
    whole = one["method"] is None and one["insurance"] is None
    return {
        "settled_kind": say("month_page.from_findings")
        if of_findings
        else say("month_page.from_file", kind=one["kind"]).strip(),
        "pool": say("month_page.whole")
        if whole
        else pool(one["method"], one["insurance"], language()),
        "sum_amount": one["amount"],
        "settled_note": say("month_page.findings_count", count=one["reason"])
        if of_findings
        else one["reason"],
    }

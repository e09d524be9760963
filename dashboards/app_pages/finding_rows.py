"""Findings as rows of a table, each with its way to its page and to the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.app_pages.case_rows import local_day
from dashboards.frame.figures import yuan
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, link, table
from grouper.service.finding_answers import finding_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.frame.rows import Cell
    from dashboards.frame.view import View
    from grouper.store.findings import Listed

_LONG = frozenset({"finding", "department"})


def found(view: View, rows: Sequence[Listed]) -> None:
    """Show findings; the look is logged first.

    Raises:
        ServiceError: ``AUDIT_UNAVAILABLE``.
    """
    looked(view, "findings_listed", "findings", {"findings": [one.finding.id for one in rows]})
    names = ("finding", "level", "case", "department", "amount", "state", "due", "assignee")
    columns = [
        Column(say(f"finding_rows.{name}"), right=name == "amount", short=name not in _LONG)
        for name in names
    ]
    table(columns, [_row(view, one) for one in rows])


def _row(view: View, one: Listed) -> Sequence[Cell]:
    told = finding_out(one, view.lang)
    case: Cell = None
    if one.case_id is not None:
        case = link(view, str(one.visit), "case", case_id=one.case_id)
    due = local_day(told["due"] or told["asked_until"]) if told["open"] else None
    if due is not None and told["overdue"]:
        due = say("finding_rows.overdue", day=due)
    return (
        link(view, told["rule_name"], "finding", id=str(told["id"])),
        told["level_name"],
        case,
        department(told["department"]),
        yuan(told["amount"], view.lang),
        told["state_name"],
        due,
        told["assignee"],
    )

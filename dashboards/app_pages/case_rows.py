"""Stays as rows of a table, each with its way to the page of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.messages import catalogue, text
from dashboards.frame.figures import day, yuan
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, link, table
from grouper.case.dates import LOCAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dashboards.frame.rows import Cell
    from dashboards.frame.view import View
    from grouper.store.reading import StayHead

_LONG = frozenset({"department", "group"})


def stays(view: View, heads: Sequence[StayHead]) -> None:
    """Show stays; the look is logged first.

    Raises:
        ServiceError: ``AUDIT_UNAVAILABLE``.
    """
    looked(view, "cases_listed", "cases", {"cases": [one.case_id for one in heads]})
    columns = [
        Column(say(f"case_rows.{name}"), right=name == "cost", short=name not in _LONG)
        for name in ("visit", "department", "state", "admitted", "discharged", "group", "cost")
    ]
    table(columns, [_row(view, one) for one in heads])


def _row(view: View, head: StayHead) -> Sequence[Cell]:
    return (
        link(view, head.visit, "case", case_id=head.case_id),
        department(head.department),
        say(f"stay_state.{head.state}"),
        local_day(head.admitted),
        local_day(head.discharged),
        grouped(head, view.lang),
        yuan(head.total_cost, view.lang),
    )


def grouped(head: StayHead, lang: str) -> str:
    """The group of a stay, or why it has none."""
    found = head.grouping
    if found is None:
        return text("case_rows.not_yet", lang)
    if found.group and not found.reason:
        return f"{found.group} {found.group_name or ''}".strip()
    status = text(f"status.{found.status}", lang)
    why = catalogue(lang).get(f"reason.{found.reason}")
    return status if why is None else text("case_rows.because", lang, status=status, why=why)


def local_day(at: datetime | None) -> str:
    """The local day of a time."""
    return day(None if at is None else at.astimezone(LOCAL).date())


def local_time(at: datetime | None) -> str:
    """A time as people read it here."""
    return "—" if at is None else at.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")

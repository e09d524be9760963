"""Findings as the service answers them."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 -- Pydantic reads the annotations
from decimal import Decimal  # noqa: TC003 -- as above
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from codebooks.messages import catalogue, text
from grouper.audit import words
from grouper.audit.insurer.rules import EXTERNAL, is_external
from grouper.audit.review.documents import typed
from grouper.audit.review.tables import states
from grouper.service.finding_rules import book_named
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.audit.review.tables import Step
    from grouper.service.findings import Shown
    from grouper.store.finding_events import EventRow
    from grouper.store.finding_files import FileRow
    from grouper.store.findings import Counted, Listed


class FindingOut(BaseModel):
    """A finding as it stands."""

    id: int
    key: str = Field(description="of own findings: jr_id of NHSA 3101 and 3102")
    source: str = Field(description="own, insurer or person")
    case_id: str | None = Field(description="null: of no stay that is here")
    visit: str | None = Field(description="the hospital's number of the stay")
    stay_state: str | None
    department: str | None = Field(description="of the first charge line, or of the case")
    stay_department: str | None
    physician: str | None
    rule: str
    rule_name: str
    row: str | None
    level: str = Field(description="violation, suspect, verify or monitor")
    level_name: str
    day: date | None
    amount: Decimal = Field(description="yuan at stake")
    moment: str = Field(description="order, stay or upload")
    state: str
    state_name: str
    stage: str
    open: bool = Field(description="something is still to be done")
    shadow: bool = Field(description="of a rule that is tried out")
    whitelist_id: int | None
    batch_id: int | None = Field(description="the insurer's list")
    first_seen: datetime
    last_seen: datetime
    gone: datetime | None = Field(description="since when a screening no longer finds it")
    assignee: str | None
    due: datetime | None
    asked_department: str | None
    asked_until: datetime | None
    overdue: bool
    raised_by: str
    opinion_by: str | None
    judged: datetime | None
    closed: datetime | None
    closed_by: str | None
    false_positive: bool
    deduction: Decimal | None


class CountOut(BaseModel):
    """How many findings stand in a state at a level."""

    state: str
    level: str
    count: int
    amount: Decimal


class FindingList(BaseModel):
    """A page of findings, the newest first; give ``next`` as after for the page behind it."""

    findings: list[FindingOut]
    next: int | None
    counts: list[CountOut] = Field(description="of all pages together")


class EventOut(BaseModel):
    """What was done with a finding."""

    id: int
    at: datetime
    actor: str
    action: str
    action_name: str
    before: str
    after: str
    note: str | None
    about: dict[str, Any]


class FileOut(BaseModel):
    """A file of evidence."""

    id: int
    at: datetime
    actor: str
    name: str
    media: str
    size: int = Field(description="bytes")
    sha256: str
    place: str = Field(description="where it can be fetched")


class StepOut(BaseModel):
    """A step that the asker may take now."""

    action: str
    name: str
    to: str = Field(description="the new state; empty: as it is")
    needs: list[str] = Field(
        description="note, amount, verdict (false_positive), evidence (a file)"
    )
    takes: list[str]


class FindingDetail(FindingOut):
    """A finding whole."""

    document: dict[str, Any] = Field(description="the row of docs/AUDIT.md, with its words")
    events: list[EventOut] = Field(description="the oldest first")
    files: list[FileOut]
    steps: list[StepOut]


def rule_name(book: str, rule: str, lang: str) -> str:
    """A rule's name; of one that the book does not know what it is called."""
    if is_external(rule):
        return text("review.external", lang, name=rule.removeprefix(EXTERNAL))
    found = book_named(book).rules.get(rule)
    return found.name(lang) if found else rule


def word(part: str, name: str, lang: str) -> str:
    """A state, action, stage … in words; one without words as it stands."""
    key = f"review.{part}.{name}"
    return text(key, lang) if key in catalogue(lang) else name


def finding_out(one: Listed, lang: str) -> dict[str, Any]:
    """A finding as :class:`FindingOut`."""
    row = one.finding
    state = states()[row.state]
    closed = state.closed or state.hidden
    late = any(due is not None and due <= now() for due in (row.due, row.asked_until))
    names = FindingOut.model_fields.keys() & row.__dataclass_fields__.keys()
    return {name: getattr(row, name) for name in names} | {
        "case_id": one.case_id,
        "visit": one.visit,
        "stay_state": one.stay_state,
        "stay_department": one.stay_department,
        "rule_name": rule_name(row.book, row.rule, lang),
        "level_name": words.level_words(row.level, lang),
        "state_name": word("state", row.state, lang),
        "stage": state.stage,
        "open": not closed,
        "overdue": late and not closed,
    }


def list_out(
    found: Sequence[Listed], following: int | None, counted: Sequence[Counted], lang: str
) -> dict[str, Any]:
    """A page as :class:`FindingList`."""
    return {
        "findings": [finding_out(one, lang) for one in found],
        "next": following,
        "counts": [
            {"state": one.state, "level": one.level, "count": one.count, "amount": one.amount}
            for one in counted
        ],
    }


def detail_out(shown: Shown, lang: str) -> dict[str, Any]:
    """A finding as :class:`FindingDetail`."""
    row = shown.listed.finding
    told = words.document(typed(row.document), book_named(row.book), lang)
    more = {name: value for name, value in row.document.items() if name not in told}
    return finding_out(shown.listed, lang) | {
        "document": told | more,
        "events": [event_out(one, lang) for one in shown.events],
        "files": [file_out(one) for one in shown.files],
        "steps": [step_out(one, lang) for one in shown.steps],
    }


def event_out(one: EventRow, lang: str) -> dict[str, Any]:
    """An event as :class:`EventOut`."""
    names = EventOut.model_fields.keys() - {"action_name"}
    told = {name: getattr(one, name) for name in names}
    return told | {"action_name": word("action", one.action, lang)}


def file_out(one: FileRow) -> dict[str, Any]:
    """A file as :class:`FileOut`."""
    names = FileOut.model_fields.keys() - {"sha256", "place"}
    return {name: getattr(one, name) for name in names} | {
        "sha256": one.sha256.hex(),
        "place": f"/api/v1/findings/{one.finding_id}/files/{one.id}",
    }


def step_out(one: Step, lang: str) -> dict[str, Any]:
    """A step as :class:`StepOut`."""
    return {
        "action": one.action,
        "name": word("action", one.action, lang),
        "to": one.to,
        "needs": list(one.needs),
        "takes": list(one.takes),
    }

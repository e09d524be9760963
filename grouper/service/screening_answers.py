"""Screenings as the service answers them: what was asked, how a run stands, what of a case stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime  # Pydantic reads the annotations
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codebooks.messages import text
from grouper.audit import words
from grouper.audit.review.documents import typed
from grouper.audit.review.tables import states
from grouper.service.finding_answers import FindingOut, finding_out
from grouper.service.finding_rules import book_named
from grouper.service.problems import ServiceError
from grouper.service.screening import moment_of, month_of
from grouper.service.screening_gaps import not_run
from grouper.service.screening_runs import CASE, under_way
from grouper.store import audit, screenings
from grouper.store.screenings import WAITING, ScreeningRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codebooks.audit.books import AuditBook
    from grouper.audit.planning import NotRun
    from grouper.service.settings import Settings
    from grouper.store.database import Database
    from grouper.store.findings import Listed
    from grouper.store.screenings import Failure


class ScreeningAsked(BaseModel):
    """What is to be screened: a month, which the process that screens does, or a case, at once."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"month": "2026-11"}})

    month: str | None = Field(default=None, max_length=7, description="of discharge: 2026-11")
    case_id: str | None = Field(default=None, max_length=64, pattern=r"^[^\x00]+$")

    @model_validator(mode="after")
    def _one(self) -> ScreeningAsked:
        if (self.month is None) == (self.case_id is None):
            msg = "month or case_id"
            raise ValueError(msg)
        return self


class GapOut(BaseModel):
    """A rule, or a row of it, that could not be asked in the whole run."""

    rule: str
    row: str | None
    reason: str = Field(description="stable word; empty: words alone")
    words: str


class FailureOut(BaseModel):
    """A stay that could not be screened."""

    case_id: str
    version: int
    reason: str
    words: str


class ScreeningOut(BaseModel):
    """How a screening stands."""

    id: int
    state: str = Field(description="waiting, running, done, stopped or failed")
    reason: str | None = Field(description="stable code of the error that ended it")
    scope: str = Field(description="running, discharged, a month, or case:ID")
    moment: str = Field(description="stay or upload")
    actor: str
    started: datetime
    ended: datetime | None
    touched: datetime = Field(description="when a page was last kept")
    book: str
    book_hash: str
    cases: int
    lines: int
    findings: int
    fresh: int = Field(description="that were not known before")
    gone: int = Field(description="known ones that are no longer found")
    counts: dict[str, int]


class ScreeningDetail(ScreeningOut):
    """A screening with what it could not ask, and the stays that it could not screen."""

    not_run: list[GapOut]
    failures: list[FailureOut]


class ScreeningList(BaseModel):
    """A page of screenings, the newest first; give ``next`` as before for the page behind it."""

    screenings: list[ScreeningOut]
    next: int | None


class CaseFinding(FindingOut):
    """A finding of a case with its document."""

    document: dict[str, Any] = Field(description="the row of docs/AUDIT.md, with its words")


class CaseFindings(BaseModel):
    """What stands of a case: live findings, in shadow or exempt ones are not among them."""

    case_id: str
    state: str
    findings: list[CaseFinding]


class CaseScreened(CaseFindings):
    """A case screened at once."""

    screening: ScreeningDetail


def wait_for(database: Database, settings: Settings, month: str, actor: str) -> ScreeningRow:
    """Ask the process that screens for a month; one that waits or goes on already is answered.

    Args:
        database: the store.
        settings: of the service.
        month: such as ``2026-11``.
        actor: the account.

    Raises:
        ServiceError: ``SCREENING_SCOPE``: no month; ``SCREENING_OFF``: there is no such process.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    if month_of(month) is None:
        raise ServiceError("SCREENING_SCOPE", found=month)
    if not settings.audit.on:
        raise ServiceError("SCREENING_OFF")
    at = datetime.now(UTC)
    with database.writing_store() as connection:
        last = next(iter(screenings.listed(connection, scope=month, limit=1)), None)
        if last is not None and (last.state == WAITING or under_way(last)):
            return last
        row = ScreeningRow(
            started=at,
            actor=actor,
            moment=moment_of(month),
            scope=month,
            state=WAITING,
            book=settings.audit.book,
            book_hash="",
            touched=at,
        )
        number = screenings.add(connection, row)
        about = {"scope": month}
        audit.append(connection, actor, "screening_asked", f"screening:{number}", about, at=at)
    return replace(row, id=number)


def scope_of_case(case_id: str) -> str:
    """The scope of a screening of one case."""
    return f"{CASE}{case_id}"


def screening_out(row: ScreeningRow) -> dict[str, Any]:
    """A run as :class:`ScreeningOut`."""
    return {name: getattr(row, name) for name in ScreeningOut.model_fields}


def screening_detail(row: ScreeningRow, failed: Sequence[Failure], lang: str) -> dict[str, Any]:
    """A run as :class:`ScreeningDetail`."""
    book = book_named(row.book)
    rules, rows = not_run(row.not_run)
    gaps = [_gap(one, book, lang) for one in rules]
    gaps += [
        {"rule": one.rule, "row": one.row, "reason": "", "words": one.missing(lang)} for one in rows
    ]
    failures = [
        {
            "case_id": one.case_id,
            "version": one.version,
            "reason": one.reason,
            "words": text(f"reason.{one.reason}", lang),
        }
        for one in failed
    ]
    return screening_out(row) | {"not_run": gaps, "failures": failures}


def _gap(one: NotRun, book: AuditBook, lang: str) -> dict[str, Any]:
    said = words.not_run_words(one, book, lang)
    return {"rule": one.rule, "row": None, "reason": one.reason, "words": said}


def live_states() -> list[str]:
    """The states of findings that are shown to physicians."""
    return [name for name, state in states().items() if not state.hidden]


def case_out(case_id: str, state: str, found: Sequence[Listed], lang: str) -> dict[str, Any]:
    """What stands of a case as :class:`CaseFindings`."""
    told = []
    for one in found:
        row = one.finding
        document = words.document(typed(row.document), book_named(row.book), lang)
        more = {name: value for name, value in row.document.items() if name not in document}
        told.append(finding_out(one, lang) | {"document": document | more})
    return {"case_id": case_id, "state": state, "findings": told}


def known(database: Database, number: int) -> tuple[ScreeningRow, list[Failure]]:
    """A run with the stays that it could not screen.

    Raises:
        ServiceError: ``SCREENING_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        row = screenings.one(connection, number)
        if row is None:
            raise ServiceError("SCREENING_UNKNOWN")
        return row, screenings.failures(connection, number)


def page_of(
    database: Database, scope: str | None, before: int | None, limit: int
) -> tuple[list[ScreeningRow], int | None]:
    """A page of runs, and where the next one begins.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        found = screenings.listed(connection, scope=scope, before=before, limit=limit + 1)
    shown = found[:limit]
    return shown, shown[-1].id if len(found) > limit else None

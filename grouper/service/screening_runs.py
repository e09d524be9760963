"""The rows of screenings: how a run begins, goes on in its row, ends, and when it has fallen silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from codebooks.errors import GrouperError
from grouper.case.dates import LOCAL
from grouper.service.screening_choice import screening_data
from grouper.store import audit, screenings
from grouper.store.screenings import DONE, FAILED, RUNNING, WAITING, ScreeningRow

if TYPE_CHECKING:
    from codebooks.audit.books import AuditBook
    from grouper.store.database import Database, Writing

CASE = "case:"
"""How the scope of a screening of one stay begins."""
_log = structlog.get_logger("grouper.screening")


class ScreeningError(GrouperError):
    """A screening cannot be made as asked."""


def not_begun(
    database: Database,
    scope: str,
    moment: str,
    book: str,
    at: datetime,
    actor: str,
    code: str,
) -> None:
    """Write down that a run could not begin, if the store lets it; of a scope and day once.

    Args:
        database: the store.
        scope: of the run.
        moment: of it.
        book: id of the rule book.
        at: when it was to begin.
        actor: who asked for it.
        code: of the error.
    """
    fresh = ScreeningRow(
        started=at,
        actor=actor,
        moment=moment,
        scope=scope,
        state=FAILED,
        reason=code,
        book=book,
        book_hash="",
        touched=datetime.now(UTC),
    )
    try:
        with database.writing_store() as connection:
            last = _last(connection, scope, moment)
            if last is not None and (last.state == WAITING or _again(last, at)):
                failed = replace(last, state=FAILED, reason=code, touched=fresh.touched)
                screenings.change(connection, failed)
            else:
                screenings.add(connection, fresh)
    except GrouperError as again:
        _log.warning("unsaid", code=again.code, scope=scope)


def _last(connection: Writing, scope: str, moment: str) -> ScreeningRow | None:
    return next(iter(screenings.listed(connection, scope=scope, moment=moment, limit=1)), None)


def _again(last: ScreeningRow, at: datetime) -> bool:
    """Whether a run was interrupted or failed on the same day, and goes on in its row."""
    if last.state == DONE or under_way(last) or last.scope.startswith(CASE):
        return False
    return last.started.astimezone(LOCAL).date() == at.astimezone(LOCAL).date()


def begin(
    connection: Writing, scope: str, moment: str, book: AuditBook, actor: str, at: datetime
) -> ScreeningRow:
    """The row of a run: that of one that waits or was interrupted today, or a new one.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        scope: of the run.
        moment: of it.
        book: the rule book.
        actor: who asked for it.
        at: when it begins.

    Raises:
        ScreeningError: ``SCREENING_UNDER_WAY``.
    """
    fresh = ScreeningRow(
        started=at,
        actor=actor,
        moment=moment,
        scope=scope,
        state=RUNNING,
        book=book.id,
        book_hash=book.content_sha256,
        touched=datetime.now(UTC),
    )
    last = _last(connection, scope, moment)
    if last is not None and under_way(last):
        raise ScreeningError("SCREENING_UNDER_WAY", scope=scope)
    if last is not None:
        waited = last.state == WAITING
        if waited or (_again(last, at) and last.book_hash in {"", fresh.book_hash}):
            row = replace(
                last,
                started=at if waited else last.started,
                state=RUNNING,
                reason=None,
                ended=None,
                book=fresh.book,
                book_hash=fresh.book_hash,
                touched=fresh.touched,
            )
            screenings.change(connection, row)
            _started(connection, row, at, "screening_started" if waited else "screening_resumed")
            return row
    row = replace(fresh, id=screenings.add(connection, fresh))
    _started(connection, row, at, "screening_started")
    return row


def _started(connection: Writing, row: ScreeningRow, at: datetime, action: str) -> None:
    about = {"scope": row.scope, "moment": row.moment, "book": row.book}
    audit.append(connection, row.actor, action, f"screening:{row.id}", about, at=at)


def under_way(row: ScreeningRow) -> bool:
    """Whether a run goes on: one that kept nothing for long has fallen.

    So has one that was last touched long after now: the clock was set back since, and one that runs
    would have touched it again.
    """
    silent = timedelta(seconds=screening_data()["silent_seconds"])
    return row.state == RUNNING and abs(datetime.now(UTC) - row.touched) < silent


def end(database: Database, row: ScreeningRow, state: str, reason: str | None) -> ScreeningRow:
    """Write down how a run ended.

    Args:
        database: the store.
        row: as the run stands.
        state: ``done``, ``stopped`` or ``failed``.
        reason: stable code of the error.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    at = datetime.now(UTC)
    row = replace(row, state=state, reason=reason, ended=at, touched=at)
    about = {"state": state, "cases": row.cases, "findings": row.findings, "gone": row.gone}
    with database.writing_store() as connection:
        screenings.change(connection, row)
        audit.append(connection, row.actor, "screening_ended", f"screening:{row.id}", about, at=at)
    return row

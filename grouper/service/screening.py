"""Stored stays screened: those that run, those that ended, a month again, or one; page by page.

A run goes over persons, for rules look at all stays of a person; what a page found is kept before the
next one is read, so that memory does not grow with the store and a run that is interrupted goes on.
No finding depends on how many persons a page has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from codebooks.audit.books import NATIONAL, audit_book
from codebooks.errors import GrouperError
from grouper.case.dates import LOCAL
from grouper.service.screening_beside import beside_of
from grouper.service.screening_choice import choose, ids, reach_days, screening_data
from grouper.service.screening_gaps import Gaps
from grouper.service.screening_page import Asking, judge, read_person
from grouper.service.screening_rules import rules_of
from grouper.service.screening_runs import CASE, ScreeningError, begin, end, not_begun
from grouper.store import findings, reading, screening_due, screenings
from grouper.store.screening_due import START, STAY, UPLOAD, Scope
from grouper.store.screenings import DONE, FAILED, STOPPED
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grouper.service.screening_page import Page
    from grouper.service.screening_rules import Rules
    from grouper.store.database import Database, Writing
    from grouper.store.screenings import ScreeningRow

NIGHT, ENDED = "running", "discharged"
"""Scopes: the stays that run; those that ended and have changed since."""
_MONTH = re.compile(r"((?:19|20)\d{2})-(0[1-9]|1[0-2])", re.ASCII)
_MONTHS = 12
_log = structlog.get_logger("grouper.screening")


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How stays are screened.

    Attributes:
        region: of cases that name none.
        page: persons in one transaction.
        book: id of the rule book.
        shadow: whether rows of lists that are not public rules are asked, too.
        progress: told the stays done.
    """

    region: str
    page: int = 100
    book: str = NATIONAL
    shadow: bool = False
    progress: Callable[[int], None] | None = None


def month_of(scope: str) -> date | None:
    """The first day of the month that a scope names; None: it names none."""
    found = _MONTH.fullmatch(scope)
    return None if found is None else date(int(found[1]), int(found[2]), 1)


def moment_of(scope: str) -> str:
    """At which moment a scope is screened (of one stay its state decides)."""
    return STAY if scope == NIGHT else UPLOAD


def screen_stored(
    database: Database,
    scope: str,
    how: How,
    at: datetime,
    *,
    actor: str,
    stopped: Callable[[], bool] = lambda: False,
) -> ScreeningRow:
    """Screen the stays of a scope, and keep what is found.

    One that was interrupted today goes on where it was. Of a scope there is one run at a time.

    Args:
        database: with its tables.
        scope: ``running``, ``discharged``, a month such as ``2026-11``, or ``case:ID``.
        how: see there.
        at: the time, aware.
        actor: account, or part of the program.
        stopped: asked before each page.

    Returns:
        How the run stands: done or stopped.

    Raises:
        ScreeningError: ``SCREENING_SCOPE``; ``SCREENING_CASE``: there is no such stay;
            ``SCREENING_UNDER_WAY``.
        StoreError: ``STORE_UNAVAILABLE``.
        GrouperError: a rule book or a policy cannot be used.
    """
    try:
        book = audit_book(how.book)
        day = month_of(scope) or at.astimezone(LOCAL).date()
        with database.reading() as connection:
            beside = beside_of(reading.hospitals(connection), how.region, day)
            rules = rules_of(connection, book, shadow=how.shadow, beside=beside.fingerprint)
            meant = _scope(connection, scope, rules, at)
    except ScreeningError:
        raise
    except GrouperError as error:
        not_begun(database, scope, moment_of(scope), how.book, at, actor, error.code)
        raise
    with database.writing_store() as connection:
        row = begin(connection, scope, meant.moment, book, actor, at)
    asking = Asking(rules=rules, moment=meant.moment, beside=beside, at=at)
    run = _Run(database, replace(meant, run=row.id), how, asking, row)
    try:
        return run.over(stopped)
    except BaseException as error:
        run.broken(error)
        raise


def _scope(connection: Writing, scope: str, rules: Rules, at: datetime) -> Scope:
    whole = Scope(
        moment=moment_of(scope),
        book_hash=rules.fingerprint,
        day=at.astimezone(LOCAL).date(),
    )
    if scope in {NIGHT, ENDED}:
        again = at - timedelta(days=screening_data()["again_days"])
        return replace(whole, again_since=again)
    if (month := month_of(scope)) is not None:
        return replace(whole, since=_midnight(month), until=_midnight(_next(month)))
    if not scope.startswith(CASE):
        raise ScreeningError("SCREENING_SCOPE", found=scope[:40])
    head = reading.stay_by_case(connection, scope.removeprefix(CASE))
    if head is None or head.state not in {StayState.RUNNING, StayState.DISCHARGED}:
        raise ScreeningError("SCREENING_CASE")
    moment = STAY if head.state == StayState.RUNNING else UPLOAD
    return replace(whole, moment=moment, stay_id=head.id)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=LOCAL)


def _next(month: date) -> date:
    return date(month.year + month.month // _MONTHS, month.month % _MONTHS + 1, 1)


class _Run:
    """One run on its way."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        how: How,
        asking: Asking,
        row: ScreeningRow,
    ) -> None:
        self._database, self._scope, self._how = database, scope, how
        self._asking, self._at = asking, asking.at
        self.row = row
        self._gaps = Gaps(row.not_run)

    def over(self, stopped: Callable[[], bool]) -> ScreeningRow:
        """All pages, or as many as there are until it is stopped."""
        if self.row.scope == ENDED:
            with self._database.writing_store() as connection:
                gone = findings.withdraw(connection, at=self._at, actor=self.row.actor)
            self.row = replace(self.row, gone=self.row.gone + gone)
        days, after = reach_days(self._asking.rules.book), START
        while not stopped():
            with self._database.reading() as connection:
                persons, after = screening_due.page(connection, self._scope, after, self._how.page)
                chosen = [choose(stays, self._scope.moment, days) for stays in persons]
                read = [read_person(connection, one) for one in chosen]
            if not persons:
                return end(self._database, self.row, DONE, None)
            page = judge(read, self._asking, self._gaps)
            self._keep(page, [number for one in chosen for number in ids(one.void)])
            if self._how.progress is not None:
                self._how.progress(self.row.cases)
        return end(self._database, self.row, STOPPED, None)

    def _keep(self, page: Page, void: Sequence[int]) -> None:
        row, moment = self.row, self._scope.moment
        with self._database.writing_store() as connection:
            passed = screenings.newer(connection, page.seen, moment)
            seen = [one for one in page.seen if one.stay_id not in passed]
            rows = [
                replace(one, screening_id=row.id) for one in page.rows if one.stay_id not in passed
            ]
            screened = [one.stay_id for one in seen if one.reason is None]
            kept = findings.keep(
                connection,
                rows,
                at=self._at,
                actor=row.actor,
                screened=screened,
                moment=moment,
                rules=page.asked,
            )
            screenings.remember(
                connection,
                seen,
                screening_id=row.id or 0,
                moment=moment,
                book_hash=self._asking.rules.fingerprint,
                day=self._scope.day,
                at=self._at,
            )
            screenings.forget(connection, void)
            counts = dict(row.counts)
            told = {
                **page.counts,
                "shadow": sum(one.shadow for one in rows),
                "exempt": sum(one.whitelist_id is not None for one in rows),
            }
            for name, number in told.items():
                counts[name] = counts.get(name, 0) + number
            self.row = replace(
                row,
                cases=row.cases + len(screened),
                lines=row.lines + page.counts["lines"],
                findings=row.findings + len(rows),
                fresh=row.fresh + kept.fresh,
                gone=row.gone + kept.gone,
                counts=counts,
                not_run=self._gaps.document(),
                touched=datetime.now(UTC),
            )
            screenings.change(connection, self.row)

    def broken(self, error: BaseException) -> None:
        """Write down that it was interrupted or failed, if the store lets it."""
        state = FAILED if isinstance(error, Exception) else STOPPED
        reason = error.code if isinstance(error, GrouperError) else "SCREENING_FAILED"
        try:
            end(self._database, self.row, state, reason if state == FAILED else None)
        except GrouperError as again:
            _log.warning("unsaid", code=again.code, screening=self.row.id)

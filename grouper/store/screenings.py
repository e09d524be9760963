"""Runs of the audit over stored stays: how each stands, and of which stays it has spoken.

A run is kept page by page, so that one which was interrupted goes on in its own row. The table
``screened_stay`` remembers of each stay and moment the last screening that it was part of.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from grouper.store.ids import blocks
from grouper.store.review_schema import finding, screened_stay, screening
from grouper.store.schema import stay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import ColumnElement, Connection

WAITING, RUNNING, DONE, STOPPED, FAILED = "waiting", "running", "done", "stopped", "failed"
"""States of a run: asked for and not begun, under way, ended, interrupted, ended by an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRow:
    """A run.

    Attributes:
        id: of its row; None before it is kept.
        started, ended: when; ``started`` of one that waits is when it was asked for.
        actor: the account that asked for it, or the part of the program.
        moment: ``stay`` or ``upload``.
        scope: ``running``, ``discharged``, a month such as ``2026-11``, or ``case:ID``.
        state: see above.
        reason: stable code of the error that ended it.
        book, book_hash: the rule book.
        cases, lines: how many were screened.
        findings: how many were found.
        fresh, gone: how many of them were not known before; how many known ones were not found again.
        counts: of cases and lines, summed over the pages; ``failed``: stays that could not be
            screened, ``shadow`` and ``exempt``: findings that are not shown.
        not_run: what could not be asked, as JSON (:mod:`grouper.service.screening_gaps`).
        touched: when a page was last kept.
    """

    id: int | None = None
    started: datetime
    ended: datetime | None = None
    actor: str
    moment: str
    scope: str
    state: str
    reason: str | None = None
    book: str
    book_hash: str
    cases: int = 0
    lines: int = 0
    findings: int = 0
    fresh: int = 0
    gone: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    not_run: Mapping[str, Any] = field(default_factory=dict)
    touched: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """That a stay was part of a screening.

    Attributes:
        stay_id: row of the stay.
        version: of the stay, that was screened.
        person_id: whose stay it was then.
        reason: why it could not be screened; None: it was.
    """

    stay_id: int
    version: int
    person_id: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A stay that a run could not screen, and why."""

    case_id: str
    version: int
    reason: str


_COLUMNS = tuple(screening.c[one.name] for one in fields(ScreeningRow))


def add(connection: Connection, row: ScreeningRow) -> int:
    """Keep a new run; returns its number."""
    values = asdict(row)
    values.pop("id")
    done = connection.execute(insert(screening).values(**values).returning(screening.c.id))
    return int(done.scalar_one())


def change(connection: Connection, row: ScreeningRow) -> None:
    """Write down how a run stands now."""
    values = asdict(row)
    number = values.pop("id")
    connection.execute(update(screening).where(screening.c.id == number).values(**values))


def one(connection: Connection, number: int) -> ScreeningRow | None:
    """The run of a number."""
    ask = select(*_COLUMNS).where(screening.c.id == number)
    row = connection.execute(ask).mappings().first()
    return None if row is None else ScreeningRow(**row)


def listed(
    connection: Connection,
    *,
    scope: str | None = None,
    moment: str | None = None,
    states: Sequence[str] | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[ScreeningRow]:
    """Runs, the newest first.

    Args:
        connection: a reading transaction.
        scope: of this scope.
        moment: of this moment.
        states: in any of these states.
        before: with a smaller number.
        limit: at most so many.
    """
    ask = select(*_COLUMNS)
    if scope is not None:
        ask = ask.where(screening.c.scope == scope)
    if moment is not None:
        ask = ask.where(screening.c.moment == moment)
    if states is not None:
        ask = ask.where(screening.c.state.in_(list(states)))
    if before is not None:
        ask = ask.where(screening.c.id < before)
    found = connection.execute(ask.order_by(screening.c.id.desc()).limit(limit)).mappings()
    return [ScreeningRow(**row) for row in found]


def newer(connection: Connection, seen: Iterable[Seen], moment: str) -> set[int]:
    """Of which of these stays a later version was screened meanwhile, by another run.

    Args:
        connection: a transaction.
        seen: as they are about to be kept.
        moment: of the screening.
    """
    versions = {one.stay_id: one.version for one in seen}
    found: set[int] = set()
    c = screened_stay.c
    for block in blocks(list(versions)):
        ask = select(c.stay_id, c.version).where(c.moment == moment, c.stay_id.in_(block))
        found |= {row[0] for row in connection.execute(ask) if row[1] > versions[row[0]]}
    return found


def remember(
    connection: Connection,
    seen: Sequence[Seen],
    *,
    screening_id: int,
    moment: str,
    book_hash: str,
    day: date,
    at: datetime,
) -> None:
    """Keep that stays were part of a run.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        seen: each stay once.
        screening_id: number of the run.
        moment: of it.
        book_hash: of its rule book.
        day: the local day that it is of.
        at: when.
    """
    forget(connection, [one.stay_id for one in seen], moment)
    about = {"screening_id": screening_id, "moment": moment, "book_hash": book_hash}
    rows = [asdict(one) | about | {"day": day, "at": at} for one in seen]
    if rows:
        connection.execute(insert(screened_stay), rows)


def forget(connection: Connection, stays: Sequence[int], moment: str | None = None) -> None:
    """Forget that stays were ever screened (at a moment; None: at any)."""
    for block in blocks(list(stays)):
        which: list[ColumnElement[bool]] = [screened_stay.c.stay_id.in_(block)]
        if moment is not None:
            which.append(screened_stay.c.moment == moment)
        connection.execute(delete(screened_stay).where(*which))


def failures(connection: Connection, screening_id: int, limit: int = 200) -> list[Failure]:
    """The stays that a run could not screen and that no later one has, in the order of their rows."""
    c = screened_stay.c
    ask = (
        select(stay.c.case_id, c.version, c.reason)
        .join_from(screened_stay, stay, stay.c.id == c.stay_id)
        .where(c.screening_id == screening_id, c.reason.is_not(None))
        .order_by(c.stay_id)
        .limit(limit)
    )
    return [Failure(*row) for row in connection.execute(ask)]


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as a run left it: its document, and whether it is shown."""

    document: Mapping[str, Any]
    shadow: bool
    exempt: bool


def found_by(connection: Connection, screening_id: int) -> list[Told]:
    """What a run found and no later run has found again since, in the order of their keys."""
    c = finding.c
    ask = (
        select(c.document, c.shadow, c.whitelist_id)
        .where(c.screening_id == screening_id, c.gone.is_(None))
        .order_by(c.key)
    )
    return [Told(row[0], row[1], row[2] is not None) for row in connection.execute(ask)]

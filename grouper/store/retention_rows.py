"""What of the tables may go once it is old: each kind says what is free, and takes it away.

Candidates are looked for in a reading transaction, and held against the same condition once more
under the lock of the writers, so that nothing goes that was taken up meanwhile. Of kinds whose times
rise with their numbers only the old end is read. What goes and its entry in the audit log are one
transaction; whoever is interrupted goes on with what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, func, or_, select, true, update

from grouper.store import audit, retention_stays
from grouper.store.review_schema import (
    finding,
    finding_batch,
    finding_batch_row,
    finding_file,
    order_check,
    screened_stay,
    screening,
)
from grouper.store.schema import alert, forecast, outbox, session, stay
from grouper.store.screenings import RUNNING, WAITING
from grouper.store.seeking import begins
from grouper.store.states import Delivery, FindingState, Source, StayState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Table

    from grouper.store.database import Database

SWEPT = "retention_swept"
"""The action in the audit log."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be swept, and in whose name.

    Attributes:
        kind: its name.
        before: what is of this time or later stays.
        days: that were set.
        actor: as the audit log names it.
        rows: most rows of one transaction.
    """

    kind: str
    before: datetime
    days: int
    actor: str
    rows: int


@dataclass(frozen=True, slots=True)
class Held:
    """How much there is of a kind.

    Attributes:
        rows: all of them.
        oldest: time of the oldest; None: there are none.
        due: rows that may go.
    """

    rows: int
    oldest: datetime | None
    due: int


def _delete(table: Table) -> Callable[[Connection, Sequence[int]], None]:
    def take(connection: Connection, ids: Sequence[int]) -> None:
        connection.execute(delete(table).where(table.c.id.in_(ids)))

    return take


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of rows.

    Attributes:
        table: where they stand.
        time: by which they are old.
        free: what else must hold that they may go.
        take: takes rows away with all that hangs on them; None: they stand alone.
        rising: whether times rise with numbers.
        among: which rows of the table are of the kind; None: all.
    """

    table: Table
    time: Column[Any]
    free: Callable[[datetime], ColumnElement[bool]]
    take: Callable[[Connection, Sequence[int]], None] | None = None
    rising: bool = False
    among: ColumnElement[bool] | None = None

    def old(self, connection: Connection, before: datetime) -> ColumnElement[bool]:
        """What may go; of rows whose times rise, within the numbers that are old enough."""
        wanted = and_(self.time < before, self.free(before))
        if not self.rising:
            return wanted
        end = begins(connection, self.table, self.time.name, before)
        return and_(self.table.c.id < end, wanted)


def _open_finding_of(stay_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a finding of a stay is still in its review."""
    return exists().where(finding.c.stay_id == stay_id, retention_stays.OPEN)


def _order_checks(_before: datetime) -> ColumnElement[bool]:
    running = exists().where(stay.c.id == order_check.c.stay_id, stay.c.state == StayState.RUNNING)
    return and_(~running, ~_open_finding_of(order_check.c.stay_id))


def _forecasts(_before: datetime) -> ColumnElement[bool]:
    # Of a discharged stay each forecast is scored by the newest version first.
    behind = or_(forecast.c.scored_version.is_(None), forecast.c.scored_version != stay.c.version)
    needed = or_(
        stay.c.state == StayState.RUNNING,
        and_(stay.c.state == StayState.DISCHARGED, stay.c.discharged.is_not(None), behind),
    )
    return ~exists().where(stay.c.id == forecast.c.stay_id, needed)


def _findings_gone(_before: datetime) -> ColumnElement[bool]:
    # Only what nobody reviewed is in this state; a file says that somebody began.
    evidence = exists().where(finding_file.c.finding_id == finding.c.id)
    own = finding.c.source == Source.OWN
    return and_(finding.c.state == FindingState.GONE, own, ~evidence)


def _take_findings(connection: Connection, ids: Sequence[int]) -> None:
    retention_stays.drop_findings(connection, finding.c.id.in_(ids))


def _screenings(_before: datetime) -> ColumnElement[bool]:
    over = screening.c.state.not_in((WAITING, RUNNING))
    return and_(over, ~exists().where(screened_stay.c.screening_id == screening.c.id))


def _insurer_lists(_before: datetime) -> ColumnElement[bool]:
    under_way = (
        exists()
        .where(finding_batch_row.c.batch_id == finding_batch.c.id)
        .where(finding.c.key == finding_batch_row.c.key, retention_stays.OPEN)
    )
    return ~under_way


def _take_lists(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(delete(finding_batch_row).where(finding_batch_row.c.batch_id.in_(ids)))
    # Those of a stay stay with it; those of no stay hang on the list alone, unless another names them.
    elsewhere = exists().where(finding_batch_row.c.key == finding.c.key)
    of_these = finding.c.batch_id.in_(ids)
    retention_stays.drop_findings(
        connection, and_(of_these, finding.c.stay_id.is_(None), ~elsewhere)
    )
    connection.execute(update(finding).where(of_these).values(batch_id=None))
    connection.execute(delete(finding_batch).where(finding_batch.c.id.in_(ids)))


_KINDS = {
    "outbox": _Kind(
        outbox, outbox.c.created, lambda _: outbox.c.state == Delivery.SENT, rising=True
    ),
    "alerts": _Kind(alert, alert.c.ended, lambda _: true()),
    "order_checks": _Kind(order_check, order_check.c.at, _order_checks, rising=True),
    "forecasts": _Kind(forecast, forecast.c.made, _forecasts),
    "findings_gone": _Kind(
        finding,
        finding.c.gone,
        _findings_gone,
        _take_findings,
        among=finding.c.state == FindingState.GONE,
    ),
    "screenings": _Kind(screening, screening.c.started, _screenings, rising=True),
    "insurer_lists": _Kind(finding_batch, finding_batch.c.at, _insurer_lists, _take_lists),
    "stays": _Kind(stay, stay.c.changed, retention_stays.free, retention_stays.take),
}
NAMES = tuple(_KINDS)
"""The kinds of rows of the store that have days."""


def held(database: Database, name: str, before: datetime | None) -> Held:
    """How much there is of a kind, and what may go.

    Args:
        database: with its tables.
        name: of :data:`NAMES`.
        before: what is of this time or later stays; None: nothing goes.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    kind = _KINDS[name]
    count = select(func.count()).select_from(kind.table)
    among = true() if kind.among is None else kind.among
    along = kind.table.c.id if kind.rising else kind.time
    with database.reading() as connection:
        rows = connection.execute(count.where(among)).scalar_one()
        # A minimum would be a number: the type of the column makes a time of it.
        first = select(kind.time).where(kind.time.is_not(None), among)
        first = first.order_by(along).limit(1)
        oldest = connection.execute(first).scalar()
        due = 0
        if before is not None:
            due = connection.execute(count.where(kind.old(connection, before))).scalar_one()
    return Held(rows, oldest, due)


def sweep(database: Database, aim: Aim, stopped: Callable[[], bool]) -> int:
    """Take away what may go of a kind, in small transactions.

    Args:
        database: with its tables.
        aim: what, and in whose name.
        stopped: whether to leave the rest for another time; asked before each transaction.

    Returns:
        How many rows went; what hangs on them is not counted.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``; what is done stays done.
    """
    kind = _KINDS[aim.kind]
    key, done, after = kind.table.c.id, 0, 0
    while not stopped():
        with database.reading() as connection:
            wanted = kind.old(connection, aim.before)
            ask = select(key).where(key > after, wanted).order_by(key).limit(aim.rows)
            ids = list(connection.scalars(ask))
        if not ids:
            break
        after = ids[-1]
        with database.writing_store() as connection:
            still = select(key).where(key.in_(ids), kind.time < aim.before, kind.free(aim.before))
            going = list(connection.scalars(still))
            if going:
                (kind.take or _delete(kind.table))(connection, going)
                write_down(connection, aim, len(going))
        done += len(going)
    return done


def write_down(connection: Connection, aim: Aim, rows: int) -> None:
    """Enter in the audit log how much of a kind goes; never what it was."""
    about = {"rows": rows, "days": aim.days, "before": aim.before.astimezone(UTC).isoformat()}
    audit.append(connection, aim.actor, SWEPT, aim.kind, about)


def held_sessions(database: Database, expired: datetime, unused: datetime) -> Held:
    """How many sessions there are, and how many are over.

    Args:
        database: with its tables.
        expired: those that end then or earlier are over.
        unused: those that were not used since are.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    c = session.c
    count = select(func.count()).select_from(session)
    with database.reading() as connection:
        rows = connection.execute(count).scalar_one()
        oldest = connection.execute(select(c.created).order_by(c.created).limit(1)).scalar()
        over = or_(c.expires <= expired, c.used <= unused)
        due = connection.execute(count.where(over)).scalar_one()
    return Held(rows, oldest, due)

"""Forecasts of stays, and what came of them.

Of a stay, a day and a model there is one forecast, the newest that was made. A forecast is scored
when its stay is discharged; where the stay is corrected later it is scored again, and where its
discharge is taken back the score goes. Old ones go by :mod:`grouper.store.retention_rows`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    null,
    or_,
    select,
    tuple_,
    update,
)

from codebooks.registry import INPATIENT
from grouper.store.ids import blocks
from grouper.store.schema import forecast as table
from grouper.store.schema import stay, stay_version
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection, Select

_ROWS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRow:
    """A forecast as it is kept.

    Attributes:
        stay_id: of the stay.
        version: of the stay, from which it was made.
        as_of: the last whole local day that was known.
        made: when.
        model: id of the model; empty where none could be asked.
        scheme: by which groups were foretold; empty where none.
        status: ``forecast`` or ``refused``.
        reason: stable code of a refusal.
        day: of the stay; None where the day of admission is not known.
        document: the forecast, as JSON.
        scored: when it was scored; None: not yet.
        scored_version: of the stay, by which it was scored.
        score: what came, as JSON.
    """

    stay_id: int
    version: int
    as_of: date
    made: datetime
    model: str
    scheme: str
    status: str
    reason: str | None
    day: int | None
    document: Mapping[str, Any]
    scored: datetime | None = None
    scored_version: int | None = None
    score: Mapping[str, Any] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Due:
    """A stay that lacks a forecast; ``version`` is the one to be foretold."""

    stay_id: int
    case_id: str
    version: int
    department: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A forecast beside what its stay is now."""

    case_id: str
    visit: str
    department: str | None
    state: str
    forecast: ForecastRow


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a forecast."""

    as_of: date
    day: int | None
    model: str
    status: str
    score: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What is to be written down of a forecast that was scored."""

    as_of: date
    model: str
    score: Mapping[str, Any]


_COLUMNS = tuple(table.c[one.name] for one in fields(ForecastRow))
_MADE = tuple(one.name for one in fields(ForecastRow) if not one.name.startswith("score"))


def write(connection: Connection, rows: Sequence[ForecastRow]) -> int:
    """Keep forecasts in the place of older ones of the same stay, day and model.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        rows: of each stay, day and model at most one.

    Returns:
        How many are kept: one that was made before that which is there is passed over.
    """
    kept = 0
    for block in blocks(rows):
        keys = tuple_(table.c.stay_id, table.c.as_of, table.c.model)
        named = keys.in_([(row.stay_id, row.as_of, row.model) for row in block])
        ask = select(table.c.stay_id, table.c.as_of, table.c.model, table.c.made).where(named)
        there = {tuple(row[:3]): row.made for row in connection.execute(ask)}
        newer = [row for row in block if not _older(row, there)]
        gone = keys.in_([(row.stay_id, row.as_of, row.model) for row in newer])
        if newer:
            connection.execute(delete(table).where(gone))
            connection.execute(
                insert(table), [{name: getattr(row, name) for name in _MADE} for row in newer]
            )
        kept += len(newer)
    return kept


def _older(row: ForecastRow, there: Mapping[tuple[Any, ...], datetime]) -> bool:
    made = there.get((row.stay_id, row.as_of, row.model))
    return made is not None and row.made < made


def due(
    connection: Connection,
    as_of: date,
    model: str,
    before: datetime,
    at: datetime,
    *,
    after: int = 0,
    limit: int = 200,
    anew: bool = False,
) -> list[Due]:
    """Inpatient stays that run at a moment and lack a forecast, in the order of their rows.

    Args:
        connection: a reading transaction.
        as_of: the day of the forecasts.
        model: their model.
        before: admitted before; those whose admission no message said are due as well.
        at: the moment; each stay is due in the version that it had then.
        after: row of the last stay of the page before.
        limit: most stays of the page.
        anew: also those that have one.
    """
    mine = and_(table.c.stay_id == stay.c.id, table.c.as_of == as_of, table.c.model == model)
    later = and_(stay.c.state == StayState.DISCHARGED, stay.c.discharged > at)
    # Those that were discharged or changed after the moment ran then.
    known = (
        select(func.max(stay_version.c.version))
        .where(stay_version.c.stay_id == stay.c.id, stay_version.c.at <= at)
        .scalar_subquery()
    )
    ask = (
        select(stay.c.id, stay.c.case_id, known.label("known"), stay.c.department)
        .outerjoin_from(stay, table, mine)
        .where(
            or_(stay.c.state == StayState.RUNNING, later),
            stay.c.kind == INPATIENT,
            stay.c.id > after,
            or_(stay.c.admitted.is_(None), stay.c.admitted < before),
            known.is_not(None),
        )
    )
    if not anew:
        ask = ask.where(table.c.id.is_(None))
    return [Due(*row) for row in connection.execute(ask.order_by(stay.c.id).limit(limit))]


def _read(connection: Connection, ask: Select[Any]) -> list[ForecastRow]:
    return [ForecastRow(**row) for row in connection.execute(ask).mappings()]


def of_stay(connection: Connection, stay_id: int, as_of: date | None = None) -> list[ForecastRow]:
    """All forecasts of a stay (of one day), the oldest day first, of a day the one made last at the end."""
    ask = select(*_COLUMNS).where(table.c.stay_id == stay_id)
    if as_of is not None:
        ask = ask.where(table.c.as_of == as_of)
    return _read(connection, ask.order_by(table.c.as_of, table.c.made, table.c.id))


def newest(connection: Connection, stay_id: int) -> ForecastRow | None:
    """The forecast of the last day of a stay that has one; of several models the one made last."""
    of = select(*_COLUMNS).where(table.c.stay_id == stay_id)
    ask = of.order_by(table.c.as_of.desc(), table.c.made.desc(), table.c.id.desc()).limit(1)
    return next(iter(_read(connection, ask)), None)


def last_day(connection: Connection) -> date | None:
    """The last day of which there are forecasts."""
    found: date | None = connection.execute(select(func.max(table.c.as_of))).scalar()
    return found


def page(
    connection: Connection,
    as_of: date,
    *,
    departments: Sequence[str] | None = None,
    status: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[Listed]:
    """The forecasts of a day, of each stay the one made last, in the order of the stays' rows.

    Args:
        connection: a reading transaction.
        as_of: the day.
        departments: any of them, as the stays are now; None: all, none at all: nothing.
        status: ``forecast`` or ``refused``; None: both.
        after: row of the last stay of the page before.
        limit: most forecasts of the page.
    """
    last = (
        select(func.max(table.c.id))
        .where(table.c.as_of == as_of, table.c.stay_id > after)
        .group_by(table.c.stay_id)
    )
    ask = (
        select(stay.c.case_id, stay.c.visit, stay.c.department, stay.c.state, *_renamed())
        .join_from(table, stay, stay.c.id == table.c.stay_id)
        .where(table.c.id.in_(last))
    )
    if departments is not None:
        ask = ask.where(stay.c.department.in_(list(departments)) if departments else false())
    if status is not None:
        ask = ask.where(table.c.status == status)
    found = []
    for row in connection.execute(ask.order_by(table.c.stay_id).limit(limit)):
        values = {one.name: row._mapping[f"f_{one.name}"] for one in fields(ForecastRow)}  # noqa: SLF001 -- SQLAlchemy's public name
        found.append(Listed(row[0], row[1], row[2], row[3], ForecastRow(**values)))
    return found


def _renamed() -> list[Any]:
    return [column.label(f"f_{column.name}") for column in _COLUMNS]


def to_score(connection: Connection, *, after: int = 0, limit: int = 200) -> list[int]:
    """Discharged stays with forecasts that are not scored by their newest version, by their rows."""
    behind = or_(table.c.scored_version.is_(None), table.c.scored_version != stay.c.version)
    ask = (
        select(stay.c.id)
        .join_from(stay, table, table.c.stay_id == stay.c.id)
        .where(
            stay.c.state == StayState.DISCHARGED,
            stay.c.discharged.is_not(None),
            stay.c.id > after,
            behind,
        )
        .group_by(stay.c.id)
    )
    return list(connection.execute(ask.order_by(stay.c.id).limit(limit)).scalars())


def score(
    connection: Connection, stay_id: int, version: int, at: datetime, rows: Sequence[Scored]
) -> None:
    """Write down what came of the forecasts of a stay.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        stay_id: of the stay.
        version: of the stay, by which they were scored.
        at: when.
        rows: the scores.
    """
    if not rows:
        return
    which = and_(
        table.c.stay_id == stay_id,
        table.c.as_of == bindparam("of_day"),
        table.c.model == bindparam("of_model"),
    )
    change = update(table).where(which)
    values = [{"of_day": r.as_of, "of_model": r.model, "what": dict(r.score)} for r in rows]
    connection.execute(
        change.values(score=bindparam("what"), scored=at, scored_version=version), values
    )


def unscore(connection: Connection) -> int:
    """Take the scores of stays whose discharge does not stand any more; returns how many went."""
    off = select(stay.c.id).where(stay.c.state != StayState.DISCHARGED)
    change = update(table).where(table.c.scored_version.is_not(None), table.c.stay_id.in_(off))
    nothing = change.values(score=null(), scored=None, scored_version=None)
    return connection.execute(nothing).rowcount


def scored(
    connection: Connection, since: date | None = None, model: str | None = None
) -> Iterator[Came]:
    """What came of the forecasts that were scored, the oldest day first.

    Args:
        connection: a reading transaction.
        since: of this day or later.
        model: of this model.
    """
    c = table.c
    ask = select(c.as_of, c.day, c.model, c.status, c.score).where(c.scored_version.is_not(None))
    if since is not None:
        ask = ask.where(c.as_of >= since)
    if model is not None:
        ask = ask.where(c.model == model)
    ordered = ask.order_by(c.as_of, c.stay_id, c.id)
    with connection.execution_options(yield_per=_ROWS).execute(ordered) as result:
        for row in result:
            yield Came(*row)

"""Small readings for those who look: groupings of a version, ids of cases, alerts.

All functions take a reading transaction (:meth:`grouper.store.database.Database.reading`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from grouper.store.groupings import GroupingRow
from grouper.store.schema import alert, grouping, stay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

_COLUMNS = tuple(grouping.c[field.name] for field in fields(GroupingRow))
_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that an operator should know of; ``ended`` is None while it stands."""

    kind: str
    started: datetime
    ended: datetime | None
    about: Mapping[str, Any]


def groupings(
    connection: Connection, stay_id: int, version: int | None = None
) -> list[GroupingRow]:
    """The groupings of a stay, of each version and scheme the newest; in the order they were made.

    Args:
        connection: a reading transaction.
        stay_id: of the stay.
        version: only those of it; None: of all versions.
    """
    c = grouping.c
    ask = select(*_COLUMNS).where(c.stay_id == stay_id).order_by(c.id)
    if version is not None:
        ask = ask.where(c.version == version)
    found = {
        (row.version, row.scheme, row.binding): GroupingRow(**row._asdict())
        for row in connection.execute(ask)
    }
    return list(found.values())


def case_ids(connection: Connection, stays: Sequence[int]) -> dict[int, str]:
    """Grouper's own names of stays, by their rows."""
    found: dict[int, str] = {}
    for start in range(0, len(stays), _BLOCK):
        ask = select(stay.c.id, stay.c.case_id).where(stay.c.id.in_(stays[start : start + _BLOCK]))
        found |= {row.id: row.case_id for row in connection.execute(ask)}
    return found


def alerts(connection: Connection, *, standing: bool = False, limit: int = 100) -> list[Alert]:
    """Alerts, the newest first.

    Args:
        connection: a reading transaction.
        standing: only those that have not ended.
        limit: at most so many.
    """
    c = alert.c
    ask = select(c.kind, c.started, c.ended, c.about).order_by(c.id.desc()).limit(limit)
    if standing:
        ask = ask.where(c.ended.is_(None))
    return [Alert(*row) for row in connection.execute(ask)]


def standing_alerts(connection: Connection) -> dict[str, int]:
    """How many alerts of each kind have not ended."""
    ask = select(alert.c.kind, func.count()).where(alert.c.ended.is_(None)).group_by(alert.c.kind)
    return {row[0]: row[1] for row in connection.execute(ask)}

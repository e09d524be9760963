"""Alerts: conditions that an operator should know of, with their start and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from grouper.store.schema import alert

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection


def standing(connection: Connection) -> dict[str, datetime]:
    """The kinds of alert that started and have not ended, and when they started."""
    query = select(alert.c.kind, alert.c.started).where(alert.c.ended.is_(None))
    return {row.kind: row.started for row in connection.execute(query)}


def start(connection: Connection, kind: str, at: datetime, about: Mapping[str, Any]) -> bool:
    """Start an alert, unless one of its kind stands; returns whether it started."""
    if kind in standing(connection):
        return False
    connection.execute(insert(alert).values(kind=kind, started=at, ended=None, about=dict(about)))
    return True


def end(connection: Connection, kind: str, at: datetime) -> bool:
    """End the alert of a kind; returns whether one stood."""
    done = connection.execute(
        update(alert).where(alert.c.kind == kind, alert.c.ended.is_(None)).values(ended=at)
    )
    return bool(done.rowcount)

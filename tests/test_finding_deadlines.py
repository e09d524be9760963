"""Deadlines moved as a whole."""

from __future__ import annotations

from datetime import timedelta

from review_support import AT, keep, row
from sqlalchemy import insert
from store_support import database

from grouper.store import findings
from grouper.store.database import Database
from grouper.store.finding_deadlines import move
from grouper.store.review_schema import finding_batch

__all__ = ["database"]


def test_deadlines_move_by_whole_days_and_nothing_else_does(database: Database) -> None:
    due = AT + timedelta(days=3)
    asked = {"state": "asked", "asked_until": AT, "asked_department": "骨科"}
    keep(database, [row("a" * 24, due=due), row("b" * 24), row("c" * 24, **asked)])
    with database.writing_store() as connection:
        connection.execute(
            insert(finding_batch).values(
                at=AT, actor="office1", name="list.csv", sha256="f" * 64, due=due,
                rows=1, matched=1, unread=0, hospital="H1", header={}, about={},
            )
        )  # fmt: skip
        before = {one.key: one for one in findings.of_stay(connection, 1)}
        assert move(connection, timedelta(days=-2, hours=23)) == 2
        after = {one.key: one for one in findings.of_stay(connection, 1)}
        (batch,) = connection.execute(finding_batch.select()).all()
    assert after["a" * 24].due == due - timedelta(days=2)
    assert after["b" * 24] == before["b" * 24]
    assert after["c" * 24].asked_until == AT - timedelta(days=2)
    assert after["c" * 24].due is None
    assert batch.due == due - timedelta(days=2)
    assert batch.at == AT

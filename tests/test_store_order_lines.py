"""A stay with its lines read fast is the stay that the history reads."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from store_support import Feed, database, stay

from grouper.case.fields import members
from grouper.intake.event import ItemAction, Line
from grouper.store.database import Database
from grouper.store.history import billed_at
from grouper.store.order_lines import charged_at

__all__ = ["database"]
LINE = members("line_item")
VALUES = {
    "line_item": ["001101000010000", "XA01", None],
    "line_class": ["04", "检查费", "x", None],
    "line_quantity": ["1", "-2.50", "zwei", None],
    "line_amount": ["12.30", "-1", "1,000.005", None],
    "line_time": ["2026-03-01 08:00", "2026-03-02T09:30:00+00:00", "morgen", None],
    "line_scope": ["A", "乙", "?", None],
    "line_department": ["心内科", None],
    "line_physician": ["D7", None],
}


def _line(dice: random.Random) -> Line:
    key = f"L{dice.randint(1, 6)}"
    if dice.random() < 0.2:
        return Line(key=key, action=ItemAction.DELETE)
    about = {name: value for name, of in VALUES.items() if (value := dice.choice(of)) is not None}
    # A line that states nothing at all is none; its name at least is stated.
    return Line(key=key, about=about | {"line_name": "示例"})


@pytest.mark.parametrize("seed", range(6))
def test_both_read_the_same_lines_with_the_same_numbers(database: Database, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 -- no secret
    feed = Feed(database)
    feed(stay(sex="1", age="66", dx=["I21.001"], admission_time="2026-03-01"))
    for _ in range(dice.randint(1, 6)):
        lines = tuple(_line(dice) for _ in range(dice.randint(1, 5)))
        feed(stay(lines=lines, lines_whole=dice.random() < 0.3))
    head = feed.head()
    with database.reading() as connection:
        billed, charged = billed_at(connection, head.id), charged_at(connection, head)
    assert charged.ever == billed.ever
    assert [one.number for one in charged.lines] == billed.numbers
    assert [one.name for one in charged.lines] == [one.line for one in billed.lines]
    columns = {name: getattr(billed.case, name) or (None,) * len(billed.lines) for name in LINE}
    slow = [tuple(column[at] for column in columns.values()) for at in range(len(billed.lines))]
    names = dict(zip(LINE, ("item", None, "kind", "quantity", "amount", "time"), strict=False))
    for at, one in enumerate(charged.lines):
        own = dict(zip(LINE, slow[at], strict=True))
        for field, name in names.items():
            assert name is None or getattr(one, name) == own[field], field
        assert (one.scope, one.department, one.physician) == (
            *(own["line_scope"], own["line_department"], own["line_physician"]),
        )
    bare = dict.fromkeys(LINE, ())
    assert replace(charged.case, total_cost=None) == replace(billed.case, **bare, total_cost=None)


def test_a_stay_without_lines_is_read(database: Database) -> None:
    feed = Feed(database)
    feed(stay(sex="1"))
    with database.reading() as connection:
        found = charged_at(connection, feed.head())
    assert (found.lines, found.ever, found.case.sex) == ((), 0, 1)

"""The template of operations that must be discounted beside a dearer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.audit.order.index import PARTS
from grouper.audit.order.world import Found, items_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grouper.audit.order.index import Row
    from grouper.audit.order.lines import Entry
    from grouper.audit.order.world import Asked, World

_FEN_PARTS = PARTS * PARTS
_HUNDRED = 100


@dataclass(frozen=True, slots=True)
class _Operation:
    line: Entry
    row: Row
    price: int
    listed: bool

    @property
    def limit(self) -> int:
        """The most fen of one that stands behind a dearer one, half up."""
        most = self.price * self.line.quantity * int(self.row.own[1])
        return (most + _FEN_PARTS // 2) // _FEN_PARTS


def surgery(world: World, asked: Asked) -> list[Found]:
    """Operations of one group on one day: the dearest stands, every other costs its share."""
    del asked
    table = world.index.rows["surgery"]
    if not any(table.of(item, world.rules) for item in world.items):
        return []
    rows = {item: table.of(item, world.rules) for item in world.by_item}
    world.prices.learn(item for item, own in rows.items() if own)
    groups: dict[tuple[int, str, str], list[_Operation]] = {}
    for item, own_rows in rows.items():
        for day, one in _operations(world, item, own_rows):
            groups.setdefault((day, one.row.rule, one.row.own[0]), []).append(one)
    told: dict[tuple[str, str, int, tuple[int, ...]], Found] = {}
    for (day, _, group), own in groups.items():
        for found in _beyond(day, group, own):
            key = found.rule, found.level, day, tuple(sorted(o.line for o in found.lines))
            # Two groups that name the same lines say the same thing: the first row tells it.
            if key not in told or (found.row or "") < (told[key].row or ""):
                told[key] = found
    return list(told.values())


def _operations(world: World, item: str, rows: Sequence[Row]) -> Iterator[tuple[int, _Operation]]:
    lines = [line for line in world.by_item[item] if line.quantity > 0] if rows else []
    greatest = max((line.amount * PARTS // line.quantity for line in lines), default=0)
    for line in lines:
        day = line.day
        if day is None:
            continue
        listed = world.prices.at(item, day)
        for row in rows:
            if row.holds(day):
                for price in listed or [greatest]:
                    yield day, _Operation(line, row, price, bool(listed))


def _beyond(day: int, group: str, own: list[_Operation]) -> Iterator[Found]:
    own.sort(key=lambda one: (-one.price, -one.line.amount, one.line.line))
    first, *others = own
    levels: dict[str, list[_Operation]] = {}
    for one in others:
        if one.line.amount > one.limit:
            levels.setdefault(one.row.level, []).append(one)
    for level, at_fault in levels.items():
        yield _told(day, group, level, at_fault, first.line.line)


def _told(day: int, group: str, level: str, own: Sequence[_Operation], first: int) -> Found:
    lines = [one.line for one in own]
    charged, most = sum(line.amount for line in lines), sum(one.limit for one in own)
    share = min(int(one.row.own[1]) for one in own)
    return Found(
        own[0].row.rule,
        min(one.row.row for one in own),
        level,
        lines,
        items_of(lines),
        day,
        charged - most,
        charged * _HUNDRED,
        most * _HUNDRED,
        "yuan",
        (
            ("group", group),
            ("first", str(first)),
            ("price_of", "list" if all(one.listed for one in own) else "lines"),
            ("share", f"{share // PARTS}.{share % PARTS:04}"),
        ),
    )

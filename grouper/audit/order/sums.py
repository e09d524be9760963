"""The templates that add up an item's lines: quantity, cycle, course."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from grouper.audit.order.index import PARTS
from grouper.audit.order.world import Found, amount_of, first_day, part
from grouper.case.dates import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grouper.audit.order.index import Row
    from grouper.audit.order.lines import Entry
    from grouper.audit.order.world import Asked, Evidence, World

_FIRST = -(1 << 62)
_Beyond = list[tuple["Entry", int]]


def _rank(line: Entry) -> tuple[int, ...]:
    """The order in time; a line without a time is the first."""
    second = _FIRST if line.second is None else line.second
    return second, line.quantity, line.amount, line.line


def _summed(lines: Sequence[Entry], most: int) -> _Beyond:
    """The lines, in their order, with which the sum goes above the most; with the sum."""
    total = 0
    found = []
    for line in lines:
        total += line.quantity
        if total > most and line.quantity > 0:
            found.append((line, total))
    return found


def _rolling(lines: Sequence[Entry], ats: Sequence[int], span: int, most: int) -> _Beyond:
    """The same of the last ``span`` seconds or days; ``ats`` are those of the lines, ascending."""
    total = begin = 0
    found = []
    for line, at in zip(lines, ats, strict=True):
        total += line.quantity
        while ats[begin] <= at - span:
            total -= lines[begin].quantity
            begin += 1
        if total > most and line.quantity > 0:
            found.append((line, total))
    return found


def _told(row: Row, beyond: _Beyond, most: int, unit: str, evidence: Evidence = ()) -> Found:
    lines = [line for line, _ in beyond]
    return Found(
        row.rule,
        row.row,
        row.level,
        lines,
        [line.item for line in lines[:1] if line.item is not None],
        first_day(lines),
        sum(
            part(line.amount, min(line.quantity, total - most), line.quantity)
            for line, total in beyond
        ),
        max(total for _, total in beyond),
        most,
        unit,
        evidence,
    )


def quantity(world: World, asked: Asked) -> Iterator[Found]:
    """The quantity of an item within a day, 24 hours or the case."""
    del asked
    table = world.index.rows["quantity"]
    for item in world.items:
        for row in table.of(item, world.rules):
            most, per = row.own
            lines = sorted((o for o in world.by_item[item] if row.holds(o.day)), key=_rank)
            if per == "visit":
                groups = [_summed(lines, most)]
            else:
                timed = [line for line in lines if line.second is not None]
                groups = _days(timed, most) if per == "day" else [_last_hours(timed, most)]
            for beyond in groups:
                if beyond:
                    yield _told(row, beyond, most, per)


def _days(lines: Sequence[Entry], most: int) -> list[_Beyond]:
    by_day: dict[int | None, list[Entry]] = {}
    for line in lines:
        by_day.setdefault(line.day, []).append(line)
    return [_summed(own, most) for own in by_day.values()]


def _last_hours(lines: Sequence[Entry], most: int) -> _Beyond:
    ats = [line.second for line in lines if line.second is not None]
    return _rolling(lines, ats, DAY_SECONDS, most)


def cycle(world: World, asked: Asked) -> Iterator[Found]:
    """How often an item is charged within so many days."""
    del asked
    table = world.index.rows["cycle"]
    for item in world.items:
        for row in table.of(item, world.rules):
            times, days = row.own
            lines = [o for o in world.by_item[item] if o.day is not None and row.holds(o.day)]
            lines.sort(key=_rank)
            ats = [line.day for line in lines if line.day is not None]
            beyond = _rolling(lines, ats, days, times * PARTS)
            if beyond:
                at_fault = {line.line for line, _ in beyond}
                gaps = [
                    ats[place] - ats[place - 1]
                    for place, line in enumerate(lines)
                    if place and line.line in at_fault
                ]
                evidence = ("days", str(days)), ("gap", str(min(gaps)) if gaps else None)
                yield _told(row, beyond, times * PARTS, "times", evidence)


def course(world: World, asked: Asked) -> Iterator[Found]:
    """On how many days an item is charged, and how far apart they are."""
    del asked
    table = world.index.rows["course"]
    for item in world.items:
        for row in table.of(item, world.rules):
            most_days, least_gap = row.own
            lines = [o for o in world.by_item[item] if o.day is not None and row.holds(o.day)]
            days = sorted({line.day for line in lines if line.day is not None})
            if most_days is not None and len(days) > most_days:
                late = set(days[most_days:])
                yield _on(row, item, lines, late, len(days), most_days, "course_days")
            gaps = {day: day - before for before, day in pairwise(days)}
            if least_gap is not None:
                soon = {day: gap for day, gap in gaps.items() if gap < least_gap}
                if soon:
                    least = min(soon.values())
                    yield _on(row, item, lines, set(soon), least, least_gap, "gap_days")


def _on(
    row: Row,
    item: str,
    lines: Sequence[Entry],
    days: set[int],
    observed: int,
    allowed: int,
    unit: str,
) -> Found:
    own = [line for line in lines if line.day in days]
    return Found(
        row.rule,
        row.row,
        row.level,
        own,
        [item],
        min(days),
        amount_of(own),
        observed * PARTS,
        allowed * PARTS,
        unit,
    )

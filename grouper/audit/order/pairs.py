"""The template of two items that must not be charged beside each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grouper.audit.order.world import Found, amount_of, first_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grouper.audit.order.index import Pair
    from grouper.audit.order.lines import Entry
    from grouper.audit.order.world import Asked, World


@dataclass(slots=True)
class _Met:
    """What one item at fault met on a day, or in the case."""

    rows: set[str] = field(default_factory=set)
    besides: set[str] = field(default_factory=set)
    lines: dict[int, Entry] = field(default_factory=dict)


def pairs(world: World, asked: Asked) -> Iterator[Found]:
    """One finding for each item at fault and day; for the case where the window is the visit."""
    del asked
    for fault in world.items:
        met: dict[tuple[str, str, str, int | None], _Met] = {}
        for pair in world.index.pairs.get(fault, ()):
            beside = world.by_item.get(pair.beside)
            if beside is None or pair.rule not in world.rules:
                continue
            for day, lines in _meetings(pair, world.by_item[fault], beside):
                one = met.setdefault((pair.rule, pair.level, pair.window, day), _Met())
                one.rows.add(pair.row)
                one.besides.add(pair.beside)
                one.lines |= {line.line: line for line in lines}
        for (rule, level, window, _), one in met.items():
            lines = list(one.lines.values())
            yield Found(
                rule,
                min(one.rows),
                level,
                lines,
                [fault],
                first_day(lines),
                amount_of(lines),
                evidence=(("window", window), ("beside", " ".join(sorted(one.besides)))),
            )


def _meetings(
    pair: Pair, own: Sequence[Entry], beside: Sequence[Entry]
) -> Iterator[tuple[int | None, Sequence[Entry]]]:
    if pair.window == "visit":
        first = first_day(own)
        if first is None or pair.since <= first < pair.until:
            yield None, own
    elif pair.window == "day":
        others = {line.day for line in beside if line.day is not None}
        for day in others:
            lines = [line for line in own if line.day == day]
            if lines and pair.since <= day < pair.until:
                yield day, lines
    else:
        seconds = [line.second for line in beside if line.second is not None]
        for line in own:
            second, on = line.second, line.day
            if second is None or on is None or not pair.since <= on < pair.until:
                continue
            if any(abs(other - second) < pair.seconds for other in seconds):
                yield on, [line]

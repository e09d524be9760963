"""What could not be judged of the lines of a case, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.audit.order.own import unanswerable

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from grouper.audit.order.lines import Entry
    from grouper.audit.order.world import World

NO_ITEM, UNKNOWN_ITEM, NO_TIME, NO_QUANTITY, NO_SCOPE = (
    *("NO_ITEM", "UNKNOWN_ITEM", "NO_TIME", "NO_QUANTITY", "NO_SCOPE"),
)
NO_SEX, NO_AGE, NO_INSURANCE, NO_LEVEL, NO_DIAGNOSIS, NO_FACTS = (
    *("NO_SEX", "NO_AGE", "NO_INSURANCE", "NO_LEVEL", "NO_DIAGNOSIS", "NO_FACTS"),
)
"""Why a line, or a rule for it, was not judged; keys of the words ``audit_uncoded.…``."""

_TIMED = ("quantity", "cycle", "course", "surgery")
_COUNTED = ("quantity", "cycle", "surgery")
_REIMBURSED = ("insurance", "level", "visit", "excluded", "indication", "second_line")


@dataclass(frozen=True, slots=True)
class Uncoded:
    """A line that some rules could not judge.

    Attributes:
        line: its number.
        item: its code; None: it has none.
        reason: key of the words.
        rules: those that speak of the item and could not judge it; empty: no rule could.
    """

    line: int
    item: str | None
    reason: str
    rules: tuple[str, ...] = ()


def uncoded_of(
    world: World, lines: Sequence[Entry], forms: Sequence[re.Pattern[str]]
) -> tuple[Uncoded, ...]:
    """What could not be judged of some lines.

    Args:
        world: the case.
        lines: of it, as they came.
        forms: of the book's item codes, each to match whole; none: any code is one.
    """
    found = []
    for line in lines:
        if line.item is None:
            found.append(Uncoded(line.line, None, NO_ITEM))
        elif forms and not any(form.fullmatch(line.item) for form in forms):
            found.append(Uncoded(line.line, line.item, UNKNOWN_ITEM))
        else:
            for reason, rules in _lacking(world, line, line.item):
                if rules:
                    found.append(Uncoded(line.line, line.item, reason, tuple(sorted(rules))))
    lacking = tuple(sorted({row.rule for row in unanswerable(world)})) if lines else ()
    if lacking:
        found += [Uncoded(line.line, line.item, NO_FACTS, lacking) for line in lines]
    return tuple(sorted(found, key=lambda one: one.line))


def _lacking(world: World, line: Entry, item: str) -> Iterator[tuple[str, set[str]]]:
    """Each reason there is, with the rules of the item that it keeps from judging."""
    facts = world.facts
    if line.second is None:
        yield NO_TIME, _of(world, item, *_TIMED) | _paired(world, item)
    if not line.counted:
        yield NO_QUANTITY, _of(world, item, *_COUNTED)
    if line.scope is None:
        yield NO_SCOPE, _of(world, item, *_REIMBURSED)
    if facts.sex is None:
        yield NO_SEX, _of(world, item, "sex")
    if facts.age is None:
        yield NO_AGE, _of(world, item, "age")
    # What the patient pays is not asked of.
    if line.reimbursed:
        if facts.insurance is None:
            yield NO_INSURANCE, _of(world, item, "insurance")
        if facts.level is None:
            yield NO_LEVEL, _of(world, item, "level")
        if not facts.codes:
            yield NO_DIAGNOSIS, _of(world, item, "indication")


def _of(world: World, item: str, *tables: str) -> set[str]:
    rows = world.index.rows
    return {row.rule for name in tables for row in rows[name].of(item, world.rules)}


def _paired(world: World, item: str) -> set[str]:
    return {pair.rule for pair in world.index.pairs.get(item, ()) if pair.rule in world.rules}

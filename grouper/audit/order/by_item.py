"""The templates of one case and item: sex, age, insurance, level, visit, herbs, indication, second line.

Each gives hits: a row that an item of the case breaks. :func:`attached` lays the lines to them, as
``attach.sql`` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.audit.order.index import PARTS
from grouper.audit.order.world import Found, amount_of, first_day
from grouper.audit.templates import toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grouper.audit.order.index import Row
    from grouper.audit.order.world import Asked, Evidence, World

VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that an item breaks.

    Attributes:
        row: of the book.
        level: of the finding.
        evidence: key and value.
        reimbursed: whether only lines brought to the insurance are at fault.
        seconds: the seconds whose lines are; None: all.
        observed, allowed: ten-thousandths.
        unit: key of the unit's words.
    """

    row: Row
    level: str
    evidence: Evidence
    reimbursed: bool = True
    seconds: frozenset[int] | None = None
    observed: int | None = None
    allowed: int | None = None
    unit: str | None = None


def attached(hits: Callable[[World, str], Iterator[Hit]]) -> Callable[[World, Asked], list[Found]]:
    """A template out of its hits: of several rows of a rule the first is told."""

    def judge(world: World, asked: Asked) -> list[Found]:
        del asked
        found: list[Found] = []
        for item in world.items:
            told: dict[tuple[str, str], Found] = {}
            for hit in sorted(hits(world, item), key=lambda one: one.row.row):
                key = hit.row.rule, hit.level
                if key not in told and (one := _laid(hit, item, world)) is not None:
                    told[key] = one
            found += told.values()
        return found

    return judge


def _laid(hit: Hit, item: str, world: World) -> Found | None:
    lines = [
        line
        for line in world.by_item[item]
        if hit.row.holds(line.day)
        and (line.reimbursed or not hit.reimbursed)
        and (hit.seconds is None or line.second in hit.seconds)
    ]
    if not lines:
        return None
    return Found(
        hit.row.rule,
        hit.row.row,
        hit.level,
        lines,
        [item],
        first_day(lines),
        amount_of(lines),
        hit.observed,
        hit.allowed,
        hit.unit,
        hit.evidence,
    )


def sex(world: World, item: str) -> Iterator[Hit]:
    """An item for the other sex."""
    own = world.facts.sex
    if own is None:
        return
    for row in world.index.rows["sex"].of(item, world.rules):
        (wanted,) = row.own
        if str(own) != wanted:
            evidence = (("sex", str(own)), ("wanted_sex", wanted))
            yield Hit(row, row.level, evidence, reimbursed=False)


def age(world: World, item: str) -> Iterator[Hit]:
    """An item for another age, at the beginning of the stay."""
    facts = world.facts
    for row in world.index.rows["age"].of(item, world.rules):
        least_years, most_years, least_days, most_days = row.own
        for unit, own, least, most in (
            ("years", facts.age, least_years, most_years),
            ("days", facts.age_days, least_days, most_days),
        ):
            if own is None:
                continue
            limit, bound = least, "least"
            if least is None or own >= least:
                limit, bound = most, "most"
                if most is None or own <= most:
                    continue
            yield Hit(
                row,
                row.level,
                (("bound", bound),),
                reimbursed=False,
                observed=own * PARTS,
                allowed=limit * PARTS,
                unit=f"age_{unit}",
            )
            break


def insurance(world: World, item: str) -> Iterator[Hit]:
    """An item that another insurance pays for."""
    own = world.facts.insurance
    if own is None:
        return
    for row in world.index.rows["insurance"].of(item, world.rules):
        (allowed,) = row.own
        if own not in allowed:
            words = " ".join(sorted(allowed))
            yield Hit(row, row.level, (("insurance", own), ("wanted_insurance", words)))


def level(world: World, item: str) -> Iterator[Hit]:
    """An item that is paid in hospitals of a higher level alone."""
    own = world.facts.level
    if own is None:
        return
    for row in world.index.rows["level"].of(item, world.rules):
        (least,) = row.own
        # Levels are I, II and III.
        if len(own) < len(least):
            yield Hit(row, row.level, (("hospital_level", own), ("wanted_level", least)))


def visit(world: World, item: str) -> Iterator[Hit]:
    """An item that is paid in another kind of visit alone."""
    own = world.facts.place
    if own is None:
        return
    for row in world.index.rows["visit"].of(item, world.rules):
        (allowed,) = row.own
        if own not in allowed:
            words = " ".join(sorted(allowed))
            yield Hit(row, row.level, (("visit", own), ("wanted_visit", words)))


def excluded(world: World, item: str) -> Iterator[Hit]:
    """Herb pieces that are not paid for at all, or not alone: a prescription is one second's."""
    rows = world.index.rows["excluded"].of(item, world.rules)
    if not rows:
        return
    seconds = {line.second for line in world.by_item[item] if line.second is not None}
    alone = frozenset(seconds - _with_others(world))
    for row in rows:
        (when,) = row.own
        if when == "always":
            yield Hit(row, row.level, (("when", when),))
        elif alone:
            yield Hit(row, row.level, (("when", when),), seconds=alone)


def _with_others(world: World) -> set[int | None]:
    """The seconds in which a herb is charged that no row speaks of."""
    herb = toml("cases.toml")["herb_prefix"]
    rows = world.index.rows["excluded"]
    return {
        line.second
        for item, lines in world.by_item.items()
        if item.startswith(herb) and not rows.of(item, world.rules)
        for line in lines
    }


def indication(world: World, item: str) -> Iterator[Hit]:
    """An item for other diagnoses; where a row is in words only, a person has to read it."""
    facts = world.facts
    rows = world.index.rows["indication"].of(item, world.rules)
    if not facts.codes or not rows:
        return
    days = [line.day for line in world.by_item[item] if line.day is not None]
    judged: dict[str, list[Row]] = {}
    for row in rows:
        if not days or (min(days) < row.until and max(days) >= row.since):
            judged.setdefault(row.rule, []).append(row)
    for own in judged.values():
        if any(code.startswith(tuple(row.own[0])) for row in own for code in facts.codes):
            continue
        first = min(own, key=lambda row: row.row)
        words_only = any(not row.own[0] for row in own)
        evidence = (("principal", facts.principal), ("text", first.own[1]))
        yield Hit(first, VERIFY if words_only else first.level, evidence)


def second_line(world: World, item: str) -> Iterator[Hit]:
    """A drug of the second line: the record has to show that another one failed."""
    for row in world.index.rows["second_line"].of(item, world.rules):
        yield Hit(row, row.level, (("text", row.own[0]),))

"""The templates that look at all lines of a case: repeats, lines outside, odd lines, idle days, prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.audit.order.index import PARTS
from grouper.audit.order.world import Found, amount_of, day_words, first_day, items_of, part
from grouper.audit.templates import toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grouper.audit.order.lines import Entry
    from grouper.audit.order.world import Asked, World

_HUNDRED = 100


def price(world: World, asked: Asked) -> Iterator[Found]:
    """Lines above the ceiling of their item's price."""
    world.ceilings.learn(world.items)
    for item in world.items:
        above: dict[int, list[tuple[Entry, int]]] = {}
        for line in world.by_item[item]:
            for ceiling in world.ceilings.at(item, line.day):
                if line.quantity > 0:
                    most = part(ceiling, line.quantity, PARTS)
                    if line.amount > most:
                        above.setdefault(ceiling, []).append((line, most))
        for ceiling, own in above.items():
            lines = [line for line, _ in own]
            charged, most = amount_of(lines), sum(most for _, most in own)
            for rule in asked.rules:
                yield Found(
                    rule.rule,
                    None,
                    rule.level,
                    lines,
                    [item],
                    first_day(lines),
                    charged - most,
                    charged * _HUNDRED,
                    most * _HUNDRED,
                    "yuan",
                    (("ceiling", f"{ceiling // _HUNDRED}.{ceiling % _HUNDRED:02}"),),
                )


def duplicate_line(world: World, asked: Asked) -> Iterator[Found]:
    """Lines that are the same; the first stands."""
    for item in world.items:
        same: dict[tuple[int, int, int, str | None], list[Entry]] = {}
        for line in world.by_item[item]:
            if line.second is not None:
                key = line.second, line.quantity, line.amount, line.department
                same.setdefault(key, []).append(line)
        for own in same.values():
            if len(own) == 1:
                continue
            own.sort(key=lambda line: line.line)
            first, *more = own
            for rule in asked.rules:
                yield Found(
                    rule.rule,
                    None,
                    rule.level,
                    more,
                    [item],
                    first.day,
                    amount_of(more),
                    len(own) * PARTS,
                    PARTS,
                    "lines",
                    (("first", str(first.line)),),
                )


def outside(world: World, asked: Asked) -> Iterator[Found]:
    """Lines of days before the admission or after the discharge of a stay."""
    facts = world.facts
    first, last = facts.first_day, facts.last_day
    if not facts.stay:
        return
    lines = [
        line
        for line in world.standing.kept
        if line.day is not None
        and ((first is not None and line.day < first) or (last is not None and line.day > last))
    ]
    if not lines:
        return
    evidence = ("admitted", day_words(first)), ("discharged", day_words(last) or "")
    for rule in asked.rules:
        yield Found(
            rule.rule,
            None,
            rule.level,
            lines,
            items_of(lines),
            first_day(lines),
            amount_of(lines),
            evidence=evidence,
        )


def line_information(world: World, asked: Asked) -> Iterator[Found]:
    """Lines that cannot be judged as they are, by what is wrong with them."""
    for wrong, lines in world.standing.odd:
        for rule in asked.rules:
            yield Found(
                rule.rule,
                None,
                rule.level,
                lines,
                items_of(lines),
                first_day(lines),
                sum(abs(line.amount) for line in lines),
                evidence=(("wrong", wrong),),
            )


def hanging(world: World, asked: Asked) -> Iterator[Found]:
    """Days in a row of a stay on which nobody is treated."""
    idle = _idle_days(world)
    if not idle:
        return
    runs: list[list[int]] = []
    for day in idle:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    for rule in asked.rules:
        row, least = world.index.thresholds[rule.rule, "idle_days"]
        long = [run for run in runs if len(run) * PARTS >= least]
        if not long:
            continue
        days = {day for run in long for day in run}
        lines = [line for line in world.standing.kept if line.day in days]
        yield Found(
            rule.rule,
            row,
            rule.level,
            lines,
            items_of(lines),
            min(days),
            amount_of(lines),
            max(map(len, long)) * PARTS,
            least,
            "idle_days",
            (("from", day_words(min(days))), ("to", day_words(max(days)))),
        )


def _idle_days(world: World) -> list[int]:
    """Days between the first and the last of an inpatient stay with idle classes alone, ascending."""
    facts = world.facts
    if not facts.inpatient or facts.first_day is None:
        return []
    idle = toml("cases.toml")["classes"]["idle"]
    quiet: dict[int, bool] = {}
    for line in world.standing.kept:
        day = line.day
        if day is None or day <= facts.first_day:
            continue
        if facts.last_day is None or day < facts.last_day:
            quiet[day] = quiet.get(day, True) and line.kind in idle
    return sorted(day for day, so in quiet.items() if so)


def low_admission(world: World, asked: Asked) -> Iterator[Found]:
    """A short stay without a procedure, for tests alone."""
    facts = world.facts
    lines: Sequence[Entry] = world.standing.kept
    if not facts.inpatient or facts.procedures or not lines:
        return
    if facts.first_day is None or facts.last_day is None:
        return
    days = facts.last_day - facts.first_day
    tests = toml("cases.toml")["classes"]["tests_only"]
    if not all(line.kind in tests for line in lines):
        return
    for rule in asked.rules:
        row, most = world.index.thresholds[rule.rule, "short_stay_days"]
        if days * PARTS <= most:
            yield Found(
                rule.rule,
                row,
                rule.level,
                lines,
                [],
                facts.first_day,
                amount_of(lines),
                days * PARTS,
                most,
                "stay_days",
                (("lines", str(len(lines))),),
            )

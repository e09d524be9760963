"""The hospital's own rules, by their plain reading (:mod:`grouper.audit.own.one`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.audit.own_rules import own_facts
from grouper.audit.order.world import Found
from grouper.audit.own.one import OneLine, OneStay, hits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codebooks.audit.own_rules import OwnRow
    from grouper.audit.order.lines import Entry
    from grouper.audit.order.world import Asked, World


def own(world: World, asked: Asked) -> Iterator[Found]:
    """The rows of the table ``own``; one that asks what nothing of the case states is not asked."""
    del asked
    rows = answerable(world)
    if not rows:
        return
    stay = _stay(world)
    lines = [_line(line) for line in world.standing.kept]
    known = {line.line: line for line in world.standing.kept}
    for row in rows:
        for hit in hits(row, stay, lines):
            yield Found(
                row.rule,
                row.row,
                row.level,
                [known[line.line] for line in hit.lines],
                hit.items,
                hit.day,
                hit.amount,
                hit.observed,
                hit.allowed,
                hit.unit,
                hit.evidence,
            )


def answerable(world: World) -> list[OwnRow]:
    """The rows that run and ask only what the case or one of its lines states."""
    rows = _running(world)
    stated = _stated(world) if rows else frozenset()
    return [row for row in rows if _fields(row) <= stated]


def unanswerable(world: World) -> list[OwnRow]:
    """The rows that run and ask what nothing of the case states."""
    rows = _running(world)
    stated = _stated(world) if rows else frozenset()
    return [row for row in rows if not _fields(row) <= stated]


def _running(world: World) -> list[OwnRow]:
    return [row for row in world.index.own if row.rule in world.rules]


def _fields(row: OwnRow) -> frozenset[str]:
    """What a row asks that cases or lines may leave out."""
    asked = (own_facts()[fact].field for fact in row.condition.facts)
    return frozenset(field for field in asked if field)


def _stated(world: World) -> frozenset[str]:
    facts, every = world.facts, world.standing.every
    told = {
        "line_item": any(line.item is not None for line in every),
        "line_time": any(line.second is not None for line in every),
        "line_quantity": any(line.counted for line in every),
        "line_class": any(line.kind > 0 for line in every),
        "line_scope": any(line.scope is not None for line in every),
        "sex": world.case.sex is not None,
        "age": facts.age_days is not None,
        "insurance_type": facts.insurance is not None,
        "hospital_level": facts.level is not None,
        "dx": facts.principal is not None,
        "admission_time": facts.first_day is not None,
        "total_cost": world.case.total_cost is not None,
    }
    return frozenset(name for name, so in told.items() if so)


def _line(line: Entry) -> OneLine:
    return OneLine(
        line.line,
        line.item,
        line.kind,
        line.scope,
        line.quantity,
        line.amount,
        line.second,
        line.department,
        line.physician,
    )


def _stay(world: World) -> OneStay:
    case, facts = world.case, world.facts
    px: Sequence[str] = [code for code in case.px if code is not None]
    return OneStay(
        first_day=facts.first_day,
        last_day=facts.last_day,
        department=case.department,
        physician=case.physician,
        words={
            "kind": case.kind,
            "place": facts.place,
            "visit_type": case.visit_type,
            "insurance_type": case.insurance_type,
            "hospital": case.hospital,
            "hospital_level": facts.level,
            "case_department": case.department,
            "discharge_way": case.discharge_way,
            "principal": facts.principal,
        },
        numbers={
            "sex": case.sex,
            "age": facts.age,
            "age_days": facts.age_days,
            "total": case.total_cost,
            "diagnoses": len(facts.codes),
            "procedures": len(px),
        },
        dx=facts.codes,
        px=px,
        charged=bool(world.standing.every),
    )

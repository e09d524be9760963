"""The parts of one visit: its procedures, itself, and its service lines, in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.schemes.apg.answer import Part
from grouper.schemes.apg.rules import Fate
from grouper.schemes.apg.words import Action, PartKind, Why
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from decimal import Decimal

    from grouper.case.record import Case
    from grouper.schemes.apg.compiled import CompiledApg


def procedures_of(scheme: CompiledApg, case: Case) -> list[Part]:
    """The coded procedures; places without a code are passed over."""
    found = []
    for place, code in enumerate(case.px):
        number = scheme.vocabulary.id(code)
        if number == NO_CODE:
            continue
        modifier = case.px_modifier[place] if place < len(case.px_modifier) else None
        part = Part(PartKind.PROCEDURE, code, scheme.procedure(number), modifier=modifier)
        if number == UNKNOWN:
            part.close(Action.UNASSIGNED, Why.CODE_UNKNOWN)
        found.append(part)
    return found


def visit_of(scheme: CompiledApg, case: Case) -> list[Part]:
    """The visit itself by its principal diagnosis; none where that is missing."""
    number = scheme.vocabulary.id(case.dx[0]) if case.dx else NO_CODE
    if number == NO_CODE:
        return []
    place = int(scheme.dx_group[number])
    group = scheme.groups[place] if place >= 0 else None
    never = group is not None and group.never
    alone = group.alone if group is not None else None
    fate = Fate(group, never, alone, "", "", int(scheme.dx_row[number]) or None)
    part = Part(PartKind.VISIT, case.dx[0], fate)
    if number == UNKNOWN:
        part.close(Action.UNASSIGNED, Why.CODE_UNKNOWN)
    return [part]


def lines_of(scheme: CompiledApg, case: Case) -> list[Part]:
    """The service lines: as many as the longest of their lists."""
    lists = (
        case.line_item,
        case.line_name,
        case.line_class,
        case.line_quantity,
        case.line_amount,
        case.line_time,
    )
    return [
        Part(
            PartKind.LINE,
            _at(case.line_item, place),
            scheme.line(_at(case.line_item, place), _at(case.line_class, place)),
            name=_at(case.line_name, place) or "",
            quantity=_number(case.line_quantity, place),
            amount=_number(case.line_amount, place),
        )
        for place in range(max(map(len, lists)))
    ]


def _at(values: tuple[str | None, ...], place: int) -> str | None:
    return values[place] if place < len(values) else None


def _number(values: tuple[Decimal | None, ...], place: int) -> Decimal | None:
    return values[place] if place < len(values) else None

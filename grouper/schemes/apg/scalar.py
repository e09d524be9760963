"""The scalar engine: one visit, its answer, and what decided about each of its parts.

The order of the published algorithm (APG 2.0, EAPG): groups; refunds and lists; the kind of the
visit; consolidation; packaging; discounts; what is not paid alone; the sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from codebooks.apg.words import GroupType, VisitKind
from grouper.case.fields import ZONE
from grouper.schemes.apg.answer import Answer, Notice, Part
from grouper.schemes.apg.decide import (
    ONE,
    ZERO,
    consolidate,
    discount_procedures,
    discount_repeats,
    hold_back,
    package,
    rounded,
    significant,
)
from grouper.schemes.apg.refunds import cancel
from grouper.schemes.apg.visit import lines_of, procedures_of, visit_of
from grouper.schemes.apg.words import GONE, PAYING, REASONS, UNGROUPED, Action, PartKind, Why
from grouper.schemes.reasons import Reason, Status
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from grouper.case.record import Case
    from grouper.schemes.apg.compiled import CompiledApg

Told = dict[Reason, list[str]]
"""What is to be warned of, and the codes it speaks of."""


def answer(scheme: CompiledApg, case: Case) -> Answer:
    """Group one visit and keep what decided."""
    day = _day(case) if scheme.asks_day else None
    told = _tell_codes(scheme, case)
    reason = _refused(scheme, case, day)
    if reason is not None:
        return Answer(Status.INVALID, reason, _notices(told, reason))
    lines = lines_of(scheme, case)
    cancel(lines)
    parts = [*procedures_of(scheme, case), *visit_of(scheme, case), *lines]
    _assign(parts)
    _tell_refunds(lines, told)
    reason = _nothing(parts, told)
    if reason is not None:
        status = Status.UNGROUPED if reason in UNGROUPED else Status.INVALID
        return Answer(status, reason, _notices(told, reason))
    weights = scheme.weights_on(day)
    for part in parts:
        if part.group is not None:
            part.weight = weights[part.group.code]
    kind = _decide(scheme, parts)
    return _sum(parts, kind, told, day)


def _day(case: Case) -> date | None:
    time = case.discharge_time
    if time is None:
        return None
    return (time.astimezone(ZoneInfo(ZONE)) if time.tzinfo else time).date()


def _refused(scheme: CompiledApg, case: Case, day: date | None) -> Reason | None:
    """Why the visit cannot be grouped whatever its parts are."""
    if scheme.asks_day and day is None:
        return Reason.SCHEME_DATE_MISSING
    if not scheme.weights_on(day):
        return Reason.SCHEME_UNCOVERED
    if case.kind not in scheme.card.kinds:
        return Reason.KIND_UNSUPPORTED
    if case.px and scheme.vocabulary.id(case.px[0]) == UNKNOWN:
        foreign = scheme.codes.is_foreign(str(case.px[0]))
        return Reason.PX_MAIN_EDITION if foreign else Reason.PX_MAIN_UNKNOWN
    return None


def _assign(parts: Sequence[Part]) -> None:
    """Close what is never paid and what has no group."""
    for part in (p for p in parts if p.open):
        if part.fate.never:
            part.close(Action.NEVER_PAY, Why.NEVER_PAY_LIST)
        elif part.group is None:
            part.close(Action.UNASSIGNED, Why.NO_GROUP)


def _nothing(parts: Sequence[Part], told: Told) -> Reason | None:
    """Why a visit falls into no group at all, if it does not."""
    lines = [part for part in parts if part.kind is PartKind.LINE]
    left = [part for part in lines if part.action not in GONE]
    if lines and not left:
        return Reason.LINES_REFUNDED
    if any(part.group is not None for part in parts if part.action not in GONE):
        return None
    for reason in (Reason.DX_PRINCIPAL_UNKNOWN, Reason.DX_PRINCIPAL_EDITION):
        if reason in told:
            return reason
    if not parts:
        return Reason.LINES_MISSING
    return Reason.LINE_UNASSIGNED if left else Reason.GROUP_NONE


def _decide(scheme: CompiledApg, parts: Sequence[Part]) -> VisitKind:
    """The kind of the visit, and what is done with each part for it."""
    seen = any(p.type is GroupType.VISIT and p.action not in GONE for p in parts)
    visit = next((p for p in parts if p.kind is PartKind.VISIT and p.open), None)
    procedures = significant(scheme, parts)
    kind = VisitKind.ANCILLARY
    if procedures:
        kind = VisitKind.PROCEDURE
        consolidate(scheme, procedures)
        discount_procedures(scheme, [p for p in procedures if p.open])
        if visit is not None:
            visit.close(Action.PACKAGED, Why.PROCEDURE_VISIT)
    elif visit is not None and scheme.needs_visit_line and not seen:
        visit.close(Action.NO_VISIT, Why.NO_VISIT_LINE)
    elif visit is not None:
        kind = VisitKind.MEDICAL
        visit.close(Action.PAID, Why.MEDICAL_VISIT, ONE)
    package(scheme, parts, kind)
    discount_repeats(scheme, parts)
    hold_back(parts)
    return kind


def _sum(parts: Sequence[Part], kind: VisitKind, told: Told, day: date | None) -> Answer:
    """The visit's weight, and the group that pays most of it (the first of several)."""
    paying = [part for part in parts if part.action in PAYING]
    for part in paying:
        part.value = rounded((part.share or ZERO) * (part.weight or ZERO))
    _tell_lines(parts, told)
    if not paying:
        told[Reason.VISIT_NOT_PAYABLE] = []
    assigned = [p for p in parts if p.group is not None and p.action not in GONE]
    main = max(paying or assigned, key=lambda part: part.value or ZERO)
    total = rounded(sum((part.value or ZERO for part in paying), ZERO))
    notices = _notices(told, None)
    return Answer(Status.GROUPED, None, notices, kind, main.group, total, tuple(parts), day)


def _tell_codes(scheme: CompiledApg, case: Case) -> Told:
    """What is to be said of the diagnoses, and of the procedures after the main one."""
    told: Told = {}
    if not case.dx or scheme.vocabulary.id(case.dx[0]) == NO_CODE:
        told[Reason.DX_PRINCIPAL_MISSING] = []
    for codes, reasons in (
        (case.dx[:1], (Reason.DX_PRINCIPAL_UNKNOWN, Reason.DX_PRINCIPAL_EDITION)),
        (case.dx[1:], (Reason.DX_OTHER_UNKNOWN, Reason.DX_OTHER_EDITION)),
        (case.px[1:], (Reason.PX_UNKNOWN, Reason.PX_EDITION)),
    ):
        for code in codes:
            if scheme.vocabulary.id(code) == UNKNOWN:
                reason = reasons[scheme.codes.is_foreign(str(code))]
                told.setdefault(reason, []).append(str(code))
    return told


def _tell_refunds(lines: Sequence[Part], told: Told) -> None:
    for part in lines:
        if part.action is Action.REPORTED:
            told.setdefault(Reason.REFUND_UNMATCHED, []).extend(_shown(part))


_LINE_REASONS = {
    (Action.UNASSIGNED, Why.NO_GROUP): Reason.LINE_UNASSIGNED,
    (Action.UNDECIDED, Why.AMOUNT_MISSING): Reason.LINE_AMOUNT_MISSING,
    (Action.UNDECIDED, Why.QUANTITY_UNUSABLE): Reason.LINE_QUANTITY_UNUSABLE,
}


def _tell_lines(parts: Sequence[Part], told: Told) -> None:
    for part in parts:
        if part.kind is PartKind.LINE and part.action is not None and part.why is not None:
            reason = _LINE_REASONS.get((part.action, part.why))
            if reason is not None:
                told.setdefault(reason, []).extend(_shown(part))


def _shown(part: Part) -> list[str]:
    """What a warning names a line by; a line that states neither item nor class by nothing."""
    shown = part.code or part.fate.line_class
    return [shown] if shown else []


def _notices(told: Told, reason: Reason | None) -> tuple[Notice, ...]:
    return tuple(Notice(r, tuple(told[r])) for r in REASONS if r in told and r is not reason)

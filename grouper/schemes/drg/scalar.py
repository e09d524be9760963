"""The scalar engine: one case, its answer, and every step that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.rules.ast import Field, Scalar
from grouper.schemes.drg.compiled import CC, MCC, GroupKind
from grouper.schemes.drg.evaluate import holds
from grouper.schemes.drg.facts import (
    GAP_REASON,
    NEWBORN_DAYS,
    Facts,
    facts_of,
    with_main_procedure,
    with_sex,
)
from grouper.schemes.reasons import Reason, Status
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Collection

    from grouper.case.record import Case
    from grouper.schemes.drg.compiled import Adrg, CompiledScheme, Drg, Mdc, Row

NOTHING = 0
"""Number of the group "nothing took the case"."""

LEVEL_NAME = {MCC: "MCC", CC: "CC", 0: None}


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was asked, and its answer.

    ``procedure`` is the procedure tried as the principal one where a variant tries each in turn.
    """

    level: str
    row: Row
    holds: bool
    procedure: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A reason that applies to the case, with the codes it speaks of as they were written."""

    reason: Reason
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The grouping of one case before it is dressed for people.

    ``group`` is the number of the group; where a gap decides between groups it is None.
    """

    status: Status
    reason: Reason | None
    group: int | None
    level: int
    notices: tuple[Notice, ...]
    steps: tuple[Step, ...]
    facts: Facts


def answer(scheme: CompiledScheme, case: Case) -> Answer:
    """Group one case and keep the steps."""
    facts = facts_of(scheme, case)
    notices = _notices(scheme, facts, case)
    steps: list[Step] = []
    principal = facts.principal
    if principal == NO_CODE:
        reason: Reason | None = Reason.DX_PRINCIPAL_MISSING
        return Answer(Status.INVALID, reason, NOTHING, 0, notices, (), facts)
    if scheme.not_principal[principal]:
        reason = Reason.DX_NOT_PRINCIPAL
        return Answer(Status.UNGROUPED, reason, NOTHING, facts.level, notices, (), facts)
    group = _group(scheme, facts, (), steps)
    kind = scheme.groups[group].kind
    status, reason = _plain(group, kind)
    if principal == UNKNOWN:
        foreign = scheme.foreign_edition(str(case.dx[0]))
        status = Status.INVALID
        reason = Reason.DX_PRINCIPAL_EDITION if foreign else Reason.DX_PRINCIPAL_UNKNOWN
    elif UNKNOWN in facts.codes[Field.ZYSS]:
        foreign = scheme.foreign_edition(str(case.px[0]))
        status = Status.INVALID
        reason = Reason.PX_MAIN_EDITION if foreign else Reason.PX_MAIN_UNKNOWN
    elif (gap := _deciding_gap(scheme, facts, group)) is not None:
        status, reason = Status.INVALID, GAP_REASON[gap]
    elif group == NOTHING and _other_sex_helps(scheme, facts):
        status, reason = Status.INVALID, Reason.SEX_CONFLICT
    shown = None if status is Status.INVALID and kind is not GroupKind.FALLBACK else group
    notices = tuple(n for n in notices if n.reason is not reason)
    return Answer(status, reason, shown, facts.level, notices, tuple(steps), facts)


def _plain(group: int, kind: GroupKind) -> tuple[Status, Reason | None]:
    if kind is GroupKind.NAMED:
        return Status.GROUPED, None
    if kind is GroupKind.AMBIGUOUS:
        return Status.AMBIGUOUS, Reason.PX_UNRELATED
    return Status.UNGROUPED, Reason.GROUP_NONE if group == NOTHING else Reason.GROUP_FALLBACK


def _group(
    scheme: CompiledScheme, facts: Facts, assumed: Collection[Scalar], steps: list[Step] | None
) -> int:
    found = _walk(scheme, facts, assumed, steps)
    if found == NOTHING and scheme.retries_procedures:
        for procedure in facts.codes[Field.QTSS]:
            tried = with_main_procedure(scheme, facts, procedure)
            found = _walk(scheme, tried, assumed, steps, procedure)
            if found != NOTHING:
                break
    return found


def _walk(
    scheme: CompiledScheme,
    facts: Facts,
    assumed: Collection[Scalar],
    steps: list[Step] | None,
    procedure: int | None = None,
) -> int:
    def ask(level: str, row: Mdc | Adrg | Drg) -> bool:
        answered = holds(scheme, row.rule, facts, assumed)
        if steps is not None:
            steps.append(Step(level, row, answered, procedure))
        return answered

    for mdc in scheme.mdcs:
        if ask("mdc", mdc):
            for adrg in mdc.adrgs:
                if ask("adrg", adrg):
                    for drg in adrg.drgs:
                        if ask("drg", drg):
                            return drg.group
    return NOTHING


def _deciding_gap(scheme: CompiledScheme, facts: Facts, group: int) -> Scalar | None:
    """The missing value that decides the group, if one does.

    The case is grouped once with every comparison on missing values false (as the language has it)
    and once with them true. Where both agree no gap matters. Else the answer is the first value
    without which the second grouping falls back to the first, or failing that the first that
    changes the group alone.
    """
    gaps = facts.gaps
    if not gaps or _group(scheme, facts, gaps, None) == group:
        return None
    for gap in gaps:
        if _group(scheme, facts, [g for g in gaps if g is not gap], None) == group:
            return gap
    for gap in gaps:
        if _group(scheme, facts, [gap], None) != group:
            return gap
    return gaps[0]


def _other_sex_helps(scheme: CompiledScheme, facts: Facts) -> bool:
    sex = facts.values.get(Scalar.XB)
    if sex not in (1, 2) or Scalar.XB not in scheme.scalars:
        return False
    return _group(scheme, with_sex(facts, 3 - int(sex)), (), None) != NOTHING


def _notices(scheme: CompiledScheme, facts: Facts, case: Case) -> tuple[Notice, ...]:
    found: dict[Reason, list[str]] = {}
    for gap in facts.gaps:
        if _worth_a_warning(gap, facts):
            found[GAP_REASON[gap]] = []
    for code in case.dx[1:]:
        if scheme.vocabulary.id(code) == UNKNOWN:
            foreign = scheme.foreign_edition(str(code))
            reason = Reason.DX_OTHER_EDITION if foreign else Reason.DX_OTHER_UNKNOWN
            found.setdefault(reason, []).append(str(code))
    for code in case.px[1:]:
        if scheme.vocabulary.id(code) == UNKNOWN:
            foreign = scheme.foreign_edition(str(code))
            reason = Reason.PX_EDITION if foreign else Reason.PX_UNKNOWN
            found.setdefault(reason, []).append(str(code))
    return tuple(Notice(r, tuple(found[r])) for r in Reason if r in found)


def _worth_a_warning(gap: Scalar, facts: Facts) -> bool:
    if gap is Scalar.XSRTL:
        return Scalar.NL in facts.values
    if gap is Scalar.XSRTZ:
        days = facts.values.get(Scalar.XSRTL)
        return isinstance(days, int) and days < NEWBORN_DAYS
    return True

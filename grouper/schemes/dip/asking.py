"""What one row asks of one case, and how far the case meets it (scalar engine)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from codebooks.dip.keys import matches_any
from grouper.schemes.dip.facts import GAPS
from grouper.schemes.dip.policy import Treatment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from grouper.schemes.dip.compiled import CompiledScheme
    from grouper.schemes.dip.facts import Facts, Procedure
    from grouper.schemes.dip.rows import Limits, Resistance, Row
    from grouper.schemes.reasons import Reason

AGE_GAP, WEIGHT_GAP = GAPS


class Asked(StrEnum):
    """A condition of a row; its words are ``dip.asked_<condition>`` of the catalogues."""

    OTHER_DIAGNOSIS = "other_diagnosis"
    RESISTANT = "resistant"
    NOT_RESISTANT = "not_resistant"
    AGE_DAYS = "age_days"
    WEIGHT = "weight"
    CONSERVATIVE = "conservative"
    TREATMENT = "treatment"
    MAIN = "main"
    TOGETHER = "together"
    RELATED = "related"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a row and how the case stands to it.

    Attributes:
        asked: the condition.
        wanted: what it asks for, as alternatives: keys, folded codes, a range, a treatment.
        holds: the answer.
        found: folded codes or a value that answered; empty when nothing did.
    """

    asked: Asked
    wanted: tuple[str, ...]
    holds: bool
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row tried on a case with one procedure as the row's main one.

    Attributes:
        row: the row.
        main: the procedure, or None where the row asks for none or no procedure is one of its.
        conditions: what was asked, up to all of them.
        holds: whether the row takes the case.
        met: how many related parts are met.
        matched: how many distinct procedures of the case the row lists.
        exact: whether every part is met and the row lists every procedure of the case.
        treatment: of the comprehensive row; else the first kind among the procedures that met it,
            so that a gastroscopy with a polypectomy is surgery.
    """

    row: Row
    main: Procedure | None
    conditions: tuple[Condition, ...]
    holds: bool
    met: int = 0
    matched: int = 0
    exact: bool = False
    treatment: Treatment = Treatment.CONSERVATIVE

    @property
    def complete(self) -> int:
        """2 when all related parts are met, 1 when some are, 0 of a row without any."""
        if not self.row.related:
            return 0
        return 2 if self.met == len(self.row.related) else 1


def attempts(
    scheme: CompiledScheme, row: Row, facts: Facts, assumed: Collection[Reason]
) -> list[Attempt]:
    """Try a row whose diagnosis the case meets, with each procedure that may be its main one.

    Args:
        scheme: the scheme.
        row: the row.
        facts: of the case.
        assumed: missing values on which a comparison counts as met.

    Returns:
        One attempt for each such procedure; a single one that fails or asks for none otherwise.
    """
    plain = tuple(_plain(scheme, row, facts, assumed))
    held = all(condition.holds for condition in plain)
    if not row.main:
        treatment = Treatment.CONSERVATIVE if row.treatment is None else row.treatment
        exact = _exact(row, facts, 0, 0)
        return [Attempt(row, None, plain, held, exact=exact, treatment=treatment)]
    usable = [p for p in facts.procedures if p.may_be_main and (p.is_main or row.procedure_any)]
    mains = [p for p in usable if p.number in row.main]
    if not mains:
        asked = tuple(_text(scheme, p.number) for p in usable)
        failed = Condition(Asked.MAIN, wanted=(), holds=False, found=asked)
        return [Attempt(row, None, (*plain, failed), holds=False)]
    return [_with_main(scheme, row, facts, main, plain, held=held) for main in mains]


def _with_main(
    scheme: CompiledScheme,
    row: Row,
    facts: Facts,
    main: Procedure,
    plain: tuple[Condition, ...],
    *,
    held: bool,
) -> Attempt:
    once = scheme.policy.once or main.repeated
    named = (_text(scheme, main.number),)
    conditions = [*plain, Condition(Asked.MAIN, wanted=(), holds=True, found=named)]
    met = 0
    treatment = main.treatment
    required = 0
    for place, part in enumerate(row.related):
        own = once or place < row.required
        meeting = [p for p in facts.procedures if p.number in part and (own or p is not main)]
        treatment = min([treatment, *(p.treatment for p in meeting)])
        found = tuple(_text(scheme, p.number) for p in meeting)
        met += bool(found)
        required += bool(found) and place < row.required
        asked = Asked.TOGETHER if place < row.required else Asked.RELATED
        wanted = tuple(sorted(_text(scheme, number) for number in part))
        conditions.append(Condition(asked, wanted, bool(found), found))
    some = scheme.policy.partial and required == row.required and met > required
    enough = met == len(row.related) or some
    matched = sum(p.number in row.lists for p in facts.procedures)
    return Attempt(
        row,
        main,
        tuple(conditions),
        held and enough,
        met,
        matched,
        _exact(row, facts, met, matched),
        treatment,
    )


def _exact(row: Row, facts: Facts, met: int, matched: int) -> bool:
    return met == len(row.related) and matched == len(facts.procedures)


def _plain(
    scheme: CompiledScheme, row: Row, facts: Facts, assumed: Collection[Reason]
) -> Iterator[Condition]:
    """The conditions that do not hang on the main procedure."""
    for keys in row.others:
        found = tuple(code for code in facts.others if matches_any(keys, code))
        wanted = tuple(map(str, keys))
        yield Condition(Asked.OTHER_DIAGNOSIS, wanted, bool(found), found)
    if row.resistance is not None:
        found = resistant_by(scheme, row.resistance, facts)
        asked = Asked.RESISTANT if row.resistance.wanted else Asked.NOT_RESISTANT
        yield Condition(asked, (), bool(found) == row.resistance.wanted, found)
    if row.age_days:
        yield _range(Asked.AGE_DAYS, row.age_days, facts, facts.age_days, AGE_GAP, assumed)
    if row.weight_g:
        yield _range(Asked.WEIGHT, row.weight_g, facts, facts.weight_g, WEIGHT_GAP, assumed)
    if row.conservative:
        against = treatment_above(scheme, facts)
        codes = tuple(_text(scheme, p.number) for p in against)
        yield Condition(Asked.CONSERVATIVE, (), not against, codes)
    elif row.treatment is not None:
        kinds = facts.treatments()
        wanted_kinds = kinds[:1] if scheme.policy.highest_kind else kinds
        found = tuple(
            _text(scheme, p.number)
            for p in facts.procedures
            if p.may_be_main and p.treatment is row.treatment
        )
        holds = row.treatment in wanted_kinds
        yield Condition(Asked.TREATMENT, (row.treatment.name.lower(),), holds, found)


def treatment_above(scheme: CompiledScheme, facts: Facts) -> list[Procedure]:
    """The procedures for which a case is not conservative."""
    return [
        p
        for p in facts.procedures
        if p.may_be_main and (scheme.policy.no_main or p.treatment < Treatment.CONSERVATIVE)
    ]


def resistant_by(scheme: CompiledScheme, resistance: Resistance, facts: Facts) -> tuple[str, ...]:
    """The diagnoses that make a case resistant in the terms of a row."""
    found = [code for code in facts.others if matches_any(resistance.others, code)]
    if resistance.listed and facts.principal in scheme.listed_resistant:
        found.insert(0, facts.diagnoses[0])
    return tuple(found)


def _range(
    asked: Asked,
    limits: Limits,
    facts: Facts,
    value: int | None,
    gap: Reason,
    assumed: Collection[Reason],
) -> Condition:
    if value is None:
        return Condition(asked, (str(limits),), gap in facts.gaps and gap in assumed, ())
    return Condition(asked, (str(limits),), limits.hold(value), (str(value),))


def _text(scheme: CompiledScheme, number: int) -> str:
    return scheme.folded.get(number, "")

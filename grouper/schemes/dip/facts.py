"""The facts of one case as a DIP catalogue sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codebooks.dip.keys import matches_any
from grouper.schemes.dip.compiled import CONSERVATIVE, RESTRICTED
from grouper.schemes.reasons import Reason
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from grouper.case.record import Case
    from grouper.schemes.dip.compiled import CompiledScheme, Exclusion
    from grouper.schemes.dip.policy import Treatment

GAPS = (Reason.AGE_DAYS_MISSING, Reason.NEWBORN_WEIGHT_MISSING)
"""The values whose absence may leave a row open, in the order in which they are asked about."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """One distinct procedure of the case that counts.

    Attributes:
        number: its code number.
        treatment: what it is for.
        may_be_main: whether the catalogue lets it be the main procedure of this case.
        is_main: whether it is the case's main procedure: the first that may be.
        repeated: whether the case states it more than once.
    """

    number: int
    treatment: Treatment
    may_be_main: bool
    is_main: bool
    repeated: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rows of a catalogue may ask of one case.

    Attributes:
        principal: number of the principal diagnosis.
        diagnoses: folded codes of all known diagnoses, the principal one first, each once.
        numbers: their code numbers.
        procedures: the distinct procedures that count, in the order stated.
        excluded: excluded procedures with what the catalogue says of them, in the order stated.
        age_days: age in days, or None.
        weight_g: birth weight in grams, or None.
        gaps: which of :data:`GAPS` are open.
        cost: total cost in yuan, or None.
        main_stated: whether the place of the main procedure is filled, or there are none at all.
        written: each number's code as the case writes it.
    """

    principal: int
    diagnoses: tuple[str, ...]
    numbers: tuple[int, ...]
    procedures: tuple[Procedure, ...]
    excluded: tuple[tuple[int, Exclusion], ...]
    age_days: int | None
    weight_g: int | None
    gaps: tuple[Reason, ...]
    cost: Decimal | None
    main_stated: bool
    written: Mapping[int, str] = field(default_factory=dict)

    @property
    def others(self) -> tuple[str, ...]:
        """The folded codes of the other diagnoses."""
        return self.diagnoses[1:]

    @property
    def main(self) -> Procedure | None:
        """The main procedure, if there is one that may be."""
        return next((p for p in self.procedures if p.is_main), None)

    def treatments(self) -> tuple[Treatment, ...]:
        """The kinds of treatment of the procedures that may be main, each once, first ones first."""
        return tuple(sorted({p.treatment for p in self.procedures if p.may_be_main}))


def facts_of(scheme: CompiledScheme, case: Case) -> Facts:
    """Turn a case into the facts that a catalogue's rows ask for."""
    written: dict[int, str] = {}
    dx: list[int] = []
    for code in case.dx:
        number = scheme.vocabulary.id(code)
        written.setdefault(number, str(code))
        dx.append(number)
    principal = dx[0] if dx else NO_CODE
    known = [n for n in dict.fromkeys(dx[1:]) if n not in (NO_CODE, UNKNOWN, principal)]
    numbers = (principal, *known)
    stated = [scheme.vocabulary.id(code) for code in case.px]
    for number, code in zip(stated, case.px, strict=True):
        written.setdefault(number, str(code))
    counts: dict[int, int] = {}
    for number in stated:
        counts[number] = counts.get(number, 0) + 1
    procedures, excluded = _procedures(scheme, principal, counts)
    weight = case.birth_weight_g if case.birth_weight_g is not None else case.weight_g
    grown = case.age is not None and case.age >= 1
    missing = (case.age_days is None, weight is None)
    return Facts(
        principal=principal,
        diagnoses=tuple(scheme.folded.get(n, "") for n in numbers),
        numbers=numbers,
        procedures=procedures,
        excluded=excluded,
        age_days=case.age_days,
        weight_g=weight,
        gaps=() if grown else tuple(g for g, gap in zip(GAPS, missing, strict=True) if gap),
        cost=case.total_cost,
        main_stated=not any(stated) or stated[0] != NO_CODE,
        written=written,
    )


def _procedures(
    scheme: CompiledScheme, principal: int, counts: Mapping[int, int]
) -> tuple[tuple[Procedure, ...], tuple[tuple[int, Exclusion], ...]]:
    found: list[Procedure] = []
    excluded: list[tuple[int, Exclusion]] = []
    main_found = False
    for number, count in counts.items():
        if number in (NO_CODE, UNKNOWN):
            continue
        may_be_main = True
        exclusion = scheme.exclusions.get(number)
        if exclusion is not None:
            code = scheme.folded.get(principal, "")
            may_be_main = exclusion.treatment == RESTRICTED and matches_any(
                exclusion.diagnoses, code
            )
            if not may_be_main:
                excluded.append((number, exclusion))
            if exclusion.treatment == CONSERVATIVE:
                continue
        is_main = may_be_main and not main_found
        main_found = main_found or is_main
        treatment = scheme.treatment_of(number)
        found.append(Procedure(number, treatment, may_be_main, is_main, count > 1))
    return tuple(found), tuple(excluded)

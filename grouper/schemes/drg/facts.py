"""The facts of one case as the rules see them: code numbers in four fields, and single values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from grouper.rules.ast import Field, Scalar
from grouper.schemes.drg.compiled import CC, MCC
from grouper.schemes.reasons import Reason
from grouper.schemes.vocabulary import NO_CODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grouper.case.record import Case
    from grouper.schemes.drg.compiled import CompiledScheme

GAP_REASON: dict[Scalar, Reason] = {
    Scalar.XB: Reason.SEX_MISSING,
    Scalar.NL: Reason.AGE_MISSING,
    Scalar.XSRTL: Reason.AGE_DAYS_MISSING,
    Scalar.XSRTZ: Reason.NEWBORN_WEIGHT_MISSING,
    Scalar.ZYTS: Reason.LOS_MISSING,
    Scalar.LYFS: Reason.DISCHARGE_WAY_MISSING,
    Scalar.ICUXS: Reason.ICU_HOURS_MISSING,
    Scalar.KS: Reason.DEPARTMENT_MISSING,
}
"""The reason that a missing value gives, in the order in which gaps are asked about."""

NEWBORN_DAYS = 29
"""A missing weight is worth a warning below this age in days (新生儿: the first 28 days)."""


@dataclass(frozen=True, slots=True)
class Severity:
    """One other diagnosis of the CC table: its level, and whether the principal excludes it."""

    code: int
    level: int
    excluded: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules of one scheme may ask of one case.

    ``codes`` holds each field's distinct code numbers in the order given; an other diagnosis that
    repeats the principal is no other diagnosis, likewise for procedures. ``values`` lacks what is
    missing; ``gaps`` names the missing values whose absence leaves a comparison open.
    """

    codes: Mapping[Field, tuple[int, ...]]
    hits: Mapping[Field, Mapping[str, int]]
    values: Mapping[Scalar, int | float | str]
    gaps: tuple[Scalar, ...]
    severities: tuple[Severity, ...]
    dropped: tuple[int, ...] = ()
    written: Mapping[int, str] = field(default_factory=dict)

    @property
    def principal(self) -> int:
        """The principal diagnosis's number, or ``NO_CODE``."""
        return next(iter(self.codes[Field.ZYZD]), NO_CODE)

    @property
    def level(self) -> int:
        """The highest level that counts: MCC, CC or 0."""
        counted = {s.level for s in self.severities if not s.excluded}
        return MCC if MCC in counted else CC if CC in counted else 0


def values_of(case: Case, weight: str) -> dict[Scalar, int | float | str]:
    """The single values of a case; ``weight`` says which newborn weight the scheme means."""
    stated = case.birth_weight_g if weight == "birth" else case.admission_weight_g
    found: dict[Scalar, int | float | str | None] = {
        Scalar.NL: case.age,
        Scalar.XB: case.sex,
        Scalar.XSRTL: case.age_days,
        Scalar.XSRTZ: stated if stated is not None else case.weight_g,
        Scalar.ZYTS: case.los,
        Scalar.LYFS: case.discharge_way,
        Scalar.ICUXS: case.icu_hours,
        Scalar.KS: case.department,
    }
    return {name: value for name, value in found.items() if value is not None}


def gaps_of(values: Mapping[Scalar, object], used: Iterable[Scalar]) -> tuple[Scalar, ...]:
    """The missing values among those that the scheme uses.

    From the first birthday on, the newborn's days and weight are not missing but beside the point:
    comparisons with them are false.
    """
    age = values.get(Scalar.NL)
    grown = isinstance(age, int) and age >= 1
    newborn_only = (Scalar.XSRTL, Scalar.XSRTZ)
    wanted = set(used)
    return tuple(
        s
        for s in GAP_REASON
        if s in wanted and s not in values and not (grown and s in newborn_only)
    )


def facts_of(scheme: CompiledScheme, case: Case) -> Facts:
    """Turn a case into the facts that a scheme's rules ask for."""
    written: dict[int, str] = {}

    def numbers(raw: Iterable[str | None]) -> list[int]:
        found = []
        for code in raw:
            number = scheme.vocabulary.id(code)
            written.setdefault(number, str(code))
            found.append(number)
        return found

    dx, px = numbers(case.dx), numbers(case.px)
    main = px[0] if px else NO_CODE
    dropped = tuple(n for n in dict.fromkeys(px) if scheme.not_grouping[n])
    if scheme.not_grouping[main]:
        main = NO_CODE
    others = [n for n in px[1:] if not scheme.not_grouping[n]]
    codes = {
        Field.ZYZD: _distinct(dx[:1]),
        Field.QTZD: _distinct(dx[1:], *dx[:1]),
        Field.ZYSS: _distinct([main]),
        Field.QTSS: _distinct(others, main),
    }
    values = values_of(case, scheme.card.newborn_weight)
    return Facts(
        codes=codes,
        hits={name: _hits(scheme, found) for name, found in codes.items()},
        values=values,
        gaps=gaps_of(values, scheme.scalars),
        severities=_severities(scheme, codes),
        dropped=dropped,
        written=written,
    )


def with_main_procedure(scheme: CompiledScheme, facts: Facts, procedure: int) -> Facts:
    """The same case with one procedure alone, as the principal one."""
    codes = {**facts.codes, Field.ZYSS: (procedure,), Field.QTSS: ()}
    hits = {**facts.hits, Field.ZYSS: _hits(scheme, (procedure,)), Field.QTSS: {}}
    return replace(facts, codes=codes, hits=hits)


def with_sex(facts: Facts, sex: int) -> Facts:
    """The same case with the other sex, to learn whether sex alone keeps it from a group."""
    return replace(facts, values={**facts.values, Scalar.XB: sex})


def _distinct(numbers: Iterable[int], *without: int) -> tuple[int, ...]:
    return tuple(n for n in dict.fromkeys(numbers) if n != NO_CODE and n not in without)


def _hits(scheme: CompiledScheme, codes: tuple[int, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for code in codes:
        for name in scheme.sets_of(code):
            found.setdefault(name, code)
    return found


def _severities(
    scheme: CompiledScheme, codes: Mapping[Field, tuple[int, ...]]
) -> tuple[Severity, ...]:
    principal = next(iter(codes[Field.ZYZD]), NO_CODE)
    return tuple(
        Severity(code, int(scheme.level[code]), scheme.excludes(principal, code))
        for code in codes[Field.QTZD]
        if scheme.level[code]
    )

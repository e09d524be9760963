"""Auxiliary directories of one case: every subtype that it meets, the factor that wins, and why.

A comparison with a missing value is neither true nor false: such a subtype is not met, and its
missing value is a gap where the subtype's factor could have changed the result. The vectorised
form in :mod:`grouper.schemes.dip.auxiliary_batch` computes the same in its own way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.factors import CODE_KEYS, Asked, Directory
from codebooks.messages import text
from grouper.schemes.dip.auxiliary_tables import (
    CC,
    GAP_REASON,
    GAPS,
    MCC,
    NO_LEVEL,
    AuxiliaryTables,
    cc_table,
    variant_of,
)
from grouper.schemes.dip.charlson import ALL, OTHER, bare, charlson_index, scoped
from grouper.schemes.protocol import Part
from grouper.schemes.reasons import Reason
from grouper.schemes.telling import part_line

if TYPE_CHECKING:
    from codebooks.factors import CodeKey, Condition, Factor, Subtype
    from grouper.case.record import Case

NEEDS = ("discharge_time", "age", "age_days", "los", "icu_hours", "discharge_way", "dx", "px")
"""The columns of a case that the directories ask about."""
ONE = Decimal(1)
_DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class Met:
    """A condition that was met: which, and the code or value that met it."""

    condition: Condition
    found: str


@dataclass(frozen=True, slots=True)
class FoundFactor:
    """A subtype that a case meets; ``row`` is None where the region gives it no factor."""

    subtype: Subtype
    row: Factor | None
    why: tuple[Met, ...]

    @property
    def directory(self) -> Directory:
        """The subtype's directory."""
        return self.subtype.directory

    @property
    def factor(self) -> Decimal | None:
        """The subtype's factor, None where the region gives it none."""
        return self.row.factor if self.row else None


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """The answer for one case.

    Attributes:
        found: every subtype met, in the order of the directories.
        winner: the one with the highest factor (the first of equals), None when none has one.
        gaps: missing values that could have changed the factor.
    """

    found: tuple[FoundFactor, ...] = ()
    winner: FoundFactor | None = None
    gaps: tuple[Reason, ...] = ()

    @property
    def factor(self) -> Decimal:
        """By what the score is multiplied; 1 when nothing wins."""
        return (self.winner.factor if self.winner else None) or ONE


def factors_of(tables: AuxiliaryTables, case: Case, group: str) -> Auxiliary:
    """The auxiliary factor of a grouped case on the day of its discharge.

    Args:
        tables: of the scheme.
        case: the case; its diagnoses and procedures in any spelling.
        group: the group's code as the catalogue writes it.
    """
    if not tables.active:
        return Auxiliary()
    if case.discharge_time is None:
        return Auxiliary(gaps=(Reason.SCHEME_DATE_MISSING,))
    in_force = tables.on(case.discharge_time.date())
    found: list[FoundFactor] = []
    open_: list[tuple[Decimal, set[Reason]]] = []
    for subtype in in_force.subtypes:
        row = in_force.factor(subtype, group)
        gaps: set[Reason] = set()
        why = _met(subtype, case, gaps)
        if why is not None:
            found.append(FoundFactor(subtype, row, why))
        elif gaps and row is not None:
            open_.append((row.factor, gaps))
    winner = max(
        (f for f in found if f.factor is not None), key=lambda f: f.factor or ONE, default=None
    )
    changing = {
        gap
        for factor, gaps in open_
        if (factor > (winner.factor or ONE) if winner else factor != ONE)
        for gap in gaps
    }
    return Auxiliary(tuple(found), winner, tuple(gap for gap in GAPS if gap in changing))


def subtypes_of(tables: AuxiliaryTables, case: Case) -> tuple[Subtype, ...]:
    """The subtypes that a case meets on the day of its discharge, whether or not they have factors."""
    if case.discharge_time is None:
        return ()
    in_force = tables.on(case.discharge_time.date())
    return tuple(s for s in in_force.subtypes if _met(s, case, set()) is not None)


def _met(subtype: Subtype, case: Case, gaps: set[Reason]) -> tuple[Met, ...] | None:
    """What met the first alternative that holds; else None, with the gaps that leave one open."""
    left_open: set[Reason] = set()
    for alternative in subtype.alternatives:
        answers = [(condition, *_answer(condition, case)) for condition in alternative]
        if all(holds for _, holds, _ in answers):
            return tuple(Met(condition, found) for condition, _, found in answers)
        if all(holds is not False for _, holds, _ in answers):
            left_open |= {GAP_REASON[c.asked] for c, holds, _ in answers if holds is None}
    gaps |= left_open
    return None


def _answer(condition: Condition, case: Case) -> tuple[bool | None, str]:
    """Whether a condition holds (None: its value is missing), and what answered."""
    asked = condition.asked
    if asked in CODE_KEYS:
        found = next((c for c in _codes(asked, case) if _keyed(bare(c), condition.keys)), None)
        return found is not None, found or ""
    if asked == Asked.CC_LEVEL:
        level, code = cc_level(condition.table, case)
        return level in condition.words, code or level
    if asked in {Asked.DISCHARGE_WAY, Asked.NOT_DISCHARGE_WAY}:
        way = case.discharge_way
        if way is None:
            return None, ""
        return (way in condition.words) == (asked == Asked.DISCHARGE_WAY), way
    number = _number(condition, case)
    if number is None:
        return None, ""
    low = condition.low is None or number >= condition.low
    high = condition.high is None or number <= condition.high
    return low and high, str(number)


def _number(condition: Condition, case: Case) -> int | None:
    asked = condition.asked
    if asked == Asked.CHARLSON:
        variant, scope = variant_of(condition)
        return charlson_index(variant, case.dx, scope).points
    if asked == Asked.AGE:
        return case.age
    if asked == Asked.AGE_DAYS:
        return case.age_days
    if asked == Asked.LOS:
        return case.los
    if case.icu_hours is None or not math.isfinite(case.icu_hours):
        return None
    days = case.icu_hours / _DAY_HOURS
    return math.floor(days) if asked == Asked.ICU_DAYS_COMPLETED else math.ceil(days)


def _codes(asked: Asked, case: Case) -> list[str]:
    if asked == Asked.PROCEDURE:
        return scoped(case.px, ALL)
    if asked == Asked.PRINCIPAL_DIAGNOSIS:
        return scoped(case.dx[:1], ALL)
    return scoped(case.dx, OTHER if asked == Asked.OTHER_DIAGNOSIS else ALL)


def _keyed(code: str, keys: tuple[CodeKey, ...]) -> bool:
    return any(key.low <= code[: len(key.low)] <= key.high for key in keys)


def cc_level(scheme: str, case: Case) -> tuple[str, str]:
    """The highest level of a case's other diagnoses that counts, and the code that gives it.

    Args:
        scheme: the CHS-DRG book whose CC and exclusion tables are asked.
        case: the case; a diagnosis counts unless the principal one excludes it.
    """
    table = cc_table(scheme)
    principal = bare(case.dx[0] or "") if case.dx else ""
    counted: dict[str, str] = {}
    for code in scoped(case.dx, OTHER):
        level, exclusion = table.levels.get(bare(code), (NO_LEVEL, ""))
        if level != NO_LEVEL and principal not in table.excluded.get(exclusion, frozenset()):
            counted.setdefault(level, code)
    best = next((level for level in (MCC, CC) if level in counted), NO_LEVEL)
    return best, counted.get(best, "")


def _action(auxiliary: Auxiliary, found: FoundFactor) -> str:
    if found.row is None:
        return "none"
    return "taken" if found is auxiliary.winner else "lower"


def part_rows(auxiliary: Auxiliary) -> tuple[Part, ...]:
    """The subtypes met as parts of the case (``PARTS_SCHEMA``): code, action and factor."""
    return tuple(
        Part(
            "factor",
            code=f"{found.directory}.{found.subtype.id}",
            action=_action(auxiliary, found),
            share=found.factor,
        )
        for found in auxiliary.found
    )


def parts_of(auxiliary: Auxiliary, lang: str) -> list[dict[str, Any]]:
    """The ``parts`` of the trace document: a line for each subtype met, its factor the share."""
    lines = []
    for number, found in enumerate(auxiliary.found, 1):
        name = text(
            "dip_auxiliary.name",
            lang,
            directory=text(f"dip_auxiliary.directory.{found.directory}", lang),
            subtype=found.subtype.name(lang),
        )
        action = _action(auxiliary, found)
        lines.append(
            part_line(
                number,
                f"{found.directory}.{found.subtype.id}",
                name,
                action=text(f"dip_auxiliary.action.{action}", lang),
                why=_reasons(found, lang),
                share=found.factor,
            )
        )
    return lines


def _reasons(found: FoundFactor, lang: str) -> str:
    comma = text("dip_auxiliary.and", lang)
    words = [
        text(
            f"dip_auxiliary.asked.{met.condition.asked}",
            lang,
            found=met.found,
            table=met.condition.table,
        )
        for met in found.why
    ]
    if found.row:
        words.append(text("dip_auxiliary.source", lang, source=found.row.source))
    return comma.join(words)

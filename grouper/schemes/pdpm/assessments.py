"""The scalar engine's reading of a case's assessments."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from grouper.schemes.pdpm.writing import Written, fold, number_of

if TYPE_CHECKING:
    from datetime import date

    from grouper.case.record import Case
    from grouper.schemes.pdpm.compiled import CompiledPdpm
    from grouper.schemes.pdpm.records import AssessmentType


@dataclass(frozen=True, slots=True)
class Assessment:
    """One assessment: its day, its kind and the values that are stated, by item."""

    day: date
    kind: AssessmentType
    values: dict[str, int]


@dataclass(slots=True)
class Found:
    """What the lists of a case hold.

    Attributes:
        assessments: in the order of their days and kinds.
        incomplete: items without a name, a day or a known kind, as written.
        bad: items with a value that is not allowed, as ``ITEM=value``.
        conflicts: items with two values in one assessment.
        unknown: items that the scheme does not know, as written.
    """

    assessments: list[Assessment] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def read_assessments(scheme: CompiledPdpm, case: Case) -> Found:
    """Put the parallel lists of a case together: items of one day and kind are one assessment.

    A place in which nothing is stated is none. An assessment that does not regroup is known by its
    day alone: its items are not read.
    """
    found = Found()
    together: dict[tuple[date, int], Assessment] = {}
    kinds = {fold(name): kind for name, kind in scheme.types.items()}
    places = zip_longest(
        case.assessment_item, case.assessment_value, case.assessment_date, case.assessment_type
    )
    for item, value, day, kind_name in places:
        if item is None and value is None and day is None and kind_name is None:
            continue
        kind = kinds.get(fold(kind_name or ""))
        if not fold(item or "") or day is None or kind is None:
            found.incomplete.append(item or "")
            continue
        at = together.setdefault((day, kind.number), Assessment(day, kind, {}))
        if kind.regroups:
            _add(scheme, found, at, str(item), value)
    found.assessments = [together[key] for key in sorted(together)]
    return found


def _add(
    scheme: CompiledPdpm, found: Found, at: Assessment, written: str, value: str | None
) -> None:
    name = scheme.spellings.get(fold(written))
    if name is None:
        if written not in found.unknown:
            found.unknown.append(written)
        return
    item, number = scheme.items[name], number_of(value)
    if number == Written.VOID or number in item.void:
        return
    if number not in item.allowed:
        found.bad.append(f"{written}={value}")
    elif at.values.setdefault(name, number) != number:
        found.conflicts.append(name)

"""What the rules ask of one case; the reading is that of :mod:`grouper.audit.cases`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.registry import INPATIENT, OUTPATIENT
from grouper.audit.templates import toml
from grouper.case.dates import EPOCH, LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from grouper.case.record import Case

_YEAR_DAYS, _LEAP_DAYS = 365, 366
_SEXES = frozenset({1, 2})


@dataclass(frozen=True, slots=True)
class Facts:
    """One case.

    Attributes:
        case_id, person, department, physician: as the case states them.
        sex: 1 or 2; None: not stated, or not clear.
        age: whole years at the beginning.
        age_days: days at the beginning.
        first_day: of the stay or visit, since 1970.
        last_day: of the stay; None: it runs.
        inpatient: whether it is an inpatient stay.
        stay: whether it is a stay at all.
        place: ``inpatient``, ``outpatient``, ``emergency``; None: another.
        insurance: type of insurance.
        level: of the hospital (I, II, III).
        principal: code of the principal diagnosis.
        codes: of all diagnoses that are stated.
        procedures: how many are stated.
    """

    case_id: str | None
    person: str | None
    department: str | None
    physician: str | None
    sex: int | None
    age: int | None
    age_days: int | None
    first_day: int | None
    last_day: int | None
    inpatient: bool
    stay: bool
    place: str | None
    insurance: str | None
    level: str | None
    principal: str | None
    codes: tuple[str, ...]
    procedures: int


def facts_of(case: Case, levels: Mapping[str, str]) -> Facts:
    """The facts of a case.

    Args:
        case: running or ended.
        levels: level of hospitals.
    """
    begun = _local(case.admission_time)
    age, age_days = _ages(case, begun)
    ended = _local(case.discharge_time)
    return Facts(
        case_id=case.case_id,
        person=case.person,
        department=case.department,
        physician=case.physician,
        sex=case.sex if case.sex in _SEXES else None,
        age=age,
        age_days=age_days,
        first_day=None if begun is None else (begun - EPOCH).days,
        last_day=None if ended is None else (ended - EPOCH).days,
        inpatient=case.kind == INPATIENT,
        stay=case.kind != OUTPATIENT,
        place=_place(case),
        insurance=case.insurance_type,
        level=levels.get(case.hospital) if case.hospital else None,
        principal=case.dx[0] if case.dx else None,
        codes=tuple(code for code in case.dx if code is not None),
        procedures=sum(code is not None for code in case.px),
    )


def _local(time: datetime | None) -> date | None:
    if time is None:
        return None
    return (time if time.tzinfo in {None, LOCAL} else time.astimezone(LOCAL)).date()


def _place(case: Case) -> str | None:
    if case.kind == OUTPATIENT:
        return "emergency" if case.visit_type in toml("cases.toml")["emergency"] else "outpatient"
    return "inpatient" if case.kind == INPATIENT else None


def _ages(case: Case, begun: date | None) -> tuple[int | None, int | None]:
    """Age in whole years and in days; at the least what the other says where one is not stated."""
    birth = case.birth_date
    lived = years = None
    if begun is not None and birth is not None and begun >= birth:
        lived = (begun - birth).days
        years = begun.year - birth.year - ((begun.month, begun.day) < (birth.month, birth.day))
    age = years if case.age is None else case.age
    days = lived if case.age_days is None else case.age_days
    if days is None and age is not None and age > 0:
        days = age * _YEAR_DAYS
    if age is None and days is not None:
        age = days // _LEAP_DAYS
    return age, days

"""A month's inpatient front pages: who was discharged, when, from where, with which codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.treatment import TreatmentKind, treatment_kinds
from grouper.demo.hospital.chains import YEAR, joined, origin_month
from grouper.demo.hospital.coding import code_stays
from grouper.demo.hospital.plan import month_name, month_of, stream
from grouper.demo.hospital.tables import toml

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grouper.demo.hospital.chains import Stays
    from grouper.demo.hospital.world import Array, World

DAY, HOUR, MINUTE = 86_400, 3_600, 60
ZONE_SECONDS = 8 * HOUR
"""Asia/Shanghai is eight hours ahead of UTC in all the years that are made."""
_CODES = toml("hospital.toml")["codes"]
INPATIENT, DAY_SURGERY, SINGLE_DISEASE = (
    _CODES[name] for name in ("inpatient", "day_surgery", "single_disease")
)
"""Kinds of visit (医疗类别)."""
EMPLOYEE, RESIDENT = _CODES["employee"], _CODES["resident"]
_HOME, _DEAD = "1", "5"
_NEWBORN_DAYS = 28

Front = dict[str, list[Any]]
"""Columns of the Case by name, one value a stay; dates as days and times as seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month's stays with what their charges need.

    Attributes:
        number: the month.
        stays: the stays as drawn.
        front: their front pages.
        kind: number in :data:`~grouper.demo.hospital.world.KINDS`.
        department: number of the department.
        start: second of the admission.
        end: second of the discharge.
        los: days.
        operation: the day of the operation, counted from the admission.
        intensive: days in intensive care.
        group: code of the group drawn.
    """

    number: int
    stays: Stays
    front: Front
    kind: Array
    department: Array
    start: Array
    end: Array
    los: Array
    operation: Array
    intensive: Array
    group: list[str]

    def __len__(self) -> int:
        return len(self.stays)


def seconds(days: Array, minutes: Array) -> Array:
    """Seconds since 1970 (UTC) of minutes in local days."""
    found: Array = days * DAY + minutes * MINUTE - ZONE_SECONDS
    return found


def case_id(origin: int, index: int, depth: int) -> str:
    """The id of a stay: month of the person's first discharge, number of the person, n-th stay."""
    return f"ZY{month_name(origin)[2:].replace('-', '')}{index:05d}{depth}"


def previous_id(own: str) -> str:
    """The id of the stay of the same person before a stay, which is not the first."""
    return own[:-1] + str(int(own[-1]) - 1)


def person_id(origin: int, index: int) -> str:
    """The pseudonym of a person."""
    return f"P{month_name(origin)[2:].replace('-', '')}{index:05d}"


def stays_of(
    world: World, month: int, origins: Callable[[World, int], Stays] | None = None
) -> Stays:
    """The stays discharged in a month, ordered by discharge.

    Args:
        world: the hospital.
        month: the month.
        origins: where the persons of a month come from; one that keeps what it has made saves time.
    """
    horizon = toml("hospital.toml")["returns"]["horizon_months"]
    ask = origins or origin_month
    everyone = joined([ask(world, origin) for origin in range(month - horizon, month + 1)])
    own = everyone.take(month_of(everyone.discharge) == month)
    return own.take(np.lexsort((own.depth, own.index, own.origin, own.discharge)))


def inpatients(world: World, month: int, stays: Stays) -> Month:
    """Fill the front pages of a month's stays.

    Args:
        world: the hospital.
        month: the month.
        stays: its discharges (:func:`stays_of`).
    """
    chance = stream(world.seed, month, "front")
    plan = toml("hospital.toml")
    count, groups = len(stays), world.groups
    kind = groups.kind[stays.group]
    short = groups.day_surgery[stays.group] & ~stays.dead & (stays.split == 0)
    short &= chance.random(count) < plan["kinds"]["day_surgery"]
    admission = np.where(short, stays.discharge, stays.admission)
    los = np.maximum(1, stays.discharge - admission)
    start, end = _times(admission, stays.discharge, short, chance)
    operation = np.minimum(los - 1, chance.integers(1, 3, count))
    codes = code_stays(world, stays, month)
    age_days = admission - stays.birth
    department = _departments(world, stays, age_days)
    single = groups.single_disease[stays.group] & ~short
    single &= chance.random(count) < plan["kinds"]["single_disease"]
    left = chance.random(count) < plan["kinds"]["pathway_left"]
    icu, ventilator = _intensive(stays, age_days / YEAR, los, chance)
    way = np.array([w for w, _ in plan["leaving"]["ways"]])
    shares = np.cumsum([share for _, share in plan["leaving"]["ways"]])
    ways = way[np.minimum(np.searchsorted(shares, chance.random(count)), len(way) - 1)]
    ways[stays.split > 0] = _HOME
    least, most = plan["admission"]["newborn_grams"]
    weights = chance.integers(least, most, count)
    newborn = age_days < _NEWBORN_DAYS
    names = [row["code"] for row in plan["departments"]]
    aid = [None, *(word for word, _ in plan["people"]["aid"])]
    regions = [None, *(region for region, _ in plan["people"]["elsewhere"])]
    years = whole_years(stays.birth, admission)
    front: Front = {
        "case_id": _zip(case_id, stays.origin, stays.index, stays.depth),
        "person": _zip(person_id, stays.origin, stays.index),
        "insurance_type": np.where(stays.employee, EMPLOYEE, RESIDENT).tolist(),
        "insured_region": [regions[at] for at in stays.elsewhere],
        "person_type": person_types(stays.employee, years),
        "aid_category": [aid[at] for at in stays.aid],
        "visit_type": np.where(
            short, DAY_SURGERY, np.where(single, SINGLE_DISEASE, INPATIENT)
        ).tolist(),
        "admission_number": stays.number.tolist(),
        "sex": np.where(stays.female, 2, 1).tolist(),
        "birth_date": stays.birth.tolist(),
        "age": years.tolist(),
        "age_days": [d if y == 0 else None for d, y in zip(age_days.tolist(), years, strict=True)],
        "birth_weight_g": [
            w if n else None for w, n in zip(weights.tolist(), newborn, strict=True)
        ],
        "admission_weight_g": [
            w + 20 if n else None for w, n in zip(weights.tolist(), newborn, strict=True)
        ],
        "admission_time": start.tolist(),
        "discharge_time": end.tolist(),
        "discharge_way": np.where(stays.dead, _DEAD, ways).tolist(),
        "department": [names[at] for at in department],
        "admission_department": [names[at] for at in department],
        "physician": [world.physicians[at] for at in stays.physician],
        "pathway": [
            ("left" if out else "followed") if one else None
            for one, out in zip(single, left, strict=True)
        ],
        "los": los.tolist(),
        "icu_hours": [h or None for h in icu.tolist()],
        "ventilator_hours": [h or None for h in ventilator.tolist()],
        "dx": codes.dx,
        "dx_poa": codes.poa,
        "px": [list(recipe.px) for recipe in codes.recipes],
        "px_date": [
            [day] * len(recipe.px)
            for day, recipe in zip((admission + operation).tolist(), codes.recipes, strict=True)
        ],
        "px_level": _levels([recipe.px for recipe in codes.recipes], chance),
    }
    return Month(
        number=month,
        stays=stays,
        front=front,
        kind=kind,
        department=department,
        start=start,
        end=end,
        los=los,
        operation=operation,
        intensive=np.ceil(icu / 24).astype(np.int64),
        group=[groups.all[at].id for at in stays.group],
    )


def person_types(employee: Array, years: Array) -> list[str]:
    """The type of each person: 11 in work, 12 retired, 14 minor, 15 adult, 16 elderly resident."""
    people = toml("hospital.toml")["people"]
    resident = np.where(
        years < people["adult_from"],
        _CODES["minor"],
        np.where(years < people["elderly_from"], _CODES["adult"], _CODES["elderly"]),
    )
    employed = np.where(years < people["retired_from"], _CODES["active"], _CODES["retired"])
    found: list[str] = np.where(employee, employed, resident).tolist()
    return found


def _times(
    admission: Array, discharge: Array, short: Array, chance: np.random.Generator
) -> tuple[Array, Array]:
    """Seconds of admission and discharge; within one day where the stay is short."""
    count = len(admission)
    urgent = chance.random(count) < toml("hospital.toml")["admission"]["urgent"]
    hours = np.where(
        urgent, chance.integers(0, 22 * 60, count), chance.integers(8 * 60, 17 * 60, count)
    )
    begins = np.where(short, chance.integers(7 * 60 + 30, 9 * 60, count), hours)
    ends = np.where(
        short, chance.integers(15 * 60, 17 * 60, count), chance.integers(9 * 60, 12 * 60, count)
    )
    return seconds(admission, begins), seconds(discharge, ends)


def whole_years(birth: Array, day: Array) -> Array:
    """Completed years on a day, by the calendar."""
    born, on = birth.astype("datetime64[D]"), day.astype("datetime64[D]")
    months = on.astype("datetime64[M]").astype(np.int64) - born.astype("datetime64[M]").astype(
        np.int64
    )
    in_month = (on - on.astype("datetime64[M]")).astype(np.int64)
    born_on = (born - born.astype("datetime64[M]")).astype(np.int64)
    found: Array = (months - (in_month < born_on)) // 12
    return found


def _departments(world: World, stays: Stays, age_days: Array) -> Array:
    """The group's department; children's medical stays lie in the department of children."""
    plan = toml("hospital.toml")
    rule = plan["admission"]
    names = [row["code"] for row in plan["departments"]]
    child = (age_days / YEAR < rule["child_below"]) & (world.groups.kind[stays.group] == 0)
    found: Array = np.where(
        child, names.index(rule["children"]), world.groups.department[stays.group]
    )
    return found


def _intensive(
    stays: Stays, age: Array, los: Array, chance: np.random.Generator
) -> tuple[Array, Array]:
    """Hours in intensive care and on a ventilator, 0 for none; never longer than the stay."""
    rule = toml("hospital.toml")["intensive"]
    count = len(stays)
    ill = (stays.draw > rule["threshold"]) & (age >= rule["least_age"]) & (los > 1)
    ill = (ill & (chance.random(count) < rule["share"])) | (stays.dead & (los > 1))
    least, most = rule["hours"]
    hours = np.minimum(chance.integers(least, most, count), (los - 1) * 24)
    ventilated = ill & (chance.random(count) < rule["ventilated"])
    part = np.floor(hours * chance.uniform(0.2, 0.9, count))
    return np.where(ill, hours, 0).astype(float), np.where(ventilated, part, 0.0)


def _levels(procedures: Sequence[tuple[str, ...]], chance: np.random.Generator) -> list[list[Any]]:
    """The level of each operation (1 to 4); nothing for what is none."""
    kinds = treatment_kinds("icd9cm3-nhsa-2.0").kinds
    real = (TreatmentKind.SURGERY, TreatmentKind.INTERVENTION)
    levels = toml("hospital.toml")["admission"]["levels"]
    shares = np.cumsum([share for _, share in levels[:-1]])
    at = np.searchsorted(shares, chance.random(len(procedures)))
    drawn = [levels[place][0] for place in at]
    return [
        [level if kinds.get(code) in real else None for code in px]
        for level, px in zip(drawn, procedures, strict=True)
    ]


def _zip(make: Callable[..., str], *columns: Array) -> list[str]:
    return [make(*values) for values in zip(*(c.tolist() for c in columns), strict=True)]

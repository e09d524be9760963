"""A month's outpatient visits with their lines: sorts of visits, series of dialysis, some faults."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.demo.hospital.catalogue import items
from grouper.demo.hospital.chains import YEAR, discharge_days, volume
from grouper.demo.hospital.inpatients import (
    DAY,
    EMPLOYEE,
    MINUTE,
    RESIDENT,
    ZONE_SECONDS,
    person_types,
    seconds,
    whole_years,
)
from grouper.demo.hospital.lines import Lines, chained, lines_of
from grouper.demo.hospital.plan import MONTHS, first_day, length, month_name, month_number, stream
from grouper.demo.hospital.planting import FAULT, VIOLATION, Planted
from grouper.demo.hospital.tables import toml
from grouper.demo.hospital.world import Array, seasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.demo.hospital.inpatients import Front, Month
    from grouper.demo.hospital.world import World

VISIT, CHRONIC = (toml("hospital.toml")["codes"][name] for name in ("outpatient", "chronic"))
"""Kinds of visit: outpatient, and chronic or special disease."""
_TWO_DAYS = 2
_LEAST_DAYS = 5


@dataclass(frozen=True, slots=True)
class People:
    """The persons who come as outpatients, one place a person; births as days since 1970."""

    birth: Array
    female: Array
    employee: Array
    bands: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Visits:
    """A month's visits.

    Attributes:
        front: their columns.
        lines: their lines, in order.
        departments: number of the department of each.
        physicians: number of the physician of each.
        planted: what was planted on them.
    """

    front: Front
    lines: Lines
    departments: Array
    physicians: Array
    planted: list[Planted]

    def __len__(self) -> int:
        return len(self.departments)


@cache
def _by_name() -> Mapping[str, int]:
    return {name: place for place, name in enumerate(items().name)}


def people(world: World) -> People:
    """The persons of all months."""
    plan = toml("outpatient.toml")
    count = max(200, round(plan["pool"] * world.scale))
    chance = stream(world.seed, 0, "outpatients")
    parts = np.array(plan["people"]["ages"])
    part = parts[np.searchsorted(np.cumsum(parts[:, 0]), chance.random(count) * parts[:, 0].sum())]
    age = np.clip(part[:, 1] + part[:, 2] * chance.normal(size=count), 0.3, 96.0)
    day = first_day(month_number(toml("hospital.toml")["volume"]["epoch"]))
    female = chance.random(count) < plan["people"]["female"]
    grown = age >= toml("hospital.toml")["people"]["adult_from"]
    employee = grown & (chance.random(count) < toml("hospital.toml")["people"]["employee"])
    bands = {
        name: np.flatnonzero(
            (age >= young) & (age < old + 1) & ((sex == 0) | (female == (sex == 2)))  # noqa: PLR2004 -- 2 is female
        )
        for name, (young, old, sex) in plan["bands"].items()
    }
    return People(day - np.floor(age * YEAR).astype(np.int64), female, employee, bands)


@dataclass(slots=True)
class _Draft:
    """Visits of one sort: person, second, diagnosis, lines by the visit's place in the draft."""

    sort: Mapping[str, Any]
    person: Array
    time: Array
    dx: list[str]
    stay: Array
    item: Array
    quantity: Array


def visits(world: World, month: int, pool: People, inpatients: Month) -> Visits:
    """The visits of a month, in order of time.

    Args:
        world: the hospital.
        month: the month.
        pool: its persons (:func:`people`).
        inpatients: the month's stays, some of which get a visit within the stay (planted).
    """
    chance = stream(world.seed, month, "visits")
    plan = toml("outpatient.toml")
    rows = plan["sorts"]
    often = np.array([row["often"] for row in rows])
    season = seasons([(row["dx"] or ["-"])[0] for row in rows], toml("hospital.toml")["season"])
    weights = often * season[month % MONTHS]
    wanted = volume(world, month, "outpatient") * weights / weights.sum()
    drafts = [_dialysis(world, month, pool, chance)]
    wanted *= max(0.0, 1.0 - len(drafts[0].person) / max(wanted.sum(), 1.0))
    drafts += [
        _sort(month, row, round(float(count)), pool, chance)
        for row, count in zip(rows, wanted, strict=True)
    ]
    return _finished(world, month, pool, drafts, inpatients, chance)


def _sort(
    month: int, row: Mapping[str, Any], count: int, pool: People, chance: np.random.Generator
) -> _Draft:
    band = pool.bands[row["who"]]
    person = band[chance.integers(0, len(band), count)]
    days = discharge_days(month, "visits", chance, count)
    early = chance.random(count) < toml("outpatient.toml")["morning"]
    minute = np.where(early, chance.integers(480, 720, count), chance.integers(840, 1020, count))
    if row.get("emergency"):
        minute = chance.integers(0, 1430, count)
    codes = row["dx"] or [""]
    dx = [codes[at] for at in chance.integers(0, len(codes), count)]
    return _with_lines(row, person, seconds(days, minute), dx, chance)


def _with_lines(
    row: Mapping[str, Any], person: Array, time: Array, dx: list[str], chance: np.random.Generator
) -> _Draft:
    plan, names = toml("outpatient.toml"), _by_name()
    item = np.array([names[name] for name in (*row["always"], *row["sometimes"])])
    there = chance.random((len(person), len(item))) < plan["sometimes"]
    there[:, : len(row["always"])] = True
    stay, column = np.nonzero(there)
    drug = np.isin(np.array(items().kind)[item], ["09", "10", "11"])[column]
    units = chance.integers(1, plan["most_units"] + 1, len(stay))
    return _Draft(row, person, time, dx, stay, item[column], np.where(drug, units, 1))


def _dialysis(world: World, month: int, pool: People, chance: np.random.Generator) -> _Draft:
    """The sessions of those who come every second day for months on end."""
    plan = toml("outpatient.toml")["dialysis"]
    own = stream(world.seed, 0, "dialysis")
    count = max(1, round(plan["patients"] * world.scale))
    # Several series follow one another in a place; persons without repetition.
    since = month - month_number(toml("hospital.toml")["volume"]["epoch"])
    least, most = plan["months"]
    begins = own.integers(-plan["before"], least, count)
    lasts = own.integers(least, most, count)
    persons = own.permutation(pool.bands["adult"])[: 3 * count]
    turn = np.maximum(0, (since - begins) // lasts) % 3
    person = persons[(np.arange(count) + turn * count) % len(persons)]
    days = first_day(month) + np.arange(length(month))
    weekday = (days + 3) % 7
    odd = own.random(count) < 1 / 2
    comes = np.where(odd[:, None], np.isin(weekday, [0, 2, 4]), np.isin(weekday, [1, 3, 5]))
    who, day = np.nonzero(comes)
    minute = 450 + 5 * (who % 40)
    row = {**plan, "dx": [plan["dx"]], "px": [plan["px"]], "visit_type": CHRONIC}
    times = seconds(days[day], minute)
    return _with_lines(row, person[who], times, [plan["dx"]] * len(who), chance)


def _finished(
    world: World,
    month: int,
    pool: People,
    drafts: Sequence[_Draft],
    inpatients: Month,
    chance: np.random.Generator,
) -> Visits:
    """The drafts as one month in order of time."""
    sizes = np.array([len(draft.person) for draft in drafts])
    starts = np.cumsum(sizes) - sizes
    count = int(sizes.sum())
    sort = np.repeat(np.arange(len(drafts)), sizes)
    person = np.concatenate([draft.person for draft in drafts])
    time = np.concatenate([draft.time for draft in drafts])
    order = np.lexsort((person, sort, time))
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    lines = chained(
        [
            lines_of(place[start + d.stay], d.time[d.stay], d.item, d.quantity)
            for start, d in zip(starts, drafts, strict=True)
        ]
    )
    lines = chained([lines, _refunds(lines, count, chance)]).ordered()
    sort, person, time = sort[order], person[order], time[order]
    dx = np.array([code for draft in drafts for code in draft.dx], object)[order]
    codes = [row["code"] for row in toml("hospital.toml")["departments"]]
    departments = np.array([codes.index(d.sort["department"]) for d in drafts])[sort]
    firsts = np.array([own[0] for own in world.doctors])[departments]
    free = np.array([len(own) for own in world.doctors])[departments]
    physicians = firsts + (chance.random(count) * free).astype(np.int64)
    day = (time + ZONE_SECONDS) // DAY
    px = [draft.sort.get("px", []) for draft in drafts]
    years = whole_years(pool.birth[person], day)
    front: Front = {
        "case_id": [f"MZ{month_name(month)[2:].replace('-', '')}{at:06d}" for at in range(count)],
        "person": [f"M{at:06d}" for at in person],
        "insurance_type": np.where(pool.employee[person], EMPLOYEE, RESIDENT).tolist(),
        "person_type": person_types(pool.employee[person], years),
        "visit_type": [drafts[int(at)].sort.get("visit_type", VISIT) for at in sort],
        "sex": np.where(pool.female[person], 2, 1).tolist(),
        "birth_date": pool.birth[person].tolist(),
        "age": years.tolist(),
        "age_days": [
            int(d) if y == 0 else None for d, y in zip(day - pool.birth[person], years, strict=True)
        ],
        "admission_time": time.tolist(),
        "discharge_time": time.tolist(),
        "department": [codes[at] for at in departments],
        "physician": [world.physicians[at] for at in physicians],
        "dx": [[code] if code else [] for code in dx],
        "px": [px[at] for at in sort],
        "px_date": [[at] * len(px[s]) for s, at in zip(sort, day.tolist(), strict=True)],
    }
    found = Visits(front, lines, departments, physicians, [])
    _plant(world, found, sort, inpatients)
    return found


def _refunds(lines: Lines, count: int, chance: np.random.Generator) -> Lines:
    """Drugs that are given back an hour later, of some visits."""
    some = chance.random(count) < toml("outpatient.toml")["refund"]
    drug = np.isin(np.array(items().kind)[lines.item], ["09", "11"])
    at = np.flatnonzero(some[lines.stay] & drug)
    _, first = np.unique(lines.stay[at], return_index=True)
    back = lines.take(at[first])
    return lines_of(back.stay, back.time + 60 * MINUTE, back.item, -back.quantity)


def _plant(world: World, found: Visits, sort: Array, inpatients: Month) -> None:
    """Visits within an inpatient stay, and diagnoses that are missing or unknown."""
    chance = stream(world.seed, inpatients.number, "planted visits")
    plain = chance.permutation(np.flatnonzero(sort == 1))
    used = 0
    for row in toml("planted.toml")["visits"]:
        wanted = max(1, round(row["per_month"] * world.scale))
        places = np.sort(plain[used : used + wanted])
        used += wanted
        if "principal" in row:
            for at in places:
                found.front["dx"][at] = [row["principal"]] if row["principal"] else []
                _note(found, int(at), row, FAULT)
        else:
            _within_stays(found, places, row, inpatients, chance)


def _within_stays(
    found: Visits,
    places: Array,
    row: Mapping[str, Any],
    inpatients: Month,
    chance: np.random.Generator,
) -> None:
    """Give visits to persons who lie in the hospital, on the second day before they leave."""
    opening = first_day(inpatients.number)
    stays = inpatients.stays
    fit = (stays.discharge - _TWO_DAYS >= opening) & (inpatients.los >= _LEAST_DAYS)
    fit &= (stays.split == 0) & ~stays.dead
    for at, stay in zip(
        places.tolist(), chance.permutation(np.flatnonzero(fit)).tolist(), strict=False
    ):
        for column in (
            "person",
            "insurance_type",
            "person_type",
            "sex",
            "birth_date",
            "age",
            "age_days",
        ):
            found.front[column][at] = inpatients.front[column][stay]
        time = int(inpatients.end[stay]) - _TWO_DAYS * DAY
        moved = found.lines.stay == at
        found.lines.time[moved] = time
        found.front["admission_time"][at] = found.front["discharge_time"][at] = time
        _note(found, at, row, VIOLATION, other=inpatients.front["case_id"][stay])


def _note(found: Visits, at: int, row: Mapping[str, Any], sort: str, **words: object) -> None:
    own = found.lines.stay == at
    amount = int(found.lines.amount()[own].sum()) if sort == VIOLATION else 0
    numbers = tuple(found.lines.numbers()[own].tolist()) if sort == VIOLATION else ()
    text = row["zh"].format(**words)
    found.planted.append(
        Planted(found.front["case_id"][at], row["kind"], sort, row["rule"], text, amount, numbers)
    )

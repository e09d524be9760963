"""Persons and their stays: a first stay, and the returns that it leads to.

All stays of a person hang on the month of the first one and are drawn with that month's chance
alone. A month's discharges are therefore the same however many months are made, and a person's
history is whole and in order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from grouper.demo.hospital.plan import MONTHS, first_day, length, month_number, month_of, stream
from grouper.demo.hospital.tables import profiles, toml
from grouper.demo.hospital.world import Array, chance_of_return

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.demo.hospital.world import World

YEAR = 365.2425
FIRST_HALF, SECOND_HALF = 1, 2
"""Values of ``split``: the two halves of a stay that was split on purpose."""
_SPREAD = 10
_SUNDAY_BASED = 3
"""1970-01-01 was a Thursday: weekday = (days + 3) mod 7, Monday 0."""


@dataclass(frozen=True, slots=True)
class Stays:
    """Stays as columns, one place a stay; days are days since 1970-01-01.

    Attributes:
        origin: month of the person's first discharge.
        index: number of the person among those of that month.
        depth: 0 for the first stay, then 1, 2 …
        number: which stay it is of those discharged in its calendar year.
        group: number of the group.
        admission, discharge, birth: days.
        cost: the cost it is drawn to have, in yuan.
        draw: the cost in standard deviations of its group.
        female, employee, dead: booleans.
        aid: number of the aid category, 0 for none.
        elsewhere: number of the region where insured, 0 for here.
        physician: number of the attending physician.
        split: see :data:`FIRST_HALF`.
        previous: days since the discharge before; -1 for none.
    """

    origin: Array
    index: Array
    depth: Array
    number: Array
    group: Array
    admission: Array
    discharge: Array
    birth: Array
    cost: Array
    draw: Array
    female: Array
    employee: Array
    dead: Array
    aid: Array
    elsewhere: Array
    physician: Array
    split: Array
    previous: Array

    def __len__(self) -> int:
        return len(self.group)

    def take(self, places: Array) -> Stays:
        """Some of the stays, by place or by a mask."""
        return Stays(*(getattr(self, field.name)[places] for field in fields(self)))


def joined(parts: Sequence[Stays]) -> Stays:
    """Stays one after the other."""
    return Stays(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Stays))
    )


def origin_month(world: World, month: int) -> Stays:
    """The stays of all persons whose first discharge is in a month, with their returns."""
    chance = stream(world.seed, month, "origins")
    level = _first_stays(world, month, chance)
    found = [level]
    for _ in range(toml("hospital.toml")["returns"]["deepest"]):
        level = _returns(world, month, level, chance)
        found.append(level)
    return joined(found)


def volume(world: World, month: int, name: str) -> float:
    """How many there are in a month: inpatient stays, visits or long stays."""
    plan = toml("hospital.toml")["volume"]
    since = month - month_number(plan["epoch"]) - plan["centre_months"]
    trend = (1.0 + plan["growth"]) ** (since / MONTHS)
    return float(plan[name] * world.scale * trend * plan["months"][month % MONTHS])


def discharge_days(month: int, name: str, chance: np.random.Generator, count: int) -> Array:
    """Days of a month by its rhythm of weekdays and holidays."""
    rhythm = toml("hospital.toml")["rhythm"]
    days = first_day(month) + np.arange(length(month))
    weights = np.array(rhythm[name])[(days + _SUNDAY_BASED) % 7]
    dates = days.astype("datetime64[D]").astype(str)
    free = np.array([date[5:] in rhythm["holidays"] for date in dates])
    weights = np.where(free, weights * rhythm["holiday"], weights)
    return days[_pick(np.cumsum(weights) / weights.sum(), chance.random(count))]


def _pick(cumulated: Array, drawn: Array) -> Array:
    """Places in cumulated chances."""
    return np.minimum(np.searchsorted(cumulated, drawn, side="right"), len(cumulated) - 1)


def _first_stays(world: World, month: int, chance: np.random.Generator) -> Stays:
    plan = toml("hospital.toml")
    groups = world.groups
    count = max(1, round(volume(world, month, "inpatient") / world.chain))
    # Stratified: each group is drawn as often as its chance says, give or take one.
    strata = chance.permutation((np.arange(count) + chance.random(count)) / count)
    group = _pick(np.cumsum(groups.first[month % MONTHS]), strata)
    discharge = discharge_days(month, "discharges", chance, count)
    draw, los = _cost_and_los(world, group, chance)
    age, female = _ages(groups.profile[group], chance)
    admission = discharge - los
    birth = admission - np.floor(age * YEAR).astype(np.int64)
    people = plan["people"]
    grown = age >= people["adult_from"]
    employee = grown & (chance.random(count) < people["employee"])
    aid = _kind(people["aid"], chance.random(count)) * ~employee
    elsewhere = _kind(people["elsewhere"], chance.random(count))
    zero = np.zeros(count, np.int64)
    physician = _physicians(world, group, chance)
    stays = Stays(
        origin=np.full(count, month),
        index=np.arange(count),
        depth=zero,
        number=zero + 1,
        group=group,
        admission=admission,
        discharge=discharge,
        birth=birth,
        cost=_cost(world, group, draw, employee, physician, discharge),
        draw=draw,
        female=female,
        employee=employee,
        dead=_deaths(groups.profile[group], age, chance),
        aid=aid,
        elsewhere=elsewhere,
        physician=physician,
        split=zero.copy(),
        previous=zero - 1,
    )
    return _plant_splits(world, stays, chance)


def _plant_splits(world: World, stays: Stays, chance: np.random.Generator) -> Stays:
    """Mark some longer medical stays as the first half of a stay that was split."""
    rule = toml("planted.toml")["split_admission"]
    los = stays.discharge - stays.admission
    fit = (
        (world.groups.kind[stays.group] == 0)
        & (los >= rule["least_days"])
        & ~stays.dead
        & ~np.isin(stays.group, _series_groups(world))
    )
    places = np.flatnonzero(fit)
    wanted = min(len(places), max(1, round(rule["per_month"] * world.scale)))
    stays.split[chance.permutation(places)[:wanted]] = FIRST_HALF
    half = stays.split == FIRST_HALF
    stays.cost[half] *= rule["share"]
    stays.admission[half] = stays.discharge[half] - np.ceil(los[half] * rule["share"]).astype(int)
    return stays


def _series_groups(world: World) -> Array:
    series = [number for number, profile in enumerate(profiles()) if profile.series]
    return np.flatnonzero(np.isin(world.groups.profile, series))


def _returns(world: World, month: int, before: Stays, chance: np.random.Generator) -> Stays:
    """The stays that follow some stays; the horizon ends them."""
    plan, groups = toml("hospital.toml")["returns"], world.groups
    count = len(before)
    profile = groups.profile[before.group]
    factor = np.array([p.returns for p in profiles()])[profile]
    series = np.array([p.series for p in profiles()])[profile]
    halves = before.split == FIRST_HALF
    again = chance.random(count) < chance_of_return(factor)
    soon = chance.random(count) < plan["within_30_days"] / (plan["within_30_days"] + plan["later"])
    first, last = plan["later_days"]
    near = chance.integers(1, first, count)
    gap = np.where(soon, near, chance.integers(first, last + 1, count))
    rule = toml("planted.toml")["split_admission"]
    gap = np.where(series, chance.integers(18, 29, count), gap)
    gap = np.where(halves, chance.integers(1, rule["longest_gap"] + 1, count), gap)
    same = chance.random(count) < plan["same_group"]
    same = (same & (gap >= plan["same_group_from_day"])) | series | halves
    other = _within(world, before.group, chance)
    group = np.where(same, before.group, other)
    # So that only what is planted looks split: soon after, nobody comes for the same category again.
    like = (groups.category[group] == groups.category[before.group]) & ~series & ~halves
    gap = np.where(like, np.maximum(gap, plan["same_group_from_day"] + gap % _SPREAD), gap)
    draw, los = _cost_and_los(world, group, chance)
    los = np.where(halves, np.maximum(1, before.discharge - before.admission), los)
    admission = before.discharge + gap
    discharge = admission + los
    moved = month_of(discharge)
    physician = np.where(same, before.physician, _physicians(world, group, chance))
    cost = _cost(world, group, draw, before.employee, physician, discharge)
    age = (admission - before.birth) / YEAR
    stays = Stays(
        origin=before.origin,
        index=before.index,
        depth=before.depth + 1,
        number=np.where(
            month_of(before.discharge) // MONTHS == moved // MONTHS, before.number + 1, 1
        ),
        group=group,
        admission=admission,
        discharge=discharge,
        birth=before.birth,
        cost=np.where(halves, before.cost, cost),
        draw=draw,
        female=before.female,
        employee=before.employee,
        dead=_deaths(groups.profile[group], age, chance) & ~halves,
        aid=before.aid,
        elsewhere=before.elsewhere,
        physician=physician,
        split=np.where(halves, SECOND_HALF, 0),
        previous=gap,
    )
    keep = (again | halves) & ~before.dead & (moved <= month + plan["horizon_months"])
    return stays.take(keep)


def _within(world: World, group: Array, chance: np.random.Generator) -> Array:
    """A group of the same profile, which therefore fits the same person."""
    groups = world.groups
    profile = groups.profile[group]
    found = group.copy()
    drawn = chance.random(len(group))
    for number in np.unique(profile):
        own, cumulated = groups.within[int(number)]
        places = profile == number
        found[places] = own[_pick(cumulated, drawn[places])]
    return found


def _cost_and_los(world: World, group: Array, chance: np.random.Generator) -> tuple[Array, Array]:
    """The draw of the cost, and the days that go with it."""
    plan, groups = toml("hospital.toml")["cost"], world.groups
    count = len(group)
    draw = np.clip(chance.normal(size=count), -plan["widest"], plan["widest"])
    rho = plan["correlation"]
    own = np.clip(chance.normal(size=count), -plan["widest"], plan["widest"])
    variance = np.log1p(plan["stay_cv"] ** 2)
    mixed = (rho * draw + np.sqrt(1 - rho**2) * own) * np.sqrt(variance)
    days = groups.mean_los[group] * plan["stay_level"] * np.exp(mixed - variance / 2)
    # Rounded by chance, so that the mean stays; a stay has one day at least.
    los = np.maximum(1, np.floor(days + chance.random(count))).astype(np.int64)
    return draw, los


def _cost(
    world: World, group: Array, draw: Array, employee: Array, physician: Array, discharge: Array
) -> Array:
    plan, groups = toml("hospital.toml")["cost"], world.groups
    years = (discharge - first_day(month_number(toml("hospital.toml")["volume"]["epoch"]))) / YEAR
    trend = (1.0 + plan["growth"]) ** (years - 1.0)
    level = plan["level"] * trend * np.where(employee, plan["employee"], plan["resident"])
    drawn = np.exp(groups.log_mean[group] + groups.log_sd[group] * draw)
    found: Array = np.maximum(plan["least"], drawn * level * world.effect[physician])
    return found


def _ages(profile: Array, chance: np.random.Generator) -> tuple[Array, Array]:
    """Ages in years and whether female, by profile."""
    age, female = np.zeros(len(profile)), np.zeros(len(profile), bool)
    for number, one in enumerate(profiles()):
        places = np.flatnonzero(profile == number)
        count = len(places)
        female[places] = chance.random(count) < one.female
        if one.days:
            age[places] = chance.integers(one.days[0], one.days[1] + 1, count) / YEAR + 1e-6
            continue
        shares = np.array([part[0] for part in one.ages])
        part = np.array(one.ages)[_pick(np.cumsum(shares) / shares.sum(), chance.random(count))]
        drawn = part[:, 1] + part[:, 2] * chance.normal(size=count)
        age[places] = np.clip(drawn, part[:, 3], part[:, 4])
    return age, female


def _deaths(profile: Array, age: Array, chance: np.random.Generator) -> Array:
    plan = toml("hospital.toml")["death"]
    factor = np.array([p.death for p in profiles()])[profile]
    likely = plan["base"] * factor * 2.0 ** ((age - plan["age"]) / plan["doubling"])
    found: Array = chance.random(len(profile)) < np.minimum(likely, plan["most"])
    return found


def _kind(shares: Sequence[tuple[str, float]], drawn: Array) -> Array:
    """0 for none, else which of some kinds with their shares."""
    found: Array = (
        np.searchsorted(np.cumsum([share for _, share in shares]), drawn, side="right") + 1
    )
    return np.where(found > len(shares), 0, found)


def _physicians(world: World, group: Array, chance: np.random.Generator) -> Array:
    department = world.groups.department[group]
    drawn = chance.random(len(group))
    sizes = np.array([len(own) for own in world.doctors])
    firsts = np.array([own[0] for own in world.doctors])
    found: Array = firsts[department] + np.floor(drawn * sizes[department]).astype(np.int64)
    return found

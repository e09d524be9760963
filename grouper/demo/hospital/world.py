"""What stays the same from month to month: groups with their chances, departments, physicians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.demo.hospital.plan import MONTHS, stream
from grouper.demo.hospital.recipes import groups_of
from grouper.demo.hospital.tables import profiles, toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.demo.hospital.recipes import Group

Array = np.ndarray[Any, np.dtype[Any]]
"""A column; of which type, its place says."""

KINDS = ("medical", "procedure", "surgical")
"""The kinds of stays, by number."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups as columns, one place a group.

    Attributes:
        all: the groups themselves.
        profile: number of the profile.
        kind: number in :data:`KINDS`.
        log_mean: mean of the logarithm of the cost in yuan.
        log_sd: its standard deviation, √ln(1 + CV²).
        mean_los: in days.
        department: number of the department.
        category: number of the three-character category of its diagnosis.
        chance: chance of a stay to be of the group, by calendar month (12 rows).
        first: chance of a first stay to be of it (12 rows): returns go by the profile alone.
        within: for each profile, its groups and their cumulated chances.
        day_surgery: whether a stay may be within one day.
        single_disease: whether it may be paid as a single disease.
    """

    all: Sequence[Group]
    profile: Array
    kind: Array
    log_mean: Array
    log_sd: Array
    mean_los: Array
    department: Array
    category: Array
    chance: Array
    first: Array
    within: Mapping[int, tuple[Array, Array]]
    day_surgery: Array
    single_disease: Array


@dataclass(frozen=True, slots=True)
class World:
    """The hospital apart from its months.

    Attributes:
        seed: what everything is drawn from.
        scale: factor on all numbers.
        groups: the groups of its stays.
        physicians: code of each physician.
        effect: factor of each physician on the cost.
        doctors: for each department the numbers of its physicians.
        chain: mean number of stays that a first stay leads to, itself included.
    """

    seed: int
    scale: float
    groups: Groups
    physicians: Sequence[str]
    effect: Array
    doctors: Sequence[Array]
    chain: float


def physician_codes(department: Mapping[str, Any]) -> list[str]:
    """The codes of a department's physicians.

    Args:
        department: a row of ``[[departments]]``.
    """
    short = department["code"].replace(".", "")
    return [f"D{short}{number:02d}" for number in range(1, department["physicians"] + 1)]


def build_world(seed: int, scale: float) -> World:
    """Make what stays the same.

    Args:
        seed: what everything is drawn from.
        scale: factor on all numbers.

    Raises:
        CodebookError: the scheme's book is not at hand.
    """
    found = groups_of(toml("hospital.toml")["hospital"]["scheme"])
    groups, chain = _columns(found)
    departments = toml("hospital.toml")["departments"]
    codes = [code for row in departments for code in physician_codes(row)]
    ends = np.cumsum([row["physicians"] for row in departments])
    spread = toml("hospital.toml")["cost"]["physician_sd"]
    drawn = stream(seed, 0, "physicians").normal(0.0, spread, len(codes))
    doctors = [
        np.arange(end - row["physicians"], end) for row, end in zip(departments, ends, strict=True)
    ]
    effect = np.exp(drawn)
    for own in doctors:
        # A department as a whole costs what its groups cost.
        effect[own] /= effect[own].mean()
    return World(seed, scale, groups, codes, effect, doctors, chain)


def _columns(found: Sequence[Group]) -> tuple[Groups, float]:
    plan = toml("hospital.toml")
    cases = np.array([group.cases for group in found], np.float64)
    profile = np.array([group.profile for group in found])
    kind = np.array([KINDS.index(group.kind) for group in found])
    variance = np.log1p(np.array([group.cost_cv for group in found]) ** 2)
    mean_los = np.array([group.mean_los for group in found])
    season = seasons([group.diagnosis for group in found], plan["season"])
    chance = cases * season
    chance /= chance.sum(axis=1, keepdims=True)
    lengths = np.array([_stays(p.returns) for p in profiles()])[profile]
    # A profile whose stays lead to many returns begins less often, so that all stays together are
    # spread over the groups as the catalogue's cases are.
    first = chance / lengths
    chain = float(1.0 / first.sum(axis=1).mean())
    first /= first.sum(axis=1, keepdims=True)
    within = {}
    for number in range(len(profiles())):
        own = np.flatnonzero(profile == number)
        within[number] = (own, np.cumsum(cases[own]) / max(cases[own].sum(), 1.0))
    kinds = plan["kinds"]
    short = (kind == KINDS.index("surgical")) & (mean_los <= kinds["day_surgery_longest_mean"])
    single = tuple(kinds["single_disease_prefixes"])
    groups = Groups(
        all=found,
        profile=profile,
        kind=kind,
        log_mean=np.log([group.mean_cost for group in found]) - variance / 2,
        log_sd=np.sqrt(variance),
        mean_los=mean_los,
        department=np.array([_department(group) for group in found]),
        category=np.unique([group.diagnosis[:3] for group in found], return_inverse=True)[1],
        chance=chance,
        first=first,
        within=within,
        day_surgery=short,
        single_disease=np.array([g.diagnosis.startswith(single) for g in found])
        & (kind == KINDS.index("surgical")),
    )
    return groups, chain


def seasons(diagnoses: Sequence[str], seasons: Sequence[Mapping[str, Any]]) -> Array:
    """The factor on each group's share by calendar month (12 rows); of the first season that fits."""
    table = np.ones((MONTHS, len(diagnoses)))
    for place, diagnosis in enumerate(diagnoses):
        for season in seasons:
            if diagnosis.startswith(tuple(season["prefixes"])):
                table[:, place] = np.array(season["months"]) / np.mean(season["months"])
                break
    return table


def _stays(factor: float) -> float:
    """How many stays a first stay leads to, itself included, by the profile's factor."""
    plan = toml("hospital.toml")["returns"]
    again = chance_of_return(np.array([factor]))
    return float(np.sum([again**step for step in range(plan["deepest"] + 1)]))


def chance_of_return(factor: Array) -> Array:
    """The chance that a stay is followed by another one, soon or later."""
    plan = toml("hospital.toml")["returns"]
    found: Array = np.minimum(factor * (plan["within_30_days"] + plan["later"]), 0.9)
    return found


def _department(group: Group) -> int:
    for number, row in enumerate(toml("hospital.toml")["departments"]):
        if group.kind in row.get("kinds", KINDS) and group.diagnosis.startswith(
            tuple(row["prefixes"]) or ("-",)
        ):
            return number
    raise AssertionError(group.id)  # pragma: no cover -- one department takes everything

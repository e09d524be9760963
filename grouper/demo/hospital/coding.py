"""The codes of stays: the recipe of the group, what accompanies the person, what came up in the stay."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from grouper.demo.hospital.chains import YEAR
from grouper.demo.hospital.plan import stream
from grouper.demo.hospital.tables import profiles, rows, toml

if TYPE_CHECKING:
    from grouper.demo.hospital.chains import Stays
    from grouper.demo.hospital.recipes import Recipe
    from grouper.demo.hospital.world import Array, World

_YOUNG, _OLD = 40.0, 75.0
_PLAINEST = 3.0
"""How much more often the plainest code of a subcategory is written than each other one."""
_PRESENT, _UNDETERMINED, _ABSENT = "1", "2", "4"


@dataclass(frozen=True, slots=True)
class _Comorbidity:
    code: str
    slope: float
    level: float
    acute: bool
    not_with: tuple[str, ...]
    without: frozenset[int]


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of stays, one place a stay.

    Attributes:
        recipes: what gives the group.
        dx: diagnoses, the principal one first.
        poa: presence on admission, one for each diagnosis.
    """

    recipes: list[Recipe]
    dx: list[list[str]]
    poa: list[list[str]]


@cache
def _comorbidities() -> tuple[_Comorbidity, ...]:
    names = [profile.id for profile in profiles()]
    found = []
    for row in rows("comorbidities.csv"):
        young, old = (np.log(p / (1 - p)) for p in (float(row["young"]), float(row["old"])))
        slope = (old - young) / (_OLD - _YOUNG)
        found.append(
            _Comorbidity(
                code=row["code"],
                slope=float(slope),
                level=float(young - slope * _YOUNG),
                acute=row["acute"] == "yes",
                not_with=tuple(row["not_with"].split()),
                without=frozenset(names.index(n) for n in row["profiles_without"].split()),
            )
        )
    return tuple(found)


@cache
def _companions() -> dict[str, tuple[tuple[str, ...], Array]]:
    found: dict[str, list[tuple[str, float]]] = {}
    for row in rows("companions.csv"):
        found.setdefault(row["principal"], []).append((row["code"], float(row["weight"])))
    return {
        key: (tuple(code for code, _ in pairs), np.cumsum([w for _, w in pairs]))
        for key, pairs in found.items()
    }


def plain_weights(count: int) -> list[float]:
    """How often each of a group's recipes is written; all together 1.

    Args:
        count: how many recipes there are.
    """
    return [(_PLAINEST if at == 0 else 1.0) / (_PLAINEST + count - 1) for at in range(count)]


def code_stays(world: World, stays: Stays, month: int) -> Codes:
    """Draw the codes of a month's stays.

    Args:
        world: the hospital.
        stays: the stays discharged in the month.
        month: the month.
    """
    chance = stream(world.seed, month, "codes")
    recipes = _recipes(world, stays, chance)
    present = _present(world, stays, chance)
    lasting, doubt = chance.random(len(stays)), chance.random(len(stays))
    table = _comorbidities()
    doubtful = toml("hospital.toml")["admission"]["undetermined"]
    dx: list[list[str]] = []
    poa: list[list[str]] = []
    for place, recipe in enumerate(recipes):
        principal = recipe.dx
        codes = [principal]
        flags = [_UNDETERMINED if doubt[place] < doubtful else _PRESENT]
        companions = _companions().get(principal[:5])
        if companions:
            at = int(np.searchsorted(companions[1], lasting[place] * companions[1][-1]))
            codes.append(companions[0][at])
            flags.append(_PRESENT)
        for number in np.flatnonzero(present[place]):
            one = table[number]
            if not principal.startswith(one.not_with or ("-",)) and one.code[:3] != principal[:3]:
                codes.append(one.code)
                late = one.acute and lasting[place] > 1 / 2
                flags.append(_ABSENT if late else _PRESENT)
        dx.append(codes)
        poa.append(flags)
    return Codes(recipes, dx, poa)


def _recipes(world: World, stays: Stays, chance: np.random.Generator) -> list[Recipe]:
    drawn = chance.random(len(stays))
    found = []
    for group, u in zip(stays.group, drawn, strict=True):
        recipes = world.groups.all[group].recipes
        weight = u * (_PLAINEST + len(recipes) - 1)
        found.append(recipes[0 if weight < _PLAINEST else int(weight - _PLAINEST) + 1])
    return found


def _present(world: World, stays: Stays, chance: np.random.Generator) -> Array:
    """Which comorbidities a stay has: the lasting ones by the person, the acute ones by the stay."""
    table = _comorbidities()
    own = np.empty((len(stays), len(table)))
    for origin in np.unique(stays.origin):
        places = np.flatnonzero(stays.origin == origin)
        index = stays.index[places]
        # Rows are filled one after the other, so a person's numbers do not depend on how many ask.
        persons = stream(world.seed, int(origin), "persons").random((index.max() + 1, len(table)))
        own[places] = persons[index]
    acute = np.array([one.acute for one in table])
    drawn = np.where(acute, chance.random(own.shape), own)
    age = (stays.admission - stays.birth) / YEAR
    likely = 1 / (
        1 + np.exp(-(np.array([o.level for o in table]) + np.outer(age, [o.slope for o in table])))
    )
    profile = world.groups.profile[stays.group]
    for number, one in enumerate(table):
        likely[np.isin(profile, list(one.without)), number] = 0.0
    found: Array = drawn < likely
    return found

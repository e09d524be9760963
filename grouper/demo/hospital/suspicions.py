"""What an illness is taken for before it is established, and how often: by illness, never at random.

The same symptom stands for several illnesses; which of them it is follows from how often each is
seen, so that what is thought at admission says something of what will be found. Used by
:mod:`grouper.demo.hospital.course`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from codebooks.codes import code_set
from codebooks.errors import Where
from grouper.demo.hospital.coding import plain_weights
from grouper.demo.hospital.errors import HospitalError
from grouper.demo.hospital.recipes import suits
from grouper.demo.hospital.tables import profiles, rows, toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.demo.hospital.world import Array, Groups

SORTS = ("unspecific", "sibling", "symptom", "differential")
"""What a first thought may be, apart from the right one and the tumour of a treatment."""
_FILE = "presentations.csv"
_CATEGORY, _SUBCATEGORY = 3, 5

Choice = tuple[Sequence[str], "Array"]
"""Codes and their cumulated weights."""


class Suspicions:
    """The first thoughts that fit an illness.

    Args:
        groups: the groups of the hospital, whose numbers of cases are the case mix.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_TABLE``: a row of the table names no known code, sort or
            weight.
    """

    def __init__(self, groups: Groups) -> None:
        self._names = [profile.id for profile in profiles()]
        self._set = code_set(toml("course.toml")["code_set"])
        self._known = frozenset(self._set.codes)
        self._table = self._read()
        self._longest = max(map(len, self._table))
        self._categories: dict[tuple[int, str], dict[str, float]] = defaultdict(dict)
        self._chapters: dict[tuple[int, str], dict[str, float]] = defaultdict(dict)
        for number, group in enumerate(groups.all):
            profile = int(groups.profile[number])
            parts = plain_weights(len(group.recipes))
            for recipe, part in zip(group.recipes, parts, strict=True):
                own = self._categories[profile, recipe.dx[:_CATEGORY]]
                own[recipe.dx] = own.get(recipe.dx, 0.0) + group.cases * part
            plain = group.recipes[0].dx
            chapter = self._chapters[profile, plain[0]]
            chapter[plain] = chapter.get(plain, 0.0) + group.cases
        self._found: dict[tuple[str, str, int], Choice | None] = {}

    def _read(self) -> Mapping[str, list[tuple[str, str, float]]]:
        """The table by beginning of the principal diagnosis: sort, code, weight."""
        found: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
        for number, row in enumerate(rows(_FILE), 2):
            for column, good in (
                ("code", row["code"] in self._known),
                ("sort", row["sort"] in SORTS[2:]),
                ("weight", row["weight"].isdigit() and row["weight"] != "0"),
                ("principal", bool(row["principal"].split())),
            ):
                if not good:
                    raise HospitalError(
                        "DEMO_HOSPITAL_TABLE", Where(file=_FILE, row=number, column=column)
                    )
            for beginning in row["principal"].split():
                found[beginning].append((row["sort"], row["code"], float(row["weight"])))
        return found

    def choice(self, sort: str, principal: str, profile: int) -> Choice | None:
        """What an illness is taken for, in one way of being taken for another.

        Args:
            sort: one of :data:`SORTS`.
            principal: the code that is found in the end.
            profile: number of the profile of those whom the illness strikes.

        Returns:
            The codes with their cumulated weights; None where there is none.
        """
        key = (sort, principal, profile)
        if key not in self._found:
            codes = self._codes(*key)
            codes.pop(principal, None)
            cumulated = np.cumsum(list(codes.values()))
            self._found[key] = (list(codes), cumulated) if codes else None
        return self._found[key]

    def _codes(self, sort: str, principal: str, profile: int) -> dict[str, float]:
        category = principal[:_CATEGORY]
        if sort == "unspecific":
            return self._unspecific(principal, profile)
        if sort == "sibling":
            return dict(self._categories.get((profile, category), {}))
        named = self._named(sort, principal)
        if named or sort == "symptom":
            return named
        chapter = self._chapters.get((profile, principal[0]), {})
        return {code: n for code, n in chapter.items() if not code.startswith(category)}

    def _unspecific(self, principal: str, profile: int) -> dict[str, float]:
        """The unspecified code of the category, else the plain one of the subcategory."""
        category = principal[:_CATEGORY]
        for code in (f"{category}.900", f"{category}.x00", f"{principal[:_SUBCATEGORY]}00"):
            name = self._set.name(code) or ""
            if code in self._known and suits(name, self._names[profile]):
                return {code: 1.0}
        return {}

    def _named(self, sort: str, principal: str) -> dict[str, float]:
        """The table's codes of the longest beginning that has some of the sort."""
        for length in range(self._longest, 0, -1):
            found = {
                code: weight
                for own, code, weight in self._table.get(principal[:length], ())
                if own == sort and code[:_CATEGORY] != principal[:_CATEGORY]
            }
            if found:
                return found
        return {}

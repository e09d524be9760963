"""Which codes give which group: the groups of the book that can be drawn, each with its recipes.

A recipe is a principal diagnosis and the procedures beside it. Candidates are written from the
catalogue's rows and grouped by the scheme itself; those that do not fall into their own group are
dropped. So a drawn group is what the grouper will say, and nothing here knows the grouping rules.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from codebooks.codes import code_set
from codebooks.registry import registry
from codebooks.treatment import TreatmentKind, treatment_kinds
from grouper.case.fields import CASE_SCHEMA, ZONE
from grouper.demo.hospital.tables import profiles, toml
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST_DIAGNOSES, _MOST_PROCEDURES = 6, 25
_CENT = Decimal("0.01")
_ADULT = 40
_KINDS: Mapping[str, tuple[TreatmentKind, ...]] = {
    "surgery": (TreatmentKind.SURGERY,),
    "therapeutic": (TreatmentKind.THERAPEUTIC, TreatmentKind.INTERVENTION),
    "diagnostic": (TreatmentKind.DIAGNOSTIC,),
}
_OPERATIONS = frozenset({TreatmentKind.SURGERY, TreatmentKind.INTERVENTION})


@dataclass(frozen=True, slots=True)
class Recipe:
    """Codes that give a group: the principal diagnosis, and procedures with the main one first."""

    dx: str
    px: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group that can be drawn.

    Attributes:
        id: its code.
        diagnosis: the key of its diagnosis.
        profile: number of the profile of those whom it strikes.
        kind: ``surgical``, ``procedure`` or ``medical``, by its procedures.
        cases: how often the catalogue saw it.
        mean_cost: in yuan.
        cost_cv: coefficient of variation of the cost.
        mean_los: in days.
        recipes: at least one.
    """

    id: str
    diagnosis: str
    profile: int
    kind: str
    cases: int
    mean_cost: float
    cost_cv: float
    mean_los: float
    recipes: tuple[Recipe, ...]


def suits(name: str, profile: str) -> bool:
    """Whether a diagnosis of this name may be given to those of a profile."""
    return all(
        profile in rule["profiles"] or not any(word in name for word in rule["words"])
        for rule in toml("profiles.toml")["words"]
    )


class _Writer:
    """Writes candidates for the rows of a catalogue."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], diagnoses: str, procedures: str) -> None:
        self.diagnoses, self.procedures = code_set(diagnoses), code_set(procedures)
        self.kinds = treatment_kinds(procedures).kinds
        self.used: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            code = self.procedures.canonical(row["procedure"]) if row["procedure"] else None
            if code:
                # Of the same category, failing that of the same chapter, failing that of any.
                for key in (row["diagnosis"][:3], row["diagnosis"][:1], ""):
                    self.used[key][code] += row["cases"]

    def profile(self, row: Mapping[str, Any]) -> int:
        """The first profile that fits a row."""
        key, name, px = row["diagnosis"], row["diagnosis_name"], row["procedure"] or "-"
        for number, profile in enumerate(profiles()):
            if (
                key.startswith(profile.prefixes)
                or any(word in name for word in profile.words)
                or px.startswith(profile.procedures)
            ):
                return number
        raise AssertionError(key)  # pragma: no cover -- the last profile fits everything

    def diagnoses_of(self, key: str, profile: str) -> list[str]:
        """Codes under a key whose names suit the profile (failing that, all), the plainest first."""
        codes = self.diagnoses.codes
        at = bisect_left(codes, key)
        found = []
        while at < len(codes) and codes[at].startswith(key):
            found.append(codes[at])
            at += 1
        suited = [code for code in found if suits(self.diagnoses.name(code) or "", profile)]
        return (suited or found)[:_MOST_DIAGNOSES]

    def procedures_of(self, row: Mapping[str, Any], profile: str) -> list[tuple[str, ...]]:
        """Sets of procedures that may meet a row; none that belongs to those of another profile."""
        if row["treatment"] in _KINDS:
            wanted = _KINDS[row["treatment"]]
            foreign = tuple(px for p in profiles() if p.id != profile for px in p.procedures)
            common = [
                code
                for key in (row["diagnosis"][:3], row["diagnosis"][:1], "")
                for code, _ in self.used[key].most_common()
                if self.kinds.get(code) in wanted and not code.startswith(foreign)
            ]
            return [(code,) for code in list(dict.fromkeys(common))[:_MOST_PROCEDURES]]
        parts = [p for cell in (row["procedure"], row["related"]) for p in cell.split("+") if p]
        return [tuple(self.procedures.canonical(p.split("/")[0]) or p for p in parts)]

    def kind(self, px: Iterable[str]) -> str:
        """What kind of stay procedures make."""
        kinds = [self.kinds.get(code, TreatmentKind.NONE) for code in px]
        if not kinds:
            return "medical"
        return "surgical" if _OPERATIONS.intersection(kinds) else "procedure"


@cache
def groups_of(scheme: str) -> tuple[Group, ...]:
    """The groups of a scheme's book that can be drawn, in the book's order; found once in a process.

    Raises:
        CodebookError: the scheme is unknown or its book broken.
    """
    book = registry().book(scheme)
    rows = list(book.rows("groups"))
    writer = _Writer(rows, book.card.diagnosis_code_set, book.card.procedure_code_set)
    profile = [writer.profile(row) for row in rows]
    names = [p.id for p in profiles()]
    candidates = [
        (number, Recipe(dx, px))
        for number, row in enumerate(rows)
        for dx in writer.diagnoses_of(row["diagnosis"], names[profile[number]])
        for px in writer.procedures_of(row, names[profile[number]])
    ]
    given = _grouped(scheme, rows, candidates, book.card.valid_from.year)
    kept = [c for c, group in zip(candidates, given, strict=True) if group == rows[c[0]]["group"]]
    found = []
    for number, own in groupby(kept, key=lambda candidate: candidate[0]):
        row = rows[number]
        # One set of procedures a diagnosis: the first, which is the commonest.
        recipes = tuple({recipe.dx: recipe for _, recipe in reversed(list(own))}.values())[::-1]
        found.append(
            Group(
                id=row["group"],
                diagnosis=row["diagnosis"],
                profile=profile[number],
                kind=writer.kind(recipes[0].px),
                cases=row["cases"],
                mean_cost=float(row["mean_cost"]),
                cost_cv=float(row["cost_cv"]),
                mean_los=float(row["mean_los"]),
                recipes=recipes,
            )
        )
    return tuple(found)


def _grouped(
    scheme: str,
    rows: Sequence[Mapping[str, Any]],
    candidates: Sequence[tuple[int, Recipe]],
    year: int,
) -> list[str | None]:
    """The group that the scheme gives to each candidate."""
    count = len(candidates)
    noon = pa.scalar(datetime(year, 6, 1, 12, tzinfo=ZoneInfo(ZONE)))
    known: dict[str, Any] = {
        "dx": [[recipe.dx] for _, recipe in candidates],
        "px": [recipe.px for _, recipe in candidates],
        "age": np.full(count, _ADULT),
        "total_cost": [rows[number]["mean_cost"].quantize(_CENT) for number, _ in candidates],
        "discharge_time": pa.repeat(noon, count),
    }
    arrays = [
        pa.array(known[field.name], field.type)
        if field.name in known and field.name != "discharge_time"
        else known[field.name].cast(field.type)
        if field.name in known
        else pa.nulls(count, field.type)
        for field in CASE_SCHEMA
    ]
    batch = pa.record_batch(arrays, schema=CASE_SCHEMA)
    given: list[str | None] = load_scheme(scheme).group_batch(batch).column("group").to_pylist()
    return given

"""DIP auxiliary directories: who falls under which subtype, and by how much the score is multiplied.

Two dated tables (``docs/DIP_FACTORS.md``): *triggers* define the subtypes of each directory,
*factors* give a subtype's factor, for one group or for all. The national triggers are shipped in
``data/factors/triggers.csv``; no factors are, because no region's are public. A hospital or a
bureau writes its own in its data folder: ``tables/dip_triggers.csv`` and
``tables/dip_factors.csv``. Nearest goes before farther: a region's own rows before its parent's,
the hospital's before the shipped ones, each for a whole directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, TypeVar

from codebooks.messages import language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from codebooks.errors import Where

PLACES = 6
"""Decimal places of a factor."""
SCALE = 10**PLACES


class Directory(StrEnum):
    """The auxiliary directories."""

    AGE = "age"
    SEVERITY = "severity"
    CHARLSON = "charlson"
    TUMOUR = "tumour"
    ICU = "icu"


class Asked(StrEnum):
    """What a trigger may ask of a case."""

    AGE = "age"
    AGE_DAYS = "age_days"
    LOS = "los"
    ICU_DAYS_COMPLETED = "icu_days_completed"
    ICU_DAYS_BEGUN = "icu_days_begun"
    CHARLSON = "charlson"
    CC_LEVEL = "cc_level"
    DISCHARGE_WAY = "discharge_way"
    NOT_DISCHARGE_WAY = "not_discharge_way"
    DIAGNOSIS = "diagnosis"
    PRINCIPAL_DIAGNOSIS = "principal_diagnosis"
    OTHER_DIAGNOSIS = "other_diagnosis"
    PROCEDURE = "procedure"


NUMBERS = frozenset(
    {
        Asked.AGE,
        Asked.AGE_DAYS,
        Asked.LOS,
        Asked.ICU_DAYS_COMPLETED,
        Asked.ICU_DAYS_BEGUN,
        Asked.CHARLSON,
    }
)
"""Asked as a number within bounds; the others by codes."""
CODE_KEYS = frozenset(
    {Asked.DIAGNOSIS, Asked.PRINCIPAL_DIAGNOSIS, Asked.OTHER_DIAGNOSIS, Asked.PROCEDURE}
)
"""Asked by the first characters of codes."""


@dataclass(frozen=True, slots=True)
class CodeKey:
    """First characters of codes, from ``low`` to ``high`` inclusive; folded, without dots.

    Both are alike for a single key such as ``Z511``, and of one length for a range.
    """

    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a trigger.

    Attributes:
        asked: of what.
        low, high: inclusive bounds of a number; None where it is open.
        words: the values that meet it (levels, ways of discharge).
        keys: the codes that meet it.
        table: the CC table (a DRG scheme's id) or the Charlson variant
            (``mapping/weights/all`` or ``…/other``) that answers it; else empty.
        written: the codes as the table writes them.
    """

    asked: Asked
    low: int | None = None
    high: int | None = None
    words: tuple[str, ...] = ()
    keys: tuple[CodeKey, ...] = ()
    table: str = ""
    written: str = ""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One row of the triggers: a condition of one alternative of a subtype, for some time."""

    region: str
    directory: Directory
    subtype: str
    names: tuple[str, str]
    alternative: str
    condition: Condition
    valid_from: date
    valid_to: date | None
    source: str
    own: bool
    where: Where


@dataclass(frozen=True, slots=True)
class Factor:
    """One row of the factors; ``scheme`` and ``group`` are empty where it is for all of them."""

    region: str
    scheme: str
    directory: Directory
    subtype: str
    group: str
    factor: Decimal
    cases: int | None
    valid_from: date
    valid_to: date | None
    source: str
    own: bool
    where: Where


@dataclass(frozen=True, slots=True)
class Subtype:
    """A subtype in force: it is met when all conditions of one of its alternatives are."""

    directory: Directory
    id: str
    names: tuple[str, str]
    alternatives: tuple[tuple[Condition, ...], ...]

    def name(self, lang: str | None = None) -> str:
        """What it is called, in one language."""
        return self.names[(lang or language()) == "en"]


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds for one region and scheme from ``valid_from`` to the day before ``valid_to``.

    ``factors`` holds for each subtype (directory, id) its factors by group, that of all groups
    under the empty text. The order of ``subtypes`` decides between equal factors.
    """

    valid_from: date
    valid_to: date
    subtypes: tuple[Subtype, ...]
    factors: Mapping[tuple[Directory, str], Mapping[str, Factor]]

    def factor(self, subtype: Subtype, group: str) -> Factor | None:
        """The factor of a subtype for a group: the group's own, else that of all groups."""
        of_groups = self.factors.get((subtype.directory, subtype.id), {})
        return of_groups.get(group) or of_groups.get("")


@dataclass(frozen=True, slots=True)
class FactorTables:
    """All rows at hand, shipped and the hospital's own."""

    triggers: tuple[Trigger, ...]
    factors: tuple[Factor, ...]

    def periods(self, regions: Sequence[str], scheme: str) -> tuple[InForce, ...]:
        """Everything that ever holds for a scheme, cut at each day on which something changes.

        Args:
            regions: the scheme's region, its parent and so on.
            scheme: the scheme's id.

        Returns:
            Half-open periods without gaps between them, in order; what is always the same stands
            together.
        """
        factors = [f for f in self.factors if f.region in regions and f.scheme in {"", scheme}]
        triggers = [t for t in self.triggers if t.region in regions]
        rows: list[Trigger | Factor] = [*triggers, *factors]
        days = {date.min, date.max}
        days |= {row.valid_from for row in rows} | {r.valid_to for r in rows if r.valid_to}
        cuts = sorted(days)
        periods: list[InForce] = []
        for start, end in pairwise(cuts):
            subtypes = _subtypes(_covering(triggers, start), regions)
            found = _factors(_covering(factors, start), regions, scheme)
            if periods and (periods[-1].subtypes, periods[-1].factors) == (subtypes, found):
                last = periods.pop()
                start = last.valid_from  # noqa: PLW2901 -- the same as before, carried on
            periods.append(InForce(start, end, subtypes, found))
        return tuple(periods)


_Row = TypeVar("_Row", "Trigger", "Factor")


def _covers(row: Trigger | Factor, day: date) -> bool:
    return row.valid_from <= day and (row.valid_to is None or day < row.valid_to)


def _covering(rows: Iterable[_Row], day: date) -> list[_Row]:
    return [row for row in rows if _covers(row, day)]


def _nearest(rows: Sequence[_Row], regions: Sequence[str]) -> list[_Row]:
    """Of one directory, the rows of the nearest region, the hospital's own before shipped ones."""
    ranks = [(regions.index(row.region), not row.own) for row in rows]
    return [row for row, rank in zip(rows, ranks, strict=True) if rank == min(ranks)]


def _subtypes(triggers: Sequence[Trigger], regions: Sequence[str]) -> tuple[Subtype, ...]:
    found = []
    for directory in Directory:
        rows = _nearest([t for t in triggers if t.directory == directory], regions)
        for subtype in dict.fromkeys(row.subtype for row in rows):
            own = [row for row in rows if row.subtype == subtype]
            own.sort(key=lambda row: row.alternative)
            ways = tuple(
                tuple(row.condition for row in of_one)
                for _, of_one in groupby(own, key=lambda row: row.alternative)
            )
            found.append(Subtype(directory, subtype, own[0].names, ways))
    return tuple(found)


def _factors(
    factors: Sequence[Factor], regions: Sequence[str], scheme: str
) -> dict[tuple[Directory, str], dict[str, Factor]]:
    found: dict[tuple[Directory, str], dict[str, Factor]] = {}
    for directory in Directory:
        rows = _nearest([f for f in factors if f.directory == directory], regions)
        # A row for this scheme goes before one for every scheme, so it is written last.
        for row in sorted(rows, key=lambda row: row.scheme == scheme):
            found.setdefault((directory, row.subtype), {})[row.group] = row
    return found

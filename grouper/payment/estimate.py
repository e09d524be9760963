"""Base points of DRG groups estimated from cases: a table that a policy's ``drg_points.groups`` can use.

Base points = mean cost of the group ÷ mean cost of all stays × points of a stay of mean cost. All are
exact until they are rounded, once. It is an estimate of the hospital's own, and its policy file says
so; the area's published table goes before it.
"""

from __future__ import annotations

import csv
import tomllib
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks import paths
from codebooks.registry import registry
from grouper.payment.columns import Columns
from grouper.payment.exact import Rounding, exactly
from grouper.schemes.reasons import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from typing import TextIO

    import pyarrow as pa
    from numpy.typing import NDArray

    from grouper.payment.columns import Words

COLUMNS = ("group", "base_points", "mean_cost", "mean_days", "cases", "cv")
"""The columns that are written; as those of ``drg_points.groups``."""
FAMILY = "drg"
"""The family of schemes whose groups have base points."""
_MONEY = Rounding(2, "half_up")
_CENTS = 2


@dataclass(frozen=True, slots=True)
class GroupPoints:
    """A group's figures; ``mean_days`` is None where no case states its days."""

    group: str
    base_points: Decimal
    mean_cost: Decimal
    mean_days: Decimal | None
    cases: int
    cv: Decimal


@cache
def settings() -> dict[str, Any]:
    """What holds unless the caller says otherwise: ``min_cases``, ``places``, ``cv_places``, ``scale``."""
    path = paths.shipped() / "factors" / "estimate_points.toml"
    return tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)


class PointsEstimate:
    """Sums of costs and days by group, batch by batch, and the table they give.

    Attributes:
        used: cases that took part.
        no_group: cases without a group of a DRG scheme.
        schemes: those that grouped the cases that took part.
        no_cost: grouped cases without a total cost, or with one that is not above nought.
    """

    def __init__(self) -> None:
        self.used = self.no_group = self.no_cost = 0
        self.schemes: set[str] = set()
        self._cases: Counter[str] = Counter()
        self._cents: Counter[str] = Counter()
        self._squares: Counter[str] = Counter()
        self._days: Counter[str] = Counter()
        self._with_days: Counter[str] = Counter()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in cases.

        Args:
            batch: columns ``scheme``, ``status``, ``group``, ``total_cost`` and ``los`` of cases
                with their groupings. Cases that are not grouped take no part.
        """
        columns = Columns(batch)
        groups = columns.words("group")
        schemes = columns.words("scheme")
        cards = registry().cards
        own = tuple(one for one in schemes.words if one in cards and cards[one].family == FAMILY)
        grouped = columns.words("status").among((Status.GROUPED.value,)) & schemes.among(own)
        grouped &= groups.codes >= 0
        cost, stated = columns.fixed("total_cost")
        priced = grouped & stated & cost.above(0)
        self.no_group += int((~grouped).sum())
        self.no_cost += int((grouped & ~priced).sum())
        rows = np.flatnonzero(priced)
        self.used += len(rows)
        self.schemes |= {schemes.words[code] for code in np.unique(schemes.codes[rows])}
        # Squares and sums may pass 64 bits.
        cents = cost.at(_CENTS).units[rows].astype(object)
        some = groups.take(rows)
        _sum(self._cases, some, np.ones(len(rows), object))
        _sum(self._cents, some, cents)
        _sum(self._squares, some, cents * cents)
        days, told = columns.whole("los")
        counted = np.flatnonzero(priced & told & (days >= 0))
        _sum(self._days, groups.take(counted), days[counted].astype(object))
        _sum(self._with_days, groups.take(counted), np.ones(len(counted), object))

    @property
    def mean_cost(self) -> Decimal | None:
        """The mean cost of all stays that took part, in yuan; None without any."""
        return _MONEY.of(self._mean_cents / 100) if self.used else None

    @property
    def _mean_cents(self) -> Fraction:
        return Fraction(sum(self._cents.values()), self.used)

    def small(self, min_cases: int | None = None) -> int:
        """How many groups have too few cases."""
        return sum(count < _fewest(min_cases) for count in self._cases.values())

    def groups(
        self,
        *,
        min_cases: int | None = None,
        places: int | None = None,
        scale: Decimal | None = None,
    ) -> list[GroupPoints]:
        """The groups that rest on enough cases, by their code.

        Args:
            min_cases: the fewest cases of a group.
            places: decimal places of base points, rounded half up.
            scale: points of a stay of mean cost; each by default that of :func:`settings`.
        """
        points = Rounding(settings()["places"] if places is None else places, "half_up")
        unit = Fraction(settings()["scale"] if scale is None else scale)
        found = []
        for group, cases in sorted(self._cases.items()):
            if cases < _fewest(min_cases):
                continue
            cents, days = self._cents[group], self._with_days[group]
            mean = Fraction(cents, cases)
            found.append(
                GroupPoints(
                    group=group,
                    base_points=points.of(mean / self._mean_cents * unit),
                    mean_cost=_MONEY.of(mean / 100),
                    mean_days=_MONEY.of(Fraction(self._days[group], days)) if days else None,
                    cases=cases,
                    cv=_variation(cases, cents, self._squares[group], settings()["cv_places"]),
                )
            )
        return found


def write_groups(groups: Sequence[GroupPoints], file: TextIO) -> None:
    """Write a table as a policy's ``drg_points.groups`` reads it.

    Args:
        groups: as :meth:`PointsEstimate.groups` gives them.
        file: open for text, without translation of line ends.
    """
    table = csv.writer(file, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in groups:
        cells = [getattr(one, name) for name in COLUMNS]
        table.writerow(["" if cell is None else str(cell) for cell in cells])


def policy_text(
    table: str, *, valid_from: date, mean_cost: Decimal, scale: Decimal, source: str, note: str
) -> str:
    """A policy file that uses a table of groups, each value marked as an assumption.

    Args:
        table: name of the CSV, which lies beside it.
        valid_from: first day.
        mean_cost: of all stays, in yuan.
        scale: points of a stay of mean cost.
        source: what it rests on.
        note: what else is to be said.
    """
    start = f"from: {valid_from.isoformat()}"
    rows = [
        "topic: drg_points",
        f"source: {_quoted(source)}",
        f"note: {_quoted(note)}",
        "parameters:",
    ]
    for name, unit, value in (
        ("scale", "points", f"{scale:f}"),
        ("mean_cost", "CNY/stay", f"{mean_cost:f}"),
        ("groups", "", f"{{file: {_quoted(table)}}}"),
    ):
        rows.append(f"  {name}:")
        rows += [f"    unit: {unit}"] if unit else []
        rows += ["    values:", f"      - {{{start}, value: {value}, assumption: true}}"]
    return "\n".join(rows) + "\n"


def _quoted(words: str) -> str:
    # A text of YAML between double marks: only these two need a stroke before them.
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _fewest(min_cases: int | None) -> int:
    return max(1, settings()["min_cases"] if min_cases is None else min_cases)


def _sum(sums: Counter[str], groups: Words, values: NDArray[np.object_]) -> None:
    """Add values to the sums of their groups."""
    order = np.argsort(groups.codes, kind="stable")
    codes = groups.codes[order]
    starts = np.flatnonzero(
        np.concatenate([np.ones(min(len(codes), 1), np.bool_), np.diff(codes) > 0])
    )
    if not len(starts):
        return
    for code, total in zip(codes[starts], np.add.reduceat(values[order], starts), strict=True):
        sums[groups.words[code]] += int(total)


def _variation(count: int, total: int, squares: int, places: int) -> Decimal:
    """Standard deviation of all cases of a group ÷ their mean, rounded half up, without floats."""
    spread = count * squares - total * total
    doubled = isqrt(4 * 10 ** (2 * places) * spread // (total * total))
    return exactly((doubled + 1) // 2, places)

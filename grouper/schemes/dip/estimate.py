"""Auxiliary factors estimated from a region's or a hospital's own cases.

The factor of a subtype in a group is the mean cost of the group's cases that meet it ÷ the mean
cost of all cases of the group. Over all groups it is what the cases that meet it cost ÷ what they
would cost at the means of their groups. Both are exact until they are rounded, once.
"""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks import paths
from codebooks.factor_reading import FACTOR_COLUMNS
from grouper.schemes.columns import column_of
from grouper.schemes.dip.auxiliary_batch import AuxiliaryBatch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from typing import TextIO

    from numpy.typing import NDArray

    from codebooks.factors import Subtype
    from grouper.schemes.dip.auxiliary_tables import AuxiliaryTables

_FEN = 100
_SPLIT = 10**7
"""Costs are summed in two parts, so that no sum of a batch overflows 64 bits."""
_MOST = 1000
"""A factor lies below this (:mod:`codebooks.factor_reading`)."""


@dataclass(frozen=True, slots=True)
class Estimated:
    """An estimated factor; ``group`` is empty where it is over all groups."""

    subtype: Subtype
    group: str
    factor: Decimal
    cases: int


@dataclass(slots=True)
class Left:
    """Cases that took no part: without a group, without a cost, without a day of discharge."""

    group: int = 0
    cost: int = 0
    day: int = 0


@cache
def settings() -> dict[str, Any]:
    """What holds unless the caller says otherwise: ``min_cases``, ``places``."""
    path = paths.shipped() / "factors" / "estimate.toml"
    return tomllib.loads(path.read_text("utf-8"))


class FactorEstimate:
    """Sums of costs, batch by batch, and the factors they give.

    Args:
        tables: the triggers of the scheme; factors that it already has are not looked at.
        groups: the codes of the scheme's groups.

    Attributes:
        used: cases that took part.
        left: cases that did not.
    """

    def __init__(self, tables: AuxiliaryTables, groups: Sequence[str]) -> None:
        self._groups = tuple(groups)
        self._engine = AuxiliaryBatch(tables, self._groups)
        self.used = 0
        self.left = Left()
        # A subtype that is defined anew from some day on stays the same subtype.
        self._places: dict[tuple[str, str], list[int]] = {}
        for place, subtype in enumerate(self._engine.subtypes):
            self._places.setdefault((subtype.directory, subtype.id), []).append(place)
        # The last row stands for all cases of the group.
        shape = (len(self._places) + 1, len(self._groups))
        self._cases = np.zeros(shape, np.int64)
        self._cost: NDArray[np.object_] = np.zeros(shape, np.object_)

    def add(self, batch: pa.RecordBatch, group: NDArray[np.integer[Any]]) -> None:
        """Take in cases.

        Args:
            batch: the cases, with their ``total_cost`` in CNY.
            group: the place of each case's group, -1 for a case without one.
        """
        fen, unknown = _fen(column_of(batch, "total_cost"))
        undated = column_of(batch, "discharge_time").is_null().to_numpy(zero_copy_only=False)
        self.left.group += int((group < 0).sum())
        self.left.cost += int(((group >= 0) & unknown).sum())
        self.left.day += int(((group >= 0) & ~unknown & undated).sum())
        rows = np.flatnonzero((group >= 0) & ~unknown & ~undated)
        self.used += len(rows)
        met = self._engine.met(batch)
        for at, places in enumerate(self._places.values()):
            own = rows[np.logical_or.reduce(met[places], axis=0)[rows]]
            self._sum(at, group[own], fen[own])
        self._sum(-1, group[rows], fen[rows])

    def _sum(self, at: int, group: NDArray[np.integer[Any]], fen: NDArray[np.int64]) -> None:
        many, few = (np.zeros(len(self._groups), np.int64) for _ in range(2))
        np.add.at(self._cases[at], group, 1)
        np.add.at(many, group, fen // _SPLIT)
        np.add.at(few, group, fen % _SPLIT)
        self._cost[at] += many.astype(np.object_) * _SPLIT + few.astype(np.object_)

    def factors(
        self,
        *,
        min_cases: int | None = None,
        places: int | None = None,
        pooled: bool = False,
    ) -> list[Estimated]:
        """The factors that rest on enough cases, in the order of subtypes and groups.

        Args:
            min_cases: the fewest cases of a subtype; by default that of :func:`settings`.
            places: decimal places, at most six, rounded half up.
            pooled: one factor for each subtype over all groups, instead of one for each group.
        """
        fewest = max(1, settings()["min_cases"] if min_cases is None else min_cases)
        digits = settings()["places"] if places is None else places
        found = []
        for at, places_of in enumerate(self._places.values()):
            subtype = self._engine.subtypes[places_of[0]]
            shares = self._pooled(at) if pooled else self._of_groups(at)
            for group, cases, share in shares:
                factor = _rounded(share, digits) if share is not None else Decimal(0)
                if cases >= fewest and 0 < factor < _MOST:
                    found.append(Estimated(subtype, group, factor, cases))
        return found

    def _of_groups(self, at: int) -> list[tuple[str, int, Fraction | None]]:
        found: list[tuple[str, int, Fraction | None]] = []
        for place, group in enumerate(self._groups):
            cases, cost = int(self._cases[at, place]), int(self._cost[at, place])
            every, whole = int(self._cases[-1, place]), int(self._cost[-1, place])
            share = Fraction(cost * every, cases * whole) if cases and whole else None
            found.append((group, cases, share))
        return found

    def _pooled(self, at: int) -> list[tuple[str, int, Fraction | None]]:
        expected, cases = Fraction(0), int(self._cases[at].sum())
        for place in np.flatnonzero(self._cases[at]).tolist():
            mean = Fraction(int(self._cost[-1, place]), int(self._cases[-1, place]))
            expected += mean * int(self._cases[at, place])
        cost = int(self._cost[at].sum())
        return [("", cases, Fraction(cost) / expected if expected else None)]


def write_factors(
    factors: Sequence[Estimated],
    file: TextIO,
    *,
    region: str,
    scheme: str,
    valid_from: date,
    valid_to: date | None,
    source: str,
) -> None:
    """Write factors as ``tables/dip_factors.csv`` has them."""
    writer = csv.DictWriter(file, FACTOR_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for found in factors:
        writer.writerow(
            {
                "region": region,
                "scheme": scheme,
                "directory": found.subtype.directory.value,
                "subtype": found.subtype.id,
                "group": found.group,
                "factor": f"{found.factor:f}",
                "cases": found.cases,
                "valid_from": valid_from.isoformat(),
                "valid_to": valid_to.isoformat() if valid_to else "",
                "source": source,
            }
        )


def _fen(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Costs in fen, and where none is stated."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64), np.ones(len(column), np.bool_)
    unknown = column.is_null().to_numpy(zero_copy_only=False)
    fen = pc.multiply(pc.fill_null(column, Decimal(0)), pa.scalar(Decimal(_FEN)))
    return fen.cast(pa.int64(), safe=False).to_numpy(zero_copy_only=False), unknown


def _rounded(share: Fraction, places: int) -> Decimal:
    scale = 10**places
    # Half up of a fraction that is not negative.
    whole = (2 * share.numerator * scale + share.denominator) // (2 * share.denominator)
    return Decimal(whole).scaleb(-places)

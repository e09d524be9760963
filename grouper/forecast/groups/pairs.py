"""Pairs of a row and a candidate, as the ranker sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.groups.clues import BUCKET, CELLS_A_BUCKET, written
from grouper.forecast.groups.profiles import chosen
from grouper.forecast.levels import ADRG, MDC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.groups.clues import Numbers
    from grouper.forecast.groups.names import Names
    from grouper.forecast.groups.profiles import Typical
    from grouper.forecast.groups.transitions import Candidates, Transitions

_LEAST = 1e-6
"""A chance that is no less, for its logarithm."""
_OWN = ("log_prior", "log_lead", "rank", "is_bare", "same_adrg", "same_mdc", "log_size", "stays")


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs of some rows, one after the other.

    Attributes:
        values: [pairs, features of a pair].
        row: [pairs] ascending.
        place: [pairs] of the candidate in its row.
        margin: [pairs] logarithm of the prior chance.
    """

    values: NDArray[np.float32]
    row: NDArray[np.int64]
    place: NDArray[np.int64]
    margin: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """What is asked about.

    Attributes:
        numbers: the clues of the rows.
        bare: [rows] group of the bare answer.
        features: [rows, all features].
    """

    numbers: Numbers
    bare: NDArray[np.int64]
    features: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.bare)

    def cell(self) -> NDArray[np.int64]:
        """[rows] of the calibration: bucket of days, and whether the principal diagnosis is written."""
        return self.numbers[BUCKET] * CELLS_A_BUCKET + written(self.numbers)

    def take(self, rows: NDArray[Any] | slice) -> Rows:
        """Some rows."""
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        return Rows(numbers, self.bare[rows], self.features[rows])


def pair_names(how: Mapping[str, Any]) -> tuple[str, ...]:
    """The features of a pair, in the order of the columns."""
    tables = [one["name"] for one in how["table"]]
    return (
        *_OWN,
        *(f"share_{name}" for name in tables),
        *(f"stays_{name}" for name in tables),
        "fit",
        *(f"fit_{name}" for name in how["profile"]["features"]),
        *how["ranker"]["features"],
    )


@dataclass(frozen=True, slots=True)
class Levelled:
    """The levels of groups as numbers.

    Attributes:
        adrg: of each group.
        mdc: of each group.
        typical: place of each group among the typical stays.
    """

    adrg: NDArray[np.int64]
    mdc: NDArray[np.int64]
    typical: NDArray[np.int64]

    @classmethod
    def of(cls, known: Names, typical: Typical) -> Levelled:
        """The levels of groups."""
        return cls(known.upper(ADRG)[0], known.upper(MDC)[0], typical.places(known))


def pairs_of(
    how: Mapping[str, Any],
    rows: Rows,
    found: Candidates,
    transitions: Transitions,
    typical: Typical,
    levelled: Levelled,
) -> Pairs:
    """The pairs of rows and their candidates.

    Args:
        how: the settings.
        rows: what is asked about.
        found: its candidates.
        transitions: that gave them.
        typical: the typical stays of the groups.
        levelled: the levels of the groups.
    """
    row, place = np.nonzero(found.group >= 0)
    group = found.group[row, place]
    bare = rows.bare[row]
    margin = np.log(np.maximum(found.prior[row, place], _LEAST))
    best = np.log(np.maximum(found.prior.max(axis=1), _LEAST))[row]
    rank = np.argsort(np.argsort(-found.prior, axis=1, kind="stable"), axis=1)[row, place]
    own = group < transitions.groups
    size = np.where(own, np.append(transitions.sizes, 0.0)[np.where(own, group, 0)], 0.0)
    fits = typical.fit(
        chosen(how["profile"]["features"], rows.features)[row],
        levelled.typical[group],
        rows.numbers[BUCKET][row],
    )
    columns = [
        margin,
        margin - best,
        rank,
        group == bare,
        levelled.adrg[group] == levelled.adrg[bare],
        levelled.mdc[group] == levelled.mdc[bare],
        np.log1p(size),
        found.stays[row],
    ]
    values = np.concatenate(
        [
            np.column_stack(columns).astype(np.float32),
            found.share[row, place].astype(np.float32),
            np.log1p(found.weight)[row].astype(np.float32),
            fits.sum(axis=1, keepdims=True),
            fits,
            chosen(how["ranker"]["features"], rows.features)[row],
        ],
        axis=1,
    )
    return Pairs(values, row, place, margin)

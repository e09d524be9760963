"""What of a cost lies outside the policy's scope: the shares to date, and how far they may move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.frame import Frame

PARTS = ("own_cost", "over_limit_cost", "first_share_cost")
"""The parts outside, in the order of the shares."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Shares of the cost outside the scope.

    Attributes:
        usual: [3] of finished stays.
        spread: for each span of days (``calibration.days``) how far the final share of all parts
            lies from the expected one (root of the mean square).
    """

    usual: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, frame: Frame, final: pa.Table) -> Outside:
        """Out of snapshots.

        Args:
            frame: the snapshots.
            final: their cases as they ended, row by row; those that state no parts are left out.
        """
        numbers = _numbers(final)
        some = ~np.isnan(numbers).any(axis=1) & (numbers[:, 0] > 0)
        whole = numbers[some].sum(axis=0)
        usual = whole[1:] / whole[0] if some.any() else np.zeros(len(PARTS))
        first = cls(usual, np.zeros(len(_begins())))
        expected = first.shares(frame).sum(axis=1)[some]
        away = numbers[some, 1:].sum(axis=1) / numbers[some, 0] - expected
        place = _places(frame.day)[some]
        count = np.bincount(place, minlength=len(_begins()))
        square = np.bincount(place, away**2, len(_begins()))
        return cls(usual, np.sqrt(square / np.maximum(count, 1)))

    def shares(self, frame: Frame) -> NDArray[np.float64]:
        """[rows, 3] those to date, drawn to the usual ones the more the less was charged."""
        numbers = np.nan_to_num(_numbers(frame.known))
        few = float(toml("amounts.toml")["payment"]["pull"])
        found = (numbers[:, 1:] + few * self.usual) / (numbers[:, :1] + few)
        return moved(found, np.zeros(len(found)))

    def noise(self, frame: Frame) -> NDArray[np.float64]:
        """[rows] how far the share of all parts may move."""
        return self.spread[_places(frame.day)]


def moved(shares: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares whose sum is moved by something, each in proportion; in all between nought and one."""
    whole = shares.sum(axis=1)
    wanted = np.clip(whole + by, 0.0, 1.0)
    found: NDArray[np.float64] = (
        shares * np.divide(wanted, whole, out=np.zeros_like(whole), where=whole > 0)[:, None]
    )
    found[:, 0] += np.where(whole > 0, 0.0, wanted)
    return found


def _begins() -> NDArray[np.int64]:
    return np.array(toml("amounts.toml")["calibration"]["days"], np.int64)


def _places(day: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(np.searchsorted(_begins(), day, side="right") - 1, 0, None)


def _numbers(cases: pa.Table | pa.RecordBatch) -> NDArray[np.float64]:
    """[rows, 4] total and parts in yuan; NaN where they are not stated."""
    columns = [
        np.asarray(pc.fill_null(pc.cast(cases[name], pa.float64()), float("nan")))
        for name in ("total_cost", *PARTS)
    ]
    return np.column_stack(columns)

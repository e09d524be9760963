"""What moves the cost of a case away from the typical stay of its likeliest group, in yuan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast import features
from grouper.forecast.amounts.anchors import names
from grouper.forecast.amounts.outcome import MEDIAN
from grouper.forecast.tables import rows, toml

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.amounts.anchors import Anchors
    from grouper.forecast.amounts.candidates import Candidates
    from grouper.forecast.amounts.outcome import Outcome

_NOUGHT = 1e-9


@dataclass(frozen=True, slots=True)
class Driver:
    """One effect.

    Attributes:
        feature: its name; words under ``feature.<name>`` and ``forecast_driver``.
        value: of the feature, in its unit (amounts in yuan); NaN where it is missing.
        effect: on the median of the final cost, in yuan.
    """

    feature: str
    value: float
    effect: float


def drivers_of(
    outcome: Outcome, anchors: Anchors, pairs: Candidates, most: int
) -> list[list[Driver]]:
    """The strongest effects of each row, the strongest first.

    The model's own contributions (:meth:`grouper.forecast.boost.Booster.contributions`) to the
    logarithm of the cost are turned into yuan by the logarithmic mean (Ang, *LMDI*, 2005): the
    effects of a row, with those left out, sum to the median cost given its likeliest group less the
    usual one, which is the anchor times what the model adds to all cases alike.

    Args:
        outcome: the boosters.
        anchors: pairs of cases and groups.
        pairs: the pairs.
        most: effects of a row at most.
    """
    effects, values = effects_of(outcome, anchors, pairs)
    told = drivers()
    least = float(toml("amounts.toml")["drivers"]["least_effect"])
    found = []
    for row in range(len(effects)):
        order = np.lexsort((np.arange(len(told)), -np.abs(effects[row])))[:most]
        strong = [place for place in order.tolist() if abs(effects[row, place]) >= least]
        found.append(
            [Driver(told[p], float(values[row, p]), float(effects[row, p])) for p in strong]
        )
    return found


def effects_of(
    outcome: Outcome, anchors: Anchors, pairs: Candidates
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[rows, drivers] all effects in yuan, and the values beside them."""
    first = pairs.first
    matrix = anchors.matrix[first]
    found = outcome.cost.contributions(matrix, MEDIAN).astype(np.float64)
    log, common = found[:, :-1], found[:, -1]
    usual = np.exp(common) * (anchors.cost[first] + 1.0)
    whole = log.sum(axis=1)
    # The logarithmic mean of the cost and the usual one.
    small = np.abs(whole) < _NOUGHT
    mean = usual * np.where(small, 1.0, np.expm1(whole) / np.where(small, 1.0, whole))
    by_feature = log * mean[:, None]
    told = drivers()
    effects = np.zeros((len(first), len(told)))
    for column, driver in enumerate(_driver_of_feature()):
        effects[:, told.index(driver)] += by_feature[:, column]
    return effects, _values(matrix)


@cache
def drivers() -> tuple[str, ...]:
    """All drivers in their order."""
    return tuple(dict.fromkeys(_driver_of_feature()))


@cache
def _driver_of_feature() -> tuple[str, ...]:
    """The driver that each column of the matrix belongs to."""
    own = {row["feature"]: row["driver"] for row in rows("amount_features.csv")}
    return tuple(own.get(name, name) for name in names())


@cache
def _units() -> dict[str, str]:
    return {row["feature"]: row["unit"] for row in rows("features.csv")}


def _values(matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    """[rows, drivers] the value of each driver that is one feature, with amounts in yuan."""
    told = drivers()
    found = np.full((len(matrix), len(told)), np.nan)
    for column, name in enumerate(features.names()):
        values = matrix[:, column].astype(np.float64)
        in_log = _units().get(name) == "log yuan"
        found[:, told.index(name)] = np.expm1(values) if in_log else values
    return found

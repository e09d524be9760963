"""A monthly series a few months ahead: level, trend and season, held back where little is known.

A ridge regression on level, trend and calendar month; weights halve with age. The ridge is a belief
that trend and season are small: with a short history it holds them near nought and leaves them
uncertain. Chance is drawn from the series' own residuals, to which some of the believed spread are
added, so that a few quiet months do not make a narrow interval. What was left over in the last month
is carried on as far as the residuals have shown that one follows the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from grouper.forecast.outlook.months import YEAR

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    from grouper.forecast.outlook.settings import Settings

_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Fitted:
    """A series as it was learned.

    Attributes:
        last: its last month, from which the trend is counted.
        center: of level, trend a year and twelve calendar months, [14].
        root: of the covariance of these, [14, 14]; ``center + root @ z`` is a draw.
        spread: the chance of a month, as a standard deviation.
        pool: residuals to draw from, centred.
        follows: how much of a month's residual is left a month later, from 0.
        left: the residual of the last month.
    """

    last: int
    center: NDArray[np.float64]
    root: NDArray[np.float64]
    spread: float
    pool: NDArray[np.float64]
    follows: float
    left: float

    def middle(self, months: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values expected in some months."""
        found: NDArray[np.float64] = _design(months, self.last) @ self.center
        return found + self.left * self._kept(months)

    def _kept(self, months: NDArray[np.int64]) -> NDArray[np.float64]:
        """How much of the last month's residual is left in later months."""
        found: NDArray[np.float64] = self.follows ** np.maximum(months - self.last, 1)
        return found

    def draw(
        self,
        months: NDArray[np.int64],
        chance: np.random.Generator,
        places: NDArray[np.float64],
        scale: NDArray[np.float64] | float = 1.0,
    ) -> NDArray[np.float64]:
        """Draws of some months, [draws, months].

        Args:
            months: which.
            chance: for what is not known of level, trend and season; one draw for all months.
            places: [draws, months] between 0 and 1: which residual is taken; series that are given
                the same places have their residuals of one month together.
            scale: of the residuals, by month.
        """
        belief = self.center + chance.standard_normal((len(places), len(self.center))) @ self.root.T
        kept = self._kept(months)
        found = belief @ _design(months, self.last).T + self.left * kept
        taken = np.minimum((places * len(self.pool)).astype(np.int64), len(self.pool) - 1)
        # What is carried on is no longer chance.
        drawn: NDArray[np.float64] = found + self.pool[taken] * np.sqrt(1 - kept**2) * scale
        return drawn


def fit(
    months: NDArray[np.int64],
    values: NDArray[np.float64],
    settings: Settings,
    believed: float | None = None,
) -> Fitted:
    """Learn a series.

    Args:
        months: of the values, each once, in any order; at least one.
        values: such as logarithms of points; finite.
        settings: penalties and beliefs.
        believed: the chance of a month before any is seen; None: as the settings say.
    """
    table = settings["series"]
    order = np.argsort(months)
    months, values = months[order], values[order]
    last = int(months[-1])
    weights = 0.5 ** ((last - months) / float(table["half_life_months"]))
    penalties = [float(one) for one in table["season_penalties"]]
    if last - int(months[0]) + 1 < int(table["season_months"]):
        penalties = penalties[:1]
    tried = [_ridge(months, values, weights, one, table) for one in penalties]
    best = min(tried, key=lambda one: one.error)
    prior = float(table["prior_spread"]) if believed is None else believed
    worth = float(table["prior_months"])
    believed_pool = prior * np.array(_normal_scores(max(int(worth), 1)))
    square = (worth * prior**2 + best.square) / (worth + best.freedom)
    spread = float(np.sqrt(square))
    pool = np.concatenate([best.residuals - best.residuals.mean(), believed_pool])
    # The pool is scaled so that its spread is the series'.
    pool *= spread / max(float(np.sqrt(np.mean(pool**2))), _TINY)
    values_, vectors = np.linalg.eigh(best.inverse)
    root = vectors * np.sqrt(np.maximum(values_, 0.0)) * spread
    follows = _follows(months, best.residuals, table)
    return Fitted(last, best.center, root, spread, pool, follows, float(best.away[-1]))


def _follows(
    months: NDArray[np.int64], residuals: NDArray[np.float64], table: Mapping[str, Any]
) -> float:
    """How much of a residual comes back a month later; held near nought where few months tell."""
    next_to = np.flatnonzero(np.diff(months) == 1)
    square = float(np.sum(residuals**2))
    if not len(next_to) or not square:
        return 0.0
    found = float(np.sum(residuals[next_to] * residuals[next_to + 1])) / square
    held = len(next_to) / (len(next_to) + float(table["follow_months"]))
    return min(max(found * held, 0.0), float(table["follow_most"]))


@dataclass(frozen=True, slots=True)
class _Tried:
    """One penalty's regression; ``error`` is the mean squared error of leaving one month out."""

    error: float
    center: NDArray[np.float64]
    inverse: NDArray[np.float64]
    away: NDArray[np.float64]
    residuals: NDArray[np.float64]
    square: float
    freedom: float


def _ridge(
    months: NDArray[np.int64],
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    season: float,
    table: Mapping[str, Any],
) -> _Tried:
    design = _design(months, int(months[-1]))
    penalty = np.array([_TINY, float(table["trend_penalty"]), *[season] * YEAR])
    whole = design.T @ (weights[:, None] * design) + np.diag(penalty)
    inverse = np.asarray(np.linalg.inv(whole), np.float64)
    center: NDArray[np.float64] = inverse @ (design.T @ (weights * values))
    away: NDArray[np.float64] = values - design @ center
    lever = np.einsum("ij,jk,ik->i", design, inverse, design) * weights
    left = np.maximum(1 - lever, _TINY)
    # A month that the regression leans on is missed by less than chance; each is set right.
    residuals: NDArray[np.float64] = away / np.sqrt(left)
    error = float(np.sum(weights * (away / left) ** 2) / np.sum(weights))
    square = float(np.sum(weights * away**2))
    return _Tried(error, center, inverse, away, residuals, square, float(np.sum(weights * left)))


def _design(months: NDArray[np.int64], last: int) -> NDArray[np.float64]:
    found = np.zeros((len(months), 2 + YEAR))
    found[:, 0] = 1.0
    found[:, 1] = (months - last) / YEAR
    found[np.arange(len(months)), 2 + months % YEAR] = 1.0
    return found


def _normal_scores(count: int) -> list[float]:
    """Points of the normal distribution that stand for it, with its spread."""
    scores = [NormalDist().inv_cdf((place + 0.5) / count) for place in range(count)]
    spread = float(np.sqrt(np.mean(np.square(scores)))) or 1.0
    return [one / spread for one in scores]

"""The foretold distribution of every measure of each row: what each likely group would bring, mixed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.amounts.depth import NEAR, SINGLE
from grouper.forecast.amounts.mixture import Mixture
from grouper.forecast.amounts.payment import price_candidates
from grouper.forecast.result import AMOUNTS, ForecastReason
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grouper.forecast.amounts.anchors import Anchors
    from grouper.forecast.amounts.candidates import Candidates
    from grouper.forecast.amounts.cards import Cards
    from grouper.forecast.amounts.outcome import Outcome
    from grouper.forecast.amounts.outside import Outside
    from grouper.forecast.frame import Frame
    from grouper.payment.place import Terms

_HALF_FEN = 0.005
_PLACES = 2
_MEASURES = ("cost", "los", *AMOUNTS)
_SAME = dict.fromkeys(AMOUNTS, _HALF_FEN)
"""Outcomes closer than this are one."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Distributions by measure; cost and days to come in logarithms, payments in yuan.

    Attributes:
        mixture: by measure.
        mean: by measure the expectation of each row, in yuan or days.
        least: what cost and stay cannot fall below.
        scale: in yuan, how far beyond the foretold payments a step outwards goes.
        step: the same where all foretold payments are one.
        basis: place of the level of history in ``LEVELS``.
        basis_cases: its finished stays.
        pay_reason: why there is no payment; empty.
        method: what binds the likeliest group that has a payment; empty where there is none.
        point_value: of that method, in yuan; NaN where it has none.
        partly: rows of which a part of the likely groups has no payment.
    """

    mixture: dict[str, Mixture]
    mean: dict[str, NDArray[np.float64]]
    least: dict[str, NDArray[np.float64]]
    scale: NDArray[np.float64]
    step: NDArray[np.float64]
    basis: NDArray[np.int64]
    basis_cases: NDArray[np.int64]
    pay_reason: NDArray[Any]
    method: NDArray[Any]
    point_value: NDArray[np.float64]
    partly: NDArray[np.bool_]

    def depth(self, name: str, outcome: NDArray[np.float64]) -> NDArray[np.float64]:
        """How deep outcomes lie, in yuan or days; NaN where there is no outcome or no distribution."""
        inside = self._inwards(name, outcome)
        found = self.mixture[name].depth(inside, self._scale(name))
        return np.where(np.isfinite(inside), found, np.nan)

    def marks(self, name: str) -> NDArray[Any]:
        """How far each row's interval is one figure before any calibration: words of ``depth``."""
        plan = toml("amounts.toml")["calibration"]
        mixture = self.mixture[name]
        shares = {NEAR: float(plan["near"]), SINGLE: float(plan["level"])}
        sides = np.array([level for one in shares.values() for level in (1 - one, 1 + one)]) / 2
        ends = mixture.quantile(np.broadcast_to(sides, (len(self.scale), len(sides))))
        found = np.full(len(self.scale), "", object)
        for place, word in enumerate(shares):
            found[ends[:, 2 * place + 1] - ends[:, 2 * place] <= mixture.same] = word
        return found

    def bounds(
        self,
        name: str,
        depth: NDArray[np.float64],
        wide: NDArray[np.float64],
        half: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Lower bounds, medians and upper bounds, in yuan or days.

        Args:
            name: the measure.
            depth: by row, as the calibration gives it.
            wide: by row, the factor of both half widths.
            half: by row, what half widths of payments are at least before it, in yuan.
        """
        low, middle, high = self.mixture[name].interval(depth, self._scale(name))
        below, above = middle - low, high - middle
        if name in AMOUNTS:
            below, above = np.maximum(below, half), np.maximum(above, half)
        low, high = middle - wide * below, middle + wide * above
        return self._outwards(name, low), self._outwards(name, middle), self._outwards(name, high)

    def _scale(self, name: str) -> NDArray[np.float64]:
        return self.scale if name in AMOUNTS else np.ones(len(self.scale))

    def _inwards(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if name in AMOUNTS:
            return values
        base = self.least[name] if name == "los" else 0.0
        return np.log1p(np.maximum(values - base, 0.0))

    def _outwards(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        # To the fen, so that a bound upon an outcome holds it.
        found: NDArray[np.float64] = values
        if name == "los":
            least = self.least[name]
            found = np.maximum(np.expm1(values) + least, np.maximum(least, 1.0))
        elif name not in AMOUNTS:
            found = np.maximum(np.expm1(values), self.least[name])
        return np.asarray(np.round(found, _PLACES), np.float64)


def spread_of(
    frame: Frame,
    pairs: Candidates,
    anchors: Anchors,
    cards: Cards,
    outcome: Outcome,
    outside: Outside,
    terms: Terms,
) -> Spread:
    """Mix what each likely group would bring.

    Args:
        frame: the cases.
        pairs: their likely groups.
        anchors: the cases beside them.
        cards: of groups.
        outcome: boosters of cost and stay.
        outside: what of the cost lies outside the scope.
        terms: by which policies.
    """
    plan = toml("amounts.toml")
    levels = plan["points"]["levels"]
    costs, stays = outcome.costs(anchors, levels), outcome.stays(anchors, levels)
    mass = pairs.probability[:, None] * masses(levels)
    rows = len(frame)
    first = pairs.first
    least = {"cost": anchors.charged[first], "los": anchors.day[first].astype(np.float64)}
    left = np.maximum(stays - anchors.day[:, None], 0.0)
    priced = price_candidates(frame, pairs, cards, costs, stays, outside, terms)
    money = [priced.money[name] for name in AMOUNTS]
    # All measures side by side: one look at each row serves all.
    points = np.stack([np.log1p(costs), np.log1p(left), *money])
    mixture = dict(zip(_MEASURES, _mixtures(points, mass, pairs, rows), strict=True))
    means = _means(np.stack([costs, stays, *money]), mass, pairs, rows)
    mean = dict(zip(_MEASURES, means, strict=True))
    reason = _reasons(priced.reason, mixture["amount"].mass, pairs, rows)
    for name in AMOUNTS:
        mean[name][reason != ""] = np.nan
        mixture[name].values[reason != ""] = np.nan
    amounts = mixture["amount"].values
    middle = np.expm1(mixture["cost"].quantile(0.5))
    range_ = np.nan_to_num(amounts[:, -1] - amounts[:, 0])
    step = plan["payment"]["least_scale"] * np.maximum(middle, 1.0)
    partly = (reason == "") & (mixture["amount"].mass < 1 - plan["payment"]["told_unpriced"])
    typical = anchors.typical
    method, value = np.full(rows, "", object), np.full(rows, np.nan)
    paid = np.flatnonzero((priced.reason == "") & (reason[pairs.row] == ""))
    # Backwards, so that the likelier group has the last word.
    method[pairs.row[paid[::-1]]] = priced.method[paid[::-1]]
    value[pairs.row[paid[::-1]]] = priced.point_value[paid[::-1]]
    return Spread(
        mixture,
        mean,
        least,
        np.maximum(range_, step),
        step,
        typical.basis[first],
        typical.basis_cases[first],
        reason,
        method,
        value,
        partly,
    )


def masses(levels: Sequence[float]) -> NDArray[np.float64]:
    """What each of some levels stands for: half of the way to its neighbours; in all 1."""
    at = np.array(levels)
    edges = np.concatenate([[0.0], (at[1:] + at[:-1]) / 2, [1.0]])
    return np.diff(edges)


def _mixtures(
    points: NDArray[np.float64], mass: NDArray[np.float64], pairs: Candidates, rows: int
) -> list[Mixture]:
    """Distributions of rows by measure, of [measures, pairs, levels]."""
    count, _, levels = points.shape
    width = int(pairs.slot.max(initial=0)) + 1
    at = pairs.row * width + pairs.slot
    laid = np.full((count, rows * width, levels), np.nan)
    laid[:, at] = points
    own = np.zeros((rows * width, levels))
    own[at] = mass
    own = np.tile(own.reshape(rows, width * levels), (count, 1))
    every = Mixture.of(laid.reshape(count * rows, width * levels), own)
    return [
        replace(every.take(slice(one * rows, (one + 1) * rows)), same=_SAME.get(name, every.same))
        for one, name in enumerate(_MEASURES)
    ]


def _means(
    values: NDArray[np.float64], mass: NDArray[np.float64], pairs: Candidates, rows: int
) -> NDArray[np.float64]:
    """[measures, rows] expectations over what is known, of [measures, pairs, levels]; NaN without any."""
    count = len(values)
    known = ~np.isnan(values)
    own = np.where(known, mass, 0.0)
    each = np.where(known, values, 0.0) * own
    row = (np.arange(count)[:, None] * rows + pairs.row).reshape(-1)
    whole = np.bincount(row, own.sum(axis=2).reshape(-1), count * rows)
    total = np.bincount(row, each.sum(axis=2).reshape(-1), count * rows)
    none = np.full(count * rows, np.nan)
    found: NDArray[np.float64] = np.divide(total, whole, out=none, where=whole > 0)
    return found.reshape(count, rows)


def _reasons(
    reason: NDArray[Any], mass: NDArray[np.float64], pairs: Candidates, rows: int
) -> NDArray[Any]:
    """Why a row has no payment: the reason of its likeliest group that has none."""
    found = np.full(rows, "", object)
    lost = mass < toml("amounts.toml")["payment"]["least_priced"]
    told = np.flatnonzero(reason != "")
    # Backwards, so that the likelier group has the last word.
    found[pairs.row[told[::-1]]] = reason[told[::-1]]
    found[~lost] = ""
    found[lost & (found == "")] = ForecastReason.UNPRICED.value
    return found

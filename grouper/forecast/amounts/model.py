"""Cost, stay and payment of cases: learnt, calibrated, asked."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.amounts.anchors import anchors_of
from grouper.forecast.amounts.candidates import StandIns, candidates_of, of_truth
from grouper.forecast.amounts.cards import Cards
from grouper.forecast.amounts.depth import Depths, marked
from grouper.forecast.amounts.doubts import categories_of, doubts_of, widening
from grouper.forecast.amounts.drivers import drivers_of
from grouper.forecast.amounts.history import History, facts_of
from grouper.forecast.amounts.kinds import kinds_of
from grouper.forecast.amounts.learning import corrections, drawn, weights_of
from grouper.forecast.amounts.outcome import Outcome
from grouper.forecast.amounts.outside import Outside
from grouper.forecast.amounts.spread import Spread, spread_of
from grouper.forecast.amounts.storage import Parts, files_of, parts_of
from grouper.forecast.errors import ForecastError
from grouper.forecast.levels import ADRG, ALL, GROUP, LEVELS, MDC
from grouper.forecast.result import AMOUNTS, MEASURES, ForecastReason
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.amounts.anchors import Anchors
    from grouper.forecast.amounts.candidates import Candidates
    from grouper.forecast.amounts.drivers import Driver
    from grouper.forecast.frame import Frame, Truth
    from grouper.forecast.groups.forecast import GroupForecast
    from grouper.payment.place import Terms

PAID = ("amount", "fund")
"""Payments whose mean is corrected by what came; the surplus follows from them and from the cost."""
_CHUNK = 16_384
"""Rows that are followed at once; answers do not depend on it."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is foretold of rows; arrays by measure of ``MEASURES``, NaN where there is no number.

    Attributes:
        low: lower bounds; costs and payments in yuan, ``los`` in days of the whole stay.
        middle: medians.
        high: upper bounds.
        mean: expectations.
        basis: the level of history behind the likeliest group's cost.
        basis_cases: its finished stays.
        pay_reason: why there is no payment; empty where there is one.
        method: what binds the likeliest group that has a payment; empty where there is none.
        point_value: of that method, in yuan; NaN where it has none.
        warnings: rows by the doubt that they give rise to.
        level: the share of outcomes that the intervals are to hold.
    """

    low: dict[str, NDArray[np.float64]]
    middle: dict[str, NDArray[np.float64]]
    high: dict[str, NDArray[np.float64]]
    mean: dict[str, NDArray[np.float64]]
    basis: NDArray[Any]
    basis_cases: NDArray[np.int64]
    pay_reason: NDArray[Any]
    method: NDArray[Any]
    point_value: NDArray[np.float64]
    warnings: dict[ForecastReason, NDArray[np.bool_]]
    level: float


@dataclass(frozen=True, slots=True)
class _Followed:
    """Cases beside the groups into which they may fall."""

    cards: Cards
    pairs: Candidates
    anchors: Anchors


@dataclass(frozen=True)
class AmountModel:
    """A trained model.

    Attributes:
        cards: of the groups.
        history: of finished stays.
        outcome: boosters of cost and stay given the group.
        outside: what of the cost lies outside the policy's scope.
        categories: categories of diagnoses that training saw.
        long_day: the day beyond which training saw next to none.
        depths: by measure how deep outcomes lie.
        factors: by measure the correction of the mean, by kind.
    """

    cards: Cards
    history: History
    outcome: Outcome
    outside: Outside
    categories: frozenset[str]
    long_day: int
    depths: Mapping[str, Depths] = field(default_factory=dict)
    factors: Mapping[str, Depths] = field(default_factory=dict)

    @classmethod
    def trained(
        cls,
        frame: Frame,
        truth: Truth,
        how: Mapping[str, Any] | None = None,
    ) -> AmountModel:
        """Learn from snapshots of finished stays.

        Cost and stay are learnt *given the final group* beside that group's history without the own
        stay; a forecast then mixes what each likely group would bring. So nothing here learns from
        the forecast of groups, and payments are priced at costs that belong to their group.

        Args:
            frame: snapshots.
            truth: what came, one row a stay of the courses, with the final groupings.
            how: the table ``training`` of ``data/amounts.toml`` where it is to be another.

        Raises:
            ForecastError: ``FORECAST_TOO_LITTLE``: no stay states its cost and its days;
                ``FORECAST_NOT_INSTALLED``.
        """
        plan = how or toml("amounts.toml")["training"]
        stays = np.unique(frame.stay)
        cases = frame.snapshots.courses.cases
        usable = np.isfinite(truth.cost[stays]) & (truth.cost[stays] > 0) & (truth.los[stays] > 0)
        stays = stays[usable]
        if not len(stays):
            raise ForecastError("FORECAST_TOO_LITTLE", found=0, least=1)
        own = truth.take(stays)
        cards = Cards.of(own.results, cases.take(stays))
        levels = own.levels
        weights = weights_of(cards, levels.texts(GROUP))
        facts = facts_of(frame.snapshots, stays, own.cost, weights)
        history = History.of(facts, {level: levels.texts(level) for level in (GROUP, ADRG, MDC)})
        rows = drawn(frame, stays, int(plan["most_rows"]))
        some = frame.take(rows)
        place = np.searchsorted(stays, some.stay)
        codes = {level: levels.codes[level][place] for level in (GROUP, ADRG, MDC)}
        pairs = of_truth(codes, levels.words, cards)
        anchors = anchors_of(some, pairs, cards, history, facts.take(place))
        outcome = Outcome.trained(anchors, own.cost[place], own.los[place], plan)
        return cls(
            cards,
            history,
            outcome,
            Outside.of(some, cases.take(some.stay)),
            frozenset(categories_of(cases.take(stays))),
            int(np.quantile(frame.day, toml("amounts.toml")["doubts"]["long_quantile"])),
        )

    @cached_property
    def stand_ins(self) -> StandIns:
        """The groups that stand for others."""
        return StandIns.of(self.cards, self.history)

    def calibrated(
        self, frame: Frame, truth: Truth, groups: GroupForecast, terms: Terms
    ) -> AmountModel:
        """Hold the intervals against stays that training has not seen.

        Args:
            frame: their snapshots.
            truth: what came, one row a stay of the courses.
            groups: of the rows, as the group model foretells them.
            terms: by which policies.
        """
        plan = toml("amounts.toml")["calibration"]
        came = truth.take(frame.stay)
        outcomes = {"cost": came.cost, "los": came.los.astype(np.float64)} | came.money
        outcomes["los"][came.los <= 0] = np.nan
        depth = {name: np.full(len(frame), np.nan) for name in MEASURES}
        mean = {name: np.full(len(frame), np.nan) for name in MEASURES}
        marks = {name: np.full(len(frame), "", object) for name in MEASURES}
        for rows in _chunks(len(frame)):
            piece = frame.take(rows)
            spread = self._spread(piece, self._followed(piece, groups.take(rows)), terms)
            for name in MEASURES:
                depth[name][rows] = spread.depth(name, outcomes[name][rows])
                mean[name][rows] = spread.mean[name]
                marks[name][rows] = spread.marks(name)
        kinds = kinds_of(frame)
        depths, factors = {}, {}
        charged = np.maximum(frame.snapshots.cost(), 0.0)
        base = {"cost": charged, "los": frame.day.astype(np.float64)}
        base |= {name: np.zeros(len(frame)) for name in PAID}
        for name in MEASURES:
            some = np.isfinite(depth[name])
            own = [words[some] for words in kinds]
            depths[name] = Depths.beside_single(depth[name][some], marks[name][some], own, plan)
            if name in base:
                factors[name] = corrections(
                    (outcomes[name] - base[name])[some], (mean[name] - base[name])[some], own
                )
        return replace(self, depths=depths, factors=factors)

    def predict(
        self,
        frame: Frame,
        groups: GroupForecast,
        terms: Terms,
        doubts: Mapping[ForecastReason, NDArray[np.bool_]] | None = None,
    ) -> Amounts:
        """Foretell cost, stay and payment.

        Args:
            frame: the cases on their days.
            groups: their likely groups.
            terms: by which policies.
            doubts: rows that the caller has reason to doubt, beside those that are found here.
        """
        return self._told(frame, groups, terms, doubts or {}, None)[0]

    def explained(
        self,
        frame: Frame,
        groups: GroupForecast,
        terms: Terms,
        most: int,
        doubts: Mapping[ForecastReason, NDArray[np.bool_]] | None = None,
    ) -> tuple[Amounts, list[list[Driver]]]:
        """:meth:`predict` and :meth:`drivers` at once, in less time.

        Args:
            frame: the cases on their days.
            groups: their likely groups.
            terms: by which policies.
            most: effects of a case at most.
            doubts: as for :meth:`predict`.
        """
        return self._told(frame, groups, terms, doubts or {}, most)

    def drivers(self, frame: Frame, groups: GroupForecast, most: int) -> list[list[Driver]]:
        """What moves each case's cost away from the typical stay of its likeliest group.

        Args:
            frame: the cases.
            groups: their likely groups.
            most: effects of a case at most.
        """
        followed = self._followed(frame, groups)
        return drivers_of(self.outcome, followed.anchors, followed.pairs, most)

    def files(self) -> dict[str, bytes]:
        """The model as files; nothing in them can be run."""
        return files_of(
            Parts(
                self.cards,
                self.history,
                self.outcome,
                self.outside,
                self.categories,
                self.long_day,
                self.depths,
                self.factors,
            )
        )

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> AmountModel:
        """The model of its files.

        Raises:
            ForecastError: ``FORECAST_MODEL_UNREADABLE``, with the file; ``FORECAST_NOT_INSTALLED``.
        """
        parts = parts_of(files)
        return cls(**{one.name: getattr(parts, one.name) for one in fields(parts)})

    def _followed(self, frame: Frame, groups: GroupForecast) -> _Followed:
        cards = self.cards.and_bare(frame)
        pairs = candidates_of(groups, cards, self.stand_ins)
        return _Followed(cards, pairs, anchors_of(frame, pairs, cards, self.history))

    def _spread(self, frame: Frame, followed: _Followed, terms: Terms) -> Spread:
        cards, pairs, anchors = followed.cards, followed.pairs, followed.anchors
        return spread_of(frame, pairs, anchors, cards, self.outcome, self.outside, terms)

    def _told(
        self,
        frame: Frame,
        groups: GroupForecast,
        terms: Terms,
        doubts: Mapping[ForecastReason, NDArray[np.bool_]],
        most: int | None,
    ) -> tuple[Amounts, list[list[Driver]]]:
        """Amounts, and if asked for the drivers; in pieces that fit into memory."""
        parts: list[Amounts] = []
        told: list[list[Driver]] = []
        for rows in _chunks(len(frame)):
            alone = len(rows) == len(frame)
            piece = frame if alone else frame.take(rows)
            followed = self._followed(piece, groups if alone else groups.take(rows))
            more = doubts if alone else {reason: hit[rows] for reason, hit in doubts.items()}
            parts.append(self._predicted(piece, followed, terms, more))
            if most is not None:
                told += drivers_of(self.outcome, followed.anchors, followed.pairs, most)
        return (_joined(parts) if len(parts) > 1 else parts[0]), told

    def _predicted(
        self,
        frame: Frame,
        followed: _Followed,
        terms: Terms,
        more: Mapping[ForecastReason, NDArray[np.bool_]],
    ) -> Amounts:
        plan = toml("amounts.toml")
        level = float(plan["calibration"]["level"])
        spread = self._spread(frame, followed, terms)
        doubts = doubts_of(frame, self.categories, self.long_day) | dict(more)
        doubts[ForecastReason.RARE_GROUP] = spread.basis > 0
        doubts[ForecastReason.UNPRICED] = spread.partly
        doubts[ForecastReason.HISTORY] = spread.basis == LEVELS.index(ALL)
        wide = widening(doubts, len(frame))
        unlike = doubts[ForecastReason.HISTORY]
        half = np.where(unlike, spread.step, 0.0)
        wider = wide * np.where(unlike, float(plan["doubts"]["history_payment"]), 1.0)
        kinds = kinds_of(frame)
        low, middle, high, mean = ({} for _ in range(4))
        for name in MEASURES:
            known = self.depths.get(name)
            depth = np.full(len(frame), (1 - level) / 2)
            if known is not None:
                depth = known.at(marked(kinds, spread.marks(name)), len(frame))
            low[name], middle[name], high[name] = spread.bounds(
                name, depth, wider if name in AMOUNTS else wide, half
            )
            mean[name] = spread.mean[name]
            if name in self.factors:
                base = spread.least.get(name, 0.0)
                factor = self.factors[name].at(kinds, len(frame))
                mean[name] = base + factor * (mean[name] - base)
        # What the hospital is due more, and what it spends more, it keeps more or less.
        mean["surplus"] = mean["surplus"] + (mean["amount"] - spread.mean["amount"])
        mean["surplus"] -= mean["cost"] - spread.mean["cost"]
        reason = spread.pay_reason.copy()
        for name in AMOUNTS:
            # Without outcomes to hold it against, an interval has no ends: then there is no number.
            endless = ~np.isfinite(high[name]) & np.isfinite(middle[name])
            for bound in (low, middle, high, mean):
                bound[name] = np.where(endless, np.nan, bound[name])
            if name == "amount":
                reason[endless] = ForecastReason.HISTORY.value
        return Amounts(
            low,
            middle,
            high,
            mean,
            np.array(LEVELS, object)[spread.basis],
            spread.basis_cases,
            reason,
            np.where(reason == "", spread.method, ""),
            np.where(reason == "", spread.point_value, np.nan),
            doubts,
            level,
        )


def _chunks(count: int) -> list[NDArray[np.int64]]:
    starts = range(0, max(count, 1), _CHUNK)
    return [np.arange(start, min(start + _CHUNK, count)) for start in starts]


def _joined(parts: list[Amounts]) -> Amounts:
    def by_measure(name: str) -> dict[str, NDArray[np.float64]]:
        return {m: np.concatenate([getattr(p, name)[m] for p in parts]) for m in MEASURES}

    return Amounts(
        by_measure("low"),
        by_measure("middle"),
        by_measure("high"),
        by_measure("mean"),
        np.concatenate([p.basis for p in parts]),
        np.concatenate([p.basis_cases for p in parts]),
        np.concatenate([p.pay_reason for p in parts]),
        np.concatenate([p.method for p in parts]),
        np.concatenate([p.point_value for p in parts]),
        {r: np.concatenate([p.warnings[r] for p in parts]) for r in parts[0].warnings},
        parts[0].level,
    )

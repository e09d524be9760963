"""What a hospital can reckon without a model: the forecasts that a model has to beat.

Group means look a table of finished stays up by the grouper's bare answer of the day; day means are
those of stays that had this bare answer on this day and still ran; the typical remaining course is
added to, or multiplied with, what was charged to date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.case.dates import DAY_SECONDS, OFFSET
from grouper.case.fields import CASE_SCHEMA
from grouper.forecast.evaluation.lookup import Cells, Lookup, means, medians
from grouper.forecast.levels import ADRG, GROUP, MDC
from grouper.forecast.result import AMOUNTS
from grouper.forecast.snapshot import yuan
from grouper.payment.batch import price_batch
from grouper.schemes.protocol import RESULT_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.evaluation.history import History
    from grouper.forecast.evaluation.plan import Basing
    from grouper.forecast.frame import Frame
    from grouper.payment.place import Terms

GROUP_MEAN, DAY_MEAN, DAY_MEDIAN = "group_mean", "day_mean", "day_median"
RATIO, ADDED, PACE, BARE_PRICE = "ratio", "added", "pace", "bare_price"
NAMES = {
    "cost": (GROUP_MEAN, DAY_MEAN, DAY_MEDIAN, RATIO, ADDED, PACE),
    "los": (GROUP_MEAN, DAY_MEAN, DAY_MEDIAN),
    **dict.fromkeys(AMOUNTS, (GROUP_MEAN, DAY_MEAN, DAY_MEDIAN, BARE_PRICE)),
}
"""The baselines of each measure."""
_PARTS = ("own_cost", "over_limit_cost", "first_share_cost")
_FEN = 100.0


@dataclass(frozen=True, slots=True)
class Baselines:
    """Baselines learnt from finished stays.

    Attributes:
        basing: how.
        lookups: statistics by ``measure.name``.
        parts: shares of a stay's cost that the patient pays in full, above a limit, first.
        sure: how often the bare answer of a day is the final group.
        frequencies: share of the stays that end in each group.
        terms: by which policies the bare answer is priced.
    """

    basing: Basing
    lookups: Mapping[str, Lookup]
    parts: tuple[float, ...]
    sure: Lookup
    frequencies: Mapping[str, float]
    terms: Terms
    scheme: str | None

    @classmethod
    def of(cls, history: History, basing: Basing) -> Baselines:
        """Learn from a history.

        Args:
            history: finished stays; snapshots of days that are not asked for later do no harm.
            basing: how many stays a mean needs.
        """
        frame, truth = history.frame, history.truth
        stay, day, least = frame.stay, frame.day, basing.least_stays
        whole = Cells.of(truth.levels)
        daily = Cells.of(frame.bare, day)
        none = np.zeros(len(truth.cost), np.int64)
        los = np.where(truth.los > 0, truth.los, np.nan).astype(np.float64)
        came = {"cost": truth.cost, "los": los} | {name: truth.money[name] for name in AMOUNTS}
        found: dict[str, Lookup] = {}
        for name, values in came.items():
            found[f"{name}.{GROUP_MEAN}"] = means(whole, truth.levels, none, values, least)
            found[f"{name}.{DAY_MEAN}"] = means(daily, frame.bare, day, values[stay], least)
            found[f"{name}.{DAY_MEDIAN}"] = medians(daily, frame.bare, day, values[stay], least)
        charged = frame.snapshots.cost()
        final = truth.cost[stay]
        some = np.where(charged >= basing.smallest, charged, np.nan)
        with np.errstate(invalid="ignore"):
            ratio = final / some
        weights = np.nan_to_num(some)
        found[f"cost.{RATIO}"] = means(daily, frame.bare, day, ratio, least, weights)
        found[f"cost.{ADDED}"] = means(daily, frame.bare, day, final - charged, least)
        amount, fund = truth.money["amount"][stay], truth.money["fund"][stay]
        share = np.where(amount > 0, fund / np.where(amount > 0, amount, 1.0), np.nan)
        found[f"fund.{BARE_PRICE}"] = means(
            daily, frame.bare, day, share, least, np.nan_to_num(amount)
        )
        gap = truth.money["surplus"][stay] - (amount - final)
        found[f"surplus.{BARE_PRICE}"] = means(daily, frame.bare, day, gap, least)
        return cls(
            basing,
            found,
            _shares(history),
            _sureness(history),
            _frequencies(history),
            history.terms,
            history.scheme,
        )

    def predict(self, frame: Frame) -> pa.Table:
        """The baselines of snapshots: columns ``measure.name``, and how sure the bare answer is.

        Amounts in yuan, stays in days; NaN where there is none. The table's metadata keep the
        frequencies of groups.
        """
        bare, day = frame.bare, frame.day
        found = {name: lookup.at(bare, day) for name, lookup in self.lookups.items()}
        charged = frame.snapshots.cost()
        some = charged >= self.basing.smallest
        typical = found[f"cost.{DAY_MEAN}"]
        found[f"cost.{RATIO}"] = np.where(some, charged * found[f"cost.{RATIO}"], typical)
        found[f"cost.{ADDED}"] = charged + found[f"cost.{ADDED}"]
        pace = charged / np.maximum(day, 1) * found[f"los.{DAY_MEAN}"]
        found[f"cost.{PACE}"] = np.where(some & (day > 0), pace, typical)
        # Still there at the end of the day: the stay is no shorter.
        found[f"los.{GROUP_MEAN}"] = np.maximum(found[f"los.{GROUP_MEAN}"], day)
        cost = found[f"cost.{RATIO}"]
        amount = self._priced(frame, cost, found[f"los.{DAY_MEAN}"])
        ratio, gap = found[f"fund.{BARE_PRICE}"], found[f"surplus.{BARE_PRICE}"]
        priced = {"amount": amount, "fund": amount * ratio, "surplus": amount - cost + gap}
        for name, values in priced.items():
            typical = found[f"{name}.{DAY_MEAN}"]
            found[f"{name}.{BARE_PRICE}"] = np.where(np.isnan(values), typical, values)
        columns = {
            f"{measure}.{name}": found[f"{measure}.{name}"]
            for measure, names in NAMES.items()
            for name in names
        }
        columns["sure"] = self.sure.at(bare, day)
        for level in (GROUP, ADRG, MDC):
            columns[f"bare.{level}"] = pa.array(bare.texts(level), pa.string())
        table = pa.table(columns)
        return table.replace_schema_metadata({"frequencies": json.dumps(dict(self.frequencies))})

    def _priced(
        self, frame: Frame, cost: NDArray[np.float64], los: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What the hospital is due if the bare group stays and the cost is this one, in yuan."""
        if self.scheme is not None:
            # A scheme that does not bind prices nothing.
            return np.full(len(frame), np.nan)
        columns: dict[str, Any] = {name: frame.known[name] for name in CASE_SCHEMA.names}
        fen = np.rint(np.nan_to_num(cost) * _FEN)
        charged = frame.snapshots.cost()
        rest = fen.copy()
        for name, typical in zip(_PARTS, self.parts, strict=True):
            part = np.asarray(columns[name].cast(pa.float64()), np.float64)
            share = np.where(
                charged >= self.basing.smallest, part / np.maximum(charged, 1), typical
            )
            own = np.rint(fen * np.clip(share, 0, 1))
            columns[name] = yuan(own)
            rest -= own
        columns["total_cost"], columns["scope_cost"] = yuan(fen), yuan(rest)
        days = np.maximum(np.rint(np.nan_to_num(los, nan=1.0)), np.maximum(frame.day, 1))
        end = (frame.snapshots.courses.start[frame.stay] + days) * DAY_SECONDS - OFFSET
        noon = pa.array((end + DAY_SECONDS // 2).astype(np.int64))
        kind = CASE_SCHEMA.field("discharge_time").type
        columns["discharge_time"] = noon.cast(pa.timestamp("s", "UTC")).cast(kind)
        columns["los"] = pa.array(days.astype(np.int32))
        for name in RESULT_SCHEMA.names:
            columns[name] = frame.results[name].combine_chunks()
        batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
        amount = price_batch(batch, self.terms)["amount"].cast(pa.float64())
        return np.asarray(amount.fill_null(float("nan")), np.float64)


def _shares(history: History) -> tuple[float, ...]:
    """Parts of all costs of the finished stays that are not within the scope of insurance."""
    cases = history.frame.snapshots.courses.cases
    whole = float(np.nansum(history.truth.cost)) or 1.0
    return tuple(
        float(pa.compute.sum(cases[name].cast(pa.float64())).as_py() or 0.0) / whole
        for name in _PARTS
    )


def _sureness(history: History) -> Lookup:
    """How often the bare group of a day was the final one: the same for all groups."""
    frame = history.frame
    right = frame.bare.texts(GROUP) == history.truth.take(frame.stay).levels.texts(GROUP)
    cells = Cells({level: {} for level in (GROUP, ADRG, MDC)}, np.unique(frame.day))
    return means(cells, frame.bare, frame.day, right.astype(np.float64), 1)


def _frequencies(history: History) -> dict[str, float]:
    levels = history.truth.levels
    count = np.bincount(levels.codes[GROUP], minlength=len(levels.words[GROUP]))
    # One more for a group that was never seen.
    whole = len(history) + 1
    return {word: int(n) / whole for word, n in zip(levels.words[GROUP], count, strict=True)}

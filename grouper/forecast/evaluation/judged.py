"""Forecasts beside what came: arrays with one place a forecast, from which all scores are taken."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.forecast.evaluation.baselines import NAMES
from grouper.forecast.evaluation.chances import chances, floats
from grouper.forecast.levels import ADRG, GROUP, MDC, UNGROUPED
from grouper.forecast.result import AMOUNTS, MEASURES, ForecastStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.frame import Truth

ENDS = ("low", "middle", "high", "mean")
NAMED = (GROUP, ADRG, MDC)


@dataclass(frozen=True, slots=True)
class Judged:
    """Forecasts and what came; one place a forecast, NaN where a value is missing.

    Attributes:
        stay: number of the stay, the same for all its days.
        origin: number of the origin of the model.
        day: of the stay.
        when: local day of the forecast, as days since 1970.
        texts: ``reason``, ``pay_reason``, ``department``, and the true ``group``, ``adrg``, ``mdc``.
        level: the share that the intervals are to hold.
        truth: by measure, in yuan or days.
        bounds: by ``measure.end``.
        baselines: by ``measure.name``; empty without baselines.
        group: by ``level.top1``, ``level.top3``, ``level.bare`` (whether right), ``level.probability``
            (of the likeliest), and of groups ``loss``, ``brier``, ``bare_loss``, ``bare_brier``.
        names: what groups are called.
    """

    stay: NDArray[np.int64]
    origin: NDArray[np.int64]
    day: NDArray[np.int64]
    when: NDArray[np.int64]
    texts: Mapping[str, NDArray[Any]]
    level: NDArray[np.float64]
    truth: Mapping[str, NDArray[np.float64]]
    bounds: Mapping[str, NDArray[np.float64]]
    baselines: Mapping[str, NDArray[np.float64]]
    group: Mapping[str, NDArray[np.float64]]
    names: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.stay)

    def take(self, rows: NDArray[Any]) -> Judged:
        """Some forecasts."""
        found: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                found[field.name] = value[rows]
            elif field.name != "names":
                found[field.name] = {name: one[rows] for name, one in value.items()}
        return replace(self, **found)

    @classmethod
    def joined(cls, parts: Sequence[Judged]) -> Judged:
        """Parts below each other; those without baselines have NaN there.

        Args:
            parts: at least one.
        """
        found: dict[str, Any] = {}
        for field in fields(cls):
            values = [getattr(part, field.name) for part in parts]
            if isinstance(values[0], np.ndarray):
                found[field.name] = np.concatenate(values)
            elif field.name == "names":
                found[field.name] = {word: name for one in values for word, name in one.items()}
            else:
                keys = list(dict.fromkeys(key for one in values for key in one))
                found[field.name] = {
                    key: np.concatenate(
                        [
                            one[key] if key in one else np.full(len(part), np.nan)
                            for one, part in zip(values, parts, strict=True)
                        ]
                    )
                    for key in keys
                }
        return cls(**found)


def judged(
    forecasts: pa.Table,
    truth: Truth,
    *,
    stay: NDArray[np.int64],
    when: NDArray[np.int64],
    origin: int = 0,
    baselines: pa.Table | None = None,
) -> Judged:
    """Lay forecasts beside what came.

    Args:
        forecasts: columns of ``FORECAST_SCHEMA``.
        truth: one row a forecast.
        stay: number of each forecast's stay.
        when: local day of each forecast.
        origin: number of the model.
        baselines: as :meth:`~grouper.forecast.evaluation.baselines.Baselines.predict` gives them.
    """
    size = len(forecasts)
    whole = forecasts.combine_chunks()
    valid = np.asarray(truth.valid)
    told = np.asarray(pc.fill_null(pc.equal(whole["status"], ForecastStatus.FORECAST), False))  # noqa: FBT003 -- Arrow
    los = np.where(truth.los > 0, truth.los, np.nan).astype(np.float64)
    came = {"cost": truth.cost, "los": los} | {name: truth.money[name] for name in AMOUNTS}
    bounds = {
        f"{measure}.{end}": np.where(told, floats(whole[f"{measure}_{end}"]), np.nan)
        for measure in MEASURES
        for end in ENDS
    }
    texts = {name: _texts(whole[name]) for name in ("reason", "pay_reason", "department")}
    texts["reason"] = np.where(told, "", texts["reason"])
    texts |= {level: truth.levels.texts(level) for level in NAMED}
    frequencies: dict[str, float] = {}
    base: dict[str, NDArray[np.float64]] = {}
    sure: NDArray[np.float64] | None = None
    bare = {GROUP: _bare(whole)}
    if baselines is not None:
        frequencies = json.loads((baselines.schema.metadata or {}).get(b"frequencies", b"{}"))
        wanted = [f"{m}.{name}" for m, names in NAMES.items() for name in names]
        base = {name: floats(baselines[name]) for name in wanted}
        sure = floats(baselines["sure"])
        bare = {level: _texts(baselines[f"bare.{level}"]) for level in NAMED}
    group = chances(whole, truth.levels, bare, frequencies, sure)
    # What is refused names no group, and a record that cannot be grouped has none.
    group = {name: np.where(told & valid, one, np.nan) for name, one in group.items()}
    return Judged(
        np.asarray(stay, np.int64),
        np.full(size, origin, np.int64),
        np.asarray(pc.fill_null(whole["day"], -1)).astype(np.int64),
        np.asarray(when, np.int64),
        texts,
        floats(whole["level"]),
        came,
        bounds,
        base,
        group,
        truth.levels.names,
    )


def _bare(forecasts: pa.Table) -> NDArray[Any]:
    pairs = zip(_texts(forecasts["bare_group"]), _texts(forecasts["bare_status"]), strict=True)
    return np.array([group or f"{UNGROUPED}{status}" for group, status in pairs], object)


def _texts(column: pa.ChunkedArray) -> NDArray[Any]:
    return np.array(pc.fill_null(column.cast(pa.string()), "").to_pylist(), object)

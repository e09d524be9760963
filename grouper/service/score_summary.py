"""What came of the forecasts of a store, by day of stay: errors, hits, and what the intervals held."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from grouper.forecast.result import MEASURES
from grouper.service.forecast_telling import telling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grouper.store.forecasts import Came


SIGNED = "surplus"
"""A measure that is as often below nought as above: its error is no share of anything."""


@dataclass(slots=True)
class _Measure:
    errors: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    inside: int = 0

    def add(self, said: Mapping[str, Any], *, share: bool) -> None:
        error, true = float(said["error"]), float(said["true"])
        self.errors.append(error)
        if share and true > 0:
            self.shares.append(abs(error) / true)
        self.inside += said["inside"]

    def figures(self) -> dict[str, Any]:
        count = len(self.errors)
        return {
            "scored": count,
            "mae": fmean(map(abs, self.errors)) if count else None,
            "bias": fmean(self.errors) if count else None,
            "medape": median(self.shares) if self.shares else None,
            "covered": self.inside / count if count else None,
        }


@dataclass(slots=True)
class _Band:
    forecasts: int = 0
    refused: int = 0
    late: int = 0
    measures: dict[str, _Measure] = field(
        default_factory=lambda: {name: _Measure() for name in MEASURES}
    )
    hits: dict[str, list[bool]] = field(default_factory=dict)
    levels: list[float] = field(default_factory=list)

    def add(self, score: Mapping[str, Any], top: int) -> None:
        if score.get("late"):
            self.late += 1
            return
        if "refused" in score:
            self.refused += 1
            return
        self.forecasts += 1
        if score["level"] is not None:
            self.levels.append(score["level"])
        for name, measure in self.measures.items():
            if name in score:
                measure.add(score[name], share=name != SIGNED)
        if "group" in score:
            rank = score["group"]["rank"]
            found = {"top1": rank == 1, "topn": rank is not None and rank <= top}
            found |= {name: score[name]["hit"] for name in ("bare", "adrg", "mdc")}
            for name, hit in found.items():
                self.hits.setdefault(name, []).append(hit)

    def figures(self, days: str) -> dict[str, Any]:
        return {
            "days": days,
            "forecasts": self.forecasts,
            "refused": self.refused,
            "late": self.late,
            "level": fmean(self.levels) if self.levels else None,
            "measures": {name: one.figures() for name, one in self.measures.items()},
            "groups": {
                "scored": len(self.hits.get("top1", ())),
                **{name: fmean(hits) for name, hits in self.hits.items()},
            },
        }


def summary(scores: Iterable[Came]) -> dict[str, Any]:
    """The scores of forecasts as JSON: in all, and by day of stay.

    ``forecasts`` were scored; ``refused`` were none; ``late`` ones were made when the stay had ended,
    they count nowhere. Of each measure ``mae`` and ``bias`` (yuan, days), ``medape`` and ``covered``
    (shares; of the surplus no ``medape``); ``level`` is the share that the intervals were to hold. Of groups the shares that were
    hit by the likeliest (``top1``), by the first of ``top`` (``topn``), by the likeliest ADRG and MDC
    and by the grouper's bare answer on what was known that day (``bare``).
    """
    how = telling()
    bands = [_Band() for _ in how.day_bands]
    whole, models, days = _Band(), set(), []
    for came in scores:
        models.add(came.model)
        days.append(came.as_of)
        whole.add(came.score, how.top)
        if came.day is not None and came.day >= 0:
            bands[bisect_right(how.day_bands, came.day) - 1].add(came.score, how.top)
    return {
        "models": sorted(models),
        "first": min(days).isoformat() if days else None,
        "last": max(days).isoformat() if days else None,
        "top": how.top,
        "all": whole.figures(""),
        "by_day": [
            band.figures(name)
            for band, name in zip(bands, _names(how.day_bands), strict=True)
            if band.forecasts + band.refused
        ],
    }


def _names(bands: tuple[int, ...]) -> list[str]:
    """Such as ``3``, ``5–6`` and ``31+``."""
    between = [
        str(low) if high == low + 1 else f"{low}–{high - 1}" for low, high in pairwise(bands)
    ]
    return [*between, f"{bands[-1]}+"]

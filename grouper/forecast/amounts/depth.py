"""Intervals that keep their promise: how deep in its foretold distribution an outcome lies, by kind.

Split conformal calibration (Vovk and others, 2005; distributional form: Chernozhukov, Wüthrich and Zhu,
2021). On stays that training has not seen, the depth is found that the wanted share of outcomes reaches;
the interval is all that lies so deep. An outcome that is one with many others (a payment that does not
depend on the cost) counts as deep as the deepest of them, so that a mass in one point does not widen
the interval for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.conformal import at_level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_WHOLE = ""
DEEPEST = 0.5
"""The depth of the median: the narrowest interval."""
SINGLE, NEAR = "single", "near"
"""An interval that is one figure before any calibration; one that nearly is."""


@dataclass(frozen=True, slots=True)
class Depths:
    """Depths by kind.

    Attributes:
        depth: by the words of a kind the depth and the cases behind it; the empty word is all.
    """

    depth: Mapping[str, tuple[float, int]] = field(default_factory=dict)

    @classmethod
    def beside_single(
        cls,
        depth: NDArray[np.float64],
        marks: NDArray[Any],
        kinds: Sequence[NDArray[Any]],
        plan: Mapping[str, Any],
    ) -> Depths:
        """Calibrate outcomes foretold as one figure by themselves, and the others for their share.

        Args:
            depth: of outcomes that training has not seen.
            marks: :data:`SINGLE`, :data:`NEAR` or the empty word.
            kinds: as for :meth:`of`.
            plan: the table ``calibration`` of ``data/amounts.toml``.
        """
        own = marked(kinds, marks)
        left, still = float(plan["level_of_all"]) * len(depth), len(depth)
        found: dict[str, tuple[float, int]] = {}
        for word in (SINGLE, NEAR, ""):
            some = marks == word
            count = int(some.sum())
            if not count:
                continue
            level = min(max(left / still, float(plan["least_of_others"])), float(plan["level"]))
            if word == SINGLE:
                level = float(plan["level"])
            words = [one[some] for one in own]
            made = cls.of(depth[some], words, level=level, least=int(plan["least"]))
            found |= made.depth
            # A single figure holds more than it was asked to.
            reached = np.minimum(made.at(words, count), DEEPEST)
            left, still = left - float((depth[some] >= reached).sum()), still - count
        return cls(found)

    @classmethod
    def of(
        cls,
        depth: NDArray[np.float64],
        kinds: Sequence[NDArray[Any]],
        *,
        level: float,
        least: int,
    ) -> Depths:
        """Calibrate.

        Args:
            depth: of outcomes that training has not seen.
            kinds: texts by case, from the narrowest to the widest kind.
            level: the share to be held.
            least: cases that a kind needs to stand for itself.
        """
        found: dict[str, tuple[float, int]] = {}
        for words in [*kinds, np.full(len(depth), _WHOLE, object)]:
            names, place = np.unique(np.asarray(words, str), return_inverse=True)
            for number, name in enumerate(names.tolist()):
                own = depth[place == number]
                if name in found or (len(own) < least and name != _WHOLE):
                    continue
                found[name] = (-at_level(-own, level), len(own))
        return cls(found)

    def at(self, kinds: Sequence[NDArray[Any]], count: int) -> NDArray[np.float64]:
        """The depth for each of some cases: of the first of its kinds that is known."""
        found = np.full(count, self.depth.get(_WHOLE, (-np.inf, 0))[0])
        done = np.zeros(count, bool)
        none = (np.nan, 0)
        for words in kinds:
            values = np.array([self.depth.get(word, none)[0] for word in words.tolist()])
            take = ~done & ~np.isnan(values)
            found[take] = values[take]
            done |= take
        return found

    def document(self) -> dict[str, list[float | int | None]]:
        """As a model keeps it."""
        return {
            name: [depth if np.isfinite(depth) else None, cases]
            for name, (depth, cases) in self.depth.items()
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Depths:
        """Out of :meth:`document`."""
        return cls(
            {
                name: (-np.inf if depth is None else float(depth), int(cases))
                for name, (depth, cases) in document.items()
            }
        )


def marked(kinds: Sequence[NDArray[Any]], marks: NDArray[Any]) -> list[NDArray[Any]]:
    """Kinds parted by how far the outcome is foretold as one figure."""
    return [
        np.array([f"{word}|{mark}" for word, mark in zip(words, marks, strict=True)], object)
        for words in kinds
    ]

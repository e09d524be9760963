"""Counted transitions and typical stays together: candidates of rows, and their pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.groups.calibration import Scored
from grouper.forecast.groups.clues import BUCKET
from grouper.forecast.groups.pairs import Levelled, Pairs, Rows, pairs_of
from grouper.forecast.groups.profiles import Profiles, Typical
from grouper.forecast.groups.ranker import scores
from grouper.forecast.groups.transitions import Transitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from grouper.forecast.boost import Booster
    from grouper.forecast.groups.clues import Clues
    from grouper.forecast.groups.names import Names
    from grouper.forecast.groups.transitions import Candidates, Lesson


@dataclass(frozen=True, slots=True)
class Engine:
    """What was counted of finished stays.

    Attributes:
        how: the settings (``data/groups.toml``).
        transitions: which group came of what.
        typical: the typical stay of each group.
        levelled: the levels of the groups.
    """

    how: Mapping[str, Any]
    transitions: Transitions
    typical: Typical
    levelled: Levelled

    @classmethod
    def of(
        cls, how: Mapping[str, Any], known: Names, transitions: Transitions, profiles: Profiles
    ) -> Engine:
        """Ready to be asked."""
        typical = profiles.typical(known)
        return cls(how, transitions, typical, Levelled.of(known, typical))

    def widened(self, known: Names) -> Engine:
        """The same for more groups."""
        if len(known) == len(self.levelled.adrg):
            return self
        return Engine(self.how, self.transitions, self.typical, Levelled.of(known, self.typical))

    def parts(self, rows: Rows) -> Iterator[tuple[slice, Rows, Candidates]]:
        """Rows in parts that fit into memory, with their candidates."""
        step = int(self.how["candidates"]["rows"])
        for first in range(0, len(rows), step):
            at = slice(first, first + step)
            part = rows.take(at)
            yield at, part, self.transitions.candidates(part.numbers, part.bare)

    def pairs(self, rows: Rows, found: Candidates) -> Pairs:
        """The pairs of rows with their candidates."""
        return pairs_of(self.how, rows, found, self.transitions, self.typical, self.levelled)

    def scored(self, rows: Rows, ranker: Booster | None) -> Scored:
        """What speaks for the candidates of rows."""
        width = int(self.how["candidates"]["count"])
        group = np.full((len(rows), width), -1, np.int64)
        score = np.full((len(rows), width), -np.inf)
        left = np.zeros(len(rows))
        for at, part, found in self.parts(rows):
            pairs = self.pairs(part, found)
            own = score[at]
            own[pairs.row, pairs.place] = scores(ranker, pairs)
            group[at, : found.group.shape[1]] = found.group
            left[at] = found.left
        return Scored(group, score, left, rows.cell())


def counted(
    how: Mapping[str, Any],
    clues: Clues,
    known: Names,
    lesson: Lesson,
    features: NDArray[np.float32],
) -> tuple[Transitions, Profiles]:
    """Count rows whose outcome is known.

    Args:
        how: the settings.
        clues: the words.
        known: the groups.
        lesson: the rows.
        features: [rows, all features].
    """
    transitions = Transitions.counted(how, clues, lesson, len(known))
    shape = (len(known), len(clues.buckets))
    profiles = Profiles.counted(
        how["profile"],
        features,
        lesson.final,
        lesson.numbers[BUCKET],
        lesson.weights(),
        shape,
    )
    return transitions, profiles

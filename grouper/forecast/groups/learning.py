"""How the ranker learns: from rows whose own stay is in none of their clues.

Stays are cut into folds by a number made of their id, so that neither the order of the stays nor what
else is in a file matters. A row's clues are counted from the other folds. Of the rows of a stay and
bucket one is learnt from; of those of which the transitions are sure only a share, which weighs more.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.groups.calibration import Scored
from grouper.forecast.groups.clues import BUCKET
from grouper.forecast.groups.engine import Engine, counted
from grouper.forecast.groups.pairs import Rows
from grouper.forecast.groups.ranker import Pupils, trained_ranker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.boost import Booster
    from grouper.forecast.frame import Frame
    from grouper.forecast.groups.clues import Clues
    from grouper.forecast.groups.names import Names
    from grouper.forecast.groups.transitions import Lesson

_MIX = np.uint64(0x9E3779B97F4A7C15)
_MIX_MORE = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(29)
_HALVES = 2


def marks(frame: Frame, seed: int) -> NDArray[np.uint64]:
    """[rows] a number of each row's stay that looks drawn by lot; the same in any order."""
    told = frame.snapshots.courses.cases["case_id"].to_pylist()
    own = np.array([zlib.crc32(str(one).encode()) for one in told], np.uint64)
    return mixed(own[frame.stay] + np.uint64(seed))


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers well mixed (the steps of SplitMix64)."""
    found = values * _MIX
    found = (found ^ (found >> _SHIFT)) * _MIX_MORE
    return found ^ (found >> _SHIFT)


@dataclass(frozen=True, slots=True)
class School:
    """The folds of a lesson.

    Attributes:
        how: the settings (``data/groups.toml``).
        lesson: all rows whose outcome is known.
        rows: the same as they are asked about.
        mark: [rows] of their stays.
        engines: of each fold, counted from the others.
    """

    how: Mapping[str, Any]
    lesson: Lesson
    rows: Rows
    mark: NDArray[np.uint64]
    engines: tuple[Engine, ...]

    @classmethod
    def of(
        cls,
        how: Mapping[str, Any],
        clues: Clues,
        known: Names,
        lesson: Lesson,
        features: NDArray[np.float32],
        mark: NDArray[np.uint64],
    ) -> School:
        """Count what the folds know."""
        rows = Rows(lesson.numbers, lesson.bare, features)
        folds = np.uint64(how["ranker"]["folds"])
        engines = []
        for fold in range(int(folds)):
            others = np.flatnonzero(mark % folds != fold)
            parts = counted(how, clues, known, lesson.take(others), features[others])
            engines.append(Engine.of(how, known, *parts))
        return cls(how, lesson, rows, mark, tuple(engines))

    @property
    def fold(self) -> NDArray[np.int64]:
        """[rows] the fold of each."""
        return (self.mark % np.uint64(len(self.engines))).astype(np.int64)

    def sample(self) -> NDArray[np.int64]:
        """The rows that are looked at: one of each stay and bucket, at most so many as set."""
        bucket = self.lesson.numbers[BUCKET]
        lot = mixed(self.mark + bucket.astype(np.uint64))
        order = np.lexsort((self.rows.features[:, 0], lot))
        _, first, size = np.unique(lot[order], return_index=True, return_counts=True)
        # Which of a stay's rows in the bucket: by the number itself, so not always the first.
        place = first + (lot[order][first] % size.astype(np.uint64)).astype(np.int64)
        return order[place][: int(self.how["ranker"]["rows"])]

    def pupils(self) -> Pupils:
        """The pairs that the ranker learns from."""
        sure, share = float(self.how["ranker"]["sure"]), float(self.how["ranker"]["sure_share"])
        sample = self.sample()
        fold = self.fold
        told = []
        for number, engine in enumerate(self.engines):
            own = sample[fold[sample] == number]
            for at, part, found in engine.parts(self.rows.take(own)):
                place = own[at]
                right = found.group == self.lesson.final[place][:, None]
                certain = found.prior.max(axis=1) >= sure
                lot = mixed(self.mark[place] + _MIX_MORE) / float(np.iinfo(np.uint64).max)
                keep = np.flatnonzero(right.any(axis=1) & (~certain | (lot < share)))
                pairs = engine.pairs(part.take(keep), found.take(keep))
                told.append(
                    Pupils(
                        pairs.values,
                        place[keep][pairs.row],
                        right[keep][pairs.row, pairs.place],
                        pairs.margin,
                        np.where(certain[keep], 1.0 / share, 1.0)[pairs.row],
                    )
                )
        return Pupils.joined(told)

    def trained(self, pupils: Pupils) -> Booster | None:
        """A ranker that learnt from pairs."""
        return trained_ranker(self.how, pupils)

    def held_out(self, pupils: Pupils) -> Scored:
        """What speaks for the candidates of all rows, by rankers that saw no row of their stays.

        The folds are cut into two halves; a ranker learns from each and is asked about the other.
        """
        fold = self.fold
        half = fold % _HALVES
        rankers = [self.trained(pupils.take(half[pupils.row] != own)) for own in range(_HALVES)]
        width = int(self.how["candidates"]["count"])
        group = np.full((len(self.rows), width), -1, np.int64)
        score = np.full((len(self.rows), width), -np.inf)
        left = np.zeros(len(self.rows))
        for number, engine in enumerate(self.engines):
            own = np.flatnonzero(fold == number)
            found = engine.scored(self.rows.take(own), rankers[number % _HALVES])
            group[own], score[own], left[own] = found.group, found.score, found.left
        return Scored(group, score, left, self.rows.cell())

"""Finished stays that a model learns from and is judged by; cut so that nothing else is in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.forecast.course import NO_DAY, Coded, Courses
from grouper.forecast.features import Vocabulary, feature_matrix
from grouper.forecast.frame import Frame, Truth
from grouper.forecast.levels import Levels, levels_of
from grouper.forecast.snapshot import Snapshots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.grid import Grid
    from grouper.forecast.lines import Lines
    from grouper.payment.place import Terms


@dataclass(frozen=True, slots=True)
class History:
    """Finished stays with what was known of them day by day, and what came.

    Attributes:
        frame: their snapshots.
        truth: one row a stay of the frame's courses.
        terms: by which policies they were priced.
        scheme: by which scheme they were grouped; None: what bound each.
    """

    frame: Frame
    truth: Truth
    terms: Terms
    scheme: str | None = None

    def __len__(self) -> int:
        return len(self.frame.snapshots.courses)

    @property
    def ended(self) -> NDArray[np.int64]:
        """Local day of each stay's discharge, as days since 1970."""
        return self.frame.snapshots.courses.end

    @property
    def as_of(self) -> NDArray[np.int64]:
        """Local day of each snapshot: the last one that is known whole; at admission the day before."""
        return as_of(self.frame)

    @property
    def hash(self) -> str:
        """SHA-256 of what would change a back-test: the stays, their days, what came of them."""
        digest = hashlib.sha256()
        courses, truth = self.frame.snapshots.courses, self.truth
        for ident in courses.texts("case_id"):
            digest.update(f"{ident}\0".encode())
        for level in truth.levels.words:
            digest.update("\0".join(truth.levels.texts(level).tolist()).encode())
        arrays = (courses.start, courses.end, truth.cost, truth.los, *truth.money.values())
        for array in (*arrays, self.frame.stay, self.frame.day, self.frame.features):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def only(self, stays: NDArray[np.bool_]) -> History:
        """Some stays as if there were no others: courses, words and groups of the rest are gone.

        Args:
            stays: which, one place a stay.
        """
        frame = self.frame
        rows = np.flatnonzero(stays[frame.stay])
        new = np.cumsum(stays) - 1
        courses, grid = _courses(frame.snapshots.courses, frame.snapshots.grid, stays, new)
        snapshots = Snapshots(courses, grid, new[frame.stay[rows]], frame.day[rows])
        at = pa.array(rows)
        known, results = frame.known.take(at), frame.results.take(at)
        words = words_of(known)
        features = feature_matrix(snapshots, known, words, self.terms.region)
        bare = levels_of(results)
        truth = self.truth.take(np.flatnonzero(stays))
        return replace(
            self,
            frame=Frame(snapshots, known, features, results, bare, words),
            truth=replace(truth, levels=_pruned(truth.levels)),
        )


def as_of(frame: Frame) -> NDArray[np.int64]:
    """Local day of each snapshot, as days since 1970; at admission the day before."""
    return frame.snapshots.courses.start[frame.stay] + frame.day - 1


def with_words(frame: Frame, words: Vocabulary, region: str | None = None) -> Frame:
    """A frame as a model with other words sees it.

    Args:
        frame: any.
        words: of the model.
        region: of cases that name none.
    """
    features = feature_matrix(frame.snapshots, frame.known, words, region)
    return replace(frame, features=features, vocabulary=words)


def words_of(known: pa.RecordBatch) -> Vocabulary:
    """The departments that some snapshots name."""
    seen: set[str] = set()
    for name in ("department", "admission_department"):
        seen |= set(pc.unique(known[name].cast(pa.string())).to_pylist())
    return Vocabulary({"department": tuple(sorted(word for word in seen if word))})


def _courses(
    courses: Courses, grid: Grid, stays: NDArray[np.bool_], new: NDArray[np.int64]
) -> tuple[Courses, Grid]:
    lines, wards = _lines(courses.lines, stays, new)
    cut = Courses(
        courses.cases.filter(pa.array(stays)),
        courses.start[stays],
        courses.end[stays],
        _coded(courses.dx, stays, new),
        _coded(courses.px, stays, new),
        lines,
    )
    cells = np.repeat(stays, grid.days)
    days = grid.days[stays]
    ward = grid.ward[cells]
    return cut, replace(
        grid,
        first=np.cumsum(days) - days,
        days=days,
        sums=grid.sums[cells],
        ward=np.where(ward >= 0, wards[ward], -1),
        dearest=grid.dearest[cells],
        operated=grid.operated[cells],
        level=grid.level[cells],
    )


def _coded(block: Coded, stays: NDArray[np.bool_], new: NDArray[np.int64]) -> Coded:
    keep = stays[block.stay]
    used, code = np.unique(block.code[keep], return_inverse=True)
    return Coded(
        new[block.stay[keep]],
        block.place[keep],
        code.astype(np.int64),
        block.day[keep],
        block.mark[keep],
        tuple(block.codes[number] for number in used.tolist()),
        block.undated[stays],
    )


def _lines(
    lines: Lines, stays: NDArray[np.bool_], new: NDArray[np.int64]
) -> tuple[Lines, NDArray[np.int64]]:
    """The lines of some stays, and the new number of each ward."""
    keep = stays[lines.stay]
    used = np.unique(lines.ward[keep])
    used = used[used >= 0]
    wards = np.full(len(lines.wards) + 1, -1, np.int64)
    wards[used] = np.arange(len(used))
    cut = replace(
        lines,
        stay=new[lines.stay[keep]],
        day=lines.day[keep],
        kind=lines.kind[keep],
        amount=lines.amount[keep],
        own=lines.own[keep],
        over=lines.over[keep],
        first=lines.first[keep],
        marks=lines.marks[keep],
        ward=wards[lines.ward[keep]],
        wards=tuple(lines.wards[number] for number in used.tolist()),
        undated=lines.undated[stays],
    )
    return cut, wards


def _pruned(levels: Levels) -> Levels:
    """Levels without words that no row has."""
    words, codes = {}, {}
    for level, own in levels.words.items():
        used, code = np.unique(levels.codes[level], return_inverse=True)
        words[level] = tuple(own[number] for number in used.tolist())
        codes[level] = code.astype(np.int64)
    groups = set(words["group"])
    names = {group: name for group, name in levels.names.items() if group in groups}
    return Levels(words, codes, levels.status, names)


def finished(history: History) -> NDArray[np.bool_]:
    """Which stays have both days and a cost: only these can be learnt from and judged."""
    courses = history.frame.snapshots.courses
    known: NDArray[np.bool_] = (courses.start != NO_DAY) & (courses.end != NO_DAY)
    return known & ~np.isnan(history.truth.cost)

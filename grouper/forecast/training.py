"""Training: from finished stays to a forecaster, in steps that tell how far they are.

The later part of the stays, by their discharge, is kept apart: on it probabilities and intervals are
calibrated, and nothing else is learnt from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.amounts.model import AmountModel
from grouper.forecast.course import NO_DAY
from grouper.forecast.errors import ForecastError
from grouper.forecast.forecaster import Forecaster, Setup
from grouper.forecast.frame import frame_of, truth_of
from grouper.forecast.groups.model import GroupModel
from grouper.forecast.levels import GROUP
from grouper.forecast.snapshot import snapshots_of
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from grouper.forecast.archive import Archive
    from grouper.forecast.frame import Frame, Truth
    from grouper.payment.place import Terms

STEPS = ("courses", "snapshots", "truth", "groups", "amounts", "calibration")
"""The steps of training, in their order."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a forecaster learns from: snapshots of finished stays and what came of them.

    Attributes:
        frame: one row a snapshot.
        truth: one row a stay of the frame's courses.
        stays: how many stays there are.
    """

    frame: Frame
    truth: Truth
    stays: int

    def rows(self, stays: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The snapshots of some stays."""
        return np.flatnonzero(stays[self.frame.stay])


def lesson_of(
    archive: Archive,
    terms: Terms,
    *,
    scheme: str | None = None,
    days: tuple[int, ...] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Lesson:
    """Snapshots and what came of them, of an archive's finished stays.

    Args:
        archive: the stays.
        terms: the region, and by which policies the truth is priced.
        scheme: for all cases; None: what binds each.
        days: of the stay; None: those of ``data/training.toml``.
        progress: called with each step.

    Raises:
        GrouperError: a scheme's book is not at hand.
    """
    say = progress or (lambda _: None)
    say("courses")
    finished = archive.finished()
    courses = finished.courses()
    say("snapshots")
    wanted = tuple(toml("training.toml")["days"]) if days is None else days
    frame = frame_of(snapshots_of(courses, wanted), terms.region, scheme=scheme)
    say("truth")
    truth = truth_of(finished.cases, courses.los, terms, scheme)
    return Lesson(frame, truth, len(finished))


def train(
    archive: Archive,
    terms: Terms,
    *,
    scheme: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Forecaster:
    """Train a forecaster.

    Args:
        archive: finished stays (those that still run are passed over).
        terms: the region, and by which policies cases are priced.
        scheme: for all cases; None: what binds each on its day.
        progress: called with each of :data:`STEPS`.

    Raises:
        ForecastError: ``FORECAST_TOO_LITTLE``: fewer stays than training needs;
            ``FORECAST_NOT_INSTALLED``.
        GrouperError: a scheme's book is not at hand.
    """
    finished = archive.finished()
    least = int(toml("training.toml")["least_stays"])
    if len(finished) < least:
        raise ForecastError("FORECAST_TOO_LITTLE", found=len(finished), least=least)
    return learn(
        lesson_of(finished, terms, scheme=scheme, progress=progress), terms, scheme, progress
    )


def learn(
    lesson: Lesson,
    terms: Terms,
    scheme: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Forecaster:
    """As :func:`train`, of a lesson that is at hand."""
    say = progress or (lambda _: None)
    earlier, later = split(lesson.frame.snapshots.courses.end)
    valid = lesson.truth.valid
    fit = lesson.frame.take(lesson.rows(earlier & valid))
    check = lesson.frame.take(lesson.rows(later & valid))
    say("groups")
    groups, foretold = GroupModel.trained(fit, lesson.truth, toml("groups.toml"))
    groups = groups.calibrated(check, lesson.truth)
    say("amounts")
    amounts = AmountModel.trained(fit, lesson.truth, foretold, toml("amounts.toml"))
    say("calibration")
    amounts = amounts.calibrated(check, lesson.truth, groups.predict(check), terms)
    learnt = lesson.truth.take(np.flatnonzero(earlier & valid)).levels
    titles = {group: learnt.names.get(group, "") for group in sorted(set(learnt.texts(GROUP)))}
    about = _about(lesson, earlier)
    setup = Setup(region=terms.region, scheme=scheme, titles=titles, about=about)
    return Forecaster(setup, lesson.frame.vocabulary, groups, amounts)


def split(ends: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The earlier stays, which are learnt from, and the later ones, which calibrate.

    Whole days fall on one side.

    Args:
        ends: local day of each discharge.
    """
    share = float(toml("training.toml")["calibration_share"])
    known = np.sort(ends[ends != NO_DAY])
    border = known[min(int(len(known) * (1 - share)), len(known) - 1)] if len(known) else 0
    return (ends < border) & (ends != NO_DAY), ends >= border


def _about(lesson: Lesson, earlier: NDArray[np.bool_]) -> dict[str, Any]:
    ends = lesson.frame.snapshots.courses.end
    days = ends[ends != NO_DAY].astype("datetime64[D]")
    border = ends[earlier].max().astype("datetime64[D]") if earlier.any() else days.min()
    return {
        "stays": int(lesson.stays),
        "snapshots": len(lesson.frame),
        "invalid": int((~lesson.truth.valid).sum()),
        "first_discharge": str(days.min()),
        "last_discharge": str(days.max()),
        "learnt_until": str(border),
        "schemes": sorted(set(lesson.frame.results["scheme"].unique().to_pylist()) - {None}),
        "longest_day": int(lesson.frame.day.max()),
    }

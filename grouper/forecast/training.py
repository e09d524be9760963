"""Training: from finished stays to a forecaster, in steps that tell how far they are.

The later part of the stays, by their discharge, is kept apart: on it probabilities and intervals are
calibrated, and nothing else is learnt from it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.amounts.model import AmountModel
from grouper.forecast.course import NO_DAY
from grouper.forecast.doubts import lacking
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.history import History, finished
from grouper.forecast.forecaster import Forecaster, Setup
from grouper.forecast.frame import frame_of, truth_of
from grouper.forecast.groups.model import GroupModel
from grouper.forecast.levels import GROUP
from grouper.forecast.registry import provenance
from grouper.forecast.snapshot import snapshots_of
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from grouper.forecast.archive import Archive
    from grouper.forecast.frame import Frame
    from grouper.payment.place import Terms

STEPS = ("courses", "snapshots", "truth", "groups", "amounts", "calibration")
"""The steps of training, in their order."""


def history_of(
    archive: Archive,
    terms: Terms,
    *,
    scheme: str | None = None,
    days: tuple[int, ...] | None = None,
    progress: Callable[[str], None] | None = None,
) -> History:
    """Snapshots of an archive's finished stays, and what came of them.

    Args:
        archive: the stays; those that still run are passed over.
        terms: the region, and by which policies the truth is priced.
        scheme: for all cases; None: what binds each.
        days: of the stay; None: those of ``data/training.toml``.
        progress: called with each step.

    Raises:
        GrouperError: a scheme's book is not at hand.
    """
    say = progress or (lambda _: None)
    say("courses")
    ended = archive.finished()
    courses = ended.courses()
    say("snapshots")
    wanted = tuple(toml("training.toml")["days"]) if days is None else days
    frame = frame_of(snapshots_of(courses, wanted), terms.region, scheme=scheme)
    say("truth")
    return History(frame, truth_of(ended.cases, courses.los, terms, scheme), terms, scheme)


def learn(history: History, progress: Callable[[str], None] | None = None) -> Forecaster:
    """Train a forecaster.

    Args:
        history: finished stays with their snapshots.
        progress: called with each of :data:`STEPS` that begins here.

    Raises:
        ForecastError: ``FORECAST_TOO_LITTLE``: fewer stays than training needs;
            ``FORECAST_NOT_INSTALLED``.
    """
    say = progress or (lambda _: None)
    usable = finished(history) & history.truth.valid
    least = int(toml("training.toml")["least_stays"])
    if usable.sum() < least:
        raise ForecastError("FORECAST_TOO_LITTLE", found=int(usable.sum()), least=least)
    frame, truth, terms = history.frame, history.truth, history.terms
    earlier, later = split(history.ended)
    fit = frame.take(np.flatnonzero((usable & earlier)[frame.stay]))
    check = frame.take(np.flatnonzero((usable & later)[frame.stay]))
    say("groups")
    groups = GroupModel.taught(fit, truth, toml("groups.toml")).calibrated(check, truth)
    say("amounts")
    amounts = AmountModel.trained(fit, truth)
    say("calibration")
    amounts = amounts.calibrated(check, truth, groups.predict(check), terms)
    learnt = truth.take(np.flatnonzero(usable & earlier)).levels
    titles = {group: learnt.names.get(group, "") for group in sorted(set(learnt.texts(GROUP)))}
    about = _about(history, usable, earlier)
    setup = Setup(
        region=terms.region,
        scheme=history.scheme,
        titles=titles,
        about=about,
        lacking=lacking(fit),
    )
    return Forecaster(setup, frame.vocabulary, groups, amounts)


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


def _about(
    history: History, usable: NDArray[np.bool_], earlier: NDArray[np.bool_]
) -> dict[str, Any]:
    days = history.ended[usable].astype("datetime64[D]")
    schemes = set(history.frame.results["scheme"].unique().to_pylist()) - {None}
    return {
        "stays": int(usable.sum()),
        "snapshots": int(usable[history.frame.stay].sum()),
        "invalid": int((~history.truth.valid).sum()),
        "first_discharge": str(days.min()),
        "last_discharge": str(days.max()),
        "learnt_until": str(history.ended[usable & earlier].max().astype("datetime64[D]")),
        "schemes": sorted(schemes),
    }


@dataclass(frozen=True, slots=True)
class Learner:
    """The forecaster as something a back-test can train and judge.

    Attributes:
        progress: called with the steps of each training.
    """

    progress: Callable[[str], None] | None = None

    @property
    def name(self) -> str:
        """What it is called in reports."""
        return "grouper"

    @property
    def version(self) -> str:
        """Hash of the code and the settings out of which its answers come."""
        made = {"code": provenance.sources_hash(), "settings": provenance.settings()}
        return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()

    def train(self, history: History) -> Callable[[Frame], pa.Table]:
        """Learn from finished stays; what answers snapshots.

        Raises:
            ForecastError: as :func:`learn`.
        """
        forecaster = learn(history, self.progress)
        return lambda frame: forecaster.of_frame(frame, history.terms)

"""The model of the final group: taught on finished stays, calibrated on later ones, asked about others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.errors import ForecastError
from grouper.forecast.groups.calibration import Calibration, Scored
from grouper.forecast.groups.clues import Clues
from grouper.forecast.groups.engine import Engine, counted
from grouper.forecast.groups.forecast import PAD, GroupForecast
from grouper.forecast.groups.learning import School, marks
from grouper.forecast.groups.names import Names
from grouper.forecast.groups.pairs import Rows
from grouper.forecast.groups.settings import checked
from grouper.forecast.groups.storage import Parts, files_of, parts_of
from grouper.forecast.groups.transitions import Lesson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.frame import Frame, Truth
    from grouper.forecast.groups.ranker import Pupils


@dataclass(frozen=True, slots=True)
class GroupModel:
    """Foretells the final group of rows.

    Attributes:
        parts: what it is made of.
        engine: the same, ready to be asked.
    """

    parts: Parts
    engine: Engine

    @classmethod
    def of(cls, parts: Parts) -> GroupModel:
        """The model of its parts."""
        engine = Engine.of(parts.how, parts.known, parts.transitions, parts.profiles)
        return cls(parts, engine)

    @classmethod
    def trained(
        cls, frame: Frame, truth: Truth, how: Mapping[str, Any]
    ) -> tuple[GroupModel, GroupForecast]:
        """Train on finished stays; rows whose final record is invalid are not learnt from.

        Args:
            frame: their snapshots.
            truth: what came, one row a stay of the courses.
            how: the settings (``data/groups.toml``).

        Returns:
            The model, and forecasts of the same rows by rankers and counts that did not see their
            stays (of rows whose final record is invalid: by the model itself).

        Raises:
            ForecastError: ``FORECAST_TOO_LITTLE`` (no stay to learn from), ``FORECAST_NOT_INSTALLED``.
            ValueError: settings that cannot be used; KeyError, TypeError too.
        """
        good = _learnable(frame, truth)
        school, clues, known = _school(frame.take(good), truth, checked(how))
        pupils = school.pupils()
        held = school.held_out(pupils)
        final = school.lesson.final
        calibration = Calibration.learnt(how["calibration"], held, final, clues.cells)
        model = cls.of(_parts(school, pupils, clues, known, calibration))
        bad = np.flatnonzero(~truth.valid[frame.stay])
        rest = model.predict(frame.take(bad))
        code = np.empty((len(frame), rest.code.shape[1]), np.int64)
        probability = np.empty(code.shape)
        code[good], probability[good] = _ordered(held, calibration)
        code[bad], probability[bad] = rest.code, rest.probability
        return model, replace(rest, code=code, probability=probability)

    @classmethod
    def taught(cls, frame: Frame, truth: Truth, how: Mapping[str, Any]) -> GroupModel:
        """As :meth:`trained` without forecasts of the same rows, in about half the time.

        Its probabilities are to be calibrated on later stays.

        Args:
            frame: snapshots of finished stays.
            truth: what came, one row a stay of the courses.
            how: the settings (``data/groups.toml``).

        Raises:
            ForecastError: ``FORECAST_TOO_LITTLE`` (no stay to learn from), ``FORECAST_NOT_INSTALLED``.
            ValueError: settings that cannot be used; KeyError, TypeError too.
        """
        good = _learnable(frame, truth)
        school, clues, known = _school(frame.take(good), truth, checked(how))
        none = school.engines[0].scored(school.rows.take(slice(0, 0)), None)
        calibration = Calibration.learnt(
            how["calibration"], none, school.lesson.final[:0], clues.cells
        )
        return cls.of(_parts(school, school.pupils(), clues, known, calibration))

    def calibrated(self, frame: Frame, truth: Truth) -> GroupModel:
        """The same with probabilities as later stays had them.

        Args:
            frame: snapshots of stays that the model did not learn from.
            truth: what came, one row a stay of the courses.
        """
        later = frame.take(np.flatnonzero(truth.valid[frame.stay]))
        if not len(later):
            return self
        known, scored = self._scored(later)
        came = truth.take(later.stay).levels
        final = known.with_those_of(came).numbers(came)
        how = self.parts.how
        calibration = Calibration.learnt(how["calibration"], scored, final, self.parts.clues.cells)
        return replace(self, parts=replace(self.parts, calibration=calibration))

    def predict(self, frame: Frame) -> GroupForecast:
        """Likely final groups of rows."""
        known, scored = self._scored(frame)
        code, probability = _ordered(scored, self.parts.calibration)
        return GroupForecast(code, probability, known.names, known.adrg, known.mdc)

    def gains(self) -> dict[str, float]:
        """How much each feature of a pair brought in training, as shares of the whole."""
        return self.parts.ranker.gains() if self.parts.ranker else {}

    def files(self) -> dict[str, bytes]:
        """The model as files; nothing in them can be run."""
        return files_of(self.parts)

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> GroupModel:
        """The model of its files.

        Args:
            files: as :meth:`files` gave them.

        Raises:
            ForecastError: ``FORECAST_MODEL_UNREADABLE``; ``FORECAST_NOT_INSTALLED``.
        """
        return cls.of(parts_of(files))

    def _scored(self, frame: Frame) -> tuple[Names, Scored]:
        known = self.parts.known.with_those_of(frame.bare)
        rows = Rows(self.parts.clues.numbers(frame), known.numbers(frame.bare), frame.features)
        return known, self.engine.widened(known).scored(rows, self.parts.ranker)


def _learnable(frame: Frame, truth: Truth) -> NDArray[np.int64]:
    """The rows whose final record is valid.

    Raises:
        ForecastError: ``FORECAST_TOO_LITTLE``: there is none.
    """
    good = np.flatnonzero(truth.valid[frame.stay])
    if not len(good):
        raise ForecastError("FORECAST_TOO_LITTLE", found=0, least=1)
    return good


def _school(frame: Frame, truth: Truth, how: Mapping[str, Any]) -> tuple[School, Clues, Names]:
    """The folds of rows, and the words and groups that they name."""
    came = truth.take(frame.stay).levels
    clues = Clues.learnt(how["buckets"], frame)
    known = Names.learnt(came, frame.bare)
    lesson = Lesson(
        clues.numbers(frame), known.numbers(frame.bare), known.numbers(came), frame.stay
    )
    mark = marks(frame, int(how["ranker"]["trees"]["seed"]))
    return School.of(how, clues, known, lesson, frame.features, mark), clues, known


def _parts(
    school: School, pupils: Pupils, clues: Clues, known: Names, calibration: Calibration
) -> Parts:
    """What a model is made of: counts of all rows, and a ranker that learnt from all folds."""
    transitions, profiles = counted(school.how, clues, known, school.lesson, school.rows.features)
    ranker = school.trained(pupils)
    return Parts(school.how, known, clues, transitions, profiles, ranker, calibration)


def _ordered(
    scored: Scored, calibration: Calibration
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Groups and probabilities of rows, the likeliest first; of equal ones the bare answer."""
    probability = calibration.probabilities(scored)
    order = np.argsort(-probability, axis=1, kind="stable")
    code = np.take_along_axis(scored.group, order, axis=1)
    probability = np.take_along_axis(probability, order, axis=1)
    probability[code == PAD] = 0.0
    return code, probability

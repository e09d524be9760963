"""The forecaster: a model of groups and one of amounts together, asked about cases of a day."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from codebooks.plain import json_of
from grouper.case.dates import DAY_SECONDS, LOCAL, OFFSET
from grouper.forecast.amounts.model import AmountModel
from grouper.forecast.answers import answers, refusals
from grouper.forecast.course import BEYOND, NO_DAY, courses_of_cases, held
from grouper.forecast.doubts import refused, unstated, warnings
from grouper.forecast.errors import ForecastError
from grouper.forecast.features import Vocabulary
from grouper.forecast.frame import Frame, frame_of
from grouper.forecast.groups.model import GroupModel
from grouper.forecast.insured import insurances
from grouper.forecast.result import FORECAST_SCHEMA, ForecastReason
from grouper.forecast.snapshot import Snapshots, snapshots_at
from grouper.forecast.tables import toml
from grouper.payment.place import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from grouper.case.record import Case
    from grouper.forecast.course import Courses

_SETUP = "forecaster.json"
_GROUPS, _AMOUNTS = "groups.", "amounts."


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """For which cases a forecaster was made.

    Attributes:
        region: whose scheme and policy held.
        scheme: the scheme that was asked for; None: what binds each case.
        titles: what the groups that it has learnt are called.
        about: what it was made of, for its card.
        lacking: shares of the training's snapshots that lacked lines, sex, age or diagnoses.
    """

    region: str
    scheme: str | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    lacking: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forecaster:
    """Foretells group, cost, stay and payment of cases.

    Attributes:
        setup: for which cases.
        vocabulary: the words it knows.
        groups: the model of groups.
        amounts: the model of costs, stays and payments.
        id: of the model in the registry; empty: none.
    """

    setup: Setup
    vocabulary: Vocabulary
    groups: GroupModel
    amounts: AmountModel
    id: str = ""

    def frame(self, snapshots: Snapshots) -> Frame:
        """Snapshots as this forecaster sees them.

        Raises:
            GrouperError: a scheme's book is not at hand.
        """
        return frame_of(snapshots, self.setup.region, self.vocabulary, self.setup.scheme)

    def of_frame(
        self,
        frame: Frame,
        terms: Terms,
        *,
        at: NDArray[np.int64] | None = None,
        drivers: bool = False,
    ) -> pa.Table:
        """Forecasts of snapshots: ``FORECAST_SCHEMA``, one row each.

        Args:
            frame: as :meth:`frame` gives it.
            terms: by which policies payments are foretold.
            at: the moment of each, as seconds since 1970; None: the midnight after its last day.
            drivers: whether the strongest effects are named.

        Raises:
            GrouperError: a policy cannot be used.
        """
        if not len(frame):
            return FORECAST_SCHEMA.empty_table()
        groups = self.groups.predict(frame)
        doubted, told = unstated(frame, self), None
        if drivers:
            most = int(toml("training.toml")["drivers"])
            amounts, told = self.amounts.explained(frame, groups, terms, most, doubted)
        else:
            amounts = self.amounts.predict(frame, groups, terms, doubted)
        if at is None:
            start = frame.snapshots.courses.start[frame.stay]
            at = (start + frame.day) * DAY_SECONDS - OFFSET
        doubts = warnings(frame, amounts, self)
        titles = {**self.setup.titles, **frame.bare.names}
        return answers(
            frame,
            groups,
            amounts,
            titles,
            model=self.id,
            at=at,
            doubts=doubts,
            insurance=insurances(frame.known, terms),
            drivers=told,
        )

    def forecast(
        self,
        cases: Sequence[Case],
        at: datetime,
        terms: Terms | None = None,
        *,
        drivers: bool = False,
    ) -> pa.Table:
        """Forecasts of running cases: ``FORECAST_SCHEMA``, one row a case in their order.

        Charges count to the midnight before ``at``, diagnoses and procedures as the record has them.
        A case that cannot be foretold stands there with its reason.

        Args:
            cases: with their charge lines.
            at: the moment; aware.
            terms: by which policies payments are foretold; None: those at hand for the region.
            drivers: whether the strongest effects are named.

        Raises:
            GrouperError: a scheme's book is not at hand, or a policy cannot be used.
        """
        if not cases:
            return FORECAST_SCHEMA.empty_table()
        beyond: list[int] = []
        try:
            courses = courses_of_cases(cases)
        except BEYOND:
            cases, beyond = held(cases)
            courses = courses_of_cases(cases)
        found = self.of_courses(courses, at, terms, drivers=drivers)
        if not beyond:
            return found
        reasons = found["reason"].to_pylist()
        for place in beyond:
            reasons[place] = ForecastReason.VALUES.value
        column = FORECAST_SCHEMA.get_field_index("reason")
        return found.set_column(
            column, FORECAST_SCHEMA.field(column), pa.array(reasons, pa.string())
        )

    def of_courses(
        self, courses: Courses, at: datetime, terms: Terms | None = None, *, drivers: bool = False
    ) -> pa.Table:
        """As :meth:`forecast`, of courses: of a stay that ended later, as it was known then."""
        moment = int(at.timestamp())
        today = (moment + OFFSET) // DAY_SECONDS
        day = np.where(courses.start == NO_DAY, 0, today - courses.start)
        reasons = refused(courses, day, moment, self)
        good = np.array([reason is None for reason in reasons], bool)
        moments = np.full(len(courses), moment, np.int64)
        courses = courses.known_now(day)
        place = terms or Terms(region=self.setup.region, today=at.astimezone(LOCAL).date())
        told = _nobody()
        if good.any():
            snapshots = snapshots_at(courses, day)
            if not good.all():
                snapshots = snapshots.take(np.flatnonzero(good))
            frame = self.frame(snapshots)
            schemes = frame.results["scheme"].to_pylist()
            learnt = set(self.setup.about.get("schemes", ())) or set(schemes)
            bound = np.array([scheme in learnt - {None} for scheme in schemes], bool)
            for row in np.flatnonzero(~bound):
                none = schemes[row] is None
                reasons[frame.stay[row]] = (
                    ForecastReason.SCHEME if none else ForecastReason.OTHER_SCHEME
                )
            good[frame.stay[~bound]] = False
            frame = frame if bound.all() else frame.take(bound)
            told = self.of_frame(frame, place, at=moments[good], drivers=drivers)
        if good.all():
            return told
        parts = [refusals(courses, day, reasons, model=self.id, at=moments), told]
        places = np.concatenate([np.flatnonzero(~good), np.flatnonzero(good)])
        order = np.argsort(places, kind="stable")
        return pa.concat_tables(parts).take(pa.array(order)).combine_chunks()

    def files(self) -> dict[str, bytes]:
        """The model as files; nothing in them can be run."""
        setup = {
            "region": self.setup.region,
            "scheme": self.setup.scheme,
            "titles": dict(self.setup.titles),
            "about": dict(self.setup.about),
            "lacking": dict(self.setup.lacking),
            "vocabulary": {name: list(words) for name, words in self.vocabulary.words.items()},
        }
        found = {_SETUP: json.dumps(setup, ensure_ascii=False, indent=1).encode()}
        found |= {_GROUPS + name: raw for name, raw in self.groups.files().items()}
        return found | {_AMOUNTS + name: raw for name, raw in self.amounts.files().items()}

    @classmethod
    def read(cls, files: Mapping[str, bytes], model: str = "") -> Forecaster:
        """The forecaster of its files.

        Args:
            files: as :meth:`files` gave them; their hashes are for the caller to check before.
            model: its id.

        Raises:
            ForecastError: ``FORECAST_MODEL_UNREADABLE``, with the part that cannot be read;
                ``FORECAST_NOT_INSTALLED``.
        """
        try:
            made, words = _setup(files[_SETUP])
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ForecastError("FORECAST_MODEL_UNREADABLE", part=_SETUP) from error
        parts = {
            part: {
                name.removeprefix(part): raw for name, raw in files.items() if name.startswith(part)
            }
            for part in (_GROUPS, _AMOUNTS)
        }
        groups = GroupModel.read(parts[_GROUPS])
        amounts = AmountModel.read(parts[_AMOUNTS])
        return cls(made, Vocabulary(words), groups, amounts, model)


def _setup(raw: bytes) -> tuple[Setup, dict[str, tuple[str, ...]]]:
    """The setup and the words of its file.

    Raises:
        KeyError, ValueError, TypeError, AttributeError: it is of another form.
    """
    told = json_of(raw)
    words = {name: tuple(own) for name, own in told["vocabulary"].items()}
    known = ("region", "scheme", "titles", "about", "lacking")
    made = Setup(**{name: told[name] for name in known})
    texts = [made.region, *made.titles.values(), *(word for own in words.values() for word in own)]
    if made.scheme is not None:
        texts.append(made.scheme)
    good = all(isinstance(word, str) for word in texts) and "department" in words
    good = good and all(isinstance(share, int | float) for share in made.lacking.values())
    if not good or not isinstance(made.about.get("schemes", []), list):
        raise TypeError(_SETUP)
    return made, words


@cache
def _nobody() -> pa.Table:
    return FORECAST_SCHEMA.empty_table()

"""An outlook: point values and amounts, each with intervals, and what of it is certain."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

    from grouper.forecast.outlook.cases import Part
    from grouper.forecast.outlook.published import Pool
    from grouper.payment.sheet import Line


class Basis(StrEnum):
    """What a point value rests on."""

    PUBLISHED = "published"
    FINAL = "final"
    CLOSED = "closed"
    FORECAST = "forecast"
    PRICED = "priced"


class Span(NamedTuple):
    """An interval that is to hold a share of outcomes."""

    level: float
    low: Decimal
    high: Decimal


class Note(NamedTuple):
    """What has to be said of a figure: a code (``reason.<CODE>``) and the values of its text."""

    code: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """The point value of one method and insurance in a month or year.

    Attributes:
        pool: method and insurance.
        value: in yuan; None: not known, ``reason`` says why.
        basis: what it rests on.
        spans: intervals; of no width where it is published or closed.
        baseline: the point value last published, to be compared with.
        lines: the arithmetic.
        reason: why there is none, or why cases stand as they were priced.
        notes: what else has to be said.
    """

    pool: Pool
    value: Decimal | None
    basis: Basis
    spans: tuple[Span, ...] = ()
    baseline: Decimal | None = None
    lines: tuple[Line, ...] = ()
    reason: Note | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure of one part: expected = certain + running + coming.

    Attributes:
        certain: of closed cases, exact at the expected point value.
        running, coming: expected of running cases, and of those to come.
        spans: of the whole.
    """

    certain: Decimal
    running: Decimal
    coming: Decimal
    spans: tuple[Span, ...]

    @property
    def expected(self) -> Decimal:
        """The sum of the three."""
        return self.certain + self.running + self.coming


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOutlook:
    """A part of a month or year.

    Attributes:
        part: method and insurance.
        figures: by measure of :data:`grouper.forecast.outlook.cases.MEASURES`; those that cannot be
            forecast are lacking.
        closed: the certain part of each measure, also where no figure can be given.
        reason: why figures are lacking.
        lines: the arithmetic of the fund's part.
    """

    part: Part
    figures: Mapping[str, Figure]
    closed: Mapping[str, Decimal]
    reason: Note | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A month or a year.

    Attributes:
        name: such as ``2026-11`` or ``2026``.
        policy: id of the policy of its last day.
        worths: point values by pool.
        parts: by method and insurance.
        whole: all parts together; empty where one of them cannot be forecast.
        lines: the arithmetic of the fund's part of all.
        assumptions: paths of the policy's values that are assumptions.
    """

    name: str
    policy: str
    worths: tuple[Worth, ...]
    parts: tuple[PartOutlook, ...]
    whole: Mapping[str, Figure]
    lines: tuple[Line, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A month and its year as they look on a day.

    Attributes:
        region, hospital: whose; the hospital where all cases are of one.
        as_of: the last day that is known.
        month, year: the two periods.
        settings: hash of the parameters.
        inputs: hash of what was known: published months and sums of cases.
        draws: of the simulation.
        cases: priced cases that were known; ``undated`` ones are left out, ``later`` ones, after
            ``as_of``, were not looked at.
        running: running cases that were given; ``unknown`` of them without amounts.
        published: the last published month of each pool.
        ahead: published months that were passed over, because they were not over on that day.
        notes: what has to be said of all.
    """

    region: str
    hospital: str | None
    as_of: date
    month: Period
    year: Period
    settings: str
    inputs: str
    draws: int
    cases: int
    undated: int = 0
    later: int = 0
    running: int = 0
    unknown: int = 0
    published: Mapping[Pool, str] = field(default_factory=dict)
    ahead: int = 0
    notes: tuple[Note, ...] = ()

    @property
    def periods(self) -> tuple[Period, Period]:
        """The month and the year."""
        return self.month, self.year

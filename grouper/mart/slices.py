"""A slice of the mart: which cases a figure is of, and what the one who asks may see of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from grouper.mart.errors import MartError


class Axis(StrEnum):
    """By what figures are told apart."""

    DEPARTMENT = "department"
    GROUP = "group"
    ADRG = "adrg"
    MDC = "mdc"
    PHYSICIAN = "physician"
    MONTH = "month"
    INSURANCE = "insurance"
    BAND = "band"
    KIND = "kind"


INPATIENT = ("inpatient",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which cases.

    Attributes:
        since: first local day of discharge.
        until: the day after the last one.
        reach: departments that may be seen; None: all; none at all: nothing.
        departments, groups, adrgs, mdcs, physicians, insurances, bands, statuses: any of them;
            empty: all.
        kinds: of cases; visits are counted apart from stays.
        reasons, pay_reasons, share_reasons: why they are not plainly grouped, not priced, or their
            patient's part is not known; any of them; empty: all.
        notes: codes of remarks on them; any.
        gaps: fields that they lack though these are asked of them; any.
    """

    since: date
    until: date
    reach: tuple[str, ...] | None
    departments: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    adrgs: tuple[str, ...] = ()
    mdcs: tuple[str, ...] = ()
    physicians: tuple[str, ...] = ()
    insurances: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    kinds: tuple[str, ...] = INPATIENT
    reasons: tuple[str, ...] = ()
    pay_reasons: tuple[str, ...] = ()
    share_reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the days.

        Raises:
            MartError: ``MART_DAYS_BACKWARDS``: the period has no day.
        """
        if self.until <= self.since:
            raise MartError(
                "MART_DAYS_BACKWARDS",
                since=self.since.isoformat(),
                last=(self.until - timedelta(days=1)).isoformat(),
            )

    @property
    def days(self) -> int:
        """How many days the period has."""
        return (self.until - self.since).days

    def before(self) -> Slice:
        """The same slice of the period of the same length before."""
        return replace(self, since=self.since - timedelta(days=self.days), until=self.since)

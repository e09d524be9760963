"""What an office knows of its region and its cases, to be asked for many days and months."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.cases import Cases
from grouper.forecast.outlook.looking import Look
from grouper.forecast.outlook.months import at, day_of, month_of, number
from grouper.forecast.outlook.settings import Settings
from grouper.payment.settlement.looked import Looked
from grouper.payment.settlement.month import facts_of
from grouper.payment.settlement.priced import Priced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import pyarrow as pa

    from codebooks.policies.policies import Policies
    from grouper.forecast.outlook.published import Published
    from grouper.forecast.outlook.result import Outlook
    from grouper.forecast.outlook.running import Running


@dataclass(frozen=True)
class Office:
    """What an office knows of its region and its cases; asked for many days and months.

    Attributes:
        region: whose policy.
        at_hand: the policies.
        facts: dimensions of the policy's values that are the same for all cases.
        priced: the table of all cases.
        cases: the same as an outlook reads them, cut where a forecast is made.
        published: the bureau's months, cut likewise.
        settings: the parameters.
    """

    region: str
    at_hand: Policies
    facts: Mapping[str, str | None]
    priced: Priced
    cases: Cases
    published: Published
    settings: Settings

    @classmethod
    def of(
        cls,
        table: pa.Table,
        published: Published,
        *,
        region: str,
        day: date,
        at_hand: Policies,
        hospital: str | None = None,
        settings: Settings | None = None,
    ) -> Office:
        """Read the priced cases.

        Args:
            table: as :meth:`grouper.payment.settlement.priced.Priced.of` reads it.
            published: the bureau's months.
            region: by whose policy.
            day: by whose day's policy the table's words and roundings are read.
            at_hand: the policies.
            hospital: for values that are set by it; None: the one of the cases, if they have one.
            settings: the parameters; None: as shipped.

        Raises:
            SettlementError: ``SETTLE_COLUMN``, ``SETTLE_COLUMN_TYPE``.
            CodebookError: the region has no policy on the day.
        """
        policy = at_hand.on(region, day)
        priced = Priced.of(table, policy)
        facts = facts_of(priced, hospital)
        cases = Cases.of(priced, Looked(policy, facts).rounding("money"))
        return cls(
            policy.region, at_hand, facts, priced, cases, published, settings or Settings.shipped()
        )

    def look(
        self, month: str, as_of: date | None = None, running: Sequence[Running] = ()
    ) -> Outlook:
        """The outlook of a month and its year.

        Args:
            month: such as ``2026-11``.
            as_of: the last day that is known; None: the last day of discharge. Cases and published
                months after it are not looked at.
            running: cases in the house on that day with their forecasts.

        Raises:
            ForecastError: ``OUTLOOK_MONTH``, ``OUTLOOK_HORIZON``, ``OUTLOOK_EMPTY`` (no case at
                all), ``OUTLOOK_BEFORE`` (no case until that day).
            CodebookError: the region has no policy on the period's last day.
        """
        if not len(self.cases.days):
            raise ForecastError("OUTLOOK_EMPTY")
        wanted = month_of(month)
        ends = self.cases.limit
        known = ends if as_of is None else number(as_of)
        if known < self.cases.begins:
            told = day_of(self.cases.begins).isoformat()
            raise ForecastError("OUTLOOK_BEFORE", found=day_of(known).isoformat(), begins=told)
        horizon = int(self.settings["simulation"]["horizon_months"])
        if wanted > at(day_of(known)) + horizon:
            raise ForecastError("OUTLOOK_HORIZON", found=month, most=horizon)
        return Look(self, wanted, known, ends, tuple(running)).outlook()

"""The point values of a month and its year: published, closed, or forecast with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from codebooks.errors import GrouperError
from codebooks.policies.yaml_nodes import PolicyError
from grouper.forecast.outlook.figures import decimal, spans
from grouper.forecast.outlook.months import YEAR, name_of
from grouper.forecast.outlook.published import Status
from grouper.forecast.outlook.region import totals
from grouper.forecast.outlook.result import Basis, Note, Worth
from grouper.forecast.outlook.value import SECTION, many, month_value, rules, worth
from grouper.payment.exact import Rounding
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.outlook.published import Month, Pool, Published
    from grouper.forecast.outlook.region import OwnPoints, Totals
    from grouper.forecast.outlook.settings import Settings
    from grouper.forecast.outlook.value import Money
    from grouper.payment.settlement.looked import Looked
    from grouper.payment.sheet import Line

SHORT, THIN = "OUTLOOK_HISTORY_SHORT", "OUTLOOK_HISTORY_THIN"
NOT_PUBLISHED, NO_MONTH = "OUTLOOK_NOT_PUBLISHED", "OUTLOOK_NO_MONTH_VALUE"
IDENTITY, PRELIMINARY = "OUTLOOK_IDENTITY", "OUTLOOK_PRELIMINARY"
_POINTS = Rounding(4, "half_up")


@dataclass(frozen=True, slots=True)
class Valued:
    """A point value with its draws; None: it is not known."""

    told: Worth
    draws: NDArray[np.float64] | None


@dataclass(frozen=True)
class PoolOutlook:
    """The point values of one method and insurance.

    Attributes:
        pool: method and insurance.
        month, year: asked for, as numbers.
        looked: the policies on the last days of the month and of the year.
        months: what was published of the pool, in order.
        own: the hospital's own points.
        settings: the parameters.
    """

    pool: Pool
    month: int
    looked: tuple[Looked, Looked]
    published: Published
    own: OwnPoints
    settings: Settings

    @property
    def months(self) -> list[Month]:
        """The published months of the pool."""
        return self.published.of_pool(self.pool)

    def both(self) -> tuple[Valued, Valued, Mapping[int, NDArray[np.float64]]]:
        """The month's point value and the year's, and factors on own cases to come by month."""
        known = len(self.months)
        wanted = int(self.settings["months"]["refuse_below"])
        year = self.month // YEAR
        drawn: Totals | None = None
        if known >= wanted:
            drawn = totals(self.pool, self.months, year, self.own, self.settings)
        moved = {} if drawn is None else drawn.moved
        return self._of_month(drawn), self._of_year(drawn), moved

    def _of_month(self, drawn: Totals | None) -> Valued:
        found = next((one for one in self.months if one.month == self.month), None)
        if found is not None:
            return self._known(found.value, Basis.PUBLISHED, (), self._beside(found))
        looked = self.looked[0]
        try:
            rule = self._rules(looked)
            if rule.monthly is None:
                return self._unknown(Note(NO_MONTH, {}), Basis.PRICED)
            if drawn is None:
                return self._unknown(self._short())
            counted, number = [self.month], 1
            if rule.monthly == "year_to_date":
                number = self.month % YEAR + 1
                counted = list(range(self.month + 1 - number, self.month + 1))
            share = Fraction(number, YEAR)
            return self._forecast(looked, rule, drawn, counted, share)
        except (PolicyError, SettlementError) as error:
            return self._unknown(Note(error.code, error.params))

    def _of_year(self, drawn: Totals | None) -> Valued:
        looked, year = self.looked[1], self.month // YEAR
        try:
            stated = looked.find("settlement.final_point_value")
            if stated is not None:
                return self._known(stated.number, Basis.FINAL, ())
            rule = self._rules(looked)
            if drawn is None:
                return self._unknown(self._short())
            counted = list(range(year * YEAR, (year + 1) * YEAR))
            return self._forecast(looked, rule, drawn, counted, Fraction(1))
        except (PolicyError, SettlementError) as error:
            return self._unknown(Note(error.code, error.params))

    def _forecast(
        self, looked: Looked, rule: Money, drawn: Totals, counted: Sequence[int], share: Fraction
    ) -> Valued:
        """The point value of the points of some months, and its draws."""
        lines, points = self._points(drawn, counted)
        found = worth(looked, rule, points, share)
        lines += found.lines
        if all(month in drawn.known for month in counted):
            return self._known(found.value, Basis.CLOSED, tuple(lines), self._preliminary())
        values = many(looked, rule, drawn.sum(counted, self.settings.draws), share)
        told = Worth(
            pool=self.pool,
            value=found.value,
            basis=Basis.FORECAST,
            spans=spans(values, found.value, self.settings.levels, looked.point_value_rounding()),
            baseline=self.months[-1].value,
            lines=tuple(lines),
            notes=self._preliminary() + self._thin(),
        )
        return Valued(told, values)

    def _points(self, drawn: Totals, counted: Sequence[int]) -> tuple[list[Line], Decimal]:
        """The region's points as lines: those published, and what is expected of the open months."""
        sheet = Sheet(SECTION)
        known = [month for month in counted if month in drawn.known]
        left = [month for month in counted if month not in drawn.known]
        parts: list[Line] = []
        if known:
            points = sum((drawn.known[month] for month in known), Decimal(0))
            parts.append(
                sheet.add("published_points", points, unit="points", months=str(len(known)))
            )
        if left:
            mean = decimal(float(drawn.sum(left, self.settings.draws).mean()), _POINTS)
            if drawn.led is None or drawn.share is None:
                told = sheet.add("open_points", mean, unit="points", months=str(len(left)))
            else:
                told = sheet.add(
                    "led_points",
                    mean,
                    unit="points",
                    months=str(len(left)),
                    led=decimal(drawn.led),
                    own_share=decimal(drawn.share, _POINTS),
                )
            parts.append(told)
        if len(parts) == 1:
            return sheet.lines, _POINTS.of(parts[0].number)
        whole = sheet.add(
            "total_points",
            parts[0].number + parts[1].number,
            unit="points",
            published=parts[0],
            open=parts[1],
        )
        return sheet.lines, _POINTS.of(whole.number)

    def _rules(self, looked: Looked) -> Money:
        year = self.month // YEAR
        budget = self.published.budget(self.pool, year)
        return rules(looked, budget=budget, before=self.months, year=year)

    def _known(
        self, value: Decimal, basis: Basis, lines: Sequence[Line], notes: tuple[Note, ...] = ()
    ) -> Valued:
        draws = np.full(self.settings.draws, float(value))
        told = Worth(
            pool=self.pool,
            value=value,
            basis=basis,
            spans=spans(draws, value, self.settings.levels),
            lines=tuple(lines),
            notes=notes,
        )
        return Valued(told, draws)

    def _unknown(self, reason: Note, basis: Basis = Basis.PRICED) -> Valued:
        last = self.months[-1].value if self.months else None
        return Valued(
            Worth(pool=self.pool, value=None, basis=basis, baseline=last, reason=reason), None
        )

    def _short(self) -> Note:
        known = len(self.months)
        if not known:
            return Note(NOT_PUBLISHED, {})
        return Note(SHORT, {"found": known, "wanted": self.settings["months"]["refuse_below"]})

    def _thin(self) -> tuple[Note, ...]:
        known, wanted = len(self.months), int(self.settings["months"]["thin_below"])
        return (Note(THIN, {"found": known, "wanted": wanted}),) if known < wanted else ()

    def _preliminary(self) -> tuple[Note, ...]:
        year = self.month // YEAR
        found = [
            one
            for one in self.months
            if one.status is Status.PRELIMINARY and one.month // YEAR == year
        ]
        return (Note(PRELIMINARY, {"months": len(found)}),) if found else ()

    def _beside(self, found: Month) -> tuple[Note, ...]:
        """Whether a published month's value is what the budget gives."""
        notes = self._preliminary()
        looked, number = self.looked[0], self.month % YEAR + 1
        points = [
            one.points for one in self.months if self.month - number < one.month <= self.month
        ]
        try:
            rule = self._rules(looked)
            if rule.monthly is None or (rule.monthly == "year_to_date" and len(points) < number):
                return notes
            ours = month_value(looked, rule, number, points).value
        except GrouperError:
            # What the policy lacks is told where it is needed.
            return notes
        away = abs(ours / found.value - 1)
        if away <= Decimal(repr(self.settings["published"]["tolerance"])):
            return notes
        told = {"month": name_of(self.month), "found": f"{found.value:f}", "ours": f"{ours:f}"}
        return (*notes, Note(IDENTITY, told))

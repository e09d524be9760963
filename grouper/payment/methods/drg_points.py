"""DRG by points: payment = points of the stay × point value.

A complete stay earns base points × cost factor (the hospital's mean cost in the group ÷ the area's),
an incomplete one base points × (its cost ÷ the group's mean cost), at most the base points; a low
outlier the same without that bound, a high one its excess above the limit besides. Stays of bed-day
groups earn points by the day. A return into the same group within some days touches the points of
one of the two stays. Source: the points method of Jinhua, Zhejiang
(``codebooks/data/policies/jinhua/drg_points.yaml``); limits are each region's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from grouper.payment.exact import plain
from grouper.payment.methods._points_block import price_block
from grouper.payment.methods._points_terms import TOPIC, Terms
from grouper.payment.reasons import PayReason, PayWarning
from grouper.payment.result import Band, Outcome
from grouper.payment.sheet import Input

if TYPE_CHECKING:
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block, Outcomes
    from grouper.payment.exact import Rounding
    from grouper.payment.sheet import Line, TableCell


class DrgPoints:
    """DRG by points."""

    name = TOPIC
    section = TOPIC

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        return _Stay(asked, Terms.of(asked)).outcome()

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        return price_block(block)


@dataclass(frozen=True, slots=True)
class _Earned:
    """What a stay earns, before any reduction.

    Attributes:
        line: its points.
        band: how it is paid.
        unit: base points of the group, or its points a day.
        review: whether it is a candidate for individual review.
    """

    line: Line
    band: Band
    unit: TableCell
    review: bool = False


@dataclass(frozen=True, slots=True)
class _Stay:
    """One stay with its terms."""

    asked: Asked
    terms: Terms

    def outcome(self) -> Outcome:
        """The stay priced, or the reason why it cannot be."""
        terms, sheet = self.terms, self.asked.sheet
        reduced, warnings = self._readmission()
        # Points are rounded once, in the last line that reckons them.
        rounding = None if reduced else terms.points
        earned = self._earned(rounding)
        if isinstance(earned, str):
            return Outcome(reason=earned)
        line, band = earned.line, earned.band
        if reduced and terms.readmission is not None:
            share = terms.readmission.share
            exact = line.number * Fraction(share.number)
            told = {"points": line, "share": share}
            line = sheet.add("readmission", exact, unit="points", rounding=terms.points, **told)
            band = Band.READMISSION
        value = terms.point_value
        amount = sheet.add(
            "standard",
            line.number * Fraction(value.number),
            rounding=terms.money,
            points=line,
            point_value=value,
        )
        return Outcome(
            amount=terms.money.of(amount.number),
            unit_weight=plain(earned.unit.number),
            points=plain(line.number),
            point_value=plain(value.number),
            band=band,
            review=earned.review,
            warnings=warnings,
        )

    def _readmission(self) -> tuple[bool, tuple[str, ...]]:
        """Whether the rule on a return touches this stay, and what is not known of that."""
        rule, case = self.terms.readmission, self.asked.case
        if rule is None:
            return False, ()
        days = self.asked.extra.get(rule.column)
        if days is None:
            return False, (PayWarning.HISTORY_MISSING,)
        if days < 0 or days > rule.days.number:
            return False, ()
        exempt = rule.exempts(case.dx[0] if case.dx else None)
        word = "exempt" if exempt else str(rule.reduces.value)
        self.asked.sheet.say("history", word, days=str(days), limit=rule.days)
        return not exempt, ()

    def _earned(self, rounding: Rounding | None) -> _Earned | str:
        terms, group = self.terms, self.asked.grouping.group
        if group in terms.bed_day_groups:
            return self._by_day(rounding)
        base = terms.cell(terms.groups, group, "base_points")
        if base is None:
            return PayReason.GROUP_WITHOUT_WEIGHT
        mean = terms.cell(terms.groups, group, "mean_cost")
        cost, way = self.asked.case.total_cost, self.asked.case.discharge_way
        by_way = way in terms.incomplete_ways
        if by_way or terms.by_cost:
            if cost is None:
                return PayReason.COST_MISSING
            if mean is None:
                return PayReason.GROUP_MEAN_MISSING
        if cost is None or mean is None:
            return self._whole(base, mean, None, rounding)
        exact = Fraction(cost) / Fraction(mean.number)
        ratio = self.asked.sheet.add("ratio", exact, unit="", cost=cost, mean_cost=mean)
        review = terms.outliers.is_review(exact)
        below = terms.below is not None and exact < Fraction(terms.below.number)
        if by_way or below:
            told = {"ratio": ratio, "base_points": base}
            if by_way:
                rule = Input("rule", ", ".join(terms.incomplete_ways), terms.ways)
                self.asked.sheet.say("band", "incomplete_way", way=way or "", rule=rule)
            else:
                self.asked.sheet.say("band", "incomplete_below", ratio=ratio, limit=terms.below)
            points = Fraction(base.number) * min(exact, Fraction(1))
            line = self._points("incomplete", points, rounding, **told)
            return _Earned(line, Band.INCOMPLETE, base, review)
        if terms.outliers.is_low(exact):
            self.asked.sheet.say("band", "low", ratio=ratio, limit=terms.outliers.low)
            points = Fraction(base.number) * exact
            line = self._points("low", points, rounding, base_points=base, ratio=ratio)
            return _Earned(line, Band.LOW, base, review)
        return self._whole(base, mean, ratio, rounding, review=review)

    def _whole(
        self,
        base: TableCell,
        mean: TableCell | None,
        ratio: Line | None,
        rounding: Rounding | None,
        *,
        review: bool = False,
    ) -> _Earned | str:
        """A complete stay: base points × cost factor, and the excess of a high outlier."""
        factor = self._factor(mean)
        if isinstance(factor, str):
            return factor
        number, given = factor
        exact = Fraction(base.number) * number
        told = {"base_points": base, "cost_factor": given}
        outliers = self.terms.outliers
        limit = outliers.limit(base.number)
        if ratio is None or limit is None or ratio.number <= Fraction(limit.number):
            line = self._points("complete", exact, rounding, **told)
            return _Earned(line, Band.NORMAL, base, review)
        self.asked.sheet.say("band", "high", ratio=ratio, limit=limit)
        excess = ratio.number - Fraction(limit.number)
        exact += Fraction(base.number) * excess * Fraction(outliers.part_number)
        told |= {"ratio": ratio, "limit": limit, "share": outliers.part}
        return _Earned(self._points("high", exact, rounding, **told), Band.HIGH, base, review)

    def _factor(self, mean: TableCell | None) -> tuple[Fraction, object] | str:
        """The hospital's cost factor in the group, and what a line shows of it."""
        terms, group = self.terms, self.asked.grouping.group
        stated = terms.cell(terms.factors, group, "factor")
        if stated is not None:
            return Fraction(stated.number), stated
        own = terms.cell(terms.factors, group, "hospital_mean")
        if own is None:
            return Fraction(terms.default_factor.number), terms.default_factor
        if mean is None:
            return PayReason.GROUP_MEAN_MISSING
        exact = Fraction(own.number) / Fraction(mean.number)
        line = self.asked.sheet.add(
            "cost_factor", exact, unit="", hospital_mean=own, mean_cost=mean
        )
        return line.number, line

    def _by_day(self, rounding: Rounding | None) -> _Earned | str:
        """A stay of a bed-day group: days × points a day."""
        terms, days = self.terms, self.asked.case.los
        unit = terms.cell(terms.groups, self.asked.grouping.group, "bed_day_points")
        if unit is None:
            return PayReason.GROUP_WITHOUT_WEIGHT
        if days is None or days < 0:
            return PayReason.DAYS_MISSING
        counted = max(days, int(terms.least_days.value))
        if not counted:
            return PayReason.DAYS_MISSING
        told = {"days": counted, "bed_day_points": unit}
        if counted != days:
            self.asked.sheet.say("days", "least", days=str(days), least=terms.least_days)
        exact = counted * Fraction(unit.number)
        return _Earned(self._points("bed_day", exact, rounding, **told), Band.BED_DAY, unit)

    def _points(
        self, name: str, exact: Fraction, rounding: Rounding | None, **told: object
    ) -> Line:
        return self.asked.sheet.add(name, exact, unit="points", rounding=rounding, **told)


METHOD = DrgPoints()

"""DIP by score: points = score × hospital factor, deviating cases apart; payment = points × point value.

The score of the case is that of its grouping: the group's score times the auxiliary factor
(``docs/DIP.md``, ``docs/DIP_FACTORS.md``). Source: national technical specification of DIP; the rules
for deviating cases are those of the policy (:mod:`grouper.payment.methods._deviation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from grouper.payment.exact import plain
from grouper.payment.methods._deviation import NATIONAL, number
from grouper.payment.methods._dip_block import price_block
from grouper.payment.methods._dip_terms import TOPIC, Terms
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome

if TYPE_CHECKING:
    from decimal import Decimal

    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block, Outcomes
    from grouper.payment.sheet import Line, TableCell


class DipScore:
    """DIP by score."""

    name = TOPIC
    section = TOPIC

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        terms = Terms.of(asked)
        group, score = asked.grouping.group, asked.grouping.weight
        share: TableCell | None = None
        given: Decimal | TableCell | None = score
        if score is None:
            given = terms.fallen(group, "score")
            score = None if given is None else given.number
            share = terms.fallen(group, "cost_share") if given is None else None
        if (score is None or score <= 0) and share is None:
            return Outcome(reason=PayReason.GROUP_WITHOUT_WEIGHT)
        cost = asked.case.total_cost
        if share is not None or terms.deviation.reference is not None:
            if cost is None:
                return Outcome(reason=PayReason.COST_MISSING)
            if cost < 0:
                return Outcome(reason=PayReason.COST_NEGATIVE)
        if share is not None:
            return _by_cost(asked, terms, Fraction(cost or 0), Band.NORMAL, share)
        return _Priced(asked, terms, Fraction(score or 0), given, Fraction(cost or 0)).outcome()

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        return price_block(block)


@dataclass(slots=True)
class _Priced:
    """A case with a score, as it is priced."""

    asked: Asked
    terms: Terms
    score: Fraction
    given: Any
    cost: Fraction
    deviation: Line | None = None

    def outcome(self) -> Outcome:
        """What the case earns, with its lines."""
        rule = self.terms.deviation
        reference = Fraction(number(rule.reference))
        if rule.reference is None:
            ratio = None
        elif reference == 0:
            return Outcome(reason=PayReason.GROUP_WITHOUT_WEIGHT)
        else:
            ratio = self.cost / (self.score * reference)
            self.deviation = self.asked.sheet.add(
                "deviation",
                ratio,
                unit="",
                cost=self.cost,
                score=self.given,
                reference_value=rule.reference,
            )
        band = self._band(ratio)
        review = ratio is not None and rule.review is not None and ratio > rule.review.number
        if review:
            self.asked.sheet.say(
                "review", "candidate", deviation=self.deviation, review_limit=rule.review
            )
        if band is Band.LOW and rule.low_by_cost:
            return _by_cost(
                self.asked, self.terms, self.cost, band, None, self.score, review=review
            )
        points = self._points(band, ratio or Fraction(0))
        paying = self.terms.paying
        amount = paying.amount(self.asked, points)
        return Outcome(
            amount=paying.money.of(amount.number),
            fund=paying.fund(self.asked, amount),
            unit_weight=plain(self.score),
            points=plain(points.number),
            point_value=plain(paying.point_value.number),
            band=band,
            review=review,
        )

    def _band(self, ratio: Fraction | None) -> Band:
        """In which band the case lies, with its line where the rule has bands."""
        rule = self.terms.deviation
        if ratio is None or rule.low is None or rule.high is None or rule.low_inclusive is None:
            return Band.NORMAL
        limits: dict[str, Value] = {"low_limit": rule.low, "high_limit": rule.high}
        at_limit = bool(rule.low_inclusive.value) and ratio == rule.low.number
        band, word = Band.NORMAL, "normal"
        if ratio < rule.low.number or at_limit:
            band = Band.LOW
            word = "low_by_cost" if rule.low_by_cost else "low"
        elif ratio > rule.high.number:
            band, word = Band.HIGH, rule.rule.value
            if rule.upper is not None and ratio > rule.upper.number:
                band, word = Band.CAPPED, "upper"
                limits["upper_limit"] = rule.upper
        self.asked.sheet.say("band", word, deviation=self.deviation, **limits)
        return band

    def _points(self, band: Band, ratio: Fraction) -> Line:
        rule, high = self.terms.deviation, Fraction(number(self.terms.deviation.high))
        inputs: dict[str, Any] = {"score": self.given}
        if band is Band.LOW:
            name, exact = "points_low", self.score * ratio
            inputs["deviation"] = self.deviation
            if rule.low_factored:
                name, exact = "points_low_factor", exact * self._factor(inputs)
        elif band is Band.HIGH and rule.rule.value == NATIONAL:
            name, exact = "points_high", self.score * (ratio - high + 1)
            inputs |= {"deviation": self.deviation, "high_limit": rule.high}
            if rule.high_factored:
                name, exact = "points_high_factor", exact * self._factor(inputs)
        elif band is Band.HIGH and rule.pays_high:
            name = "points_high_added"
            inputs |= {"deviation": self.deviation, "high_limit": rule.high}
            if rule.high_added is not None:
                inputs["added"] = rule.high_added
                added = Fraction(rule.high_added.number)
            else:
                added = self._factor(inputs, "added")
            exact = self.score * (ratio - high + added)
        else:
            name, exact = "points", self.score * self._factor(inputs)
        return self.asked.sheet.add(
            name, exact, unit="score", rounding=self.terms.paying.points, **inputs
        )

    def _factor(self, inputs: dict[str, Any], name: str = "hospital_factor") -> Fraction:
        """The hospital factor, put among the inputs; 1 where the group takes none."""
        grouping = self.asked.grouping
        same = self.terms.same_score(grouping.group_kind, grouping.group)
        if same is not None:
            self.asked.sheet.say("factor", "same_score", listed=same)
            inputs[name] = 1
            return Fraction(1)
        found = self.terms.factor(grouping.group)
        inputs[name] = found
        return Fraction(found.number)


def _by_cost(
    asked: Asked,
    terms: Terms,
    cost: Fraction,
    band: Band,
    share: TableCell | None,
    score: Fraction | None = None,
    *,
    review: bool = False,
) -> Outcome:
    """A case that is paid (a share of) its cost; its points are what that cost is worth."""
    paying = terms.paying
    if share is None:
        due = asked.sheet.add("cost", cost, rounding=paying.money, cost=cost)
    else:
        exact = cost * Fraction(share.number)
        due = asked.sheet.add("cost_share", exact, rounding=paying.money, cost=cost, share=share)
    value = Fraction(paying.point_value.number)
    points = asked.sheet.add(
        "points_cost",
        due.number / value if value else Fraction(0),
        unit="score",
        rounding=paying.points,
        due=due,
        point_value=paying.point_value,
    )
    return Outcome(
        amount=paying.money.of(due.number),
        fund=paying.fund(asked, due),
        unit_weight=None if score is None else plain(score),
        points=plain(points.number),
        point_value=plain(value),
        band=band,
        review=review,
    )


METHOD = DipScore()

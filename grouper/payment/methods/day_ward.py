"""Day ward and day surgery: a quota of their own, or a ratio of what a stay in the group is paid.

Source: payment facts of the field (day ward: as inpatient, with its own quota); quotas and ratio are
each region's own (``day_ward`` of the policy).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.asked import rows_of
from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.exact import WEIGHT_PLACES, Rounding, plain
from grouper.payment.fixed import Fixed
from grouper.payment.methods._inner import price_block_by, price_by
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome
from grouper.payment.sheet import TableCell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block

_TOPIC = "day_ward"
_PLAIN = Rounding(WEIGHT_PLACES, "half_up")


@dataclass(frozen=True, slots=True)
class _Terms:
    """Quotas, and the method and ratio of other cases; what the policy leaves out is None."""

    quotas: Value | None
    of: Value | None
    ratio: Value | None
    money: Rounding

    @classmethod
    def read(cls, asked: Asked | Block) -> _Terms:
        of = asked.find(f"{_TOPIC}.of")
        quotas = asked.find(f"{_TOPIC}.quotas")
        # A method without a ratio would be a guess.
        ratio = None if of is None else asked.value(f"{_TOPIC}.ratio")
        return cls(quotas, of, ratio, asked.rounding("money"))

    def quota(self, group: str | None) -> TableCell | None:
        """The quota of a group; None: it has none."""
        row = {} if self.quotas is None else rows_of(self.quotas).get(group or "", {})
        if self.quotas is None or "quota" not in row:
            return None
        return TableCell(self.quotas, group or "", row["quota"])


class DayWard:
    """Day ward and day surgery."""

    name = _TOPIC
    section = _TOPIC

    def lists(self, asked: Asked) -> bool:
        """Whether a quota is given for the case's group."""
        return _Terms.read(asked).quota(asked.grouping.group) is not None

    def lists_block(self, block: Block) -> NDArray[np.bool_]:
        """Whether a quota is given for the group of each case."""
        _, known = _quotas(block, _Terms.read(block))
        return known

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        terms = _Terms.read(asked)
        inner = Outcome(reason=PayReason.DAY_QUOTA_MISSING)
        quota = terms.quota(asked.grouping.group)
        if terms.of is not None:
            if quota is None:
                asked.sheet.say("follows", "follows", of=terms.of)
            # Both ways ask the same of the policy, so that they name the same assumptions.
            inner = price_by(str(terms.of.value), asked, shown=quota is None)
        if quota is not None:
            line = asked.sheet.add("quota", quota.number, rounding=terms.money, quota=quota)
            return Outcome(amount=terms.money.of(line.number), band=Band.NORMAL)
        if inner.reason is not None or terms.ratio is None:
            return Outcome(reason=inner.reason)
        ratio = Fraction(terms.ratio.number)
        exact = Fraction(inner.amount or 0) * ratio
        line = asked.sheet.add(
            "ratio", exact, rounding=terms.money, standard=inner.amount or 0, ratio=terms.ratio
        )
        fund = None if inner.fund is None else terms.money.of(Fraction(inner.fund) * ratio)
        points = None if inner.points is None else plain(Fraction(inner.points) * ratio)
        return replace(inner, amount=terms.money.of(line.number), fund=fund, points=points)

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        terms = _Terms.read(block)
        quota, known = _quotas(block, terms)
        if terms.of is None or terms.ratio is None:
            reasons = no_reasons(len(block))
            because(reasons, ~known, PayReason.DAY_QUOTA_MISSING)
            return _with_quotas(Outcomes(amount=quota, reasons=reasons), quota, known, terms)
        inner = price_block_by(str(terms.of.value), block)
        ratio = terms.ratio.number
        inner.amount = (inner.amount * ratio).rounded(terms.money)
        if inner.fund is not None:
            inner.fund = (inner.fund * ratio).rounded(terms.money)
        if inner.points is not None:
            inner.points = inner.points.rounded(_PLAIN) * ratio
        return _with_quotas(inner, quota, known, terms)


def _quotas(block: Block, terms: _Terms) -> tuple[Fixed, NDArray[np.bool_]]:
    if terms.quotas is None:
        return Fixed.same(0, len(block)), np.zeros(len(block), np.bool_)
    return block.cells(f"{_TOPIC}.quotas", block.columns.words("group"), "quota")


def _with_quotas(
    outcomes: Outcomes, quota: Fixed, known: NDArray[np.bool_], terms: _Terms
) -> Outcomes:
    """The outcomes, but the quota where there is one."""
    count = len(known)
    outcomes.amount = quota.rounded(terms.money).where(known, outcomes.amount)
    outcomes.reasons[known] = None
    if outcomes.band is None:
        outcomes.band = no_reasons(count)
    outcomes.band[known] = Band.NORMAL
    if outcomes.review is not None:
        outcomes.review = outcomes.review & ~known
    for name in ("fund", "unit_weight", "points", "point_value"):
        if getattr(outcomes, name) is not None:
            given = outcomes.stated.get(name, np.ones(count, np.bool_))
            outcomes.stated[name] = given & ~known
    outcomes.warnings = [(code, where & ~known) for code, where in outcomes.warnings]
    return outcomes


METHOD = DayWard()

"""Cases whose cost deviates from their score: how the policy reads them.

D = cost ÷ (score × point value of the year before). A low case earns points for what it cost, a high
one for the excess above the limit; each rule says how (``dip_score.deviation`` of the policy, source
in ``codebooks/data/policies/national/dip_score.yaml``). In every case points are
(A × cost ÷ reference) + B × score with A and B by the case's band, so that both ways reckon alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block

_TOPIC = "dip_score"
NONE, NATIONAL, FACTOR = "none", "national", "factor"
"""Words of ``dip_score.deviation``; the last one, ``review``, is what is none of these."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """What the policy says of deviating cases.

    Attributes: the parameters of the same names; None where the rule does not ask for it, or where
    the policy may leave it out and does.
    """

    rule: Value
    reference: Value | None = None
    review: Value | None = None
    low: Value | None = None
    low_inclusive: Value | None = None
    low_paid: Value | None = None
    low_takes_factor: Value | None = None
    high: Value | None = None
    high_takes_factor: Value | None = None
    high_added: Value | None = None
    upper: Value | None = None

    @classmethod
    def of(cls, asked: Asked | Block) -> Deviation:
        """What holds for a case, or for a block of cases.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        rule = asked.value(f"{_TOPIC}.deviation")
        if rule.value == NONE:
            return cls(rule)
        national, factor = rule.value == NATIONAL, rule.value == FACTOR
        high = asked.value(f"{_TOPIC}.high_limit")
        by_review = not (national or factor)
        return cls(
            rule=rule,
            reference=asked.value(f"{_TOPIC}.reference_value"),
            review=high if by_review else asked.find(f"{_TOPIC}.review_limit"),
            low=asked.value(f"{_TOPIC}.low_limit"),
            low_inclusive=asked.value(f"{_TOPIC}.low_inclusive"),
            low_paid=asked.value(f"{_TOPIC}.low_paid"),
            low_takes_factor=asked.value(f"{_TOPIC}.low_takes_factor"),
            high=high,
            high_takes_factor=asked.value(f"{_TOPIC}.high_takes_factor") if national else None,
            high_added=asked.find(f"{_TOPIC}.high_added") if factor else None,
            upper=asked.find(f"{_TOPIC}.upper_limit") if factor else None,
        )

    @property
    def pays_high(self) -> bool:
        """Whether the excess of a high case earns points."""
        return self.rule.value in (NATIONAL, FACTOR)

    @property
    def low_by_cost(self) -> bool:
        """Whether a low case is paid its cost."""
        return self.low_paid is not None and self.low_paid.value == "cost"

    @property
    def low_factored(self) -> bool:
        """Whether a low case takes the hospital factor."""
        return self.low_takes_factor is not None and bool(self.low_takes_factor.value)

    @property
    def high_factored(self) -> bool:
        """Whether all of a high case takes the hospital factor."""
        return self.high_takes_factor is not None and bool(self.high_takes_factor.value)


def number(value: Value | None) -> Decimal:
    """A value as a number; nought where the policy leaves it out."""
    return Decimal(0) if value is None else value.number

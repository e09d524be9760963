"""Groups of primary care: the same pay whatever the hospital (同病同分值, 同病同付).

A group on the policy's list is paid by the method that the policy names, with one factor in the
place of the hospital's. Source: the document of each region (``primary_care`` of the policy); what DIP
itself says of its primary-care groups stands in ``dip_score``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from codebooks.policies.forms import Kind, topic_forms
from grouper.payment.asked import rows_of
from grouper.payment.methods._inner import price_block_by, price_by
from grouper.payment.reasons import PayReason
from grouper.payment.result import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codebooks.policies.policy import Given, Policy, Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block, Outcomes

_TOPIC = "primary_care"
_GROUPS, _OF, _FACTOR = f"{_TOPIC}.groups", f"{_TOPIC}.of", f"{_TOPIC}.factor"
_FACTORS = {
    "drg_rate": ("hospital_factor",),
    "drg_points": ("default_factor", "cost_factors"),
    "dip_score": ("hospital_factor", "group_factors"),
}
"""Where each method's factors of the hospital stand; a table of factors is left empty."""


class PrimaryCare:
    """Groups of primary care."""

    name = _TOPIC
    section = _TOPIC

    def lists(self, asked: Asked) -> bool:
        """Whether the case's group is on the list."""
        return asked.grouping.group in rows_of(asked.value(_GROUPS))

    def lists_block(self, block: Block) -> NDArray[np.bool_]:
        """Whether the group of each case is on the list."""
        return block.columns.words("group").among(tuple(rows_of(block.value(_GROUPS))))

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        of, factor, listed = asked.value(_OF), asked.value(_FACTOR), self.lists(asked)
        if listed:
            asked.sheet.say("same", "same", group=asked.grouping.group or "", factor=factor)
        name = str(of.value)
        # Both ways ask the same of the policy, so that they name the same assumptions.
        inner = price_by(name, asked, _even(asked.policy, name, factor), shown=listed)
        return inner if listed else Outcome(reason=PayReason.NOT_LISTED)

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        of, factor, listed = block.value(_OF), block.value(_FACTOR), self.lists_block(block)
        name = str(of.value)
        found = price_block_by(name, block, _even(block.policy, name, factor))
        found.reasons[~listed] = PayReason.NOT_LISTED
        return found


def _even(policy: Policy, method: str, factor: Value) -> Policy:
    """The policy with one factor in the place of the hospital's."""
    return _evened(_Key(policy, factor.given), method, factor.number)


class _Key:
    """A policy and a given value as a key of the cache: the same objects are the same key."""

    __slots__ = ("given", "policy")

    def __init__(self, policy: Policy, given: Given) -> None:
        self.policy, self.given = policy, given

    def __hash__(self) -> int:
        return hash((id(self.policy), id(self.given)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.policy is self.policy and other.given is self.given


@lru_cache(maxsize=64)
def _evened(key: _Key, method: str, factor: Any) -> Policy:  # noqa: ANN401 -- a number
    values = dict(key.policy.values)
    for name in _FACTORS[method]:
        path = f"{method}.{name}"
        form = topic_forms()[method].parameters[name]
        number = () if form.kind is Kind.TABLE else factor
        values[path] = replace(key.given, topic=method, form=form, value=number)
    return replace(key.policy, values=values)


METHOD = PrimaryCare()

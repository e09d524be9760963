"""A method that lets another one price the case, and goes on from there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from grouper.payment.block import Block
from grouper.payment.methods import methods

if TYPE_CHECKING:
    from codebooks.policies.policy import Policy
    from grouper.payment.asked import Asked
    from grouper.payment.block import Outcomes
    from grouper.payment.result import Outcome


def price_by(name: str, asked: Asked, policy: Policy | None = None, *, shown: bool) -> Outcome:
    """One case priced by another method, whose lines stand on the case's sheet.

    Args:
        name: of the method.
        asked: the case.
        policy: what holds instead of the case's own policy; None: that one.
        shown: whether the lines are kept; the values that were asked for always are.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
    """
    method, sheet = methods()[name], asked.sheet
    section, sheet.section = sheet.section, method.section
    lines = len(sheet.lines)
    try:
        return method.price(replace(asked, policy=policy or asked.policy))
    finally:
        sheet.section = section
        if not shown:
            del sheet.lines[lines:]


def price_block_by(name: str, block: Block, policy: Policy | None = None) -> Outcomes:
    """Many cases priced by another method; as :func:`price_by`.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
    """
    inner = Block(
        columns=block.columns,
        policy=policy or block.policy,
        here=block.here,
        facts=block.facts,
        asked=block.asked,
    )
    return methods()[name].price_block(inner)

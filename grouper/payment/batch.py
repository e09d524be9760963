"""Many cases priced at once: cut into cells in which every value of the policy is one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.policies.yaml_nodes import PolicyError
from codebooks.registry import registry
from grouper.payment.assembly import Results
from grouper.payment.assignment import assign_block
from grouper.payment.block import Outcomes, lacking, no_reasons
from grouper.payment.cells import by_policy, cells
from grouper.payment.checks import cost_checks
from grouper.payment.columns import Columns
from grouper.payment.fixed import Fixed
from grouper.payment.methods import methods
from grouper.payment.place import Terms
from grouper.payment.reasons import PayReason
from grouper.payment.share import share_block

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from grouper.payment.block import Block
    from grouper.payment.columns import Words
    from grouper.payment.share import Shares


def price_batch(batch: pa.RecordBatch, terms: Terms | None = None) -> pa.RecordBatch:
    """Price cases; one row of ``PAYMENT_SCHEMA`` for each, in their order.

    Args:
        batch: columns of ``CASE_SCHEMA`` (those that are missing are empty) and of
            ``RESULT_SCHEMA``.
        terms: as for :func:`grouper.payment.engine.price`, with the same figures.
    """
    terms = terms or Terms()
    columns = Columns(batch)
    results = Results(len(columns))
    for rows, policy in by_policy(columns, terms, results.refuse):
        for cell, block in cells(columns, rows, policy, terms):
            _price_cell(cell, block, results)
    return results.batch()


def _price_cell(rows: NDArray[np.int64], block: Block, results: Results) -> None:
    negative, warnings = cost_checks(block)
    results.policy(rows, block.policy.id)
    results.warn(rows, warnings)
    results.refuse(rows[negative], PayReason.COST_NEGATIVE)
    results.assume(rows[negative], block.asked)
    rows = rows[~negative]
    if not len(rows):
        return
    columns = block.columns
    block = replace(block, columns=columns.some(rows))
    before = dict(block.asked)
    method, reasons = _assigned(block)
    shares, share_asked = _shares(block, before)
    for name in sorted({one for one in method if one is not None}):
        some = np.flatnonzero(method == name)
        part = replace(block, columns=columns.some(rows[some]), asked=dict(block.asked))
        outcomes = _outcomes(part, name)
        results.paid(rows[some], name, part, outcomes, shares, some)
        results.assume(rows[some], part.asked | share_asked)
    none = np.flatnonzero(lacking(method))
    results.unpaid(rows[none], reasons[none], shares, none)
    results.assume(rows[none], block.asked | share_asked)


def _assigned(block: Block) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    try:
        return assign_block(block, methods(), families(block))
    except PolicyError as error:
        reasons = no_reasons(len(block))
        reasons[:] = error.code
        return no_reasons(len(block)), reasons


def families(block: Block) -> Words:
    """The family of the scheme of each case; missing where none grouped it."""
    cards = registry().cards
    schemes = block.columns.words("scheme")
    return schemes.mapped({w: cards[w].family for w in schemes.words if w in cards})


def _outcomes(block: Block, name: str) -> Outcomes:
    try:
        return methods()[name].price_block(block)
    except PolicyError as error:
        reasons = no_reasons(len(block))
        reasons[:] = error.code
        return Outcomes(amount=Fixed(np.zeros(len(block), np.int64), 2), reasons=reasons)


def _shares(block: Block, asked: dict[str, Any]) -> tuple[Shares | str, dict[str, Any]]:
    """The shares of a block, or the one reason why there are none; and what was asked for them."""
    own = replace(block, asked=dict(asked))
    try:
        return share_block(own), own.asked
    except PolicyError as error:
        return error.code, own.asked

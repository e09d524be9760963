"""The patients' shares of many cases at once; the same figures as :mod:`grouper.payment.share.one`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import because, lacking, no_reasons
from grouper.payment.fixed import Fixed
from grouper.payment.reasons import PayReason
from grouper.payment.share.costs_block import costs_of_block
from grouper.payment.share.insured import insured_blocks
from grouper.payment.share.layers_block import RemainingBlock, critical_of, relief_of
from grouper.payment.share.parts import Shares, joined, nothing
from grouper.payment.share.rules import read

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.payment.block import Block
    from grouper.payment.exact import Rounding
    from grouper.payment.share.costs_block import CostsBlock
    from grouper.payment.share.rules import Band, Rules, Terms

_RECKONED = (
    *("deductible", "coinsurance", "above_ceiling", "basic", "burden"),
    *("critical", "aid", "supplements"),
)
YEAR = ("year_deductible", "year_basic", "year_burden", "year_critical")
"""Fields of a case on what was paid in the year before it, in yuan."""


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of the year before each case.

    Attributes:
        number: which admission of the year it is.
        paid: by the fields of :data:`YEAR`.
        stated: where each of these, and ``admission_number``, is known.
    """

    number: NDArray[np.int64]
    paid: dict[str, Fixed]
    stated: dict[str, NDArray[np.bool_]]

    @classmethod
    def of(cls, block: Block) -> Before:
        """As the records of a block say."""
        number, numbered = block.columns.whole("admission_number")
        told = {name: block.columns.fixed(name) for name in YEAR}
        stated = {name: known for name, (_, known) in told.items()}
        paid = {name: numbers for name, (numbers, _) in told.items()}
        return cls(number, paid, {**stated, "admission_number": numbered})

    def lack(self, rules: Rules, reasons: NDArray[np.object_]) -> None:
        """State where the year before a case is not known enough."""
        for name in rules.needs:
            because(reasons, ~self.stated[name], PayReason.YEAR_MISSING)
        for name in rules.needs:
            low = self.number < 0 if name not in self.paid else self.paid[name].less(0)
            because(reasons, low, PayReason.COST_NEGATIVE)


def share_block(block: Block) -> Shares:
    """What the patients of a block pay, as :func:`grouper.payment.share.share` of each.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``: of what holds for every share.
    """
    pieces = []
    for places, piece, benefits, own_lines in insured_blocks(block):
        terms = read(piece, benefits, own_lines=own_lines)
        costs = costs_of_block(piece, terms.catalogue)
        found = reckoned(costs, Before.of(piece), terms)
        pieces.append((places, _settled(piece, costs, terms, found)))
    return pieces[0][1] if len(pieces) == 1 else joined(pieces, len(block))


def reckoned(costs: CostsBlock, before: Before, terms: Terms) -> Shares:
    """The shares by the rules alone, whatever was settled.

    Args:
        costs: of each case.
        before: the year before each.
        terms: the same for all.
    """
    rules, count = terms.rules, len(costs.reasons)
    if isinstance(rules, str):
        reasons = no_reasons(count)
        reasons[:] = str(rules)
        left = RemainingBlock.of(costs, costs.scope)
        return _shares(reasons, costs, {}, left, terms)
    reasons = costs.reasons.copy()
    before.lack(rules, reasons)
    deductible = _deductible(costs.scope, before, rules)
    found = {
        "deductible": deductible,
        **_basic(costs.scope, deductible, before, terms.money, rules),
    }
    left = RemainingBlock.of(
        costs, found["deductible"] + found["coinsurance"] + found["above_ceiling"]
    )
    if rules.critical is not None:
        known = {**found, "first_share": costs.first_share}
        paid = before.paid["year_basic"] + found["basic"]
        found |= critical_of(known, before.paid, paid, left, terms.money, rules.critical)
    if rules.aid is not None:
        found["aid"] = relief_of(left, terms.money, rules.aid)
    supplements = nothing(count)
    for layer in rules.layers:
        supplements = supplements + relief_of(left, terms.money, layer)
    found["supplements"] = supplements
    return _shares(reasons, costs, found, left, terms)


def _shares(
    reasons: NDArray[np.object_],
    costs: CostsBlock,
    found: dict[str, Fixed],
    left: RemainingBlock,
    terms: Terms,
) -> Shares:
    none = nothing(len(reasons))
    return Shares(
        reasons=reasons,
        settled=np.zeros(len(reasons), np.bool_),
        own=costs.own,
        first_share=costs.first_share,
        over_limit=costs.over_limit,
        scope=costs.scope,
        patient=left.sum(tuple(left.parts)),
        deducted=left.sum(terms.deducted),
        **{name: found.get(name, none) for name in _RECKONED},
    )


def _settled(block: Block, costs: CostsBlock, terms: Terms, found: Shares) -> Shares:
    """The shares with what the records state as settled, as far as they agree with themselves."""
    patient, stated = block.columns.fixed("patient_paid")
    if not terms.stated_first or not stated.any():
        return found
    fund, funded = block.columns.fixed("fund_paid")
    others = costs.total - patient
    reasons = costs.reasons.copy()
    tolerance = terms.catalogue.tolerance
    because(reasons, patient.less(0) | (funded & fund.less(0)), PayReason.COST_NEGATIVE)
    apart = (others - fund).above(tolerance) | (fund - others).above(tolerance)
    because(reasons, (funded & apart) | (others * -1).above(tolerance), PayReason.COST_MISMATCH)
    left = RemainingBlock.of(costs, costs.scope)
    left.pay(others.maximum(0), tuple(left.parts))
    return replace(
        found,
        reasons=np.where(stated, reasons, found.reasons),
        settled=stated & lacking(reasons),
        patient=patient.where(stated, found.patient),
        deducted=left.sum(terms.deducted).where(stated, found.deducted),
    )


def _deductible(scope: Fixed, before: Before, rules: Rules) -> Fixed:
    standard = nothing(len(scope))
    number = np.where(before.stated["admission_number"], np.maximum(before.number, 1), 1)
    for step in rules.steps:
        same = Fixed.same(step.amount, len(scope))
        standard = same.where(number >= step.admission, standard)
    if rules.yearly and rules.steps:
        standard = (standard - before.paid["year_deductible"]).maximum(0)
    return scope.minimum(standard)


def _basic(
    scope: Fixed, deductible: Fixed, before: Before, money: Rounding, rules: Rules
) -> dict[str, Fixed]:
    base = scope - deductible
    start = deductible if rules.from_cost else nothing(len(scope))
    end = start + base
    parts = [(_within(start, end, band), band) for band in rules.bands]
    raw = nothing(len(scope))
    for part, band in parts:
        raw = raw + part * band.ratio
    covered = base
    if rules.ceiling is not None:
        room = (before.paid["year_basic"] * -1 + rules.ceiling.number).maximum(0)
        capped = raw.above(room)
        if capped.any():
            low = rules.bands[0].low if rules.bands else None
            below = base if low is None else (end.minimum(low) - start).maximum(0)
            covered = _covered(below, parts, room, money).where(capped, base)
        basic = raw.minimum(room).rounded(money).minimum(room)
    else:
        basic = raw.rounded(money)
    basic = basic.minimum(base)
    covered = covered.maximum(basic)
    return {"basic": basic, "coinsurance": covered - basic, "above_ceiling": base - covered}


def _within(start: Fixed, end: Fixed, band: Band) -> Fixed:
    top = end if band.high is None else end.minimum(band.high)
    return (top - start.maximum(band.low)).maximum(0)


def _covered(below: Fixed, parts: list[tuple[Fixed, Band]], room: Fixed, money: Rounding) -> Fixed:
    """The costs that the fund's payments cover before its ceiling is met."""
    raw, covered = nothing(len(room)), below
    for part, band in parts:
        after = raw + part * band.ratio
        reached = after.above(room)
        most = part.minimum((room - raw).maximum(0).over(band.ratio, money))
        covered = covered + most.where(reached, part)
        raw = after
    return covered

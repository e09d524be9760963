"""The payers beyond the pooling fund, many cases; as :mod:`grouper.payment.share.layers`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.payment.share.parts import nothing

if TYPE_CHECKING:
    from grouper.payment.exact import Rounding
    from grouper.payment.fixed import Fixed
    from grouper.payment.share.costs_block import CostsBlock
    from grouper.payment.share.rules import Aid, Critical, Layer

_RELIEVED = ("within_scope", "first_share")


@dataclass(slots=True)
class RemainingBlock:
    """What is left for the patients, in the order in which payers relieve it."""

    parts: dict[str, Fixed]

    @classmethod
    def of(cls, costs: CostsBlock, within: Fixed) -> RemainingBlock:
        """Before any payer: so much within scope, and what is outside."""
        outside = {
            "first_share": costs.first_share,
            "over_limit": costs.over_limit,
            "own_cost": costs.own,
        }
        return cls({"within_scope": within, **outside})

    def sum(self, counts: tuple[str, ...]) -> Fixed:
        """What is left of some parts."""
        found = nothing(len(self.parts["within_scope"]))
        for name, one in self.parts.items():
            if name in counts:
                found = found + one
        return found

    def pay(self, amount: Fixed, counts: tuple[str, ...]) -> None:
        """Relieve these parts, the first one first."""
        for name, one in self.parts.items():
            if name in counts:
                relief = amount.minimum(one)
                self.parts[name] = one - relief
                amount = amount - relief


def critical_of(
    known: dict[str, Fixed],
    year: dict[str, Fixed],
    payments: Fixed,
    left: RemainingBlock,
    money: Rounding,
    critical: Critical,
) -> dict[str, Fixed]:
    """What counts towards critical-illness insurance, and what it pays.

    Args:
        known: the parts of the shares that may count.
        year: what was before, by field.
        payments: of the pooling fund in the year, with this case.
        left: relieved by what it pays.
        money: rounding.
        critical: the rules.
    """
    burden = nothing(len(payments))
    for name in dict.fromkeys(critical.counts):
        burden = burden + known[name]
    threshold = critical.threshold.number * critical.factor.number
    before = year["year_burden"]
    after = before + burden
    if critical.of_payments:
        reached = ~payments.less(threshold)
        low, high = before.where(reached, 0), after.where(reached, 0)
    else:
        low, high = (before - threshold).maximum(0), (after - threshold).maximum(0)
    paid = nothing(len(payments))
    for band in critical.bands:
        end = high if band.high is None else high.minimum(band.high)
        paid = paid + (end - low.maximum(band.low)).maximum(0) * critical.ratio(band)
    pays = paid.rounded(money).minimum(burden)
    if critical.ceiling is not None:
        used = year["year_critical"] + payments if critical.with_basic else year["year_critical"]
        pays = pays.minimum((used * -1 + critical.ceiling.number).maximum(0))
    left.pay(pays, _RELIEVED)
    return {"burden": burden, "critical": pays}


def relief_of(left: RemainingBlock, money: Rounding, payer: Aid | Layer) -> Fixed:
    """What medical aid or a supplement pays of what is left; ``left`` is relieved by it."""
    over = (left.sum(payer.counts) - payer.deductible.number).maximum(0)
    pays = (over * payer.ratio.number).rounded(money).minimum(over)
    if payer.ceiling is not None:
        pays = pays.minimum(payer.ceiling.number)
    left.pay(pays, payer.counts)
    return pays

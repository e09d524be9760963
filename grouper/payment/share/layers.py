"""The payers beyond the pooling fund, one case: critical-illness insurance, aid, supplements."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grouper.payment.asked import Asked
    from grouper.payment.exact import Rounding
    from grouper.payment.share.costs import Costs
    from grouper.payment.share.rules import Aid, Critical, Layer

_NONE = Fraction(0)


@dataclass(slots=True)
class Remaining:
    """What is left for the patient, in the order in which payers relieve it."""

    parts: dict[str, Fraction]

    @classmethod
    def of(cls, costs: Costs, within: Fraction) -> Remaining:
        """Before any payer: so much within scope, and what is outside."""
        return cls(
            {
                "within_scope": within,
                "first_share": costs.first_share,
                "over_limit": costs.over_limit,
                "own_cost": costs.own,
            }
        )

    @property
    def total(self) -> Fraction:
        """All that is left."""
        return sum(self.parts.values(), _NONE)

    def sum(self, counts: tuple[str, ...]) -> Fraction:
        """What is left of some parts."""
        return sum((one for name, one in self.parts.items() if name in counts), _NONE)

    def pay(self, amount: Fraction, counts: tuple[str, ...]) -> None:
        """Relieve these parts, the first one first."""
        for name in self.parts:
            if name in counts:
                relief = min(amount, self.parts[name])
                self.parts[name] -= relief
                amount -= relief


def pay_critical(
    asked: Asked,
    found: dict[str, Fraction],
    first_share: Fraction,
    left: Remaining,
    money: Rounding,
    critical: Critical | None,
) -> dict[str, Fraction]:
    """What counts towards critical-illness insurance, and what it pays of it."""
    if critical is None:
        return {"burden": _NONE, "critical": _NONE}
    known = {
        **{name: found[name] for name in ("deductible", "coinsurance", "above_ceiling")},
        "first_share": first_share,
    }
    counted: dict[str, Any] = {
        name: one if name in critical.counts else _NONE for name, one in known.items()
    }
    burden = sum(counted.values(), _NONE)
    asked.sheet.add("burden", burden, **counted)
    threshold = Fraction(critical.threshold.number) * Fraction(critical.factor.number)
    line = asked.sheet.add(
        "threshold", threshold, threshold=critical.threshold, factor=critical.factor
    )
    before = Fraction(asked.case.year_burden or 0)
    basic = Fraction(asked.case.year_basic or 0) + found["basic"]
    low, high = max(before - threshold, _NONE), max(before + burden - threshold, _NONE)
    if critical.of_payments:
        reached = basic >= threshold
        asked.sheet.say("reached", "yes" if reached else "no", payments=basic, threshold=line)
        low, high = (before, before + burden) if reached else (_NONE, _NONE)
    elif high:
        asked.sheet.add("over", high - low, before=before, burden=burden, threshold=line)
    paid = _NONE
    for band in critical.bands:
        end = high if band.high is None else min(high, Fraction(band.high))
        part = max(end - max(low, Fraction(band.low)), _NONE)
        if part:
            ratio = Fraction(critical.ratio(band))
            asked.sheet.add(
                "critical_band", part * ratio, part=part, ratio=band.cell, bonus=critical.bonus
            )
            paid += part * ratio
    pays = min(Fraction(money.of(paid)), burden)
    if critical.ceiling is not None:
        before = Fraction(asked.case.year_critical or 0)
        if critical.with_basic:
            before += basic
        pays = min(pays, max(Fraction(critical.ceiling.number) - before, _NONE))
        asked.sheet.add("critical_year", pays, sum=paid, ceiling=critical.ceiling, paid=before)
    else:
        asked.sheet.add("critical", pays, sum=paid)
    left.pay(pays, ("within_scope", "first_share"))
    return {"burden": burden, "critical": pays}


def pay_aid(asked: Asked, left: Remaining, money: Rounding, aid: Aid | None) -> Fraction:
    """What medical aid pays of what is left."""
    if aid is None:
        return _NONE
    return _pay(asked, "aid", left, money, aid, {})


def pay_supplements(
    asked: Asked, left: Remaining, money: Rounding, layers: tuple[Layer, ...]
) -> Fraction:
    """What civil relief and supplements pay of what is left, one after the other."""
    return sum(
        (_pay(asked, "layer", left, money, one, {"layer": one.name}) for one in layers), _NONE
    )


def _pay(
    asked: Asked,
    line: str,
    left: Remaining,
    money: Rounding,
    payer: Aid | Layer,
    told: dict[str, Any],
) -> Fraction:
    base = left.sum(payer.counts)
    over = max(base - Fraction(payer.deductible.number), _NONE)
    pays = min(Fraction(money.of(over * Fraction(payer.ratio.number))), over)
    told |= {"base": base, "deductible": payer.deductible, "ratio": payer.ratio}
    if payer.ceiling is not None:
        pays = min(pays, Fraction(payer.ceiling.number))
        asked.sheet.add(f"{line}_capped", pays, **told, ceiling=payer.ceiling)
    else:
        asked.sheet.add(line, pays, **told)
    left.pay(pays, payer.counts)
    return pays

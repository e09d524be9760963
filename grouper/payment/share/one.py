"""The patient's share of one case, in fractions, with its lines."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from grouper.payment.reasons import PayReason
from grouper.payment.share.costs import costs_of
from grouper.payment.share.insured import insured
from grouper.payment.share.layers import Remaining, pay_aid, pay_critical, pay_supplements
from grouper.payment.share.parts import FEN, PARTS, Share
from grouper.payment.share.rules import read

if TYPE_CHECKING:
    from grouper.case.record import Case
    from grouper.payment.asked import Asked
    from grouper.payment.share.costs import Costs
    from grouper.payment.share.rules import Rules, Terms
    from grouper.payment.sheet import Line

_NONE = Fraction(0)
_OUTSIDE = ("own", "first_share", "over_limit")


def share(asked: Asked) -> Share:
    """What the patient pays of one case; writes its lines on ``asked.sheet`` as section ``share``.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``: of what holds for every share.
    """
    asked.sheet.section = "share"
    benefits, own_lines = insured(asked)
    terms = read(asked, benefits, own_lines=own_lines)
    settled = terms.stated_first and asked.case.patient_paid is not None
    if isinstance(terms.rules, str) and not settled:
        return Share(reason=terms.rules)
    costs = costs_of(asked.case, terms.catalogue)
    if costs.reason is not None:
        return Share(reason=costs.reason)
    if settled:
        return _settled(asked, costs, terms)
    if isinstance(terms.rules, str):  # pragma: no cover -- answered above; for the type checker
        return Share(reason=terms.rules)
    reason = lacking(asked.case, terms.rules)
    if reason is not None:
        return Share(reason=reason)
    return _reckoned(asked, costs, terms, terms.rules)


def lacking(case: Case, rules: Rules) -> str | None:
    """Why the year before a case is not known enough, or None."""
    known = [getattr(case, name) for name in rules.needs]
    if any(one is None for one in known):
        return PayReason.YEAR_MISSING
    if any(one < 0 for one in known):
        return PayReason.COST_NEGATIVE
    return None


def _settled(asked: Asked, costs: Costs, terms: Terms) -> Share:
    """What the record says was settled, as far as it agrees with itself."""
    case = asked.case
    patient = Fraction(case.patient_paid or 0)
    others = costs.total - patient
    tolerance = Fraction(terms.catalogue.tolerance)
    if patient < 0 or (case.fund_paid is not None and case.fund_paid < 0):
        return Share(reason=PayReason.COST_NEGATIVE)
    if case.fund_paid is not None and abs(others - Fraction(case.fund_paid)) > tolerance:
        return Share(reason=PayReason.COST_MISMATCH)
    if others < -tolerance:
        return Share(reason=PayReason.COST_MISMATCH)
    _scope_line(asked, costs)
    asked.sheet.add("settled", patient, settled=patient)
    left = Remaining.of(costs, costs.scope)
    left.pay(max(others, _NONE), tuple(left.parts))
    return _share(
        costs, {"patient": patient, "deducted": _deducted(asked, left, terms)}, settled=True
    )


def _scope_line(asked: Asked, costs: Costs) -> Line:
    asked.sheet.say("costs", "lines" if costs.lines else "stated")
    return asked.sheet.add(
        "scope",
        costs.scope,
        total=costs.total,
        own=costs.own,
        over_limit=costs.over_limit,
        first_share=costs.first_share,
    )


def _reckoned(asked: Asked, costs: Costs, terms: Terms, rules: Rules) -> Share:
    scope = _scope_line(asked, costs)
    deductible = _deductible(asked, costs.scope, rules)
    found = {"deductible": deductible}
    found |= _basic(asked, scope, deductible, terms, rules)
    within = found["deductible"] + found["coinsurance"] + found["above_ceiling"]
    left = Remaining.of(costs, within)
    found |= pay_critical(asked, found, costs.first_share, left, terms.money, rules.critical)
    found["aid"] = pay_aid(asked, left, terms.money, rules.aid)
    found["supplements"] = pay_supplements(asked, left, terms.money, rules.layers)
    names = ("deductible", "coinsurance", "above_ceiling", "critical", "aid", "supplements")
    told: dict[str, Any] = {name: getattr(costs, name) for name in _OUTSIDE}
    told |= {name: found[name] for name in names}
    found["patient"] = left.total
    asked.sheet.add("patient", left.total, **told)
    found["deducted"] = _deducted(asked, left, terms)
    return _share(costs, found, settled=False)


def _deductible(asked: Asked, scope: Fraction, rules: Rules) -> Fraction:
    number = max(asked.case.admission_number or 1, 1)
    steps = [step for step in rules.steps if step.admission <= number]
    if not steps:
        return _NONE
    standard = Fraction(steps[-1].amount)
    told: dict[str, Any] = {"cost": scope, "standard": steps[-1].cell}
    if not rules.yearly:
        due = min(scope, standard)
        asked.sheet.add("deductible", due, **told)
        return due
    paid = Fraction(asked.case.year_deductible or 0)
    due = min(scope, max(standard - paid, _NONE))
    asked.sheet.add("deductible_year", due, **told, paid=paid)
    return due


def _basic(
    asked: Asked, scope: Line, deductible: Fraction, terms: Terms, rules: Rules
) -> dict[str, Fraction]:
    """What the pooling fund pays, the patient's part of what it covers, and what is above its ceiling."""
    base = scope.number - deductible
    start = deductible if rules.from_cost else _NONE
    room = None
    paid = Fraction(asked.case.year_basic or 0)
    if rules.ceiling is not None:
        room = max(Fraction(rules.ceiling.number) - paid, _NONE)
    raw = covered = _NONE
    # What lies below the lowest segment is covered with nothing.
    covered += _overlap(start, base, _NONE, rules.bands[0].low if rules.bands else None)
    for band in rules.bands:
        part = _overlap(start, base, Fraction(band.low), band.high)
        if not part:
            continue
        ratio = Fraction(band.ratio)
        asked.sheet.add("band", part * ratio, part=part, ratio=band.cell)
        if room is None or raw + part * ratio <= room:
            covered += part
        elif raw < room:
            covered += min(part, Fraction(terms.money.of((room - raw) / ratio)))
        raw += part * ratio
    capped = room is not None and raw > room
    basic = Fraction(terms.money.of(room if room is not None and capped else raw))
    if room is not None:
        basic = min(basic, room)
        asked.sheet.add("basic_year", basic, sum=raw, ceiling=rules.ceiling, paid=paid)
    else:
        asked.sheet.add("basic", basic, sum=raw)
    basic = min(basic, base)
    covered = max(covered, basic)
    if capped:
        asked.sheet.add("above_ceiling", base - covered, base=base, covered=covered)
    asked.sheet.add("coinsurance", covered - basic, covered=covered, basic=basic)
    return {"basic": basic, "coinsurance": covered - basic, "above_ceiling": base - covered}


def _overlap(start: Fraction, base: Fraction, low: Fraction, high: Any) -> Fraction:  # noqa: ANN401 -- a number or None
    """How much of the costs from ``start`` on lies between two bounds."""
    end = start + base
    if high is not None:
        end = min(end, Fraction(high))
    return max(end - max(start, low), _NONE)


def _deducted(asked: Asked, left: Remaining, terms: Terms) -> Fraction:
    counted: dict[str, Any] = {
        name: one if name in terms.deducted else _NONE for name, one in left.parts.items()
    }
    found = sum(counted.values(), _NONE)
    asked.sheet.add("deducted", found, **counted)
    return found


def _share(costs: Costs, found: dict[str, Fraction], *, settled: bool) -> Share:
    told = {name: getattr(costs, name) for name in (*_OUTSIDE, "scope")} | found
    parts: dict[str, Any] = {name: FEN.of(told[name]) for name in PARTS if name in told}
    return Share(settled=settled, **parts)

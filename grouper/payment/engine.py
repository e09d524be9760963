"""One case priced by itself, with its arithmetic line by line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from codebooks.policies.yaml_nodes import PolicyError
from codebooks.registry import registry
from grouper.payment.asked import Asked
from grouper.payment.assignment import assign
from grouper.payment.checks import cost_reason, cost_warnings
from grouper.payment.exact import plain
from grouper.payment.methods import methods
from grouper.payment.place import (
    PEOPLE,
    PEOPLE_FIELDS,
    NoPlaceError,
    Terms,
    day_of,
    is_here,
    level_of,
    people,
)
from grouper.payment.reasons import PayReason, PayWarning
from grouper.payment.result import LIMITS, Outcome, Payment, PayStatus
from grouper.payment.share import share

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from grouper.case.record import Case
    from grouper.payment.share import Share
    from grouper.payment.sheet import Sheet
    from grouper.schemes.protocol import Grouping


@dataclass(frozen=True, slots=True)
class _Unshared:
    """Why the patient's share is not known, and what its words need."""

    reason: str
    params: dict[str, object] = field(default_factory=dict)


def price(
    case: Case,
    grouping: Grouping,
    terms: Terms | None = None,
    extra: Mapping[str, int | None] | None = None,
) -> Payment:
    """Price one case.

    Args:
        case: the case.
        grouping: by the scheme that binds it.
        terms: by which policies; by default those of this installation.
        extra: what a table of cases says of it beside its own fields
            (:mod:`grouper.payment.history`); None: nothing is known.

    Returns:
        The payment; a case that cannot be priced has a reason and no amount.
    """
    terms = terms or Terms()
    try:
        asked = asked_of(case, grouping, terms)
        asked.extra = extra or {}
    except NoPlaceError as error:
        return Payment(status=PayStatus.UNPRICED, reason=error.reason, params=error.params)
    warnings = cost_warnings(asked)
    reason = cost_reason(case)
    if reason is not None:
        return _unpriced(asked, reason, {}, None, warnings)
    method, outcome, params = _outcome(asked)
    paid = _share(asked)
    if outcome.reason is not None:
        return _within(_unpriced(asked, outcome.reason, params, method, warnings, paid))
    return _within(_priced(asked, method or "", outcome, paid, warnings))


def asked_of(case: Case, grouping: Grouping, terms: Terms) -> Asked:
    """The case with what the policy says of it.

    Raises:
        NoPlaceError: no policy prices it.
    """
    day = day_of(case, terms)
    policy = terms.policy(case.region or terms.region, day)
    facts: dict[str, str | None] = {
        name: people(policy, name, getattr(case, PEOPLE_FIELDS[name])) for name in PEOPLE
    }
    facts["hospital"] = case.hospital
    facts["level"] = level_of(policy, case.hospital)
    facts["kind"] = case.kind
    facts["visit_type"] = case.visit_type
    cards = registry().cards
    family = cards[grouping.scheme].family if grouping.scheme in cards else ""
    return Asked(
        case=case,
        grouping=grouping,
        family=family,
        policy=policy,
        day=day,
        here=is_here(policy.region, case.insured_region),
        facts=facts,
        terms=terms,
    )


def _outcome(asked: Asked) -> tuple[str | None, Outcome, dict[str, object]]:
    name = None
    try:
        asked.sheet.section = "assignment"
        assigned = assign(asked, methods())
        if assigned.method is None:
            return None, Outcome(reason=assigned.reason), dict(assigned.params)
        method = methods()[assigned.method]
        name = method.name
        asked.sheet.section = method.section
        return name, method.price(asked), {}
    except PolicyError as error:
        return name, Outcome(reason=error.code), dict(error.params)


def _share(asked: Asked) -> Share | _Unshared:
    """The patient's share, or the reason why it is not known."""
    asked.sheet.section = "share"
    try:
        found = share(asked)
    except PolicyError as error:
        return _Unshared(error.code, dict(error.params))
    return found if found.reason is None else _Unshared(found.reason)


def _priced(
    asked: Asked, method: str, outcome: Outcome, paid: Share | _Unshared, warnings: tuple[str, ...]
) -> Payment:
    amount = Fraction(outcome.amount or 0)
    money = asked.rounding("money")
    told: dict[str, Any] = {}
    cost = asked.case.total_cost
    if outcome.fund is not None:
        patient = deducted = amount - Fraction(outcome.fund)
        told["fund"] = outcome.fund
    elif isinstance(paid, _Unshared):
        told |= {"share_reason": paid.reason, "share_params": paid.params}
        patient = deducted = Fraction(0)
    else:
        # A share without a reason has both.
        patient, deducted = (Fraction(cast("Decimal", p)) for p in (paid.patient, paid.deducted))
        told["fund"] = money.of(amount - deducted)
    if "fund" in told:
        told |= {"patient": money.of(patient), "deducted": money.of(deducted)}
        asked.sheet.section = "payment"
        asked.sheet.add("fund", amount - deducted, amount=amount, deducted=deducted)
        if cost is not None:
            surplus = amount + patient - deducted - Fraction(cost)
            told["surplus"] = money.of(surplus)
            asked.sheet.add(
                "surplus", surplus, amount=amount, patient=patient, deducted=deducted, cost=cost
            )
        if told["fund"] < 0:
            warnings = (*warnings, PayWarning.FUND_NEGATIVE)
    if outcome.review:
        warnings = (*warnings, PayWarning.REVIEW_CANDIDATE)
    return Payment(
        status=PayStatus.PRICED,
        policy=asked.policy,
        method=method,
        warnings=(*outcome.warnings, *warnings),
        band=outcome.band,
        review=outcome.review,
        unit_weight=_plain(outcome.unit_weight),
        points=_plain(outcome.points),
        point_value=_plain(outcome.point_value),
        amount=outcome.amount,
        **told,
        **_told(asked.sheet),
    )


def _within(payment: Payment) -> Payment:
    """The payment, or none where a number of it is beyond what its column holds."""
    numbers = {name: getattr(payment, name) for name in LIMITS}
    if all(one is None or abs(one) < LIMITS[name] for name, one in numbers.items()):
        return payment
    none: dict[str, Any] = dict.fromkeys(LIMITS)
    return replace(
        payment,
        status=PayStatus.UNPRICED,
        reason=PayReason.TOO_LARGE,
        params={},
        band=None,
        share_reason=None,
        **none,
    )


def _plain(value: Any) -> Any:  # noqa: ANN401 -- a decimal or None
    return None if value is None else plain(value)


def _unpriced(
    asked: Asked,
    reason: str,
    params: dict[str, object],
    method: str | None,
    warnings: tuple[str, ...],
    paid: Share | _Unshared | None = None,
) -> Payment:
    known: dict[str, Any] = {}
    if isinstance(paid, _Unshared):
        known |= {"share_reason": paid.reason, "share_params": paid.params}
    elif paid is not None:
        known["patient"] = paid.patient
    return Payment(
        status=PayStatus.UNPRICED,
        policy=asked.policy,
        method=method,
        reason=reason,
        params=params,
        warnings=warnings,
        **known,
        **_told(asked.sheet),
    )


def _told(sheet: Sheet) -> dict[str, Any]:
    return {"lines": tuple(sheet.lines), "asked": tuple(sheet.asked.values())}

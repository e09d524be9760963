"""What a simulation changes: cases, point values, costs, values of the policy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from codebooks.policies.forms import Kind, topic_forms
from codebooks.policies.kinds import read_text
from grouper.payment.methods import methods
from grouper.payment.settlement.deductions import INSURANCES
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.result import AXES

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = re.compile(r"([+-]?\d{1,12}(?:\.\d{1,6})?)(%?)", re.ASCII)
_LEAST = Fraction(-1)


@dataclass(frozen=True, slots=True)
class Growth:
    """So many more cases, as a share of them (below nought: fewer).

    Attributes:
        share: at least −1.
        axis, key: of which cases, such as ``department`` and its name; None: of all.
    """

    share: Fraction
    axis: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class PointChange:
    """Another point value, of a method and an insurance; None: of all."""

    value: Decimal
    method: str | None = None
    insurance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All that is changed at once: first the policy and the costs, then point values, then cases.

    Attributes:
        growth: a case that several of them mean grows by each.
        points: the last one that means a case holds.
        cost: by how much every cost of a case grows, as a share; cases are then priced anew.
        values: of the policy, by ``topic.parameter``; cases are then priced anew.
    """

    growth: tuple[Growth, ...] = ()
    points: tuple[PointChange, ...] = ()
    cost: Fraction = Fraction(0)
    values: Mapping[str, Any] = field(default_factory=dict)


def read_share(written: str) -> Fraction:
    """A share as ``5%`` or ``0.05``.

    Raises:
        SettlementError: ``SIMULATE_SHARE``: no number, or below −1.
    """
    found = _NUMBER.fullmatch(written.strip())
    if found is not None:
        share = Fraction(found[1]) / (100 if found[2] else 1)
        if share >= _LEAST:
            return share
    raise SettlementError("SIMULATE_SHARE", found=written[:40])


def read_growth(written: str) -> Growth:
    """Growth as ``5%``, or ``department:骨科=5%``.

    Raises:
        SettlementError: ``SIMULATE_SHARE``, ``SIMULATE_AXIS``.
    """
    place, found, share = written.rpartition("=")
    if not found:
        return Growth(read_share(written))
    axis, _, key = place.partition(":")
    if axis not in AXES or not key:
        raise SettlementError("SIMULATE_AXIS", found=written[:40], known=", ".join(AXES))
    return Growth(read_share(share), axis, key)


def read_point(written: str) -> PointChange:
    """A point value as ``92``, ``dip_score=5.2`` or ``dip_score:resident=5.2``.

    Raises:
        SettlementError: ``SIMULATE_POINT``, ``SIMULATE_WORD``: no such method or insurance.
    """
    place, _, number = written.rpartition("=")
    found = _NUMBER.fullmatch(number.strip())
    if found is None or found[2] or Decimal(found[1]) < 0:
        raise SettlementError("SIMULATE_POINT", found=written[:40])
    method, _, insurance = place.partition(":")
    if method and method not in methods():
        raise SettlementError(
            "SIMULATE_WORD", found=method[:40], known=", ".join(sorted(methods()))
        )
    if insurance and insurance not in INSURANCES:
        raise SettlementError("SIMULATE_WORD", found=insurance[:40], known=", ".join(INSURANCES))
    return PointChange(Decimal(found[1]), method or None, insurance or None)


def read_value(written: str) -> tuple[str, Any]:
    """A value of the policy as ``dip_score.point_value=5.2``; it then holds for all dimensions.

    Raises:
        SettlementError: ``SIMULATE_VALUE``: no such parameter, or one that holds a table.
        PolicyError: ``POLICY_VALUE``, ``POLICY_BOUNDS``, ``POLICY_CHOICE``: not of the
            parameter's kind.
    """
    path, _, value = written.partition("=")
    topic, _, name = path.strip().partition(".")
    forms = topic_forms()
    form = forms[topic].parameters.get(name) if topic in forms else None
    if form is None or form.kind is Kind.TABLE or not value.strip():
        raise SettlementError("SIMULATE_VALUE", found=path[:60])
    return f"{topic}.{name}", read_text(value, form, Where(column=path.strip()))

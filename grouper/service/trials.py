"""A stored case tried with other values: grouped and priced as it would be; nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from grouper.case.dates import LOCAL
from grouper.case.record import Case
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.service.tracing import regroup
from grouper.service.year import with_year

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from grouper.case.issues import Issue
    from grouper.payment.result import Payment
    from grouper.schemes.protocol import Grouping
    from grouper.service.stored import Stay
    from grouper.store.database import Database

_BESIDE = {
    "dx": ("dx_poa", "dx_time"),
    "px": ("px_date", "px_level", "px_modifier"),
}
"""Lists that stand beside the codes, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """What a case is tried with; None leaves a value as it is.

    Attributes:
        dx: diagnosis codes, the principal one first.
        px: procedure codes, the main one first.
        los: days of stay; the case ends so many days after its admission.
        total_cost: yuan.
    """

    dx: Sequence[str] | None = None
    px: Sequence[str] | None = None
    los: int | None = None
    total_cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """How it went.

    Attributes:
        case: as it was tried.
        issues: of its values.
        grouping: by the scheme of the stored grouping, else the one that binds.
        payment: by the policy of its day.
    """

    case: Case
    issues: Sequence[Issue]
    grouping: Grouping
    payment: Payment


def tried(database: Database, stay: Stay, other: Other, region: str, day: datetime) -> Tried:
    """Group and price a stored version with other values.

    Args:
        database: the store; of it the patient's year is read, nothing is written.
        stay: the case in one of its versions.
        other: the values.
        region: of a case that names none.
        day: a stay that has not ended is priced as if it ended then.

    Raises:
        GrouperError: as :func:`grouper.service.tracing.regroup`.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    case, issues = Case.from_mapping(_values(stay.case, other))
    grouping = regroup(replace(stay, case=case), None, region)
    terms = Terms(region=region, today=day.astimezone(LOCAL).date())
    paid = price(with_year(database, stay.head.person_id, case, terms, day), grouping, terms)
    return Tried(case, issues, grouping, paid)


def _values(case: Case, other: Other) -> Mapping[str, Any]:
    values = dict(case.to_mapping())
    for name, codes in (("dx", other.dx), ("px", other.px)):
        if codes is not None:
            values |= _codes(values, name, list(codes))
    if other.total_cost is not None:
        values["total_cost"] = other.total_cost
    if other.los is not None and other.los != case.los:
        values["los"] = other.los
        if case.admission_time is not None and case.discharge_time is not None:
            values["discharge_time"] = case.admission_time + timedelta(days=other.los)
    return values


def _codes(values: Mapping[str, Any], name: str, codes: list[str]) -> dict[str, Any]:
    """The codes with what stood beside each of them; a code that is new has nothing beside it."""
    found: dict[str, Any] = {name: tuple(codes)}
    for beside in _BESIDE[name]:
        old = dict(zip(values[name], values[beside], strict=False))
        kept = tuple(old.get(code) for code in codes)
        found[beside] = kept if any(one is not None for one in kept) else ()
    return found

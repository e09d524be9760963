"""A stored case with its grouping, as it goes back to the hospital's systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from grouper.case.record import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """One grouping; fields as the columns of :data:`grouper.schemes.protocol.RESULT_SCHEMA`."""

    scheme: str
    content_hash: str
    status: str
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    mdc: str | None = None
    adrg: str | None = None
    group: str | None = None
    group_name: str | None = None
    cc_level: str | None = None
    group_kind: str | None = None
    weight: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What the policy pays for the case, as far as a policy is at hand; amounts in yuan.

    ``lines`` is the arithmetic by name, in its order.
    """

    policy: str
    amount: Decimal
    fund: Decimal | None = None
    patient: Decimal | None = None
    lines: Mapping[str, Decimal] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What an encoder of results is given.

    Attributes:
        case: the case as it was grouped; ``case_id`` is Grouper's own, ``person`` a pseudonym.
        hospital: code of the hospital.
        patient: the hospital's number of the patient.
        visit: the hospital's number of the stay.
        version: of the stay.
        at: when it was grouped.
        grouped: the grouping by the scheme that binds it; None when none could be chosen.
        reason: why there is none.
        priced: None as long as no policy prices the case.
    """

    case: Case
    hospital: str
    patient: str
    visit: str
    version: int
    at: datetime
    grouped: Grouped | None
    reason: str | None = None
    priced: Priced | None = None

"""What a payment says: one case with its lines, and the columns of many."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from decimal import Decimal

    from codebooks.policies.policy import Policy, Value
    from grouper.payment.sheet import Line

AMOUNT = pa.decimal128(18, 2)
"""Arrow type of an amount in yuan."""
POINTS = pa.decimal128(24, 6)
"""Arrow type of weights, points, scores and point values."""
_WORD = pa.dictionary(pa.int32(), pa.string())


class PayStatus(StrEnum):
    """What became of a case."""

    PRICED = "priced"
    UNPRICED = "unpriced"


class Band(StrEnum):
    """How a stay was paid within its method."""

    NORMAL = "normal"
    LOW = "low"
    HIGH = "high"
    INCOMPLETE = "incomplete"
    READMISSION = "readmission"
    BED_DAY = "bed_day"
    CAPPED = "capped"


PAYMENT_SCHEMA = pa.schema(
    [
        ("policy", _WORD),
        ("method", _WORD),
        ("pay_status", _WORD),
        ("pay_reason", _WORD),
        ("pay_warnings", _WORD),
        ("band", _WORD),
        ("review", pa.bool_()),
        ("unit_weight", POINTS),
        ("points", POINTS),
        ("point_value", POINTS),
        ("amount", AMOUNT),
        ("share_reason", _WORD),
        ("patient", AMOUNT),
        ("deducted", AMOUNT),
        ("fund", AMOUNT),
        ("surplus", AMOUNT),
        ("assumptions", _WORD),
    ]
)
"""The columns of a payment, the same for every method; what a method lacks is null.

``policy`` is the id of what held; ``method`` the one that binds; ``pay_reason`` a stable code when
``pay_status`` is unpriced; ``pay_warnings`` codes joined by ``;``. ``band`` as :class:`Band`;
``review``: a candidate for individual review (特病单议). ``unit_weight`` is the RW, the base points or
the score of the group; ``points`` what the case earns; ``point_value`` what one of them is worth
(of a rate: the rate). ``amount`` is what the hospital is due for the case in all, in yuan:
``fund`` = ``amount`` − ``deducted``, the part of the ``patient``'s payments that the policy counts
towards it. ``surplus`` = ``amount`` + ``patient`` − ``deducted`` − the total cost. Where the
patient's part is not known, ``share_reason`` says why and these four are null. ``assumptions`` are
the paths of the policy's values that are assumptions, joined by ``;``.
"""


LIMITS = {
    field.name: 10 ** (field.type.precision - field.type.scale)
    for field in PAYMENT_SCHEMA
    if pa.types.is_decimal(field.type)
}
"""What the numbers of each column stay below; a case beyond is not priced, so that none is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a method says of one case; without ``reason`` there is an amount.

    Attributes: as the columns of :data:`PAYMENT_SCHEMA`; amounts in yuan. ``fund`` is set by methods
    that say themselves what the fund pays (a quota with its ratio, a capitation).
    """

    amount: Decimal | None = None
    fund: Decimal | None = None
    unit_weight: Decimal | None = None
    points: Decimal | None = None
    point_value: Decimal | None = None
    band: Band | None = None
    review: bool = False
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The payment of one case; fields as the columns of :data:`PAYMENT_SCHEMA`.

    ``lines`` is the arithmetic in its order; ``asked`` the policy's values that were looked at.
    """

    status: PayStatus
    policy: Policy | None = None
    method: str | None = None
    reason: str | None = None
    params: dict[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    band: Band | None = None
    review: bool = False
    unit_weight: Decimal | None = None
    points: Decimal | None = None
    point_value: Decimal | None = None
    amount: Decimal | None = None
    share_reason: str | None = None
    share_params: dict[str, object] = field(default_factory=dict)
    patient: Decimal | None = None
    deducted: Decimal | None = None
    fund: Decimal | None = None
    surplus: Decimal | None = None
    lines: tuple[Line, ...] = ()
    asked: tuple[Value, ...] = ()

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Paths of the values that are assumptions, in order."""
        return tuple(sorted({one.given.path for one in self.asked if one.assumption}))

"""Stable words of this family's results; what they say stands under ``apg.`` in the catalogues."""

from __future__ import annotations

from enum import StrEnum

from grouper.schemes.reasons import Reason


class Action(StrEnum):
    """What was done with a part of the visit (``action`` of a part)."""

    PAID = "paid"
    DISCOUNTED = "discounted"
    PACKAGED = "packaged"
    CONSOLIDATED = "consolidated"
    NEVER_PAY = "never_pay"
    NOT_ALONE = "not_alone"
    UNASSIGNED = "unassigned"
    UNDECIDED = "undecided"
    NO_VISIT = "no_visit"
    CANCELLED = "cancelled"
    REPORTED = "reported"


PAYING = frozenset({Action.PAID, Action.DISCOUNTED})
"""Actions after which a part adds to the visit's weight."""
GONE = frozenset({Action.CANCELLED, Action.REPORTED})
"""Actions of refunds and of what they cancel."""


class Why(StrEnum):
    """Why it was done (``reason`` of a part)."""

    FIRST_PROCEDURE = "first_procedure"
    FURTHER_PROCEDURE = "further_procedure"
    BILATERAL = "bilateral"
    TERMINATED = "terminated"
    SAME_GROUP = "same_group"
    RELATED_GROUP = "related_group"
    CHARGE_OF_PROCEDURE = "charge_of_procedure"
    MEDICAL_VISIT = "medical_visit"
    PROCEDURE_VISIT = "procedure_visit"
    PACKAGING_RULE = "packaging_rule"
    APART_RULE = "apart_rule"
    ALONE = "alone"
    REPEAT = "repeat"
    NEVER_PAY_LIST = "never_pay_list"
    NOT_ALONE_LIST = "not_alone_list"
    CODE_UNKNOWN = "code_unknown"
    NO_GROUP = "no_group"
    NO_VISIT_LINE = "no_visit_line"
    AMOUNT_MISSING = "amount_missing"
    QUANTITY_UNUSABLE = "quantity_unusable"
    REFUNDED = "refunded"
    REFUND = "refund"
    REFUND_UNMATCHED = "refund_unmatched"


class PartKind(StrEnum):
    """What a part is; parts stand in this order."""

    PROCEDURE = "procedure"
    VISIT = "visit"
    LINE = "line"


REASONS: tuple[Reason, ...] = (
    Reason.SCHEME_DATE_MISSING,
    Reason.SCHEME_UNCOVERED,
    Reason.KIND_UNSUPPORTED,
    Reason.LINES_MISSING,
    Reason.LINES_REFUNDED,
    Reason.DX_PRINCIPAL_MISSING,
    Reason.DX_PRINCIPAL_UNKNOWN,
    Reason.DX_PRINCIPAL_EDITION,
    Reason.PX_MAIN_UNKNOWN,
    Reason.PX_MAIN_EDITION,
    Reason.GROUP_NONE,
    Reason.VISIT_NOT_PAYABLE,
    Reason.LINE_UNASSIGNED,
    Reason.LINE_AMOUNT_MISSING,
    Reason.LINE_QUANTITY_UNUSABLE,
    Reason.REFUND_UNMATCHED,
    Reason.DX_OTHER_UNKNOWN,
    Reason.DX_OTHER_EDITION,
    Reason.PX_UNKNOWN,
    Reason.PX_EDITION,
)
"""The reasons that this family gives, in order of weight; the batch engine counts by place."""

UNGROUPED = frozenset({Reason.LINES_REFUNDED, Reason.GROUP_NONE, Reason.LINE_UNASSIGNED})
"""Reasons of a visit that is sound but falls into no group; the others make it invalid."""

DISTINCT = "distinct"
"""The modifier of a procedure that stands apart from related ones."""
MOST_DAYS = 366
"""A line of a per-diem group stands for at most so many days."""

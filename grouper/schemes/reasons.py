"""Why a case is not plainly grouped: status and stable reason codes, the same in every family.

The words stand in the catalogues under ``reason.<CODE>`` and ``advice.<CODE>``.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What became of a case."""

    GROUPED = "grouped"
    AMBIGUOUS = "ambiguous"
    UNGROUPED = "ungrouped"
    INVALID = "invalid"


class Reason(StrEnum):
    """Stable reason codes of the grouping itself; readers add theirs (``docs/CASE.md``).

    Members stand in order of weight: where several apply, the first is the case's reason and the
    order in which warnings are listed.
    """

    SCHEME_DATE_MISSING = "SCHEME_DATE_MISSING"
    REGION_UNKNOWN = "REGION_UNKNOWN"
    SCHEME_UNCOVERED = "SCHEME_UNCOVERED"
    SCHEME_NOT_AT_HAND = "SCHEME_NOT_AT_HAND"
    KIND_UNSUPPORTED = "KIND_UNSUPPORTED"
    CODE_SYSTEM_MISMATCH = "CODE_SYSTEM_MISMATCH"
    DX_PRINCIPAL_MISSING = "DX_PRINCIPAL_MISSING"
    DX_PRINCIPAL_UNKNOWN = "DX_PRINCIPAL_UNKNOWN"
    DX_PRINCIPAL_EDITION = "DX_PRINCIPAL_EDITION"
    DX_NOT_PRINCIPAL = "DX_NOT_PRINCIPAL"
    PX_MAIN_UNKNOWN = "PX_MAIN_UNKNOWN"
    PX_MAIN_EDITION = "PX_MAIN_EDITION"
    SEX_MISSING = "SEX_MISSING"
    AGE_MISSING = "AGE_MISSING"
    AGE_DAYS_MISSING = "AGE_DAYS_MISSING"
    NEWBORN_WEIGHT_MISSING = "NEWBORN_WEIGHT_MISSING"
    LOS_MISSING = "LOS_MISSING"
    DISCHARGE_WAY_MISSING = "DISCHARGE_WAY_MISSING"
    ICU_HOURS_MISSING = "ICU_HOURS_MISSING"
    DEPARTMENT_MISSING = "DEPARTMENT_MISSING"
    SEX_CONFLICT = "SEX_CONFLICT"
    PX_UNRELATED = "PX_UNRELATED"
    GROUP_FALLBACK = "GROUP_FALLBACK"
    GROUP_NONE = "GROUP_NONE"
    DX_OTHER_UNKNOWN = "DX_OTHER_UNKNOWN"
    DX_OTHER_EDITION = "DX_OTHER_EDITION"
    PX_UNKNOWN = "PX_UNKNOWN"
    PX_EDITION = "PX_EDITION"


FIELD: dict[Reason, str] = {
    Reason.SCHEME_DATE_MISSING: "discharge_time",
    Reason.REGION_UNKNOWN: "region",
    Reason.SCHEME_UNCOVERED: "discharge_time",
    Reason.SCHEME_NOT_AT_HAND: "region",
    Reason.KIND_UNSUPPORTED: "kind",
    Reason.CODE_SYSTEM_MISMATCH: "code_system",
    Reason.SEX_MISSING: "sex",
    Reason.AGE_MISSING: "age",
    Reason.AGE_DAYS_MISSING: "age_days",
    Reason.NEWBORN_WEIGHT_MISSING: "weight_g",
    Reason.LOS_MISSING: "los",
    Reason.DISCHARGE_WAY_MISSING: "discharge_way",
    Reason.ICU_HOURS_MISSING: "icu_hours",
    Reason.DEPARTMENT_MISSING: "department",
    Reason.SEX_CONFLICT: "sex",
    Reason.PX_MAIN_UNKNOWN: "px",
    Reason.PX_MAIN_EDITION: "px",
    Reason.PX_UNRELATED: "px",
    Reason.PX_UNKNOWN: "px",
    Reason.PX_EDITION: "px",
} | dict.fromkeys(
    (
        Reason.DX_PRINCIPAL_MISSING,
        Reason.DX_PRINCIPAL_UNKNOWN,
        Reason.DX_PRINCIPAL_EDITION,
        Reason.DX_NOT_PRINCIPAL,
        Reason.DX_OTHER_UNKNOWN,
        Reason.DX_OTHER_EDITION,
        Reason.GROUP_FALLBACK,
        Reason.GROUP_NONE,
    ),
    "dx",
)
"""The case's field that a reason speaks of."""

"""Diseases, quotas, segments and terms of dialysis that a policy made up in a test gives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

DISEASES: tuple[dict[str, Any], ...] = (
    {"disease": "D1", "name": "阑尾炎", "diagnosis": ("K35",), "procedure": ("47.01",), "kind": None},
    {"disease": "D2", "name": "阑尾炎", "diagnosis": ("K35",), "procedure": None, "kind": ("inpatient",)},
    {"disease": "D3", "name": "肺炎", "diagnosis": ("J18.9",), "procedure": None, "kind": None},
    {"disease": "D4", "name": "门诊肾病", "diagnosis": ("N18",), "procedure": None, "kind": ("outpatient",)},
)  # fmt: skip
QUOTAS = (
    {"disease": "D1", "quota": Decimal(7800), "fund_ratio": Decimal("0.85")},
    {"disease": "D2", "quota": Decimal("5600.50"), "fund_ratio": None},
    {"disease": "D4", "quota": Decimal(300), "fund_ratio": None},
)
SEGMENTS = (
    {"from_day": 31, "to_day": 90, "rate": Decimal("220.50")},
    {"from_day": 1, "to_day": 30, "rate": Decimal(280)},
    {"from_day": 91, "to_day": None, "rate": Decimal("160.125")},
)
QUOTA_TERMS = {
    "disease_quota.diseases": DISEASES,
    "disease_quota.quotas": {"employee": {"III": QUOTAS}},
    "disease_quota.fund_ratio": {"employee": {"*": Decimal("0.8")}},
}
DIALYSIS_TERMS: dict[str, Any] = {
    "dialysis_capitation.diagnosis": ("N18",),
    "dialysis_capitation.deductible": {"employee": Decimal(500), "resident": Decimal(400)},
    "dialysis_capitation.annual_benefit": Decimal(42000),
    "dialysis_capitation.deductible_place": "before_cap",
    "dialysis_capitation.visit_months": 12,
}

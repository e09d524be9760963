"""The patient's share at the edges: what was settled against the total, to the fen; in both ways."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pay_share_support import both, first_case, noon, scoped, yuan

from grouper.payment.place import Terms

WITHIN = Terms(changes={"benefit.deducted": ("within_scope",)}, source="test")


@pytest.mark.parametrize(
    ("patient", "fund", "reason", "deducted"),
    [
        # The total is 10,000; a yuan is the tolerance.
        ("1500", "8500", None, "500"),
        ("1500", "8499", None, "500"),
        ("1500", "8501", None, "500"),
        ("1500", "8498.99", "PAY_COST_MISMATCH", None),
        ("1500", "8501.01", "PAY_COST_MISMATCH", None),
        ("0", "10000", None, "0"),
        ("0", None, None, "0"),
        ("10000", "0", None, "9000"),
        ("10001", "0", None, "9000"),
        ("10001", None, None, "9000"),
        ("10001.01", None, "PAY_COST_MISMATCH", None),
        ("-0.01", None, "PAY_COST_NEGATIVE", None),
        ("1500", "-0.01", "PAY_COST_NEGATIVE", None),
    ],
)
def test_what_was_settled_may_differ_by_the_tolerance(
    patient: str, fund: str | None, reason: str | None, deducted: str | None
) -> None:
    paid: dict[str, Any] = {
        "patient_paid": yuan(patient),
        "fund_paid": None if fund is None else yuan(fund),
    }
    values = {"hospital": "H00000000001", "insurance_type": "310", **scoped(9000, own=1000), **paid}
    found = both([first_case("demo", noon(2025, 6), **values)], WITHIN)[0][0]
    assert found is not None
    assert found.reason == reason
    if deducted is not None:
        assert found.settled
        assert (found.patient, found.deducted) == (yuan(patient), Decimal(deducted))


BASIC = {
    "benefit.deductible": (),
    "benefit.ratio": ({"above": Decimal(1000), "ratio": Decimal("0.5")},),
    "benefit.ratio_of": "cost",
    "benefit.has_ceiling": True,
    "benefit.ceiling": Decimal(100000),
    "critical_illness.in_force": False,
    "medical_aid.in_force": False,
    "supplement.layers": (),
}
TWO_BANDS = (
    {"above": Decimal(0), "ratio": Decimal("0.5")},
    {"above": Decimal(2000), "ratio": Decimal("0.8")},
)
CRITICAL = {
    **BASIC,
    "benefit.ratio": ({"above": Decimal(0), "ratio": Decimal("0.5")},),
    "critical_illness.in_force": True,
    "critical_illness.counts": ("coinsurance",),
    "critical_illness.threshold": Decimal(2000),
    "critical_illness.threshold_of": "burden",
    "critical_illness.threshold_factor": Decimal("0.5"),
    "critical_illness.ratios": (
        {"above": Decimal(0), "ratio": Decimal("0.6")},
        {"above": Decimal(1000), "ratio": Decimal("0.7")},
    ),
    "critical_illness.ratio_bonus": Decimal("0.05"),
    "critical_illness.has_ceiling": False,
    "critical_illness.ceiling": Decimal(0),
    "critical_illness.ceiling_of": "critical",
}
AID = {
    **BASIC,
    "benefit.ratio": ({"above": Decimal(0), "ratio": Decimal("0.5")},),
    "medical_aid.in_force": True,
    "medical_aid.counts": ("within_scope",),
    "medical_aid.deductible": Decimal(500),
    "medical_aid.ratio": Decimal("0.5"),
    "medical_aid.has_ceiling": True,
    "medical_aid.ceiling": Decimal(1000),
}


def shares(changes: dict[str, Any], scope: str, **more: Any) -> tuple[str, ...]:
    """Of a case without costs outside the scope: basic, co-insurance, above the ceiling, critical, aid."""
    values = {"hospital": "H00000000001", "insurance_type": "310", **scoped(scope), **more}
    found = both([first_case("demo", noon(2025, 6), **values)], Terms(changes=changes, source="t"))
    share = found[0][0]
    assert share is not None
    assert share.reason is None
    names = ("basic", "coinsurance", "above_ceiling", "critical", "aid")
    return tuple(f"{getattr(share, name).normalize():f}" for name in names)


@pytest.mark.parametrize(
    ("changes", "scope", "year", "told"),
    [
        # Below the lowest segment the fund pays nothing, but what lies there is covered.
        ({}, "1000", "0", ("0", "1000", "0")),
        ({}, "1000.02", "0", ("0.01", "1000.01", "0")),
        ({}, "5000", "0", ("2000", "3000", "0")),
        # 400 are left of the ceiling: 1,000 + 400 ÷ 0.5 are covered, the rest is above.
        ({}, "5000", "99600", ("400", "1400", "3200")),
        ({}, "1800", "99600", ("400", "1400", "0")),
        ({}, "1800.02", "99600", ("400", "1400", "0.02")),
        ({}, "5000", "100000", ("0", "1000", "4000")),
        ({}, "5000", "100000.01", ("0", "1000", "4000")),
        ({"benefit.has_ceiling": False}, "5000", "100000", ("2000", "3000", "0")),
        # Two segments: the ceiling may lie in the first, at its end, or in the second.
        ({"benefit.ratio": TWO_BANDS}, "2000", "0", ("1000", "1000", "0")),
        ({"benefit.ratio": TWO_BANDS}, "3000", "0", ("1800", "1200", "0")),
        ({"benefit.ratio": TWO_BANDS}, "3000", "99500", ("500", "500", "2000")),
        ({"benefit.ratio": TWO_BANDS}, "3000", "99000", ("1000", "1000", "1000")),
        ({"benefit.ratio": TWO_BANDS}, "3000", "98600", ("1400", "1100", "500")),
        # Segments of the costs, or of what is above the deductible of 600.
        (
            {"benefit.deductible": ({"admission": 1, "amount": Decimal(600)},)},
            "600",
            "0",
            ("0",) * 3,
        ),
        (
            {"benefit.deductible": ({"admission": 1, "amount": Decimal(600)},)},
            "1601",
            "0",
            ("300.5", "700.5", "0"),
        ),
        (
            {
                "benefit.deductible": ({"admission": 1, "amount": Decimal(600)},),
                "benefit.ratio_of": "above_deductible",
            },
            "1601",
            "0",
            ("0.5", "1000.5", "0"),
        ),
    ],
)
def test_basic(changes: dict[str, Any], scope: str, year: str, told: tuple[str, ...]) -> None:
    assert shares({**BASIC, **changes}, scope, year_basic=yuan(year))[:3] == told


@pytest.mark.parametrize(
    ("period", "number", "before", "deductible"),
    [
        ("stay", 1, "0", "800"),
        ("stay", 2, "0", "400"),
        ("stay", 3, "0", "400"),
        ("stay", 4, "0", "0"),
        ("stay", 9, "0", "0"),
        ("stay", 1, "700", "800"),
        ("year", 1, "700", "100"),
        ("year", 1, "800", "0"),
        ("year", 1, "800.01", "0"),
        ("year", 2, "0", "400"),
    ],
)
def test_deductible(period: str, number: int, before: str, deductible: str) -> None:
    steps = ((1, 800), (2, 400), (4, 0))
    changes = {
        **BASIC,
        "benefit.deductible": tuple({"admission": n, "amount": Decimal(a)} for n, a in steps),
        "benefit.deductible_period": period,
        "benefit.ratio": ({"above": Decimal(0), "ratio": Decimal(1)},),
    }
    told = shares(changes, "2000", admission_number=number, year_deductible=yuan(before))
    assert told == (str(2000 - int(deductible)), "0", "0", "0", "0")
    few = shares(changes, "50", admission_number=number, year_deductible=yuan(before))
    assert few[0] == str(max(50 - int(deductible), 0))


@pytest.mark.parametrize(
    ("changes", "scope", "year", "critical"),
    [
        # The threshold is 2,000 × 0.5; of a scope of 2,000 half is the burden.
        ({}, "2000", {}, "0"),
        ({}, "2002", {}, "0.65"),
        ({}, "4000", {}, "650"),
        ({}, "4002", {}, "650.75"),
        ({}, "2000", {"year_burden": "500"}, "325"),
        ({}, "2000", {"year_burden": "1500"}, "700"),
        ({}, "2000", {"year_burden": "2000"}, "750"),
        ({"critical_illness.ratio_bonus": Decimal("0.5")}, "4000", {}, "1000"),
        # A ceiling of the year.
        (
            {"critical_illness.has_ceiling": True, "critical_illness.ceiling": Decimal(600)},
            "4000",
            {"year_critical": "100"},
            "500",
        ),
        (
            {"critical_illness.has_ceiling": True, "critical_illness.ceiling": Decimal(600)},
            "4000",
            {"year_critical": "600.01"},
            "0",
        ),
        (
            {
                "critical_illness.has_ceiling": True,
                "critical_illness.ceiling": Decimal(3000),
                "critical_illness.ceiling_of": "with_basic",
            },
            "4000",
            {"year_critical": "100", "year_basic": "400"},
            "500",
        ),
        # Payments of the fund reach the threshold: then the burden counts from the first fen.
        ({"critical_illness.threshold_of": "payments"}, "2000", {}, "650"),
        ({"critical_illness.threshold_of": "payments"}, "1998", {}, "0"),
        ({"critical_illness.threshold_of": "payments"}, "1998", {"year_basic": "1"}, "649.35"),
        (
            {"critical_illness.threshold_of": "payments"},
            "2000",
            {"year_burden": "500"},
            "700",
        ),
    ],
)
def test_critical(changes: dict[str, Any], scope: str, year: dict[str, str], critical: str) -> None:
    more = {name: yuan(amount) for name, amount in year.items()}
    assert shares({**CRITICAL, **changes}, scope, **more)[3] == critical


@pytest.mark.parametrize(
    ("scope", "aid"),
    [("1000", "0"), ("1000.02", "0.01"), ("2000", "250"), ("5000", "1000"), ("5002", "1000")],
)
def test_aid(scope: str, aid: str) -> None:
    assert shares(AID, scope, aid_category="低保")[4] == aid
    without = {**AID, "medical_aid.has_ceiling": False}
    half = (Decimal(scope) / 2 - 500) / 2
    assert Decimal(shares(without, scope, aid_category="低保")[4]) == half.quantize(
        Decimal("0.01"), "ROUND_HALF_UP"
    )


@pytest.mark.parametrize(
    ("changes", "lost", "reason"),
    [
        ({}, "year_basic", "PAY_YEAR_MISSING"),
        ({"benefit.has_ceiling": False}, "year_basic", None),
        ({}, "year_burden", None),
        ({}, "year_critical", None),
        ({}, "year_deductible", None),
        ({}, "admission_number", None),
        (
            {"benefit.deductible": ({"admission": 2, "amount": Decimal(5)},)},
            "admission_number",
            "PAY_YEAR_MISSING",
        ),
        (
            {"benefit.deductible": ({"admission": 1, "amount": Decimal(5)},)},
            "admission_number",
            None,
        ),
    ],
)
def test_of_the_year_only_what_the_rules_ask_must_be_known(
    changes: dict[str, Any], lost: str, reason: str | None
) -> None:
    values = {"hospital": "H00000000001", "insurance_type": "310", **scoped(5000), lost: None}
    case = first_case("demo", noon(2025, 6), **values)
    found = both([case], Terms(changes={**BASIC, **changes}, source="t"))[0][0]
    assert found is not None
    assert found.reason == reason

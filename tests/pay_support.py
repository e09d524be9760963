"""Cases with groupings for the tests of pricing: plainly invented, of every kind and with every gap."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from codebooks.policies.policies import policies
from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.payment.result import PAYMENT_SCHEMA, Payment
from grouper.schemes.protocol import RESULT_SCHEMA, Grouping
from grouper.schemes.reasons import Reason, Status
from grouper.schemes.trace import Trace

LOCAL = ZoneInfo("Asia/Shanghai")
REGIONS = (
    *["demo"] * 12,
    *("harbin", "harbin", "jinhua", "baicheng", "shucheng", "pingdingshan"),
    *("ningde", "xiamen", "zhanjiang", "guangxi", "longyan", "beijing", "nowhere", None),
)
YEARS = {"harbin": 2022, "demo": 2025, "pingdingshan": 2025, "baicheng": 2014, "xiamen": 2012}
"""Where the years begin in which a region's documents say most."""
SCHEMES = {
    "harbin": "harbin-2022",
    "demo": "dip-pingdingshan-2025",
    "pingdingshan": "dip-pingdingshan-2025",
    "jinhua": "zhejiang-2022",
}


def grouping(**known: Any) -> Grouping:
    """A grouping with no more than is said."""
    values: dict[str, Any] = {
        "scheme": "chs-drg-2.0",
        "status": Status.GROUPED,
        "reason": None,
        "warnings": (),
        "mdc": None,
        "adrg": None,
        "group": None,
        "group_name": None,
        "cc_level": None,
        "trace": Trace(lambda _: {}),
    }
    return Grouping(**{**values, **known})


def batch_of(cases: list[Case], groupings: list[Grouping]) -> pa.RecordBatch:
    """The batch that says the same as cases with their groupings."""
    columns = {
        name: pa.array([getattr(case, name) for case in cases], field.type)
        for name, field in zip(CASE_SCHEMA.names, CASE_SCHEMA, strict=True)
    }
    for field in RESULT_SCHEMA:
        values: list[Any] = [getattr(one, field.name) for one in groupings]
        if field.name == "warnings":
            values = [";".join(w.reason for w in one) for one in values]
        if field.name in {"status", "reason"}:
            values = [None if one is None else one.value for one in values]
        plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        found = pa.array(values, plain)
        columns[field.name] = (
            found.dictionary_encode() if pa.types.is_dictionary(field.type) else found
        )
    return pa.RecordBatch.from_pydict(columns)


def row_of(payment: Payment) -> dict[str, Any]:
    """A payment as a row of ``PAYMENT_SCHEMA``."""
    found = {field.name: getattr(payment, field.name, None) for field in PAYMENT_SCHEMA}
    found["policy"] = payment.policy.id if payment.policy else None
    found["pay_status"] = payment.status.value
    found["pay_reason"] = None if payment.reason is None else str(payment.reason)
    found["pay_warnings"] = ";".join(str(w) for w in payment.warnings) or None
    found["band"] = None if payment.band is None else str(payment.band)
    found["share_reason"] = None if payment.share_reason is None else str(payment.share_reason)
    found["assumptions"] = ";".join(payment.assumptions) or None
    return found


def rows_of_batch(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The rows of a batch of payments."""
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


@cache
def known_groups() -> dict[str, tuple[str, ...]]:
    """Some groups that a region's tables know, by region."""
    found: dict[str, tuple[str, ...]] = {"pingdingshan": (), "demo": ()}
    for region in policies().regions:
        groups: set[str] = set()
        for given in policies().given(region):
            if isinstance(given.value, tuple):
                groups |= {
                    str(r["group"]) for r in given.value if isinstance(r, dict) and r.get("group")
                }
        found[region] = tuple(sorted(groups)[:40])
    return found


def random_case(rng: random.Random, number: int) -> tuple[Case, Grouping]:
    """A case and a grouping; what is missing, odd or contradictory is so on purpose."""
    region = rng.choice(REGIONS)
    kind = rng.choice(["inpatient"] * 6 + ["outpatient"] * 3 + ["long_stay"])
    days = rng.choice([None, 0, 1, 3, 9, 31, 62, 400])
    since = YEARS.get(region or "", 2022) if rng.random() < 0.85 else 2010
    start = datetime(since, 1, 5, 8, tzinfo=LOCAL)
    end = start + timedelta(days=rng.randrange(720), minutes=rng.randrange(1440))
    cost = rng.choice([None, Decimal("0.00"), Decimal(rng.randrange(10**3, 10**7)).scaleb(-2)])
    if rng.random() < 0.05:
        cost = Decimal("999999999999.99")
    values: dict[str, Any] = {
        "case_id": f"CASE{number}",
        "person": f"P{number % 7}",
        "hospital": rng.choice([None, "H00000000009", *["H00000000001"] * 4]),
        "region": region,
        "kind": kind,
        "insurance_type": rng.choice([None, "职工", "?", *["310", "390"] * 4]),
        "insured_region": rng.choice([None] * 8 + ["harbin", "demo", "金华", "xiamen", "nowhere"]),
        "person_type": rng.choice([None, "11", "12", "15", "16", "离休"]),
        "aid_category": rng.choice([None] * 4 + ["低保", "特困", "无"]),
        "visit_type": rng.choice([None, "11", "14", "21", "26", "28", "2105"]),
        "admission_number": rng.choice([None, 1, 2, 3, 4]),
        "age": rng.choice([None, 0, 5, 40, 80]),
        "discharge_time": None if rng.random() < 0.04 else end,
        "admission_time": None if days is None else end - timedelta(days=days),
        "discharge_way": rng.choice([None, "1", "2", "4", "5", "9"]),
        "department": rng.choice([None, "内科", "外科"]),
        "pathway": rng.choice([None, None, "followed", "left"]),
        "los": days,
        "dx": rng.choice(
            [(), ("N18.500",), ("K35.800", "E11.900"), ("J18.900",), (None, "I10.x00")]
        ),
        "px": rng.choice([(), ("47.0100",), ("39.9500",), ("13.4100x001",)]),
        "total_cost": cost,
    }
    if cost is not None and rng.random() < 0.75:
        parts = [cost * rng.randrange(20) // 100 for _ in range(3)]
        parts = [one.quantize(Decimal("0.01")) for one in parts]
        names = ("own_cost", "over_limit_cost", "first_share_cost")
        values |= dict(zip(names, parts, strict=True))
        values["scope_cost"] = cost - sum(parts, Decimal(0))
        if rng.random() < 0.05:
            values["scope_cost"] += 7
    if rng.random() < 0.15:
        values |= lines_of(rng, cost)
    if rng.random() < 0.3:
        for name in ("year_deductible", "year_basic", "year_burden", "year_critical"):
            values[name] = Decimal(rng.randrange(10**8)).scaleb(-2)
    if rng.random() < 0.1:
        values["patient_paid"] = Decimal(rng.randrange(10**6)).scaleb(-2)
        values["fund_paid"] = rng.choice([None, (cost or Decimal(0)) - values["patient_paid"]])
    return Case(**values), random_grouping(rng, region or "national", kind)


def lines_of(rng: random.Random, cost: Decimal | None) -> dict[str, Any]:
    """Charge lines, which add up to the total or not."""
    count = rng.randrange(1, 4)
    amounts = [Decimal(rng.randrange(-2000, 20000)).scaleb(-2) for _ in range(count)]
    if cost is not None and cost < 10**9 and rng.random() < 0.6:
        amounts[-1] = cost - sum(amounts[:-1], Decimal(0))
    return {
        "line_item": tuple(f"ITEM{n}" for n in range(count)),
        "line_class": tuple(rng.choice(["01", "09", "08", None]) for _ in range(count)),
        "line_quantity": tuple(
            rng.choice([Decimal("1.0000"), Decimal("2.5000"), None]) for _ in range(count)
        ),
        "line_amount": tuple(rng.choice([a, a, a, None]) for a in amounts),
        "line_scope": tuple(rng.choice(["A", "B", "C", None]) for _ in range(count)),
        "line_first_share": tuple(
            rng.choice([None, Decimal("0.1000"), Decimal("0.3000")]) for _ in range(count)
        ),
        "line_limit": tuple(rng.choice([None, Decimal("20.00")]) for _ in range(count)),
    }


def random_grouping(rng: random.Random, region: str, kind: str) -> Grouping:
    """A grouping of any status."""
    family = {"outpatient": "apg-grouper-1.0", "long_stay": "pdpm-jinhua-2021"}
    scheme = family.get(kind, SCHEMES.get(region, "chs-drg-2.0"))
    status = rng.choice([Status.GROUPED] * 7 + [Status.AMBIGUOUS, Status.UNGROUPED, Status.INVALID])
    groups = known_groups().get(region, ())
    group = (
        rng.choice([*groups, "ZZ99", "A01:SS", "J18.9", "KBBZ"])
        if status is not Status.INVALID
        else None
    )
    reason = None if status is Status.GROUPED else Reason.GROUP_NONE
    if status is Status.INVALID:
        reason = Reason.SEX_MISSING
    weight = rng.choice(
        [None, Decimal("0.5"), Decimal("812.345678"), Decimal("1.25"), Decimal("40000.5")]
    )
    return grouping(
        scheme=rng.choice([scheme] * 9 + ["chs-drg-2.0"]),
        status=status,
        reason=reason,
        group=group,
        group_name="",
        weight=weight if status is Status.GROUPED else None,
        group_kind=rng.choice([None, "core", "comprehensive", "basic", "primary_care"]),
    )

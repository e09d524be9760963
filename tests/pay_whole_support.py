"""Cases of the demonstration region that are whole, and what both engines say of them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pay_support import LOCAL, batch_of, grouping, row_of, rows_of_batch

from grouper.case.record import Case
from grouper.payment.batch import price_batch
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.schemes.protocol import Grouping

D = Decimal
STATED = {name: D(0) for name in ("year_deductible", "year_basic", "year_burden", "year_critical")}


def stay(kind: str = "inpatient", **more: Any) -> Case:
    """A case of the demonstration region whose costs and year are all stated."""
    cost = more.pop("total_cost", D("8000.00"))
    values: dict[str, Any] = {
        "case_id": "CASE1",
        "region": "demo",
        "hospital": "H00000000001",
        "kind": kind,
        "insurance_type": "310",
        "visit_type": "11" if kind == "outpatient" else "21",
        "admission_number": 1,
        "age": 40,
        "admission_time": datetime(2026, 11, 1, 8, tzinfo=LOCAL),
        "discharge_time": datetime(2026, 11, 9, 8, tzinfo=LOCAL),
        "los": 8,
        "total_cost": cost,
        "scope_cost": cost,
        "own_cost": D(0),
        "over_limit_cost": D(0),
        "first_share_cost": D(0),
        **STATED,
    }
    return Case(**{**values, **more})


def grouped(kind: str, weight: Decimal) -> Grouping:
    """A grouping by the scheme of the demonstration region for a kind of case."""
    scheme = {
        "inpatient": "dip-pingdingshan-2025",
        "outpatient": "apg-grouper-1.0",
        "long_stay": "pdpm-jinhua-2021",
    }[kind]
    return grouping(scheme=scheme, group="A01", weight=weight)


def both(case: Case, group: Grouping, terms: Terms | None = None) -> dict[str, Any]:
    """The row of a case that both engines give."""
    payment = price(case, group, terms)
    assert rows_of_batch(price_batch(batch_of([case], [group]), terms)) == [row_of(payment)]
    return row_of(payment)


def month_table(seed: int, count: int = 120) -> pa.Table:
    """Cases of one month in the demonstration region, whose years are all stated."""
    rng = random.Random(seed)  # noqa: S311 -- cases for a test
    pairs = []
    for number in range(count):
        kind = rng.choice(["inpatient", "outpatient", "long_stay"])
        more = {
            "case_id": f"CASE{number}",
            "person": rng.choice([None, "P1", "P2", "P3"]),
            "insurance_type": rng.choice(["310", "390", "310", None]),
            "discharge_time": datetime(2026, 11, 1, 9, tzinfo=LOCAL)
            + timedelta(days=rng.randrange(30)),
            "total_cost": D(rng.randrange(10**6)).scaleb(-2),
        }
        pairs.append((stay(kind, **more), grouped(kind, D(rng.randrange(1, 900)))))
    return pa.Table.from_batches([batch_of([c for c, _ in pairs], [g for _, g in pairs])])

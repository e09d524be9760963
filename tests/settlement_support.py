"""Priced tables and policies for the tests of settlement and indices: plainly invented."""

from __future__ import annotations

import random
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from codebooks import paths
from codebooks.policies.policies import Policies
from grouper.case.fields import CASE_SCHEMA
from grouper.payment.result import PAYMENT_SCHEMA
from grouper.schemes.protocol import RESULT_SCHEMA

LOCAL = ZoneInfo("Asia/Shanghai")
SCHEMA = pa.schema([*CASE_SCHEMA, *RESULT_SCHEMA, *PAYMENT_SCHEMA])
D = Decimal
ASSIGNMENT = """\
topic: assignment
source: test
parameters:
  rules:
    values:
      - from: 2020-01-01
        value:
          - {method: by_item, rank: 10}
"""


def when(text: str) -> datetime:
    """A local time."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL)


def case(number: int, **known: Any) -> dict[str, Any]:
    """A priced row; what is not said is empty."""
    row: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    row |= {
        "case_id": f"CASE{number}",
        "kind": "inpatient",
        "insurance_type": "310",
        "discharge_time": when("2026-11-15T10:00:00"),
        "code_system": "nhsa",
        "status": "grouped",
        "scheme": "dip-pingdingshan-2025",
        "pay_status": "priced",
        "method": "dip_score",
    }
    row |= known
    if row["pay_status"] == "priced" and row["amount"] is not None and "fund" not in known:
        row["fund"] = None if row["deducted"] is None else row["amount"] - row["deducted"]
    if "surplus" not in known and None not in (row["fund"], row["patient"], row["total_cost"]):
        row["surplus"] = row["fund"] + row["patient"] - row["total_cost"]
    return row


def table(*rows: dict[str, Any]) -> pa.Table:
    """Rows as a table of all three schemas."""
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def policies_of(folder: Path, **topics: str) -> Policies:
    """Policies of the region ``demo`` alone: the shipped national ones, and these topics."""
    national = folder / "policies" / "national"
    national.mkdir(parents=True)
    shipped = paths.shipped() / "policies" / "national"
    for name in ("general", "people", "settlement", "fund_warning", "indices"):
        text = (shipped / f"{name}.yaml").read_text("utf-8")
        (national / f"{name}.yaml").write_text(text, "utf-8")
    own = folder / "policies" / "demo"
    own.mkdir()
    (own / "assignment.yaml").write_text(ASSIGNMENT, "utf-8")
    for name, text in topics.items():
        head = f"topic: {name}\nsource: test\nparameters:\n"
        (own / f"{name}.yaml").write_text(head + text, "utf-8")
    return Policies(folder / "policies", folder / "none")


def value(name: str, written: str, unit: str = "") -> str:
    """One parameter of a topic's file."""
    line = f"    unit: {unit}\n" if unit else ""
    return f"  {name}:\n{line}    values:\n      - {{from: 2020-01-01, value: {written}}}\n"


def money(rng: random.Random, most: int = 10**7) -> Decimal:
    """An amount."""
    return D(rng.randrange(most)).scaleb(-2)


def random_rows(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Priced rows with every gap there may be."""
    rows = []
    for number in range(count):
        month = rng.choice(["2026-11-03T00:00:00", "2026-11-30T23:59:59", "2026-12-01T00:00:00"])
        known: dict[str, Any] = {
            "case_id": rng.choice([f"CASE{number}"] * 9 + [None]),
            "insurance_type": rng.choice(["310", "390", "?", None]),
            "discharge_time": rng.choice([when(month)] * 9 + [None]),
            "department": rng.choice(["内科", "外科", None]),
            "physician": rng.choice(["D1", "D2", None]),
            "group": rng.choice(["A01", "B02", "C03", None]),
            "method": rng.choice(["dip_score", "drg_points", "by_item"]),
            "total_cost": rng.choice([money(rng), money(rng), None, D("999999999999.99")]),
        }
        if rng.random() < 0.15:
            reason = rng.choice(["PAY_METHOD_NONE", "PAY_COST_MISSING"])
            known |= {"pay_status": "unpriced", "pay_reason": reason, "method": None}
            known["patient"] = rng.choice([None, money(rng)])
            rows.append(case(number, **known))
            continue
        if known["method"] == "by_item":
            known["amount"] = money(rng)
        else:
            known["points"] = D(rng.randrange(10**7)).scaleb(-4)
            known["point_value"] = rng.choice([D("5.5"), D("92"), D("0"), D("53.8381")])
            known["amount"] = (known["points"] * known["point_value"]).quantize(
                D("0.01"), "ROUND_HALF_UP"
            )
            if rng.random() < 0.2:
                known["amount"] = money(rng)
        if rng.random() < 0.8:
            known["deducted"] = money(rng, 10**5)
            known["patient"] = known["deducted"] + money(rng, 10**4)
        else:
            known["share_reason"] = "PAY_SCOPE_MISSING"
        rows.append(case(number, **known))
    return rows

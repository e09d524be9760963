"""A small invented hospital in the contract's Parquet, with the gaps that records have."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from grouper.case.fields import CASE_SCHEMA, FIELDS, members

LOCAL = ZoneInfo("Asia/Shanghai")
MONTH = "2026-11"
CHARGES = pa.schema(
    [
        ("case_id", pa.string()),
        ("line", pa.int32()),
        ("line_price", pa.decimal128(14, 4)),
        *((name, FIELDS[name].value_type) for name in members("line_item")),
    ]
)
ITEMS = (
    ("001109000020000", "普通病房床位费", "01", "30.00", "A", None, None),
    ("XA01-INVENTED", "注射用药|甲^乙", "09", "12.55", "B", "0.1", "10.00"),
    ("C01-INVENTED", "一次性材料", "08", "205.10", "C", None, None),
    ("250101001000000", "血细胞分析", "04", "8.00", "B", "0.05", None),
)


def stay(number: int, **more: Any) -> dict[str, Any]:
    """A plain stay; anything may be said otherwise."""
    came = datetime(2026, 11, 1 + number % 20, 8, 30, 5, tzinfo=LOCAL)
    return {
        "case_id": f"ZY{number:06d}",
        "person": f"P{number % 7:08d}",
        "hospital": "H00000000001",
        "region": "demo",
        "kind": "inpatient",
        "insurance_type": "310",
        "person_type": "12",
        "visit_type": "21",
        "admission_number": 1 + number % 3,
        "sex": 1 + number % 2,
        "birth_date": date(1950 + number % 60, 2, 28),
        "age": 2026 - (1950 + number % 60),
        "admission_time": came,
        "discharge_time": came + timedelta(days=number % 9, hours=3),
        "discharge_way": "1",
        "department": "03",
        "admission_department": "02",
        "physician": f"D{number % 5:03d}",
        "los": max(1, number % 9),
        "code_system": "nhsa",
        "dx": ["I21.001", "E11.900"],
        "dx_poa": ["1", None],
        "px": ["36.0601", "88.5500"],
        "px_date": [came.date() + timedelta(days=1), None],
        "px_level": ["4", None],
    } | more


def written(day: int, hour: int) -> datetime:
    """A time of the month."""
    return datetime(2026, 11, day, hour, 20, tzinfo=LOCAL)


def stays() -> list[dict[str, Any]]:
    """Stays of every sort."""
    return [
        stay(1),
        stay(2, insured_region="henan", aid_category="低保", pathway="left", visit_type="26")
        | {"admission_dx": "I20.000"},
        stay(3, dx=[None, "E11.900"], dx_poa=[], px=[], px_date=[], px_level=[])
        | {"dx_time": [None, written(4, 15)]},
        stay(4, sex=None, discharge_way=None, birth_date=None, insurance_type=None),
        stay(
            5,
            birth_date=date(2026, 11, 6),
            age=0,
            age_days=0,
            birth_weight_g=3200,
            admission_weight_g=3150,
        ),
        stay(6, code_system="clinical", icu_hours=37.5, ventilator_hours=12.25),
        stay(7, dx=["NOT A CODE"], dx_poa=["2"], physician=None, person=None, visit_type="28"),
        stay(8, deductible_paid=Decimal("300.00"), fund_paid=Decimal("880.10"))
        | {"admission_dx": "R07.400", "dx_time": [written(11, 10), written(9, 15)]},
        stay(
            9,
            year_deductible=Decimal("100.00"),
            year_basic=Decimal("0.00"),
            year_burden=Decimal("12.34"),
            year_critical=Decimal("1.00"),
            px_modifier=["bilateral", None],
        ),
        stay(10, admission_time=None, los=None, admission_department=None),
    ]


def long_stays() -> list[dict[str, Any]]:
    """One long stay with two assessments."""
    days = [date(2026, 11, 2), date(2026, 11, 20)]
    return [
        stay(
            11,
            kind="long_stay",
            visit_type="2105",
            assessment_item=["BARTHEL", "BARTHEL"],
            assessment_value=["35", "60"],
            assessment_date=days,
            assessment_type=["admission", "discharge"],
        )
    ]


def lines(row: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    """The charge lines of a stay day by day; one without a time, one taken back."""
    found: list[dict[str, Any]] = []
    start = row["admission_time"] or row["discharge_time"]
    days = (row["discharge_time"].date() - start.date()).days + 1

    def add(item: tuple[Any, ...], quantity: int, at: datetime | None) -> None:
        code, name, kind, price, scope, share, limit = item
        found.append(
            {
                "case_id": row["case_id"],
                "line": len(found) + 1,
                "line_item": code,
                "line_name": name,
                "line_class": kind,
                "line_quantity": Decimal(quantity),
                "line_price": Decimal(price),
                "line_amount": Decimal(price) * quantity,
                "line_time": at,
                "line_scope": scope,
                "line_first_share": None if share is None else Decimal(share),
                "line_limit": None if limit is None else Decimal(limit),
                "line_department": "03",
                "line_physician": row["physician"],
            }
        )

    for day in range(days):
        for item in chance.sample(ITEMS, chance.randint(1, len(ITEMS))):
            add(item, chance.randint(1, 5), start + timedelta(days=day, hours=chance.randint(0, 3)))
    add(ITEMS[0], -1, start + timedelta(hours=2))
    add(ITEMS[0], 4, None)
    return found


def hospital(folder: Path, *, seed: int = 1) -> Path:
    """Write the month; what the stays cost is what their lines come to."""
    chance = random.Random(seed)  # noqa: S311 -- the same month every time, nothing secret
    charged: list[dict[str, Any]] = []
    for name, rows in (("inpatient", stays()), ("long_stay", long_stays())):
        (folder / name).mkdir(parents=True)
        for row in rows:
            bill = lines(row, chance)
            charged += bill
            row["total_cost"] = sum(line["line_amount"] for line in bill)
            row["own_cost"] = sum(li["line_amount"] for li in bill if li["line_scope"] == "C")
            row["scope_cost"] = row["total_cost"] - row["own_cost"]
            row["over_limit_cost"], row["first_share_cost"] = Decimal("0.00"), Decimal("0.00")
        table = pa.Table.from_pylist([_whole(row) for row in rows], schema=CASE_SCHEMA)
        if name == "inpatient":
            at = table.schema.get_field_index("department")
            encoded = table["department"].dictionary_encode()
            table = table.set_column(at, "department", encoded)
        pq.write_table(table, folder / name / f"{MONTH}.parquet")
    chance.shuffle(charged)
    (folder / "charges").mkdir()
    table = pa.Table.from_pylist(charged, schema=CHARGES)
    pq.write_table(table, folder / "charges" / f"{MONTH}.parquet")
    return folder


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    return {n: row.get(n, [] if f.nested else f.default) for n, f in FIELDS.items()}

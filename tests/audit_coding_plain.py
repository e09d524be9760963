"""An independent, plain reading of the coding checks: one case as a mapping, one rule at a time."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from grouper.case.fields import CASE_SCHEMA

ZONE = ZoneInfo("Asia/Shanghai")
Case = dict[str, Any]
DX = (
    *("N40.x00", "P59.900", "O80.000", "Z37.000", "I50.900", "J44.900", "J18.900", "K80.200"),
    *("K81.100", "I05.000", "I06.000", "J44.100x001", "Z99.x99", "D24.x00", "C61.x00", "Q53.900"),
    *("P08.000", "T81.400", "M08.000", "E28.200", "B15.900", "K72.900", "i10.X00", ""),
)
PX = (
    "68.4100",
    "60.5x00",
    "00.6300",
    "00.4500",
    "96.7101",
    "47.0100",
    "99.9999x999",
    "13.0000",
    "",
)
NAMES = ("呼吸机辅助呼吸", "无创呼吸机辅助呼吸", "纤维支气管镜检查", "手术费（演示）", "血气分析")
CLASSES = {"手术费（演示）": "06"}


def make(chance: random.Random, number: int) -> Case:
    """A random case, plainly invented, with gaps."""

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.15 else value

    start = datetime(2025, 3, chance.randint(1, 20), chance.randint(0, 23), tzinfo=ZONE)
    stay = timedelta(days=chance.randint(0, 9), hours=chance.randint(0, 9))
    dx = [chance.choice(DX) or None for _ in range(chance.randint(0, 4))]
    px = [chance.choice(PX) or None for _ in range(chance.randint(0, 3))]
    lines = [chance.choice(NAMES) for _ in range(chance.randint(0, 5))]
    quantity = [Decimal(chance.choice((1, 2, 100, -1, -2))) for _ in lines]
    amount = [one * chance.choice((10, 25)) for one in quantity]
    total = sum(amount, Decimal(0)) + chance.choice((0, 0, 1))
    birth = start.date() - timedelta(days=chance.choice((3, 20, 2000, 5000, 20000)))
    known_birth = maybe(birth)
    return {
        "case_id": f"C{number}",
        "kind": chance.choice(("inpatient", "inpatient", "outpatient")),
        "sex": maybe(chance.choice((1, 2))),
        "birth_date": known_birth,
        "age": None if known_birth is None else (start.date() - birth).days // 365,
        "birth_weight_g": maybe(chance.choice((900, 3000, 4600))),
        "admission_time": maybe(start),
        "discharge_time": maybe(start + stay),
        "discharge_way": maybe("1"),
        "insurance_type": maybe("310"),
        "los": maybe(chance.randint(1, 9)),
        "ventilator_hours": maybe(chance.choice((0.0, 50.0, 120.0))),
        "dx": dx,
        "dx_poa": [chance.choice(("1", "4")) for _ in dx] if chance.random() < 0.8 else [],
        "px": px,
        "px_date": [maybe(start.date() + timedelta(days=chance.randint(-2, 12))) for _ in px],
        "total_cost": maybe(max(total, Decimal(0))),
        "line_item": [f"I{NAMES.index(name)}" for name in lines],
        "line_name": lines,
        "line_class": [CLASSES.get(name, "05") for name in lines],
        "line_quantity": quantity,
        "line_amount": amount,
    }


def table(cases: list[Case]) -> pa.Table:
    """Cases as a table of the Case's schema."""
    schema = pa.schema([field for field in CASE_SCHEMA if field.name in cases[0]])
    return pa.Table.from_pylist(cases, schema=schema)


def codes(case: Case, name: str, start: int = 0) -> list[str]:
    return [code.upper() for code in case[name][start:] if code]


def begins(found: list[str], *prefixes: str) -> bool:
    return any(code.startswith(prefix) for code in found for prefix in prefixes)


def chapter(found: list[str], letter: str, first: int, last: int) -> bool:
    return any(
        code[0] == letter and code[1:3].isdigit() and first <= int(code[1:3]) <= last
        for code in found
    )


def principal(case: Case) -> str | None:
    return case["dx"][0].upper() if case["dx"] and case["dx"][0] else None


def left(case: Case) -> dict[str, Decimal]:
    """What is left of each item after refunds, by name; items without anything left are gone."""
    sums: Counter[str] = Counter()
    for name, quantity in zip(case["line_name"], case["line_quantity"], strict=True):
        sums[name] += quantity
    return {name: Decimal(quantity) for name, quantity in sums.items() if quantity > 0}


def days_old(case: Case) -> int | None:
    begun = case["admission_time"] or case["discharge_time"]
    if case["birth_date"] is None or begun is None:
        return None
    return int((begun.date() - case["birth_date"]).days)


def outside(case: Case) -> bool:
    first, last = case["admission_time"], case["discharge_time"]
    for code, day in zip(case["px"], case["px_date"], strict=True):
        if code and day and first and day < first.date():
            return True
        if code and day and last and day > last.date():
            return True
    return False


def newborn(case: Case) -> bool:
    old, weight = days_old(case), case["birth_weight_g"]
    return old is not None and old <= 28 and (weight is None or not 100 <= weight <= 9999)


def stays_apart(case: Case) -> bool:
    first, last = case["admission_time"], case["discharge_time"]
    if case["los"] is None or first is None or last is None or last < first:
        return False
    return bool(case["los"] != max(1, (last.date() - first.date()).days))


def ventilated(case: Case) -> Decimal:
    names = left(case)
    return sum((n for name, n in names.items() if name.startswith("呼吸机辅助呼吸")), Decimal(0))


def poa_all_absent(case: Case) -> bool:
    return bool(case["dx_poa"]) and all(one == "4" for one in case["dx_poa"])


def dates(case: Case, known: bool) -> bool:
    return any(
        code and (day is not None) is known
        for code, day in zip(case["px"], case["px_date"], strict=True)
    )


BOTH = ("inpatient", "outpatient")
STAY = ("inpatient",)
PLAIN: dict[str, tuple[tuple[str, ...], Any]] = {
    "QC018": (BOTH, lambda c: c["sex"] is None),
    "QC019": (BOTH, lambda c: c["birth_date"] is None),
    "QC029": (BOTH, lambda c: principal(c) is None),
    "QC044": (STAY, lambda c: c["discharge_way"] is None),
    "QC040": (STAY, lambda c: bool(codes(c, "px", 1)) and not codes(c, "px")[: bool(c["px"][0])]),
    "QC042": (STAY, lambda c: dates(c, known=False)),
    "QC055": (STAY, lambda c: bool(codes(c, "dx")) and not c["dx_poa"]),
    "QC056": (STAY, poa_all_absent),
    "QC057": (STAY, lambda c: bool(c["dx_poa"]) and c["dx_poa"][0] == "4"),
    "QC063": (
        STAY,
        lambda c: begins(codes(c, "px"), "96.7101") and (c["ventilator_hours"] or 0) >= 96,
    ),
    "QC066": (STAY, newborn),
    "QC094": (STAY, lambda c: (principal(c) or "").startswith("I50.9")),
    "QC096": (STAY, lambda c: principal(c) in codes(c, "dx", 1)),
    "QC097": (STAY, lambda c: len(set(codes(c, "dx", 1))) < len(codes(c, "dx", 1))),
    "QC102": (
        STAY,
        lambda c: begins(codes(c, "dx"), "K72") and chapter(codes(c, "dx"), "B", 15, 19),
    ),
    "QC104": (STAY, lambda c: begins(codes(c, "dx"), "K80.2") and begins(codes(c, "dx"), "K81.1")),
    "QC109": (
        STAY,
        lambda c: begins(codes(c, "dx"), "J44.900") and begins(codes(c, "dx"), "J18.9"),
    ),
    "QC111": (STAY, lambda c: begins(codes(c, "dx"), "I05") and begins(codes(c, "dx"), "I06")),
    "QC129": (
        STAY,
        lambda c: begins(codes(c, "dx"), "P08.000") and (c["birth_weight_g"] or 9000) < 4500,
    ),
    "QC136": (STAY, lambda c: "13.0000" in codes(c, "px")),
    "QC140": (
        STAY,
        lambda c: begins(codes(c, "px"), "00.63") and not begins(codes(c, "px"), "00.4"),
    ),
    "QC144": (
        STAY,
        lambda c: chapter(codes(c, "dx"), "O", 80, 84) != begins(codes(c, "dx"), "Z37"),
    ),
    "QC145": (STAY, lambda c: sum(code.startswith("Z37") for code in codes(c, "dx")) > 1),
    "QC162": (STAY, lambda c: chapter(codes(c, "dx", 1), "T", 81, 88)),
    "A02": (BOTH, lambda c: principal(c) == "Z99.X99"),
    "A02/clinical": (BOTH, lambda c: principal(c) == "J44.100X001"),
    "A04": (STAY, lambda c: any(not code for code in c["dx"][1:])),
    "A07": (STAY, lambda c: "手术费（演示）" in left(c) and set(codes(c, "px")) <= {"00.4500"}),
    "QC147": (STAY, lambda c: "纤维支气管镜检查" in left(c)),
    "QC153": (STAY, lambda c: ventilated(c) >= 96),
    "QC154": (STAY, lambda c: 0 < ventilated(c) < 96 and not begins(codes(c, "px"), "96.7101")),
    "QC156": (STAY, lambda c: ventilated(c) > 0 and not c["ventilator_hours"]),
    "QC164": (BOTH, lambda c: "99.9999X999" in codes(c, "px")),
    "AC005": (
        BOTH,
        lambda c: (
            bool(c["line_amount"])
            and c["total_cost"] is not None
            and c["total_cost"] != sum(c["line_amount"])
        ),
    ),
    "AC009": (STAY, stays_apart),
    "AC010": (STAY, outside),
}
"""By row of the book: the kinds of cases it is asked of, and whether a case breaks it."""

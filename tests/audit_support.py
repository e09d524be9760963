"""Small rule books, cases and lines for tests of the audit; everything is invented."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from codebooks.audit.books import AuditBook, Rule
from codebooks.audit.forms import FORMS, schema
from grouper.case.dates import LOCAL
from grouper.case.fields import CASE_SCHEMA

START = date(2025, 1, 1)
ITEMS = tuple(f"00331000000000{n}" for n in range(8))
HERBS = ("T000000001", "T000000002", "T000000003")
OFFICIAL = "GZ1"
PLAIN_RULES = {
    "LOC-DUPLINE": "violation",
    "GZ10000201008000": "violation",
    "GZ10000201002000": "verify",
    "GZ10000102001000": "violation",
    "LOC-HANG": "suspect",
    "GZ10000204005000": "suspect",
    "GZ10000204001000": "suspect",
    "LOC-READM15": "suspect",
    "LOC-IMPERS": "verify",
    "GZ10000204002000": "suspect",
    "GZ10000204004000": "suspect",
    "LOC-COST": "suspect",
}
"""Rules that go without rows, with their levels."""


def rule(key: str, level: str = "violation", **changes: Any) -> Rule:
    values: dict[str, Any] = {
        "rule": key,
        "names": {"zh": key, "en": key},
        "class_": "policy",
        "subclass": "",
        "level": level,
        "standing": "official",
        "moments": ("order", "stay", "upload"),
        "template": None,
        "valid_from": START,
        "valid_to": None,
        "needs": (),
        "note": "",
        "source": "test",
    }
    return Rule(**(values | changes))


def book(tables: dict[str, list[dict[str, Any]]], rules: list[Rule] | None = None) -> AuditBook:
    """A book of rows; what a row leaves out is filled as a loader would."""
    known = {one.rule: one for one in rules or []}
    arrow = {}
    for name in FORMS:
        rows = []
        for number, row in enumerate(tables.get(name, [])):
            key = row.get("rule", OFFICIAL)
            known.setdefault(key, rule(key))
            filled = {
                "row": f"{key}/{name}/{number}",
                "rule": key,
                "level": known[key].level,
                "valid_from": START,
                "valid_to": None,
                "source": "test",
                "note": None,
                "match": "whole",
            } | row
            rows.append({f.name: filled.get(f.name) for f in schema(name)})
        arrow[name] = pa.Table.from_pylist(rows, schema=schema(name))
    return AuditBook("small", {"zh": "small", "en": "small"}, "test", known, arrow, START)


@dataclass
class Line:
    """One charge line: time is local, of second precision."""

    case_id: str
    line: int
    item: str | None = ITEMS[0]
    time: datetime | None = None
    quantity: Decimal | None = Decimal(1)
    amount: Decimal | None = Decimal("10.00")
    scope: str | None = "A"
    kind: str | None = "09"
    department: str | None = "01"


def at(day: int, hour: int = 8, second: int = 0) -> datetime:
    """A local time on a day of January 2025."""
    begin = datetime(2025, 1, 1, tzinfo=LOCAL) + timedelta(days=day - 1)
    return begin + timedelta(hours=hour, seconds=second)


def cases(rows: list[dict[str, Any]]) -> pa.Table:
    """Cases; what a row leaves out is an inpatient stay of ten days of a man of forty."""
    filled = []
    for number, row in enumerate(rows):
        whole: dict[str, Any] = {
            "case_id": f"C{number}",
            "person": f"P{number}",
            "hospital": "H1",
            "kind": "inpatient",
            "insurance_type": "310",
            "sex": 1,
            "age": 40,
            "admission_time": at(1),
            "discharge_time": at(10),
            "dx": ["J18.900"],
            "px": [],
            "total_cost": Decimal("1000.00"),
        } | row
        filled.append({name: whole.get(name) for name in CASE_SCHEMA.names})
    return pa.Table.from_pylist(filled, schema=CASE_SCHEMA)


def charges(lines: list[Line]) -> pa.Table:
    """Lines as a table of charges."""
    return pa.table(
        {
            "case_id": pa.array([one.case_id for one in lines], pa.string()),
            "line": pa.array([one.line for one in lines], pa.int32()),
            "line_item": pa.array([one.item for one in lines], pa.string()),
            "line_class": pa.array([one.kind for one in lines], pa.string()),
            "line_quantity": pa.array([one.quantity for one in lines], pa.decimal128(14, 4)),
            "line_amount": pa.array([one.amount for one in lines], pa.decimal128(14, 2)),
            "line_time": pa.array(
                [one.time and one.time.astimezone(UTC) for one in lines],
                pa.timestamp("ms", "Asia/Shanghai"),
            ),
            "line_scope": pa.array([one.scope for one in lines], pa.string()),
            "line_department": pa.array([one.department for one in lines], pa.string()),
            "line_physician": pa.array(["D1"] * len(lines), pa.string()),
        }
    )


@dataclass
class World:
    """A book, cases and lines."""

    tables: dict[str, list[dict[str, Any]]]
    people: list[dict[str, Any]]
    lines: list[Line] = field(default_factory=list)


def world(seed: int) -> World:
    """A random small world in which every template has something to find."""
    chance = random.Random(seed)  # noqa: S311 -- a test
    pick = chance.choice
    people = [
        {
            "case_id": f"C{n}",
            "person": f"P{n % 2}",
            "sex": pick([1, 2, None]),
            "age": pick([0, 3, 15, 40, None]),
            "age_days": None,
            "insurance_type": pick(["310", "390", "410", None]),
            "kind": pick(["inpatient", "inpatient", "outpatient"]),
            "admission_time": at(begin, pick([0, 9])),
            "discharge_time": at(begin + pick([2, 4, 7]), 12),
            "dx": pick([["J18.900"], ["J18.000", "C34.900"], ["I63.900"], []]),
            "px": pick([[], ["47.0100"]]),
            "total_cost": Decimal(chance.randrange(100, 5000)),
        }
        for n, begin in enumerate(pick([1, 2, 5, 6]) for _ in range(5))
    ]
    for one in people:
        if one["age"] == 0:
            one["age_days"] = pick([5, 100])
    return World(_rows(chance), people, _lines(chance, people))


def _lines(chance: random.Random, people: list[dict[str, Any]]) -> list[Line]:
    pick = chance.choice
    lines = []
    for one in people:
        for number in range(1, chance.randrange(2, 40)):
            quantity = Decimal(pick([1, 1, 1, 2, 3, -1, -2]))
            if chance.random() < 0.1:
                quantity += Decimal("0.5")
            sign = 1 if quantity > 0 else -1
            lines.append(
                Line(
                    one["case_id"],
                    number,
                    pick([*ITEMS, *HERBS, None]),
                    pick(
                        [
                            at(pick([1, 2, 2, 3, 9, 14]), pick([0, 8, 9, 13, 23]), pick([0, 30])),
                            None,
                        ]
                    )
                    if chance.random() < 0.2
                    else at(pick([1, 2, 3, 4, 5, 6, 9]), pick([0, 8, 9, 13, 23]), pick([0, 30])),
                    quantity,
                    sign * Decimal(pick(["10.00", "3.33", "100.00"])),
                    pick(["A", "B", "C", None]),
                    pick(["01", "02", "07", "09", "04"]),
                    pick(["01", "02"]),
                )
            )
    return lines


def _rows(chance: random.Random) -> dict[str, list[dict[str, Any]]]:
    pick = chance.choice

    def some() -> list[str]:
        return chance.sample(ITEMS, chance.randrange(1, 4))

    later = {"valid_from": START + timedelta(days=3)}

    def dated(row: dict[str, Any]) -> dict[str, Any]:
        return row | pick([{}, {}, later, {"valid_to": START + timedelta(days=4)}])

    windows = ("day", "visit", "six_hours", "hour")
    pairs = {
        (pick(ITEMS[:4]), pick(ITEMS[4:]), pick(windows)): {"keep": pick("ab")} for _ in range(6)
    }
    return {
        "pairs": [
            dated({"item_a": a, "item_b": b, "window": w} | more)
            for (a, b, w), more in pairs.items()
        ],
        "quantity": [
            dated(
                {
                    "rule": "GZ2",
                    "item": item,
                    "most": Decimal(pick([1, 2, "2.5"])),
                    "per": pick(["day", "hours24", "visit"]),
                }
            )
            for item in some()
        ],
        "cycle": [
            {"rule": "GZ3", "item": item, "times": pick([1, 2]), "days": pick([2, 5])}
            for item in some()
        ],
        "course": [
            {
                "rule": "GZ4",
                "item": item,
                "most_days": pick([1, 3, None]),
                "least_gap": pick([2, 3]),
            }
            for item in some()
        ],
        "sex": [dated({"rule": "GZ5", "item": item, "sex": pick("12")}) for item in some()],
        "age": [
            {"rule": "GZ6", "item": item}
            | pick([{"least_years": 10}, {"most_years": 14}, {"most_days": 28}, {"least_days": 29}])
            for item in some()
        ],
        "insurance": [
            {"rule": "GZ7", "item": item, "allowed": pick([["410"], ["310", "410"]])}
            for item in some()
        ],
        "level": [
            {"rule": "GZ8", "item": item, "least_level": pick(["II", "III"])} for item in some()
        ],
        "visit": [
            {"rule": "GZ9", "item": item, "allowed": pick([["inpatient"], ["outpatient"]])}
            for item in some()
        ],
        "excluded": [
            {"rule": "GZ10", "item": HERBS[0], "when": "always"},
            {"rule": "GZ11", "item": HERBS[0], "when": "alone"},
            {"rule": "GZ11", "item": HERBS[1], "when": "alone"},
        ],
        "indication": [
            {
                "rule": "GZ12",
                "item": item,
                "allowed": pick([["C"], ["J1", "I6"], []]),
                "text": "text",
                "level": "suspect",
            }
            for item in [*some(), *some()]
        ],
        "second_line": [{"rule": "GZ13", "item": item, "text": "text"} for item in some()],
        "surgery": [
            {"rule": "GZ14", "item": item, "group": pick("xy"), "share": Decimal("0.75")}
            for item in ITEMS[:5]
        ],
        "behaviour": [
            {"rule": key, "parameter": name, "value": Decimal(value), "unit": "days"}
            for key, name, value in (
                ("LOC-HANG", "idle_days", "1"),
                ("GZ10000204005000", "short_stay_days", "4"),
                ("GZ10000204001000", "return_days", "15"),
                ("LOC-READM15", "return_days", "15"),
                ("GZ10000204002000", "most", "1"),
                ("GZ10000204002000", "within_days", "30"),
                ("GZ10000204004000", "most", "1"),
                ("GZ10000204004000", "within_days", "4"),
                ("LOC-COST", "deviations", "2.5"),
                ("LOC-COST", "times_mean", "1.5"),
            )
        ],
    }


def rules() -> list[Rule]:
    """The rules that go without rows."""
    return [rule(key, level) for key, level in PLAIN_RULES.items()]

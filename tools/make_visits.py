"""Make the bundled day of outpatient visits: plainly synthetic, with faults as records have them.

Usage: python tools/make_visits.py

What it is made of stands in make_visits.toml. The same visits come out each time; persons are
invented numbers.
"""

from __future__ import annotations

import json
import tomllib
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "grouper" / "demo" / "visits.jsonl"
OPENS = datetime(2026, 12, 21, 8, tzinfo=ZoneInfo("Asia/Shanghai"))
MINUTES, COUNT, SEED = 540, 240, 20261221
SOMETIMES, REFUND = 0.45, 0.04
LISTS = ("item", "name", "class", "quantity", "amount", "time")
Plan = dict[str, Any]


def line(plan: Plan, name: str, time: datetime, quantity: int = 1) -> dict[str, Any]:
    """One service line."""
    item = plan["items"][name]
    return {
        "item": item.get("item"),
        "name": item["name"],
        "class": item["class"],
        "quantity": str(quantity),
        "amount": str(Decimal(item["price"]) * quantity),
        "time": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def refund_of(charged: dict[str, Any]) -> dict[str, Any]:
    """The refund of a line."""
    return {
        **charged,
        "quantity": str(-Decimal(charged["quantity"])),
        "amount": str(-Decimal(charged["amount"])),
    }


def visit(plan: Plan, rng: np.random.Generator, sort: Plan, number: int) -> dict[str, Any]:
    """A visit of one sort."""
    time = OPENS + timedelta(minutes=int(rng.integers(MINUTES)))
    names = sort["always"] + [n for n in sort.get("sometimes", []) if rng.random() < SOMETIMES]
    lines = [line(plan, n, time, 2 if n == "bed" else 1) for n in names]
    if rng.random() < REFUND:
        lines.append(refund_of(lines[int(rng.integers(len(lines)))]))
    px = list(sort["px"][int(rng.integers(len(sort["px"])))]) if "px" in sort else []
    words = sort.get("modifiers", [""])
    dx = str(rng.choice(sort["dx"]))
    return finished(number, time, [dx] if dx else [], px, lines) | {
        "px_modifier": [str(rng.choice(words)) or None for _ in px]
    }


def finished(
    number: int, time: datetime, dx: list[str], px: list[str], lines: list[dict[str, Any]]
) -> dict[str, Any]:
    """The record of a visit."""
    return {
        "case_id": f"VISIT{number:05d}",
        "person": f"P{number:05d}",
        "region": "金华",
        "kind": "门诊",
        "visit_time": time.strftime("%Y-%m-%d %H:%M:%S"),
        "dx": dx,
        "px": px,
        **{f"line_{name}": [row[name] for row in lines] for name in LISTS},
    }


def special(plan: Plan) -> list[dict[str, Any]]:
    """The visits that show something: first a full one, then faults of every kind."""

    def lines(*names: str) -> list[dict[str, Any]]:
        return [line(plan, name, OPENS) for name in names]

    # A cataract on both sides, a lid on its own, an MRI apart, a charge taken back.
    shown = lines("visit", "lens", "lens_material", "mri", "drug", "blood", "refraction")
    shown.append(refund_of(shown[-1]))
    first = finished(1, OPENS, ["H26.900"], ["13.4100x001", "13.7100", "08.2000"], shown)
    first["px_modifier"] = ["bilateral", None, None]
    strange = lines("visit", "drug")
    strange[1] |= {"class": "99", "name": "未知类别"}
    bare = lines("ct", "drug")
    bare[0]["amount"], bare[1]["amount"] = None, None
    lost = [*lines("visit"), refund_of(line(plan, "mri", OPENS))]
    undone = lines("visit", "drug")
    undone += [refund_of(row) for row in undone]
    night = lines("emergency", "bed")
    night[1]["quantity"] = "0.5"
    faults = [
        ([], [], []),
        (["J06.900"], [], []),
        (["J06.9Z9"], [], lines("visit", "drug")),
        (["J06.9Z9"], [], []),
        ([], [], lines("ct", "ct", "blood")),
        (["J06.900"], ["99.ZZ00"], lines("visit")),
        (["K29.500"], ["45.1600", "99.ZZ00"], lines("visit", "gastroscopy")),
        (["J20.900"], [], strange),
        (["J20.900"], [], bare),
        (["J20.900"], [], lost),
        (["J20.900"], [], undone),
        (["J45.900"], [], night),
        ([], [], lines("herb_clove")),
        ([], [], lines("anaesthesia")),
    ]
    rows = [finished(n, OPENS, dx, px, of) for n, (dx, px, of) in enumerate(faults, 2)]
    return [first, *rows]


def visits() -> list[dict[str, Any]]:
    """All visits of the day."""
    plan = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    rng = np.random.default_rng(SEED)
    often = np.array([sort["often"] for sort in plan["sorts"]], np.float64)
    rows = special(plan)
    while len(rows) < COUNT:
        sort = plan["sorts"][int(rng.choice(len(often), p=often / often.sum()))]
        rows.append(visit(plan, rng, sort, len(rows) + 1))
    return rows


def main() -> None:
    """Write grouper/demo/visits.jsonl."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in visits()]
    TARGET.write_text("".join(lines), "utf-8")
    print(TARGET.name, len(lines))


if __name__ == "__main__":
    main()

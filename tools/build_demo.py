"""Make the bundled month of discharges: plainly synthetic, with gaps and faults as records have.

Usage: python tools/build_demo.py

The month runs from 2026-12-16 to 2027-01-15, so that half of it falls under each of two schemes.
Codes come from the sets of random groups of those schemes; persons are random numbers.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from random_cases import RandomCases  # noqa: E402 -- needs the path above

from grouper.schemes.load import load_scheme  # noqa: E402

FIRST, DAYS, COUNT, SEED = date(2026, 12, 16), 31, 1200, 20261216
FAULT, CAREFUL, INFANT = 0.012, 0.9, 0.04
COLUMNS = [
    "病案号",
    "统筹区",
    "性别",
    "出生日期",
    "入院时间",
    "出院时间",
    "离院方式",
    "出院科别",
    "新生儿入院体重",
    "主要诊断编码",
    "其他诊断编码",
    "主要手术编码",
    "其他手术编码",
]


def text_date(rng: np.random.Generator, day: date) -> str:
    """A date in one of the forms that exports hold."""
    forms = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日", "%Y-%m-%d 09:30:00")
    return day.strftime(forms[int(rng.integers(len(forms)))])


def plausible(source: RandomCases, rng: np.random.Generator) -> dict[str, Any]:
    """A case made for one group, with a fault now and then."""
    dx: list[str] = []
    px: list[str] = []
    source._aim(dx, px)  # noqa: SLF001 -- the tests' source of cases serves here too
    if rng.random() < CAREFUL:
        # Most records carry procedures only where their group asks for them.
        px = px[:2]
    dx = dx or [source._pick(source.dx)]  # noqa: SLF001
    dx += [source._pick(source.cc) for _ in range(int(rng.integers(0, 4)))]  # noqa: SLF001
    infant = rng.random() < INFANT
    days = int(rng.integers(1, 28)) if infant else int(rng.integers(400, 33000))
    if rng.random() < FAULT:
        dx[0] = rng.choice(["", "Z99.Z99", *source.barred[:3]])
    if rng.random() < FAULT:
        dx = [code.lower() for code in dx]
    sex = "" if rng.random() < FAULT else rng.choice(["男", "女"])
    weight = str(int(rng.integers(1200, 4200))) if infant and rng.random() > 10 * FAULT else ""
    return {
        "dx": dx,
        "px": px or [""],
        "days": 0 if rng.random() < FAULT else days,
        "sex": sex,
        "weight": weight,
    }


def main() -> None:
    """Write grouper/demo/month.csv."""
    rng = np.random.default_rng(SEED)
    sources = {
        year: RandomCases(load_scheme(scheme).compiled, SEED + year)  # type: ignore[attr-defined]
        for year, scheme in ((2026, "chs-drg-2.0"), (2027, "chs-drg-3.0"))
    }
    target = ROOT / "grouper" / "demo" / "month.csv"
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number in range(1, COUNT + 1):
            leave = FIRST + timedelta(days=int(rng.integers(DAYS)))
            stay = int(rng.integers(1, 25))
            enter = leave - timedelta(days=stay)
            case = plausible(sources[leave.year], rng)
            birth = enter - timedelta(days=case["days"])
            dx, px = case["dx"], case["px"]
            rows.writerow(
                [
                    f"DEMO{number:05d}",
                    "全国",
                    case["sex"],
                    text_date(rng, birth) if case["days"] else "",
                    text_date(rng, enter),
                    "" if rng.random() < FAULT else text_date(rng, leave),
                    rng.choice(["1", "1", "1", "1", "2", "4", "5"]),
                    f"{int(rng.integers(1, 12)):02d}",
                    case["weight"],
                    dx[0],
                    "|".join(dx[1:]),
                    px[0],
                    "|".join(px[1:]),
                ]
            )
    print(target.name, COUNT, datetime.now(UTC).date())


if __name__ == "__main__":
    main()

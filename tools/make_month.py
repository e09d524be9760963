"""Make the bundled month of discharges (a maintainer's step; the same bytes every time).

Diagnoses and procedures are drawn from the rows of a published DIP catalogue in proportion to the
square root of the cases behind each row, so that the month has the look of a general hospital; persons, dates,
costs and comorbidities are invented. Every twentieth case or so carries a gap or a fault on purpose.

Usage: python tools/make_month.py [OUT.csv]
"""

from __future__ import annotations

import csv
import random
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from codebooks.codes import code_set
from codebooks.registry import registry

CATALOGUE = "dip-pingdingshan-2025"
NATIONAL = "dip-3.0"
CASES = 1200
SEED = 20261231
FIRST, LAST = datetime(2026, 12, 18), datetime(2027, 1, 16)  # noqa: DTZ001 -- local times as a front page has them
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
    "重症监护时长",
    "总费用",
    "主要诊断编码",
    "其他诊断编码",
    "主要手术编码",
    "其他手术编码",
]
FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y%m%d")
# First letter of the principal diagnosis: department code and the ages between which most lie.
WARDS = {
    "C": ("03", 45, 80),
    "D": ("03", 30, 75),
    "I": ("01", 50, 88),
    "J": ("02", 3, 85),
    "K": ("04", 25, 80),
    "M": ("05", 35, 78),
    "S": ("05", 18, 75),
    "T": ("05", 18, 75),
    "N": ("06", 25, 80),
    "O": ("07", 21, 40),
    "P": ("08", 0, 0),
    "E": ("09", 40, 80),
    "G": ("10", 40, 82),
    "H": ("11", 40, 80),
}
FEMALE, MALE = ("O", "N7", "N8", "N9", "C5", "D25", "D27"), ("C61", "C62", "N4")
COMORBID = (
    "I10.x00", "E11.900", "I25.103", "I50.900", "J44.900", "J18.900", "N18.900", "E78.500", "I63.900",
    "D64.900", "E87.600", "K76.000", "J96.900", "A41.900", "I48.100", "N39.000", "E11.200x210+N08.3*",
)  # fmt: skip


class Maker:
    """Draws cases."""

    def __init__(self) -> None:
        self.rng = random.Random(SEED)  # noqa: S311 -- nothing here is secret
        rows = registry().book(CATALOGUE).rows("groups")
        self.rows = [row for row in rows if row["section"] == "HX"]
        self.shares = [float(row["cases"] or 1) ** 0.5 for row in self.rows]
        # Coders have learned which codes may not be principal: they are left to the faults.
        barred = registry().book(NATIONAL).tables["excluded_diagnoses"].column("code").to_pylist()
        self.codes = sorted(set(code_set("icd10-nhsa-2.0").codes) - set(barred))
        self.comorbid = [c for c in COMORBID if c in code_set("icd10-nhsa-2.0")]

    def case(self, number: int) -> dict[str, str]:
        """One discharge as a row of the file."""
        rng = self.rng
        row = rng.choices(self.rows, self.shares)[0]
        principal = self._diagnosis(row["diagnosis"])
        ward, young, old = WARDS.get(principal[0], ("12", 20, 80))
        sex = self._sex(principal)
        stay = max(1, round(float(row["mean_los"] or 6) * rng.uniform(0.5, 1.6)))
        leaves = FIRST + timedelta(days=rng.randrange((LAST - FIRST).days), hours=10)
        enters = leaves - timedelta(days=stay, hours=rng.randrange(3))
        newborn = principal[0] == "P"
        born = enters - timedelta(
            days=rng.randrange(8) if newborn else rng.randrange(young * 365, (old + 1) * 365 + 1)
        )
        critical = rng.random() < 0.04  # noqa: PLR2004 -- a share
        died = critical and rng.random() < 0.25  # noqa: PLR2004 -- a share
        cost = float(row["mean_cost"]) * rng.lognormvariate(0, float(row["cost_cv"] or 0.4) * 0.7)
        form = rng.choice(FORMS)
        procedures = self._procedures(row)
        found: dict[str, Any] = {
            "病案号": f"DEMO{number:05d}",
            "统筹区": "全国",
            "性别": sex,
            "出生日期": born.strftime("%Y-%m-%d"),
            "入院时间": enters.strftime(form),
            "出院时间": leaves.strftime(form),
            "离院方式": "5" if died else rng.choices("124", (88, 6, 6))[0],
            "出院科别": ward,
            "新生儿入院体重": str(rng.randrange(1900, 4100)) if newborn else "",
            "重症监护时长": str(rng.randrange(12, 200)) if critical else "",
            "总费用": f"{cost:.2f}",
            "主要诊断编码": principal,
            "其他诊断编码": "|".join(self._others(principal)),
            "主要手术编码": procedures[0] if procedures else "",
            "其他手术编码": "|".join(procedures[1:]),
        }
        self._spoil(found)
        return found

    def _diagnosis(self, key: str) -> str:
        fitting = [code for code in self.codes if code.startswith(key)]
        # The first code of a subcategory, its plain form, is what most records carry.
        weights = [3.0 if at == 0 else 1.0 for at in range(len(fitting))]
        return self.rng.choices(fitting, weights)[0] if fitting else key

    def _sex(self, principal: str) -> str:
        if principal.startswith(FEMALE):
            return "女"
        return "男" if principal.startswith(MALE) else self.rng.choice("男女")

    def _others(self, principal: str) -> list[str]:
        count = self.rng.choices(range(5), (25, 25, 22, 16, 12))[0]
        drawn = [] if principal[0] in "OP" else self.rng.sample(self.comorbid, count)
        return [code for code in drawn if code[:3] != principal[:3]]

    def _procedures(self, row: dict[str, Any]) -> list[str]:
        # A cell may offer alternatives (`/`) and ask for several (`+`): one of each is drawn.
        cells = [row["procedure"] or "", row["related"] or ""]
        parts = [part for cell in cells for part in cell.split("+") if part]
        return [self.rng.choice(part.split("/")).replace("X", "x") for part in parts]

    def _spoil(self, case: dict[str, str]) -> None:
        """Now and then what records are full of: gaps, unknown codes, other spellings."""
        faults = (
            ("性别", ""), ("出生日期", ""), ("出院时间", ""), ("主要诊断编码", ""), ("总费用", ""),
            ("主要诊断编码", "Z99.X99"), ("主要手术编码", "99.9999"), ("新生儿入院体重", ""),
            ("主要诊断编码", "R69.x00"), ("其他诊断编码", "K00.x99|I10.x00"), ("性别", "女性"),
        )  # fmt: skip
        if self.rng.random() < 0.07:  # noqa: PLR2004 -- a share
            case.update([self.rng.choice(faults)])
        if self.rng.random() < 0.05:  # noqa: PLR2004 -- a share
            case["主要诊断编码"] = case["主要诊断编码"].lower()


def main() -> None:
    """Write the month."""
    default = Path(__file__).parents[1] / "grouper" / "demo" / "month.csv"
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    maker = Maker()
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(maker.case(number) for number in range(1, CASES + 1))
    print(path.name, CASES)


if __name__ == "__main__":
    main()

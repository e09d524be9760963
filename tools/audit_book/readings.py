"""Read the limits that the source tells in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HAND = Path(__file__).resolve().parent
STARTS = (12, 11)
"""Lengths of the beginnings of drug codes in the suspect list."""


@dataclass(frozen=True)
class Row:
    """A row of the book: its table and its cells."""

    table: str
    cells: dict[str, str]


@dataclass
class Reader:
    """The readings of texts, and what the suspect lists say of an item."""

    plan: dict[str, Any]
    hand: list[dict[str, str]]
    said: dict[str, dict[str, str]] = field(default_factory=dict)
    named: dict[str, dict[str, str]] = field(default_factory=dict)
    indications: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the indications read by eye."""
        self.indications = {row["text"]: row for row in self.hand}

    def learn(self, drugs: list[dict[str, str]], services: list[dict[str, str]]) -> None:
        """Keep what the suspect lists say of each item, by code and by name."""
        for rows, code, name in (
            (drugs, "药品编码", "药品名称"),
            (services, "诊疗编码", "诊疗名称"),
        ):
            for row in rows:
                for key, value in row.items():
                    if value and key not in {code, name}:
                        self.said.setdefault(row[code], {}).setdefault(key, value)
                        self.named.setdefault(row[name], {}).setdefault(key, value)

    def suspected(self, column: str, name: str, codes: tuple[str, ...]) -> str:
        """What the suspect lists say of an item in a column; empty when nothing."""
        for code in codes:
            for start in (code, *(code[:length] for length in STARTS)):
                if found := self.said.get(start, {}).get(column, ""):
                    return found
        return self.named.get(name, {}).get(column, "")

    def first(self, table: str, text: str) -> str:
        """The reading of the first key of a table that stands in a text; empty when none does."""
        found = (value for key, value in self.plan[table].items() if key in text)
        return str(next(found, ""))

    def age(self, text: str) -> tuple[dict[str, str], str]:
        """The limits of age that a text tells, and the note they need; empty when none."""
        if text in self.plan["ages"]:
            limits = {key: str(value) for key, value in self.plan["ages"][text].items()}
            return limits, self.plan["age_notes"][text]
        for one in self.plan["age_texts"]:
            if found := re.search(one["pattern"], text):
                limits, note = {}, ""
                if "least" in one:
                    limits["least_years"] = found[one["least"]]
                if "most" in one:
                    limits["most_years"] = found[one["most"]]
                if "below" in one:
                    limits["most_years"] = str(int(found[one["below"]]) - 1)
                if one.get("child"):
                    limits["most_years"] = str(self.plan["ages"]["儿童"]["most_years"])
                    note = self.plan["age_notes"]["儿童"]
                return limits, note
        return {}, ""

    def course(self, text: str) -> dict[str, str]:
        """The most days and the least gap that a text tells."""
        plan, limits = self.plan["courses"], {}
        for key, days in plan.items():
            if isinstance(days, int) and key in text:
                limits["most_days"] = str(days)
        if found := re.search(plan["days"], text):
            limits["most_days"] = next(one for one in found.groups() if one)
        if found := re.search(plan["gap"], text):
            limits["least_gap"] = found[1]
        return limits

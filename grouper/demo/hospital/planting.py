"""What is planted in a month, and where: candidates are found by the tables, each stay is hit once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.demo.hospital.chains import SECOND_HALF, YEAR
from grouper.demo.hospital.inpatients import case_id
from grouper.demo.hospital.plan import stream
from grouper.demo.hospital.tables import toml
from grouper.demo.hospital.world import KINDS, Array

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.demo.hospital.inpatients import Month
    from grouper.demo.hospital.lines import Lines
    from grouper.demo.hospital.world import World

VIOLATION, FAULT = "violation", "fault"
"""Kinds of what is planted: against a payment rule, or a gap or fault of the record."""
_NEWBORN_DAYS = 28


@dataclass(frozen=True, slots=True)
class Planted:
    """One thing that is planted.

    Attributes:
        case_id: the stay or visit.
        kind: its name in the table.
        sort: :data:`VIOLATION` or :data:`FAULT`.
        rule: code of the rule that speaks of it; empty for none.
        text: what it is, in Chinese.
        amount: fen that are at stake; None for the lines' own amount.
        lines: numbers of the lines, when they are known.
    """

    case_id: str
    kind: str
    sort: str
    rule: str
    text: str
    amount: int | None = None
    lines: tuple[int, ...] = ()


class Field:
    """A month on which things are planted.

    Attributes:
        month: the month's stays.
        lines: their lines, in any order; replaced as things are planted.
        records: what was planted; a line's mark is its place here.
    """

    def __init__(self, world: World, month: Month, lines: Lines) -> None:
        self.scale = world.scale
        self.chance = stream(world.seed, month.number, "planted")
        self.month, self.lines = month, lines
        self.records: list[Planted] = []
        stays = month.stays
        self.free = (stays.split == 0) & ~stays.dead
        self.age = (stays.admission - stays.birth) / YEAR
        self.principal = [codes[0] for codes in month.front["dx"]]
        self._splits()

    def _splits(self) -> None:
        """The stays that were split when they were drawn: the second half is the finding."""
        rule, stays = toml("planted.toml")["split_admission"], self.month.stays
        for place in np.flatnonzero(stays.split == SECOND_HALF):
            other = case_id(int(stays.origin[place]), int(stays.index[place]), int(stays.depth[place]) - 1)
            text = rule["zh"].format(gap=int(stays.previous[place]), other=other)
            own = self.month.front["case_id"][place]
            self.records.append(Planted(own, "split_admission", VIOLATION, rule["rule"], text, 0))

    def wanted(self, row: Mapping[str, Any]) -> int:
        """How many of a kind a month gets."""
        return max(1, round(row["per_month"] * self.scale))

    def fitting(self, need: Mapping[str, Any]) -> Array:
        """Which stays are free and what a row needs."""
        month, fit = self.month, self.free.copy()
        front = month.front
        if "kinds" in need:
            fit &= np.isin(month.kind, [KINDS.index(kind) for kind in need["kinds"]])
        if "least_los" in need:
            fit &= month.los >= need["least_los"]
        if "most_los" in need:
            fit &= month.los <= need["most_los"]
        if "least_age" in need:
            fit &= self.age >= need["least_age"]
        if "sex" in need:
            fit &= month.stays.female == (need["sex"] == 2)  # noqa: PLR2004 -- 2 is female
        if "least_cost" in need:
            fit &= month.stays.cost >= need["least_cost"]
        if need.get("newborn"):
            fit &= (month.stays.admission - month.stays.birth) < _NEWBORN_DAYS
        if "diagnoses" in need:
            fit &= np.array([dx.startswith(tuple(need["diagnoses"])) for dx in self.principal])
        if "not_diagnoses" in need:
            fit &= ~np.array([dx.startswith(tuple(need["not_diagnoses"])) for dx in self.principal])
        if "procedures" in need:
            own = tuple(need["procedures"])
            fit &= np.array([bool(px) and px[0].startswith(own) for px in front["px"]])
        return fit

    def pick(self, row: Mapping[str, Any], places: Array) -> Array:
        """Some of the places, no longer free afterwards."""
        found = np.sort(self.chance.permutation(places)[: self.wanted(row)])
        self.free[found] = False
        return found

    def record(self, place: int, row: Mapping[str, Any], sort: str, **words: object) -> int:
        """Note what was planted on a stay; gives its mark."""
        own = self.month.front["case_id"][place]
        amount = words.pop("fen", None)
        self.records.append(
            Planted(
                own,
                row["kind"],
                sort,
                row["rule"],
                row["zh"].format(**words),
                None if amount is None else int(str(amount)),
            )
        )
        return len(self.records) - 1

    def numbered(self) -> list[Planted]:
        """What was planted, with the numbers of its lines and the amount at stake.

        The lines have to be in their final order.
        """
        marked = np.flatnonzero(self.lines.mark >= 0)
        numbers, amounts = self.lines.numbers(), self.lines.amount()
        lines: dict[int, list[int]] = {}
        fen: dict[int, int] = {}
        for at in marked:
            mark = int(self.lines.mark[at])
            lines.setdefault(mark, []).append(int(numbers[at]))
            fen[mark] = fen.get(mark, 0) + abs(int(amounts[at]))
        return [
            replace(
                one,
                lines=tuple(lines.get(mark, ())),
                amount=fen.get(mark, 0) if one.amount is None else one.amount,
            )
            for mark, one in enumerate(self.records)
        ]



"""What is planted in a month, and where: candidates are found by the tables, each stay is hit once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.errors import Where
from grouper.demo.hospital.chains import SECOND_HALF, YEAR
from grouper.demo.hospital.errors import HospitalError
from grouper.demo.hospital.inpatients import case_id
from grouper.demo.hospital.plan import stream
from grouper.demo.hospital.tables import toml
from grouper.demo.hospital.world import KINDS, Array

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from grouper.demo.hospital.inpatients import Month
    from grouper.demo.hospital.lines import Lines
    from grouper.demo.hospital.world import World

VIOLATION, FAULT = "violation", "fault"
"""Kinds of what is planted: against a payment rule, or a gap or fault of the record."""
_NEWBORN_DAYS, _FEMALE = 28, 2
FILE = "planted.toml"


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
            other = case_id(
                int(stays.origin[place]), int(stays.index[place]), int(stays.depth[place]) - 1
            )
            text = rule["zh"].format(gap=int(stays.previous[place]), other=other)
            own = self.month.front["case_id"][place]
            self.records.append(Planted(own, "split_admission", VIOLATION, rule["rule"], text, 0))

    def wanted(self, row: Mapping[str, Any]) -> int:
        """How many of a kind a month gets."""
        return max(1, round(float(row["per_month"]) * self.scale))

    def fitting(self, need: Mapping[str, Any]) -> Array:
        """Which stays are free and what a row needs."""
        found: Array = self.free.copy()
        for key, value in need.items():
            found &= self._is(key, value)
        return found

    def _is(self, key: str, value: Any) -> Array:  # noqa: ANN401 -- the value of a TOML key
        """Which stays meet one need."""
        month, stays = self.month, self.month.stays
        numbers = {
            "los": month.los,
            "age": self.age,
            "cost": stays.cost,
        }
        bound, _, name = key.partition("_")
        if bound == "least" and name in numbers:
            return np.asarray(numbers[name] >= value)
        if bound == "most" and name in numbers:
            return np.asarray(numbers[name] <= value)
        simple: dict[str, Callable[[], Array]] = {
            "kinds": lambda: np.isin(month.kind, [KINDS.index(kind) for kind in value]),
            "sex": lambda: stays.female == (value == _FEMALE),
            "newborn": lambda: (stays.admission - stays.birth < _NEWBORN_DAYS) == value,
            "diagnoses": lambda: self._begins(self.principal, value),
            "not_diagnoses": lambda: ~self._begins(self.principal, value),
            "procedures": lambda: self._begins(
                [px[0] if px else "" for px in month.front["px"]], value
            ),
        }
        if key not in simple:
            raise HospitalError("DEMO_HOSPITAL_TABLE", Where(file=FILE, column=key))
        return simple[key]()

    @staticmethod
    def _begins(codes: Sequence[str], beginnings: Sequence[str]) -> Array:
        return np.array([code.startswith(tuple(beginnings)) for code in codes])

    def pick(self, row: Mapping[str, Any], places: Array) -> Array:
        """Some of the places, no longer free afterwards."""
        found = np.sort(self.chance.permutation(places)[: self.wanted(row)])
        self.free[found] = False
        return found

    def record(
        self, place: int, row: Mapping[str, Any], sort: str, fen: int | None = None, **words: object
    ) -> int:
        """Note what was planted on a stay; gives its mark.

        Args:
            place: the stay.
            row: the row of the table.
            sort: :data:`VIOLATION` or :data:`FAULT`.
            fen: the amount at stake; None for the amount of the marked lines.
            words: what the row's text names.
        """
        own, text = self.month.front["case_id"][place], row["zh"].format(**words)
        self.records.append(Planted(own, row["kind"], sort, row["rule"], text, fen))
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

"""Which of the planted things nobody can see, and why: they are no part of the truth to be found.

What is planted is drawn without looking at the calendar of the rule book, at refunds or at where the
hospital begins. Nothing drawn is changed for it; the list of what was planted says it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks import paths
from codebooks.audit.books import NATIONAL, SHELF
from codebooks.audit.reading import RULE_FILE, read_card, read_rules
from grouper.case.dates import LOCAL
from grouper.demo.hospital.inpatients import previous_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from grouper.demo.hospital.planting import Planted

BEFORE_BOOK, REFUNDED, FIRST_STAY = "before_book", "refunded", "first_stay_missing"
"""Why: the rows of its rule hold from the first day of the rule book on, and what was charged since then
breaks none; the hospital's own refund took it back; the stay before it was discharged before the
hospital begins."""
_COUNTING = ("cycle", "course")
"""Templates that count days; other rows look at the lines themselves."""
_WITHOUT_ROWS = ("code.", "behaviour")
_SPLIT = "split_admission"
_COLUMNS = ["case_id", "line", "line_item", "line_quantity", "line_time"]

_Line = dict[str, Any]


def voids(planted: Sequence[Planted], charges: Path, stays: frozenset[str]) -> list[str]:
    """Why each thing that was planted in a month cannot be seen; empty where it can.

    Args:
        planted: of one month.
        charges: the file of the month's lines.
        stays: ids of all inpatient stays of the hospital.
    """
    with_lines = {one.case_id for one in planted if one.lines}
    if not with_lines and not any(one.kind == _SPLIT for one in planted):
        return [""] * len(planted)
    lines = _lines(charges, with_lines) if with_lines else {}
    book = _book()
    return [_void(one, lines.get(one.case_id, {}), stays, book) for one in planted]


@dataclass(frozen=True, slots=True)
class _Book:
    """What the rule book says of validity."""

    first: date
    templates: Mapping[str, str]


def _book() -> _Book:
    folder = paths.shipped() / SHELF / NATIONAL
    rules = read_rules(folder / RULE_FILE, RULE_FILE)
    templates = {key: str(read.values["template"] or "") for key, read in rules.items()}
    return _Book(read_card(folder).valid_from, templates)


def _void(one: Planted, lines: Mapping[int, _Line], stays: frozenset[str], book: _Book) -> str:
    if one.kind == _SPLIT and previous_id(one.case_id) not in stays:
        return FIRST_STAY
    own = [lines[number] for number in one.lines if number in lines]
    if not own:
        return ""
    if _before(own, lines, book.templates.get(one.rule, ""), book.first):
        return BEFORE_BOOK
    return REFUNDED if all(_given_back(line, lines) for line in own) else ""


def _before(own: Sequence[_Line], lines: Mapping[int, _Line], template: str, first: date) -> bool:
    """Whether what the rows can see, from the first day of the book on, breaks none of them."""
    if not template or template.startswith(_WITHOUT_ROWS):
        return False
    wrong = {_day(line) for line in own}
    if template not in _COUNTING:
        return max(wrong) < first
    items = {line["line_item"] for line in own}
    every = {
        _day(line)
        for line in lines.values()
        if line["line_item"] in items and line["line_quantity"] > 0
    }
    return sum(day >= first for day in every) <= len(every) - len(wrong)


def _day(line: _Line) -> date:
    day: date = line["line_time"].astimezone(LOCAL).date()
    return day


def _given_back(line: _Line, lines: Mapping[int, _Line]) -> bool:
    """Whether as much of the item was given back later."""
    return line["line_quantity"] > 0 and any(
        other["line_item"] == line["line_item"]
        and other["line_quantity"] == -line["line_quantity"]
        and other["line_time"] >= line["line_time"]
        for other in lines.values()
    )


def _lines(path: Path, cases: set[str]) -> dict[str, dict[int, _Line]]:
    table = pq.read_table(path, columns=_COLUMNS)
    own = pc.is_in(table["case_id"].cast(pa.string()), pa.array(sorted(cases), pa.string()))
    found: dict[str, dict[int, _Line]] = defaultdict(dict)
    for line in table.filter(own).to_pylist():
        found[line["case_id"]][line["line"]] = line
    return found


def stay_ids(files: Sequence[Path]) -> frozenset[str]:
    """The ids of the stays of files of cases."""
    return frozenset(
        one
        for path in files
        for one in pq.read_table(path, columns=["case_id"])["case_id"].to_pylist()
    )

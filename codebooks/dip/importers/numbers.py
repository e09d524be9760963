"""What the numbers of the official catalogue must be to each other, and lists without repeats."""

from __future__ import annotations

from itertools import count, islice, pairwise
from typing import TYPE_CHECKING, Any

from codebooks.dip.checks import PLACE
from codebooks.errors import Where

if TYPE_CHECKING:
    from codebooks.importers.notes import Notes

_SHOWN = 10
_LISTS = ("excluded_diagnoses", "excluded_procedures", "resistant_diagnoses")


def hold_numbers(tables: dict[str, list[dict[str, Any]]], notes: Notes) -> None:
    """Order the groups by their numbers, which must run on through all sheets, and fold lists.

    A number that occurs twice is an error (``DIP_NUMBER_TWICE``), as is one that is passed over
    (``DIP_NUMBER_GAP``); a row in another place than its number says is moved and counted. Rows
    of a list that repeat another are folded and counted; a procedure under two treatments is an
    error (``DIP_CONFLICT``).
    """
    groups = tables.get("groups", [])
    numbers = [int(row["group"]) for row in groups]
    seen: set[int] = set()
    for row, number in zip(groups, numbers, strict=True):
        if number in seen:
            notes.error("DIP_NUMBER_TWICE", row[PLACE], number=number)
        seen.add(number)
    # After an error some rows are missing anyway: gaps would hide why.
    if seen and not notes.refused and max(seen) > len(seen):
        shown = list(islice((n for n in count(1) if n not in seen), _SHOWN))
        missing = max(seen) - len(seen)
        notes.error("DIP_NUMBER_GAP", Where(), count=missing, numbers=", ".join(map(str, shown)))
    notes.mended("dip_order", sum(after < before for before, after in pairwise(numbers)))
    groups.sort(key=lambda row: int(row["group"]))
    for rank, row in enumerate(groups, 1):
        row["sort"] = rank
    for table in _LISTS:
        if table in tables:
            tables[table] = _fold(table, tables[table], notes)


def _fold(table: str, rows: list[dict[str, Any]], notes: Notes) -> list[dict[str, Any]]:
    kept: dict[str, dict[str, Any]] = {}
    for row in rows:
        other = kept.setdefault(row["code"], row)
        if other is row:
            continue
        if other.get("treatment") == row.get("treatment"):
            notes.mended(f"duplicate_{table}")
        else:
            notes.error("DIP_CONFLICT", row[PLACE], group=row["code"], other=other[PLACE].row)
    return list(kept.values())

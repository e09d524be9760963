"""Results written to files as the ending says: JSON, text, CSV or Excel."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import xlsxwriter

from codebooks.errors import Where
from grouper.run.destinations import OutputError, part_of, whole, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_NAME = 31
"""Characters of a sheet's name."""
_WIDEST = 300
"""Pixels of the widest column."""
_LARGEST = 10**12
"""From here on a number of a workbook no longer keeps its fen: it is written as text."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its name, the names of its columns, and its rows as texts.

    ``numbers`` are the places of columns whose cells are numbers in a workbook.
    """

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()


def write_result(
    path: Path, told: dict[str, Any], lines: Sequence[str], sheets: Sequence[Sheet]
) -> None:
    """Write a result; the file takes its name when it is whole.

    Args:
        path: ``.json`` (the document), ``.txt`` (the lines), ``.csv`` (the first sheet) or
            ``.xlsx`` (all sheets).
        told: the document.
        lines: the text.
        sheets: the tables.

    Raises:
        OutputError: ``OUTPUT_FORMAT``, ``OUTPUT_FAILED``.
    """
    makers: dict[str, Callable[[Path], object]] = {
        ".json": lambda to: to.write_text(json.dumps(told, ensure_ascii=False, indent=1), "utf-8"),
        ".txt": lambda to: to.write_text("\n".join(lines) + "\n", "utf-8"),
        ".csv": lambda to: _csv(to, sheets[0]),
        ".xlsx": lambda to: _workbook(to, sheets),
    }
    maker = makers.get(path.suffix.lower())
    if maker is None:
        known = ", ".join(makers)
        raise OutputError("OUTPUT_FORMAT", Where(file=path.name), found=path.suffix, known=known)
    with whole([path]), writing(path):
        maker(part_of(path))


def _csv(path: Path, sheet: Sheet) -> None:
    # The byte order mark is for spreadsheets, which else misread Chinese.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow(sheet.header)
        out.writerows(sheet.rows)


def _workbook(path: Path, sheets: Sequence[Sheet]) -> None:
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(str(path), options)
    bold = book.add_format({"bold": True})
    for sheet in sheets:
        made = book.add_worksheet(sheet.name[:_NAME])
        made.freeze_panes(1, 0)
        for at, name in enumerate(sheet.header):
            made.write_string(0, at, name, bold)
        for number, row in enumerate(sheet.rows, 1):
            for at, cell in enumerate(row):
                if at in sheet.numbers and cell and abs(float(cell)) < _LARGEST:
                    made.write_number(number, at, float(cell))
                else:
                    made.write_string(number, at, cell)
        made.autofit(_WIDEST)
    book.close()

"""Lists of differences as JSON, CSV and Excel."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import xlsxwriter

from codebooks.messages import text
from hl7_adapters.nhsa.differences import Difference

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = tuple(field.name for field in fields(Difference))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDTHS = {"name": 24, "original": 24, "proposed": 24, "source": 40}


def as_json(found: Sequence[Difference], lang: str | None = None) -> bytes:
    """A JSON array, one object a difference; ``words`` is the reason in one language."""
    rows = [{**asdict(one), "words": one.words(lang)} for one in found]
    return json.dumps(rows, ensure_ascii=False, indent=2).encode()


def as_csv(found: Sequence[Difference], lang: str | None = None) -> bytes:
    """CSV in UTF-8 with a byte order mark, as spreadsheets in China read it.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_titles(lang))
    for one in found:
        writer.writerow([_tame(cell) for cell in _cells(one, lang)])
    return out.getvalue().encode("utf-8-sig")


def as_workbook(found: Sequence[Difference], lang: str | None = None) -> bytes:
    """An Excel workbook of one sheet; all cells but the row are text."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for at, title in enumerate(_titles(lang)):
            sheet.write_string(0, at, title, bold)
            sheet.set_column(at, at, _WIDTHS.get(COLUMNS[at], 14))
        for row, one in enumerate(found, 1):
            for at, cell in enumerate(_cells(one, lang)):
                if isinstance(cell, int):
                    sheet.write_number(row, at, cell)
                else:
                    sheet.write_string(row, at, cell)
        sheet.autofilter(0, 0, max(1, len(found)), len(COLUMNS) - 1)
    return out.getvalue()


def _titles(lang: str | None) -> list[str]:
    return [text(f"nhsa.column.{name}", lang) for name in COLUMNS]


def _cells(one: Difference, lang: str | None) -> list[str | int]:
    return [one.words(lang) if name == "reason" else getattr(one, name) for name in COLUMNS]


def _tame(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell

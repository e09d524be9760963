"""A report as PDF, in a font of the server that has Chinese characters."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from codebooks.errors import GrouperError
from codebooks.messages import text
from codebooks.strict_csv import read_rows
from dashboards.frame.export_picture import png
from dashboards.frame.export_sheet import about_lines
from dashboards.frame.tables import forms, heading

if TYPE_CHECKING:
    from decimal import Decimal

    from dashboards.frame.exports import Report, Sheet

_FONT = "page"
_TITLE, _HEAD, _BODY, _SMALL = 16, 12, 9, 7.5
_LINE = 5.0
_GROUND = 235
"""Grey of the headings' ground."""
_ROWS = 60
"""So many rows of a table stand in a PDF; the workbook has all."""
_PLACES = {"yuan": 2, "count": 0, "ratio": 3, "days": 1, "number": 2}


@cache
def font() -> Path:
    """The first font of ``data/fonts.csv`` that is there.

    Raises:
        GrouperError: ``EXPORT_NO_FONT``.
    """
    with as_file(files("dashboards") / "data" / "fonts.csv") as path:
        for row in read_rows(path, ("path",)):
            if (found := Path(row.cells["path"])).is_file():
                return found
    raise GrouperError("EXPORT_NO_FONT")


def pdf(report: Report, lang: str) -> bytes:
    """Write a report.

    Raises:
        GrouperError: ``EXPORT_NO_FONT``.
    """
    page = FPDF(orientation="landscape", format="A4")
    page.add_font(_FONT, fname=font())
    page.set_title(report.title)
    page.add_page()
    _write(page, report.title, _TITLE)
    for label, words in about_lines(report, lang):
        _write(page, text("export.line", lang, label=label, words=words), _BODY)
    for picture in report.pictures:
        page.add_page()
        page.image(
            BytesIO(png(picture, report.made, lang)), w=page.epw, h=page.eph, keep_aspect_ratio=True
        )
    for sheet in report.sheets:
        page.add_page()
        _table(page, sheet, lang)
    return bytes(page.output())


def _table(page: FPDF, sheet: Sheet, lang: str) -> None:
    _write(page, sheet.title, _HEAD)
    rows = list(zip(*(sheet.table[name].to_pylist() for name in sheet.columns), strict=True))
    page.set_font(_FONT, size=_SMALL)
    aligned = tuple("LEFT" if forms()[one].name == "word" else "RIGHT" for one in sheet.columns)
    plain = FontFace(emphasis="", fill_color=_GROUND)
    with page.table(text_align=aligned, line_height=_LINE, headings_style=plain) as drawn:
        drawn.row([heading(one, lang) for one in sheet.columns])
        for row in rows[:_ROWS]:
            pairs = zip(sheet.columns, row, strict=True)
            drawn.row([_written(forms()[name].name, value) for name, value in pairs])
    if len(rows) > _ROWS:
        _write(page, text("export.cut", lang, shown=_ROWS, rows=len(rows)), _BODY)


def _written(form: str, value: object) -> str:
    if value is None:
        return ""
    if form == "share":
        share: Decimal = value  # type: ignore[assignment]
        return f"{share:.1%}"
    return f"{value:,.{_PLACES[form]}f}" if form in _PLACES else str(value)


def _write(page: FPDF, words: str, size: float) -> None:
    page.set_font(_FONT, size=size)
    page.multi_cell(0, _LINE * size / _BODY, words, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

"""A report as an Excel workbook: real numbers with their units, and a first sheet that says what of."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import xlsxwriter

from codebooks.messages import text
from dashboards.frame.tables import forms, heading

if TYPE_CHECKING:
    from dashboards.frame.exports import Report, Sheet

_TITLE = 31
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))
_WIDE, _NARROW = 90, 14


def workbook(report: Report, lang: str) -> bytes:
    """Write a report.

    Args:
        report: what.
        lang: ``zh`` or ``en``.

    Returns:
        The file.
    """
    held = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(held, options) as book:
        _about(book, report, lang)
        for sheet in report.sheets:
            _sheet(book, sheet, lang)
    return held.getvalue()


def about_lines(report: Report, lang: str) -> list[tuple[str, str]]:
    """What a report rests on, as label and words."""
    on = report.grounds
    return [
        (text("export.period", lang), on.period),
        (text("export.population", lang), on.population),
        (text("export.source", lang), on.source),
        (text("export.made", lang), report.made),
    ]


def _about(book: Any, report: Report, lang: str) -> None:  # noqa: ANN401 -- xlsxwriter has no types
    page = book.add_worksheet(text("export.about_sheet", lang))
    page.set_column(0, 0, _NARROW)
    page.set_column(1, 1, _WIDE)
    page.write_string(0, 0, report.title, book.add_format({"bold": True, "font_size": 14}))
    for row, (label, words) in enumerate(about_lines(report, lang), 2):
        page.write_string(row, 0, label)
        page.write_string(row, 1, words)


def _sheet(book: Any, sheet: Sheet, lang: str) -> None:  # noqa: ANN401 -- as above
    page = book.add_worksheet(sheet.title.translate(_FORBIDDEN)[:_TITLE])
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    page.freeze_panes(1, 1)
    for column, name in enumerate(sheet.columns):
        form = forms()[name]
        written = book.add_format({"num_format": form.sheet})
        page.set_column(column, column, form.width)
        page.write_string(0, column, heading(name, lang), head)
        for row, value in enumerate(sheet.table[name].to_pylist(), 1):
            if value is None:
                page.write_blank(row, column, None, written)
            elif isinstance(value, str):
                page.write_string(row, column, value)
            elif form.name == "day":
                page.write_datetime(row, column, value, written)
            else:
                page.write_number(row, column, value, written)

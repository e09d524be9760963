"""Files of a page: real numbers, what they rest on, and a line in the audit log before any is given."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING
from unittest.mock import patch

import pyarrow as pa
import pytest
from openpyxl import load_workbook
from pages_manager_support import Fake, held, parts_in, principal

from codebooks.errors import GrouperError
from codebooks.messages import text
from dashboards.charts.quadrant import quadrant
from dashboards.frame import exports
from dashboards.frame.export_picture import png, svg
from dashboards.frame.export_sheet import workbook
from dashboards.frame.exports import Report, Sheet
from dashboards.frame.grounds import grounds
from dashboards.frame.labels import labelled
from dashboards.frame.picture import Picture
from dashboards.frame.view import View
from grouper.mart.slices import Axis, Slice
from grouper.store import audit

if TYPE_CHECKING:
    from pathlib import Path

CUT = Slice(
    since=date(2026, 1, 1),
    until=date(2026, 7, 1),
    reach=("D1",),
    departments=("D1", "D2", "D3", "D4"),
    insurances=("employee",),
)
COLUMNS = ("name", "cases", "cmi", "surplus")
MADE = "2026-07-02 08:00"


def report(lang: str) -> Report:
    mart = Fake()
    by = labelled(mart.by(CUT, Axis.DEPARTMENT), Axis.DEPARTMENT, lang)
    on = grounds(mart.about, CUT, 120, lang)
    drawn = Picture("quadrant", quadrant(by, lang), by, "u", on.period, on.population, on.source)
    title = text("page_title.overview", lang)
    return Report("overview", title, on, MADE, (Sheet("a/b", by, COLUMNS),), (drawn,))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_workbook_holds_numbers_and_their_grounds(lang: str) -> None:
    book = load_workbook(BytesIO(workbook(report(lang), lang)))
    about, sheet = book.worksheets
    told = [cell.value for row in about.iter_rows() for cell in row if cell.value]
    on = report(lang).grounds
    assert {on.period, on.population, on.source, MADE} <= set(told)
    assert sheet.title == "a b"
    head = [cell.value for cell in sheet[1]]
    assert head[3] == text(
        "table_heading", lang, name=text("fact.surplus", lang), unit=text("unit.yuan", lang)
    )
    assert [cell.value for cell in sheet[2]] == ["D1 name of D1", 40, 1.0375, -4000]
    assert sheet.max_row == 4


def test_a_workbook_keeps_days_gaps_and_formulas_as_text() -> None:
    table = pa.table(
        {
            "name": ["=1+1", None],
            "day": [date(2026, 1, 2), None],
            "surplus": pa.array([Decimal("0.10"), None], pa.decimal128(20, 2)),
        }
    )
    wanted = replace(report("zh"), sheets=(Sheet("x", table, ("name", "day", "surplus")),))
    sheet = load_workbook(BytesIO(workbook(wanted, "zh"))).worksheets[1]
    first = list(sheet[2])
    assert (first[0].value, first[0].data_type) == ("=1+1", "s")
    assert str(first[1].value) == "2026-01-02 00:00:00"
    assert first[2].value == 0.1
    assert [cell.value for cell in sheet[3]] == [None, None, None]


def test_grounds_name_what_is_left_out() -> None:
    told = report("en").grounds.population
    assert "D1, D2, D3 and others, 4 in all" in told
    assert text("value.insurance.employee", "en") in told
    assert text("grounds.reach", "en") in told


def test_pictures_hold_what_they_rest_on() -> None:
    drawn = report("zh").pictures[0]
    assert png(drawn, MADE, "zh").startswith(b"\x89PNG")
    written = svg(drawn, MADE, "zh").decode()
    assert text("chart.quadrant.title", "zh") in written
    assert MADE.split(maxsplit=1)[0] in written
    assert "http://" not in written.replace("http://www.w3.org/", "")


def test_a_pdf_is_written() -> None:
    pytest.importorskip("fpdf")
    from dashboards.frame.export_pdf import pdf  # noqa: PLC0415 -- only where the package is

    assert pdf(report("zh"), "zh").startswith(b"%PDF-")


def test_no_package_for_pdf_is_said(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    hidden = {"dashboards.frame.export_pdf": None}
    with held(parts, None), patch.dict(sys.modules, hidden), pytest.raises(GrouperError) as found:
        exports._pdf(report("zh"), View(principal(), parts, "zh"))
    assert found.value.code == "EXPORT_NO_PDF"
    parts.database.close()


def test_an_export_is_logged_before_it_is_given(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    view = View(principal(), parts, "zh")
    make = partial(workbook, report("zh"), "zh")
    assert exports._logged(view, report("zh"), "overview.xlsx", make).startswith(b"PK")
    with parts.database.reading() as connection:
        found = [one for one in audit.entries(connection) if one.action == "figures_exported"]
    assert [(one.actor, one.object) for one in found] == [("manager1", "page:overview")]
    parts.database.close()

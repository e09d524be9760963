"""What is wrong with a workbook is named with its place, and nothing comes of it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import workbook_builder
from import_support import OPTIONS, codes, errors, read, repack, save
from workbook_builder import Sheets

from codebooks.errors import CodebookError
from codebooks.importers import container
from codebooks.importers.extent import column_letter
from codebooks.importers.layout import Limits, layout
from codebooks.importers.notes import SHOWN
from codebooks.importers.options import ImportOptions
from codebooks.importers.workbook import import_workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPOILT: dict[str, tuple[Callable[[Sheets], object], tuple[str, str | None, int | None, str | None]]]
SPOILT = {
    "no sheet": (lambda s: s.pop("CC"), ("IMPORT_SHEET", "CC", None, None)),
    "empty sheet": (lambda s: s.update(CC=[]), ("IMPORT_SHEET_EMPTY", "CC", None, None)),
    "blank sheet": (lambda s: s.update(CC=[[" "]]), ("IMPORT_SHEET_EMPTY", "CC", None, None)),
    "same name": (lambda s: s.update({" cc": s["CC"]}), ("IMPORT_SHEET_TWICE", "CC", None, None)),
    "no header": (lambda s: s["CC"].pop(0), ("IMPORT_HEADER", "CC", None, None)),
    "late header": (
        lambda s: s["CC"].__setitem__(slice(0, 0), [["x"]] * 10),
        ("IMPORT_HEADER", "CC", None, None),
    ),
    "no column": (lambda s: s["MDC"][0].pop(), ("IMPORT_COLUMN", "MDC", 1, None)),
    "column twice": (
        lambda s: s["MDC"][0].append("MDC规则"),
        ("IMPORT_COLUMN_TWICE", "MDC", 1, None),
    ),
    "only a header": (
        lambda s: s.update(CC=s["CC"][:1]),
        ("IMPORT_TABLE_EMPTY", "CC", None, None),
    ),
    "sort": (
        lambda s: s["DRG"][2].__setitem__(5, "第一"),
        ("IMPORT_SORT", "DRG", 3, "F 排序"),
    ),
    "group": (
        lambda s: s["ADRG"][1].__setitem__(0, "注：A"),
        ("IMPORT_GROUP_CODE", "ADRG", 2, "A ADRG编码"),
    ),
    "no group": (
        lambda s: s["DRG"][1].__setitem__(3, None),
        ("IMPORT_CELL_EMPTY", "DRG", 2, "D 所属ADRG编码"),
    ),
    "set id": (
        lambda s: s["集合"][1].__setitem__(0, "1-2"),
        ("IMPORT_SET_ID", "集合", 2, "A 集合编号"),
    ),
    "no code": (
        lambda s: s["集合"][1].__setitem__(1, " "),
        ("IMPORT_CELL_EMPTY", "集合", 2, "B ICD编码"),
    ),
    "a number for a code": (
        lambda s: s["集合"][3].__setitem__(1, 33.6),
        ("IMPORT_CELL_NUMBER", "集合", 4, "B ICD编码"),
    ),
    "no code at all": (
        lambda s: s["集合"][3].__setitem__(1, "#N/A 缺"),
        ("IMPORT_CODE", "集合", 4, "B ICD编码"),
    ),
    "truth for a rule": (
        lambda s: s["MDC"].__setitem__(1, ["MDCA", "先期分组", True, 1]),
        ("IMPORT_CELL_KIND", "MDC", 2, "C MDC规则"),
    ),
    "half a rule": (
        lambda s: s["MDC"][1].__setitem__(2, 0.5),
        ("IMPORT_CELL_NUMBER", "MDC", 2, "C MDC规则"),
    ),
    "level": (
        lambda s: s["CC"][1].__setitem__(3, "重"),
        ("IMPORT_LEVEL", "CC", 2, "D 类型"),
    ),
    "no exclusion": (
        lambda s: s["排除表"][1].__setitem__(0, None),
        ("IMPORT_CELL_EMPTY", "排除表", 2, "A 集合编号"),
    ),
    "broken rule": (
        lambda s: s["ADRG"][4].__setitem__(2, "ZYZD in"),
        ("IMPORT_SORT", "ADRG", 5, None),
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_workbook_is_refused_at_its_place(tmp_path: Path, name: str) -> None:
    spoil, expected = SPOILT[name]
    sheets = workbook_builder.small()
    spoil(sheets)
    result = read(tmp_path, sheets)
    assert result.book is None
    assert errors(result.report) == [expected]
    assert result.report.refused
    assert result.report.content_sha256 is None
    assert all(f.where.file == "book.xlsx" for f in result.report.findings)
    for lang in ("zh", "en"):
        assert expected[0] in result.report.to_text(lang)
    assert "没有写入任何内容" in result.report.to_text()


def test_a_date_is_no_name(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book.active)
    for name, rows in workbook_builder.small().items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book["ADRG"]["B2"] = datetime(2027, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)
    path = tmp_path / "dated.xlsx"
    book.save(path)
    report = import_workbook(path, OPTIONS).report
    assert errors(report) == [("IMPORT_CELL_KIND", "ADRG", 2, "B ADRG名称")]


def test_a_spoilt_column_is_listed_in_part(tmp_path: Path) -> None:
    sheets = workbook_builder.small()
    sheets["集合"] += [["DI_B00", 33.6, "", "DI"]] * 50
    report = read(tmp_path, sheets).report
    assert codes(report).count("IMPORT_CELL_NUMBER") == SHOWN
    assert report.omitted == {"IMPORT_CELL_NUMBER": 50 - SHOWN}
    assert "30" in report.to_text("zh").split("IMPORT_CELL_NUMBER")[-1]


def _refusal(content: bytes, folder: Path) -> str:
    path = folder / "book.xlsx"
    path.write_bytes(content)
    with pytest.raises(CodebookError) as caught:
        import_workbook(path, OPTIONS)
    assert caught.value.where.file == "book.xlsx"
    for lang in ("zh", "en"):
        assert caught.value.code in caught.value.describe(lang)
    return caught.value.code


def _sealed(content: bytes) -> bytes:
    """Set the mark of encryption on every entry of an archive's directory."""
    out = bytearray(content)
    at = out.find(b"PK\x01\x02")
    while at >= 0:
        out[at + 8] |= 1
        at = out.find(b"PK\x01\x02", at + 4)
    return bytes(out)


def test_files_that_are_no_sound_workbook(tmp_path: Path) -> None:
    good = workbook_builder.pack(workbook_builder.small())
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    torn = bytearray(good)
    torn[len(good) // 3] ^= 0xFF
    bzipped = io.BytesIO()
    with zipfile.ZipFile(bzipped, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("[Content_Types].xml", "x")
        archive.writestr("xl/workbook.xml", "x")
    assert _refusal(b"", tmp_path) == "IMPORT_NOT_XLSX"
    assert _refusal("方案".encode(), tmp_path) == "IMPORT_NOT_XLSX"
    assert _refusal(ole, tmp_path) == "IMPORT_NOT_XLSX"
    assert _refusal(ole + "EncryptedPackage".encode("utf-16-le"), tmp_path) == "IMPORT_PASSWORD"
    assert _refusal(_sealed(good), tmp_path) == "IMPORT_PASSWORD"
    assert _refusal(good[:900], tmp_path) == "IMPORT_CORRUPT"
    assert _refusal(bytes(torn), tmp_path) == "IMPORT_CORRUPT"
    assert _refusal(bzipped.getvalue(), tmp_path) == "IMPORT_CORRUPT"
    assert _refusal(repack(good, {"xl/workbook.xml": None}), tmp_path) == "IMPORT_NOT_XLSX"
    assert _refusal(repack(good, {"xl/workbook.xml": b"<a"}), tmp_path) == "IMPORT_CORRUPT"
    sheet = {"xl/worksheets/sheet2.xml": b"<worksheet><sheetData><row><c"}
    assert _refusal(repack(good, sheet), tmp_path) == "IMPORT_CORRUPT"


def test_a_stray_cell_in_the_far_corner_is_refused(tmp_path: Path) -> None:
    good = workbook_builder.pack(workbook_builder.small())
    member = "xl/worksheets/sheet1.xml"
    for cell, code in [
        (b'<row><c r="A1"/><c r="XFD1048576"><v>1</v></c></row>', "IMPORT_TOO_LARGE"),
        (b'<row r="1048576"><c r="XFC1"/><c><v>1</v></c></row>', "IMPORT_TOO_LARGE"),
        (b'<row r="1048576"><c r="XFD"><v>1</v></c></row>', "IMPORT_TOO_LARGE"),
        (b'<row r="1048576"><c r="XFD1048576"><v>1</v></row>', "IMPORT_CORRUPT"),
    ]:
        xml = b"<worksheet><sheetData>" + cell + b"</sheetData></worksheet>"
        assert _refusal(repack(good, {member: xml}), tmp_path) == code


def test_a_sheet_formatted_to_its_edges_is_read(tmp_path: Path) -> None:
    good = workbook_builder.pack(workbook_builder.small())
    member = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        xml = archive.read(member)
    far = b'<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>'
    wide = b'<dimension ref="A1:XFD1048576"/><sheetData>'
    xml = xml.replace(b"</sheetData>", far).replace(b"<sheetData>", wide)
    path = tmp_path / "edges.xlsx"
    path.write_bytes(repack(good, {member: xml}))
    assert import_workbook(path, OPTIONS).book is not None


@pytest.mark.parametrize("what", ["file_bytes", "unpacked_bytes"])
def test_what_is_larger_than_an_official_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    sizes = {"file_bytes": 10**6, "unpacked_bytes": 10**6, "cells": 10**6, what: 1000}
    small = replace(layout(), limits=Limits(**sizes))
    monkeypatch.setattr(container, "layout", lambda: small)
    good = workbook_builder.pack(workbook_builder.small())
    assert _refusal(good, tmp_path) == "IMPORT_TOO_LARGE"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CodebookError, match="IMPORT_FILE"):
        import_workbook(tmp_path / "absent.xlsx", OPTIONS)


def test_an_interruption_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    path = save(tmp_path, workbook_builder.small())
    content = path.read_bytes()
    monkeypatch.setattr(container.python_calamine, "load_workbook", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_workbook(path, OPTIONS)
    monkeypatch.undo()
    book = container.Workbook(content, "book.xlsx")
    monkeypatch.setattr(book, "_book", None)
    with pytest.raises(CodebookError, match="IMPORT_CORRUPT"):
        book.sheet("MDC")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (ImportOptions(valid_from=date(2027, 1, 1)), "IMPORT_CARD_MISSING"),
        (ImportOptions(id="own"), "IMPORT_CARD_MISSING"),
        (replace(OPTIONS, id="../own"), "IMPORT_ID"),
        (replace(OPTIONS, id="a..b"), "IMPORT_ID"),
        (replace(OPTIONS, id="Own"), "IMPORT_ID"),
        (replace(OPTIONS, id="none"), "IMPORT_ID"),
        (replace(OPTIONS, region="亚特兰蒂斯"), "REGION_UNKNOWN"),
        (replace(OPTIONS, valid_to=date(2027, 3, 1)), "IMPORT_VALIDITY"),
        (replace(OPTIONS, newborn_weight="both"), "IMPORT_WEIGHT"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, options: ImportOptions, code: str) -> None:
    path = save(tmp_path, workbook_builder.small())
    with pytest.raises(CodebookError) as caught:
        import_workbook(path, options)
    assert caught.value.code == code
    assert code in caught.value.describe("en")
    assert code in caught.value.describe("zh")


def test_columns_are_named_as_a_spreadsheet_does() -> None:
    assert [column_letter(i) for i in (0, 25, 26, 51, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "ZZ",
        "AAA",
    ]

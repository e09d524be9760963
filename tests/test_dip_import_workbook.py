"""The official DIP 3.0 workbook: rebuilt in full size it gives the shipped book; faults are told."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from dip_workbook import TITLES, official
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from workbook_builder import Sheets, pack

from codebooks.dip.importers.cells import text_of
from codebooks.dip.importers.detect import looks_like_dip
from codebooks.dip.importers.importing import import_dip
from codebooks.dip.importers.options import DipOptions
from codebooks.dip.importers.sheets import File
from codebooks.errors import CodebookError
from codebooks.findings import Severity
from codebooks.importers.cells import CellError
from codebooks.importers.container import Sheet
from codebooks.importers.options import ImportOptions
from codebooks.importers.report import ImportResult
from codebooks.registry import registry

CARD = ImportOptions(id="own-dip", region="ningde", valid_from=date(2027, 1, 1))
OPTIONS = DipOptions(card=CARD)
TICKED = True


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry.cache_clear()
    yield
    registry.cache_clear()


@cache
def whole() -> Sheets:
    return official(registry().book("dip-3.0"))


@cache
def _few() -> Sheets:
    sheets: Sheets = {}
    number = 0
    for name, rows in whole().items():
        sheets[name] = [list(row) for row in (rows if name == TITLES["XQ"] else rows[:8])]
        for row in sheets[name]:
            if name != TITLES["primary"] and len(row) > 2 and isinstance(row[1], int):
                number += 1
                row[1] = number
    return sheets


def small() -> Sheets:
    """The same workbook with a few rows a sheet, numbered through."""
    return deepcopy(_few())


def save(folder: Path, sheets: Sheets) -> Path:
    path = folder / "dip.xlsx"
    path.write_bytes(pack(sheets))
    return path


def run(folder: Path, sheets: Sheets, options: DipOptions = OPTIONS) -> ImportResult:
    return import_dip(save(folder, sheets), options)


def errors(result: ImportResult) -> list[tuple[str, str | None, int | None, str | None]]:
    return [
        (f.code, f.where.sheet, f.where.row, f.where.column)
        for f in result.report.findings
        if f.severity is Severity.ERROR
    ]


def test_the_whole_workbook_gives_the_shipped_book(tmp_path: Path) -> None:
    shipped = registry().book("dip-3.0")
    result = run(tmp_path, whole())
    assert errors(result) == []
    assert result.book is not None
    assert result.book.content_hash() == shipped.content_hash()
    assert result.book.rows("groups") == shipped.rows("groups")
    assert result.report.same_as == ("dip-3.0",)
    assert all(line.agrees and line.published is not None for line in result.report.counts)
    # 4489 and 4490 stand in the opposite order.
    assert result.report.mends == {"dip_order": 1}
    assert [f.code for f in result.report.findings] == []
    assert "与公布数一致" in result.report.to_text()
    assert "merged groups" in result.report.to_text("en")


def test_unknown_headers_are_read_by_their_order(tmp_path: Path) -> None:
    sheets = small()
    sheets[TITLES["BX"]][1] = ["A", "B", "C", "D", "E", "F", "G", "H"]
    result = run(tmp_path, sheets)
    notes = {f.code: f for f in result.report.findings}
    assert errors(result) == []
    assert notes["DIP_COLUMNS_BY_ORDER"].where.sheet == TITLES["BX"]
    assert result.book is not None
    assert result.book.content_hash() == run(tmp_path, small()).report.content_sha256


def test_merged_cells_hold_their_value_everywhere(tmp_path: Path) -> None:
    sheets = small()
    path = save(tmp_path, sheets)
    book = openpyxl.load_workbook(path)
    sheet = book[TITLES["burn"]]
    sheet.merge_cells("C2:D2")
    sheet.merge_cells("C4:C8")
    sheet.merge_cells("A20:B21")
    book.save(path)
    result = import_dip(path, OPTIONS)
    assert errors(result) == []
    assert result.book is not None
    plain = run(tmp_path, small()).book
    assert plain is not None
    assert result.book.rows("groups") == plain.rows("groups")


def cell(sheet: str, row: int, column: int, value: object) -> Callable[[Sheets], None]:
    def harm(sheets: Sheets) -> None:
        line = sheets[TITLES[sheet]][row - 1]
        line[column] = value  # type: ignore[call-overload]

    return harm


def drop(sheet: str, row: int) -> Callable[[Sheets], None]:
    return lambda sheets: sheets[TITLES[sheet]].pop(row - 1)  # type: ignore[arg-type, return-value]


DAMAGE = [
    (cell("BX", 4, 2, "4A0"), "DIP_DIAGNOSIS_KEY", "BX", 4, "C 主要诊断编码"),
    (cell("BX", 4, 2, ""), "IMPORT_CELL_EMPTY", "BX", 4, "C 主要诊断编码"),
    (cell("BX", 4, 4, 17.41), "IMPORT_CELL_NUMBER", "BX", 4, "E 主要手术操作编码"),
    (cell("BX", 4, 4, TICKED), "IMPORT_CELL_KIND", "BX", 4, "E 主要手术操作编码"),
    (cell("BX", 4, 4, "44.1,44.2"), "DIP_COMMA", "BX", 4, "E 主要手术操作编码"),
    (cell("BX", 4, 6, "44.1||44.2"), "DIP_EXPRESSION_GAP", "BX", 4, "G 相关手术操作编码"),
    (cell("BX", 4, 0, "JC"), "DIP_CATEGORY", "BX", 4, "A 分类"),
    (cell("BX", 4, 1, "二十"), "DIP_GROUP_NUMBER", "BX", 4, "B 序号"),
    (cell("BX", 4, 1, 20.5), "DIP_GROUP_NUMBER", "BX", 4, "B 序号"),
    (cell("BX", 4, 1, "9" * 5000), "DIP_GROUP_NUMBER", "BX", 4, "B 序号"),
    (cell("BX", 4, 1, 1), "DIP_NUMBER_TWICE", "BX", 4, "B 序号"),
    (cell("BX", 4, 1, 999999), "DIP_NUMBER_GAP", None, None, None),
    (drop("BX", 4), "DIP_NUMBER_GAP", None, None, None),
    (cell("BX", 2, 2, "主要手术操作编码"), "DIP_COLUMN_MOVED", "BX", 2, "C"),
    (cell("XQ", 20, 5, "29天以下"), "DIP_AGE", "XQ", 20, "F 天龄"),
    (cell("XQ", 21, 6, "不到1500克"), "DIP_WEIGHT", "XQ", 21, "G 出生体重"),
    (cell("tumour", 3, 4, "C75-C00"), "DIP_RANGE", "tumour", 3, "E 其他诊断编码"),
    (cell("tuberculosis", 3, 6, "或许"), "DIP_RESISTANT", "tuberculosis", 3, "G 是否耐药"),
    (cell("tuberculosis", 3, 7, "按医嘱"), "DIP_RESISTANCE", "tuberculosis", 3, "H 说明"),
    (cell("diagnoses", 5, 0, "霍乱"), "IMPORT_CODE", "diagnoses", 5, "A 编码"),
    (cell("procedures", 4, 2, "另议"), "DIP_TREATMENT", "procedures", 4, "C 说明"),
    (cell("procedures", 4, 0, "00.0100"), "DIP_CONFLICT", "procedures", 4, "A 编码"),
    (cell("primary", 3, 1, "A00+A01"), "DIP_KEYS_JOINED", "primary", 3, "B 主要诊断编码"),
    (lambda s: s.pop(TITLES["JC"]), "IMPORT_SHEET", "基础规则", None, None),
    (lambda s: s.update({"烧伤": []}), "IMPORT_SHEET_TWICE", "burn", None, None),
    (lambda s: s.update({TITLES["JC"]: []}), "IMPORT_SHEET_EMPTY", "JC", None, None),
    (lambda s: s[TITLES["JC"]].__delitem__(slice(2, 99)), "IMPORT_TABLE_EMPTY", "JC", None, None),
    (lambda s: s.update({TITLES["JC"]: [["甲", "乙"]]}), "IMPORT_HEADER", "JC", None, None),
]


@pytest.mark.parametrize(("harm", "code", "sheet", "row", "column"), DAMAGE)
def test_damage_is_refused_with_its_place(
    tmp_path: Path,
    harm: Callable[[Sheets], None],
    code: str,
    sheet: str | None,
    row: int | None,
    column: str | None,
) -> None:
    sheets = small()
    if code == "DIP_CONFLICT":
        sheets[TITLES["procedures"]][3][2] = "不作为主要手术操作"
    harm(sheets)
    result = run(tmp_path, sheets)
    assert result.book is None
    assert result.report.refused
    place = (TITLES.get(sheet, sheet) if sheet else None, row, column)
    assert (code, *place) in errors(result)
    found = next(f for f in result.report.findings if f.code == code)
    assert found.where.file == "dip.xlsx"
    assert all(found.describe(lang) for lang in ("zh", "en"))


def test_repeats_and_remarks_are_matters_of_form(tmp_path: Path) -> None:
    sheets = small()
    sheets[TITLES["diagnoses"]].append(list(sheets[TITLES["diagnoses"]][-1]))
    sheets[TITLES["diagnoses"]].append([" ", None])
    sheets[TITLES["BX"]].append(["注：本表由国家医疗保障局制定"])
    sheets["附注"] = [["x"]]
    result = run(tmp_path, sheets)
    assert errors(result) == []
    assert result.report.mends == {"duplicate_excluded_diagnoses": 1, "blank_row": 1}
    notes = {f.code for f in result.report.findings}
    assert notes == {"DIP_REMARK", "IMPORT_SHEET_IGNORED", "IMPORT_COUNTS"}


def test_it_is_known_by_its_sheets(tmp_path: Path) -> None:
    assert looks_like_dip(save(tmp_path, small()))
    assert not looks_like_dip(save(tmp_path, {"MDC": [["MDC编码"]]}))
    (tmp_path / "a.csv").write_text("病种编码,分值\n", "utf-8")
    assert looks_like_dip(tmp_path / "a.csv")
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    assert not looks_like_dip(tmp_path / "a.xlsx")
    assert not looks_like_dip(tmp_path / "absent.xlsx")
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", b" " * 2**21)
    assert not looks_like_dip(tmp_path / "b.xlsx")


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (replace(CARD, region="national"), "DIP_NATIONAL"),
        (replace(CARD, region=None), "IMPORT_CARD_MISSING"),
        (replace(CARD, region="atlantis"), "REGION_UNKNOWN"),
        (replace(CARD, id="A B"), "IMPORT_ID"),
        (replace(CARD, valid_to=date(2026, 1, 1)), "IMPORT_VALIDITY"),
    ],
)
def test_a_card_that_cannot_be_is_refused(tmp_path: Path, card: ImportOptions, code: str) -> None:
    path = save(tmp_path, small())
    with pytest.raises(CodebookError) as caught:
        import_dip(path, DipOptions(card=card))
    assert caught.value.code == code
    assert caught.value.describe("en")


def test_settings_go_before_the_layouts(tmp_path: Path) -> None:
    settings = {"mixed_expression": "neighbours", "x": "true", "y": "-3"}
    result = run(tmp_path, small(), replace(OPTIONS, settings=settings))
    assert result.book is not None
    options = result.book.card.options
    assert (options["mixed_expression"], options["x"], options["y"]) == ("neighbours", True, -3)
    assert options["excluded_diagnosis_match"] == "exact"


def test_numbers_and_blanks_as_texts() -> None:
    assert text_of("name", None) == ""
    assert text_of("score", 385.35787) == "385.35787"
    assert text_of("score", 1e-7) == "0.0000001"
    for number in (float("inf"), float("nan")):
        with pytest.raises(CellError, match="DIP_NUMBER"):
            text_of("score", number)


def test_merged_ranges_beyond_the_sheet_are_cut_and_too_many_refused() -> None:
    rows = [["a", ""], ["", "b"]]
    far = Sheet("s", 1, 0, rows, [((0, 0), (9, 9)), ((7, 7), (8, 8))])
    assert File("f", "", workbook=Opened(far)).sheet("s").rows == [["a", "a"], ["a", "a"]]  # type: ignore[arg-type]
    much = Sheet("s", 1, 0, [[""] * 2000] * 1000, [((0, 0), (999, 1999))] * 2)
    with pytest.raises(CodebookError, match="IMPORT_TOO_LARGE"):
        File("f", "", workbook=Opened(much)).sheet("s")  # type: ignore[arg-type]


class Opened:
    """A workbook of one sheet."""

    def __init__(self, sheet: Sheet) -> None:
        self.opened = sheet

    def sheet(self, _: str) -> Sheet:
        return self.opened


values = st.one_of(
    st.text(alphabet="A0.Xx|+-，是否<天出生体重克作为主要诊断注1 \n", max_size=10),
    st.integers(-5, 99999),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
harms = st.tuples(st.sampled_from(sorted(TITLES.values())), st.integers(0, 9), st.integers(0, 9))


@settings(max_examples=examples(60))
@given(st.lists(st.tuples(harms, values), min_size=1, max_size=4))
def test_whatever_stands_in_a_cell_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    changes: list[tuple[tuple[str, int, int], object]],
) -> None:
    sheets = small()
    for (name, row, column), value in changes:
        line = sheets[name][row % len(sheets[name])]
        line[column % len(line)] = value  # type: ignore[call-overload]
    with contextlib.suppress(CodebookError):
        result = run(tmp_path_factory.mktemp("fuzz"), sheets)
        assert (result.book is None) is result.report.refused
        assert result.report.to_text()

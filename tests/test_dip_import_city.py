"""A city's DIP catalogue: any bureau's columns, checks, and a round trip of the whole one."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workbook_builder import pack

from codebooks import paths
from codebooks.dip.export import city_lines
from codebooks.dip.group_code import group_code, parts_of
from codebooks.dip.importers.importing import import_dip, remember_columns
from codebooks.dip.importers.options import ALL, DipOptions
from codebooks.dip.importers.remembered import FILE, header_key, recall
from codebooks.errors import CodebookError
from codebooks.findings import Finding, Severity
from codebooks.importers.options import ImportOptions
from codebooks.importers.report import ImportResult
from codebooks.registry import registry

CARD = ImportOptions(id="ningde-2025", region="ningde", valid_from=date(2025, 1, 1))
OPTIONS = DipOptions(card=CARD)
CITY = "dip-pingdingshan-2025"
MEAN = Decimal("5718.153489")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry.cache_clear()
    yield
    registry.cache_clear()


HEADER = ["主要诊断编码", "诊断名称", "主要手术操作编码", "相关手术操作编码", "分值", "次均费用"]
ROWS = [
    ["K35.8", "急性阑尾炎", "", "", "400", "2000"],
    ["K35.8", "急性阑尾炎", "47.0100", "", "1000", "5000"],
    ["K35.8", "急性阑尾炎", "47.0100", "54.5101", "1200", "6000"],
]


def lines_of(header: list[str], *rows: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


def read(
    folder: Path, content: bytes, options: DipOptions = OPTIONS, name: str = "city.csv"
) -> ImportResult:
    path = folder / name
    path.write_bytes(content)
    return import_dip(path, options)


def found(result: ImportResult, *severities: Severity) -> list[str]:
    wanted = severities or tuple(Severity)
    return [f.code for f in result.report.findings if f.severity in wanted]


def one(result: ImportResult, code: str) -> Finding:
    (finding,) = (f for f in result.report.findings if f.code == code)
    assert all(finding.describe(lang) for lang in ("zh", "en"))
    return finding


def groups(result: ImportResult) -> list[dict]:
    assert result.book is not None, result.report.to_text()
    return result.book.rows("groups")


@pytest.mark.parametrize("form", ["csv", "gb18030", "xlsx"])
def test_the_whole_catalogue_comes_back(tmp_path: Path, form: str) -> None:
    book = registry().book(CITY)
    lines = list(city_lines(book))
    if form == "xlsx":
        sheets = {"目录": [["平顶山市病种目录"], *([c or None for c in line] for line in lines)]}
        sheets["说明"] = [["本目录自公布之日起执行"]]
        content, name = pack(sheets), "city.xlsx"
    else:
        encoding = "utf-8-sig" if form == "csv" else form
        content, name = lines_of(*lines).decode().encode(encoding), "city.csv"
    result = read(tmp_path, content, replace(OPTIONS, city_mean=MEAN), name)
    assert found(result, Severity.ERROR) == []
    assert "DIP_SCORE_MEAN" not in found(result)
    assert "DIP_CODE_UNKNOWN" not in found(result)
    assert result.report.content_sha256 == book.content_hash()
    assert result.report.same_as == (CITY,)
    offset = 1 if form == "xlsx" else 0
    for was, now in zip(book.rows("groups"), groups(result), strict=True):
        assert now == {**was, "source_row": was["source_row"] + offset}
    assert result.book is not None
    assert result.book.card.options["city_mean_cost"] == "5718.153489"


def test_diagnoses_without_a_conservative_row_are_named(tmp_path: Path) -> None:
    book = registry().book(CITY)
    result = read(tmp_path, lines_of(*city_lines(book)))
    core = [row for row in book.rows("groups") if row["section"] == "HX"]
    with_row = {row["diagnosis"].upper() for row in core if not row["procedure"]}
    without = {row["diagnosis"].upper() for row in core} - with_row
    told = found(result).count("DIP_CONSERVATIVE") + result.report.omitted["DIP_CONSERVATIVE"]
    assert told == len(without) > 0


def test_codes_are_made_where_a_bureau_gives_none(tmp_path: Path) -> None:
    rows = groups(read(tmp_path, lines_of(HEADER, *ROWS)))
    assert [row["group"] for row in rows] == [
        "K35.8",
        "K35.8:47.0100",
        "K35.8:47.0100_54.5101",
    ]
    assert {row["section"] for row in rows} == {"HX"}


def test_a_bureau_may_give_codes_alone(tmp_path: Path) -> None:
    codes = ["K35.8:47.0100_54.5101+54.2100", "A00:SS", "C56.X：68.4901", "A00:BSZL", "C56.x"]
    result = read(tmp_path, lines_of(["DIP编码", "分值"], *([c, "100"] for c in codes)))
    rows = {row["group"]: row for row in groups(result)}
    assert list(rows) == codes
    assert rows[codes[0]]["related"] == "54.5101+54.2100"
    assert (rows["A00:SS"]["section"], rows["A00:SS"]["treatment"]) == ("ZH", "surgery")
    assert rows[codes[2]]["procedure"] == "68.4901"
    assert rows["A00:BSZL"]["treatment"] == "conservative"


@pytest.mark.parametrize(
    "code", ["K35.8", "K35.8:47.0100", "C56.x:68.4901_40.5910+54.4x00x007", "A00:SS", "A00:BSZL"]
)
def test_a_code_is_made_of_its_parts(code: str) -> None:
    assert group_code(parts_of(code)) == code


def test_kinds_and_treatments_in_words(tmp_path: Path) -> None:
    header = ["病种类型", "主要诊断编码", "主要手术操作编码", "治疗方式", "分值"]
    lines = [
        ["核心病种", "K35.8", "47.0100", "手术", "1"],
        ["核心病种", "K35.8", "", "保守治疗", "1"],
        ["综合病种", "K35", "", "介入治疗", "1"],
        ["综合病种", "K35", "-", "诊断性操作", "1"],
        ["综合病种", "K35", "无", "治疗性操作", "1"],
        ["基层病种", "J18.9", "", "内科治疗", "1"],
        ["", "K36", "", "保守", "1"],
        ["", "K36.x", "", "保守", "1"],
    ]
    rows = groups(read(tmp_path, lines_of(header, *lines)))
    assert [(row["section"], row["treatment"]) for row in rows] == [
        ("HX", ""),
        ("HX", ""),
        ("ZH", "surgery"),
        ("ZH", "diagnostic"),
        ("ZH", "therapeutic"),
        ("JCB", ""),
        ("ZH", "conservative"),
        ("HX", ""),
    ]
    assert [row["group"] for row in rows][2:5] == ["K35:SS", "K35:ZDXCZ", "K35:ZLXCZ"]


def test_numbers_may_be_cells_but_codes_may_not(tmp_path: Path) -> None:
    sheet = [HEADER, ["K35.8", "x", "47.0100", None, 400.5, 2000], ["K36.x", "", 47.01, "", 1, 5]]
    result = read(tmp_path, pack({"a": sheet}), name="a.xlsx")
    finding = one(result, "IMPORT_CELL_NUMBER")
    assert (finding.where.row, finding.where.column) == (3, "C 主要手术操作编码")
    assert (finding.where.file, finding.where.sheet) == ("a.xlsx", "a")


BAD = [
    (["K35.8;", "", "", "", "1", ""], "DIP_EXPRESSION_GAP", "A 主要诊断编码"),
    (["甲", "", "", "", "1", ""], "DIP_DIAGNOSIS_KEY", "A 主要诊断编码"),
    (["", "", "47.0100", "", "1", ""], "IMPORT_CELL_EMPTY", "A 主要诊断编码"),
    (["K35.9", "", "47.01+", "", "1", ""], "DIP_EXPRESSION_GAP", "C 主要手术操作编码"),
    (["K35.9", "", "47.01", "54.1,54.2", "1", ""], "DIP_COMMA", "D 相关手术操作编码"),
    (["K35.9", "", "", "", "一百", ""], "DIP_NUMBER", "E 分值"),
    (["K35.9", "", "", "", "-1", ""], "DIP_NUMBER", "E 分值"),
    (["K35.9", "", "", "", "1", "2.5元"], "DIP_NUMBER", "F 次均费用"),
    (["K35.8", "", "", "", "401", "2000"], "DIP_CONFLICT", "A 主要诊断编码"),
    (["k35.8", "", "47.0100", "", "1000", "1"], "DIP_CONFLICT", "A 主要诊断编码"),
    (["K35.9"], "IMPORT_ROW_WIDTH", None),
]


@pytest.mark.parametrize(("row", "code", "column"), BAD)
def test_bad_rows_refuse_the_catalogue(
    tmp_path: Path, row: list[str], code: str, column: str | None
) -> None:
    result = read(tmp_path, lines_of(HEADER, *ROWS, row))
    assert result.book is None
    finding = one(result, code)
    assert finding.severity is Severity.ERROR
    assert finding.where.row == 5
    assert finding.where.column in (column, None)
    assert code in result.report.to_text()


def test_the_place_of_a_conflict_names_the_other_row(tmp_path: Path) -> None:
    result = read(tmp_path, lines_of(HEADER, *ROWS, ["K35.8", "", "", "", "401", ""]))
    assert "第 2 行" in one(result, "DIP_CONFLICT").describe("zh")


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (["K35.8:X", "综合", "K35", "", "", "1"], "DIP_COMPREHENSIVE"),
        (["K35:SS", "综合", "K35", "47.01", "手术", "1"], "DIP_COMPREHENSIVE"),
        (["K36", "病种", "K36", "", "", "1"], "DIP_KIND"),
        (["K36", "核心", "K36", "", "观察", "1"], "DIP_TREATMENT_KIND"),
        (["0001", "", "", "", "", "1"], "DIP_DIAGNOSIS_KEY"),
        (["K37.x", "", "K36.x", "47.01", "", "1"], "DIP_KEY_TWICE"),
        (["a1", "", "K39", "", "", "1"], "DIP_GROUP_TWICE"),
    ],
)
def test_rows_that_contradict(tmp_path: Path, row: list[str], code: str) -> None:
    header = ["病种编码", "病种类型", "诊断编码", "手术操作编码", "治疗方式", "分值"]
    first = [["A1", "", "K36.x", "47.01", "", "1"]]
    result = read(tmp_path, lines_of(header, *first, row))
    assert one(result, code).where.row == 3
    assert result.book is None


def test_repeats_of_a_row_are_folded(tmp_path: Path) -> None:
    result = read(tmp_path, lines_of(HEADER, *ROWS, HEADER, ROWS[0], [""] * 6))
    assert len(groups(result)) == 3
    assert result.report.mends == {"dip_repeat": 1, "dip_header_row": 1, "blank_row": 1}


def test_the_order_of_related_procedures_is_no_difference(tmp_path: Path) -> None:
    rows = [["K35.8", "", "47.0100", cell, "1", ""] for cell in ("54.1+54.2", "54.2+54.1")]
    result = read(tmp_path, lines_of(HEADER, *rows))
    assert one(result, "DIP_KEY_TWICE").where.row == 3


def test_scores_are_held_against_mean_costs(tmp_path: Path) -> None:
    odd = ["K36.x", "", "", "", "500", "2600"]
    content = lines_of(HEADER, *ROWS, odd, ["K37.x", "", "", "", "", "1"])
    given_mean = replace(OPTIONS, city_mean=Decimal(5000))
    result = read(tmp_path, content, given_mean)
    finding = one(result, "DIP_SCORE_MEAN")
    assert (finding.where.row, finding.where.column) == (5, "score")
    assert finding.params["wanted"] == Decimal(520)
    assert one(result, "DIP_SCORE_MISSING").where.row == 6
    assert "DIP_CITY_MEAN" not in found(result)
    assert found(result, Severity.ERROR) == []
    # Without the mean the middle one of those implied is taken.
    implied = read(tmp_path, content)
    assert one(implied, "DIP_CITY_MEAN").params == {"mean": Decimal(5000), "count": 4}
    assert found(implied).count("DIP_SCORE_MEAN") == 1
    tolerant = read(tmp_path, content, replace(given_mean, tolerance=Decimal(20)))
    assert "DIP_SCORE_MEAN" not in found(tolerant)
    unit = read(tmp_path, content, replace(OPTIONS, city_mean=Decimal(5), score_base=1))
    assert found(unit).count("DIP_SCORE_MEAN") == 1


def test_a_catalogue_without_means_or_scores_passes_with_warnings(tmp_path: Path) -> None:
    result = read(tmp_path, lines_of(["诊断编码", "次均费用"], ["K35.8", "2000"]))
    assert found(result) == ["DIP_SCORE_MISSING"]
    assert found(read(tmp_path, lines_of(["诊断编码", "分值"], ["K35.8", "0"]))) == []
    zero = read(tmp_path, lines_of(["诊断编码", "分值", "次均费用"], ["K35.8", "9", "0"]))
    assert found(zero) == ["DIP_CITY_MEAN"]


def test_unknown_codes_are_warned_of_once(tmp_path: Path) -> None:
    rows = [
        ["K39.9", "", "", "", "1", ""],
        ["K35.8", "", "", "", "1", ""],
        ["K35.8", "", "47.9999", "", "1", ""],
        ["K35.8", "", "47.0100", "47.9999+47.0", "2", ""],
    ]
    result = read(tmp_path, lines_of(HEADER, *rows))
    unknown = [f for f in result.report.findings if f.code == "DIP_CODE_UNKNOWN"]
    assert [(f.params["code"], f.where.row) for f in unknown] == [("K39.9", 2), ("47.9999", 4)]
    assert result.book is not None


def test_a_comma_is_read_as_the_bureau_means_it(tmp_path: Path) -> None:
    row = ["K35.8", "", "47.0100", "54.5101，54.2100", "1", ""]
    content = lines_of(HEADER, row, ROWS[0])
    assert found(read(tmp_path, content), Severity.ERROR) == ["DIP_COMMA"]
    every = groups(read(tmp_path, content, replace(OPTIONS, comma=ALL)))
    assert every[0]["related"] == "54.5101+54.2100"
    either = groups(read(tmp_path, content, replace(OPTIONS, comma="any")))
    assert either[0]["related"] == "54.5101|54.2100"


OWN = ["疾病", "操作", "点数", "花费"]
COLUMNS = {"diagnosis": "疾病", "procedure": "操作", "score": "点数", "mean_cost": "花费"}


def test_given_columns_are_remembered_for_the_header(tmp_path: Path) -> None:
    content = lines_of(OWN, ["K35.8", "", "400", "2000"])
    assert found(read(tmp_path, content), Severity.ERROR) == ["IMPORT_HEADER"]
    options = replace(OPTIONS, columns=COLUMNS)
    assert len(groups(read(tmp_path, content, options))) == 1
    # Nothing is kept by reading alone.
    assert recall(OWN) == {}
    remember_columns(tmp_path / "city.csv", OPTIONS)
    assert recall(OWN) == {}
    remember_columns(tmp_path / "city.csv", options)
    assert recall([" 点数", "操作", "花费", "疾病 "]) == COLUMNS
    again = read(tmp_path, content)
    assert len(groups(again)) == 1
    assert "DIP_COLUMNS_REMEMBERED" in found(again)
    # Another header knows nothing of it.
    other = lines_of([*OWN, "备忘"], ["K35.8", "", "400", "2000", ""])
    assert found(read(tmp_path, other), Severity.ERROR) == ["IMPORT_HEADER"]
    # What is given now goes before what is remembered, and joins it.
    read(tmp_path, content)
    remember_columns(tmp_path / "city.csv", replace(OPTIONS, columns={"score": "花费"}))
    assert recall(OWN) == {"diagnosis": "疾病", "procedure": "操作", "score": "花费"}
    assert [p.name for p in paths.installed().iterdir()] == [FILE]


def test_given_columns_may_overrule_a_known_text(tmp_path: Path) -> None:
    content = lines_of(["诊断编码", "分值", "2026分值"], ["K35.8", "1", "2"])
    result = read(tmp_path, content, replace(OPTIONS, columns={"score": "2026分值"}))
    assert groups(result)[0]["score"] == 2
    assert "分值" in one(result, "IMPORT_COLUMN_IGNORED").describe("zh")


@pytest.mark.parametrize(
    ("header", "options", "code"),
    [
        (["诊断编码", "分值", "病种分值"], OPTIONS, "IMPORT_COLUMN_TWICE"),
        (["诊断编码", "病例数"], OPTIONS, "IMPORT_COLUMN"),
        (["分值", "病例数"], OPTIONS, "IMPORT_COLUMN"),
        (["诊断编码", "分值"], replace(OPTIONS, columns={"cases": "人次"}), "IMPORT_COLUMN"),
        (["甲", "乙"], OPTIONS, "IMPORT_HEADER"),
        ([], OPTIONS, "IMPORT_HEADER"),
    ],
)
def test_a_header_that_does_not_do(
    tmp_path: Path, header: list[str], options: DipOptions, code: str
) -> None:
    result = read(tmp_path, lines_of(header, ["K35.8", "1", "2"][: len(header)]), options)
    assert found(result, Severity.ERROR) == [code]


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    assert found(read(tmp_path, lines_of(HEADER))) == ["IMPORT_TABLE_EMPTY"]


def test_tabs_may_part_the_columns_and_broken_quotes_are_told(tmp_path: Path) -> None:
    assert len(groups(read(tmp_path, "诊断编码\t分值\nK35.8\t1\n".encode()))) == 1
    broken = read(tmp_path, '诊断编码,分值\nK35.8,"1"x\n'.encode())
    assert one(broken, "IMPORT_CSV").where.row == 2


@pytest.mark.parametrize(
    ("content", "name", "options", "code"),
    [
        (b"\xff\xff\xff", "a.csv", OPTIONS, "IMPORT_ENCODING"),
        (b"a\0b", "a.csv", OPTIONS, "IMPORT_ENCODING"),
        (b"PK\x03\x04", "a.xlsx", OPTIONS, "IMPORT_CORRUPT"),
        (b"a", "a.csv", replace(OPTIONS, sheet="目录"), "DIP_SHEET_UNKNOWN"),
        (b"a", "a.csv", replace(OPTIONS, columns={"price": "a"}), "DIP_FIELD_UNKNOWN"),
    ],
)
def test_files_and_options_that_cannot_be_used(
    tmp_path: Path, content: bytes, name: str, options: DipOptions, code: str
) -> None:
    with pytest.raises(CodebookError) as caught:
        read(tmp_path, content, options, name)
    assert caught.value.code == code
    assert caught.value.describe("en")


@pytest.mark.parametrize("content", ["{", "[]", '{"a": []}', '{"a": {"b": 1}}'])
def test_a_broken_memory_is_told(tmp_path: Path, content: str) -> None:
    paths.installed().mkdir(parents=True, exist_ok=True)
    (paths.installed() / FILE).write_text(content, "utf-8")
    with pytest.raises(CodebookError, match="DIP_COLUMNS_FILE"):
        read(tmp_path, lines_of(HEADER, *ROWS))


def test_a_memory_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(tmp_path, lines_of(HEADER, *ROWS))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "file" / "x"))
    with pytest.raises(CodebookError, match=r"DIP_COLUMNS_FILE|IMPORT_WRITE"):
        remember_columns(tmp_path / "city.csv", replace(OPTIONS, columns={"score": "分值"}))


def test_header_keys_do_not_depend_on_order_or_blanks() -> None:
    assert header_key(["分值 ", "诊断"]) == header_key(["诊断", "分值", ""])
    assert json.loads(json.dumps(header_key(["a"]))) == "A"


cells = st.text(alphabet='K35.8x+|/,：:_A0SZ综合手术保守 -1"\n', max_size=12)


@given(st.lists(st.lists(cells, min_size=4, max_size=4), max_size=5))
def test_whatever_is_written_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    header = ["病种编码", "诊断编码", "手术操作编码", "分值"]
    folder = tmp_path_factory.mktemp("fuzz")
    with contextlib.suppress(CodebookError):
        result = read(folder, lines_of(header, *rows))
        assert (result.book is None) is result.report.refused
        assert result.report.to_text()

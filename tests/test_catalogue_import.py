"""Catalogue files read: header by words, rows left out with their place, what is mended, what is checked."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import workbook_builder
from catalogue_support import (
    DAY,
    HEAD,
    MATERIALS,
    NEXT,
    PATENT,
    SERVICES,
    WESTERN,
    as_csv,
    as_xlsx,
    codes,
    draft,
    drug,
    mapped,
    own_data,
    put,
    service,
)

from codebooks.catalogues.catalogue import Catalogue, Catalogues
from codebooks.catalogues.forms import KINDS, common, form
from codebooks.catalogues.importer import CatalogueOptions, install_catalogue, read_catalogue
from codebooks.errors import CodebookError
from codebooks.messages import text

__all__ = ["own_data"]


def test_a_workbook_and_a_csv_file_read_alike(own_data: Path) -> None:
    rows = [drug(WESTERN[0], price="1.25", limit="限住院"), drug(PATENT[0], "乙", "", share="10%")]
    one, other = (draft(own_data, "drugs", make("drugs", rows)) for make in (as_csv, as_xlsx))
    names = [field.name for field in form("drugs").content]
    assert one.read.rows.select(names) == other.read.rows.select(names)
    first, second = one.read.rows.to_pylist()
    assert (first["scope"], first["price"], first["limit"]) == ("A", Decimal("1.2500"), "限住院")
    assert (second["scope"], second["price"]) == ("B", None)
    assert second["first_share"] == Decimal("0.1000")
    assert not one.report.refused
    assert other.report.tables[0].header_row == 2


def test_a_row_that_cannot_be_read_is_left_out_with_its_place(own_data: Path) -> None:
    rows = [
        drug(WESTERN[0]),
        drug("XA01"),
        drug(WESTERN[1], "戊"),
        drug(WESTERN[2], price="-3"),
        drug(WESTERN[3], start="2026-02-30"),
        drug(WESTERN[4], start="2026-05-01", end="2026-04-01"),
        drug(WESTERN[5], share="10"),
        drug(SERVICES[0]),
        ["", "", "", "", "", "", "", ""],
        drug("", name="没有代码"),
        drug(WESTERN[6], price="1.23456"),
        drug(WESTERN[7], price="0"),
    ]
    made = draft(own_data, "drugs", as_xlsx("drugs", rows))
    # Of the workbook the first two rows are title and header.
    assert codes(made) == [
        ("CATALOGUE_PRICE_ZERO", 14, "D 最高限价(元)"),
        ("CATALOGUE_CODE_FORM", 4, "A 药品代码"),
        ("CATALOGUE_SCOPE", 5, "C 甲乙类"),
        ("CATALOGUE_PRICE", 6, "D 最高限价(元)"),
        ("CATALOGUE_DAY", 7, "G 生效日期"),
        ("CATALOGUE_PERIOD", 8, "H 失效日期"),
        ("CATALOGUE_SHARE", 9, "E 先行自付比例"),
        ("CATALOGUE_CODE_FORM", 10, "A 药品代码"),
        ("IMPORT_CELL_EMPTY", 12, "A 药品代码"),
        ("CATALOGUE_PRICE", 13, "D 最高限价(元)"),
    ]
    assert made.read.rows["code"].to_pylist() == [WESTERN[0], WESTERN[7]]
    assert made.report.left_out == 9
    assert made.read.left_out["code"].to_pylist()[1] == WESTERN[1]
    assert not made.report.refused
    assert made.report.mends == {"blank_row": 1}
    for lang in ("zh", "en"):
        assert WESTERN[0] not in made.report.to_text(lang)
        assert "CATALOGUE_SCOPE" in made.report.to_text(lang)


def test_more_faults_than_are_shown_are_counted_and_kept(own_data: Path) -> None:
    made = draft(own_data, "drugs", as_csv("drugs", [drug(WESTERN[0]), *([drug("bad")] * 30)]))
    assert made.report.omitted == {"CATALOGUE_CODE_FORM": 10}
    assert made.report.left_out == made.read.left_out.num_rows == 30
    assert made.report.faults == {"CATALOGUE_CODE_FORM": 30}


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        (["代码甲", "名"], [[WESTERN[0], "x"]]),
        (["药品代码", "甲乙类"], [[WESTERN[0], "甲"]]),
        (HEAD["drugs"], []),
        (HEAD["drugs"], [drug("bad")]),
        (["药品代码", "药品代码", "注册名称"], [[WESTERN[0], WESTERN[1], "x"]]),
    ],
)
def test_a_file_without_the_structure_is_refused_whole(
    own_data: Path, head: list[str], rows: list[workbook_builder.Cell]
) -> None:
    made = draft(own_data, "drugs", as_csv("drugs", rows, head))  # type: ignore[arg-type]
    assert made.report.refused
    assert made.new is None
    with pytest.raises(ValueError, match="drugs"):
        install_catalogue(made)
    assert text("import.refused", "zh") in made.report.to_text("zh")


def test_a_header_of_its_own_words_is_named(own_data: Path) -> None:
    content = as_csv("drugs", [[WESTERN[0], "甲药"]], ["国码", "品名"])
    assert draft(own_data, "drugs", content).report.refused
    made = draft(own_data, "drugs", content, columns={"code": "国码", "name": "品名"})
    assert made.read.rows["name"].to_pylist() == ["甲药"]
    with pytest.raises(CodebookError, match="CATALOGUE_FIELD"):
        draft(own_data, "drugs", content, columns={"colour": "国码"})


def test_every_sheet_with_the_columns_is_read(own_data: Path) -> None:
    sheets: workbook_builder.Sheets = {
        "说明": [["虚构"]],
        "西药": [HEAD["drugs"], drug(WESTERN[0])],
        "中成药": [HEAD["drugs"], drug(PATENT[0]), HEAD["drugs"], drug(PATENT[0])],
    }
    content = workbook_builder.pack(sheets)
    made = draft(own_data, "drugs", content)
    assert made.read.rows["code"].to_pylist() == [WESTERN[0], PATENT[0]]
    assert made.report.mends == {"catalogue_header_row": 1, "catalogue_repeat": 1}
    assert [f.where.sheet for f in made.report.findings] == ["说明"]
    one = draft(own_data, "drugs", content, sheet="西药")
    assert one.read.rows["code"].to_pylist() == [WESTERN[0]]
    with pytest.raises(CodebookError, match="CATALOGUE_SHEET"):
        draft(own_data, "drugs", content, sheet="无")


def test_a_percent_in_the_header_and_two_rows_of_header(own_data: Path) -> None:
    head = ["", "", "价格", "", ""]
    below = ["项目编码", "项目名称", "三级", "二级", "自付比例(%)"]
    sheets: workbook_builder.Sheets = {"s": [head, below, [SERVICES[0], "项", 30.5, 20, 10]]}
    made = draft(own_data, "services", workbook_builder.pack(sheets))
    row = made.read.rows.to_pylist()[0]
    assert (row["price_III"], row["price_II"]) == (Decimal("30.5"), Decimal(20))
    assert row["first_share"] == Decimal("0.1")


def test_last_days_are_in_force_and_ends_are_not(own_data: Path) -> None:
    head = ["药品代码", "注册名称", "开始日期", "结束日期", "失效日期"]
    rows: list[list[workbook_builder.Cell]] = [
        [WESTERN[0], "a", "2025年3月1日", "2025-12-31", ""],
        [WESTERN[1], "b", "20250301", "9999-12-31", ""],
        [WESTERN[2], "c", "2025/3/1 00:00:00", "", "2025-12-31"],
        [WESTERN[3], "d", "", "长期", ""],
        [WESTERN[4], "e", "", "2026-12-31", "2026-06-01"],
    ]
    made = draft(own_data, "drugs", as_csv("drugs", rows, head))
    assert [(r["starts"], r["ends"]) for r in made.read.rows.to_pylist()] == [
        (date(2025, 3, 1), date(2026, 1, 1)),
        (date(2025, 3, 1), None),
        (date(2025, 3, 1), date(2025, 12, 31)),
        (None, None),
        (None, date(2026, 6, 1)),
    ]


def test_a_code_in_a_number_s_cell_is_left_out_and_a_hospital_code_is_not(own_data: Path) -> None:
    rows: list[list[workbook_builder.Cell]] = [
        [10023, "院内甲", "", SERVICES[0], "", 12.5, "", ""],
        ["10024", "院内乙", "", 1101000010001.0, "", "", "", ""],
    ]
    made = draft(own_data, "mapping", as_xlsx("mapping", rows))
    assert made.read.rows["hospital_code"].to_pylist() == ["10023"]
    assert ("IMPORT_CELL_NUMBER", 4, "D 国家编码") in codes(made)


def test_an_item_with_two_national_codes_is_told_and_the_rest_used(own_data: Path) -> None:
    rows = [
        mapped("H1", WESTERN[0]),
        mapped("H1", WESTERN[1]),
        mapped("H2", WESTERN[2]),
        mapped("H3", WESTERN[3], end="2026-03-01"),
        mapped("H3", WESTERN[4], start="2026-03-01"),
        mapped("H4", WESTERN[5]),
        mapped("H4", WESTERN[5], price="11"),
        mapped("H5", WESTERN[6], city="SX"),
        mapped("H6", WESTERN[7], city="SX"),
    ]
    made = put(own_data, "mapping", rows)
    assert [(code, row) for code, row, _ in codes(made)] == [
        ("CATALOGUE_TWO_NATIONAL", 3),
        ("CATALOGUE_OVERLAP", 8),
        ("CATALOGUE_CITY_TWO_NATIONAL", 3),
        ("CATALOGUE_CITY_TWO_NATIONAL", 10),
    ]
    kept = Catalogue("mapping")
    assert kept.on(DAY).num_rows == len(rows) - 1
    assert kept.disputes["key"].to_pylist() == ["H1", "H4"]
    assert "H1" in made.report.to_text("en")


def test_the_mapping_is_held_against_the_catalogues(own_data: Path) -> None:
    put(
        own_data,
        "drugs",
        [drug(WESTERN[0]), drug(WESTERN[1], end="2025-06-01", start="2025-01-01")],
    )
    put(own_data, "services", [service(SERVICES[0]), service(SERVICES[1], "乙")])
    put(own_data, "grey", [[WESTERN[0], "", "停产", "", ""]])
    rows = [
        mapped("H0", WESTERN[0], price="10.01"),
        mapped("H1", WESTERN[1]),
        mapped("H2", WESTERN[2]),
        mapped("H3", ""),
        mapped("H4", SERVICES[0], price="25"),
        mapped("H5", SERVICES[1], price="5", city=""),
        mapped("H6", MATERIALS[0]),
        mapped("H7", WESTERN[3], start="2024-01-01", end="2025-01-01"),
        mapped("H8", f"{SERVICES[0]}-12", price="20"),
    ]
    made = draft(own_data, "mapping", as_csv("mapping", rows), level="II")
    found = {(f.code, f.params.get("item")) for f in made.report.findings}
    assert found == {
        ("CATALOGUE_GREY", "H0"),
        ("CATALOGUE_ABOVE_CEILING", "H0"),
        ("CATALOGUE_OUT_OF_FORCE", "H1"),
        ("CATALOGUE_NOT_LISTED", "H2"),
        ("CATALOGUE_UNMAPPED", "H3"),
        ("CATALOGUE_ABOVE_CEILING", "H4"),
        ("CATALOGUE_SCOPE_DIFFERS", "H5"),
        ("CATALOGUE_NO_CITY", "H5"),
    }
    higher = draft(own_data, "mapping", as_csv("mapping", rows), level="三级")
    assert ("CATALOGUE_ABOVE_CEILING", "H4") not in {
        (f.code, f.params.get("item")) for f in higher.report.findings
    }
    for finding in made.report.findings:
        assert finding.describe("zh") != finding.describe("en")


def test_grey_codes_that_are_listed_are_counted(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    made = put(own_data, "grey", [[WESTERN[0], "", "", "", ""], [WESTERN[1], "", "", "", ""]])
    assert [(f.code, dict(f.params)) for f in made.report.findings] == [
        ("CATALOGUE_GREY_LISTED", {"count": 1})
    ]
    again = draft(own_data, "drugs", as_csv("drugs", [drug(WESTERN[0], "乙")]))
    assert [f.code for f in again.report.findings] == ["CATALOGUE_GREY_LISTED"]


def test_options_that_cannot_be_used(own_data: Path) -> None:
    content = as_csv("drugs", [drug(WESTERN[0])])
    for code, kind, options in (
        ("CATALOGUE_KIND", "pills", {}),
        ("CATALOGUE_LEVEL", "drugs", {"level": "IV"}),
        ("CATALOGUE_VALID_FROM", "drugs", {"valid_from": date(1900, 1, 1)}),
    ):
        with pytest.raises(CodebookError, match=code) as caught:
            draft(own_data, kind, content, **options)
        assert caught.value.describe("en") != caught.value.describe("zh")
    absent = own_data / "absent.csv"
    with pytest.raises(CodebookError, match="IMPORT_FILE"):
        read_catalogue("drugs", absent, CatalogueOptions(valid_from=DAY))


def test_the_same_file_for_the_same_day_is_not_imported_twice(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    with pytest.raises(CodebookError, match="CATALOGUE_SAME"):
        put(own_data, "drugs", [drug(WESTERN[0])])
    put(own_data, "drugs", [drug(WESTERN[0])], valid_from=NEXT)
    assert [one.number for one in Catalogue("drugs").kept.imports] == [1, 2]


def test_the_report_stands_beside_the_rows(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0]), drug("bad")], source="虚构文号")
    one = Catalogue("drugs")
    report = json.loads((one.folder / "imports/0001/report.json").read_text("utf-8"))
    assert (report["rows"], report["left_out"], report["source"]) == (1, 1, "虚构文号")
    assert report["findings"][0]["where"]["row"] == 3
    assert one.kept.imports[0].sha256 == report["sha256"]


def test_an_import_between_reading_and_installing_is_not_lost(own_data: Path) -> None:
    late = draft(own_data, "drugs", as_csv("drugs", [drug(WESTERN[0])]))
    put(own_data, "drugs", [drug(WESTERN[1])])
    with pytest.raises(CodebookError, match="CATALOGUE_CHANGED"):
        install_catalogue(late)
    assert Catalogue("drugs").on(DAY)["code"].to_pylist() == [WESTERN[1]]
    home = Catalogue("drugs").folder.parent
    assert sorted(path.name for path in home.iterdir()) == ["drugs"]


def test_a_folder_that_cannot_be_written_changes_nothing(
    own_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_data.parent / "data").write_text("a file", "utf-8")
    with pytest.raises(CodebookError, match="IMPORT_WRITE"):
        put(own_data, "drugs", [drug(WESTERN[0])])
    monkeypatch.setenv("GROUPER_DATA", str(own_data.parent / "other"))
    assert not Catalogues()


def _use(folder: Path) -> None:
    Catalogue("drugs").on(DAY)
    put(folder, "drugs", [drug(WESTERN[2])])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("manifest.json", b"{"),
        ("manifest.json", b'{"format": 9, "imports": [], "rows": 0}'),
        ("manifest.json", b'{"format": 1, "imports": [{"number": 1}], "rows": 0}'),
        ("rows.parquet", b"PAR1"),
        ("imports/0001/rows.parquet", b""),
    ],
)
def test_a_broken_folder_is_told(own_data: Path, name: str, content: bytes) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    (Catalogue("drugs").folder / name).write_bytes(content)
    with pytest.raises(CodebookError, match="CATALOGUE_BROKEN"):
        _use(own_data)


def test_a_torn_table_is_told(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0]), drug(WESTERN[1])])
    whole = Catalogue("drugs").folder
    for name in ("rows.parquet", "imports/0001/rows.parquet"):
        before = (whole / name).read_bytes()
        pq.write_table(pq.read_table(whole / name).slice(1), whole / name)
        with pytest.raises(CodebookError, match="CATALOGUE_BROKEN"):
            _use(own_data)
        (whole / name).write_bytes(before)


def test_every_label_names_one_field_and_every_field_has_words() -> None:
    for kind in KINDS:
        seen: dict[str, str] = {}
        for name, field in form(kind).fields.items():
            assert text(f"catalogue.field.{name}", "zh") != text(f"catalogue.field.{name}", "en")
            for label in field.labels:
                assert seen.setdefault(label, name) == name, (kind, label)
    assert {one.catalogue for one in common().codes} == {"drugs", "services", "materials"}


def test_the_code_forms_hold_every_code_of_the_published_points(facts: Path) -> None:
    with gzip.open(facts / "audit/knowledge_point_codes.csv.gz", "rt", encoding="utf-8") as file:
        lines = file.read().splitlines()
    column = lines[0].split(",").index("nhsa_code")
    known = {row[column] for row in csv.reader(lines[1:]) if row[column]}
    assert len(known) > 10_000
    assert [code for code in known if common().form_of(code) is None] == []

"""The published 3.0 workbook in full size and both editions gives the shipped book."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import openpyxl
import pytest
import workbook_builder
from import_support import OPTIONS, codes, errors, parses, read, save

from codebooks import storage
from codebooks.errors import CodebookError
from codebooks.importers.layout import exclusion_supplements, published_counts
from codebooks.importers.options import NONE
from codebooks.importers.workbook import import_workbook
from codebooks.registry import reload

if TYPE_CHECKING:
    from pathlib import Path

    from codebooks.importers.report import ImportResult


@pytest.fixture(scope="module")
def editions(facts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("published")
    return {
        "first": save(folder, workbook_builder.first_edition(facts), "first.xlsx"),
        "update": save(folder, workbook_builder.update(facts), "update.xlsx"),
    }


@pytest.fixture(scope="module")
def imported(editions: dict[str, Path]) -> dict[str, ImportResult]:
    return {name: import_workbook(path, OPTIONS, parses) for name, path in editions.items()}


@pytest.mark.parametrize("edition", ["first", "update"])
def test_both_editions_give_the_shipped_book(
    imported: dict[str, ImportResult], edition: str
) -> None:
    book, report = imported[edition].book, imported[edition].report
    assert book is not None
    shipped = storage.read_manifest(reload().folders["chs-drg-3.0"])["content_sha256"]
    assert book.content_hash() == shipped == report.content_sha256
    assert report.same_as == ("chs-drg-3.0",)
    assert all(line.agrees and line.published is not None for line in report.counts)
    assert {line.key: line.read for line in report.counts} == published_counts().counts
    assert [f.code for f in report.findings if f.severity == "warning"] == []
    assert report.mends["duplicate_sets"] == 120
    assert report.mends["fallback_moved"] == 1
    assert report.mends["rule_break"] == 41
    assert report.mends.get("nothing_row", 0) == (3 if edition == "update" else 0)


def test_rows_keep_their_place_in_the_sheet(imported: dict[str, ImportResult]) -> None:
    first, update = imported["first"].book, imported["update"].book
    assert first is not None
    assert update is not None
    shipped = reload().book("chs-drg-3.0")
    for table in ("mdc", "adrg", "drg"):
        assert first.rows(table) == shipped.rows(table)
    # The update's sheet begins one row higher: the header is row 1.
    assert [r["source_row"] for r in update.rows("adrg")] == [
        r["source_row"] - 1 for r in shipped.rows("adrg")
    ]
    assert [r["sort"] for r in update.rows("adrg")] == [r["sort"] for r in first.rows("adrg")]


def test_the_fallback_of_mdco_comes_last(imported: dict[str, ImportResult]) -> None:
    book = imported["first"].book
    assert book is not None
    order = [row["adrg"] for row in book.rows("adrg") if row["mdc"] == "MDCO"]
    assert order[-3:] == ["OT1", "OZ1", "O00"]


def test_the_report_says_where_each_column_stood(imported: dict[str, ImportResult]) -> None:
    tables = {t.table: t for t in imported["first"].report.tables}
    assert tables["adrg"].header_row == 2
    assert tables["adrg"].columns["adrg"] == "B ADRG编码"
    moved = {t.table: t for t in imported["update"].report.tables}
    assert moved["adrg"].header_row == 1
    assert moved["adrg"].columns["adrg"] == "A ADRG编码"


def test_the_card_names_the_file_by_its_hash(imported: dict[str, ImportResult]) -> None:
    result = imported["first"]
    assert result.book is not None
    card = result.book.card
    assert result.report.sha256 in card.source
    assert card.source.startswith("first.xlsx")
    assert (card.id, card.region, card.newborn_weight) == ("own-3.0", "national", "admission")


def test_supplements_and_lists_are_options(tmp_path: Path) -> None:
    sheets = workbook_builder.small()
    tables = sorted({exclusion for exclusion, _ in exclusion_supplements()})
    sheets["排除表"] += [[table, "A00.000", ""] for table in tables]
    sheets["排除表"].append(["EX_128", "S02.400", "已有"])
    path = save(tmp_path, sheets)
    plain = import_workbook(path, OPTIONS).book
    more = import_workbook(path, replace(OPTIONS, supplements=True, lists_from=NONE))
    assert plain is not None
    assert more.book is not None
    assert more.report.mends["supplement"] == len(exclusion_supplements()) - 1 == 6
    assert more.book.counts()["exclusions"] == plain.counts()["exclusions"] + 6
    assert plain.counts()["not_principal"] == 1859
    assert plain.counts()["not_grouping"] == 1942
    assert more.book.counts()["not_principal"] == 0
    assert "IMPORT_LISTS_NONE" in codes(more.report)
    taken = import_workbook(path, replace(OPTIONS, lists_from="chs-drg-2.0")).book
    assert taken is not None
    assert taken.rows("not_principal") == reload().book("chs-drg-2.0").rows("not_principal")
    with pytest.raises(CodebookError, match="SCHEME_UNKNOWN"):
        import_workbook(path, replace(OPTIONS, lists_from="chs-drg-9"))


def test_a_supplement_needs_its_table(tmp_path: Path) -> None:
    path = save(tmp_path, workbook_builder.small())
    result = import_workbook(path, replace(OPTIONS, supplements=True))
    assert result.book is None
    assert codes(result.report).count("IMPORT_SUPPLEMENT") == 7


def test_matters_of_form_are_mended_and_counted(tmp_path: Path) -> None:
    clean = read(tmp_path, workbook_builder.small()).book
    sheets = workbook_builder.small()
    sheets["ADRG"][0] = [
        " adrg编码",
        "ADRG\n名称",
        "ADRG规则_x000D_",
        "所属 MDC编码",
        "ＭＤＣ内排序",
    ]
    sheets["ADRG"][1:1] = [[], [None, "\u3000", "\u200b", None]]
    sheets["ADRG"][3] = [" aa1\u3000", " 移植\u00a0", "ZYSS \u3000in\\\nOP_AA1", "mdca", " 1.0 "]
    sheets["ADRG"][4] = ["BB1", "手术", "ZYSS_x000D_\n in  OP_AA1", "MDCB", "１"]
    sheets["ADRG"][6][4] = None
    sheets["DRG"][2][2] = "QTZD  in MCC"
    sheets["集合"][1][:2] = ["di_b00", "g40．900 "]
    sheets["集合"].append(["DI_B00", "I61.000X006", "", "DI"])
    sheets["CC"][1][2:] = ["ex_1", "mcc"]
    sheets["说明"] = [["随意"]]
    result = read(tmp_path, sheets)
    assert clean is not None
    assert result.book is not None
    assert result.book.content_hash() == clean.content_hash()
    assert dict(result.report.mends) == {
        "blank_row": 2,
        "group_code": 2,
        "name": 1,
        "rule_break": 2,
        "rule_blank": 1,
        "sort_text": 2,
        "sort_blank": 1,
        "set_id": 1,
        "code": 2,
        "exclusion": 1,
        "level": 1,
        "fallback_moved": 1,
        "duplicate_sets": 1,
    }
    assert "IMPORT_SHEET_IGNORED" in codes(result.report)


def test_a_rule_may_be_a_number_and_a_title_may_precede_the_header(tmp_path: Path) -> None:
    sheets = workbook_builder.small()
    sheets["ADRG"][2][2] = 1
    for rows in sheets.values():
        rows.insert(0, ["分组方案", None, None])
    result = read(tmp_path, sheets)
    assert result.book is not None
    assert result.book.rows("adrg")[1]["rule"] == "1"
    assert {table.header_row for table in result.report.tables} == {2}


def test_warnings_do_not_refuse(tmp_path: Path) -> None:
    sheets = workbook_builder.small()
    sheets["CC"][1][2] = None
    sheets["集合"][1][3] = "OP"
    result = read(tmp_path, sheets)
    assert result.book is not None
    assert errors(result.report) == []
    assert {"IMPORT_COUNTS", "IMPORT_EXCLUSION_BLANK", "IMPORT_SET_KIND"} <= set(
        codes(result.report)
    )
    assert result.report.content_sha256 is not None
    assert result.report.same_as == ()


def test_a_region_of_its_own_has_no_published_counts(tmp_path: Path) -> None:
    path = save(tmp_path, workbook_builder.small())
    result = import_workbook(path, replace(OPTIONS, region="北京"))
    assert result.book is not None
    assert result.book.card.region == "beijing"
    assert "IMPORT_COUNTS" not in codes(result.report)
    assert all(line.published is None for line in result.report.counts)


def test_a_row_of_no_group_that_carries_a_rule_stays(tmp_path: Path) -> None:
    sheets = workbook_builder.small()
    sheets["MDC"] += [["0000", None, "ZYZD in DI_B00", 27]]
    result = read(tmp_path, sheets)
    assert result.book is not None
    assert result.book.rows("mdc")[-1]["mdc"] == "0000"


def test_a_workbook_of_another_writer_is_read_alike(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book.active)
    for name, rows in workbook_builder.small().items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(["", *row])
    path = tmp_path / "other.xlsx"
    book.save(path)
    other = import_workbook(path, OPTIONS, parses).book
    own = read(tmp_path, workbook_builder.small()).book
    assert other is not None
    assert own is not None
    assert other.content_hash() == own.content_hash()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_reads_in_both_languages(imported: dict[str, ImportResult], lang: str) -> None:
    report = imported["update"].report
    words = report.to_text(lang)
    assert report.sha256 in words
    assert "106950" in words
    assert "{" not in words
    assert ("与已有方案相同" if lang == "zh" else "Same content as") in words
    plain = report.to_json(lang)
    assert plain["refused"] is False
    assert plain["card"]["valid_from"] == date(2027, 3, 1).isoformat()
    assert plain["counts"][0] == {"key": "mdc", "read": 26, "published": 26, "agrees": True}

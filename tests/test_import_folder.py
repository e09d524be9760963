"""A scheme as a folder of tables: the way in which a city's variant arrives."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from import_support import OPTIONS, codes, errors, parses

from codebooks import storage
from codebooks.book import TABLES
from codebooks.errors import CodebookError
from codebooks.importers import container, folder
from codebooks.importers.folder import import_folder
from codebooks.importers.layout import Limits, layout
from codebooks.importers.options import NONE, ImportOptions
from codebooks.registry import registry

if TYPE_CHECKING:
    from pathlib import Path

SCHEMES = [
    "beijing-2022",
    "chongqing-2022",
    "chs-drg-1.0",
    "chs-drg-1.1",
    "chs-drg-2.0",
    "chs-drg-3.0",
    "foshan-2022",
    "fuzhou-2022",
    "guangxi-2022",
    "harbin-2022",
    "hefei-2023",
    "suzhou-2023",
    "wuhan-2022",
    "yunnan-2022",
    "zhejiang-2022",
]
# The one with a stray mark in a code; the others have their turn when everything is tested.
QUICK = {"suzhou-2023"}

ROWS: dict[str, list[list[str]]] = {
    "mdc": [["MDCB", "神经系统疾病", "ZYZD in DI_B00", "1"]],
    "adrg": [["BR1", "内科", "", "MDCB", "1"]],
    "drg": [["BR19", "内科", "", "BR1", "MDCB", "1"]],
    "sets": [["DI_B00", "G40.900"], ["DI_B00", "I61.000x006"]],
    "cc": [["J96.000", "MCC", "EX_1"]],
    "exclusions": [["EX_1", "J96.000"]],
}
CARD = {
    "id": "city-2027",
    "family": "drg",
    "region": "beijing",
    "valid_from": "2027-01-01",
    "valid_to": "2028-01-01",
    "diagnosis_code_set": "icd10-nhsa-2.0",
    "procedure_code_set": "icd9cm3-nhsa-2.0",
    "newborn_weight": "birth",
    "standing": "试行",
    "source": "某市医保局",
    "options": {},
}


def content_of(table: str, rows: list[list[str]], end: str = "\n") -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator=end).writerows([TABLES[table].names, *rows])
    return out.getvalue()


@pytest.fixture
def city(tmp_path: Path) -> Path:
    home = tmp_path / "city"
    home.mkdir()
    for table, rows in ROWS.items():
        (home / f"{table}.csv").write_text(content_of(table, rows), "utf-8")
    (home / "scheme.json").write_text(json.dumps(CARD, ensure_ascii=False), "utf-8")
    return home


@pytest.mark.parametrize(
    "scheme",
    [s if s in QUICK else pytest.param(s, marks=pytest.mark.slow) for s in SCHEMES],
)
def test_each_scheme_of_the_facts_gives_the_shipped_book(facts: Path, scheme: str) -> None:
    result = import_folder(facts / "schemes" / scheme, None, parses)
    assert result.book is not None
    shipped = registry().card(scheme)
    stored = storage.read_manifest(registry().folders[scheme])["content_sha256"]
    assert result.report.content_sha256 == stored
    assert scheme in result.report.same_as
    assert replace(result.book.card, source=shipped.source) == shipped
    assert result.report.sha256 in result.book.card.source


def test_a_folder_brings_its_card(city: Path) -> None:
    result = import_folder(city, None, parses)
    assert result.book is not None
    card = result.book.card
    assert (card.id, card.region, card.newborn_weight) == ("city-2027", "beijing", "birth")
    assert (card.valid_from, card.valid_to) == (date(2027, 1, 1), date(2028, 1, 1))
    assert codes(result.report) == ["IMPORT_LISTS_NONE"]
    assert result.report.mends == {}
    assert result.report.layout == "folder"
    assert {line.published for line in result.report.counts} == {None}


def test_options_go_before_the_card(city: Path) -> None:
    (city / "not_principal.csv").write_text("code\nR65.000\n", "utf-8")
    options = ImportOptions(id="own", region="national", lists_from=NONE, source="来文")
    result = import_folder(city, options, parses)
    assert result.book is not None
    assert (result.book.card.id, result.book.card.region) == ("own", "national")
    assert result.book.card.source.startswith("来文")
    assert result.book.counts()["not_principal"] == 0


def test_a_folder_without_card_needs_options(city: Path) -> None:
    (city / "scheme.json").unlink()
    with pytest.raises(CodebookError, match="IMPORT_CARD_MISSING"):
        import_folder(city, OPTIONS)


def test_lists_come_with_the_folder_or_from_a_book(city: Path) -> None:
    taken = import_folder(city, ImportOptions(lists_from="chs-drg-3.0")).book
    assert taken is not None
    assert taken.counts()["not_grouping"] == 1942
    (city / "not_principal.csv").write_text("code\nR65.000\nR65.000\n", "utf-8")
    (city / "not_grouping.csv").write_text("code\n", "utf-8")
    own = import_folder(city)
    assert own.book is not None
    assert own.book.rows("not_principal") == [{"code": "R65.000"}]
    assert own.report.mends == {"duplicate_not_principal": 1}
    both = import_folder(city, ImportOptions(lists_from="chs-drg-3.0"))
    assert both.book is None
    assert codes(both.report) == ["IMPORT_LISTS_TWICE"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_line_ends_and_packing_do_not_matter(city: Path, encoding: str) -> None:
    plain = import_folder(city).book
    for table, rows in ROWS.items():
        words = content_of(table, rows, "\r\n").encode(encoding)
        if table in ("sets", "cc"):
            (city / f"{table}.csv").unlink()
            (city / f"{table}.csv.gz").write_bytes(gzip.compress(words))
        else:
            (city / f"{table}.csv").write_bytes(words)
    (city / "scheme.json").write_bytes(json.dumps(CARD, ensure_ascii=False).encode(encoding))
    result = import_folder(city, None, parses)
    assert plain is not None
    assert result.book is not None
    assert result.book.content_hash() == plain.content_hash()
    assert result.book.card.standing == "试行"
    noted = {f.where.file for f in result.report.findings if f.code == "IMPORT_ENCODING_READ"}
    assert noted == ({"mdc.csv", "adrg.csv", "drg.csv"} if encoding == "gb18030" else set())


def test_what_does_not_look_like_a_code_is_kept_and_said(city: Path) -> None:
    rows = [*ROWS["sets"], ["DI_B00", "上肢创伤"], ["DI_B00", "ｇ40．900"]]
    (city / "sets.csv").write_text(content_of("sets", rows), "utf-8")
    result = import_folder(city, None, parses)
    assert result.book is not None
    assert {"上肢创伤", "ｇ40．900"} <= {row["code"] for row in result.book.rows("sets")}
    assert codes(result.report) == ["IMPORT_CODE_KEPT", "IMPORT_LISTS_NONE"]
    assert result.report.findings[0].where.row == 4
    assert result.report.findings[0].where.column == "code"


def test_faults_are_named_with_their_place(city: Path) -> None:
    (city / "mdc.csv").write_text("mdc,name,rule,rank\nMDCB,x,,1\n", "utf-8")
    (city / "adrg.csv").write_text("adrg,adrg,name,rule,mdc,sort\nBR1,,,,MDCB,1\n", "utf-8")
    (city / "drg.csv").write_text(content_of("drg", [["BR19", "x"], [], ["B"] * 6]), "utf-8")
    (city / "sets.csv").write_text('set_id,code\nDI_B00,"G40', "utf-8")
    (city / "cc.csv.gz").write_bytes(gzip.compress(b"code,level,exclusion\n"))
    (city / "exclusions.csv").write_text("", "utf-8")
    result = import_folder(city)
    assert result.book is None
    found = [(f.code, f.where.file, f.where.row) for f in result.report.findings]
    assert found == [
        ("IMPORT_COLUMN", "mdc.csv", 1),
        ("IMPORT_COLUMN_IGNORED", "mdc.csv", 1),
        ("IMPORT_COLUMN_TWICE", "adrg.csv", 1),
        ("IMPORT_ROW_WIDTH", "drg.csv", 2),
        ("IMPORT_SORT", "drg.csv", 4),
        ("IMPORT_CSV", "sets.csv", 2),
        ("IMPORT_TABLE_EMPTY", "sets.csv", None),
        ("IMPORT_TABLE_TWICE", "cc.csv", None),
        ("IMPORT_COLUMN", "exclusions.csv", 1),
        ("IMPORT_COLUMN", "exclusions.csv", 1),
    ]
    assert result.report.mends["blank_row"] == 1
    for lang in ("zh", "en"):
        assert "{" not in result.report.to_text(lang)


def test_an_absent_table_is_named(city: Path) -> None:
    (city / "cc.csv").unlink()
    assert errors(import_folder(city).report) == [("IMPORT_TABLE", None, None, None)]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("scheme.json", b"{", "IMPORT_CARD"),
        ("scheme.json", b"[" * 100_000, "IMPORT_CARD"),
        ("scheme.json", b"[]", "IMPORT_CARD"),
        ("scheme.json", json.dumps(CARD | {"valid_from": "2027"}).encode(), "IMPORT_CARD"),
        ("scheme.json", json.dumps(CARD | {"valid_from": 2027}).encode(), "IMPORT_CARD"),
        ("scheme.json", json.dumps(CARD | {"unknown": 1}).encode(), "IMPORT_CARD"),
        ("scheme.json", json.dumps(CARD | {"id": 7}).encode(), "IMPORT_CARD"),
        ("scheme.json", json.dumps(CARD | {"family": "none"}).encode(), "IMPORT_CARD"),
        ("scheme.json", json.dumps(CARD | {"family": "dip"}).encode(), "IMPORT_CARD"),
        ("scheme.json", json.dumps(CARD | {"options": ["x"]}).encode(), "IMPORT_CARD"),
        ("scheme.json", json.dumps(CARD | {"id": "../../city"}).encode(), "IMPORT_ID"),
        ("scheme.json", json.dumps(CARD | {"region": "nowhere"}).encode(), "REGION_UNKNOWN"),
        ("mdc.csv", b"\xff\xff\xff", "IMPORT_ENCODING"),
        ("sets.csv.gz", b"no gzip", "IMPORT_GZIP"),
        ("sets.csv.gz", gzip.compress(b"set_id,code\n", mtime=0)[:-6], "IMPORT_GZIP"),
    ],
)
def test_files_that_cannot_be_opened(city: Path, name: str, content: bytes, code: str) -> None:
    if name.endswith(".gz"):
        (city / name[:-3]).unlink()
    (city / name).write_bytes(content)
    with pytest.raises(CodebookError) as caught:
        import_folder(city)
    assert caught.value.code == code
    if code not in {"REGION_UNKNOWN", "IMPORT_ID"}:
        assert caught.value.where.file == name


def test_what_unpacks_to_too_much_is_refused(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (city / "sets.csv").unlink()
    (city / "sets.csv.gz").write_bytes(gzip.compress(b"\n" * 5000))
    limits = Limits(file_bytes=5000, unpacked_bytes=4000, cells=1)
    for module in (folder, container):
        monkeypatch.setattr(module, "layout", lambda: replace(layout(), limits=limits))
    with pytest.raises(CodebookError, match="IMPORT_TOO_LARGE"):
        import_folder(city)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CodebookError, match="IMPORT_FILE"):
        import_folder(tmp_path / "absent")

"""Options of the folder listener, and what names and contents of files mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from folder_support import Memory, Whole

from codebooks.errors import CodebookError, GrouperError
from grouper.intake.forms import forms
from hl7_adapters.folder import FolderListener, FolderOptions
from hl7_adapters.folder.names import meanings, read_meanings

KNOWN = ("hl7v2", "fhir", "nhsa", "table")
SUFFIXES = "where,part,meaning,forms,source\n"
CONTENTS = "form,pattern,source\n"


def test_defaults_and_texts_from_the_environment() -> None:
    read = FolderOptions.from_mapping({"path": "in", "poll": "0.5", "limit": "100", "form": ""})
    assert (read.poll, read.limit, read.settle, read.whole) == (0.5, 100, 5.0, "settled")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("path", "", "必须填写"),
        ("path", 1, "应为文字"),
        ("path", "a\0b", "应为文字"),
        ("form", ["hl7v2"], "应为文字"),
        ("whole", "soon", "settled, marker"),
        ("poll", 0, "0.01"),
        ("poll", True, "应为"),
        ("poll", "soon", "应为"),
        ("poll", "nan", "应为"),
        ("settle", -1, "应为"),
        ("settle", float("inf"), "应为"),
        ("limit", 1.5, "整数"),
        ("limit", 10**400, "整数"),
        ("suffixes", ".txt", "结尾 = 含义"),
        ("suffixes", {".txt": 1}, "结尾 = 含义"),
        ("colour", "red", "settle"),
    ],
)
def test_a_wrong_option_is_named(option: str, value: Any, words: str) -> None:
    with pytest.raises(GrouperError) as raised:
        FolderOptions.from_mapping({"path": "in", option: value})
    assert raised.value.code == "SETTING_INVALID"
    assert f"listeners.folder.{option}" in str(raised.value)
    assert words in str(raised.value)


def test_a_path_must_be_given() -> None:
    with pytest.raises(GrouperError, match=r"listeners\.folder\.path"):
        FolderOptions.from_mapping({})


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.hl7", b"", "hl7v2"),
        ("A.HL7", b"", "hl7v2"),
        ("a.b.csv", b"", "table"),
        ("a.parquet", b"", "table"),
        ("a.jsonl", b'{"resourceType": 1}', "table"),
        ("a.json", b'{"entry": [], "resourceType" : "Bundle"}', "fhir"),
        ("a.json", '{"resourceType": "Bundle"}'.encode("utf-16"), "fhir"),
        ("a.json", b'{"infno": "4101", "input": {}}', "nhsa"),
        ("a.json", rb'{"infno": "4101", "input": {"x": "\"resourceType\": 1"}}', "nhsa"),
        ("a.json", b'{"setlinfo": {}}', "nhsa"),
        ("a", b"MSH|", None),
        ("hl7", b"MSH|", None),
    ],
)
def test_the_form_is_told_by_name_and_content(name: str, content: bytes, form: str | None) -> None:
    assert meanings().form_of(name, content) == form


def test_a_hospital_says_what_its_names_mean() -> None:
    rows = {
        ".TXT": "hl7v2 table",
        ".hl7": "marker",
        ".csv": "partial",
        ".done": "nhsa",
        ".tmp": "fhir",
        ".msg.txt": "fhir",
    }
    own = meanings().overridden(rows, KNOWN)
    assert own.form_of("a.txt", b"\r\nBHS|^~\\&|") == "hl7v2"
    assert own.form_of("a.txt", b"\xef\xbb\xbfid,age") == "table"
    assert own.form_of("a.msg.txt", b"") == "fhir"
    assert own.form_of("a.done", b"") == "nhsa"
    assert own.form_of("a.hl7", b"") is None
    assert own.marked("a.HL7") == "a"
    assert own.marked("a.done") is None
    assert own.marked("a.ok") == "a"
    assert (own.partial("a.csv"), own.partial("a.tmp"), own.partial("a.part")) == (1, 0, 1)


@pytest.mark.parametrize("rows", [{".x": "xml"}, {"": "hl7v2"}, {".x": ""}, {".x": "hl7v2 marker"}])
def test_a_meaning_that_is_none_is_refused(rows: dict[str, str], tmp_path: Path) -> None:
    options = FolderOptions.from_mapping({"path": str(tmp_path), "suffixes": rows})
    with pytest.raises(GrouperError, match="suffixes"):
        FolderListener(options, Memory().put, {"hl7v2": Whole()})


def test_the_shipped_tables_name_forms_that_are_there() -> None:
    named = {form for found in meanings().forms.values() for form in found}
    assert named == set(KNOWN)
    assert named <= set(forms())
    assert set(meanings().contents) <= named


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("middle,.x,form,hl7v2,x", "where"),
        ("start,x,form,hl7v2,x", "where"),
        ("end,,form,hl7v2,x", "part"),
        ("end,.X,form,hl7v2,x", "part"),
        ("end,.y,marker,,x", "part"),
        ("end,.x,shape,hl7v2,x", "meaning"),
        ("end,.x,form,,x", "forms"),
        ("end,.x,marker,hl7v2,x", "forms"),
    ],
)
def test_a_wrong_row_is_named_with_its_place(tmp_path: Path, row: str, column: str) -> None:
    suffixes, contents = tmp_path / "suffixes.csv", tmp_path / "contents.csv"
    suffixes.write_text(f"{SUFFIXES}end,.y,partial,,x\nstart,.y,partial,,x\n{row}\n", "utf-8")
    contents.write_text(CONTENTS, "utf-8")
    with pytest.raises(CodebookError) as raised:
        read_meanings(suffixes, contents)
    where = raised.value.where
    assert (where.file, where.row, where.column) == ("suffixes.csv", 4, column)
    assert raised.value.code == "FOLDER_TABLE"


@pytest.mark.parametrize("pattern", ["(", "病"])
def test_a_wrong_pattern_is_named_with_its_place(tmp_path: Path, pattern: str) -> None:
    suffixes, contents = tmp_path / "suffixes.csv", tmp_path / "contents.csv"
    suffixes.write_text(SUFFIXES, "utf-8")
    contents.write_text(f"{CONTENTS}fhir,{pattern},x\n", "utf-8")
    with pytest.raises(CodebookError, match=r"contents\.csv.*pattern"):
        read_meanings(suffixes, contents)

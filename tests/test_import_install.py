"""An imported book among the hospital's own: whole or not at all, and bound from its first day."""

from __future__ import annotations

import json
import os
import time
from datetime import date
from typing import TYPE_CHECKING

import pytest
import workbook_builder
from import_support import OPTIONS, read

from codebooks import paths, storage
from codebooks.errors import CodebookError
from codebooks.importers import install as installing
from codebooks.importers import swap
from codebooks.importers.install import REPORT, install
from codebooks.registry import registry, reload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codebooks.importers.report import ImportResult


@pytest.fixture
def result(tmp_path: Path) -> Iterator[ImportResult]:
    reload()
    yield read(tmp_path, workbook_builder.small())
    registry.cache_clear()


@pytest.fixture
def changed(tmp_path: Path) -> ImportResult:
    sheets = workbook_builder.small()
    sheets["MDC"][2][1] = "改名"
    return read(tmp_path, sheets)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_dir())


def name_of(folder: Path) -> str:
    return str(storage.verify_book(folder).rows("mdc")[1]["name"])


def test_it_binds_from_its_first_day(result: ImportResult) -> None:
    assert result.book is not None
    assert registry().binding("national", date(2027, 3, 1)).scheme == "chs-drg-3.0"
    folder = install(result.book, result.report)
    assert folder == paths.installed() / "schemes" / "own-3.0"
    assert registry().binding("national", date(2027, 2, 28)).scheme == "chs-drg-3.0"
    bound = registry().binding("national", date(2027, 3, 1))
    assert (bound.scheme, bound.installed) == ("own-3.0", True)
    assert registry().book("own-3.0").content_hash() == result.report.content_sha256
    kept = json.loads((folder / REPORT).read_text("utf-8"))
    assert kept["sha256"] == result.report.sha256
    assert names(paths.installed()) == ["own-3.0", "schemes"]


def test_an_id_is_given_once(result: ImportResult, changed: ImportResult) -> None:
    assert result.book is not None
    assert changed.book is not None
    folder = install(result.book)
    assert not (folder / REPORT).exists()
    with pytest.raises(CodebookError, match="IMPORT_EXISTS"):
        install(changed.book)
    assert name_of(folder) == "神经系统疾病"
    with pytest.raises(CodebookError, match="IMPORT_EXISTS"):
        install(changed.book.with_card(id="chs-drg-3.0"))
    with pytest.raises(CodebookError, match="IMPORT_ID"):
        install(changed.book.with_card(id="../chs"))
    assert names(paths.installed()) == ["own-3.0", "schemes"]


def test_an_id_taken_meanwhile_is_refused(
    result: ImportResult, changed: ImportResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert result.book is not None
    assert changed.book is not None
    install(result.book)
    monkeypatch.setattr(installing, "check_free", lambda *_, **__: None)
    with pytest.raises(CodebookError, match="IMPORT_EXISTS"):
        install(changed.book)
    assert names(paths.installed()) == ["own-3.0", "schemes"]


@pytest.mark.parametrize("exchange", [True, False])
def test_replacing_swaps(
    result: ImportResult,
    changed: ImportResult,
    monkeypatch: pytest.MonkeyPatch,
    exchange: bool,
) -> None:
    assert result.book is not None
    assert changed.book is not None
    install(result.book)
    if not exchange:
        monkeypatch.setattr(swap.sys, "platform", "win32")
    folder = install(changed.book, replace=True)
    assert name_of(folder) == "改名"
    assert registry().book("own-3.0").rows("mdc")[1]["name"] == "改名"
    assert names(paths.installed()) == ["own-3.0", "schemes"]


def test_a_system_without_exchange_steps_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare:
        """A C library of old."""

    monkeypatch.setattr(swap.sys, "platform", "linux")
    monkeypatch.setattr(swap.ctypes, "CDLL", lambda *_, **__: Bare())
    assert swap._exchange(paths.installed(), paths.shipped()) is False


@pytest.mark.parametrize("failure", [OSError(28, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["write_book", "swap_in", "second rename"])
def test_a_failure_leaves_what_was_there(
    result: ImportResult,
    changed: ImportResult,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    step: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    assert result.book is not None
    assert changed.book is not None
    folder = install(result.book)
    with monkeypatch.context() as patch:
        if step == "second rename":
            patch.setattr(swap, "_exchange", lambda *_: False)
            rename = type(folder).rename

            def second(self: Path, to: Path) -> Path:
                if to == folder and swap._OLD not in self.parts:
                    raise failure
                return rename(self, to)

            patch.setattr(type(folder), "rename", second)
        else:
            patch.setattr(installing, step, fail)
        expected = CodebookError if isinstance(failure, OSError) else KeyboardInterrupt
        with pytest.raises(expected) as caught:
            install(changed.book, replace=True)
    if isinstance(caught.value, CodebookError):
        assert caught.value.code == "IMPORT_WRITE"
    assert name_of(folder) == "神经系统疾病"
    assert names(paths.installed()) == ["own-3.0", "schemes"]


def test_the_only_copy_is_not_cleared_away(tmp_path: Path) -> None:
    work = swap.workplace(tmp_path)
    target = tmp_path / "schemes" / "own-3.0"
    old = work / swap._OLD / "own-3.0"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text("{}", "utf-8")
    swap.clear(work, target)
    assert old.exists()
    swap.recover(tmp_path, target.parent)
    assert (target / "manifest.json").exists()
    swap.clear(work, target)
    assert not work.exists()


def test_what_a_killed_installation_left_is_cleared(result: ImportResult) -> None:
    assert result.book is not None
    base = paths.installed()
    stale, fresh = swap.workplace(base), swap.workplace(base)
    lost = stale / swap._OLD / "lost-1"
    storage.write_book(result.book.with_card(id="lost-1"), lost)
    kept = fresh / swap._OLD / "own-3.0"
    kept.mkdir(parents=True)
    old = time.time() - 2 * swap._STALE_SECONDS
    os.utime(stale, (old, old))
    (base / "schemes" / "own-3.0").mkdir(parents=True)
    install(result.book, replace=True)
    assert not stale.exists()
    assert fresh.exists()
    assert {"lost-1", "own-3.0"} <= set(registry().installed)


def test_a_data_folder_that_cannot_be_written(
    result: ImportResult, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert result.book is not None
    wall = tmp_path / "wall"
    wall.write_text("", "utf-8")
    monkeypatch.setenv("GROUPER_DATA", str(wall / "data"))
    with pytest.raises(CodebookError, match="IMPORT_WRITE"):
        install(result.book)


def test_only_valid_dates_of_the_options_bind(result: ImportResult) -> None:
    assert result.book is not None
    install(result.book.with_card(valid_to=date(2027, 4, 1)))
    assert registry().binding("national", date(2027, 3, 31)).scheme == OPTIONS.id
    assert registry().binding("national", date(2027, 4, 1)).scheme == "chs-drg-3.0"

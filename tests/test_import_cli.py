"""``grouper codebooks import`` from the outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import workbook_builder
from import_support import save
from typer.testing import CliRunner

from codebooks import paths
from codebooks.errors import CodebookError
from codebooks.registry import registry, reload
from grouper.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

CARD = ["--id", "own-3.0", "--valid-from", "2027-03-01"]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    reload()
    yield
    registry.cache_clear()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return save(tmp_path, workbook_builder.small())


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["codebooks", "import", *map(str, arguments)])


def test_it_reports_and_installs(book: Path) -> None:
    result = run(book, *CARD, "--valid-to", "2028-01-01", "--source", "医保发〔2026〕22号")
    assert result.exit_code == 0, result.output
    assert "已安装方案 own-3.0" in result.output
    card = registry().card("own-3.0")
    assert card.source.startswith("医保发〔2026〕22号")
    assert str(card.valid_to) == "2028-01-01"


def test_a_dry_run_writes_nothing(book: Path) -> None:
    result = run(book, *CARD, "--dry-run", "--lang", "en")
    assert result.exit_code == 0, result.output
    assert "Checked only, not installed" in result.output
    assert list(paths.installed().iterdir()) == []


def test_json_is_one_document(book: Path) -> None:
    plain = json.loads(run(book, *CARD, "--json").stdout)
    assert (plain["refused"], plain["installed"]) == (False, True)
    assert plain["card"]["id"] == "own-3.0"
    again = json.loads(run(book, *CARD, "--json", "--replace", "--dry-run").stdout)
    assert again["installed"] is False
    assert again["same_as"] == ["own-3.0"]


def test_a_refusal_is_status_2_and_writes_nothing(tmp_path: Path) -> None:
    sheets = workbook_builder.small()
    sheets["ADRG"][4][2] = "ZYZD in DI_NONE or"
    path = save(tmp_path, sheets)
    result = run(path, *CARD)
    assert result.exit_code == 2
    assert "RULE_INCOMPLETE" in result.output
    assert "第 5 行" in result.output
    assert "没有写入任何内容" in result.output
    assert list(paths.installed().iterdir()) == []
    assert json.loads(run(path, *CARD, "--json").stdout)["refused"] is True


def test_a_taken_id_is_known_before_the_file_is_read(tmp_path: Path) -> None:
    result = run(tmp_path / "absent.xlsx", "--id", "chs-drg-3.0", "--valid-from", "2027-01-01")
    assert isinstance(result.exception, CodebookError)
    assert result.exception.code == "IMPORT_EXISTS"


def test_a_folder_is_taken_too(tmp_path: Path) -> None:
    (tmp_path / "city").mkdir()
    result = run(tmp_path / "city", *CARD)
    assert isinstance(result.exception, CodebookError)
    assert result.exception.code == "IMPORT_CARD_MISSING"

"""The commands ``grouper catalogue``."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from catalogue_support import DAY, NEXT, WESTERN, as_csv, drug, mapped, own_data, put
from typer.testing import CliRunner

from codebooks.catalogues.catalogue import Catalogue
from codebooks.errors import CodebookError
from grouper.cli.catalogue import app

__all__ = ["own_data"]


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    # --lang sets the language of the process.
    monkeypatch.setenv("GROUPER_LANG", "zh")


def run(*words: str, code: int = 0) -> str:
    answer = CliRunner().invoke(app, list(words))
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    assert answer.exit_code == code, answer.output
    return answer.stdout


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


@pytest.fixture
def file(own_data: Path) -> Path:
    path = own_data / "list.csv"
    path.write_bytes(as_csv("drugs", [drug(WESTERN[0], "乙"), drug(WESTERN[1]), drug("bad")]))
    return path


def test_a_dry_run_and_a_check_install_nothing(file: Path) -> None:
    words = ("drugs", str(file), "--valid-from", "2026-01-01")
    assert "仅检查，未安装" in run("import", *words, "--dry-run")
    assert "仅检查，未安装" in run("check", *words)
    assert told("check", "drugs", str(file))["installed"] is False
    assert not Catalogue("drugs")
    assert "尚未导入" in run("list")


def test_an_import_is_told_and_listed(file: Path) -> None:
    words = ("import", "drugs", str(file), "--valid-from", "2026-01-01")
    out = run(*words, "--source", "虚构文号", "--left-out", str(file.parent / "left.csv"))
    assert "已安装为第 1 次导入" in out
    with (file.parent / "left.csv").open(encoding="utf-8-sig", newline="") as left:
        (row,) = csv.DictReader(left)
    assert (row["row"], row["fault"], row["found"]) == ("4", "CATALOGUE_CODE_FORM", "BAD")
    assert told("list", "--on", "2026-01-01") == [
        {"kind": "drugs", "rows": 2, "imports": 1, "valid_from": "2026-01-01"}
    ]
    assert "2 行在用" in run("list", "--on", "2026-01-01")
    (made,) = told("history", "drugs")
    assert (made["source"], made["left_out"]) == ("虚构文号", 1)
    assert made["sha256"] in run("history", "drugs")


def test_what_is_refused_ends_with_its_status(own_data: Path) -> None:
    path = own_data / "bad.csv"
    path.write_bytes(as_csv("drugs", [drug("bad")]))
    words = ("import", "drugs", str(path), "--valid-from", "2026-01-01")
    assert "未导入" in run(*words, code=2)
    answer = CliRunner().invoke(app, [*words, "--json"])
    assert answer.exit_code == 2
    assert json.loads(answer.stdout)["installed"] is False


def test_a_code_and_words_are_shown(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0], name="阿某片"), drug(WESTERN[0], "乙", name="阿某片")])
    put(own_data, "drugs", [drug(WESTERN[1], name="=某胶囊")], valid_from=NEXT, whole=False)
    out = run("show", "drugs", WESTERN[0])
    assert "2026-01-01" in out
    assert "不止一行" in out
    assert "more than one row" in run(
        "show", "drugs", WESTERN[0], "--on", "2026-02-01", "--lang", "en"
    )
    (row,) = told("show", "drugs", "某胶囊")
    assert (row["code"], row["valid_from"], row["valid_to"]) == (WESTERN[1], "2026-07-01", None)
    assert told("show", "drugs", "某胶囊", "--on", "2026-01-01") == []


def test_nothing_found_is_said(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    assert "没有找到" in run("show", "drugs", "乌有", "之药")


def test_the_differences_of_two_days(own_data: Path) -> None:
    rows = [mapped(f"H{n}", WESTERN[n % 10]) for n in range(30)]
    put(own_data, "mapping", rows)
    later = [mapped("H0", WESTERN[1], price=""), *(mapped(f"K{n}", WESTERN[0]) for n in range(2))]
    put(own_data, "mapping", later, valid_from=NEXT)
    words = ("diff", "mapping", "2026-01-01", "2026-07-01")
    out = run(*words)
    assert f"~ H0 院内H0：国家编码 {WESTERN[0]} → {WESTERN[1]}" in out
    assert "最高限价或价格 10 → （无）" in out
    assert "另有 13 项" in out
    assert len(run(*words, "--all").splitlines()) == 2 + 33
    assert told(*words)["counts"] == {"added": 2, "removed": 29, "price": 1, "mapping": 1}


def test_the_installed_mapping_is_checked(own_data: Path) -> None:
    with pytest.raises(CodebookError, match="CATALOGUE_NONE"):
        run("check")
    put(own_data, "drugs", [drug(WESTERN[0], "乙", price="5")])
    rows = [mapped("H1", WESTERN[0]), mapped("H2", WESTERN[0]), mapped("H2", WESTERN[1])]
    put(own_data, "mapping", rows)
    found = [one["code"] for one in told("check", "--on", "2026-01-01")["findings"]]
    assert sorted(set(found)) == [
        "CATALOGUE_ABOVE_CEILING",
        "CATALOGUE_CITY_TWO_NATIONAL",
        "CATALOGUE_NOT_LISTED",
        "CATALOGUE_SCOPE_DIFFERS",
        "CATALOGUE_TWO_NATIONAL",
    ]
    assert "H2" in run("check", "--on", "2026-01-01", "--level", "III")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "pills", "x"), "CATALOGUE_KIND"),
        (("history", "drugs"), "CATALOGUE_NONE"),
        (("check", "drugs"), "CATALOGUE_CHECK_FILE"),
        (("check", "drugs", "x.csv", "--column", "code"), "CATALOGUE_COLUMN"),
    ],
)
def test_words_that_cannot_be_used(own_data: Path, words: tuple[str, ...], code: str) -> None:
    assert own_data.is_dir()
    with pytest.raises(CodebookError, match=code) as caught:
        run(*words)
    assert caught.value.describe("zh") != caught.value.describe("en")


def test_a_column_of_its_own_name(own_data: Path) -> None:
    path = own_data / "own.csv"
    path.write_bytes(as_csv("drugs", [[WESTERN[0], "甲药"]], ["国码", "品名"]))
    words = ["import", "drugs", str(path), "--valid-from", str(DAY)]
    run(*words, "--column", "code=国码", "--column", "name = 品名")
    assert Catalogue("drugs").on(date(2026, 2, 1))["name"].to_pylist() == ["甲药"]


def test_the_command_is_part_of_the_program(own_data: Path) -> None:
    assert own_data.is_dir()
    program = [sys.executable, "-c", "from grouper.cli.main import main; main()", "catalogue"]
    done = subprocess.run(
        [*program, "list"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "尚未导入任何目录")
    done = subprocess.run(
        [*program, "history", "pills", "--lang", "en"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 2
    assert "no catalogue" in done.stderr

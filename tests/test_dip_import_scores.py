"""A city's scores joined to the national catalogue, and ``grouper codebooks import`` for DIP."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dip_workbook import official
from typer.testing import CliRunner
from workbook_builder import pack

from codebooks import paths
from codebooks.dip.importers.importing import import_dip
from codebooks.dip.importers.options import DipOptions
from codebooks.dip.importers.remembered import FILE
from codebooks.errors import CodebookError
from codebooks.findings import Severity
from codebooks.importers.options import ImportOptions
from codebooks.importers.report import ImportResult
from codebooks.registry import registry, reload
from grouper.cli.main import app

if TYPE_CHECKING:
    from click.testing import Result

CARD = ImportOptions(id="ningde-2027", region="ningde", valid_from=date(2027, 1, 1))
OPTIONS = DipOptions(card=CARD, city_mean=Decimal(5000))
HEADER = ["序号编码", "分值", "次均费用", "平均住院日", "病例数"]
COLUMNS = {"group": "序号编码"}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry.cache_clear()
    yield
    registry.cache_clear()


def table(*rows: list[object], header: list[str] | None = None) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([header or ["病种编码", *HEADER[1:]], *rows])
    return out.getvalue().encode()


def every_row() -> list[list[object]]:
    return [[n, n % 90 + 10, (n % 90 + 10) * 5, "7.5", 15 + n] for n in range(1, 5126)]


def read(folder: Path, content: bytes, options: DipOptions = OPTIONS) -> ImportResult:
    path = folder / "scores.csv"
    path.write_bytes(content)
    return import_dip(path, options, as_scores=True)


def codes(result: ImportResult, severity: Severity | None = None) -> list[str]:
    findings = result.report.findings
    return [f.code for f in findings if severity is None or f.severity is severity]


def test_every_group_gets_its_figures(tmp_path: Path) -> None:
    result = read(tmp_path, table(*every_row()))
    assert codes(result) == []
    assert result.book is not None
    national = registry().book("dip-3.0")
    figures = ("score", "mean_cost", "mean_los", "cases")
    for was, now in zip(national.rows("groups"), result.book.rows("groups"), strict=True):
        number = int(now["group"])
        assert now["score"] == number % 90 + 10
        assert now["mean_cost"] == 5 * now["score"]
        assert (now["mean_los"], now["cases"]) == (Decimal("7.5"), 15 + number)
        assert {**now, **dict.fromkeys(figures)} == was
    for name in ("excluded_diagnoses", "excluded_procedures", "primary_care"):
        assert result.book.rows(name) == national.rows(name)
    card = result.book.card
    assert (card.options["rules"], card.options["city_mean_cost"]) == ("national", "5000")
    assert card.kinds == ("inpatient",)


def test_local_comprehensive_groups_join_the_catalogue(tmp_path: Path) -> None:
    rows = [["1", 10, 50, "", ""], ["A00:SS", 20, 100, "", ""], ["A00:BSZL", 5, 25, "", 30]]
    result = read(tmp_path, table(*rows))
    assert codes(result) == ["DIP_SCORES_PART"]
    assert result.book is not None
    groups = result.book.rows("groups")
    assert [(row["group"], row["section"], row["sort"]) for row in groups[-2:]] == [
        ("A00:SS", "ZH", 5126),
        ("A00:BSZL", "ZH", 5127),
    ]
    assert groups[-1]["cases"] == 30
    assert {line.key: line.read for line in result.report.counts}["dip_zh"] == 2


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        (["9999", 1, 5, "", ""], "DIP_SCORE_GROUP", "A 病种编码"),
        (["0", 1, 5, "", ""], "DIP_SCORE_GROUP", "A 病种编码"),
        (["A00.0:47.01", 1, 5, "", ""], "DIP_SCORE_GROUP", "A 病种编码"),
        (["甲:SS", 1, 5, "", ""], "DIP_DIAGNOSIS_KEY", "A 病种编码"),
        (["", 1, 5, "", ""], "IMPORT_CELL_EMPTY", "A 病种编码"),
        (["01", 2, 5, "", ""], "DIP_CONFLICT", "A 病种编码"),
        (["2", "x", 5, "", ""], "DIP_NUMBER", "B 分值"),
        (["2", 1, 5, "", "1.5"], "DIP_NUMBER", "E 病例数"),
    ],
)
def test_rows_that_do_not_fit_refuse_the_table(
    tmp_path: Path, row: list[object], code: str, column: str
) -> None:
    result = read(tmp_path, table(["1", 1, 5, "", ""], row))
    assert result.book is None
    (finding,) = (f for f in result.report.findings if f.severity is Severity.ERROR)
    assert finding.code == code
    assert (finding.where.file, finding.where.row) == ("scores.csv", 3)
    assert finding.where.column == column


def test_repeats_and_odd_scores(tmp_path: Path) -> None:
    rows = [["1", 10, 50, "", ""], ["001", 10, 50, "", ""], ["2", 11, 50, "", ""]]
    result = read(tmp_path, table(*rows))
    assert codes(result) == ["DIP_SCORES_PART", "DIP_SCORE_MEAN"]
    assert result.report.mends == {"dip_repeat": 1}


def test_the_base_must_be_a_dip_scheme(tmp_path: Path) -> None:
    for base, code in (("chs-drg-3.0", "DIP_BASE"), ("nowhere", "SCHEME_UNKNOWN")):
        with pytest.raises(CodebookError, match=code):
            read(tmp_path, table(), replace(OPTIONS, base=base))
    assert codes(read(tmp_path, table(header=["甲"]))) == ["IMPORT_HEADER"]


def test_the_workbook_and_the_scores_together(tmp_path: Path) -> None:
    book = tmp_path / "dip.xlsx"
    book.write_bytes(pack(official(registry().book("dip-3.0"))))
    scores = tmp_path / "scores.csv"
    scores.write_bytes(table(*every_row()))
    joined = import_dip(book, replace(OPTIONS, scores=scores))
    alone = import_dip(scores, OPTIONS, as_scores=True)
    assert joined.book is not None
    assert joined.report.content_sha256 == alone.report.content_sha256
    assert [t.table for t in joined.report.tables][-1] == "scores"
    scores.write_bytes(table(["9999", 1, 5, "", ""]))
    refused = import_dip(book, replace(OPTIONS, scores=scores))
    assert refused.book is None
    finding = next(f for f in refused.report.findings if f.code == "DIP_SCORE_GROUP")
    assert finding.where.file == "scores.csv"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["codebooks", "import", *map(str, arguments)])


ARGUMENTS = ["--id", "ningde-2027", "--region", "宁德", "--valid-from", "2027-01-01"]
CITY = "诊断编码,手术编码,分值,次均费用\nK35.8,,400,2000\nK35.8,47.0100,1000,5000\n"


def test_a_catalogue_is_installed_and_binds(tmp_path: Path) -> None:
    path = tmp_path / "city.csv"
    path.write_text(CITY, "utf-8")
    result = run(path, *ARGUMENTS, "--city-mean", "5000", "--option", "tie=exact_then_score")
    assert result.exit_code == 0, result.output
    assert "已安装方案 ningde-2027" in result.output
    found = reload()
    assert found.binding("ningde", date(2027, 6, 1)).scheme == "ningde-2027"
    assert found.card("ningde-2027").options["tie"] == "exact_then_score"
    assert len(found.book("ningde-2027").rows("groups")) == 2


def test_a_dry_run_and_a_refusal_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "city.csv"
    path.write_text(CITY.replace("诊断编码", "疾病"), "utf-8")
    given = [*ARGUMENTS, "--column", "diagnosis=疾病"]
    plain = json.loads(run(path, *given, "--dry-run", "--json").stdout)
    assert (plain["refused"], plain["installed"], plain["layout"]) == (False, False, "dip_city")
    path.write_text(CITY.replace("诊断编码", "疾病") + "K35.8,,401,2000\n", "utf-8")
    refused = run(path, *given, "--family", "dip")
    assert refused.exit_code == 2
    assert "DIP_CONFLICT" in refused.output
    assert list(paths.installed().iterdir()) == []


def test_columns_are_kept_once_the_import_went_well(tmp_path: Path) -> None:
    path = tmp_path / "city.csv"
    path.write_text(CITY.replace("诊断编码", "疾病"), "utf-8")
    assert run(path, *ARGUMENTS, "--column", "diagnosis=疾病").exit_code == 0
    assert (paths.installed() / FILE).is_file()
    again = run(path, *ARGUMENTS, "--replace", "--lang", "en")
    assert again.exit_code == 0, again.output
    assert "given for this header before" in again.output


def test_a_score_table_is_named_by_its_base(tmp_path: Path) -> None:
    path = tmp_path / "scores.xlsx"
    rows = [["2027年分值表"], ["病种编码", "分值", "次均费用"], [1, 10.5, 52.5], [2, 20, 100]]
    path.write_bytes(pack({"分值": rows}))
    result = run(path, *ARGUMENTS, "--family", "dip", "--base", "dip-3.0", "--city-mean", "5000")
    assert result.exit_code == 0, result.output
    book = registry().book("ningde-2027")
    scores = [row["score"] for row in book.rows("groups")]
    assert scores[:2] == [Decimal("10.5"), Decimal(20)]
    assert set(scores[2:]) == {None}
    assert "5123" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--family", "apc"],
        ["--comma", "maybe"],
        ["--column", "score"],
        ["--option", "=x"],
        ["--city-mean", "x"],
        ["--city-mean", "0"],
        ["--tolerance", "-1"],
        ["--tolerance", "NaN"],
    ],
)
def test_values_that_cannot_be_read(tmp_path: Path, arguments: list[str]) -> None:
    path = tmp_path / "city.csv"
    path.write_text(CITY, "utf-8")
    result = run(path, *ARGUMENTS, *arguments)
    assert result.exit_code == 2
    assert list(paths.installed().iterdir()) == []


def test_an_option_that_the_engine_does_not_have_refuses(tmp_path: Path) -> None:
    path = tmp_path / "city.csv"
    path.write_text(CITY, "utf-8")
    result = run(path, *ARGUMENTS, "--option", "tie=dice")
    assert result.exit_code == 2
    assert "DIP_CARD_OPTION" in result.output

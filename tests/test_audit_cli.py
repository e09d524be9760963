"""``grouper audit``, how a folder is read, and the words of findings."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from audit_support import at, cases, charges, world
from demo_hospital_support import PART, march
from typer.testing import CliRunner

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.audit.engine import Context, audit
from grouper.audit.finding import FINDING_SCHEMA
from grouper.audit.planning import NotRun
from grouper.audit.reading import of_month, read_sources
from grouper.audit.templates import templates
from grouper.audit.words import document, lines, not_run_words
from grouper.cli.audit_commands import add_audit


@cache
def folder(root: Path) -> Path:
    """A month of the demonstration hospital as its folder."""
    made = march(PART)
    for kind in ("inpatient", "outpatient", "charges"):
        (root / kind).mkdir()
        pq.write_table(getattr(made, kind), root / kind / "2025-03.parquet")
    # Months that are not beside the one asked for are not even opened.
    (root / "inpatient" / "2025-07.parquet").write_bytes(b"no")
    return root


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("hospital"))


def run(*words: object, fails: bool = False) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_audit(app, ["audit"])
    answer = CliRunner().invoke(app, ["audit", *map(str, words)])
    if fails:
        assert isinstance(answer.exception, GrouperError), answer.output
        return answer.exception.code
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.output


def test_a_month_of_a_folder_is_screened(hospital: Path, tmp_path: Path) -> None:
    output = tmp_path / "found.parquet"
    told = run("2025-03", hospital, "-o", output)
    found = pq.read_table(output)
    assert found.schema.equals(FINDING_SCHEMA)
    assert f"发现 {found.num_rows} 条" in told
    assert "重复明细" in told
    assert "金额最高的 5 条" in told
    assert "未运行的规则" in told
    # The hospital's level is known by the policy of its region.
    assert "医院级别不明" not in told


def test_findings_are_written_as_a_table_and_shown_as_json(hospital: Path, tmp_path: Path) -> None:
    output = tmp_path / "found.csv"
    options = ("--rule", "LOC-DUPLINE", "--format", "json", "--lang", "en")
    told = run("2025-03", hospital, *options, "-o", output)
    document = json.loads(told[: told.rindex("}") + 1])
    assert {one["rule"] for one in document["findings"]} == {"LOC-DUPLINE"}
    assert document["findings"][0]["words"][0].startswith("[violation]")
    with output.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["finding"] for row in rows] == [one["finding"] for one in document["findings"]]
    assert rows[0]["evidence"].startswith("first=")


def test_files_are_screened_without_a_month(hospital: Path) -> None:
    told = run(
        hospital / "inpatient" / "2025-03.parquet",
        *("--charges", hospital / "charges" / "2025-03.parquet", "--region", "demo"),
        *("--rule", "GZ10000204002000", "--rule", "GZ10000101001000"),
    )
    assert "药品限工伤保险" in told
    assert "门诊就诊记录" in told


def test_a_month_without_findings_says_so(hospital: Path) -> None:
    assert "没有发现问题" in run(
        "2025-03", hospital, "--rule", "LOC-IMPERS", "--region", "national"
    )


def test_what_cannot_be_asked_is_refused(hospital: Path, tmp_path: Path) -> None:
    for month in ("2025-13", "9999-12", "0000-01"):
        assert run(month, hospital, fails=True) == "AUDIT_MONTH"
    assert run("2024-01", hospital, fails=True) == "AUDIT_FOLDER"
    assert run("2025-02", hospital, fails=True) == "AUDIT_NO_CASES"
    assert run(hospital, "--rule", "nothing", fails=True) == "AUDIT_UNKNOWN_RULE"
    assert run(hospital, "-o", tmp_path / "x.txt", fails=True) == "AUDIT_OUTPUT"
    assert run(tmp_path, fails=True) == "AUDIT_FOLDER"
    assert run(hospital, "--book", "no", fails=True) == "AUDIT_BOOK"


def test_the_command_is_loaded_only_when_asked_for() -> None:
    app = typer.Typer()
    add_audit(app, ["group", "x"])
    assert not app.registered_commands
    add_audit(app, [])
    assert [one.name for one in app.registered_commands] == ["audit", "audit-monitors"]


def test_records_without_an_id_or_with_a_known_one_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(cases([{}, {"case_id": "C0"}, {}]), path)
    found = read_sources([path])
    assert found.cases["case_id"].to_pylist() == ["C0", "C2"]
    assert found.left_out == {"repeated": 1}
    pq.write_table(cases([{}, {"case_id": None}]), path)
    assert read_sources([path]).left_out == {"no_id": 1}
    told = run(path, "--rule", "LOC-DUPLINE", "--format", "json")
    assert json.loads(told)["left_out"] == {"no_id": 1}


def test_a_case_belongs_to_the_month_of_its_end() -> None:
    made = cases(
        [
            {"discharge_time": at(31, 23)},
            {"discharge_time": at(32, 0)},
            {"discharge_time": None},
            {"discharge_time": None, "admission_time": None},
        ]
    )
    assert of_month(made, date(2025, 1, 1)).tolist() == [True, False, True, False]
    assert of_month(made, date(2025, 2, 1)).tolist() == [False, True, False, False]
    assert not of_month(made, date(2024, 12, 1)).any()


def _found() -> list[dict[str, Any]]:
    book = audit_book()
    made = world(1)
    context = Context(levels={"H1": "I"}, shadow=True)
    return audit(
        cases(made.people), charges(made.lines), book, context=context
    ).findings.to_pylist()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_finding_has_words(lang: str) -> None:
    told = _found()
    assert told
    for row in told:
        words = lines(row, audit_book(), lang)
        assert row["rule"] in words[0]
        assert row["case_id"] in words[1]
        assert words[-1].startswith({"zh": "处理", "en": "To do"}[lang])
        assert document(row, audit_book(), lang)["words"] == words


def test_what_the_catalogue_does_not_know_stands_as_it_is() -> None:
    row = _found()[0] | {
        "unit": "moons",
        "observed": Decimal("2.5000"),
        "allowed": Decimal(1),
        "evidence": [{"key": "colour", "value": "blue"}, {"key": "first", "value": None}],
        "rule": "OWN",
        "lines": list(range(1, 30)),
        "items": [],
        "day": None,
        "department": None,
    }
    words = lines(row, audit_book(), "en")
    assert "moons" in words[2]
    assert "colour: blue" in words[2]
    assert "1 2 3" in words[1]
    assert "20 …" in words[1]
    assert words[0].endswith("OWN (OWN)")
    assert "OWN" in not_run_words(NotRun("OWN", "NO_TEMPLATE"), audit_book(), "en")
    missing = not_run_words(NotRun("OWN", "FIELDS", ("sex", "age")), audit_book(), "en")
    assert missing.endswith("sex, age")


def test_every_field_of_a_template_has_words() -> None:
    for lang in ("zh", "en"):
        known = catalogue(lang)
        fields = {field for one in templates() for field in one.fields}
        assert {f"audit_field.{field}" for field in fields} <= set(known)

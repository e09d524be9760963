"""The command as a person types it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import grouper.cli.main as entry
from codebooks.errors import GrouperError
from grouper.cli.main import app, main
from grouper.cli.service_commands import NAMES, add_service
from grouper.demo import __main__ as demo
from grouper.demo import hospital_month

RUN = CliRunner()
GALL = ["--dx", "K80.101|I50.900", "--px", "51.2300", "--sex", "1", "--age", "45"]


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.csv"
    path.write_text(
        "病案号,性别,年龄,出院时间,主要诊断编码,其他诊断编码1,主要手术编码\n"
        "N1,男,45,2027-01-05,K80.101,I50.900,51.2300\n"
        "N2,男,45,2027-01-05,K80.101,,51.2300\n"
        "N3,男,45,2027-01-05,K80.101,,51.2300,多余\n",
        "utf-8",
    )
    return path


def call(*words: object) -> str:
    result = RUN.invoke(app, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def fails(*words: object) -> GrouperError:
    result = RUN.invoke(app, [str(w) for w in words])
    assert isinstance(result.exception, GrouperError), result.output
    return result.exception


def test_group_prints_a_summary(cases: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    text = call("group", cases, "-o", out)
    assert "共处理 3 例" in text
    assert "ROW_RAGGED" in text
    assert out.exists()
    english = call("group", cases, "-o", out, "--lang", "en", "--scheme", "chs-drg-2.0")
    assert "3 cases" in english
    assert "chs-drg-2.0 2" in english


def test_group_prints_json(cases: Path, tmp_path: Path) -> None:
    found = json.loads(call("group", cases, "-o", tmp_path / "out.csv", "--json"))
    assert found["rows"] == 3
    assert found["statuses"] == {"grouped": 2, "invalid": 1}
    assert found["schemes"] == {"chs-drg-3.0": 2}


def test_group_by_region_and_edition(cases: Path, tmp_path: Path) -> None:
    words = ("--region", "北京", "--code-system", "nhsa", "--format", "csv", "--encoding", "utf-8")
    assert "chs-drg-3.0" in call("group", cases, "-o", tmp_path / "out.csv", *words)


def test_group_shows_a_bar_on_a_terminal(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grouper.cli.group.sys.stderr.isatty", lambda: True, raising=False)
    assert "共处理 3 例" in call("group", cases, "-o", tmp_path / "out.csv")


def test_an_empty_file_has_its_own_exit_status(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("sex,dx\n", "utf-8")
    result = RUN.invoke(app, ["group", str(tmp_path / "in.csv"), "-o", str(tmp_path / "o.csv")])
    assert result.exit_code == 1
    assert "FILE_EMPTY" in result.output or "0 例" in result.output


def test_wrong_words_are_told(cases: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert fails("group", cases, "-o", cases).code == "OUTPUT_IS_INPUT"
    assert fails("group", cases, "-o", out, "--scheme", "nope").code == "SCHEME_UNKNOWN"
    assert fails("group", cases, "-o", out, "--region", "nope").code == "REGION_UNKNOWN"
    assert fails("group", tmp_path / "none.csv", "-o", out).code == "FILE_NOT_FOUND"
    assert fails("explain", *GALL).code == "DATE_NEEDED"
    assert fails("explain", cases, "--row", 9).code == "CASE_NOT_FOUND"
    assert fails("explain", cases, "--case", "NX").code == "CASE_NOT_FOUND"
    assert fails("explain", cases, "--row", 3).code == "CASE_UNREADABLE"


def test_explain_a_typed_case() -> None:
    text = call("explain", *GALL, "--discharge", "2027-01-05")
    assert "HC43" in text
    assert "[2027-01-01" in text
    assert "HC23" in call("explain", *GALL, "--scheme", "chs-drg-2.0", "--lang", "en")


def test_explain_a_case_of_a_file(cases: Path, tmp_path: Path) -> None:
    first = json.loads(call("explain", cases, "--format", "json"))
    assert first["result"]["group"]["code"] == "HC43"
    assert "HC45" in call("explain", cases, "--row", 2)
    page = tmp_path / "why.html"
    call("explain", cases, "--case", "N2", "--format", "html", "-o", page)
    assert "HC45" in page.read_text("utf-8")


def test_explain_tells_what_it_could_not_read() -> None:
    words = ["explain", "--dx", "K80.101", "--sex", "huh", "--discharge", "2027-01-05"]
    result = RUN.invoke(app, words, catch_exceptions=False)
    assert "SEX_INVALID" in result.output


def test_declared_errors_end_with_status_two(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sys, "argv", ["grouper", "group"])
    try:
        for code, status in (("SCHEME_UNKNOWN", 2), ("RUN_INTERRUPTED", 130)):

            def failing(code: str = code) -> None:
                raise GrouperError(code, found="x", known="y", rows=1)

            monkeypatch.setattr(entry, "app", failing)
            with pytest.raises(SystemExit) as caught:
                main()
            assert caught.value.code == status
        monkeypatch.setattr(entry, "app", lambda: None)
        main()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_services_commands_are_there_when_asked_for() -> None:
    def names(*arguments: str) -> set[str]:
        app = typer.Typer()
        add_service(app, arguments)
        groups = {group.name for group in app.registered_groups}
        return groups | {command.name for command in app.registered_commands}

    assert names("group", "a.csv") == set()
    assert names() == names("--help") == names("inbox", "list") == set(NAMES)


def test_without_its_packages_the_service_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    add_service(typer.Typer(), [])
    with pytest.raises(GrouperError) as caught:
        add_service(typer.Typer(), ["serve"])
    assert caught.value.code == "EXTRA_MISSING"
    assert "[service]" in caught.value.describe()


@pytest.mark.parametrize(
    "sign", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_stopped_run_leaves_no_half_file(tmp_path: Path, sign: signal.Signals) -> None:
    source = tmp_path / "many.csv"
    row = "1,45,2027-01-05,K80.101|I50.900,51.2300\n"
    source.write_text("sex,age,discharge_time,dx,px\n" + row * 1_500_000, "utf-8")
    out = tmp_path / "out.csv"
    words = [sys.executable, "-m", "grouper"]
    child = subprocess.Popen(
        [*words, "group", str(source), "-o", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets what it runs in the background ignore the signal, and all that comes of it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- one thread
    )
    part = tmp_path / "out.csv.part"
    until = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 1000) and time.monotonic() < until:
        time.sleep(0.02)
    child.send_signal(sign)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "RUN_INTERRUPTED" in told
    assert [p.name for p in tmp_path.iterdir()] == ["many.csv"]


def test_the_demonstration_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # The hospital's month in small; what it is in full, test_demo_hospital holds.
    monkeypatch.setattr(hospital_month, "SCALE", 0.04)
    # Forecasts are shown on a small hospital in test_demo_forecast.
    shown: list[Path] = []
    monkeypatch.setattr(demo, "show_forecast", shown.append)
    demo.main()
    assert shown == [demo.OUT]
    text = capsys.readouterr().out
    assert "共处理 1,200 例" in text
    assert "chs-drg-2.0" in text
    assert "chs-drg-3.0" in text
    assert "入组依据" in text
    assert (tmp_path / "out" / "trace.html").exists()
    assert (tmp_path / "out" / "month.grouped.csv").exists()

"""The insurer's lists by the routes and commands, and whatever files hold."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
import python_calamine
import typer
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from insurer_lists_support import HEADER, PAIRS, PAIRS_NAME, write
from service_support import Service, service
from store_support import HOSPITAL
from typer.testing import CliRunner

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.audit.errors import AuditError
from grouper.audit.insurer.columns import shipped
from grouper.audit.insurer.findings import grouped
from grouper.audit.insurer.reading import InsurerList, read_list
from grouper.audit.insurer.rules import Rules
from grouper.cli import findings_import

# --- REST --------------------------------------------------------------------------------------


@pytest.fixture
def running(tmp_path: Path) -> Any:
    with service(tmp_path) as found:
        yield found


def upload(running: Service, text: str, role: str = "office", **form: str) -> Any:
    files = {"file": ("四月.csv", text.encode())}
    return running.ask(role, "POST", "/api/v1/findings/batches", files=files, data=form)


def test_the_routes_take_show_and_answer(running: Service) -> None:
    running.stay("V1")
    text = "就诊ID,姓名,规则名称,违规金额\nV1,示例甲,某规则,3.00\nV8,示例乙,某规则,x\n"
    answer = upload(running, text, due="2026-12-31")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["findings"], told["unread"], told["reasons"][0]["code"]) == (
        1,
        1,
        "INSURER_ROW_MONEY",
    )
    where = answer.headers["Location"]
    again = upload(running, text)
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    listed = running.ask("office", "GET", "/api/v1/findings/batches").json()
    assert [one["name"] for one in listed["batches"]] == ["四月.csv"]
    one = running.ask("office", "GET", where).json()
    assert one["states"][0]["state"] == "notified"
    assert one["recall"][-1]["no_rule"] == 1
    assert "示例" not in answer.text + repr(one)
    book = running.ask("office", "GET", f"{where}/answers")
    assert book.headers["X-Content-Type-Options"] == "nosniff"
    assert book.headers["Content-Disposition"].startswith("attachment")
    rows = python_calamine.load_workbook(io.BytesIO(book.content)).get_sheet_by_index(0)
    assert len(rows.to_python()) == 3
    looks = [(actor, action) for actor, action, _ in running.looks()]
    assert ("office1", "findings_imported") in looks
    assert ("office1", "finding_batch_shown") in looks
    assert ("office1", "finding_batch_answered") in looks


def test_the_routes_refuse_what_they_must(running: Service) -> None:
    for role in ("physician", "manager", "admin", "interface"):
        assert upload(running, "x", role).status_code == 403
        assert running.ask(role, "GET", "/api/v1/findings/batches").status_code == 403
    answer = upload(running, "a,b\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "INSURER_HEADER")
    assert "四月" not in answer.text
    absent = running.ask("office", "GET", "/api/v1/findings/batches/99")
    assert (absent.status_code, absent.json()["code"]) == (404, "FINDING_BATCH_UNKNOWN")
    absent = running.ask("office", "GET", "/api/v1/findings/batches/99/answers")
    assert absent.status_code == 404
    files = {"file": ("a.xlsx", b"PK\x03\x04rubbish")}
    broken = running.ask("office", "POST", "/api/v1/findings/batches", files=files)
    assert broken.status_code == 422


# --- the commands -------------------------------------------------------------------------------


def run(command: Any, *words: str) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(words))


def test_the_commands_take_show_and_answer(
    running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    running.stay("V1")
    assert "还没有导入过清单" in run(findings_import.batches_command).output
    text = (
        "流水,规则名称,违规金额,奇怪列\nV1,某规则,3.00,x\nV8,某规则,x,x\n"
        f"V1,{PAIRS_NAME},2.00,\n合计,,9.00,\n"
    )
    path = write(tmp_path, text)
    columns = write(tmp_path, "[columns.visit]\nnames = ['流水']\n", "columns.toml")
    words = [str(path), "--due", "2026-12-31", "--columns", str(columns), "--lang", "en"]
    found = run(findings_import.import_command, *words)
    assert found.exit_code == 0, found.output
    for part in ("List 1: 3 rows, 2 findings", "INSURER_ROW_MONEY", "奇怪列", "do not add up"):
        assert part in found.output
    again = run(findings_import.import_command, *words)
    assert "taken in before, as number 1" in again.output
    told = run(findings_import.import_command, *words, "--format", "json")
    assert json.loads(told.stdout)["repeated"] is True
    listed = run(findings_import.batches_command, "--format", "json")
    assert [one["id"] for one in json.loads(listed.stdout)] == [1]
    assert "list.csv" in run(findings_import.batches_command, "--lang", "en").output
    shown = run(findings_import.batches_command, "1", "--lang", "en").output
    assert "notified by the insurer: 2" in shown
    assert "all rules: 0 of 2 before the list came (0.0000)" in shown
    out = tmp_path / "answers.csv"
    assert run(findings_import.answers_command, "1", "-o", str(out)).exit_code == 0
    assert len(out.read_text("utf-8-sig").splitlines()) == 4
    actors = {actor for actor, action, _ in running.looks() if action == "finding_batch_answered"}
    assert all(one.startswith("command line") for one in actors)
    wrong = run(findings_import.import_command, str(path), "--due", "soon")
    assert isinstance(wrong.exception, AuditError)
    assert wrong.exception.code == "INSURER_DUE"

    def nobody() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert run(findings_import.answers_command, "1", "-o", str(out)).exit_code == 0
    assert running.looks()[-1][0] == "command line"


# --- fuzz --------------------------------------------------------------------------------------


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(max_size=300), st.integers(0, 2**32))
def test_whatever_the_file_holds_only_declared_errors_come(
    tmp_path: Path, noise: bytes, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret
    sound = f"{HEADER}\nS1,,,甲乙,{PAIRS},,001,2026-03-01,1,12.50,说明,\n".encode()
    at = chance.randrange(len(sound))
    path = tmp_path / f"list{chance.choice(['.csv', '.xlsx', ''])}"
    path.write_bytes(sound[:at] + noise + sound[at + chance.randrange(3) :])
    try:
        found = read_list(path, shipped())
    except GrouperError as error:
        told = error.describe("en")
        found = InsurerList(name=told, sha256="", headers=(), rows=())
    rules = Rules(audit_book())
    rows = [one for one in found.rows if one.reason is None]
    for group in grouped(rows, [rules.rule_of(one) for one in rows], HOSPITAL):
        assert len(group.key) == 64
    assert {one.reason for one in found.rows} <= {
        None,
        *(f"INSURER_ROW_{kind}" for kind in ("MONEY", "QUANTITY", "DAY", "TEXT")),
    }


def test_every_reason_has_its_words() -> None:
    for lang in ("zh", "en"):
        words = catalogue(lang)
        reasons = [one for one in words if one.startswith("reason.INSURER_")]
        assert len(reasons) == 9
        assert all(one.replace("reason.", "advice.") in words for one in reasons)

"""The commands of the review on the service's store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from review_support import AT, RULE, keep, row
from store_support import Feed, line, stay
from typer.testing import CliRunner, Result

from codebooks.errors import GrouperError
from grouper.audit.planning import on_trial
from grouper.audit.review.statistics import BY
from grouper.cli import findings_parts
from grouper.cli.findings_commands import add_findings
from grouper.cli.findings_numbers import By
from grouper.store import audit
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade

NEVER = "2099-01-01"


def invoke(*arguments: str) -> Result:
    app = typer.Typer()
    add_findings(app, ["findings", *arguments])
    return CliRunner().invoke(app, ["findings", *arguments], catch_exceptions=True)


def run(*arguments: str) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


def told(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--format", "json"))


def code(*arguments: str) -> str:
    done = invoke(*arguments)
    assert isinstance(done.exception, GrouperError), done.output
    return done.exception.code


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'grouper.sqlite'}"
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", url)
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(tmp_path / "service"))
    found = connect(url)
    upgrade(found)
    feed = Feed(found)
    feed(stay(department="心内科", lines=(line("1", "7.00", line_time="2026-03-02 08:00"),)))
    keep(found, [row(stay_id=feed.head().id), row("b" * 24, lines=[2], stay_id=feed.head().id)])
    yield found
    found.close()


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who sits at the command line: the last name."""
    names = ["li"]
    monkeypatch.setattr(findings_parts.getpass, "getuser", lambda: names[-1])
    return names


def test_a_finding_is_reviewed(database: Database, people: list[str], tmp_path: Path) -> None:
    listed = run("list")
    assert "待初审" in listed
    assert RULE not in listed.splitlines()[0]
    assert told("list", "--limit", "1")["next"] == 2
    assert "--after 2" in run("list", "--limit", "1")
    assert "没有符合条件的疑点" in run("list", "--level", "suspect")
    shown = run("show", "1")
    assert "可办理：confirm(初审确认)" in shown
    assert "confirmed" in told("step", "1", "confirm")["state"]
    run("step", "1", "ask", "--due", NEVER, "--ask", "检验科", "--note", "请核对")
    assert "反馈期限：2099-01-02 00:00" in run("show", "1")
    run("step", "1", "answer", "--note", "属实")
    assert code("step", "1", "uphold") == "SECOND_PERSON"
    people.append("wang")
    assert code("step", "1", "uphold", "--if-state", "new") == "FINDING_MOVED"
    run("step", "1", "uphold")
    assert code("step", "1", "deduct", "--amount", "x") == "AMOUNT_INVALID"
    assert told("step", "1", "deduct", "--amount", "2.50")["deduction"] == "2.50"
    assert "扣款：2.50 元" in run("show", "1")
    assert "备注 已归档" in run("comment", "1", "已归档")
    month = told("show", "1")["closed"][:7]
    table = told("deductions", month)
    assert table["total"] == "2.50"
    assert "共 1 条" in run("deductions", month)
    out = tmp_path / "table.csv"
    assert "已写入 1 条" in run("deductions", month, "-o", str(out))
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    assert code("deductions", month, "-o", str(tmp_path)) == "REVIEW_OUTPUT"
    assert code("deductions", "2026") == "REVIEW_MONTH"
    with database.reading() as connection:
        actors = {one.actor for one in audit.entries(connection, limit=200)}
    assert {"command line: li", "command line: wang"} <= actors


@pytest.mark.usefixtures("database", "people")
def test_evidence_and_findings_raised_by_hand(tmp_path: Path, database: Database) -> None:
    file = tmp_path / "a.txt"
    file.write_text("说明", "utf-8")
    assert "text/plain" in run("attach", "1", str(file))
    assert "此前已上传" in run("attach", "1", str(file))
    assert "a.txt (6)" in run("show", "1")
    assert code("attach", "1", str(tmp_path / "none.txt")) == "EVIDENCE_FILE"
    case = told("list")["findings"][0]["case_id"]
    made = told("raise", case, RULE, "--line", "1", "--note", "重复")
    assert (made["amount"], made["source"]) == ("7.00", "person")
    assert code("raise", case, RULE, "--note", "重复") == "AMOUNT_NEEDED"
    assert code("show", "99") == "FINDING_UNKNOWN"
    assert code("step", "1", "assign", "--due", "soon") == "REVIEW_DAY"
    assert code("step", "1", "assign", "--due", "9999-12-31") == "REVIEW_DAY"
    assert code("step", "1", "assign", "--assignee", "nobody") == "ASSIGNEE_UNKNOWN"
    assert "待初审" in run("step", "1", "assign", "--due", NEVER)
    keep(database, [row("c" * 24, due=AT)])
    assert "!" in run("list", "--overdue", "--all")


@pytest.mark.usefixtures("database")
def test_exceptions_and_standings(people: list[str]) -> None:
    assert "没有例外" in run("whitelists")
    days = ("--from", "2026-01-01", "--to", "2027-01-01")
    assert code("whitelist-add", RULE, "--reason", "x", "--dx", "Z51") == "REVIEW_DAY"
    made = run("whitelist-add", RULE, *days, "--reason", "化疗", "--dx", "Z51", "--item", "i")
    assert "item=i dx=Z51" in made
    assert code("whitelist-approve", "1") == "SECOND_PERSON"
    # Rules on trial begin in shadow.
    assert "LOC-COST" in run("standings")
    assert RULE not in run("standings")
    assert "观察" in run("standing", RULE, "shadow", "--reason", "试行")
    assert code("standing", RULE, "live", "--reason", "启用") == "SECOND_PERSON"
    people.append("wang")
    assert told("whitelist-approve", "1")["whitelists"][0]["approved_by"] == "command line: wang"
    assert "wang" in run("whitelist-end", "1", "--reason", "完成")
    assert code("whitelist-end", "1", "--reason", " ") == "REVIEW_NOTE"
    assert {one["rule"] for one in told("standings")["rules"]} == {RULE, *on_trial()}
    assert len(told("standings", "--all")["rules"]) > 80


@pytest.mark.usefixtures("database", "people")
def test_statistics() -> None:
    assert [one.value for one in By] == list(BY)
    found = run("statistics", "--by", "department")
    assert "心内科" in found
    assert "合计" in found
    none = told("statistics", "--since", "2026-03-03", "--until", "2026-04-01", "--source", "own")
    assert none["groups"] == []
    assert told("statistics")["total"]["found"] == 2


def test_who_sits_at_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise OSError

    monkeypatch.setattr(findings_parts.getpass, "getuser", nobody)
    assert findings_parts.actor() == "command line"


def test_the_group_is_listed_and_knows_its_commands() -> None:
    for arguments in ([], ["findings"], ["findings", "none"]):
        app = typer.Typer()
        add_findings(app, arguments)
        assert len(app.registered_groups) == 1
    app = typer.Typer()
    add_findings(app, ["price"])
    assert app.registered_groups == []
    assert "deductions" in CliRunner().invoke(_whole(), ["findings", "--help"]).output


def _whole() -> typer.Typer:
    app = typer.Typer()
    add_findings(app, ["findings"])
    return app

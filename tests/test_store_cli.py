"""The commands of the database and the audit log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import text
from store_support import Feed, line, stay
from typer import Typer
from typer.testing import CliRunner, Result

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.cli.store import app, audit_app
from grouper.store import audit
from grouper.store.database import Database, connect
from grouper.store.migrate import pending, upgrade


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found = f"sqlite:///{tmp_path / 'grouper.sqlite'}"
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", found)
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(tmp_path / "service"))
    return found


def run(group: Typer, *arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments), catch_exceptions=True)


def filled(url: str) -> Database:
    database = connect(url)
    upgrade(database)
    Feed(database)(stay(discharge_time="20260301", lines=(line("1"),)))
    with database.writing_store() as connection:
        for number in range(3):
            audit.append(connection, "lin", "case.read", f"case:{number}")
    return database


def test_upgrade_says_what_it_did(url: str) -> None:
    done = run(app, "upgrade")
    assert (done.exit_code, "store:store_1" in done.output) == (0, True)
    assert "已是最新" in run(app, "upgrade").output
    database = connect(url)
    assert pending(database) == ()
    database.close()


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize("command", ["check", "export"])
def test_old_tables_are_named(command: str) -> None:
    done = run(app, command)
    assert isinstance(done.exception, GrouperError)
    assert done.exception.code == "STORE_OLD"
    assert "grouper store upgrade" in done.exception.describe("en")


def test_check_tells_of_a_whole_and_a_broken_database(url: str) -> None:
    database = filled(url)
    done = run(app, "check")
    assert (done.exit_code, "已出院病例：1" in done.output) == (0, True)
    with database.writing_store() as connection:
        connection.execute(text("DELETE FROM stay_version"))
    database.close()
    done = run(app, "check")
    assert (done.exit_code, "病例缺少最新版本：1 处" in done.output) == (1, True)


def test_export_writes_beside_the_service_or_where_it_is_told(url: str, tmp_path: Path) -> None:
    filled(url).close()
    assert run(app, "export").exit_code == 0
    assert (tmp_path / "service" / "analysis" / "manifest.json").is_file()
    done = run(app, "export", str(tmp_path / "other"), "--anew")
    assert "charge_rows：写入 1 行" in done.output
    assert (tmp_path / "other" / "manifest.json").is_file()


def test_the_audit_log_is_verified_against_an_anchor(url: str, tmp_path: Path) -> None:
    database = filled(url)
    anchors = tmp_path / "anchors.jsonl"
    assert run(audit_app, "anchor", str(anchors)).exit_code == 0
    printed = run(audit_app, "anchor").output
    assert re.search(r'"id":3,"hash":"[0-9a-f]{64}"', printed)
    done = run(audit_app, "verify", "--anchor", str(anchors))
    assert (done.exit_code, "共 3 条记录" in done.output) == (0, True)
    with database.writing_store() as connection:
        connection.execute(text("DELETE FROM audit WHERE id = 3"))
    database.close()
    assert run(audit_app, "verify").exit_code == 0
    done = run(audit_app, "verify", "--anchor", str(anchors))
    assert (done.exit_code, "第 3 条" in done.output) == (1, True)


def test_every_fault_has_words() -> None:
    for lang in ("zh", "en"):
        known = catalogue(lang)
        for fault in audit.Fault:
            assert known[f"store_cli.audit_fault_of.{fault}"]

"""``grouper serve`` as a whole: what is sent in is a grouped case within the same second."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from mllp_support import Authority
from postgres_support import postgres_url
from serve_support import LONGEST, Service, free_port, served
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.cli import accounts, serve
from grouper.store.database import Database, StoreError, connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role
from hl7_adapters.mllp import MllpClient

__all__ = ["postgres_url"]


def message(visit: str, kind: str = "ADT^A03^ADT_A03", control: str = "") -> bytes:
    """A discharge with a diagnosis; the person is invented."""
    return "\r".join(
        (
            f"MSH|^~\\&|HIS|T|G|T|20261222100000+0800||{kind}|{control or visit}|P|2.5|||AL|NE||UNICODE UTF-8",
            "EVN|A03|20261222100000+0800",
            "PID|1||PX1^^^T^PI||测试^患者||19600101|M",
            f"PV1|1|I|01^^^内科||||||||||||||||{visit}|||||||||||||||||1||||||||20261215080000+0800|20261222100000+0800",
            "DG1|1|ICD10|I21.001^^ICD10||20261222|F|||||||||1",
            "",
        )
    ).encode()


def send(service: Service, *raw: bytes) -> list[str]:
    async def all_of_them() -> list[str]:
        async with MllpClient("127.0.0.1", service.mllp) as client:
            return [answer.code for answer in await client.send_many(raw)]

    return asyncio.run(all_of_them())


def until_grouped(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        items: list[dict[str, Any]] = client.get("/api/v1/cases").json()["cases"]
        if len(items) >= count and all(one["grouping"] for one in items):
            return items
        time.sleep(0.02)
    raise AssertionError(items)


def test_what_is_sent_in_is_stored_grouped_and_shown(tmp_path: Path) -> None:
    with served(tmp_path) as service, service.client(Role.OFFICE) as office:
        began = time.monotonic()
        assert send(service, message("V1")) == ["AA"]
        (one,) = until_grouped(office, 1)
        assert time.monotonic() - began < 5
        assert one["grouping"]["status"] == "grouped"
        assert one["grouping"]["adrg"]
        trace = office.get(f"/api/v1/cases/{one['case_id']}/trace")
        assert trace.status_code == 200
        with service.client(Role.INTERFACE) as system:
            body = (files("grouper.demo") / "day" / "lists.jsonl").read_bytes().splitlines()[0]
            answer = system.post("/api/v1/inbox/nhsa", content=body)
            assert answer.status_code == 202, answer.text
            until_grouped(office, 2)
            hook = {
                "hook": "encounter-discharge",
                "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
                "context": {"userId": "Practitioner/1", "patientId": "PX1", "encounterId": "V1"},
            }
            cards = system.post("/cds-services/grouper-discharge", json=hook).json()["cards"]
            assert one["grouping"]["group"] in cards[0]["summary"] + cards[0]["detail"]
            assert system.get("/api/v1/cases").status_code == 403
        # A worker that is killed is started again, and what came meanwhile is applied.
        os.kill(service.child("worker"), signal.SIGKILL)
        assert send(service, message("V2")) == ["AA"]
        assert len(until_grouped(office, 3)) == 3
        # A message that came twice is one, and the log names nobody.
        assert send(service, message("V2")) == ["AA"]
        assert len(until_grouped(office, 3)) == 3
        assert service.stop() == 0
        words = service.words()
        assert "PX1" not in words
        assert "测试" not in words
        assert "服务已停止" in words


@pytest.mark.slow
def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with served(tmp_path, postgres_url) as service, service.client(Role.OFFICE) as office:
        assert send(service, message("V1"), message("V2")) == ["AA", "AA"]
        found = until_grouped(office, 2)
        assert {one["grouping"]["status"] for one in found} == {"grouped"}


def test_the_web_port_speaks_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("server")
    port = free_port()
    environment = {
        **os.environ,
        "GROUPER_SERVICE_DATABASE": f"sqlite:///{tmp_path / 'grouper.sqlite'}",
        "GROUPER_SERVICE_FOLDER": str(tmp_path),
        "GROUPER_SERVICE_WEB__PORT": str(port),
        "GROUPER_SERVICE_WEB__TLS_CERTIFICATE": certificate,
        "GROUPER_SERVICE_WEB__TLS_KEY": key,
    }
    command = [sys.executable, "-m", "grouper", "serve", "--only", "web"]
    trusted = ssl.create_default_context(cafile=authority.file)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + LONGEST
            while True:
                try:
                    answer = httpx.get(f"https://127.0.0.1:{port}/health/live", verify=trusted)
                    break
                except httpx.ConnectError:
                    assert time.monotonic() < until
                    time.sleep(0.1)
            assert answer.status_code == 200
            assert "strict-transport-security" in answer.headers
            with pytest.raises(httpx.HTTPError):
                httpx.get(f"http://127.0.0.1:{port}/health/live")
        finally:
            process.terminate()
            assert process.wait(40) == 0


def test_an_error_at_the_start_is_told_in_words_and_ends_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {
            "GROUPER_SERVICE_DATABASE": f"sqlite:///{tmp_path / 'grouper.sqlite'}",
            "GROUPER_SERVICE_FOLDER": str(tmp_path),
            "GROUPER_SERVICE_LISTENERS": json.dumps({"mllp": {"port": port}}),
        }
        runner = CliRunner(env=environment)
        done = runner.invoke(_app(), ["serve", "--only", "listener", "--port", "0"])
        wrong = runner.invoke(_app(), ["serve", "--only", "cellar"])
    assert isinstance(done.exception, GrouperError)
    assert done.exception.code == "PROCESS_STOPPED"
    assert "PORT_TAKEN" in capfd.readouterr().err
    assert "grouper accounts create" in done.output
    assert wrong.exit_code != 0


def _away(monkeypatch: pytest.MonkeyPatch, *codes: str) -> list[float]:
    """The database fails with one code after the other, then is there; the pauses that were made."""
    left, pauses = [*codes], list[float]()

    def upgraded(database: Database) -> tuple[str, ...]:
        if left:
            raise StoreError(left.pop(0))
        return upgrade(database)

    monkeypatch.setattr(serve, "upgrade", upgraded)
    monkeypatch.setattr("grouper.cli.serve.time.sleep", pauses.append)
    monkeypatch.setattr(serve, "until_signalled", lambda _: None)
    return pauses


def test_a_database_that_is_away_at_the_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = _away(monkeypatch, *["STORE_UNAVAILABLE"] * 5, "STORE_FULL")
    environment = {
        "GROUPER_SERVICE_DATABASE": f"sqlite:///{tmp_path / 'grouper.sqlite'}",
        "GROUPER_SERVICE_FOLDER": str(tmp_path),
    }
    runner = CliRunner(env=environment)
    done = runner.invoke(_app(), ["serve", "--only", "worker"])
    assert done.exit_code == 0, done.output
    assert done.stderr.count("STORE_UNAVAILABLE") == 1
    assert "正在等待数据库" in done.stderr
    assert "服务启动" in done.stdout
    assert pauses == [1, 2, 4, 8, 10, 10]
    # What does not end by itself ends the command.
    _away(monkeypatch, "STORE_LOST")
    done = runner.invoke(_app(), ["serve", "--only", "worker"])
    assert isinstance(done.exception, StoreError)


def test_the_wait_for_a_database_can_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("grouper.cli.serve.time.sleep", stopped)
    environment = {
        "GROUPER_SERVICE_DATABASE": f"postgresql://nobody@/none?host={tmp_path}",
        "GROUPER_SERVICE_FOLDER": str(tmp_path / "service"),
    }
    done = CliRunner(env=environment).invoke(_app(), ["serve"])
    assert done.exit_code == 0, done.output
    assert "STORE_UNAVAILABLE" in done.stderr
    assert "服务已停止" in done.stdout
    assert "服务启动" not in done.stdout


def _app() -> typer.Typer:
    app = typer.Typer()
    app.command("serve")(serve.serve_command)
    app.command("nothing")(lambda: None)
    return app


def test_accounts_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'grouper.sqlite'}"
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", url)
    runner = CliRunner()
    made = runner.invoke(
        accounts.app,
        ["create", "zhang", "--role", "physician", "--department", "01"],
        input="a-Long-enough-one-7\n",
    )
    assert made.exit_code == 0, made.output
    assert "zhang" in made.output
    made = runner.invoke(accounts.app, ["create", "his", "--role", "interface", "--no-password"])
    assert made.exit_code == 0, made.output
    key = runner.invoke(accounts.app, ["key", "his", "--label", "HIS"]).output.strip()
    assert key.startswith("gk_")
    assert runner.invoke(accounts.app, ["switch-off", "zhang"]).exit_code == 0
    listed = runner.invoke(accounts.app, ["list"]).output
    assert "zhang\tphysician\t停用\t01" in listed
    assert "his\tinterface\t启用" in listed
    weak = runner.invoke(accounts.app, ["create", "li", "--role", "office"], input="x\n")
    assert isinstance(weak.exception, GrouperError)
    assert weak.exception.code == "PASSWORD_WEAK"
    database = connect(url)
    upgrade(database)
    database.close()

"""The processes of the service, each run here until a signal comes."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from serve_support import free_port
from test_serve import message

from codebooks.errors import GrouperError
from grouper.service import process, status
from grouper.service.settings import Settings
from grouper.service.setup import DECLARED, configure_forms
from grouper.store.database import connect
from grouper.store.inbox import Inbox
from grouper.store.migrate import upgrade
from hl7_adapters.hl7v2 import FORM
from hl7_adapters.mllp.frames import framed


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database of the environment, as the supervisor's processes find it."""
    found = f"sqlite:///{tmp_path / 'grouper.sqlite'}"
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", found)
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(tmp_path))
    monkeypatch.setattr(process, "configure", lambda: None)
    database = connect(found)
    upgrade(database)
    database.close()
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield found
    for number, handler in kept.items():
        signal.signal(number, handler)


def after(work: Callable[[], None]) -> threading.Thread:
    """Do something beside the process, then end it as the supervisor does."""

    def run() -> None:
        try:
            work()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def told(folder: Path, name: str) -> dict[str, float]:
    return next((dict(s.values) for s in status.read(folder) if s.process == name), {})


def test_the_listener_stores_and_tells_its_counts(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = [free_port(), free_port()]
    listeners = {"mllp": {"port": ports[0]}, "second": {"kind": "mllp", "port": ports[1]}}
    monkeypatch.setenv("GROUPER_SERVICE_LISTENERS", json.dumps(listeners))
    answers: list[bytes] = []

    def send() -> None:
        until(lambda: "second_mllp_connections_open" in told(tmp_path, "listener"))
        for at, port in enumerate(ports):
            with socket.create_connection(("127.0.0.1", port), 10) as line:
                line.sendall(framed(message(f"V{at}")))
                answers.append(line.recv(4096))
        until(lambda: told(tmp_path, "listener").get("intake_messages") == 2)

    thread = after(send)
    assert process.main("listener") == 0
    thread.join()
    assert [b"MSA|AA" in one for one in answers] == [True, True]
    database = connect(url)
    assert Inbox(database).last() == 2
    database.close()


def test_the_worker_applies_and_ends_in_order(url: str, tmp_path: Path) -> None:
    database = connect(url)
    Inbox(database).put_many([(FORM.envelope(message("V1")), "test")])

    def applied() -> None:
        until(lambda: told(tmp_path, "worker").get("worker_messages", 0) >= 1)

    thread = after(applied)
    assert process.main("worker") == 0
    thread.join()
    database.close()


def test_the_web_process_serves_by_the_settings(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    del url
    asked: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: asked.update(options, app=app))
    monkeypatch.setenv("GROUPER_SERVICE_WEB__PORT", "0")
    assert process.main("web") == 0
    assert (asked["host"], asked["port"]) == ("127.0.0.1", 0)
    assert not asked["access_log"]


def test_a_declared_error_is_told_in_words(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del url
    monkeypatch.setenv("GROUPER_SERVICE_LISTENERS", '{"pigeon": {}}')
    assert process.main("listener") == DECLARED
    assert "PORCH_UNKNOWN" in capsys.readouterr().err


def test_a_form_that_takes_no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        name = "plain"

    monkeypatch.setattr("grouper.service.setup.form", lambda _: Plain())
    with pytest.raises(GrouperError) as caught:
        configure_forms(Settings(forms={"plain": {}}))
    assert caught.value.params["setting"] == "forms.plain"

"""The pages as a process of the service: when it runs, what runs it, and what it tells."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import typer
import uvicorn
from access_support import database
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from dashboards import server
from dashboards.frame import parts as parts_module
from dashboards.frame.parts import hold, parts
from grouper.cli import serve
from grouper.service import porch_processes, process, status
from grouper.service.settings import Settings
from grouper.service.setup import DECLARED
from grouper.service.supervisor import ORDER
from grouper.store.database import Database

__all__ = ["database"]
POINT = EntryPoint("pages", "dashboards.server:serve", porch_processes.GROUP)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    yield
    hold(None)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages are installed, whatever the metadata of this environment says."""
    monkeypatch.setattr(porch_processes, "entry_points", lambda *, group: [POINT][: len(group)])


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not."""
    monkeypatch.setattr(porch_processes, "entry_points", lambda **_: [])


@pytest.mark.usefixtures("installed")
def test_the_pages_are_at_hand_where_their_packages_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert porch_processes.at_hand("pages")
    assert porch_processes.function_of("pages") is server.serve
    assert not porch_processes.at_hand("cellar")
    # As without the extra.
    monkeypatch.setattr(porch_processes, "find_spec", lambda name: None if name == "altair" else 1)
    assert not porch_processes.at_hand("pages")
    with pytest.raises(GrouperError) as caught:
        porch_processes.function_of("pages")
    assert (caught.value.code, caught.value.params) == ("EXTRA_MISSING", {"extra": "dashboards"})


@pytest.mark.usefixtures("absent")
def test_without_the_extra_the_others_run_and_who_asks_is_told() -> None:
    assert serve._wanted(Settings(), ()) == [name for name in ORDER if name != "pages"]
    with pytest.raises(GrouperError) as caught:
        serve._wanted(Settings(), ["pages"])
    assert caught.value.code == "EXTRA_MISSING"
    assert "yibao-grouper[dashboards]" in caught.value.describe("zh")


@pytest.mark.usefixtures("installed")
def test_the_pages_run_unless_they_are_switched_off() -> None:
    assert serve._wanted(Settings(), ()) == list(ORDER)
    off = Settings(pages={"on": False})  # type: ignore[arg-type]
    assert "pages" not in serve._wanted(off, ())
    assert serve._wanted(off, ["pages", "web"]) == ["web", "pages"]


@pytest.mark.usefixtures("installed")
def test_the_command_says_where_the_pages_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(serve, "Supervisor", lambda wanted, _: asked.append(wanted))
    monkeypatch.setattr(serve, "until_signalled", lambda _: None)
    app = typer.Typer()
    app.command("serve")(serve.serve_command)
    environment = {
        "GROUPER_SERVICE_DATABASE": f"sqlite:///{tmp_path / 'grouper.sqlite'}",
        "GROUPER_SERVICE_FOLDER": str(tmp_path),
        "GROUPER_SERVICE_PAGES__PORT": "8123",
    }
    done = CliRunner(env=environment).invoke(app, [])
    assert done.exit_code == 0, done.output
    assert "http://127.0.0.1:8123" in done.output
    assert asked == [list(ORDER)]


def test_the_process_serves_by_the_settings_and_tells_that_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    asked: dict[str, Any] = {}

    def run(app: st.App, **options: Any) -> None:
        asked.update(options, app=app)
        while not status.read(tmp_path):
            pass

    monkeypatch.setattr(uvicorn, "run", run)
    made = Settings(folder=tmp_path, pages={"port": 0})  # type: ignore[arg-type]
    server.serve(made, database)
    assert (asked["host"], asked["port"]) == ("127.0.0.1", 0)
    assert not asked["access_log"]
    assert isinstance(asked["app"], st.App)
    assert [one.process for one in status.read(tmp_path)] == ["pages"]
    assert parts().settings is made
    # Outside a run of the script there is no cookie, and so nobody.
    monkeypatch.setattr(st, "context", type("Context", (), {"cookies": {}}))
    assert parts().asker() is None


@pytest.mark.usefixtures("installed")
def test_the_process_of_the_service_runs_what_the_porch_brings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    del database
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(tmp_path))
    monkeypatch.setattr(process, "configure", lambda: None)
    ran: list[Settings] = []
    monkeypatch.setattr(server, "serve", lambda settings, _: ran.append(settings))
    assert process.main("pages") == 0
    assert ran[0].folder == tmp_path


@pytest.mark.usefixtures("absent")
def test_the_process_ends_for_good_where_the_extra_is_missing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setattr(process, "configure", lambda: None)
    assert process.main("pages") == DECLARED
    assert "EXTRA_MISSING" in capsys.readouterr().err
    assert not parts_module._held

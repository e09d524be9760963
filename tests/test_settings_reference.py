"""The page of settings, the example of a file and the command say what the code says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from codebooks.messages import LANGUAGES, catalogue
from grouper.cli.settings import app
from grouper.service.settings import Destination, Oidc, Settings, Web
from grouper.service.settings_reference import (
    PLACE,
    document,
    effective,
    entries,
    example,
)

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_is_made_from_the_code() -> None:
    found = (ROOT / "docs" / "SETTINGS.md").read_text("utf-8")
    assert found == document(), (
        "python -c 'from pathlib import Path; from grouper.service import settings_reference as s; "
        's.write(Path("docs/SETTINGS.md"))\''
    )


def test_the_example_is_made_from_the_code() -> None:
    found = (ROOT / "deploy" / "grouper.toml").read_text("utf-8")
    assert found == example("zh"), "grouper settings example --lang zh >deploy/grouper.toml"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_words_are_those_of_settings_that_there_are(lang: str) -> None:
    names = {f"setting.{one.name}" for one in entries()}
    sections = {f"setting_section.{one.section}" for one in entries()}
    words = set(catalogue(lang))
    assert {key for key in words if key.startswith("setting.")} == names
    assert {key for key in words if key.startswith("setting_section.")} == sections


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_example_as_it_is_changes_nothing(lang: str) -> None:
    assert Settings(**tomllib.loads(example(lang))) == Settings()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_the_example_has_as_comments_are_the_defaults(lang: str) -> None:
    lines = example(lang).splitlines()
    commented = re.compile(r"# (\[.+\]|[a-z_]+ = .*)$")
    # The section of a name that the hospital chooses is left out: there is none by default.
    end = next(at for at, line in enumerate(lines) if line.startswith("# [destinations."))
    rest = next(at for at, line in enumerate(lines) if at > end and line.startswith("# [forms"))
    kept = [line for line in lines[:end] + lines[rest:] if PLACE not in line]
    found = "\n".join(line[2:] if commented.match(line) else line for line in kept)
    told = tomllib.loads(found)
    assert told["web"]["port"] == 8790
    assert told["listeners"] == {"mllp": {}}
    assert Settings(**told) == Settings()
    named = {name for name in told if not isinstance(told[name], dict)} | {
        f"{section}.{name}"
        for section, values in told.items()
        if isinstance(values, dict) and section not in {"listeners", "forms"}
        for name in values
    }
    blank = {one.name for one in entries() if one.default is None or one.kind == "file"}
    free = {"listeners", "forms"}
    assert named == {one.name for one in entries() if "NAME" not in one.name} - blank - free


def _shown(**given: Any) -> dict[str, tuple[str, bool]]:
    return {name: (said, new) for name, said, new in effective(Settings(**given), "en")}


def test_what_holds_is_shown_without_secrets() -> None:
    shown = _shown(
        database=SecretStr("postgresql://u:s3cret@h/d"),
        oidc=Oidc(client_secret=SecretStr("s3cret")),
        web=Web(port=9, tls_key=Path("/k.pem")),
        compare=("dip-3.0",),
        destinations={"his": Destination(options={"port": 1})},
    )
    assert shown["database"] == shown["oidc.client_secret"] == ("(hidden)", True)
    assert shown["web.port"] == ("9", True)
    assert shown["web.tls_key"] == ('"/k.pem"', True)
    assert shown["compare"] == ('["dip-3.0"]', True)
    assert shown["web.host"] == ('"127.0.0.1"', False)
    assert shown["web.tls_certificate"] == ("null", False)
    assert shown["destinations.his"][1]
    assert "port = 1" in shown["destinations.his"][0]
    assert "s3cret" not in str(shown)
    assert [name for name, (_, new) in _shown().items() if new] == []


def test_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_WEB__PORT", "9")
    said = CliRunner().invoke(app, ["show", "--lang", "en"])
    assert said.exit_code == 0
    assert "* web.port = 9\n" in said.output
    assert "  web.host = " in said.output
    assert CliRunner().invoke(app, ["example", "--lang", "en"]).output == example("en")

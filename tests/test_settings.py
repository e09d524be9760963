"""Settings: a file, the environment above it, secrets from a folder; wrong ones are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebooks.errors import GrouperError
from grouper.service import status
from grouper.service.settings import Settings, load_settings
from grouper.service.setup import configure_forms


def test_defaults_are_safe() -> None:
    settings = load_settings()
    assert settings.web.host == "127.0.0.1"
    assert not settings.web.docs
    assert settings.web.origins == ()
    assert settings.oidc.issuer == ""
    assert settings.listeners == {"mllp": {}}
    assert settings.url.startswith("sqlite:///")
    assert settings.url.endswith("grouper.sqlite")


def test_the_environment_goes_before_the_file_and_secrets_come_from_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "grouper.toml"
    config.write_text(
        'hospital = "H9"\nregion = "jinhua"\n[web]\nport = 1\n[listeners.mllp]\nport = 2\n', "utf-8"
    )
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "grouper_service_database").write_text("postgresql://u:p@h/d", "utf-8")
    monkeypatch.setenv("GROUPER_CONFIG", str(config))
    monkeypatch.setenv("GROUPER_SECRETS", str(secrets))
    monkeypatch.setenv("GROUPER_SERVICE_WEB__PORT", "3")
    settings = load_settings()
    assert (settings.hospital, settings.region) == ("H9", "jinhua")
    assert settings.web.port == 3
    assert settings.listeners == {"mllp": {"port": 2}}
    assert settings.url == "postgresql://u:p@h/d"
    assert "u:p" not in repr(settings)


@pytest.mark.parametrize(
    ("written", "setting"),
    [
        ("hospitl = 'x'", "hospitl"),
        ("[web]\nport = 70000", "web.port"),
        ("[web]\ncolour = 1", "web.colour"),
        ("language = 'fr'", "language"),
        ("[destinations.his]\nwhen = 'never'", "destinations.his.when"),
    ],
)
def test_a_wrong_setting_is_named(
    written: str, setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "grouper.toml"
    config.write_text(written, "utf-8")
    monkeypatch.setenv("GROUPER_CONFIG", str(config))
    with pytest.raises(GrouperError) as caught:
        load_settings()
    assert caught.value.code == "SETTING_INVALID"
    assert caught.value.params["setting"] == setting
    assert "grouper.toml" in caught.value.describe()


@pytest.mark.parametrize("written", [None, "= nothing"])
def test_a_file_that_is_not_there_or_no_toml(
    written: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "grouper.toml"
    if written is not None:
        config.write_text(written, "utf-8")
    monkeypatch.setenv("GROUPER_CONFIG", str(config))
    with pytest.raises(GrouperError, match="SETTINGS_FILE"):
        load_settings()


@pytest.mark.parametrize("where", ["environment", "secrets"])
def test_a_variable_or_a_secret_that_is_no_setting_is_refused(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "GROUPER_SERVICE_HOSPITL"
    if where == "environment":
        monkeypatch.setenv(name, "H9")
    else:
        (tmp_path / name.lower()).write_text("H9", "utf-8")
        monkeypatch.setenv("GROUPER_SECRETS", str(tmp_path))
    with pytest.raises(GrouperError) as caught:
        load_settings()
    assert caught.value.code == "SETTING_INVALID"
    assert str(caught.value.params["setting"]).upper() == name


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("grouper_service_oidc__client_secret", "word\n"),
        ("grouper_service_oidc", '{"client_secret": "word"}'),
    ],
)
def test_a_secret_of_a_table_has_a_file_of_its_own(
    name: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets, config = tmp_path / "secrets", tmp_path / "grouper.toml"
    secrets.mkdir()
    (secrets / name).write_text(written, "utf-8")
    (secrets / "README").write_text("no secret", "utf-8")
    config.write_text('[oidc]\nissuer = "https://id.example"\n', "utf-8")
    monkeypatch.setenv("GROUPER_SECRETS", str(secrets))
    monkeypatch.setenv("GROUPER_CONFIG", str(config))
    oidc = load_settings().oidc
    assert oidc.issuer == "https://id.example"
    assert oidc.client_secret is not None
    assert oidc.client_secret.get_secret_value() == "word"


def test_forms_take_their_options_or_say_that_they_have_none() -> None:
    with pytest.raises(GrouperError, match="FORM_UNKNOWN"):
        configure_forms(Settings(forms={"carrier-pigeon": {}}))
    with pytest.raises(GrouperError) as caught:
        configure_forms(Settings(forms={"table": {"colour": 1}}))
    assert caught.value.code == "SETTING_INVALID"


def test_a_process_tells_its_status(tmp_path: Path) -> None:
    assert status.read(tmp_path) == []
    status.write(tmp_path, "worker", {"applied": 3})
    (found,) = status.read(tmp_path)
    assert (found.process, dict(found.values)) == ("worker", {"applied": 3.0})
    assert found.alive(found.at)
    assert not found.alive(found.at.replace(year=found.at.year + 1))
    # What cannot be read or written stops nobody.
    (tmp_path / "status" / "listener.json").write_text("{", "utf-8")
    assert len(status.read(tmp_path)) == 1
    (tmp_path / "file").write_text("", "utf-8")
    status.write(tmp_path / "file", "worker", {})

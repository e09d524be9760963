"""The doctor: each thing that can be wrong is found and told with what to do; nothing is changed."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text as sql
from typer.testing import CliRunner

from codebooks.messages import catalogue
from grouper.cli import doctor as commands
from grouper.service import doctor, status
from grouper.service.doctor import CHECKS, Level, Look, examine
from grouper.service.settings import load_settings
from grouper.service.supervisor import ORDER
from grouper.store import alert_rows, audit
from grouper.store.accounts import any_account
from grouper.store.database import connect
from grouper.store.migrate import upgrade


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    base = tmp_path / "home"
    base.mkdir(mode=0o700)
    monkeypatch.setenv("GROUPER_DATA", str(base))
    monkeypatch.setenv("GROUPER_SERVICE_REGION", "demo")
    for part in ("WEB", "PAGES"):
        with socket.socket() as asked:
            asked.bind(("127.0.0.1", 0))
            monkeypatch.setenv(f"GROUPER_SERVICE_{part}__PORT", str(asked.getsockname()[1]))
    return base


def found(check: Callable[[Look], object]) -> set[tuple[str, str]]:
    """Level and code of what a check finds, after those before it."""
    name = check.__name__.removeprefix("check_")
    return {(one.level.value, one.code) for one in examine() if one.check == name}


def ready() -> None:
    """A database with its tables."""
    database = connect(load_settings().url)
    upgrade(database)
    database.close()


def test_a_new_installation() -> None:
    assert ("good", "python") in found(doctor.check_program)
    assert found(doctor.check_settings) == {("good", "settings_default")}
    assert found(doctor.check_clock) == {("good", "clock")}
    assert found(doctor.check_books) == {("good", "schemes"), ("good", "policy")}
    assert found(doctor.check_database) == {("warning", "no_database")}
    assert found(doctor.check_processes) == {("note", "not_running")}
    assert found(doctor.check_ports) == {("good", "port")}
    assert found(doctor.check_proxy) == {("note", "proxy_none")}
    assert found(doctor.check_certificate) == set()
    assert {code for _, code in found(doctor.check_folders)} <= {"room", "room_little"}


def test_nothing_is_made_by_looking(home: Path) -> None:
    list(examine())
    assert list(home.iterdir()) == []


def test_a_database_that_is_not_ours_or_of_before(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "grouper.sqlite").touch()
    assert found(doctor.check_database) == {("warning", "tables_behind")}
    access = doctor.os.access
    monkeypatch.setattr(
        doctor.os, "access", lambda path, mode: "sqlite" not in str(path) and access(path, mode)
    )
    assert found(doctor.check_database) == {("fault", "database_closed")}


def test_a_database_that_was_lost(home: Path) -> None:
    ready()
    status.write(load_settings().folder, "web", {})
    for file in home.glob("*.sqlite*"):
        file.unlink()
    assert found(doctor.check_database) == {("fault", "STORE_LOST")}


def test_a_database_that_is_ready_and_one_whose_log_was_changed() -> None:
    ready()
    database = connect(load_settings().url)
    assert not any_account(database)
    assert found(doctor.check_database) == {
        ("good", "database"),
        ("warning", "no_account"),
        ("good", "audit_whole"),
    }
    with database.writing_store() as connection:
        audit.append(connection, "office", "tested", "nothing")
        connection.execute(sql("UPDATE audit SET actor = 'other'"))
        alert_rows.start(connection, "queue", datetime.now(UTC), {})
    database.close()
    assert ("fault", "audit_broken") in found(doctor.check_database)
    assert ("warning", "alerts") in found(doctor.check_processes)


def test_processes_that_run_and_one_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load_settings().folder
    for name in ORDER:
        status.write(folder, name, {})
    assert found(doctor.check_processes) == {("good", "running")}
    # What is switched off is not missed, nor is what it told once.
    monkeypatch.setenv("GROUPER_SERVICE_PAGES__ON", "false")
    (folder / "status" / "pages.json").unlink()
    assert found(doctor.check_processes) == {("good", "running")}
    monkeypatch.setenv("GROUPER_SERVICE_PAGES__ON", "true")
    assert found(doctor.check_processes) == {("good", "running"), ("warning", "away")}
    away = next(one for one in examine() if one.code == "away")
    assert away.params == {"names": "pages"}
    status.write(folder, "pages", {})
    path = folder / "status" / "worker.json"
    old = datetime.now(UTC) - timedelta(minutes=5)
    path.write_text(json.dumps({"at": old.isoformat(), "values": {}}), "utf-8")
    assert found(doctor.check_processes) == {("good", "running"), ("warning", "away")}
    # A port that a running service has is its own.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("GROUPER_SERVICE_WEB__PORT", str(taken.getsockname()[1]))
        assert found(doctor.check_ports) == {("good", "port")}
        for one in path.parent.iterdir():
            one.unlink()
        assert found(doctor.check_ports) == {("fault", "port_taken"), ("good", "port")}


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "grouper.toml"
    file.write_text('database = "postgresql://u:secret@127.0.0.1:1/x"\n', "utf-8")
    monkeypatch.setenv("GROUPER_CONFIG", str(file))
    for mode, more in ((0o644, {("warning", "settings_open")}), (0o640, set())):
        file.chmod(mode)
        assert found(doctor.check_settings) == {("good", "settings_file")} | more
    assert found(doctor.check_database) == {("fault", "STORE_UNAVAILABLE")}
    file.write_text('database = "sqlite:///nowhere"\n', "utf-8")
    file.chmod(0o644)
    assert found(doctor.check_settings) == {("good", "settings_file")}
    file.write_text("nonsense = 1\n", "utf-8")
    assert found(doctor.check_settings) == {("fault", "SETTING_INVALID")}
    # What needs the settings is passed over, the rest is told.
    assert found(doctor.check_ports) == set()
    assert found(doctor.check_clock) == {("good", "clock")}


def test_folders_that_others_read_or_nobody_writes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.chmod(0o755)
    assert ("warning", "folder_open") in found(doctor.check_folders)
    limits = {**doctor._limits(), "free_bytes": 10**30}
    monkeypatch.setattr(doctor, "_limits", lambda: limits)
    assert ("warning", "room_little") in found(doctor.check_folders)
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert found(doctor.check_folders) == {("fault", "folder_closed")}


def test_a_clock_that_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    class Back(datetime):
        @classmethod
        def now(cls, _: object = None) -> datetime:  # type: ignore[override]
            return datetime(2001, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(doctor, "datetime", Back)
    look = list(doctor.check_clock(Look()))
    assert [(one.level, one.code) for one in look] == [(Level.FAULT, "clock_behind")]


def test_python_extras_and_a_region_without_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {**doctor._limits(), "python": [9, 9], "extras": {"own": ["no_such_package"]}}
    monkeypatch.setattr(doctor, "_limits", lambda: limits)
    assert found(doctor.check_program) == {("fault", "python"), ("note", "extra_absent")}
    monkeypatch.setenv("GROUPER_SERVICE_REGION", "national")
    assert ("warning", "policy_absent") in found(doctor.check_books)


@pytest.mark.parametrize(
    ("trusted", "tls", "told"),
    [
        ("127.0.0.1", "true", ("good", "proxy")),
        ("10.1.0.0/16", "false", ("warning", "proxy_plain")),
    ],
)
def test_the_way_of_the_browsers(
    trusted: str, tls: str, told: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_PROXY__TRUSTED", json.dumps([trusted]))
    monkeypatch.setenv("GROUPER_SERVICE_PROXY__TLS", tls)
    assert found(doctor.check_proxy) == {told}


def _java(home: Path, release: str) -> None:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n", "utf-8")
    program.chmod(0o755)
    (home / "release").write_text(release, "utf-8")


@pytest.mark.parametrize(
    ("release", "told"),
    [
        (None, {("note", "java_absent")}),
        ('JAVA_VERSION="11.0.2"\n', {("note", "java_old")}),
        ('A="B"\nJAVA_VERSION="21"\n', set()),
        ("", set()),
    ],
)
def test_java_is_looked_for_where_spark_is_installed(
    release: str | None,
    told: set[tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(doctor._limits()["extras"], "spark", ["json"])
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))
    if release is not None:
        _java(tmp_path / "java", release)
    said = {one for one in found(doctor.check_program) if one[1].startswith("java")}
    assert said == told


def _certificate(folder: Path, days: int) -> tuple[Path, Path]:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "grouper.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "c.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "k.pem").write_bytes(private)
    return folder / "c.pem", folder / "k.pem"


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (90, ("good", "certificate")),
        (5, ("warning", "certificate_ends")),
        (-1, ("fault", "certificate_over")),
    ],
)
def test_certificates(
    days: int, told: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = _certificate(tmp_path, days)
    monkeypatch.setenv("GROUPER_SERVICE_WEB__TLS_CERTIFICATE", str(certificate))
    monkeypatch.setenv("GROUPER_SERVICE_WEB__TLS_KEY", str(key))
    assert found(doctor.check_certificate) == {told}
    key.write_text("no key", "utf-8")
    assert found(doctor.check_certificate) == {("fault", "certificate_unusable")}


def test_an_open_port_without_a_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_WEB__HOST", "0.0.0.0")  # noqa: S104
    assert found(doctor.check_ports) == {("warning", "port_plain"), ("good", "port")}


def test_a_check_that_fails_by_itself_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("張三")

    monkeypatch.setattr(doctor, "load_scheme", broken)
    told = list(examine())
    assert [one.code for one in told if one.check == "books"] == ["failed"]
    assert "張三" not in json.dumps([str(one.params) for one in told], ensure_ascii=False)
    assert any(one.check == "ports" for one in told)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_command(lang: str, home: Path) -> None:
    import typer  # noqa: PLC0415

    app = typer.Typer()
    app.command()(commands.doctor_command)
    said = CliRunner().invoke(app, ["--lang", lang])
    assert said.exit_code == commands.EXIT_WARNING
    assert catalogue(lang)["doctor.do.no_database"].split("；")[0].split(";")[0] in said.output
    told = json.loads(CliRunner().invoke(app, ["--lang", lang, "--json"]).output)
    assert {"check", "level", "code", "said"} <= set(told[0])
    (home / "grouper.sqlite").write_bytes(b"no database" * 1000)
    said = CliRunner().invoke(app, ["--lang", lang])
    assert said.exit_code == commands.EXIT_FAULT
    assert catalogue(lang)["error.STORE_DAMAGED"] in said.output


def test_every_code_has_its_words() -> None:
    words = catalogue("zh")
    for check in CHECKS:
        assert f"doctor.check.{check.__name__.removeprefix('check_')}" in words
    good = {"python", "settings_file", "settings_default", "room", "clock", "schemes", "policy"}
    good |= {"database", "audit_whole", "running", "port", "proxy", "certificate"}
    said = {key.removeprefix("doctor.said.") for key in words if key.startswith("doctor.said.")}
    done = {key.removeprefix("doctor.do.") for key in words if key.startswith("doctor.do.")}
    assert said - done == good - {"python", "schemes"}

"""The whole service in one file and back: what was there is there again, and nothing is written over."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select
from test_store_backup import value
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.cli import backup as commands
from grouper.service import backing_up, status
from grouper.service.backing_up import back_up
from grouper.service.backup_archive import BackupError, read_backup
from grouper.service.restoring import restore
from grouper.service.settings import Destination, Oidc, Settings, load_settings
from grouper.store import audit, backup
from grouper.store.database import StoreError, connect
from grouper.store.migrate import upgrade
from grouper.store.schema import alert, session


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service with rows, an entry of the log, a book of the hospital's own and a kept file."""
    base = tmp_path / "home"
    monkeypatch.setenv("GROUPER_DATA", str(base))
    settings = load_settings()
    for name, content in {
        "policies/own.yaml": "甲",
        "service/published.csv": "month,point_value",
        "service/status/web.json": "{}",
        "service/errands/1/out/table.csv": "1,2",
        "service/errands/.lock": "",
        "service/adjustments/.salt": "salt",
        "policies/.own.yaml.new": "half",
        "service/mart/facts.parquet": "x",
    }.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(content, "utf-8")
    database = connect(settings.url)
    upgrade(database)
    with database.writing_store() as connection:
        row = {one.name: value(alert, one.name, 1) for one in alert.columns}
        connection.execute(insert(alert), row)
        audit.append(connection, "office", "tested", "nothing")
    database.close()
    return base


def _other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    base = tmp_path / "other"
    monkeypatch.setenv("GROUPER_DATA", str(base))
    return base


def _backed_up(file: Path) -> Path:
    settings = load_settings()
    database = connect(settings.url)
    try:
        back_up(settings, database, file)
    finally:
        database.close()
    return file


def _restored(file: Path, *, replace: bool = False) -> None:
    settings = load_settings()
    database = connect(settings.url)
    try:
        restore(settings, database, file, replace=replace)
    finally:
        database.close()


@pytest.mark.usefixtures("home")
def test_all_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _backed_up(tmp_path / "b.tar")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = read_backup(file)
    assert told.rows == 2
    names = {name for name in told.files if not name.startswith("tables/")}
    assert names == {
        "data/policies/own.yaml",
        "service/published.csv",
        "service/errands/1/out/table.csv",
        "service/adjustments/.salt",
        "settings/settings.json",
    }
    base = _other(tmp_path, monkeypatch)
    _restored(file)
    assert (base / "policies" / "own.yaml").read_text("utf-8") == "甲"
    assert (base / "service" / "published.csv").exists()
    for path in base.rglob("*"):
        if "sqlite" not in path.name:
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    database = connect(load_settings().url)
    with database.reading() as connection:
        assert len(connection.execute(select(alert)).all()) == 1
        report = audit.verify(connection, [])
        # That it was restored stands in the log.
        assert (report.entries, report.faults) == (2, ())
        assert audit.entries(connection, limit=1)[0].action == "backup_restored"
    database.close()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".grouper")] == []


@pytest.mark.usefixtures("home")
def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer  # noqa: PLC0415

    app = typer.Typer()
    app.command("backup")(commands.backup_command)
    app.command("restore")(commands.restore_command)
    file = tmp_path / "b.tar"
    ask = CliRunner().invoke
    said = ask(app, ["backup", str(file)])
    assert said.exit_code == 0
    # The alert, and two entries of the log: the backup itself is one.
    assert "3 行数据" in said.output
    said = ask(app, ["backup", str(file), "--check", "--lang", "en"])
    assert "The backup is whole" in said.output
    again = ask(app, ["backup", str(file)])
    assert isinstance(again.exception, GrouperError)
    assert again.exception.code == "BACKUP_THERE"
    _other(tmp_path, monkeypatch)
    said = ask(app, ["restore", str(file)])
    assert said.exit_code == 0, said.output
    assert "审计日志链完整" in said.output
    assert "grouper mart build" in said.output
    assert ask(app, ["restore", str(file), "--replace"]).exit_code == 0
    monkeypatch.setattr(commands, "_whole", lambda *_: False)
    _third = tmp_path / "third"
    monkeypatch.setenv("GROUPER_DATA", str(_third))
    assert ask(app, ["restore", str(file)]).exit_code == commands.EXIT_FAULTS


@pytest.mark.usefixtures("home")
def test_a_torn_backup_is_found_out(tmp_path: Path) -> None:
    """Cut or changed anywhere: refused, unless the change lies between the files and says nothing."""
    file = _backed_up(tmp_path / "b.tar")
    whole, told = file.read_bytes(), read_backup(file)
    torn = tmp_path / "torn.tar"
    refused: list[str] = []
    for at in range(0, len(whole), max(len(whole) // 60, 1)):
        for content in (whole[:at], whole[:at] + b"\xff\x01\xff" + whole[at + 3 :]):
            torn.write_bytes(content)
            try:
                assert read_backup(torn) == told
            except BackupError as error:
                refused.append(error.code)
    assert set(refused) == {"BACKUP_UNREADABLE", "BACKUP_TORN"}
    assert len(refused) > 60


@pytest.mark.usefixtures("home")
def test_a_torn_backup_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _backed_up(tmp_path / "b.tar")
    whole = file.read_bytes()
    at = whole.rindex("甲".encode())
    file.write_bytes(whole[:at] + "乙".encode() + whole[at + 3 :])
    base = _other(tmp_path, monkeypatch)
    with pytest.raises(BackupError) as caught:
        _restored(file)
    assert caught.value.code == "BACKUP_TORN"
    assert caught.value.params == {"table": "data/policies/own.yaml"}
    assert not list(base.rglob("*.yaml"))
    assert not list(base.rglob("*.sqlite"))


def _made(path: Path, entries: dict[str, bytes], manifest: object) -> Path:
    listed = json.dumps(manifest).encode()
    own = hashlib.sha256(listed).hexdigest().encode()
    with tarfile.open(path, "w") as archive:
        for name, content in {**entries, "manifest.json": listed, "manifest.sha256": own}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["data/../../out", "/etc/out", "elsewhere/x"])
def test_no_file_goes_outside(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _other(tmp_path, monkeypatch)
    file = _made(tmp_path / "b.tar", {name: b"x"}, {"form": 1, "files": {}})
    with pytest.raises(BackupError) as caught:
        _restored(file)
    assert caught.value.code == "BACKUP_UNREADABLE"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("manifest", [[], {}, {"form": 2}, {"form": 1}, "x"])
def test_a_list_that_says_nothing_is_refused(manifest: object, tmp_path: Path) -> None:
    with pytest.raises(BackupError) as caught:
        read_backup(_made(tmp_path / "b.tar", {}, manifest))
    assert caught.value.code == "BACKUP_UNREADABLE"


@pytest.mark.usefixtures("home")
def test_nothing_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _backed_up(tmp_path / "b.tar")
    with pytest.raises(BackupError) as caught:
        _backed_up(file)
    assert caught.value.code == "BACKUP_THERE"
    with pytest.raises(BackupError) as caught:
        _backed_up(tmp_path / "no" / "b.tar")
    assert caught.value.code == "BACKUP_FOLDER"
    with pytest.raises(GrouperError) as there:
        _restored(file)
    assert there.value.code == "BACKUP_NOT_EMPTY"
    base = _other(tmp_path, monkeypatch)
    (base / "policies").mkdir(parents=True)
    (base / "policies" / "own.yaml").write_text("乙", "utf-8")
    with pytest.raises(BackupError) as caught:
        _restored(file)
    assert caught.value.code == "BACKUP_DATA_THERE"
    (base / "policies" / "own.yaml").write_text("甲", "utf-8")
    _restored(file)


@pytest.mark.usefixtures("home")
def test_a_full_disk_leaves_no_half_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("os.fsync", "dump"):
        with monkeypatch.context() as patched:
            patched.setattr(f"grouper.service.backing_up.{name}", full)
            with pytest.raises(BackupError) as caught:
                _backed_up(tmp_path / "b.tar")
        assert caught.value.code == "BACKUP_FOLDER"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


@pytest.mark.usefixtures("home")
def test_a_full_disk_while_restoring_is_no_damaged_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _backed_up(tmp_path / "b.tar")
    base = _other(tmp_path, monkeypatch)
    with monkeypatch.context() as patched:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr("grouper.service.backup_archive.os.fdopen", full)
        with pytest.raises(BackupError) as caught:
            _restored(file)
    assert caught.value.code == "BACKUP_ROOM"
    assert list(base.iterdir()) == []
    _restored(file)


@pytest.mark.usefixtures("home")
def test_a_restore_that_was_broken_off_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _backed_up(tmp_path / "b.tar")
    base = _other(tmp_path, monkeypatch)

    def away(*_: object, **__: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    with monkeypatch.context() as patched:
        patched.setattr("grouper.service.restoring.load", away)
        with pytest.raises(StoreError):
            _restored(file)
    assert (base / "policies" / "own.yaml").exists()
    _restored(file)
    # What a killed command leaves is taken away by the next one.
    left = base / ".grouper-x"
    left.mkdir()
    (left / "lock").touch()
    _restored(file, replace=True)
    assert not left.exists()


@pytest.mark.usefixtures("home")
def test_what_is_there_is_put_aside_if_that_is_said(tmp_path: Path) -> None:
    file = _backed_up(tmp_path / "b.tar")
    base = tmp_path / "home"
    (base / "policies" / "own.yaml").write_text("乙", "utf-8")
    database = connect(load_settings().url)
    with database.writing_store() as connection:
        audit.append(connection, "office", "later", "nothing")
        connection.execute(insert(session), {c.name: value(session, c.name, 1) for c in session.c})
    database.close()
    _restored(file, replace=True)
    assert (base / "policies" / "own.yaml").read_text("utf-8") == "甲"
    (kept,) = base.glob("replaced/*/home/policies/own.yaml")
    assert kept.read_text("utf-8") == "乙"
    database = connect(load_settings().url)
    with database.reading() as connection:
        actions = [one.action for one in audit.entries(connection)]
        assert connection.execute(select(session)).all() == []
    database.close()
    assert actions == ["backup_restored", "tested"]


@pytest.mark.usefixtures("home")
def test_a_service_that_runs_is_not_restored_into(tmp_path: Path) -> None:
    file = _backed_up(tmp_path / "b.tar")
    status.write(load_settings().folder, "worker", {})
    with pytest.raises(BackupError) as caught:
        _restored(file, replace=True)
    assert caught.value.code == "BACKUP_RUNNING"
    assert "worker" in caught.value.describe("en")


@pytest.mark.usefixtures("home")
def test_a_backup_does_not_lie_in_what_it_backs_up(tmp_path: Path) -> None:
    for place in ("home", "home/service"):
        with pytest.raises(BackupError) as caught:
            _backed_up(tmp_path / place / "b.tar")
        assert caught.value.code == "BACKUP_INSIDE"


@pytest.mark.usefixtures("home")
def test_files_that_go_or_change_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = backing_up._files
    path = tmp_path / "home" / "service" / "published.csv"

    def gone(base: Path, closed: set[Path]) -> Iterator[Path]:
        for one in files(base, closed):
            if one == path:
                path.unlink()
            yield one

    monkeypatch.setattr(backing_up, "_files", gone)
    found = read_backup(_backed_up(tmp_path / "b.tar"))
    assert "service/published.csv" not in found.files
    reader = backing_up._Summing(io.BytesIO(b"abc"), 5, "data/x")
    assert reader.read(2) == b"ab"
    with pytest.raises(BackupError) as caught:
        reader.read()
    assert caught.value.code == "BACKUP_CHANGED"

    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(BackupError) as caught:
        backing_up._Summing(Broken(), 5, "data/x").read(1)
    assert caught.value.code == "BACKUP_FILE"


@pytest.mark.usefixtures("home")
def test_a_file_of_two_names_is_whole_under_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "home" / "policies" / "own.yaml"
    os.link(own, own.with_name("second.yaml"))
    file = _backed_up(tmp_path / "b.tar")
    base = _other(tmp_path, monkeypatch)
    _restored(file)
    for name in ("own.yaml", "second.yaml"):
        assert (base / "policies" / name).read_text("utf-8") == "甲"


@pytest.mark.usefixtures("home")
def test_a_name_that_is_no_utf_8_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = os.fsdecode("医保".encode("gbk") + b".yaml")
    assert not name.isprintable()
    for one in (name, f"甲{name}"):
        (tmp_path / "home" / "policies" / one).write_text("乙", "utf-8")
    file = _backed_up(tmp_path / "b.tar")
    assert f"data/policies/{name}" in read_backup(file).files
    base = _other(tmp_path, monkeypatch)
    _restored(file)
    for one in (name, f"甲{name}"):
        assert (base / "policies" / one).read_text("utf-8") == "乙"


@pytest.mark.usefixtures("home")
def test_it_was_made_when_it_was_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is erased while it is written may be in it, and is erased again after a restore."""
    began: list[datetime] = []

    def dumped(*arguments: Any) -> Any:
        began.append(datetime.now(UTC))
        return backup.dump(*arguments)

    monkeypatch.setattr(backing_up, "dump", dumped)
    told = read_backup(_backed_up(tmp_path / "b.tar"))
    assert datetime.fromisoformat(told.made) <= began[0]


@pytest.mark.usefixtures("home")
def test_settings_go_along_without_their_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = tmp_path / "own.toml"
    mapping.write_text("[x]", "utf-8")
    file = tmp_path / "b.tar"
    settings = Settings(
        hospital="H7",
        oidc=Oidc(issuer="https://u:p@idp.example", client_secret=SecretStr("hidden-1")),
        destinations={"his": Destination(options={"host": "a", "password": "hidden-2"})},
        forms={"hl7v2": {"mapping": str(mapping), "many": ["x" * 5000, 1]}},
    )
    database = connect(settings.url)
    back_up(settings, database, file)
    database.close()
    raw = file.read_bytes()
    for secret in (b"hidden-1", b"hidden-2", b"u:p@"):
        assert secret not in raw
    base = _other(tmp_path, monkeypatch)
    _restored(file)
    told = json.loads((base / "service" / "restored" / "settings.json").read_text("utf-8"))
    assert told["settings"]["hospital"] == "H7"
    assert told["settings"]["destinations"]["his"]["options"] == {"host": "a", "password": "***"}
    ((where, name),) = told["files"].items()
    assert where == str(mapping)
    assert (base / "service" / "restored" / name).read_text("utf-8") == "[x]"

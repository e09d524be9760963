"""The whole service in one file and back: what was there is there again, and nothing is written over."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from test_store_backup import value
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.cli import backup as commands
from grouper.service.backing_up import BackupError, back_up, read_backup, restore
from grouper.service.settings import Settings, load_settings
from grouper.store import audit
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.schema import alert


def _database(settings: Settings) -> Iterator[Database]:
    found = connect(settings.url)
    yield found
    found.close()


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


def _restored(file: Path) -> None:
    settings = load_settings()
    database = connect(settings.url)
    try:
        restore(settings, database, file)
    finally:
        database.close()


@pytest.mark.usefixtures("home")
def test_all_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _backed_up(tmp_path / "b.tar")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = read_backup(file)
    assert told.rows == 2
    names = {name for name in told.files if not name.startswith("tables/")}
    assert names == {"data/policies/own.yaml", "service/published.csv"}
    base = _other(tmp_path, monkeypatch)
    _restored(file)
    assert (base / "policies" / "own.yaml").read_text("utf-8") == "甲"
    assert (base / "service" / "published.csv").exists()
    database = connect(load_settings().url)
    with database.reading() as connection:
        assert len(connection.execute(select(alert)).all()) == 1
        report = audit.verify(connection, [])
        assert (report.entries, report.faults) == (1, ())
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
    assert "2 行数据" in said.output
    said = ask(app, ["backup", str(file), "--check", "--lang", "en"])
    assert "The backup is whole" in said.output
    again = ask(app, ["backup", str(file)])
    assert isinstance(again.exception, GrouperError)
    assert again.exception.code == "BACKUP_THERE"
    _other(tmp_path, monkeypatch)
    said = ask(app, ["restore", str(file)])
    assert said.exit_code == 0, said.output
    assert "审计日志链完整" in said.output
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

    monkeypatch.setattr("grouper.service.backing_up.os.fsync", full)
    with pytest.raises(BackupError) as caught:
        _backed_up(tmp_path / "b.tar")
    assert caught.value.code == "BACKUP_FOLDER"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]

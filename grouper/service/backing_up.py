"""A backup of the whole service in one file.

In it are all tables (:mod:`grouper.store.backup`), the hospital's own data folder, the service's folder,
and the settings without their secrets; ``data/backup.toml`` says what is left out. It is written beside
its name and takes it when it is whole. The service may go on meanwhile.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import version
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.errors import Where
from grouper.service.backup_archive import (
    MANIFEST,
    NAMES,
    SUM,
    Backup,
    BackupError,
    backup_data,
    ours,
    workplace,
)
from grouper.service.backup_settings import named_files, without_secrets
from grouper.store import audit
from grouper.store.backup import dump, own_files
from grouper.store.database import StoreError
from grouper.store.migrate import pending
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any, BinaryIO

    from grouper.service.settings import Settings
    from grouper.store.database import Database

SETTINGS = "settings.json"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file that goes into the archive: its name there, and what it holds or where it lies."""

    name: str
    held: Path | bytes


def back_up(
    settings: Settings,
    database: Database,
    target: Path,
    progress: Callable[[str, int], None] | None = None,
) -> Backup:
    """Write a backup.

    Args:
        settings: of the service.
        database: whose tables are up to date.
        target: the file; only its owner can read it.
        progress: called with a table and the rows done.

    Raises:
        BackupError: ``BACKUP_THERE``: the file is there; ``BACKUP_INSIDE``: it would lie in what is
            backed up; ``BACKUP_FOLDER``: its folder is not, or cannot be written to, or is full;
            ``BACKUP_FILE``: a file of ours cannot be read; ``BACKUP_CHANGED``: one changed while it
            was read.
        StoreError: the database cannot be read.
    """
    if target.exists():
        raise BackupError("BACKUP_THERE", Where(file=target.name))
    for base in (paths.installed(), settings.folder):
        # The disk that is lost takes it along, and the next backup would hold this one.
        if target.resolve().is_relative_to(base.resolve()):
            raise BackupError("BACKUP_INSIDE", Where(file=target.name))
    with workplace(target.parent, target.name) as place:
        try:
            tables, part = place / "tables", place / "archive"
            tables.mkdir()
            # Before anything is read: who is erased from now on may be in it, and a restore erases again
            # from this time.
            made = now().isoformat()
            told = dump(database, tables, progress)
            entries = _entries(settings, database, tables)
            found = _archive(part, entries, made, told)
            part.replace(target)
            _settle(target.parent)
        except OSError as cause:
            raise BackupError("BACKUP_FOLDER", Where(file=target.name)) from cause
    return found


def note(database: Database, actor: str, target: Path) -> None:
    """Write to the audit log that all of it is handed out; a disk that is full hinders no backup.

    Args:
        database: with its tables.
        actor: who asked for it.
        target: the file.
    """
    with suppress(StoreError):
        if pending(database):
            return
        with database.writing_store() as connection:
            audit.append(connection, actor, "backup_written", "backup", {"file": target.name})


def _entries(settings: Settings, database: Database, tables: Path) -> Iterator[_Entry]:
    for path in sorted(tables.iterdir()):
        yield _Entry(f"tables/{path.name}", path)
    base, service = paths.installed(), settings.folder
    closed = {*own_files(database)}
    for path in _files(base, closed):
        if not path.resolve().is_relative_to(service.resolve()):
            yield _Entry(f"data/{path.relative_to(base).as_posix()}", path)
    without = set(backup_data()["service_without"])
    for path in _files(service, closed):
        if path.relative_to(service).parts[0] not in without:
            yield _Entry(f"service/{path.relative_to(service).as_posix()}", path)
    files = named_files(settings, without=(base, service))
    words = without_secrets(settings) | {"files": {str(at): name for name, at in files.items()}}
    yield _Entry(f"settings/{SETTINGS}", json.dumps(words, indent=1).encode())
    for name, path in files.items():
        yield _Entry(f"settings/{name}", path)


def _files(base: Path, closed: set[Path]) -> Iterator[Path]:
    """The files of a folder that belong into a backup; links are not followed."""
    patterns: list[str] = backup_data()["without_names"]
    if not base.is_dir():
        return
    for path in sorted(base.rglob("*")):
        parts = path.relative_to(base).parts
        left_out = any(fnmatch(part, one) for part in parts for one in patterns)
        if left_out or path.is_symlink() or not path.is_file() or path.resolve() in closed:
            continue
        yield path


def _archive(part: Path, entries: Iterator[_Entry], made: str, told: dict[str, Any]) -> Backup:
    sums: dict[str, tuple[str, int]] = {}
    with ours(part) as out:
        with tarfile.open(fileobj=out, mode="w", **NAMES) as archive:
            for entry in entries:
                added = _add(archive, entry)
                if added is not None:
                    sums[entry.name] = added
            found = Backup(made, version("yibao-grouper"), told, sums)
            content = found.document()
            _put(archive, MANIFEST, content)
            _put(archive, SUM, hashlib.sha256(content).hexdigest().encode())
        out.flush()
        os.fsync(out.fileno())
    return found


def _add(archive: tarfile.TarFile, entry: _Entry) -> tuple[str, int] | None:
    """Add a file; its sum and size. None: it went away since it was listed."""
    if isinstance(entry.held, bytes):
        _put(archive, entry.name, entry.held)
        return hashlib.sha256(entry.held).hexdigest(), len(entry.held)
    try:
        file = entry.held.open("rb")
    except FileNotFoundError:
        return None
    except OSError as cause:
        raise BackupError("BACKUP_FILE", Where(file=entry.name)) from cause
    with file:
        about = archive.gettarinfo(arcname=entry.name, fileobj=file)
        about.mode, about.uid, about.gid = backup_data()["file_mode"], 0, 0
        about.uname = about.gname = ""
        about.type, about.linkname = tarfile.REGTYPE, ""
        # Of the second name of a file (a hard link) it says none.
        about.size = os.fstat(file.fileno()).st_size
        # Read once: what is written and what its sum is of are the same bytes.
        reader = _Summing(file, about.size, entry.name)
        archive.addfile(about, reader)
    return reader.sum.hexdigest(), about.size


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(content), backup_data()["file_mode"]
    archive.addfile(about, io.BytesIO(content))


class _Summing:
    """Reads a file and sums what it read; one that grows meanwhile is read as far as it was."""

    def __init__(self, file: BinaryIO, size: int, name: str) -> None:
        self._file, self._left, self._name = file, size, name
        self.sum = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes.

        Raises:
            BackupError: ``BACKUP_FILE``, ``BACKUP_CHANGED``: it became shorter.
        """
        wanted = self._left if size < 0 else min(size, self._left)
        try:
            piece = self._file.read(wanted)
        except OSError as cause:
            raise BackupError("BACKUP_FILE", Where(file=self._name)) from cause
        if len(piece) < wanted:
            raise BackupError("BACKUP_CHANGED", Where(file=self._name))
        self._left -= len(piece)
        self.sum.update(piece)
        return piece


def _settle(folder: Path) -> None:
    """Have the new name on disk, too; not every file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

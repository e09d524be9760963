"""A backup of the whole service in one file, and its restore.

A tar file: ``manifest.json`` (which program, when, which tables with how many rows, the SHA-256 of every
file) and its own sum, the tables (:mod:`grouper.store.backup`), the hospital's own data folder and the service's. It is
written beside its name and takes it when it is whole. A restore reads and checks everything before it
changes anything, and never writes over what is there.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codebooks import paths
from codebooks.errors import GrouperError, Where
from grouper.store.backup import dump, load
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grouper.service.settings import Settings
    from grouper.store.database import Database

_MANIFEST, _SUM = "manifest.json", "manifest.sha256"
_FORM = 1
_NOT_OURS = (
    tarfile.TarError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
"""What reading a file that is no backup of ours may raise."""
_PIECE = 1 << 20
PARTS = ("tables", "data", "service")


class BackupError(GrouperError):
    """A backup cannot be made or read as asked."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds.

    Attributes:
        made: when, as ISO 8601.
        program: version of the program that made it.
        tables: as :func:`grouper.store.backup.dump` tells them.
        files: SHA-256 and bytes of each, by its name in the archive.
    """

    made: str
    program: str
    tables: dict[str, Any]
    files: dict[str, tuple[str, int]]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(sum(one["rows"].values()) for one in self.tables.values())


@cache
def _left_out() -> dict[str, list[str]]:
    found = files("grouper.service") / "data" / "backup.toml"
    return tomllib.loads(found.read_text("utf-8"))


def back_up(
    settings: Settings,
    database: Database,
    target: Path,
    progress: Callable[[str, int], None] | None = None,
) -> Backup:
    """Write a backup; the service may go on meanwhile.

    Args:
        settings: of the service.
        database: whose tables are up to date.
        target: the file; only its owner can read it.
        progress: called with a table and the rows done.

    Raises:
        BackupError: ``BACKUP_THERE``: the file is there; ``BACKUP_FOLDER``: its folder is not, or
            cannot be written to.
        StoreError: the database cannot be read.
    """
    if target.exists():
        raise BackupError("BACKUP_THERE", Where(file=target.name))
    part = target.with_name(f"{target.name}.part")
    with _workplace(target) as place:
        tables = place / "tables"
        tables.mkdir()
        told = dump(database, tables, progress)
        try:
            found = _archive(part, settings, tables, told)
            part.replace(target)
        except OSError as cause:
            raise BackupError("BACKUP_FOLDER", Where(file=target.name)) from cause
        finally:
            part.unlink(missing_ok=True)
    return found


def _archive(part: Path, settings: Settings, tables: Path, told: dict[str, Any]) -> Backup:
    listed = {
        "tables": sorted(tables.iterdir()),
        "data": _data_files(settings),
        "service": _service_files(settings),
    }
    bases = {"tables": tables, "data": paths.installed(), "service": settings.folder}
    sums: dict[str, tuple[str, int]] = {}
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w") as archive:
        for kind in PARTS:
            for path in listed[kind]:
                name = f"{kind}/{path.relative_to(bases[kind]).as_posix()}"
                # Read once: what is written and what its sum is of are the same bytes.
                with path.open("rb") as file:
                    entry = archive.gettarinfo(arcname=name, fileobj=file)
                    entry.uid = entry.gid = 0
                    entry.uname = entry.gname = ""
                    reader = _Summing(file, entry.size)
                    archive.addfile(entry, reader)
                sums[name] = (reader.sum.hexdigest(), entry.size)
        found = Backup(now().isoformat(), version("yibao-grouper"), told, sums)
        content = json.dumps({"form": _FORM, **_document(found)}, ensure_ascii=False).encode()
        own = hashlib.sha256(content).hexdigest().encode()
        for name, piece in ((_MANIFEST, content), (_SUM, own)):
            entry = tarfile.TarInfo(name)
            entry.size = len(piece)
            entry.mode = 0o600
            archive.addfile(entry, io.BytesIO(piece))
        out.flush()
        os.fsync(out.fileno())
    return found


class _Summing:
    """Reads a file and sums what it read; a file that grows meanwhile is read as far as it was."""

    def __init__(self, file: Any, size: int) -> None:  # noqa: ANN401 -- a binary file
        self._file, self._left = file, size
        self.sum = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        piece: bytes = self._file.read(self._left if size < 0 else min(size, self._left))
        if not piece and self._left:
            # Cut short meanwhile: filled, so that the archive stays readable.
            piece = b"\0" * min(size, self._left)
        self._left -= len(piece)
        self.sum.update(piece)
        return piece


def _document(found: Backup) -> dict[str, Any]:
    return {
        "made": found.made,
        "program": found.program,
        "tables": found.tables,
        "files": found.files,
    }


def _data_files(settings: Settings) -> list[Path]:
    base, service = paths.installed(), settings.folder.resolve()
    if not base.is_dir():
        return []
    return sorted(
        path
        for path in base.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and not path.resolve().is_relative_to(service)
        and not any(fnmatch(path.name, one) for one in _left_out()["data_without"])
    )


def _service_files(settings: Settings) -> list[Path]:
    base = settings.folder
    without = set(_left_out()["service_without"])
    if not base.is_dir():
        return []
    return sorted(
        path
        for path in base.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and path.relative_to(base).parts[0] not in without
        and not any(fnmatch(path.name, one) for one in _left_out()["data_without"])
    )


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """A folder beside the target, for the disk that holds it has the room."""
    try:
        place = Path(tempfile.mkdtemp(prefix=".grouper-", dir=target.parent))
    except OSError as cause:
        raise BackupError("BACKUP_FOLDER", Where(file=target.name)) from cause
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def read_backup(source: Path) -> Backup:
    """What a backup says it holds, every file held against its sum.

    Raises:
        BackupError: ``BACKUP_UNREADABLE``: it is no backup, or is torn; ``BACKUP_TORN``: a file is not
            what it was.
    """
    with _opened(source) as archive:
        return _checked(archive, source, None)


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, mode="r:") as archive:
            yield archive
    except _NOT_OURS as cause:
        raise BackupError("BACKUP_UNREADABLE", Where(file=source.name)) from cause


def _checked(archive: tarfile.TarFile, source: Path, place: Path | None) -> Backup:
    """Read the archive from one end to the other; with a place its files are laid there."""
    sums: dict[str, tuple[str, int]] = {}
    own = {_MANIFEST: b"", _SUM: b""}
    for entry in archive:
        file = archive.extractfile(entry)
        if file is None:
            raise BackupError("BACKUP_UNREADABLE", Where(file=source.name))
        if entry.name in own:
            own[entry.name] = file.read()
            continue
        path = None if place is None else _inside(place, entry.name, source)
        told = hashlib.sha256()
        with _sink(path) as out:
            while piece := file.read(_PIECE):
                told.update(piece)
                if out is not None:
                    out.write(piece)
        sums[entry.name] = (told.hexdigest(), entry.size)
    if hashlib.sha256(own[_MANIFEST]).hexdigest().encode() != own[_SUM]:
        raise BackupError("BACKUP_UNREADABLE", Where(file=source.name))
    manifest = json.loads(own[_MANIFEST])
    if manifest["form"] != _FORM:
        raise BackupError("BACKUP_UNREADABLE", Where(file=source.name))
    known = {name: (one[0], one[1]) for name, one in manifest["files"].items()}
    for name in sorted({*known, *sums}):
        if known.get(name) != sums.get(name):
            raise BackupError("BACKUP_TORN", Where(file=source.name), table=name)
    return Backup(manifest["made"], manifest["program"], manifest["tables"], known)


def _inside(place: Path, name: str, source: Path) -> Path:
    """Where a file of the archive goes: never outside."""
    path = (place / name).resolve()
    if not path.is_relative_to(place.resolve()) or name.split("/", maxsplit=1)[0] not in PARTS:
        raise BackupError("BACKUP_UNREADABLE", Where(file=source.name))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def _sink(path: Path | None) -> Iterator[Any]:
    if path is None:
        yield None
        return
    with path.open("wb") as out:
        yield out


def restore(
    settings: Settings,
    database: Database,
    source: Path,
    progress: Callable[[str, int], None] | None = None,
) -> Backup:
    """Read a backup back: into a database without rows, and folders without other files of its names.

    Args:
        settings: of the service; its processes do not run.
        database: the target.
        source: the backup.
        progress: called with a table and the rows done.

    Raises:
        BackupError: as :func:`read_backup`; ``BACKUP_DATA_THERE``: a file is there that is another.
        StoreError: ``BACKUP_NOT_EMPTY``, ``STORE_NEWER``, ``STORE_UNAVAILABLE``.
    """
    base = paths.installed()
    base.mkdir(parents=True, exist_ok=True)
    with _workplace(base / source.name) as place:
        with _opened(source) as archive:
            found = _checked(archive, source, place)
        targets = {"data": base, "service": settings.folder}
        moves = [
            (path, targets[kind] / path.relative_to(place / kind))
            for kind in targets
            for path in sorted((place / kind).rglob("*"))
            if path.is_file()
        ]
        for path, target in moves:
            if target.exists() and _sum(target) != _sum(path):
                raise BackupError("BACKUP_DATA_THERE", Where(file=target.name))
        load(database, place / "tables", found.tables, progress)
        for path, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
    return found


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

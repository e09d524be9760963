"""The file of a backup: its list of contents, and how it is read without trusting it.

A tar file: the files, ``manifest.json`` (which program, when, which tables with how many rows, the
SHA-256 of every file) and its own sum at the end. Nothing of it is believed before all of it was read.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import tomllib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError, Where
from codebooks.plain import json_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST, SUM = "manifest.json", "manifest.sha256"
FORM = 1
NAMES: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}
"""How names stand in the tar file, also those that are no UTF-8."""
PARTS = ("tables", "data", "service", "settings")
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
_PLACE, _LOCK = ".grouper-", "lock"


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

    def document(self) -> bytes:
        """The list of contents as it stands in the archive."""
        told = {
            "form": FORM,
            "made": self.made,
            "program": self.program,
            "tables": self.tables,
            "files": self.files,
        }
        # In ASCII: the name of a file may be no UTF-8.
        return json.dumps(told).encode()


@cache
def backup_data() -> dict[str, Any]:
    """What belongs into a backup, as ``data/backup.toml`` says."""
    found = files("grouper.service") / "data" / "backup.toml"
    return tomllib.loads(found.read_text("utf-8"))


@contextmanager
def workplace(folder: Path, name: str) -> Iterator[Path]:
    """A place in a folder, for the disk that holds it has the room; gone at the end of the block.

    What a killed command left there before is taken away: its lock is free.

    Args:
        folder: where.
        name: of the file that it is for, to be named in an error.

    Raises:
        BackupError: ``BACKUP_FOLDER``.
    """
    try:
        _sweep(folder)
        place = Path(tempfile.mkdtemp(prefix=_PLACE, dir=folder))
        lock = (place / _LOCK).open("wb")
    except OSError as cause:
        raise BackupError("BACKUP_FOLDER", Where(file=name)) from cause
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{_PLACE}*/{_LOCK}"):
        # Held by a command that runs, or taken away meanwhile.
        with suppress(BlockingIOError, FileNotFoundError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.parent, ignore_errors=True)


def read_backup(source: Path) -> Backup:
    """What a backup says it holds, every file held against its sum.

    Raises:
        BackupError: ``BACKUP_UNREADABLE``: it is no backup, or is torn; ``BACKUP_TORN``: a file is not
            what it was.
    """
    return checked(source, None)


def checked(source: Path, place: Path | None) -> Backup:
    """Read a backup from one end to the other.

    Args:
        source: the file.
        place: a folder, where its files are laid; None: they are only read.

    Raises:
        BackupError: as :func:`read_backup`; ``BACKUP_ROOM``: the place cannot be written to.
    """
    try:
        with tarfile.open(source, mode="r:", **NAMES) as archive:
            return _read(archive, source, place)
    except _NOT_OURS as cause:
        raise BackupError("BACKUP_UNREADABLE", Where(file=source.name)) from cause


def _read(archive: tarfile.TarFile, source: Path, place: Path | None) -> Backup:
    sums: dict[str, tuple[str, int]] = {}
    own = {MANIFEST: b"", SUM: b""}
    for entry in archive:
        file = archive.extractfile(entry)
        if file is None or not entry.isreg() or entry.name in sums:
            raise BackupError("BACKUP_UNREADABLE", Where(file=source.name))
        if entry.name in own:
            own[entry.name] = file.read()
            continue
        path = None if place is None else _inside(place, entry.name, source)
        told = hashlib.sha256()
        with _sink(path, source) as out:
            while piece := file.read(_PIECE):
                told.update(piece)
                if out is not None:
                    with room(source):
                        out.write(piece)
        sums[entry.name] = (told.hexdigest(), entry.size)
    if hashlib.sha256(own[MANIFEST]).hexdigest().encode() != own[SUM]:
        raise BackupError("BACKUP_UNREADABLE", Where(file=source.name))
    manifest = json_of(own[MANIFEST])
    if manifest["form"] != FORM:
        raise BackupError("BACKUP_UNREADABLE", Where(file=source.name))
    known = {name: (one[0], one[1]) for name, one in manifest["files"].items()}
    for name in sorted({*known, *sums}):
        if known.get(name) != sums.get(name):
            raise BackupError("BACKUP_TORN", Where(file=source.name), table=name)
    found = Backup(manifest["made"], manifest["program"], manifest["tables"], known)
    # Told here, so that a list of contents of another shape is no backup.
    _ = found.rows, datetime.fromisoformat(found.made)
    return found


def _inside(place: Path, name: str, source: Path) -> Path:
    """Where a file of the archive goes: never outside."""
    path = (place / name).resolve()
    if not path.is_relative_to(place.resolve()) or name.split("/", maxsplit=1)[0] not in PARTS:
        raise BackupError("BACKUP_UNREADABLE", Where(file=source.name))
    return path


@contextmanager
def _sink(path: Path | None, source: Path) -> Iterator[Any]:
    """A file to write to; an error of the disk is none of the archive."""
    if path is None:
        yield None
        return
    with room(source):
        out = ours(path)
    try:
        yield out
    finally:
        with room(source):
            out.close()


@contextmanager
def room(source: Path) -> Iterator[None]:
    """Declares an error of writing.

    Raises:
        BackupError: ``BACKUP_ROOM``.
    """
    try:
        yield
    except OSError as cause:
        raise BackupError("BACKUP_ROOM", Where(file=source.name)) from cause


def ours(path: Path) -> Any:  # noqa: ANN401 -- a binary file
    """A new file that only its owner reads, in folders that only their owner enters."""
    missing = [one for one in (path.parent, *path.parent.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=backup_data()["folder_mode"], exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, backup_data()["file_mode"])
    return os.fdopen(handle, "wb")

"""A backup read back: into the database of the settings, the data folder and the service's.

Everything is read and checked before anything is changed. Then the files, then the tables: a restore that
was broken off is simply begun again. What is there is never written over; with ``replace`` it is put aside.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.errors import Where
from grouper.service import status
from grouper.service.backup_archive import (
    Backup,
    BackupError,
    backup_data,
    checked,
    ours,
    room,
    workplace,
)
from grouper.store import audit, sessions
from grouper.store.backup import load, target_ready
from grouper.store.migrate import upgrade
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grouper.service.settings import Settings
    from grouper.store.database import Database

RESTORED, REPLACED = "restored", "replaced"
"""Folders: of the settings that the backup held, in the service's folder; of files that had to make room,
in the data folder."""


def restore(
    settings: Settings,
    database: Database,
    source: Path,
    progress: Callable[[str, int], None] | None = None,
    *,
    replace: bool = False,
    actor: str = "restore",
) -> Backup:
    """Read a backup back and bring its tables up to date.

    Nobody is signed in afterwards: a session that was ended since the backup must not live again.

    Args:
        settings: of the service; its processes do not run.
        database: the target.
        source: the backup.
        progress: called with a table and the rows done.
        replace: take away the rows that are there, and put other files of the same names aside.
        actor: who does it, for the audit log.

    Raises:
        BackupError: as :func:`grouper.service.backup_archive.read_backup`; ``BACKUP_RUNNING``: the
            service runs; ``BACKUP_DATA_THERE``: a file is there that is another; ``BACKUP_ROOM``: the
            files cannot be written.
        StoreError: ``BACKUP_NOT_EMPTY``, ``STORE_NEWER``, ``STORE_UNAVAILABLE``, ``STORE_DAMAGED``.
    """
    at = datetime.now(UTC)
    if alive := [one.process for one in status.read(settings.folder) if one.alive(at)]:
        raise BackupError("BACKUP_RUNNING", names=", ".join(alive))
    base = paths.installed()
    with room(source):
        base.mkdir(mode=backup_data()["folder_mode"], parents=True, exist_ok=True)
    with workplace(base, source.name) as place:
        found = checked(source, place)
        moves = _moves(place, base, settings.folder)
        target_ready(database, found.tables, replace=replace)
        others = [target for path, target in moves if target.exists() and _other(target, path)]
        kept = [one for one in others if not one.is_relative_to(settings.folder / RESTORED)]
        if kept and not replace:
            raise BackupError("BACKUP_DATA_THERE", Where(file=kept[0].name))
        with room(source):
            _put_aside(others, base, settings.folder, at)
            for path, target in moves:
                _lay(path, target)
        load(database, place / "tables", found.tables, progress, replace=replace)
    upgrade(database)
    with database.writing_store() as connection:
        sessions.end_everyone(connection)
        about = {"made": found.made, "program": found.program, "rows": found.rows}
        audit.append(connection, actor, "backup_restored", "backup", about, at=now())
    return found


def _moves(place: Path, base: Path, service: Path) -> list[tuple[Path, Path]]:
    """Each file that was unpacked, and where it goes."""
    targets = {"data": base, "service": service, "settings": service / RESTORED}
    return [
        (path, targets[kind] / path.relative_to(place / kind))
        for kind in targets
        for path in sorted((place / kind).rglob("*"))
        if path.is_file()
    ]


def _other(one: Path, other: Path) -> bool:
    return not one.is_file() or _sum(one) != _sum(other)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _put_aside(others: list[Path], base: Path, service: Path, at: datetime) -> None:
    """Other files of the same names: kept, where nothing reads them."""
    for path in others:
        if path.is_relative_to(service / RESTORED):
            path.unlink()
            continue
        own = service if path.is_relative_to(service) else base
        kept = base / REPLACED / f"restore-{at:%Y%m%dT%H%M%S}" / own.name / path.relative_to(own)
        kept.parent.mkdir(mode=backup_data()["folder_mode"], parents=True, exist_ok=True)
        shutil.move(path, kept)


def _lay(path: Path, target: Path) -> None:
    """Let a file appear whole: the folders may be on different disks."""
    if target.exists():
        return
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)
    with path.open("rb") as held, ours(beside) as out:
        shutil.copyfileobj(held, out)
    beside.replace(target)

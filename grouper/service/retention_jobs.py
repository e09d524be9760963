"""Files of jobs that ended long ago: cases that were handed in, and what was made of them."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grouper.service.job_files import read_job
from grouper.store.retention_rows import Aim, Held, write_down

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from grouper.service.job_files import Job
    from grouper.store.database import Database

FOLDER = "jobs"


def held(folder: Path, before: datetime | None) -> Held:
    """How many jobs there are, and how many ended before a time.

    Args:
        folder: of the service.
        before: None: nothing goes.
    """
    jobs = [job for _, job in _jobs(folder)]
    oldest = min((job.created for job in jobs), default=None)
    return Held(len(jobs), oldest, len(_ended(folder, before)) if before else 0)


def sweep(
    folder: Path, database: Database, aim: Aim, left: datetime, stopped: Callable[[], bool]
) -> int:
    """Take away the files of jobs that ended before a time; returns how many jobs.

    The entry of the log is written first. Folders whose job never came whole go too, uncounted.

    Args:
        folder: of the service.
        database: whose audit log is written.
        aim: what is swept.
        left: a folder without a job that is older was left by a process that fell.
        stopped: whether to leave the rest.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``; nothing was taken away.
    """
    going = [] if stopped() else _ended(folder, aim.before)
    if going:
        with database.writing_store() as connection:
            write_down(connection, aim, len(going))
    for path in (*going, *_left(folder, left)):
        shutil.rmtree(path, ignore_errors=True)
    return len(going)


def _jobs(folder: Path) -> Iterator[tuple[Path, Job]]:
    for path in sorted((folder / FOLDER).glob("*/job.json")):
        if (job := read_job(path.parent)) is not None:
            yield path.parent, job


def _ended(folder: Path, before: datetime) -> list[Path]:
    return [
        path
        for path, job in _jobs(folder)
        if job.state.ended and (job.ended or job.created) < before
    ]


def _left(folder: Path, before: datetime) -> Iterator[Path]:
    for path in (folder / FOLDER).glob("*/"):
        with suppress(OSError):
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if changed < before and not (path / "job.json").exists():
                yield path

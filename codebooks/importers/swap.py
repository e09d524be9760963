"""One folder into the place of another, so that at every moment one of them stands there whole."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

_WORK = ".import-"
_OLD = "replaced"
_STALE_SECONDS = 3600
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def workplace(base: Path) -> Path:
    """A new folder to prepare an installation in, on the same file system as ``base``."""
    base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=_WORK, dir=base))


def swap_in(new: Path, target: Path, work: Path) -> None:
    """Put ``new`` where ``target`` is, or is not; the old folder ends up in ``work``.

    Where the system can exchange two names in one step it does so. Elsewhere the old folder
    steps aside for the moment between two renamings, is put back when the second fails, and by
    :func:`recover` when the process was killed between them.

    Raises:
        OSError: the target is as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        new.rename(target)
    elif not _exchange(new, target):
        _step_aside(new, target, work)


def _step_aside(new: Path, target: Path, work: Path) -> None:
    old = work / _OLD / target.name
    old.parent.mkdir()
    try:
        target.rename(old)
        new.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system cannot."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    names = os.fsencode(one), os.fsencode(other)
    done: int = rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    return done == 0


def clear(work: Path, target: Path) -> None:
    """Remove a workplace, unless it holds the only copy of what stood at the target."""
    if target.exists() or not (work / _OLD / target.name).exists():
        shutil.rmtree(work, ignore_errors=True)


def recover(base: Path, homes: Path) -> None:
    """Clear away what installations that were killed left in ``base``.

    Args:
        base: the folder of :func:`workplace`.
        homes: where the targets lie; an old folder that lost its place goes back.
    """
    for work in base.glob(f"{_WORK}*"):
        for old in work.glob(f"{_OLD}/*"):
            if not (homes / old.name).exists():
                homes.mkdir(parents=True, exist_ok=True)
                old.rename(homes / old.name)
        if work.stat().st_mtime < time.time() - _STALE_SECONDS:
            shutil.rmtree(work, ignore_errors=True)

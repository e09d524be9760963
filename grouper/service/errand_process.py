"""The process of one errand: ``python -m grouper.service.errand_process ID PARENT``.

It opens settings and database for itself, gives way to all other processes, and ends by itself when
the clerk that started it is gone or the errand was taken away.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import structlog

from codebooks.errors import GrouperError
from codebooks.messages import text
from grouper.service.errand_files import (
    IN,
    OUT,
    ErrandState,
    is_there,
    read_errand,
    write_errand,
    write_progress,
)
from grouper.service.errand_kinds import ErrandError, kind_of, limits
from grouper.service.errands import Errands
from grouper.service.logs import configure, fault_of
from grouper.service.settings import load_settings
from grouper.service.setup import configure_forms
from grouper.store.database import connect
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from grouper.service.errands import Errand
    from grouper.service.settings import Settings
    from grouper.store.database import Database

FAILED = 2
STOPPED = 3
NICE = 10
"""By how much the process gives way to the others."""
_log = structlog.get_logger("grouper.errands")


class ErrandStopped(BaseException):
    """The errand was taken away, or the service ends; work that is under way is left."""


@dataclass(slots=True, kw_only=True)
class Work:
    """What the function of a kind is given.

    Attributes:
        params: what was asked.
        files: folder of the files that were handed in.
        out: folder for what it writes; pages read it when the errand is done.
        settings: of the service.
        database: inbox and store.
        reach: the departments whose cases it may see; None: all.
        actor: who asked, as the audit log writes it.
        language: of the words in what it writes.
    """

    params: Mapping[str, Any]
    files: Path
    out: Path
    settings: Settings
    database: Database
    reach: tuple[str, ...] | None
    actor: str
    language: str
    _alive: Callable[[], bool] = field(default=lambda: True, repr=False)
    _told: float = field(default=0.0, repr=False)

    def told(self, done: int, of: int | None = None) -> None:
        """Tell how far the work has come; cheap enough to be called for every case.

        Args:
            done: how much is done.
            of: of how much; None: not known.

        Raises:
            ErrandStopped: nobody wants it any more; let it through.
        """
        at = time.monotonic()
        if at - self._told < limits().progress_seconds and done != of:
            return
        self._told = at
        if not self._alive():
            raise ErrandStopped
        with suppress(OSError):
            # A full disk is told by what the work itself writes.
            write_progress(self.out.parent, done, of)


def run_one(
    errands: Errands,
    number: str,
    settings: Settings,
    database: Database,
    alive: Callable[[], bool] = lambda: True,
) -> Errand | None:
    """Do an errand here and now, and write what became of it.

    Args:
        errands: where it lies.
        number: its id.
        settings: of the service.
        database: inbox and store.
        alive: whether it is to go on, beside that it was not taken away.

    Returns:
        How it stands now; None: it was taken away meanwhile.

    Raises:
        ErrandError: ``ERRAND_UNKNOWN``.
        ErrandStopped: it is not to go on.
    """
    errand, folder = errands.read(number), errands.folder(number)
    if errand is None:
        raise ErrandError("ERRAND_UNKNOWN")
    work = Work(
        params=errand.params,
        files=folder / IN,
        out=folder / OUT,
        settings=settings,
        database=database,
        reach=errand.reach,
        actor=errand.actor,
        language=errand.language,
        _alive=lambda: alive() and is_there(folder),
    )
    errand = replace(errand, state=ErrandState.RUNNING, started=now(), tries=errand.tries + 1)
    try:
        write_errand(folder, errand)
        # A try that was broken off may have left half of what it wrote.
        shutil.rmtree(work.out, ignore_errors=True)
        work.out.mkdir()
        answer = kind_of(errand.kind).load()(work)
        errand = replace(errand, state=ErrandState.DONE, answer=dict(answer))
        ended = _ended(errands, errand)
    except ErrandStopped:
        if is_there(folder):
            raise
        return None
    except Exception as error:  # noqa: BLE001 -- whatever it is, who asked is told
        if not is_there(folder):
            return None
        return _ended(errands, failed(errand, error))
    return ended


def failed(errand: Errand, error: Exception | None) -> Errand:
    """An errand as it stands after an error; of one that we did not declare nothing is told.

    Args:
        errand: that failed.
        error: None: its process ended without a word.
    """
    declared = error if isinstance(error, GrouperError) else GrouperError("INTERNAL")
    if error is not None:
        about = {"code": declared.code} if declared is error else {"fault": fault_of(error)}
        _log.warning("errand_failed", kind=errand.kind, errand=errand.id, **about)
    what, hint = (
        text(f"{part}.{declared.code}", errand.language, **declared.params)
        for part in ("error", "hint")
    )
    place = declared.where.describe(errand.language)
    if place:
        what = text("errand.placed", errand.language, place=place, what=what)
    return replace(
        errand, state=ErrandState.FAILED, code=declared.code, detail=what, advice=hint, answer=None
    )


def _ended(errands: Errands, errand: Errand) -> Errand | None:
    errand, folder = replace(errand, ended=now()), errands.folder(errand.id)
    try:
        write_errand(folder, errand)
    except OSError:
        if is_there(folder):
            raise
        return None
    # Only now: what ends this process before the state stands has the errand begun anew.
    errands.clear(errand)
    # With the progress it made.
    return read_errand(folder)


def _watch(parent: int) -> None:
    """End this process when its parent is gone, even within a long step that tells nothing."""
    while os.getppid() == parent:
        time.sleep(limits().watch_seconds)
    os._exit(STOPPED)


def main(number: str, parent: int) -> int:
    """Do an errand; returns the exit status."""
    threading.Thread(target=_watch, args=(parent,), name="watch", daemon=True).start()
    try:
        settings = load_settings()
        configure_forms(settings)
        database = connect(settings.url)
    except GrouperError as error:
        _log.error("errand_stopped", code=error.code)
        return FAILED
    try:
        run_one(Errands.at(settings), number, settings, database, lambda: os.getppid() == parent)
    except ErrandStopped:
        return STOPPED
    except GrouperError as error:
        _log.error("errand_stopped", code=error.code)
        return FAILED
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    configure()
    os.nice(NICE)
    sys.exit(main(sys.argv[1], int(sys.argv[2])))

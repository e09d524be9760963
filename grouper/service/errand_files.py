"""The files of an errand: what was asked, how far it has come, what it gave.

A folder an errand: ``errand.json``, ``progress.json``, ``in`` (files handed in), ``out`` (files it
wrote). The folder appears whole when the errand is asked for, and goes away in one step.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from grouper.service import json_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IN, OUT = "in", "out"
_ERRAND, _PROGRESS = "errand.json", "progress.json"
_TIMES = ("created", "started", "ended")
_COUNTED = ("done", "of")


class ErrandState(StrEnum):
    """How an errand stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """Whether nothing more will be done; an interrupted errand begins anew."""
        return self in (ErrandState.DONE, ErrandState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """An errand.

    Attributes:
        id: its own id, also the name of its folder.
        kind: what is to be done, a row of ``data/errands.csv``.
        owner: the account that asked for it.
        actor: the name of that account, as the audit log writes it.
        reach: the departments whose cases it may see; None: all.
        language: of the words in what it writes.
        params: what was asked, plain JSON; never a name or a number of a patient.
        state: how it stands.
        created: when it was asked for; ``started`` and ``ended`` likewise.
        done: how much of it is done.
        of: how much there is to do; None: not known.
        code: stable code of the error when it failed, with ``detail`` and ``advice`` in words.
        answer: what it gave, plain JSON, when it is done; its files lie beside.
        tries: how often it was begun.
    """

    id: str
    kind: str
    owner: int
    actor: str
    reach: tuple[str, ...] | None
    language: str
    params: Mapping[str, Any]
    state: ErrandState = ErrandState.WAITING
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    done: int = 0
    of: int | None = None
    code: str | None = None
    detail: str | None = None
    advice: str | None = None
    answer: Mapping[str, Any] | None = None
    tries: int = 0

    @property
    def share(self) -> float | None:
        """How much of it is done, nought to one; None: not known."""
        return None if not self.of else min(self.done / self.of, 1.0)


def write_errand(folder: Path, errand: Errand) -> None:
    """Write how an errand stands.

    Raises:
        OSError: it cannot be written, for one because the errand was taken away.
    """
    plain = asdict(errand)
    for name in _TIMES:
        plain[name] = plain[name] and plain[name].isoformat()
    for name in _COUNTED:
        del plain[name]
    json_files.write(folder / _ERRAND, plain)


def read_errand(folder: Path) -> Errand | None:
    """The errand of a folder with its progress; None: its files are none."""
    found = json_files.read(folder / _ERRAND)
    if found is None:
        return None
    try:
        times = {n: found[n] and datetime.fromisoformat(found[n]) for n in _TIMES}
        reach = None if found["reach"] is None else tuple(found["reach"])
        state = {"state": ErrandState(found["state"]), "reach": reach, "id": folder.name}
        return _progressed(folder, Errand(**found | times | state))
    except (KeyError, TypeError, ValueError):
        return None


def write_progress(folder: Path, done: int, of: int | None) -> None:
    """Write how far an errand has come.

    Raises:
        OSError: as :func:`write_errand`.
    """
    json_files.write(folder / _PROGRESS, {"done": done, "of": of})


def is_there(folder: Path) -> bool:
    """Whether an errand was not taken away."""
    return (folder / _ERRAND).is_file()


def _progressed(folder: Path, errand: Errand) -> Errand:
    found = json_files.read(folder / _PROGRESS) or {}
    done, of = found.get("done"), found.get("of")
    return replace(
        errand,
        done=done if isinstance(done, int) else 0,
        of=of if isinstance(of, int) else None,
    )

"""The files of a job: what was asked, how far it has come, what it gave."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from grouper.run.flow import rejects_path
from grouper.service import json_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class JobState(StrEnum):
    """How a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """Whether nothing more will be done."""
        return self not in (JobState.WAITING, JobState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job.

    Attributes:
        id: its own id, also the name of its folder.
        owner: the account that may see it.
        state: how it stands.
        created: when it was asked for; ``started`` and ``ended`` likewise.
        format: of the input (``csv``, ``jsonl``, ``parquet``), also its ending.
        output: of the result, likewise.
        scheme: of all cases, or None for those that bind.
        region: of cases that name none.
        explain: whether the traces are written too.
        language: of the words in its files.
        code: stable code of the error when it failed, with ``detail`` and ``advice`` in words.
    """

    id: str
    owner: int
    state: JobState = JobState.WAITING
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    format: str
    output: str
    scheme: str | None
    region: str
    explain: bool
    language: str
    code: str | None = None
    detail: str | None = None
    advice: str | None = None

    def files(self, folder: Path) -> Mapping[str, Path]:
        """Its files by what they hold: ``input``, ``result``, ``rejects``, ``traces``."""
        result = folder / f"result.{self.output}"
        return {
            "input": folder / f"input.{self.format}",
            "result": result,
            "rejects": rejects_path(result),
            "traces": folder / "traces.jsonl",
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come: rows done, of how many (None: not known), and its summary."""

    rows: int = 0
    share: float | None = None
    summary: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed, with a stable code."""

    code: str
    detail: str
    advice: str


_TIMES = ("created", "started", "ended")


def write_job(folder: Path, job: Job) -> None:
    """Write how a job stands."""
    plain = asdict(job)
    for name in _TIMES:
        plain[name] = plain[name] and plain[name].isoformat()
    json_files.write(folder / "job.json", plain)


def read_job(folder: Path) -> Job | None:
    """The job of a folder; None when its file is no such."""
    found = json_files.read(folder / "job.json")
    if found is None:
        return None
    try:
        times = {n: found[n] and datetime.fromisoformat(found[n]) for n in _TIMES}
        return Job(**found | times | {"state": JobState(found["state"]), "id": folder.name})
    except (KeyError, TypeError, ValueError):
        return None


def write_progress(folder: Path, progress: Progress) -> None:
    """Write how far a job has come."""
    json_files.write(folder / "progress.json", asdict(progress))


def read_progress(folder: Path) -> Progress:
    """How far a job has come."""
    found = json_files.read(folder / "progress.json") or {}
    return Progress(found.get("rows", 0), found.get("share"), found.get("summary"))


def write_failure(folder: Path, failure: Failure) -> None:
    """Write why a job failed."""
    json_files.write(folder / "failure.json", asdict(failure))


def read_failure(folder: Path) -> Failure | None:
    """Why a job failed, if its process could say so."""
    found = json_files.read(folder / "failure.json") or {}
    code, detail, advice = (found.get(name) for name in ("code", "detail", "advice"))
    if not (isinstance(code, str) and isinstance(detail, str) and isinstance(advice, str)):
        return None
    return Failure(code, detail, advice)

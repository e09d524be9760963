"""Files of cases that are grouped as jobs: one after the other, each in a process of its own.

A job is a folder under ``jobs`` of the service's folder: ``job.json`` (what was asked and how it
stands), the input, ``progress.json`` and the files that :func:`grouper.run.flow.run` writes. What
was running or waiting when the service ended is ``interrupted`` after the next start.
"""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from codebooks.messages import text
from grouper.service.children import begin, stop
from grouper.service.job_files import (
    Failure,
    Job,
    JobState,
    Progress,
    read_failure,
    read_job,
    read_progress,
    write_job,
)
from grouper.service.problems import ServiceError
from grouper.store.schema import now

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

MOST_WAITING = 20
"""Jobs that may wait or run at once."""
_log = structlog.get_logger("grouper.jobs")


class Jobs:
    """The jobs of this service.

    Args:
        folder: of the service.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "jobs"
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._closing = False
        self._runner = ThreadPoolExecutor(1, "jobs")

    def start(self) -> None:
        """Read the jobs of earlier runs; those that did not end are interrupted."""
        for path in sorted(self._folder.glob("*/job.json")):
            job = read_job(path.parent)
            if job is None:
                continue
            if not job.state.ended:
                job = replace(job, state=JobState.INTERRUPTED, ended=now())
                write_job(path.parent, job)
            self._jobs[job.id] = job

    def close(self) -> None:
        """End the running job; it and those that wait are interrupted."""
        with self._lock:
            self._closing = True
            for process in self._processes.values():
                process.terminate()
        self._runner.shutdown(cancel_futures=True)
        with self._lock:
            for job in list(self._jobs.values()):
                if not job.state.ended:
                    self._end(job.id, JobState.INTERRUPTED)

    def folder(self, job: Job) -> Path:
        """Where a job's files lie."""
        return self._folder / job.id

    def room(self) -> None:
        """See that one more job may wait.

        Raises:
            ServiceError: ``JOBS_FULL``.
        """
        with self._lock:
            if sum(not job.state.ended for job in self._jobs.values()) >= MOST_WAITING:
                raise ServiceError("JOBS_FULL", most=MOST_WAITING)

    def prepare(self) -> tuple[str, Path]:
        """The id and the folder of a job to come; its input goes there."""
        number = uuid4().hex
        path = self._folder / number
        path.mkdir(mode=0o700, parents=True)
        return number, path

    def add(self, job: Job) -> Job:
        """Let a prepared job wait for its turn.

        Raises:
            ServiceError: ``JOBS_FULL``; its folder is gone.
        """
        with self._lock:
            try:
                self.room()
            except ServiceError:
                shutil.rmtree(self.folder(job), ignore_errors=True)
                raise
            self._jobs[job.id] = job
            write_job(self.folder(job), job)
            self._runner.submit(self._run, job.id)
        return job

    def of(self, owner: int) -> list[Job]:
        """The jobs of an account, newest first."""
        with self._lock:
            for job in list(self._jobs.values()):
                self._forget_swept(job)
            own = [job for job in self._jobs.values() if job.owner == owner]
        return sorted(own, key=lambda job: (job.created, job.id), reverse=True)

    def one(self, number: str, owner: int) -> Job:
        """A job of an account.

        Raises:
            ServiceError: ``JOB_UNKNOWN``, also for a job of someone else.
        """
        with self._lock:
            if (known := self._jobs.get(number)) is not None:
                self._forget_swept(known)
            job = self._jobs.get(number)
        if job is None or job.owner != owner:
            raise ServiceError("JOB_UNKNOWN")
        return job

    def _forget_swept(self, job: Job) -> None:
        """Another process takes the files of old jobs away (:mod:`grouper.service.retention_jobs`)."""
        if job.state.ended and not self.folder(job).is_dir():
            del self._jobs[job.id]

    def progress(self, job: Job) -> Progress:
        """How far a job has come."""
        return read_progress(self.folder(job))

    def cancel(self, job: Job) -> None:
        """End a job that waits or runs, and take away all its files."""
        with self._lock:
            self._jobs.pop(job.id, None)
            process = self._processes.get(job.id)
            if process is not None:
                stop(process)
            shutil.rmtree(self.folder(job), ignore_errors=True)

    def _run(self, number: str) -> None:
        with self._lock:
            job = self._jobs.get(number)
            if job is None or self._ending():
                return
            self._jobs[number] = job = replace(job, state=JobState.RUNNING, started=now())
            write_job(self.folder(job), job)
            process = begin("grouper.service.job_process", [str(self.folder(job))])
            self._processes[number] = process
        status = process.wait()
        with self._lock:
            del self._processes[number]
            if number not in self._jobs:
                return
            if self._ending():
                self._end(number, JobState.INTERRUPTED)
            elif status == 0:
                self._end(number, JobState.DONE)
            else:
                _log.warning("job_failed", status=status)
                self._end(number, JobState.FAILED)

    def _ending(self) -> bool:
        return self._closing

    def _end(self, number: str, state: JobState) -> None:
        job = replace(self._jobs[number], state=state, ended=now())
        if state is JobState.FAILED:
            failure = read_failure(self.folder(job)) or _unknown(job)
            job = replace(job, code=failure.code, detail=failure.detail, advice=failure.advice)
        self._jobs[number] = job
        with suppress(OSError):
            write_job(self.folder(job), job)


def _unknown(job: Job) -> Failure:
    """Why a job failed whose process ended without a word."""
    what, hint = (text(f"{part}.INTERNAL", job.language) for part in ("error", "hint"))
    return Failure("INTERNAL", what, hint)

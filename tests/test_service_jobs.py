"""Jobs: grouped in their own process, seen by their owner alone, whole or interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codebooks.errors import GrouperError
from grouper.service import children, job_process, jobs
from grouper.service.job_files import (
    Job,
    JobState,
    Progress,
    read_failure,
    read_job,
    read_progress,
    write_job,
    write_progress,
)
from grouper.service.jobs import Jobs
from grouper.store.schema import now

CASES = """case_id,sex,age,discharge_time,dx,px
A1,1,66,2026-03-01,I21.001,36.0601
A2,2,40,2026-03-01,XX,
"""


def job(number: str = "j1", **changes: object) -> Job:
    made = Job(
        id=number,
        owner=1,
        created=now(),
        format="csv",
        output="csv",
        scheme=None,
        region="national",
        explain=True,
        language="zh",
    )
    return replace(made, **changes)  # type: ignore[arg-type] -- fields of the job


def until(wanted: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not wanted():  # type: ignore[operator]
        assert time.monotonic() < end
        threading.Event().wait(0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Jobs]:
    found = Jobs(tmp_path)
    found.start()
    yield found
    found.close()


def added(running: Jobs, text: str = CASES, **changes: object) -> Job:
    number, folder = running.prepare()
    made = job(number, **changes)
    made.files(folder)["input"].write_text(text, "utf-8")
    return running.add(made)


def test_a_file_is_grouped(running: Jobs) -> None:
    made = added(running)
    until(lambda: running.one(made.id, 1).state.ended)
    done = running.one(made.id, 1)
    assert done.state is JobState.DONE
    progress = running.progress(done)
    assert (progress.rows, progress.share) == (2, 1.0)
    assert progress.summary is not None
    assert progress.summary["statuses"] == {"grouped": 1, "invalid": 1}
    files = done.files(running.folder(done))
    assert "FM39" in files["result"].read_text("utf-8")
    assert "DX_PRINCIPAL_UNKNOWN" in files["rejects"].read_text("utf-8")
    assert len(files["traces"].read_text("utf-8").splitlines()) == 2
    assert running.folder(done).stat().st_mode & 0o077 == 0
    running.cancel(done)
    assert not running.folder(done).exists()


def test_a_file_that_cannot_be_read_fails_with_its_code(running: Jobs) -> None:
    made = added(running, "PAR1", format="parquet")
    until(lambda: running.one(made.id, 1).state.ended)
    done = running.one(made.id, 1)
    assert done.state is JobState.FAILED
    assert done.code
    assert done.detail
    assert done.advice


def test_a_job_is_its_owners_alone(running: Jobs) -> None:
    made = added(running)
    assert [one.id for one in running.of(1)] == [made.id]
    assert running.of(2) == []
    for number, owner in ((made.id, 2), ("nothing", 1)):
        with pytest.raises(GrouperError) as caught:
            running.one(number, owner)
        assert caught.value.code == "JOB_UNKNOWN"


class Stuck:
    """A process that ends when it is told to."""

    def __init__(self, *_command: object, **_options: object) -> None:
        self._ended = threading.Event()
        self.killed = False
        self.deaf = False

    def wait(self, seconds: float | None = None) -> int:
        if self.deaf and not self.killed:
            raise subprocess.TimeoutExpired("job", seconds or 0)
        assert self._ended.wait(10)
        return -15

    def terminate(self) -> None:
        self._ended.set()

    def kill(self) -> None:
        self.killed = True


def test_a_running_job_is_ended_and_the_next_begins(
    running: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Stuck)
    first, second = added(running), added(running)
    until(lambda: running.one(first.id, 1).state is JobState.RUNNING)
    assert running.one(second.id, 1).state is JobState.WAITING
    running.cancel(first)
    until(lambda: running.one(second.id, 1).state is JobState.RUNNING)
    assert [one.id for one in running.of(1)] == [second.id]
    assert not running.folder(first).exists()


def test_a_process_that_does_not_listen_is_killed() -> None:
    process = Stuck()
    process.deaf = True
    children.stop(process)  # type: ignore[arg-type] -- stands in
    assert process.killed


def test_a_waiting_job_that_is_removed_never_runs(
    running: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Stuck)
    first, second = added(running), added(running)
    until(lambda: running.one(first.id, 1).state is JobState.RUNNING)
    running.cancel(second)
    running.cancel(first)
    assert running.of(1) == []


def test_only_so_many_may_wait(running: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", Stuck)
    monkeypatch.setattr(jobs, "MOST_WAITING", 1)
    added(running)
    number, folder = running.prepare()
    with pytest.raises(GrouperError) as caught:
        running.add(job(number))
    assert caught.value.code == "JOBS_FULL"
    assert not folder.exists()


def test_what_ran_when_the_service_ended_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Stuck)
    running = Jobs(tmp_path)
    running.start()
    first, second = added(running), added(running)
    until(lambda: running.one(first.id, 1).state is JobState.RUNNING)
    running.close()
    for number in (first.id, second.id):
        found = read_job(tmp_path / "jobs" / number)
        assert found is not None
        assert found.state is JobState.INTERRUPTED


def test_after_a_hard_end_jobs_are_interrupted_and_broken_ones_passed_over(tmp_path: Path) -> None:
    for number, state in (("a", JobState.RUNNING), ("b", JobState.DONE)):
        (tmp_path / "jobs" / number).mkdir(parents=True)
        write_job(tmp_path / "jobs" / number, job(number, state=state))
    for number, text in (("c", "{"), ("d", "{}"), ("e", "[]")):
        (tmp_path / "jobs" / number).mkdir(parents=True)
        (tmp_path / "jobs" / number / "job.json").write_text(text)
    running = Jobs(tmp_path)
    running.start()
    assert {one.id: one.state for one in running.of(1)} == {
        "a": JobState.INTERRUPTED,
        "b": JobState.DONE,
    }
    assert read_progress(tmp_path / "jobs" / "a") == Progress()
    assert read_failure(tmp_path / "jobs" / "a") is None
    running.close()


# The process of a job, in this one


def test_the_process_tells_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_process, "_EVERY", 0.0)
    told: list[Progress] = []
    monkeypatch.setattr(job_process, "write_progress", lambda _f, p: told.append(p))
    made = job("j")
    write_job(tmp_path, made)
    made.files(tmp_path)["input"].write_text(CASES, "utf-8")
    assert job_process.main(tmp_path, os.getppid()) == 0
    assert [one.rows for one in told] == [2, 2]
    assert told[0].share is not None
    assert json.loads(json.dumps(told[1].summary))["rows"] == 2


def test_the_process_ends_when_the_service_is_gone(tmp_path: Path) -> None:
    made = job("j")
    write_job(tmp_path, made)
    files = made.files(tmp_path)
    files["input"].write_text(CASES, "utf-8")
    assert job_process.main(tmp_path, 1 if os.getppid() != 1 else 2) == job_process.FAILED
    failure = read_failure(tmp_path)
    assert failure is not None
    assert failure.code == "RUN_INTERRUPTED"
    assert not files["result"].exists()


def test_a_folder_without_a_job_is_refused(tmp_path: Path) -> None:
    assert job_process.main(tmp_path, os.getppid()) == job_process.FAILED


def test_progress_of_an_empty_file_is_not_known(tmp_path: Path) -> None:
    class Empty:
        total_rows = None
        size = 0
        bytes_read = 0

    assert job_process._share(Empty(), 0) is None  # type: ignore[arg-type] -- stands in
    Empty.total_rows = 4  # type: ignore[assignment]
    assert job_process._share(Empty(), 1) == 0.25  # type: ignore[arg-type] -- stands in
    write_progress(tmp_path, Progress(1, 0.25))
    assert read_progress(tmp_path) == Progress(1, 0.25)


def test_a_job_killed_from_outside_fails(running: Jobs) -> None:
    made = added(running, CASES + "".join(f"B{i},1,50,2026-03-01,I10\n" for i in range(200_000)))
    until(
        lambda: running._processes.get(made.id) is not None or running.one(made.id, 1).state.ended
    )
    process = running._processes.get(made.id)
    if process is not None:
        process.send_signal(signal.SIGKILL)
    until(lambda: running.one(made.id, 1).state.ended)
    assert running.one(made.id, 1).state is JobState.FAILED
    assert running.one(made.id, 1).code == "INTERNAL"

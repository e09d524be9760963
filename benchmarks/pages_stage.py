"""What the benchmark of the pages plays on: a mart and a store of invented cases, and the process.

The process is that of ``grouper serve``, started alone, on a port and a folder of its own.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
from mart import make as make_mart
from service import Plain, fill, free_port
from sqlalchemy import select

from codebooks.codes import code_set
from grouper.case.dates import LOCAL
from grouper.service.access import managing
from grouper.service.mart import mart_folder
from grouper.service.screening import How, screen_stored
from grouper.service.settings import Settings
from grouper.store.database import connect
from grouper.store.reading import Wanted, stays
from grouper.store.review_schema import finding
from grouper.store.states import Role, StayState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.store.database import Database

PASSWORD = "bench-Horse-7-battery"  # noqa: S105 -- of a store that is thrown away
OWN = "D01"
"""Department of the physician."""
PEOPLE = (
    ("manager", Role.MANAGER, ()),
    ("office", Role.OFFICE, ()),
    ("doctor", Role.PHYSICIAN, (OWN,)),
)
_DEPARTMENTS = 40
_RUNNING = 10
"""One stay in so many runs."""
_NIGHT = datetime(2026, 11, 20, 2, tzinfo=LOCAL)
_LONGEST = 120.0
_ITEM = "001101000010000-110100001"


@dataclass
class Stage:
    """Where it lies.

    Attributes:
        folder: of everything.
        ended: Grouper's ids of stays that ended.
        running: of the physician's department that run.
        findings: ids of findings.
    """

    folder: Path
    ended: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    findings: list[int] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """Of the service."""
        return Settings(folder=self.folder / "service")


def staged(folder: Path, cases: int, stays_: int) -> Stage:
    """Make the mart and the store, if they are not there yet.

    Args:
        folder: an empty one, or one that was made so.
        cases: of the mart.
        stays_: of the store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stage, begun, database = Stage(folder), time.perf_counter(), folder / "grouper.sqlite"
    if not database.is_file():
        _make(stage, cases, stays_)
        print(
            f"a mart of {cases:,} cases and the store made in {time.perf_counter() - begun:.0f} s"
        )
    opened = connect(f"sqlite:///{database}")
    try:
        _look(stage, opened)
    finally:
        opened.close()
    return stage


def _make(stage: Stage, cases: int, stays_: int) -> None:
    folder = stage.folder
    fill(folder, stays_, Plain(), _messages(stays_))
    database = connect(f"sqlite:///{folder / 'grouper.sqlite'}")
    try:
        for name, role, departments in PEOPLE:
            managing.make(database, name, name, role, departments, PASSWORD, 12)
        screen_stored(database, "running", How(region="national"), _NIGHT, actor="auditor")
    finally:
        database.close()
    mart_folder(stage.settings).mkdir(parents=True, exist_ok=True)
    make_mart(mart_folder(stage.settings), cases)


def _messages(many: int) -> Iterator[bytes]:
    """Stays of forty departments; of those that run each has a line twice, which is a finding."""
    drawn = random.Random(8)  # noqa: S311 -- no secret
    codes = drawn.sample(code_set("icd10-nhsa-2.0").codes, 300)
    for number in range(many):
        runs = number % _RUNNING == 0
        begun = _NIGHT - timedelta(days=drawn.randint(1, 12) + (0 if runs else 20), hours=3)
        department = f"D{number // _RUNNING % _DEPARTMENTS:02}"
        facts = {
            "region": "national",
            "insurance_type": "310",
            "sex": "1",
            "age": str(drawn.randint(20, 90)),
            "department": department,
            "admission_time": begun.isoformat(),
            "total_cost": f"{drawn.randint(3000, 90000)}.00",
        }
        if not runs:
            gone = begun + timedelta(days=drawn.randint(2, 18))
            facts |= {"discharge_time": gone.isoformat(), "discharge_way": "1"}
        told = {"patient": f"P{number}", "visit": f"V{number}", "facts": facts}
        yield json.dumps({**told, "dx": drawn.choices(codes, k=3), "px": []}).encode()


def _look(stage: Stage, database: Database) -> None:
    with database.reading() as connection:
        ended, _ = stays(connection, Wanted(states=[StayState.DISCHARGED]), limit=400)
        own = Wanted(states=[StayState.RUNNING], departments=[OWN])
        running, _ = stays(connection, own, limit=100)
        stage.findings = list(
            connection.scalars(select(finding.c.id).order_by(finding.c.id).limit(200))
        )
    stage.ended = [one.case_id for one in ended]
    stage.running = [one.case_id for one in running]


class Pages:
    """The process that shows the pages.

    Args:
        stage: what it shows.
    """

    def __init__(self, stage: Stage) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        settings = {
            "DATABASE": f"sqlite:///{stage.folder / 'grouper.sqlite'}",
            "FOLDER": str(stage.settings.folder),
            "REGION": "national",
            "PAGES__PORT": str(self.port),
            "ACCESS__SIGN_IN_RATE": "100000",
            "ACCESS__SESSIONS": "1000",
        }
        own = {f"GROUPER_SERVICE_{name}": value for name, value in settings.items()}
        own["GROUPER_DATA"] = str(stage.folder / "data")
        self.log = stage.folder / f"pages-{self.port}.log"
        self.begun = time.perf_counter()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "grouper", "serve", "--only", "pages"],
                env=os.environ | own,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def until_answers(self) -> float:
        """Wait until it answers; seconds since it was started."""
        until = time.perf_counter() + _LONGEST
        while time.perf_counter() < until and self.process.poll() is None:
            try:
                if httpx.get(f"{self.origin}/_stcore/health", timeout=5).is_success:
                    return time.perf_counter() - self.begun
            except httpx.HTTPError:
                pass
            time.sleep(0.02)
        raise RuntimeError(self.log.read_text("utf-8"))

    def cookies(self, name: str) -> dict[str, str]:
        """The cookies of someone who has signed in."""
        form = {"name": name, "password": PASSWORD}
        answer = httpx.post(f"{self.origin}/sign-in", data=form, timeout=_LONGEST)
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise RuntimeError(answer.text)
        return dict(answer.cookies)

    def memory(self) -> tuple[float, float]:
        """Resident memory of the process that shows the pages, now and at most, in MiB."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        largest = max(children, key=lambda one: one.memory_info().rss)
        told = Path(f"/proc/{largest.pid}/status").read_text("utf-8")
        most = next(line for line in told.splitlines() if line.startswith("VmHWM:"))
        return largest.memory_info().rss / 2**20, int(most.split()[1]) / 1024

    def cpu(self) -> float:
        """Seconds of processor time that it took until now."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        times = [one.cpu_times() for one in children]
        return sum(one.user + one.system for one in times)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def pages(stage: Stage) -> Iterator[Pages]:
    """The process until the end of the block."""
    made = Pages(stage)
    try:
        yield made
    finally:
        made.stop()

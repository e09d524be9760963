"""The pages served by a process of their own, on a small store whose persons can be told anywhere.

Every name, patient's number and visit number of the seed is a word that stands nowhere else, so that
a test may look for it in addresses, titles, logs and pages.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import httpx
from access_support import GOOD
from serve_support import LONGEST, free_port
from service_support import Service, service

from grouper.case.dates import LOCAL
from grouper.service.access import managing
from grouper.service.mart import build_stored
from grouper.service.screening import How, screen_stored
from grouper.store.database import Database
from grouper.store.states import Role

HEART, BONES = "心内科", "骨科"
PEOPLE: Mapping[str, tuple[Role, tuple[str, ...]]] = MappingProxyType(
    {
        "office1": (Role.OFFICE, ()),
        "doctor1": (Role.PHYSICIAN, (HEART,)),
        "doctor2": (Role.PHYSICIAN, (BONES,)),
        "manager1": (Role.MANAGER, ()),
        "admin1": (Role.ADMIN, ()),
    }
)
"""Who may sign in, all with the password of ``access_support``."""
NIGHT = datetime(2026, 3, 10, 2, tzinfo=LOCAL)
HOSPITAL = "H00000000001"
"""A hospital whose level the policy knows, so that cases have a price."""
_ITEM = "001101000010000-110100001"
# A process beside the tests: Streamlit's runtime is one for each process.
_SERVE = """
from dashboards.server import serve
from grouper.service.logs import configure
from grouper.service.settings import load_settings
from grouper.store.database import connect
configure()
settings = load_settings()
serve(settings, connect(settings.url))
"""


@dataclass
class Seeded:
    """What stands in the store.

    Attributes:
        folder: data folder of the service.
        url: of the database.
        cases: Grouper's own case id by the stay's name in the seed.
        findings: ids of the findings.
        names: of patients.
        numbers: patients' numbers.
        visits: visit numbers.
    """

    folder: Path
    url: str
    cases: dict[str, str] = field(default_factory=dict)
    findings: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    visits: list[str] = field(default_factory=list)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no address, title, log or console may hold."""
        return (*self.names, *self.numbers, *self.visits)

    def params(self, page: str) -> str:
        """The query with which a page of one object shows something; empty: it needs none."""
        case = self.cases["running"] if page == "discharge" else self.cases["plain"]
        if page in {"case", "discharge"}:
            return f"?case_id={case}"
        if page == "finding" and self.findings:
            return f"?id={self.findings[0]}"
        return ""


def seed(folder: Path) -> Seeded:
    """Stays that run, ended, cannot be grouped, and lie in two departments; findings on some."""
    with service(folder, region="demo", hospital=HOSPITAL) as made:
        seeded = Seeded(folder, f"sqlite:///{folder / 'grouper.sqlite'}")
        gone = {"discharge_time": "2026-03-08 10:00", "discharge_way": "1", "los": "6"}
        _stay(made, seeded, "plain", HEART, **gone)
        _stay(made, seeded, "other", BONES, **gone)
        _stay(made, seeded, "running", HEART)
        _stay(made, seeded, "ungrouped", HEART, dx=[], px=[], **gone)
        for name, (role, departments) in PEOPLE.items():
            managing.make(made.database, name, name, role, departments, GOOD, 12)
        screen_stored(made.database, "running", How(region="demo"), NIGHT, actor="auditor")
        seeded.findings = _findings(made.database)
        build_stored(made.settings, made.database)
    return seeded


def _stay(made: Service, seeded: Seeded, name: str, department: str, **values: object) -> None:
    at = len(seeded.cases) + 1
    person, number, visit = f"赵密示{'甲乙丙丁'[at - 1]}", f"PT77001{at}", f"VN55001{at}"
    codes = {name: values.pop(name) for name in ("dx", "px") if name in values}
    facts: dict[str, object] = {
        "region": "demo",
        "insurance_type": "310",
        "sex": "1",
        "age": "66",
        "department": department,
        "admission_time": "2026-03-02 08:00",
        "total_cost": "52000.00",
        # What the patient pays can be told, and so whether the case loses money.
        "person_type": "11",
        "own_cost": "40.00",
        "first_share_cost": "0.00",
        "over_limit_cost": "0.00",
        "scope_cost": "51960.00",
    }
    line = {
        "line_item": _ITEM,
        "line_quantity": "1",
        "line_amount": "20.00",
        "line_time": "2026-03-03 09:00",
        "line_department": department,
        "line_class": "02",
        "line_scope": "A",
    }
    message: dict[str, object] = {
        "patient": number,
        "visit": visit,
        "facts": facts | values,
        "dx": ["I21.001", "E11.900"],
        "px": ["36.0601"],
        # Twice the same at the same time: a finding of the shipped book.
        "lines": {"L1": line, "L2": line},
        "person": {"name": person, "birth_date": "1960-01-01"},
    }
    made.send(**message | codes)
    found = made.ask("office", "GET", "/api/v1/cases", params={"text": visit}).json()["cases"]
    seeded.cases[name] = str(found[0]["case_id"])
    seeded.names.append(person)
    seeded.numbers.append(number)
    seeded.visits.append(visit)


def _findings(database: Database) -> list[int]:
    from sqlalchemy import select  # noqa: PLC0415 -- only here

    from grouper.store.review_schema import finding  # noqa: PLC0415

    with database.reading() as connection:
        return list(connection.scalars(select(finding.c.id).order_by(finding.c.id)))


class Served:
    """A process that shows the pages.

    Args:
        seeded: the store it shows.
        more: settings as environment.
    """

    def __init__(self, seeded: Seeded, **more: str) -> None:
        self.seeded, self.port = seeded, free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        surroundings = {
            **os.environ,
            "GROUPER_DATA": str(seeded.folder / "data"),
            "GROUPER_SERVICE_DATABASE": seeded.url,
            "GROUPER_SERVICE_FOLDER": str(seeded.folder / "service"),
            "GROUPER_SERVICE_HOSPITAL": HOSPITAL,
            "GROUPER_SERVICE_REGION": "demo",
            "GROUPER_SERVICE_PAGES__PORT": str(self.port),
            "GROUPER_SERVICE_ACCESS__SIGN_IN_RATE": "1000",
            "GROUPER_SERVICE_ACCESS__SESSIONS": "100",
            **more,
        }
        self._log = (seeded.folder / f"pages-{self.port}.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            env=surroundings,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def words(self) -> str:
        """What it logged."""
        return Path(self._log.name).read_text("utf-8", errors="replace")

    def until_ready(self) -> None:
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            assert self.process.poll() is None, self.words()
            try:
                if httpx.get(f"{self.origin}/_stcore/health", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(self.words())

    def cookies(self, name: str) -> dict[str, str]:
        """The cookies of someone who has signed in."""
        form = {"name": name, "password": GOOD}
        answer = httpx.post(f"{self.origin}/sign-in", data=form, timeout=20)
        assert answer.status_code == 303, answer.text
        return dict(answer.cookies)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            # A browser that is still there keeps its socket; the test is over.
            self.process.kill()
            self.process.wait(10)
        self._log.close()


@contextmanager
def served(seeded: Seeded, **more: str) -> Iterator[Served]:
    """The pages of a store until the end of the block."""
    pages = Served(seeded, **more)
    try:
        pages.until_ready()
        yield pages
    finally:
        pages.stop()

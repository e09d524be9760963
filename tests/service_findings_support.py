"""Findings over REST: a service, more people, and short ways to ask and to take steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from postgres_support import fresh_database, server
from review_support import keep, row
from service_support import PEOPLE, Service, service

from grouper.service.access.principal import Principal
from grouper.store.reading import stay_by_case
from grouper.store.schema import now
from grouper.store.states import Role

SECOND = Principal(account_id=9, name="office2", role=Role.OFFICE, via="key")
THIRD = Principal(
    account_id=10, name="doctor9", role=Role.PHYSICIAN, departments=("骨科",), via="key"
)
KEYS = [f"{n:024x}" for n in range(1, 40)]


@pytest.fixture(autouse=True)
def people(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second reviewer, and a physician of another department."""
    monkeypatch.setitem(PEOPLE, "second", SECOND)
    monkeypatch.setitem(PEOPLE, "other", THIRD)


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """Each test that asks for it runs on both kinds of database."""
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            server()
            url = stack.enter_context(fresh_database())
        yield stack.enter_context(service(tmp_path, url))


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Service]:
    """What is no matter of the kind of database is asked on SQLite alone."""
    with service(tmp_path) as found:
        yield found


def ask(running: Service, path: str, role: str = "office", **more: Any) -> Any:
    """What is answered when somebody looks."""
    return running.ask(role, "GET", f"/api/v1/{path}", **more)


def post(running: Service, path: str, body: Any = None, role: str = "office") -> Any:
    """What is answered when somebody sends a body."""
    return running.ask(role, "POST", f"/api/v1/{path}", json=body)


def put(running: Service, count: int = 1, **values: Any) -> str:
    """A stay of 心内科 with findings; returns its case id."""
    case = running.stay()
    with running.database.reading() as connection:
        head = stay_by_case(connection, case)
    assert head is not None
    keep(running.database, [row(key, stay_id=head.id, **values) for key in KEYS[:count]], at=now())
    return case


def step(running: Service, number: int, action: str, state: str, role: str, **said: Any) -> Any:
    """What is answered to a step of the review."""
    return post(
        running, f"findings/{number}/steps", {"action": action, "state": state, **said}, role
    )

"""An application with access and nothing else, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from grouper.service import problems
from grouper.service.access.installing import install
from grouper.service.access.managing import make
from grouper.service.access.principal import Principal, Right, require
from grouper.service.settings import Access, Settings
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role

GOOD = "correct-Horse-7-battery"


def application(database: Database, settings: Settings) -> FastAPI:
    """Two routes that need rights, behind the access of the service."""
    app = FastAPI()
    app.state.settings = settings
    install(app, settings, database)
    problems.install(app)

    @app.get("/api/v1/looked")
    def looked(principal: Annotated[Principal, Depends(require(Right.CASES))]) -> dict[str, str]:
        return {"name": principal.name, "via": principal.via}

    @app.post("/api/v1/sent")
    def sent(principal: Annotated[Principal, Depends(require(Right.SEND))]) -> dict[str, str]:
        return {"name": principal.name}

    return app


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = connect(f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    upgrade(found)
    yield found
    found.close()


@pytest.fixture
def settings() -> Settings:
    return Settings(access=Access(attempts=3, sessions=2, sign_in_rate=50))


@pytest.fixture
def client(database: Database, settings: Settings) -> Iterator[TestClient]:
    for name, role in (("office1", Role.OFFICE), ("admin1", Role.ADMIN)):
        make(database, name, name, role, (), GOOD, 12)
    with TestClient(application(database, settings)) as found:
        yield found


def sign_in(client: TestClient, name: str = "office1", password: str = GOOD) -> str:
    """Sign in; returns the guard against forged pages."""
    answer = client.post("/api/v1/session", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["csrf"])

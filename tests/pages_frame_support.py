"""The sign-in and the guard of the pages without Streamlit behind them, and the script without a server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from access_support import GOOD, database, settings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboards.frame import navigation
from dashboards.frame.guard import Guard
from dashboards.frame.parts import Parts, hold
from dashboards.frame.sign_in import SignIn
from dashboards.frame.view import View
from dashboards.server import SCRIPT
from grouper.service.access import oidc
from grouper.service.access.managing import make
from grouper.service.access.principal import Principal, Right
from grouper.service.settings import Settings
from grouper.store.database import Database
from grouper.store.states import Role

__all__ = ["browser", "database", "settings"]

OFFICE = Principal(account_id=1, name="office1", role=Role.OFFICE, via="session")
DOCTOR = Principal(
    account_id=2, name="doctor1", role=Role.PHYSICIAN, departments=("01",), via="session"
)


async def _page(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"behind {request.url.path}")


async def _socket(socket: WebSocket) -> None:
    """Tell back what is heard."""
    await socket.accept()
    try:
        while True:
            await socket.send_bytes(await socket.receive_bytes())
    except WebSocketDisconnect:
        return


def behind_guard(
    settings: Settings, database: Database, provider: oidc.Provider | None = None
) -> Starlette:
    """The sign-in and the guard, with something behind them that answers to everything."""
    return Starlette(
        routes=[
            *SignIn(settings, database, provider).routes(),
            WebSocketRoute("/_stcore/stream", _socket),
            Route("/{rest:path}", _page, methods=["GET", "POST", "PUT", "DELETE"]),
        ],
        middleware=[Middleware(Guard, settings=settings, database=database)],
    )


@pytest.fixture
def browser(database: Database, settings: Settings) -> Iterator[TestClient]:
    """Someone who is not signed in yet."""
    make(database, "office1", "office1", Role.OFFICE, (), GOOD, 12)
    client = TestClient(
        behind_guard(settings, database),
        headers={"accept": "text/html"},
        follow_redirects=False,
    )
    with client:
        yield client


def sign_in(browser: TestClient, name: str = "office1", password: str = GOOD) -> None:
    answer = browser.post("/sign-in", data={"name": name, "password": password})
    assert answer.status_code == 303, answer.text


class Script:
    """The script of the pages, run for someone.

    Args:
        monkeypatch: of the test.
        settings: of the service.
        database: the store.
        pages: own pages in place of the real ones: name, the role whose home it is in, the right it
            needs, and its function.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        settings: Settings,
        database: Database,
        pages: dict[str, tuple[Role, Right, Callable[[View], None]]],
    ) -> None:
        self.asker: Principal | None = OFFICE
        rows = []
        for name, (role, right, run) in pages.items():
            module = ModuleType(f"own_page_{name}")
            module.page = run  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, module.__name__, module)
            rows.append(navigation.PageRow(name, (role,), (right,), module.__name__, "home"))
        monkeypatch.setattr(navigation, "pages", lambda: tuple(rows))
        say = navigation.say
        monkeypatch.setattr(
            navigation,
            "say",
            lambda key, **params: key if key.startswith("page_title.") else say(key, **params),
        )
        hold(Parts(settings, database, lambda: self.asker))
        self.app = AppTest.from_file(str(SCRIPT), default_timeout=20)

    def at(self, page: str) -> AppTest:
        """Run it at the address of a page."""
        self.app._page_hash = calc_hash(page)
        return self.app.run()

"""Headers of every answer, by a table: of each route, of pages, of files, and of errors."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from access_support import database, settings
from authorisation_support import NEVER
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from pages_frame_support import behind_guard
from service_support import Service, service
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from test_sessions import account, begun, cookie

from dashboards.frame.guard import Guard
from grouper.service.settings import Proxy, Settings, Web
from grouper.store.database import Database

__all__ = ["database", "settings"]
_IDS = {"case_id": NEVER, "form": "fhir", "part": "result", "service": "grouper-order"}
_OURS = (
    "server",
    "x-powered-by",
    "access-control-allow-origin",
    "access-control-allow-credentials",
)
"""Headers that no answer has: what it is served by, and who else may read it."""


def wanted(*where: str) -> list[tuple[str, str]]:
    with (Path(__file__).with_name("data") / "headers.csv").open(encoding="utf-8") as file:
        return [
            (row["header"], row["value"]) for row in csv.DictReader(file) if row["where"] in where
        ]


def hold(answer: Any, *where: str, but: tuple[str, ...] = ()) -> None:
    """See that an answer has the headers of places, each once."""
    for name, value in wanted(*where):
        if name in but:
            continue
        found = answer.headers.get_list(name)
        assert len(found) == 1, (name, found)
        assert value in found[0] if name == "content-security-policy" else value == found[0], name
    assert not [name for name in _OURS if name in answer.headers]


class _Numbers(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return _IDS.get(key, "1")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("headers"), web=Web(body_limit=2000)) as found:
        yield found


def test_every_route_has_them(running: Service) -> None:
    app: FastAPI = running.app
    asked = 0
    for one in iter_route_contexts(app.routes):
        path = (one.path or "").format_map(_Numbers())
        for method in sorted(one.methods or ()):
            answer = running.ask("office", method, path, follow_redirects=False)
            assert answer.status_code < 500 or path == "/health/ready", (path, answer.text)
            hold(answer, "both", "rest")
            asked += 1
    assert asked > 70
    hold(running.client.get("/api/v1/cases"), "both", "rest")


def test_errors_of_every_kind_have_them(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    big = {"content": b"x" * 2001}
    found = {
        404: running.ask("office", "GET", "/api/v1/nowhere"),
        401: running.client.get("/api/v1/cases", headers={"Authorization": "Bearer gk_x_y"}),
        405: running.ask("office", "PUT", "/api/v1/group"),
        413: running.ask("office", "POST", "/api/v1/group", **big),
        422: running.ask("office", "GET", "/api/v1/cases?limit=x"),
        403: running.ask("admin", "GET", "/api/v1/cases"),
    }

    def broken(*_: object) -> None:
        msg = "赵密示"
        raise RuntimeError(msg)

    monkeypatch.setattr("grouper.service.routes.cases.find_stays", broken)
    found[500] = running.ask("office", "GET", "/api/v1/cases")
    for status, answer in found.items():
        assert answer.status_code == status
        hold(answer, "both", "rest")
        assert answer.headers["content-type"] == "application/problem+json"
    assert "赵密示" not in found[500].text


def test_a_trace_as_a_page_runs_no_script(running: Service) -> None:
    case = {"sex": "1", "age": "66", "dx": ["I21.001"], "discharge_time": "2026-03-01"}
    asked = {"case": case, "format": "html"}
    with service(running.settings.folder / "other", web=Web()) as other:
        answer = other.ask("office", "POST", "/api/v1/explain", json=asked)
    assert answer.headers["content-type"].startswith("text/html")
    hold(answer, "both", "rest")
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text


# --- pages

PLACES = {
    "/sign-in": ("form",),
    "/sign-in?lang=en": ("form",),
    "/": ("both", "pages"),
    "/queue": ("both", "pages"),
    "/nowhere": ("both", "pages"),
    "/_stcore/health": ("both", "pages"),
    "/_stcore/metrics": ("both", "pages"),
    "/media/0123.xlsx": ("both", "media"),
}


def test_every_page_and_file_has_them_signed_in_or_not(database: Database) -> None:
    account(database)
    token = begun(database)
    with TestClient(behind_guard(Settings(), database), follow_redirects=False) as pages:
        for path, where in PLACES.items():
            for more in ({}, cookie(token)):
                for accept in ("text/html", "*/*"):
                    answer = pages.get(path, headers={"accept": accept, **more})
                    hold(answer, *where)


def test_what_may_be_kept_are_streamlits_own_files_alone(database: Database) -> None:
    """And what Streamlit says of its answers to others is taken back."""

    async def say(request: Request) -> Response:
        told = {
            "Cache-Control": "public, max-age=31536000",
            "Access-Control-Allow-Origin": "http://localhost:8501",
            "Access-Control-Allow-Credentials": "true",
            "X-Frame-Options": "SAMEORIGIN",
        }
        return HTMLResponse(request.url.path, headers=told)

    account(database)
    app = Starlette(
        routes=[Route("/{rest:path}", say)],
        middleware=[Middleware(Guard, settings=Settings(), database=database)],
    )
    with TestClient(app, headers=cookie(begun(database))) as pages:
        kept = pages.get("/static/js/index.js")
        assert kept.headers["cache-control"] == "public, max-age=31536000"
        hold(kept, "both", "pages", but=("cache-control",))
        hold(pages.get("/media/a.png"), "both", "media")
        hold(pages.get("/"), "both", "pages")


@pytest.mark.parametrize(
    ("made", "encrypted"),
    [
        (Settings(), False),
        (Settings(proxy=Proxy(trusted=("10.1.2.3",))), True),
        (Settings(web=Web(tls_certificate=Path("c.pem"), tls_key=Path("k.pem"))), True),
    ],
    ids=["plain", "proxy", "own"],
)
def test_where_there_is_tls_browsers_ask_for_nothing_else(
    database: Database, made: Settings, encrypted: bool
) -> None:
    with TestClient(behind_guard(made, database), follow_redirects=False) as pages:
        for path in ("/sign-in", "/", "/static/x.js"):
            assert ("strict-transport-security" in pages.get(path).headers) is encrypted

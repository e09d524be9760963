"""Limits of the servers: heads, bodies, their time; and nothing is read of a stranger's request."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from access_support import application, database, settings
from service_support import Service, service

from grouper.service import http_protocol, requests
from grouper.service.access import gate
from grouper.service.front import options
from grouper.service.http_protocol import BoundedProtocol
from grouper.service.settings import Settings
from grouper.service.web_limits import web_limits
from grouper.store.database import Database

__all__ = ["database", "settings"]
TIGHT = replace(web_limits(), head_bytes=2000, head_seconds=0.3, body_seconds=0.3)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("limits")) as found:
        yield found


# --- nobody's requests


def ask_raw(app: Any, method: str, path: str, receive: Any, **headers: str) -> list[dict[str, Any]]:
    """Ask an application as a server does; returns what it sent."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver"), *told],
        "client": ("10.0.0.1", 1),
        "server": ("testserver", 80),
    }
    asyncio.run(app(scope, receive, send))
    return sent


@pytest.mark.parametrize(
    "path",
    ["/api/v1/jobs", "/api/v1/group", "/api/v1/inbox/fhir", "/cds-services/x", "/api/v1/nowhere"],
)
def test_nothing_is_read_of_a_request_that_nobody_signed(running: Service, path: str) -> None:
    async def never() -> Any:
        pytest.fail("the body was read")

    kind = "multipart/form-data; boundary=x"
    sent = ask_raw(running.app, "POST", path, never, content_type=kind, content_length="9000000")
    assert sent[0]["status"] == 401
    assert json.loads(sent[1]["body"])["code"] == "SIGN_IN_NEEDED"


def test_what_is_open_takes_no_more_than_a_name_and_a_password(running: Service) -> None:
    large = b'{"name": "' + b"x" * web_limits().open_body + b'"}'
    for path in ("/api/v1/session", "/elsewhere"):
        answer = running.client.post(path, content=large)
        assert answer.status_code in (404, 413)
    assert running.client.post("/api/v1/session", content=large).json()["code"] == "BODY_TOO_LARGE"
    assert gate.web_limits is web_limits


# --- bodies


def test_a_body_that_comes_too_slowly_is_given_up(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "web_limits", lambda: TIGHT)
    parts = iter([b'{"case": ', b'{"dx": ["I10"]']).__next__

    async def trickling() -> Any:
        try:
            return {"type": "http.request", "body": parts(), "more_body": True}
        except StopIteration:
            await asyncio.sleep(30)

    started = time.monotonic()
    sent = ask_raw(
        running.app,
        "POST",
        "/api/v1/group",
        trickling,
        content_type="application/json",
        x_test_role="office",
        accept_language="en",
    )
    assert time.monotonic() - started < 10
    assert sent[0]["status"] == 408
    told = json.loads(sent[1]["body"])
    assert (told["code"], told["title"]) == ("BODY_TOO_SLOW", "Too slow")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/json", b"[" * 200_000),
        ("application/json", b'{"a":' * 100_000),
        ("application/json", b'{"case": {"age": ' + b"9" * 200_000 + b"}}"),
        ("application/json", b'{"case": {"age": 1e999999999}}'),
        ("application/x-www-form-urlencoded", b"a=1&" * 20_000),
    ],
    ids=["deep_list", "deep_object", "long_number", "huge_exponent", "form"],
)
def test_bodies_that_would_exhaust_a_reader_are_refused(
    running: Service, kind: str, content: bytes
) -> None:
    answer = running.ask(
        "office", "POST", "/api/v1/group", content=content, headers={"Content-Type": kind}
    )
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_of_endless_parts_is_refused(running: Service) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n'
    content = b"".join(part % number for number in range(3000)) + b"--x--\r\n"
    answer = running.ask(
        "office",
        "POST",
        "/api/v1/jobs",
        content=content,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 400


def bomb(entities: bool) -> bytes:
    """A workbook of a few hundred kilobytes whose sheet is a thousand times larger, or grows so."""
    sheet = (
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "'
        + b"x" * 1000
        + b'">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 100) for n in range(5))
        + b'<!ENTITY ext SYSTEM "file:///etc/passwd">]><worksheet><sheetData><row r="1"><c r="A1" '
        b't="inlineStr"><is><t>&f;&ext;</t></is></c></row></sheetData></worksheet>'
        if entities
        else b'<?xml version="1.0"?><worksheet><sheetData>' + b" " * 400_000_000
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr(
            "xl/workbook.xml",
            '<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
            '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/'
            'officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
            "</Relationships>",
        )
        book.writestr("xl/worksheets/sheet1.xml", sheet)
    return made.getvalue()


@pytest.mark.parametrize(
    "entities", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["entities", "packed"]
)
def test_a_workbook_that_grows_is_refused(running: Service, entities: bool) -> None:
    content = bomb(entities)
    assert len(content) < 4_000_000
    answer = running.ask(
        "office", "POST", "/api/v1/findings/batches", files={"file": ("list.xlsx", content)}
    )
    assert 400 <= answer.status_code < 500, answer.text
    assert "root:" not in answer.text


# --- the server itself


@contextmanager
def served(database: Database) -> Iterator[tuple[str, int]]:
    """An application behind a port, as the service opens it."""
    made = Settings()
    chosen = options(made, made.web) | {"port": 0, "lifespan": "off"}
    server = uvicorn.Server(uvicorn.Config(application(database, made), **chosen))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[:2]
    finally:
        server.should_exit = True
        thread.join()


def say(place: tuple[str, int], *parts: bytes, pause: float = 0.0) -> bytes:
    """Say something to a port, in parts; returns all that comes back until it closes."""
    with socket.create_connection(place, 5) as line:
        for part in parts:
            try:
                line.sendall(part)
            except OSError:
                break
            time.sleep(pause)
        found = b""
        try:
            while part := line.recv(65536):
                found += part
        except ConnectionResetError:
            pass
        return found


GET = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


def test_a_port_answers_without_saying_what_it_is_and_bounds_heads(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "web_limits", lambda: TIGHT)
    assert options(Settings(), Settings().web)["http"] is BoundedProtocol
    with served(database) as place:
        whole = say(place, GET, b"\r\n")
        assert whole.startswith(b"HTTP/1.1 404")
        assert b"\r\nserver:" not in whole.lower()
        assert b"uvicorn" not in whole.lower()
        # Heads in one piece, in many, of one endless header, of an endless address.
        for parts in (
            (GET, b"X-A: " + b"a" * 2100 + b"\r\n\r\n"),
            (GET, *[b"X-A: " + b"a" * 500 + b"\r\n"] * 6),
            (GET + b"X-A: ", *[b"a" * 500] * 6),
            (b"GET /" + b"a" * 2100, b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        ):
            refused = say(place, *parts, pause=0.01)
            # The answer is lost where the client is still sending when the line is closed.
            assert refused == b"" or refused.startswith(b"HTTP/1.1 400"), refused
        # Heads that never end, from the first byte or without one.
        for parts in ((b"",), (GET,), (GET, b"X: 1\r\n", b"Y: 1\r\n", b"Z: 1\r\n")):
            started = time.monotonic()
            assert say(place, *parts, pause=0.15) == b""
            assert time.monotonic() - started < 3
        # A second request on the same line, and one with a body that is no head.
        body = b'{"name": "' + b"x" * 3000 + b'"}'
        post = b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        both = say(place, post + body, GET + b"\r\n")
        assert both.count(b"HTTP/1.1 ") == 2


CHUNKED = b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def refused(place: tuple[str, int], *parts: bytes) -> bool:
    """Whether a port refuses what is said; the answer is lost where the client is still sending."""
    found = say(place, *parts, pause=0.01)
    return found == b"" or b"HTTP/1.1 400" in found


def test_what_frames_a_body_is_bounded_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = replace(TIGHT, head_seconds=30.0, body_seconds=30.0)
    monkeypatch.setattr(http_protocol, "web_limits", lambda: patient)
    with served(database) as place:
        start = CHUNKED + b"2\r\n{}\r\n"
        started = time.monotonic()
        # Trailers in one piece, in many, an endless one, an endless extension of a chunk.
        assert refused(place, start + b"0\r\n" + b"X-A: " + b"a" * 2100 + b"\r\nX-B: 1\r\n")
        assert refused(place, start + b"0\r\n", *[b"X-A: " + b"a" * 500 + b"\r\n"] * 6)
        assert refused(place, start + b"0\r\nX-A: ", *[b"a" * 500] * 6)
        assert refused(place, start + b"2;x=", *[b"a" * 500] * 6)
        assert time.monotonic() - started < 20
        # Many small chunks, each framed by itself, are a body as any other; few trailers are no fault.
        small = [b"1\r\n", b" ", b"\r\n"] * 300
        end = b"2\r\n{}\r\n0\r\nX-Sum: 7\r\n\r\n"
        both = say(place, CHUNKED, *small, end + GET + b"\r\n", pause=0.001)
        assert both.count(b"HTTP/1.1 ") == 2
        assert b"HTTP/1.1 400" not in both


@pytest.mark.parametrize("rest", [b"2\r\n{}\r\n0\r\n", b"2\r\n"], ids=["trailers", "body"])
def test_a_request_that_is_never_whole_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch, rest: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "web_limits", lambda: TIGHT)
    with served(database) as place:
        started = time.monotonic()
        drops = [b"X: 1\r\n" if rest.endswith(b"0\r\n") else b" "] * 8
        say(place, CHUNKED + rest, *drops[: None if len(rest) > 5 else 1], pause=0.15)
        assert time.monotonic() - started < 4

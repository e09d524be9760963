"""The pages as Streamlit itself serves them: headers of all it answers, and whom it lets in."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from pages_served_support import Served, seed, served
from test_headers import hold

pytestmark = pytest.mark.slow
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def handshake(pages: Served, cookies: dict[str, str], origin: str) -> str:
    """The first line that a request for the socket is answered with."""
    told = "; ".join(f"{name}={value}" for name, value in cookies.items())
    asked = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{pages.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: streamlit\r\nOrigin: {origin}\r\nCookie: {told}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", pages.port), 20) as line:
        line.sendall(asked.encode())
        return line.recv(4096).split(b"\r\n")[0].decode()


def test_what_streamlit_answers_has_our_headers_and_goes_to_our_pages_alone(
    tmp_path: Path,
) -> None:
    with served(seed(tmp_path)) as pages:
        cookies = pages.cookies("office1")
        with httpx.Client(base_url=pages.origin, cookies=cookies, timeout=30) as browser:
            page = browser.get("/queue", headers={"accept": "text/html"})
            assert page.status_code == 200
            hold(page, "both", "pages")
            script = next(one for one in page.text.split('"') if one.startswith("./static/js/"))
            kept = browser.get(script[1:])
            assert kept.status_code == 200
            hold(kept, "both", "pages", but=("cache-control",))
            for path in (
                "/_stcore/health",
                "/_stcore/host-config",
                "/_stcore/metrics",
                "/_stcore/agent/openapi.json",
                "/auth/login",
                "/component/x/y",
                "/favicon.png",
                "/static/%2e%2e/%2e%2e/etc/passwd",
                "/%2e%2e%5c%2e%2e%5cx",
                "//other.example/x",
                "/media/..%2f..%2fx",
            ):
                answer = browser.get(path, headers={"accept": "*/*"})
                assert "root:" not in answer.text
                where = ("both", "media") if path.startswith("/media/") else ("both", "pages")
                kept_files = ("cache-control",) if path.startswith("/static/") else ()
                hold(answer, *where, but=kept_files)
            hold(browser.get("/media/none.png"), "both", "media")
            for method in ("PUT", "DELETE"):
                sent = browser.request(
                    method,
                    "/_stcore/upload_file/a/b",
                    headers={"Origin": "https://other.example"},
                )
                assert (sent.status_code, sent.text) == (403, "ORIGIN_FOREIGN")
                # From our own page Streamlit's own guard has its say.
                own = browser.request(
                    method, "/_stcore/upload_file/a/b", headers={"Origin": pages.origin}
                )
                assert own.status_code == 403
                assert "XSRF" in own.text
        assert " 101 " in handshake(pages, cookies, pages.origin)
        for origin in ("https://other.example", "http://localhost", "null"):
            assert " 403 " in handshake(pages, cookies, origin)
        assert " 403 " in handshake(pages, {}, pages.origin)

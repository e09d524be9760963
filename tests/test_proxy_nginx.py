"""The shipped configuration of nginx with a throw-away certificate, before a service that runs."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from access_support import GOOD
from mllp_support import Authority
from serve_support import LONGEST, free_port
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect as connect_socket

from grouper.service.access import managing
from grouper.store import audit
from grouper.store.database import connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role

ROOT = Path(__file__).resolve().parents[1]
NAME = "grouper.hospital.example"
PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SPOOFED = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9", "Forwarded": "for=a"}
SIGN_IN = {"name": "office1", "password": GOOD}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed (Debian: nginx-light)"),
]


@dataclass
class Stage:
    """A service behind nginx."""

    url: str
    rest: int
    tls: int
    plain: int
    trusted: ssl.SSLContext

    @property
    def origin(self) -> str:
        return f"https://{NAME}:{self.tls}"

    def client(self, address: str = "127.0.0.1") -> httpx.Client:
        """Somebody who comes from an address of this machine, through the proxy."""
        way = httpx.HTTPTransport(verify=self.trusted, local_address=address)
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.tls}",
            transport=way,
            headers={"Host": f"{NAME}:{self.tls}"},
            timeout=60,
        )

    def addresses(self) -> list[str]:
        """Where sign-ins came from, the newest first."""
        database = connect(self.url)
        with database.reading() as connection:
            found = audit.entries(connection, limit=50)
        database.close()
        return [one.about["address"] for one in found if one.action == "sign_in"]


def ask(client: httpx.Client, method: str, path: str, **more: object) -> httpx.Response:
    """A request that names the host in the greeting of TLS, as a browser does."""
    return client.request(method, path, extensions={"sni_hostname": NAME}, **more)  # type: ignore[arg-type]


def _nginx(folder: Path, stage: Stage, pages: int, certificate: str, key: str) -> str:
    """The shipped configuration, with the places of this test."""
    shipped = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    exchanged = {
        "127.0.0.1:8790": f"127.0.0.1:{stage.rest}",
        "127.0.0.1:8791": f"127.0.0.1:{pages}",
        "listen 443": f"listen 127.0.0.1:{stage.tls}",
        "listen 80": f"listen 127.0.0.1:{stage.plain}",
        "/etc/grouper/tls/server.pem": certificate,
        "/etc/grouper/tls/server.key": key,
        "/etc/nginx/grouper_proxy.conf": str(ROOT / "deploy" / "grouper_proxy.conf"),
        "/var/log/nginx/grouper.log": str(folder / "nginx.log"),
    }
    for shipped_one, ours in exchanged.items():
        assert shipped_one in shipped, shipped_one
        shipped = shipped.replace(shipped_one, ours)
    paths = "".join(
        f"{kind}_temp_path {folder / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    return (
        f"{user}pid {folder / 'nginx.pid'};\nworker_processes 1;\nevents {{}}\n"
        f"http {{\n{paths}{shipped}\n}}\n"
    )


def _until(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 4 * LONGEST
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text("utf-8", "replace")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text("utf-8", "replace"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("proxy")
    url = f"sqlite:///{folder / 'grouper.sqlite'}"
    database = connect(url)
    upgrade(database)
    managing.make(database, "office1", "office1", Role.OFFICE, (), GOOD, 12)
    database.close()
    authority = Authority(folder, "authority")
    trusted = ssl.create_default_context(cafile=authority.file)
    found = Stage(url, free_port(), free_port(), free_port(), trusted)
    pages = free_port()
    (folder / "nginx.conf").write_text(
        _nginx(folder, found, pages, *authority.issue("server", host=NAME)), "utf-8"
    )
    surroundings = {
        **os.environ,
        "GROUPER_DATA": str(folder / "data"),
        "GROUPER_SERVICE_DATABASE": url,
        "GROUPER_SERVICE_FOLDER": str(folder),
        "GROUPER_SERVICE_REGION": "demo",
        "GROUPER_SERVICE_WEB__PORT": str(found.rest),
        "GROUPER_SERVICE_PAGES__PORT": str(pages),
        "GROUPER_SERVICE_PROXY__TRUSTED": '["127.0.0.1"]',
    }
    commands = {
        "service": [sys.executable, "-m", "grouper", "serve", "--only", "web", "--only", "pages"],
        "nginx": [str(PROGRAM), "-p", str(folder), "-c", "nginx.conf", "-g", "daemon off;"],
    }
    started = []
    try:
        for name, command in commands.items():
            log = folder / f"{name}.words"
            with log.open("wb") as words:
                process = subprocess.Popen(
                    command, env=surroundings, stdout=words, stderr=subprocess.STDOUT
                )
            started.append(process)
            for port in (found.rest, pages) if name == "service" else (found.tls,):
                _until(port, process, log)
        yield found
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def test_sign_in_and_a_page(stage: Stage) -> None:
    with stage.client() as client:
        assert ask(client, "GET", "/health/live").json() == {"status": "ok"}
        led = ask(client, "GET", "/", headers={"Accept": "text/html"})
        assert (led.status_code, led.headers["location"]) == (303, "/sign-in")
        signed = ask(client, "POST", "/sign-in", data=SIGN_IN, headers={"Origin": stage.origin})
        assert signed.status_code == 303, signed.text
        cookie = signed.headers["set-cookie"].lower()
        assert "secure" in cookie
        assert "httponly" in cookie
        assert signed.headers["strict-transport-security"]
        token = signed.headers["set-cookie"].split(";")[0]
        page = ask(client, "GET", "/", headers={"Accept": "text/html", "Cookie": token})
        assert page.status_code == 200
        assert "streamlit" in page.text.lower()
    with stage.client() as client:
        answer = ask(client, "POST", "/api/v1/session", json=SIGN_IN)
        assert answer.status_code == 200
        assert "secure" in answer.headers["set-cookie"].lower()
        assert answer.headers["strict-transport-security"]
        assert "nginx/" not in str(answer.headers)


def test_what_a_client_says_of_its_address_is_not_believed(stage: Stage) -> None:
    with stage.client("127.0.0.2") as client:
        assert ask(client, "POST", "/api/v1/session", json=SIGN_IN, headers=SPOOFED).is_success
    assert stage.addresses()[0] == "127.0.0.2"
    with stage.client("127.0.0.4") as client:
        answer = ask(client, "POST", "/sign-in", data=SIGN_IN, headers=SPOOFED)
        assert answer.status_code == 303
    assert stage.addresses()[0] == "127.0.0.4"
    # Past the proxy: nobody there is trusted.
    way = httpx.HTTPTransport(local_address="127.0.0.3")
    with httpx.Client(
        transport=way, base_url=f"http://127.0.0.1:{stage.rest}", timeout=60
    ) as client:
        said = {**SPOOFED, "X-Forwarded-Proto": "https"}
        assert client.post("/api/v1/session", json=SIGN_IN, headers=said).is_success
    assert stage.addresses()[0] == "127.0.0.3"


@pytest.mark.parametrize(("origin", "opened"), [("own", True), ("https://evil.example", False)])
def test_the_socket_of_the_pages(stage: Stage, origin: str, opened: bool) -> None:
    with stage.client() as client:
        signed = ask(client, "POST", "/sign-in", data=SIGN_IN, headers={"Origin": stage.origin})
    token = signed.headers["set-cookie"].split(";")[0]
    line = socket.create_connection(("127.0.0.1", stage.tls), 20)

    def open_socket() -> None:
        with connect_socket(
            f"wss://{NAME}:{stage.tls}/_stcore/stream",
            sock=line,
            ssl=stage.trusted,
            server_hostname=NAME,
            origin=stage.origin if origin == "own" else origin,  # type: ignore[arg-type]
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={"Cookie": token},
            proxy=None,
        ) as opened_socket:
            opened_socket.ping().wait(20)
            # A socket that is refused after its greeting says nothing.
            opened_socket.recv(timeout=30)

    with line:
        if opened:
            # The first thing said would be a wish to run the page; until then the server waits.
            with pytest.raises(TimeoutError):
                open_socket()
        else:
            with pytest.raises((WebSocketException, OSError)) as refused:
                open_socket()
            assert not isinstance(refused.value, TimeoutError)


def test_what_the_proxy_does_not_pass_on(stage: Stage) -> None:
    with stage.client() as client:
        assert "grouper_requests_total" not in ask(client, "GET", "/metrics").text
        assert ask(client, "GET", "/openapi.json").status_code in {303, 401}
    # Another name: not even the greeting of TLS.
    with (
        stage.client() as client,
        pytest.raises(httpx.ConnectError, match=r"(?i)unrecognized.name"),
    ):
        client.get("/health/live", extensions={"sni_hostname": "other.example"})
    plain = httpx.get(
        f"http://127.0.0.1:{stage.plain}/queue?case=7", headers={"Host": NAME}, timeout=60
    )
    assert (plain.status_code, plain.headers["location"]) == (308, f"https://{NAME}/queue?case=7")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(stage: Stage) -> None:
    limit = re.search(r"client_max_body_size\s+(\d+)m", (ROOT / "deploy/nginx.conf").read_text())
    assert limit is not None
    line = http.client.HTTPSConnection("127.0.0.1", stage.tls, timeout=20, context=stage.trusted)
    line.sock = stage.trusted.wrap_socket(
        socket.create_connection(("127.0.0.1", stage.tls), 20), server_hostname=NAME
    )
    line.putrequest("POST", "/api/v1/inbox/hl7v2", skip_host=True)
    line.putheader("Host", f"{NAME}:{stage.tls}")
    line.putheader("Content-Length", str((int(limit[1]) + 1) << 20))
    line.endheaders()
    assert line.getresponse().status == 413
    line.close()

"""Measure the web process: REST grouping with trace, and CDS cards, from another process.

Usage: python benchmarks/service.py [REQUESTS] [STAYS]      (default 2,000 requests, 5,000 stays)

The web process is started as ``grouper serve`` starts it, on SQLite (WAL, FULL), with an account
and a key; every card is logged in the audit log before it is sent. Requests come over raw sockets
that stay open, one after the other on one connection, then on four at once; cards also while the
worker applies messages that come in meanwhile. Figures of different runs are not comparable where a
machine is shared.
"""

from __future__ import annotations

import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import report

from codebooks.codes import code_set
from grouper.intake.envelope import Envelope, Receipt
from grouper.intake.event import Coded, Event
from grouper.service.access.managing import make, make_key
from grouper.service.settings import Settings
from grouper.service.worker import Worker
from grouper.store.database import connect
from grouper.store.inbox import Inbox
from grouper.store.migrate import upgrade
from grouper.store.states import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

REQUESTS, STAYS = 2000, 5000
CONNECTIONS = 4
ARRIVING = 20
HOOK = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
HEART = {"dx": ["I21.001", "E11.900", "I50.900x007"], "px": ["36.0601"]}
FACTS = {"sex": "1", "age": "66", "admission_time": "2026-10-01", "discharge_time": "2026-10-09"}


class Plain:
    """Messages as JSON of an event's own fields."""

    name = "plain"

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        """As a form does."""
        found = json.loads(raw)
        named = {"patient": found["patient"], "visit": found["visit"]}
        return Envelope(form=self.name, raw=raw, control_id=control_id, kind="stay", **named)

    def events(self, raw: bytes) -> list[Event]:
        """As a form does."""
        found = json.loads(raw)
        codes = {
            name: tuple(Coded(code=code, rank=min(at, 1)) for at, code in enumerate(found[name]))
            for name in ("dx", "px")
        }
        return [
            Event(
                patient=found["patient"],
                visit=found["visit"],
                facts=found["facts"],
                person={"name": "示例"},
                **codes,
            )
        ]

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        """As a form does."""
        del envelope
        return receipt.verdict.value.encode()


def messages(stays: int) -> Iterator[bytes]:
    """Stays, a fifth of them of one group."""
    chosen = random.Random(7)  # noqa: S311 -- no secret
    codes = chosen.sample(code_set("icd10-nhsa-2.0").codes, 300)
    for i in range(stays):
        group = HEART if i % 5 == 0 else {"dx": chosen.choices(codes, k=3), "px": []}
        cost = {"total_cost": f"{chosen.randint(3000, 90000)}.00"}
        told = {"patient": f"P{i}", "visit": f"V{i}", "facts": FACTS | cost, **group}
        yield json.dumps(told).encode()


def fill(
    folder: Path, stays: int, form: Plain | None = None, told: Iterable[bytes] | None = None
) -> str:
    """A database with stays, an account and its key, which is returned.

    Args:
        folder: for the database.
        stays: how many.
        form: that reads the messages; None: :class:`Plain`.
        told: the messages; None: those of :func:`messages`.
    """
    database = connect(f"sqlite:///{folder / 'grouper.sqlite'}")
    upgrade(database)
    form = form or Plain()
    inbox = Inbox(database)
    rows = [(form.envelope(raw), "bench") for raw in told or messages(stays)]
    for start in range(0, stays, 512):
        inbox.put_many(rows[start : start + 512])
    worker = Worker(Settings(folder=folder / "service"), database, {"plain": form})
    begun = time.perf_counter()
    while worker.step():
        continue
    print(f"{stays:,} stays applied and grouped in {time.perf_counter() - begun:.1f} s")
    make(database, "bench", "bench", Role.INTERFACE, (), None, 12)
    key = make_key(database, "bench", "bench", "bench")
    database.close()
    return key


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def process(name: str, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the service."""
    settings = {
        "DATABASE": f"sqlite:///{folder / 'grouper.sqlite'}",
        "FOLDER": str(folder / "service"),
        "WEB__PORT": str(port),
        "ACCESS__RATE": "10000000",
    }
    surroundings = os.environ | {f"GROUPER_SERVICE_{n}": value for n, value in settings.items()}
    command = [sys.executable, "-m", "grouper.service.process", name]
    with (folder / f"{name}.log").open("wb") as log:
        running = subprocess.Popen(command, env=surroundings, stderr=log)
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


@contextmanager
def arriving(port: int, key: str) -> Iterator[None]:
    """Messages come at :data:`ARRIVING` a second, as on a busy day."""
    stop = threading.Event()

    def send() -> None:
        with Client(port, key) as client:
            number = 0
            while not stop.wait(1 / ARRIVING):
                number += 1
                client.call("POST", "/api/v1/inbox/hl7v2", message(number))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def message(number: int) -> bytes:
    """An update of a running stay."""
    return (
        f"MSH|^~\\&|HIS|B|GROUPER|B|20261001||ADT^A08|B{number}|P|2.5|||||CHN|UNICODE UTF-8\r"
        f"PID|1||A{number % 500}^^^B^PI||示例||19600101|M\r"
        f"PV1|1|I|12||||||||||||||||A{number % 500}|||||||||||||||||||||||||20261001\\r"
        f"DG1|1||I10.x0{number % 10}0||20261001|F\r"
    ).encode()


def wait(port: int, running: subprocess.Popen[bytes]) -> None:
    """Wait until all is ready but the worker, which is not part of this."""
    while running.poll() is None:
        try:
            with Client(port, "") as client:
                checks = client.call("GET", "/health/ready", b"")[1]["checks"]
        except OSError:
            time.sleep(0.05)
            continue
        if {value for name, value in checks.items() if name != "worker"} == {"ok"}:
            return
        time.sleep(0.05)
    msg = "the web process ended"
    raise RuntimeError(msg)


class Client:
    """A connection that stays open."""

    def __init__(self, port: int, key: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._key = key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self._file.close()
        self._socket.close()

    def call(self, method: str, path: str, body: object) -> tuple[float, Any]:
        """Seconds from the first byte sent to the last one received, and the answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n"
        )
        if self._key:
            head += f"Authorization: Bearer {self._key}\r\n"
        start = time.perf_counter()
        self._socket.sendall(head.encode() + b"\r\n" + content)
        status = self._file.readline()
        length = 0
        while (line := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer = self._file.read(length)
        seconds = time.perf_counter() - start
        if status.split()[1] not in (b"200", b"202") and path != "/health/ready":
            msg = status.decode() + answer.decode()
            raise RuntimeError(msg)
        return seconds, json.loads(answer)


def group(number: int) -> tuple[str, object]:
    """One case to be grouped, with its trace."""
    case = {**FACTS, **HEART, "case_id": f"C{number}", "total_cost": "52000.00"}
    return "/api/v1/group", {"case": case, "trace": "json"}


def card(stays: int) -> Callable[[int], tuple[str, object]]:
    """A hook for one of the stays."""

    def asked(number: int) -> tuple[str, object]:
        stay = number * 37 % stays
        context = {"userId": "Practitioner/1", "patientId": f"P{stay}", "encounterId": f"V{stay}"}
        body = {"hook": "encounter-discharge", "hookInstance": HOOK, "context": context}
        return "/cds-services/grouper-discharge", body

    return asked


def measure(
    name: str,
    asked: Callable[[int], tuple[str, object]],
    port: int,
    key: str,
    requests: int,
    connections: int,
    figure: str,
) -> None:
    """Print how long requests take."""
    times: list[float] = []

    def work(first: int) -> None:
        with Client(port, key) as client:
            for number in range(first, requests, connections):
                path, body = asked(number)
                seconds, _ = client.call("POST", path, body)
                times.append(seconds)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(connections)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = time.perf_counter() - begun
    if len(times) != requests:
        msg = f"{name}: {requests - len(times)} requests failed"
        raise RuntimeError(msg)
    cuts = statistics.quantiles(times, n=100)
    report.told(f"service.{figure}_p50", cuts[49] * 1000, "ms")
    report.told(f"service.{figure}_p99", cuts[98] * 1000, "ms")
    print(
        f"{name}, {connections} connection(s): p50 {cuts[49] * 1000:.2f} ms, "
        f"p99 {cuts[98] * 1000:.2f} ms, most {max(times) * 1000:.1f} ms, {requests / total:,.0f}/s"
    )


def main() -> None:
    """Fill, start, measure."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    stays = int(sys.argv[2]) if len(sys.argv) > 2 else STAYS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = fill(folder, stays)
        port = free_port()
        with process("web", folder, port) as running:
            wait(port, running)
            for path, asked, figure in (
                ("REST group with trace", group, "group"),
                ("CDS card", card(stays), "card"),
            ):
                with Client(port, key) as client:
                    for number in range(50):
                        way, body = asked(number)
                        client.call("POST", way, body)
                for connections in (1, CONNECTIONS):
                    own = f"{figure}_of_{connections}"
                    measure(path, asked, port, key, requests, connections, own)
            with process("worker", folder, port), arriving(port, key):
                busy = f"CDS card, worker applying {ARRIVING} messages/s"
                measure(busy, card(stays), port, key, requests, 1, "card_while_applying")


if __name__ == "__main__":
    main()

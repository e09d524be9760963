"""The service at work: it is started, the bundled day is sent in by all ways, and shown."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import httpx
import typer

from codebooks.messages import text
from grouper.service.access import managing
from grouper.store.database import connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role
from hl7_adapters.mllp import MllpClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path

_HOST = "127.0.0.1"
_LONGEST = 90.0
_HOSPITAL = "H00000000001"
"""The code under which the bundled settlement lists are written."""


class DemoError(RuntimeError):
    """The service did not do what it should; nobody should take the demonstration for a success."""


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs: its web address, MLLP port and the keys of a system and of the office."""

    base: str
    mllp: int
    system: str
    office: str

    def client(self, key: str) -> httpx.Client:
        """A client that signs in by a key."""
        return httpx.Client(
            base_url=self.base, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        found: int = probe.getsockname()[1]
        return found


@contextmanager
def running(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start ``grouper serve`` in a folder of its own, and stop it in the end.

    Args:
        folder: is emptied.
        settings: further settings, as the environment has them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    url = f"sqlite:///{folder / 'grouper.sqlite'}"
    database = connect(url)
    try:
        upgrade(database)
        managing.make(database, "demo", "interface", Role.INTERFACE, (), None, 12)
        managing.make(database, "demo", "office", Role.OFFICE, (), None, 12)
        keys = [managing.make_key(database, "demo", one, "demo") for one in ("interface", "office")]
    finally:
        database.close()
    web, mllp = _free_port(), _free_port()
    surroundings = {
        **os.environ,
        "GROUPER_SERVICE_DATABASE": url,
        "GROUPER_SERVICE_HOSPITAL": _HOSPITAL,
        "GROUPER_SERVICE_FOLDER": str(folder),
        "GROUPER_SERVICE_WEB__PORT": str(web),
        "GROUPER_SERVICE_LISTENERS": json.dumps({"mllp": {"port": mllp}}),
        # The demonstration shows what systems send and get; the pages are shown by `make serve`.
        "GROUPER_SERVICE_PAGES__ON": "false",
        **(settings or {}),
    }
    command = (sys.executable, "-m", "grouper", "serve")
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own command
            command, env=surroundings, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            found = Running(f"http://{_HOST}:{web}", mllp, *keys)
            _until_ready(found, process, folder)
            yield found
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _until_ready(service: Running, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until and process.poll() is None:
        try:
            ready = (
                httpx.get(f"{service.base}/health/ready", timeout=5).status_code == httpx.codes.OK
            )
            with socket.create_connection((_HOST, service.mllp), 1):
                pass
        except (httpx.HTTPError, OSError):
            ready = False
        if ready:
            return
        time.sleep(0.1)
    raise DemoError((folder / "service.log").read_text("utf-8")[-4000:])


def json_lines(day: Traversable, name: str) -> list[Any]:
    """What stands in a file of JSON lines."""
    return [json.loads(line) for line in (day / name).read_text("utf-8").splitlines()]


def send_mllp(service: Running, day: Traversable) -> Counter[str]:
    """Send the messages of a folder by MLLP; how often each answer came."""
    raw = [one["text"].encode(one["charset"]) for one in json_lines(day, "messages.jsonl")]

    async def send() -> Counter[str]:
        async with MllpClient(_HOST, service.mllp) as client:
            return Counter(answer.code for answer in await client.send_many(raw))

    return asyncio.run(send())


def _send_rest(service: Running, day: Traversable) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    ways = (
        ("nhsa", [json.dumps(one).encode() for one in json_lines(day, "lists.jsonl")]),
        ("fhir", [json.dumps(one).encode() for one in json_lines(day, "bundles.jsonl")]),
        ("table", [(day / "pages.csv").read_bytes()]),
    )
    with service.client(service.system) as client:
        for form, bodies in ways:
            answers = (client.post(f"/api/v1/inbox/{form}", content=body) for body in bodies)
            found[form] = Counter(
                answer.json().get("verdict", answer.json().get("code")) for answer in answers
            )
    return found


def until_applied(service: Running) -> None:
    """Wait until the worker has taken everything in."""
    until = time.monotonic() + _LONGEST
    with service.client(service.office) as client:
        while time.monotonic() < until:
            told = client.get("/metrics").text.splitlines()
            waiting = [line for line in told if line.startswith("grouper_queue_length ")]
            if waiting and float(waiting[0].split()[1]) == 0:
                return
            time.sleep(0.05)
    raise DemoError("queue")


def show(folder: Path) -> None:
    """Start the service, send the day, and print what arrived and what became of it."""
    day = files("grouper.demo") / "day"
    typer.echo("\n" + text("demo_service.title"))
    with running(folder) as service:
        typer.echo(text("demo_service.started", None, url=service.base, port=service.mllp))
        began = time.perf_counter()
        answered = {"mllp": send_mllp(service, day), **_send_rest(service, day)}
        until_applied(service)
        spent = time.perf_counter() - began
        for way, verdicts in answered.items():
            words = ", ".join(f"{verdict} {n}" for verdict, n in sorted(verdicts.items()))
            typer.echo(text(f"demo_service.way_{way}", None, answers=words))
        typer.echo(text("demo_service.spent", None, seconds=f"{spent:.1f}"))
        _show_store(service)
        _show_card(service, day)
    typer.echo(text("demo_service.log", None, file=str(folder / "service.log")))


def pages(client: httpx.Client, what: str, **asked: str) -> list[dict[str, Any]]:
    """All entries of a list of the service, page by page."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = client.get(
            f"/api/v1/{what}", params={**asked, **({"after": after} if after else {})}
        )
        page.raise_for_status()
        body = page.json()
        found += body[what]
        after = body.get("next")
        if not after:
            return found


def _show_store(service: Running) -> None:
    with service.client(service.office) as client:
        stays = pages(client, "cases")
        waiting = pages(client, "messages", state="quarantined")
        refused = pages(client, "messages", state="refused")
    by_state = Counter(one["state"] for one in stays)
    typer.echo(text("demo_service.stays", None, count=len(stays)))
    for state, count in sorted(by_state.items()):
        typer.echo("  " + text(f"demo_service.state_{state}", None, count=count))
    statuses = Counter((one.get("grouping") or {}).get("status", "-") for one in stays)
    for status, count in sorted(statuses.items()):
        typer.echo("  " + text("demo_service.grouped", None, status=status, count=count))
    typer.echo(text("demo_service.kept_back", None, count=len(waiting) + len(refused)))
    for one in (*waiting, *refused):
        reason = text(f"reason.{one['reason']}")
        typer.echo("  " + text("demo_service.message", None, kind=one["kind"], reason=reason))


def _show_card(service: Running, day: Traversable) -> None:
    """What the physician's system is given at discharge for the first settlement list's stay."""
    stay = json_lines(day, "lists.jsonl")[0]["input"]["setlinfo"]
    hook = {
        "hook": "encounter-discharge",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/1",
            "patientId": stay["psn_no"],
            "encounterId": stay["mdtrt_id"],
        },
    }
    with service.client(service.system) as client:
        answer = client.post("/cds-services/grouper-discharge", json=hook)
        answer.raise_for_status()
    typer.echo("\n" + text("demo_service.card"))
    for card in answer.json()["cards"]:
        typer.echo(f"  [{card['indicator']}] {card['summary']}")
        for line in str(card.get("detail", "")).splitlines():
            typer.echo(f"    {line}")

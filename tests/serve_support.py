"""A whole service in processes of its own, for tests."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from grouper.service.access import managing
from grouper.store.database import connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role

LONGEST = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


class Service:
    """A service that runs: its ports, its keys and its process."""

    def __init__(self, folder: Path, url: str, **more: str) -> None:
        self.folder, self.url = folder, url
        self.web, self.mllp = free_port(), free_port()
        self.keys: dict[Role, str] = {}
        database = connect(url)
        try:
            upgrade(database)
            for role in (Role.INTERFACE, Role.OFFICE):
                managing.make(database, "test", role.value, role, (), None, 12)
                self.keys[role] = managing.make_key(database, "test", role.value, "test")
        finally:
            database.close()
        surroundings = {
            **os.environ,
            "GROUPER_SERVICE_DATABASE": url,
            "GROUPER_SERVICE_FOLDER": str(folder),
            "GROUPER_SERVICE_WEB__PORT": str(self.web),
            "GROUPER_SERVICE_LISTENERS": json.dumps({"mllp": {"port": self.mllp}}),
            # The pages have tests of their own; one fixed port cannot serve tests side by side.
            "GROUPER_SERVICE_PAGES__ON": "false",
            **more,
        }
        self.log = (folder / "service.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "grouper", "serve"],
            env=surroundings,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def client(self, role: Role) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.web}",
            headers={"Authorization": f"Bearer {self.keys[role]}"},
            timeout=20,
        )

    def words(self) -> str:
        return (self.folder / "service.log").read_text("utf-8")

    def until_ready(self) -> None:
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            assert self.process.poll() is None, self.words()
            try:
                with socket.create_connection(("127.0.0.1", self.mllp), 1):
                    pass
                url = f"http://127.0.0.1:{self.web}/health/ready"
                if httpx.get(url, timeout=5).status_code == 200:
                    return
            except (OSError, httpx.HTTPError):
                pass
            time.sleep(0.1)
        raise AssertionError(self.words())

    def child(self, name: str) -> int:
        """The process id of one of its processes."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", f"grouper.service.process {name}"],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(found.stdout.split()[0])

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(40)
        self.log.close()
        return status


@contextmanager
def served(folder: Path, url: str | None = None) -> Iterator[Service]:
    service = Service(folder, url or f"sqlite:///{folder / 'grouper.sqlite'}")
    try:
        service.until_ready()
        yield service
    finally:
        service.stop()

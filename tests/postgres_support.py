"""A real PostgreSQL server for tests: a cluster of its own in a temporary folder, fsync on.

Tests import the fixture ``postgres_url`` (each importing module gets a database of its own) and
may ask :func:`fresh_database` for more. It listens on a Unix socket alone.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest

_NUMBERS = count(1)
_USER = "grouper"


def _program(name: str) -> str | None:
    """A program of the server: Debian keeps them off the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(installed[0]) if installed else shutil.which(name)


class Server:
    """One cluster; made, started, stopped and removed by the tests."""

    def __init__(self) -> None:
        programs = {name: _program(name) for name in ("initdb", "pg_ctl")}
        missing = [name for name, path in programs.items() if path is None]
        if missing:
            msg = f"no PostgreSQL server is installed ({', '.join(missing)}); see tools/ensure_postgres.sh"
            raise LookupError(msg)
        self._programs = {name: str(path) for name, path in programs.items()}
        self._as: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="grouper-pg-"))
        if os.geteuid() == 0:
            # The server refuses to run as root.
            known = {user.pw_name for user in pwd.getpwall()}
            user = "postgres" if "postgres" in known else "nobody"
            shutil.chown(self.folder, user)
            self._as = ["runuser", "-u", user, "--"]
        self._data = self.folder / "data"
        self._run(
            "initdb", "-D", self._data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C"
        )
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(
                f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n"
                "fsync = on\nshared_buffers = 32MB\nmax_connections = 60\n"
            )

    def _run(self, name: str, *arguments: object) -> None:
        command = [*self._as, self._programs[name], *map(str, arguments)]
        with (self.folder / "commands.log").open("ab") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, cwd=self.folder, timeout=60)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self.folder / "server.log", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; connections break off."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def remove(self) -> None:
        """Stop it, if it runs, and remove all it wrote."""
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://{_USER}@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run a statement outside of any transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@cache
def _started() -> Server | str:
    """The one server of this run of tests, or why there is none."""
    try:
        made = Server()
    except LookupError as error:
        return str(error)
    atexit.register(made.remove)
    made.start()
    return made


def server() -> Server:
    """The one server of this run of tests; skips the test where none can be had."""
    found = _started()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@contextmanager
def fresh_database(template: str = "template1") -> Iterator[str]:
    """The URL of a copy of a database (by default an empty one), dropped afterwards."""
    name = f"test_{next(_NUMBERS)}"
    server().execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server().url(name)
    finally:
        server().execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of an empty database of a real server."""
    with fresh_database() as url:
        yield url

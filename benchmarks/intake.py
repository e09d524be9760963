"""Measure durable intake: HL7 v2 over MLLP into the inbox, from send to ACK in another process.

Usage: python benchmarks/intake.py [RATE] [SECONDS]      (default 2,000 messages/s for 10 s)

The listener runs in one process, the load in a second one (``intake_load.py``). On SQLite, and on
PostgreSQL: at the URL in ``GROUPER_POSTGRES`` (a database of its own is made there and dropped),
else on a server that is started for it.
A message counts as answered when its AA is read by the sender; afterwards the inbox is counted.

Figures of different runs are not comparable where a machine is shared; the ratio is: it compares
with one commit for each message, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from postgres_support import Server
from report import told

from grouper.service.settings import Intake
from grouper.store.database import connect
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox
from grouper.store.migrate import upgrade
from hl7_adapters.hl7v2 import FORM
from hl7_adapters.hl7v2.batch import split_batch
from hl7_adapters.mllp import ListenerOptions, MllpListener

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE, SECONDS = 2000.0, 10.0
CONNECTIONS = (4, 16)
CLOSED, SINGLE = 20_000, 3_000
LOAD = Path(__file__).with_name("intake_load.py")


async def serve(url: str, group: int) -> None:
    """The listener's process: prints its port, and what it counted when it is told to stop."""
    database = connect(url)
    commit = GroupCommit(Inbox(database), group=group, linger_ms=Intake().linger)
    listener = MllpListener(ListenerOptions(port=0), commit.put, FORM, split_batch)
    await listener.start()
    print(listener.port, flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await listener.stop()
    await commit.close()
    found = {**listener.metrics(), **commit.metrics(), "cpu": sum(os.times()[:2])}
    print(json.dumps(found | {"stored": Inbox(database).last()}))
    database.close()


def measured(url: str, group: int, *load: str) -> dict[str, float]:
    """One load against a listener of its own; figures of both processes."""
    command = [sys.executable, __file__, "serve", url, str(group)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        done = subprocess.run(
            [sys.executable, str(LOAD), port, *load], check=True, capture_output=True, text=True
        )
    finally:
        server.terminate()
        rest, _ = server.communicate()
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    counted: dict[str, float] = json.loads(rest.splitlines()[-1])
    return found | counted


@contextmanager
def sqlite() -> Iterator[str]:
    """A new SQLite database beside this file's disk, not in memory."""
    with tempfile.TemporaryDirectory(prefix="grouper-bench-", dir=Path.cwd()) as folder:
        yield f"sqlite:///{folder}/grouper.sqlite"


@contextmanager
def postgresql(server: str) -> Iterator[str]:
    """A new database on a PostgreSQL server."""
    import psycopg  # noqa: PLC0415 -- only where it is asked for
    from sqlalchemy.engine import make_url  # noqa: PLC0415 -- as above

    plain = make_url(server).set(drivername="postgresql")
    name = f"grouper_bench_{os.getpid()}"
    with psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            yield plain.set(database=name).render_as_string(hide_password=False)
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def show(title: str, found: dict[str, float], before: int) -> int:
    """Print one run; every accepted message must be in the inbox, once."""
    assert found["accepted"] == found["sent"], "a message was not accepted"
    assert found["stored"] - before == found["sent"], "an accepted message is missing"
    print(
        f"  {title:34} {found['rate']:8,.0f} messages/s   p50 {found['p50']:7.2f}  "
        f"p99 {found['p99']:7.2f}  max {found['max']:7.2f} ms   "
        f"{found['intake_messages'] / found['intake_commits']:6.1f} messages a commit   "
        f"{found['cpu'] / found['sent'] * 1e6:5.0f} µs CPU a message"
    )
    return int(found["stored"])


def measure(name: str, kind: str, url: str, rate: float, seconds: float) -> None:
    """All runs on one database."""
    print(name)
    database = connect(url)
    upgrade(database)
    database.close()
    group = Intake().group
    stored = 0
    for connections in CONNECTIONS:
        load = ("open", str(rate), str(seconds), str(connections))
        title = f"{rate:,.0f}/s sent, {connections} connections"
        steady = measured(url, group, *load)
        stored = show(title, steady, stored)
    for connections, window, total in ((16, 1, CLOSED // 2), (4, 64, CLOSED)):
        load = ("closed", str(total), str(connections), str(window))
        found = measured(url, group, *load)
        title = f"most, {connections} connections, {window} in flight"
        stored = show(title, found, stored)
    told(f"intake.{kind}.p99", steady["p99"], "ms")
    told(f"intake.{kind}.most", found["rate"], "messages/s")
    alone = measured(url, 1, "closed", str(SINGLE), "4", "64")
    show("the same, one commit a message", alone, stored)
    told(f"intake.{kind}.to_single", found["rate"] / alone["rate"], "times")
    print(f"  ratio group commit : one a message {found['rate'] / alone['rate']:7.1f}")


def main() -> None:
    """Print all figures."""
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(serve(sys.argv[2], int(sys.argv[3])))
        return
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else RATE
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    with sqlite() as url:
        measure("SQLite (WAL, full sync)", "sqlite", url, rate, seconds)
    server = os.environ.get("GROUPER_POSTGRES")
    if server:
        with postgresql(server) as url:
            measure("PostgreSQL", "postgresql", url, rate, seconds)
        return
    try:
        own = Server()
    except LookupError as why:
        print(f"PostgreSQL is not measured: {why}")
        return
    try:
        own.start()
        own.execute("CREATE DATABASE intake")
        title = "PostgreSQL (a server of its own, fsync on)"
        measure(title, "postgresql", own.url("intake"), rate, seconds)
    finally:
        own.remove()


if __name__ == "__main__":
    main()

"""Real processes to be killed: one that receives and acknowledges, one that applies.

They are forked from one process that has everything loaded, so that a round takes milliseconds.
Run as a program it is that process: it reads a role a line and writes the process's number.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from inbox_support import DISCHARGED, FORM, envelope_of, settings_of
from sqlalchemy import event

from grouper.case.record import Case
from grouper.service.stay_grouping import StayGrouper, ToGroup
from grouper.service.worker import Worker
from grouper.store.database import Database, connect
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox
from grouper.store.schema import now

STAYS = 7


async def receive(url: str, path: str) -> None:
    """Take a message a line from the test's socket; acknowledge each after its commit."""
    reader, writer = await asyncio.open_unix_connection(path, limit=2**20)
    database = connect(url)
    commits = GroupCommit(Inbox(database))

    async def one(raw: bytes) -> None:
        envelope = FORM.envelope(raw)
        receipt = await commits.put(envelope, "kill")
        if receipt.message_id is not None:
            writer.write(f"{envelope.control_id} {receipt.verdict}\n".encode())
            await writer.drain()

    writer.write(b"ready\n")
    tasks = []
    while line := await reader.readline():
        tasks.append(asyncio.create_task(one(line.rstrip(b"\n"))))
    await asyncio.gather(*tasks)
    await commits.close()
    database.close()
    writer.close()


def apply(url: str, path: str, folder: str, die_at: int = 0) -> None:
    """Apply what the inbox holds, a few messages in a transaction, until the socket ends.

    With ``die_at`` the process kills itself before that statement to the store, commits counted.
    """
    stop = threading.Event()
    with socket.socket(socket.AF_UNIX) as held:
        held.connect(path)
        held.sendall(b"ready\n")
        threading.Thread(target=lambda: (held.recv(1), stop.set()), daemon=True).start()
        database = connect(url)
        _die(database, die_at)
        Worker(settings_of(Path(folder)), database, {"plain": FORM}, chunk=8)._loop(stop)
        database.close()


def _die(database: Database, at: int) -> None:
    left = [at]

    def statement(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.store, "before_cursor_execute", statement)
    event.listen(database.store, "commit", statement)


def _warm() -> None:
    case = Case.from_mapping({**DISCHARGED, "dx": ["I63.900"]})[0]
    StayGrouper(region="national").group([ToGroup(stay_id=1, version=1, case=case)], now())


def main(url: str, path: str, folder: str) -> None:
    """Fork a process for each line."""
    _warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        number = os.fork()
        if not number:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                role, _, die_at = line.strip().partition(" ")
                if role == "receive":
                    asyncio.run(receive(url, path))
                else:
                    apply(url, path, folder, int(die_at or 0))
            finally:
                os._exit(0)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


@dataclass
class Child:
    """A process that was started; its socket ends when it does."""

    pid: int
    held: socket.socket
    heard: bytes = b""

    def lines(self) -> Iterator[str]:
        """What it said so far, whole lines alone, without waiting for more."""
        self.held.settimeout(0)
        try:
            while part := self.held.recv(2**16):
                self.heard += part
        except (BlockingIOError, ConnectionResetError):
            pass
        *whole, self.heard = self.heard.split(b"\n")
        return iter([line.decode() for line in whole])

    def kill(self) -> list[str]:
        """kill -9; returns what it still said before."""
        os.kill(self.pid, signal.SIGKILL)
        self.held.settimeout(None)
        said = self._rest()
        self.held.close()
        return said

    def died(self, seconds: float) -> bool:
        """Whether it ended by itself within a time."""
        self.held.settimeout(seconds)
        try:
            return self.held.recv(1) == b""
        except TimeoutError:
            return False

    def end(self) -> list[str]:
        """Let it end in order; returns what it still said."""
        self.held.settimeout(None)
        self.held.shutdown(socket.SHUT_WR)
        said = self._rest()
        self.held.close()
        return said

    def _rest(self) -> list[str]:
        try:
            while part := self.held.recv(2**16):
                self.heard += part
        except ConnectionResetError:
            pass
        return [line.decode() for line in self.heard.split(b"\n")[:-1]]


@dataclass
class Nursery:
    """Starts the processes."""

    source: subprocess.Popen[str]
    listener: socket.socket

    def start(self, role: str) -> Child:
        assert self.source.stdin is not None
        assert self.source.stdout is not None
        self.source.stdin.write(f"{role}\n")
        self.source.stdin.flush()
        number = int(self.source.stdout.readline())
        held, _ = self.listener.accept()
        assert held.recv(6) == b"ready\n"
        return Child(number, held)


@contextmanager
def nursery(url: str, folder: Path) -> Iterator[Nursery]:
    """The process that forks the others, and the socket they call."""
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(30)
        command = (sys.executable, __file__, url, str(path), str(folder))
        source = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with source:
            assert source.stdout is not None
            assert source.stdin is not None
            assert source.stdout.readline() == "ready\n"
            yield Nursery(source, listener)
            source.stdin.close()
            source.wait(20)


@dataclass
class Sender:
    """Sends messages until they are acknowledged, and remembers which were."""

    dice: random.Random
    sent: dict[str, bytes] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)

    def batch(self, size: int) -> list[bytes]:
        """Messages without an acknowledgement first, then new ones, some that came before."""
        waiting = [raw for number, raw in self.sent.items() if number not in self.acknowledged]
        new = []
        for _ in range(size):
            number = len(self.sent) + 1
            visit = number % STAYS
            envelope = envelope_of(
                number,
                visit=f"V{visit}",
                patient=f"P{visit}",
                facts=DISCHARGED | {"age": str(20 + number % 60)},
                dx=["I63.900"],
                lines={f"L{number}": "1.00"},
            )
            self.sent[str(number)] = envelope.raw
            new.append(envelope.raw)
        known = sorted(self.acknowledged, key=int)[-20:]
        again = [self.sent[n] for n in self.dice.sample(known, min(2, len(known)))]
        return [*waiting, *new, *again]

    def hear(self, lines: Iterator[str] | list[str]) -> None:
        """Take down acknowledgements."""
        for line in lines:
            number, verdict = line.split()
            assert verdict == "AA"
            self.acknowledged.add(number)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What drills share: messages that are sent until they are acknowledged, and what became of them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from inbox_support import DISCHARGED, FORM, envelope_of, settings_of
from sqlalchemy import select

from grouper.intake.envelope import Envelope, Receipt
from grouper.service.worker import Worker
from grouper.store.database import Database
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox
from grouper.store.schema import message, outcome


def discharge(number: int) -> Envelope:
    """A discharge of a stay of its own; the person is invented."""
    facts = DISCHARGED | {"age": str(20 + number % 60)}
    return envelope_of(
        number, visit=f"V{number}", patient=f"P{number}", facts=facts, dx=["I63.900"]
    )


@dataclass
class Sender:
    """The hospital's side: sends what was not acknowledged until it is."""

    sent: dict[str, Envelope] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def new(self, count: int) -> None:
        """So many messages are to be sent."""
        first = len(self.sent) + 1
        for number in range(first, first + count):
            self.sent[str(number)] = discharge(number)

    @property
    def waiting(self) -> list[Envelope]:
        return [one for number, one in self.sent.items() if number not in self.acknowledged]

    async def send(self, commits: GroupCommit, envelopes: list[Envelope] | None = None) -> None:
        """Send all at once, and take down the answers."""

        async def one(envelope: Envelope) -> None:
            self.hear(envelope, await commits.put(envelope, "drill"))

        await asyncio.gather(*(one(e) for e in self.waiting if envelopes is None or e in envelopes))

    def hear(self, envelope: Envelope, receipt: Receipt) -> None:
        if receipt.message_id is None:
            self.refused.append(receipt.reason)
        else:
            assert receipt.verdict == "AA"
            self.acknowledged.add(envelope.control_id)

    def once(self, database: Database, *, patience: float = 0.05, size: int = 512) -> None:
        """Send what waits, once."""

        async def go() -> None:
            commits = GroupCommit(Inbox(database), group=size, patience=patience)
            await self.send(commits)
            await commits.close()

        asyncio.run(go())


def stored(database: Database) -> list[str]:
    """Control ids of the inbox, in its order."""
    with database.reading_inbox() as connection:
        return list(connection.scalars(select(message.c.control_id).order_by(message.c.id)))


def applied(database: Database) -> list[str]:
    """Control ids of what was applied."""
    with database.reading() as connection:
        ask = select(outcome.c.control_id).where(outcome.c.state == "applied")
        return list(connection.scalars(ask.order_by(outcome.c.message_id)))


def worker_of(folder: Path, database: Database) -> Worker:
    return Worker(settings_of(folder), database, {"plain": FORM}, chunk=8)


def drain(worker: Worker) -> None:
    """Apply all that waits."""
    while worker.step():
        pass


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own; skips where none can be made."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip("file systems may not be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)

"""What the tests of the folder listener share: a folder, an inbox in memory, a plain form."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.intake.event import Event
from grouper.intake.forms import Form, IntakeError
from hl7_adapters.folder import FolderListener, FolderOptions

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, but never for ever."""
    return asyncio.run(asyncio.wait_for(work, 30))


class Whole:
    """A message is ``ID TEXT``; ``-`` is no id; text ``bad`` is unusable, ``odd`` refused."""

    name = "hl7v2"

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        if b"FAULT" in raw:
            raise ZeroDivisionError
        own = raw.split(b" ")[0].decode("utf-8", "replace")
        reason = {b"bad": "VISIT_MISSING", b"odd": "TYPE_UNSUPPORTED"}.get(raw.split(b" ")[-1], "")
        verdicts = {"": Verdict.ACCEPTED, "VISIT_MISSING": Verdict.UNUSABLE}
        return Envelope(
            form=self.name,
            raw=raw,
            control_id=control_id if own in ("", "-") else own,
            verdict=verdicts.get(reason, Verdict.REFUSED),
            reason=reason,
        )

    def events(self, raw: bytes) -> Iterable[Event]:
        del raw
        return ()

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        return f"{receipt.verdict} {envelope.control_id}".encode()


class LineForm(Whole):
    """Knows batches: each line is a message."""

    def split(self, raw: bytes) -> list[bytes]:
        if b"CUT" in raw:
            raise IntakeError("MESSAGE_TRUNCATED")
        if b"BUG" in raw:
            raise ZeroDivisionError
        return [line for line in raw.splitlines() if line]


class Memory:
    """An inbox in memory; ``full`` counts the puts that it refuses."""

    def __init__(self) -> None:
        self.stored: list[Envelope] = []
        self.channels: list[str] = []
        self.repeats = 0
        self.full = 0
        self.refuses: set[bytes] = set()
        self._known: dict[tuple[str, bytes], Receipt] = {}

    async def put(self, envelope: Envelope, channel: str) -> Receipt:
        await asyncio.sleep(0)
        if self.full or envelope.raw in self.refuses:
            self.full = max(self.full - 1, 0)
            return Receipt(message_id=None, verdict=Verdict.REFUSED, reason="NOT_STORED")
        key = (envelope.control_id, hashlib.sha256(envelope.raw).digest())
        if envelope.control_id and key in self._known:
            self.repeats += 1
            known = self._known[key]
            return Receipt(
                message_id=known.message_id,
                verdict=known.verdict,
                reason=known.reason,
                duplicate=True,
            )
        self.stored.append(envelope)
        self.channels.append(channel)
        receipt = Receipt(
            message_id=len(self.stored), verdict=envelope.verdict, reason=envelope.reason
        )
        self._known[key] = receipt
        return receipt

    @property
    def raws(self) -> list[bytes]:
        return [envelope.raw for envelope in self.stored]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Folder:
    """A watched folder with a listener that looks when it is told to."""

    def __init__(
        self,
        path: Path,
        memory: Memory | None = None,
        forms: Mapping[str, Form] | None = None,
        **options: Any,
    ) -> None:
        self.path = path
        self.memory = memory or Memory()
        self.clock = Clock()
        path.mkdir(exist_ok=True)
        self.options = FolderOptions.from_mapping(
            {"path": str(path), "form": "hl7v2", "settle": 5.0, **options}
        )
        self.forms = forms or {"hl7v2": LineForm()}
        self.listener = self.made()

    def made(self) -> FolderListener:
        """A new listener, as after a restart."""
        return FolderListener(self.options, self.memory.put, self.forms, self.clock)

    def drop(self, name: str, content: bytes = b"1 a") -> Path:
        file = self.path / name
        file.write_bytes(content)
        return file

    def look(self, *, after: float = 5.0) -> None:
        """Look twice, so that what did not change in between is whole."""
        run(self.listener.look())
        self.clock.now += after
        run(self.listener.look())

    def names(self, folder: str = "") -> list[str]:
        return sorted(f.name for f in (self.path / folder).iterdir() if not f.is_dir())

    def left(self) -> list[str]:
        return self.names() + self.names(".moving")

    def count(self, name: str) -> float:
        found = self.listener.metrics()
        return found.get(f"folder_{name}_total", found.get(f"folder_{name}", -1.0))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder of its own for a test."""
    return Folder(tmp_path / "in")

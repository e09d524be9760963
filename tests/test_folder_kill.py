"""Killed at any moment, the folder listener loses no file and doubles no message."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from folder_support import LineForm
from inbox_support import opened

from grouper.store.database import connect
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox
from hl7_adapters.folder import FolderListener, FolderOptions

FILES = {
    "a.hl7": b"1 a\n2 bad\n- c\n- c",
    "a.done": b"",
    "b.hl7": b"- only",
    "c.hl7": b"3 odd",
    "d.part": b"4 later",
    "big.hl7": b"x" * 100,
}
MESSAGES = Counter(
    {b"1 a": 1, b"2 bad": 1, b"- c": 2, b"- only": 1, b"3 odd": 1},
)


def receive(folder: Path, url: str, step: Callable[[], None]) -> None:
    """Look three times at a folder; ``step`` is called before and after all that can be seen."""

    def watched(own: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            step()
            found = own(*arguments, **more)
            step()
            return found

        return call

    os.rename = watched(os.rename)  # type: ignore[assignment]
    os.open = watched(os.open)  # type: ignore[assignment]
    database = connect(url)
    inbox = Inbox(database)
    inbox.put_many = watched(inbox.put_many)  # type: ignore[method-assign]

    async def looks() -> None:
        commits = GroupCommit(inbox)
        values = {"path": str(folder), "form": "hl7v2", "settle": 0, "limit": 50}
        options = FolderOptions.from_mapping(values)
        listener = FolderListener(options, commits.put, {"hl7v2": LineForm()})
        for _ in range(3):
            await listener.look()
        await commits.close()

    asyncio.run(looks())
    database.close()


def killed(folder: Path, url: str, at: int) -> bool:
    """Receive in a process that is killed at a step; whether it came so far."""
    process = os.fork()
    if not process:
        left = [at]

        def step() -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            receive(folder, url, step)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def whole(folder: Path, url: str) -> None:
    database = connect(url)
    stored = Inbox(database).after(0, count=100, size=10**6)
    database.close()
    assert Counter(one.raw for one in stored) == MESSAGES
    assert {one.channel for one in stored} == {"folder:in"}

    def names(part: str) -> list[str]:
        return sorted(f.name for f in (folder / part).iterdir() if f.is_file())

    assert (names(""), names(".moving")) == (["d.part"], [])
    assert names("done") == ["a.done", "b.hl7"]
    kept = ["a.hl7", "big.hl7", "c.hl7"]
    assert names("kept") == sorted([*kept, *(f"{name}.reason.txt" for name in kept)])


@pytest.mark.slow
@pytest.mark.parametrize("again", [1, 2])
def test_killed_at_every_step_nothing_is_lost_or_doubled(tmp_path: Path, again: int) -> None:
    at, alive = 0, False
    while not alive:
        at += 1
        base = tmp_path / str(at)
        folder = base / "in"
        folder.mkdir(parents=True)
        for name, content in FILES.items():
            (folder / name).write_bytes(content)
        url = f"sqlite:///{base / 'grouper.sqlite'}"
        with opened(base):
            pass
        alive = not killed(folder, url, at)
        for later in range(1, again):
            killed(folder, url, at + later)
        assert not killed(folder, url, -1)
        whole(folder, url)
    assert at > 25

"""Anchors of the audit log: its end, written where those who can change the log cannot.

A file of JSON lines, one each time: ``{"id": 12, "hash": "…", "at": "…"}``. It is only added to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from codebooks.errors import Where
from grouper.store.audit import START, Anchor
from grouper.store.database import StoreError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


def anchor_line(anchor: Anchor, at: datetime) -> str:
    """An anchor as one line of JSON."""
    said = {"id": anchor.id, "hash": anchor.hash.hex(), "at": at.isoformat(timespec="seconds")}
    return orjson.dumps(said).decode()


def add_anchor(path: Path, anchor: Anchor, at: datetime) -> None:
    """Add an anchor to a file, which is made where it is absent.

    Raises:
        StoreError: ``ANCHOR_FILE``: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(anchor_line(anchor, at) + "\n")
    except OSError:
        raise StoreError("ANCHOR_FILE", Where(file=path.name)) from None


def read_anchors(path: Path) -> list[Anchor]:
    """The anchors of a file.

    Raises:
        StoreError: ``ANCHOR_FILE``: it cannot be read, or a line is no anchor.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise StoreError("ANCHOR_FILE", Where(file=path.name)) from None
    found = []
    for row, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            said = orjson.loads(line)
            anchor = Anchor(int(said["id"]), bytes.fromhex(said["hash"]))
        except (ValueError, TypeError, KeyError):
            anchor = Anchor(-1, b"")
        if anchor.id < 0 or len(anchor.hash) != len(START):
            raise StoreError("ANCHOR_FILE", Where(file=path.name, row=row))
        found.append(anchor)
    return found

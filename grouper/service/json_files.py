"""Small JSON files that one process writes and others read: whole or not at all."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from codebooks.plain import json_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(path: Path, plain: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all.

    Raises:
        OSError: it cannot be written; what stood there still stands.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(plain, ensure_ascii=False), "utf-8")
    beside.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """The object of a JSON file; None: there is no such file, or it holds none."""
    with suppress(OSError, ValueError):
        found = json_of(path.read_text("utf-8"))
        if isinstance(found, dict):
            return found
    return None

"""Files of one input, gone after it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def written(content: bytes, name: str) -> Iterator[Path]:
    """A file of this content and name, alone in a folder."""
    with folder({name: content}) as place:
        yield place / name


@contextmanager
def folder(files: dict[str, bytes]) -> Iterator[Path]:
    """A folder of files; a name may have folders of its own."""
    with tempfile.TemporaryDirectory(prefix="grouper-fuzz-") as name:
        for path, content in files.items():
            target = Path(name) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield Path(name)

"""The hospital's own books on the workers: packed once, sent once to each, unpacked once there."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codebooks import paths, registry
from grouper.spark.errors import SparkRunError
from grouper.spark.settings import settings

_HELD: set[Path] = set()
"""Folders whose books this process has held against the sum."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The installed books.

    Attributes:
        content: a tar file.
        sha256: of the names and contents of its files.
    """

    content: bytes
    sha256: str


def pack(base: Path | None = None) -> Packed:
    """Pack the installed books.

    Args:
        base: where they lie; by default this machine's.

    Raises:
        SparkRunError: ``SPARK_BOOKS_LARGE``.
    """
    base = base or paths.installed()
    told, written = hashlib.sha256(), io.BytesIO()
    size = 0
    with tarfile.open(fileobj=written, mode="w") as archive:
        for path in _files(base):
            name = path.relative_to(base).as_posix()
            content = path.read_bytes()
            size += len(content)
            if size > settings()["most_bytes"]:
                raise SparkRunError("SPARK_BOOKS_LARGE", most=settings()["most_bytes"])
            told.update(_marked(name, content))
            # Neither times nor owners: the same books are the same bytes.
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return Packed(written.getvalue(), told.hexdigest())


def unpack(packed: Packed) -> Path:
    """Make the books those of this process; what was read of others is forgotten.

    Returns:
        Where they lie now. The same books are unpacked once on a machine; each process sees once that
        they are still whole, since a machine may sweep what is old from its temporary files.
    """
    base = Path(tempfile.gettempdir()) / f"grouper-books-{os.getuid()}-{packed.sha256[:32]}"
    # A folder of somebody else by that name is not trusted.
    if base.is_dir() and base.stat().st_uid != os.getuid():
        base = Path(tempfile.mkdtemp(prefix="grouper-books-")) / packed.sha256
    fresh = not base.is_dir() or (base not in _HELD and _sum(base) != packed.sha256)
    if fresh:
        _lay(packed, base)
    _HELD.add(base)
    if fresh or os.environ.get("GROUPER_DATA") != str(base):
        os.environ["GROUPER_DATA"] = str(base)
        registry.reload()
    return base


def _lay(packed: Packed, base: Path) -> None:
    """Unpack into a folder; books that lie there are put right one by one, for others may read them."""
    part = Path(tempfile.mkdtemp(prefix="grouper-books-"))
    try:
        with tarfile.open(fileobj=io.BytesIO(packed.content)) as archive:
            archive.extractall(part, filter="data")
        with suppress(OSError):
            part.rename(base)
            return
        names = {path.relative_to(part) for path in _files(part)}
        for path in _files(base):
            if path.relative_to(base) not in names:
                path.unlink(missing_ok=True)
        for name in sorted(names):
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).replace(base / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sum(base: Path) -> str | None:
    """The sum of books that lie in a folder; None: one vanished meanwhile."""
    told = hashlib.sha256()
    try:
        for path in _files(base):
            told.update(_marked(path.relative_to(base).as_posix(), path.read_bytes()))
    except FileNotFoundError:
        return None
    return told.hexdigest()


def _marked(name: str, content: bytes) -> bytes:
    return f"{name}\0{len(content)}\0".encode() + content


def _files(base: Path) -> list[Path]:
    shelves = [base / name for name in settings()["shelves"]]
    return sorted(path for shelf in shelves for path in shelf.rglob("*") if path.is_file())

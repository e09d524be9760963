"""The bundle as a folder with its checksums, and as one archive that is the same each time."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

from bundle.wheels import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUMS = "SHA256SUMS"
_EXECUTABLE = ".sh"
_QUICK = 1
"""Wheels are packed already: packing harder costs time and gains nothing."""


def write_sums(folder: Path) -> Path:
    """Write the checksums of all files of a folder, in the form that ``sha256sum -c`` reads."""
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in _files(folder)]
    written = folder / SUMS
    written.write_text("".join(lines), "utf-8")
    return written


def pack(folder: Path, target: Path, epoch: int) -> None:
    """Pack a folder: in the order of names, owned by nobody, all of one time.

    Args:
        folder: its name is the first part of every name in the archive.
        target: the archive, ``.tar.gz``.
        epoch: that time, seconds since 1970.
    """
    with (
        target.open("wb") as file,
        # The name and the time in the head of the stream would differ each time.
        gzip.GzipFile("", "wb", _QUICK, file, mtime=epoch) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in [*_files(folder), folder / SUMS]:
            name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
            entry = archive.gettarinfo(path, name)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = epoch
            entry.mode = 0o755 if path.suffix == _EXECUTABLE else 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)


def _files(folder: Path) -> Iterator[Path]:
    found = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())
    yield from (path for path in found if path.is_file() and path != folder / SUMS)

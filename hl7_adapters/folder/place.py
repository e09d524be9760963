"""The watched folder on disk: what lies in it, reading a file whole, moving it without a loss.

Names of files may hold names of patients: nothing here tells one to a log or an error.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DONE, KEPT, MOVING = "done", "kept", ".moving"
REASON = ".reason.txt"
_LONGEST = 240
"""Most bytes of a name that is moved: file systems take 255, and the reason's end comes behind."""
_CHUNK = 1024 * 1024
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one content of a file from another.

    The number of the file is no part of it: file systems of the network make it up anew.
    """

    kind: int
    size: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Version:
        """The version that was seen."""
        return cls(stat.S_IFMT(found.st_mode), found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Found:
    """A file that lies in the folder.

    Attributes:
        name: without folders.
        version: as it was seen.
        moving: it was left half moved, under its own name in :data:`MOVING`.
    """

    name: str
    version: Version
    moving: bool

    @property
    def link(self) -> bool:
        """Whether it is a symbolic link; it is never followed."""
        return stat.S_ISLNK(self.version.kind)


class Place:
    """One watched folder.

    A file that was stored goes through :data:`MOVING` on its way to :data:`DONE` or :data:`KEPT`.
    There it is looked at once more: where the sender put another content under the name meanwhile,
    that one is a new file, and stays there to be taken. So a kill at any moment leaves each file
    in the folder, in :data:`MOVING` or at its end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Make the folders that files are moved to.

        Raises:
            GrouperError: ``FOLDER_UNUSABLE``: it is no folder, cannot be written, or one of ours is
                a link or no folder.
        """
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            for name in (DONE, KEPT, MOVING):
                ours = self._path / name
                ours.mkdir(mode, exist_ok=True)
                if ours.is_symlink():
                    raise GrouperError("FOLDER_UNUSABLE", path=self._path)
            writable = os.access(self._path, os.R_OK | os.W_OK | os.X_OK)
        except (OSError, ValueError):
            writable = False
        if not writable:
            raise GrouperError("FOLDER_UNUSABLE", path=self._path)

    def files(self) -> list[Found]:
        """What lies there: half moved files first, then the oldest first; no folders or devices.

        Raises:
            OSError: the folder cannot be read.
        """
        found = [*self._listed(self._path / MOVING, moving=True)]
        found += self._listed(self._path, moving=False)
        return sorted(found, key=lambda f: (not f.moving, f.version.changed, os.fsencode(f.name)))

    @staticmethod
    def _listed(folder: Path, *, moving: bool) -> Iterator[Found]:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    seen = os.lstat(entry.path)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(seen.st_mode) or stat.S_ISLNK(seen.st_mode):
                    yield Found(entry.name, Version.of(seen), moving)

    def read(self, file: Found) -> bytes | None:
        """The content of a file; None when it is not the version that was seen.

        Raises:
            OSError: it is gone, or must not be read.
        """
        handle = os.open(self._where(file), _FLAGS)
        try:
            if Version.of(os.fstat(handle)) != file.version:
                return None
            parts: list[bytes] = []
            left = file.version.size + 1
            while left > 0 and (part := os.read(handle, min(left, _CHUNK))):
                parts.append(part)
                left -= len(part)
            raw = b"".join(parts)
            same = Version.of(os.fstat(handle)) == file.version
            return raw if same and len(raw) == file.version.size else None
        finally:
            os.close(handle)

    def move(self, file: Found, target: str, reason: str = "") -> bool:
        """Move a file to :data:`DONE` or :data:`KEPT`; what lies there is never replaced.

        Args:
            file: that was stored, or is put aside.
            target: where to.
            reason: in words, written beside it.

        Returns:
            Whether this version was moved; otherwise another one came meanwhile, or one of its
            name is still half moved, and it stays for the next round.

        Raises:
            OSError: it is gone, or cannot be moved.
        """
        slot = self._path / MOVING / file.name
        if not file.moving:
            if os.path.lexists(slot):
                return False
            os.rename(self._path / file.name, slot)  # noqa: PTH104 -- as the calls beside it
        if Version.of(os.lstat(slot)) != file.version:
            return False
        end = self._path / target / free_name(self._path / target, file.name)
        if reason:
            note = end.with_name(end.name + REASON)
            # A link of that name, whoever laid it there, is not followed.
            note.unlink(missing_ok=True)
            with note.open("x", encoding="utf-8") as writing:
                writing.write(reason)
        os.rename(slot, end)  # noqa: PTH104 -- as above
        return True

    def _where(self, file: Found) -> Path:
        return self._path / MOVING / file.name if file.moving else self._path / file.name


def free_name(folder: Path, name: str) -> str:
    """A name that is not taken in a folder: the name itself, or with a number before its end."""
    stem, dot, end = name.rpartition(".")
    if not stem:
        stem, dot, end = name, "", ""
    tail, number = dot + end, 0
    while True:
        mark = f".{number}" if number else ""
        room = _LONGEST - len(os.fsencode(mark + tail))
        if room <= 0:
            # The end alone is too long to be one.
            stem, tail = name, ""
            continue
        found = os.fsdecode(os.fsencode(stem)[:room]) + mark + tail
        if not os.path.lexists(folder / found):
            return found
        number += 1

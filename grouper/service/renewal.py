"""Whether schemes or policies were installed, so that the processes of the service take them up.

A process reads each book and policy once and keeps much that was made of it. What was half made of
the old and half of the new would be a wrong price, so the supervisor starts the processes anew
instead of telling them. A stamp is made of names, sizes and times alone; the files are not read.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codebooks import paths
from grouper.service.book_limits import book_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Stamp = tuple[tuple[str, int, int], ...]
_BOOKS = ("schemes", "codes", "crosswalks")
"""Folders of books, each a folder with a manifest that is written with it."""
_POLICIES = "policies"
_MANIFEST = "manifest.json"


def stamp() -> Stamp:
    """Name, size and time of every manifest and every policy file of the data folder."""
    return tuple(sorted(_told(paths.installed())))


def _told(base: Path) -> Iterator[tuple[str, int, int]]:
    found = [
        *(one for folder in _BOOKS for one in base.glob(f"{folder}/[!.]*/{_MANIFEST}")),
        *base.glob(f"{_POLICIES}/[!.]*/[!.]*"),
    ]
    for path in found:
        try:
            about = path.stat()
        except OSError:
            # Taken away between the two looks: the next one tells.
            continue
        yield str(path.relative_to(base)), about.st_size, about.st_mtime_ns


class Renewal:
    """Looks at what is installed, not too often.

    Args:
        clock: seconds, steady.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken = self._seen = stamp()
        self._looked = self._since = clock()

    def due(self) -> bool:
        """Whether something else is installed than was at first, or when this last said so.

        It must have stood still for a while: several files are installed one after the other.
        """
        at, limits = self._clock(), book_limits()
        if at - self._looked < limits.every:
            return False
        self._looked = at
        seen = stamp()
        if seen != self._seen:
            self._seen, self._since = seen, at
        if self._seen == self._taken or at - self._since < limits.steady:
            return False
        self._taken = self._seen
        return True

"""The hospital's own cost of each group, remembered for some minutes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.service.cds.cards import Reference

KEEP = 300.0
"""Seconds that a figure is remembered: a mean over many cases moves slowly."""
MOST = 4096


class References:
    """Figures by scheme and group.

    Args:
        read: reads one from the store; None where there is none.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        read: Callable[[str, str], Reference | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, Reference | None]] = {}

    def of(self, scheme: str, group: str) -> Reference | None:
        """The figure of a group, at most :data:`KEEP` seconds old."""
        key = (scheme, group)
        with self._lock:
            known = self._known.get(key)
        if known is not None and self._clock() - known[0] < KEEP:
            return known[1]
        found = self._read(scheme, group)
        with self._lock:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = (self._clock(), found)
        return found

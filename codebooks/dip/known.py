"""Whether the codes of a code set meet a catalogue's keys, looked up by prefix."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from typing import TYPE_CHECKING

from codebooks.codes import code_set

if TYPE_CHECKING:
    from codebooks.dip.keys import Key


class KnownCodes:
    """The folded codes of one code set, sorted.

    Args:
        set_id: of the code set.

    Raises:
        CodebookError: as :func:`codebooks.codes.code_set`.
    """

    def __init__(self, set_id: str) -> None:
        self._codes = sorted(code_set(set_id).folded)
        self._whole = frozenset(self._codes)

    def has(self, code: str) -> bool:
        """Whether a folded code stands in the set."""
        return code in self._whole

    def begins(self, prefix: str) -> bool:
        """Whether some code begins with a folded prefix."""
        at = bisect_left(self._codes, prefix)
        return at < len(self._codes) and self._codes[at].startswith(prefix)

    def takes(self, key: Key) -> bool:
        """Whether a diagnosis key matches some code."""
        at = bisect_left(self._codes, key.first)
        while at < len(self._codes) and self._codes[at][: len(key.last)] <= key.last:
            if key.matches(self._codes[at]):
                return True
            at += 1
        return False


@cache
def known_codes(set_id: str) -> KnownCodes:
    """The codes of a set, sorted once in a process.

    Raises:
        CodebookError: as :func:`codebooks.codes.code_set`.
    """
    return KnownCodes(set_id)

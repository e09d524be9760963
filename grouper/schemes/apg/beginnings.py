"""The longest beginning of a code that a table holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


class Beginnings(Generic[T]):
    """What a table says of codes by their beginnings, folded; the longest one decides.

    Args:
        rows: beginnings and what they lead to; of equal ones the last counts.
    """

    def __init__(self, rows: Iterable[tuple[str, T]]) -> None:
        self._rows = dict(rows)
        self._lengths = sorted({len(code) for code in self._rows}, reverse=True)

    def find(self, code: str) -> T | None:
        """What the longest beginning of a folded code leads to."""
        return next(self.each(code), None)

    def each(self, code: str) -> Iterator[T]:
        """What the beginnings of a folded code lead to, the longest first."""
        for length in self._lengths:
            if length <= len(code) and code[:length] in self._rows:
                yield self._rows[code[:length]]

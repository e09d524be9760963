"""Records of a delimited text: what is one, where it ends, and what to do with a broken one.

A quoted field may hold delimiters and line breaks. A record of several lines that turns out broken
is not believed: its first line alone is refused and reading goes on with the second, so that a
stray quotation mark costs one row and not all rows up to the next one.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RAGGED, QUOTE = "ROW_RAGGED", "ROW_QUOTE"
QUOTATION = '"'


class Record(NamedTuple):
    """One record: its fields, and the reason why it is none, with what was found."""

    fields: list[str]
    reason: str = ""
    value: str = ""


class _Lines:
    """Lines of a block, then of the file; remembers what the present record has taken."""

    def __init__(self, block: str, more: Callable[[], str]) -> None:
        self._block = iter(io.StringIO(block, newline=""))
        self._back: deque[str] = deque()
        self._more = more
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._block, "") or self._more()
        if not line:
            raise StopIteration
        self.taken.append(line)
        return line

    def put_back(self, lines: list[str]) -> None:
        self._back.extendleft(reversed(lines))

    def exhausted(self) -> bool:
        """Whether the block is used up (the file may go on)."""
        if self._back:
            return False
        line = next(self._block, "")
        if line:
            self._back.append(line)
        return not line


def records(
    block: str, delimiter: str, width: int | None, more: Callable[[], str]
) -> Iterator[Record]:
    """The records that begin in a block of whole lines.

    Args:
        block: the lines.
        delimiter: between fields.
        width: number of fields that a record has; None for any.
        more: gives the next line after the block, for a record that goes on beyond it.

    Yields:
        Records in order; blank lines are none.
    """
    lines = _Lines(block, more)
    while not lines.exhausted():
        lines.taken = []
        record = _next(lines, delimiter, width)
        if record.reason and len(lines.taken) > 1:
            first, *others = lines.taken
            lines.put_back(others)
            fields = first.rstrip("\r\n").split(delimiter)
            yield Record(fields, QUOTE if record.reason == QUOTE else RAGGED, record.value)
        elif record.fields:
            yield record


def _next(lines: _Lines, delimiter: str, width: int | None) -> Record:
    try:
        fields = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except csv.Error:
        return Record(lines.taken[0].rstrip("\r\n").split(delimiter), QUOTE)
    if not fields or width is None or len(fields) == width:
        return Record(fields)
    # Some programs end each row with a delimiter: empty fields beyond the last column lose nothing.
    if len(fields) > width and not any(fields[width:]):
        return Record(fields[:width])
    return Record(fields, RAGGED, f"{len(fields)}/{width}")

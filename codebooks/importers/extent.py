"""How large a rectangle the cells of a sheet span, before anything lays it out in memory."""

from __future__ import annotations

import re
from xml.parsers import expat

_REFERENCE = re.compile(rb"""\sr\s*=\s*["']\s*([A-Za-z]*)([0-9]*)\s*["']""")
_LETTERS = 26
# Longer runs of letters or digits are no reference; cut short, they are still out of all bounds.
_LONGEST = 12
_CONTENT = frozenset({"v", "is", "f"})


def cells_spanned(xml: bytes, limit: int) -> int:
    """The size of the rectangle from A1 to the last cell that holds something.

    Args:
        xml: a member of the workbook, sheet or not.
        limit: the exact size matters only above it; below, formatted empty cells count too.

    Raises:
        ValueError: the XML is broken.
    """
    rows = columns = 0
    for letters, digits in _REFERENCE.findall(xml):
        rows = max(rows, _row(digits))
        columns = max(columns, _column(letters))
    # A sheet formatted to its far edges is common and harmless, so look closer before refusing.
    return rows * columns if rows * columns <= limit else _Extent().measure(xml)


class _Extent:
    """Walks the elements of a sheet; a cell without a reference follows the one before it."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._row = self._column = 0

    def measure(self, xml: bytes) -> int:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        try:
            parser.Parse(xml, True)  # noqa: FBT003 -- the parser takes "final" by position alone
        except expat.ExpatError as cause:
            raise ValueError(str(cause)) from cause
        return self.rows * self.columns

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        local = element.rpartition(":")[2]
        reference = attributes.get("r", "").strip().encode()
        if local == "row":
            self._row = _row(reference) if reference.isdigit() else self._row + 1
            self._column = 0
        elif local == "c":
            letters = reference.rstrip(b"0123456789")
            # A row and its cells may contradict each other: the larger number is the safe one.
            self._row = max(self._row, _row(reference[len(letters) :]))
            self._column = _column(letters) or self._column + 1
        elif local in _CONTENT:
            self.rows = max(self.rows, self._row)
            self.columns = max(self.columns, self._column)


def _row(digits: bytes) -> int:
    return int(digits[:_LONGEST]) if digits else 0


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters[:_LONGEST].upper():
        number = number * _LETTERS + letter - ord("A") + 1
    return number


def column_letter(index: int) -> str:
    """The letters of a 0-based column: 0 is ``A``, 26 is ``AA``."""
    letters = ""
    while index >= 0:
        index, rest = divmod(index, _LETTERS)
        letters = chr(ord("A") + rest) + letters
        index -= 1
    return letters

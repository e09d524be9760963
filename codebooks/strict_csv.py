"""Small tables that a hospital or a bureau writes as CSV: read strictly, refused with their place."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from typing import TYPE_CHECKING, NamedTuple

from codebooks.errors import CodebookError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_ENCODINGS = ("utf-8-sig", "gb18030")


class Row(NamedTuple):
    """One row of a table: its place, and its cells by column without blanks around them."""

    where: Where
    cells: dict[str, str]

    def at(self, column: str) -> Where:
        """The place of one cell."""
        return Where(self.where.file, None, self.where.row, column)


def read_rows(
    path: Path, required: Sequence[str], optional: Sequence[str] = (), *, name: str | None = None
) -> Iterator[Row]:
    """The rows of a CSV file whose first line names its columns, in any order.

    A file whose name ends in ``.gz`` is unpacked. UTF-8 (with or without a byte order mark) and
    GB18030 are read. Empty lines are passed over; optional columns that the file lacks are empty
    texts.

    Args:
        path: of the file.
        required: columns it must have.
        optional: columns it may have.
        name: how errors call it; its file name where that tells enough.

    Raises:
        CodebookError: ``TABLE_FILE`` (cannot be read), ``TABLE_ENCODING``, ``TABLE_CSV`` (broken
            quoting), ``TABLE_COLUMN_MISSING``, ``TABLE_COLUMN_UNKNOWN``, ``TABLE_COLUMN_TWICE``,
            ``TABLE_ROW_WIDTH``.
    """
    name = name or path.name
    reader = csv.reader(io.StringIO(_text(path, name), newline=""), strict=True)
    header: list[str] | None = None
    while True:
        try:
            line = next(reader, None)
        except csv.Error as cause:
            where = Where(file=name, row=reader.line_num)
            raise CodebookError("TABLE_CSV", where, reason=str(cause)) from cause
        where = Where(file=name, row=reader.line_num)
        if line is None:
            break
        if not any(cell.strip() for cell in line):
            continue
        if header is None:
            header = _header(line, where, required, optional)
            continue
        if len(line) != len(header):
            raise CodebookError("TABLE_ROW_WIDTH", where, found=len(line), wanted=len(header))
        cells = dict.fromkeys(optional, "")
        cells |= {name: cell.strip() for name, cell in zip(header, line, strict=True)}
        yield Row(where, cells)
    if header is None:
        _header([], Where(file=name, row=1), required, optional)


def _text(path: Path, name: str) -> str:
    where = Where(file=name)
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as cause:
        reason = getattr(cause, "strerror", None) or type(cause).__name__
        raise CodebookError("TABLE_FILE", where, reason=reason) from cause
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CodebookError("TABLE_ENCODING", where)


def _header(
    line: list[str], where: Where, required: Sequence[str], optional: Sequence[str]
) -> list[str]:
    names = [cell.strip() for cell in line]
    for name in required:
        if name not in names:
            found = ", ".join(names)
            raise CodebookError("TABLE_COLUMN_MISSING", where, column=name, found=found)
    for place, name in enumerate(names):
        at = Where(where.file, None, where.row, name)
        if name not in required and name not in optional:
            known = ", ".join((*required, *optional))
            raise CodebookError("TABLE_COLUMN_UNKNOWN", at, found=name, known=known)
        if name in names[:place]:
            raise CodebookError("TABLE_COLUMN_TWICE", at, column=name)
    return names

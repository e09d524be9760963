"""The sheets of a file: an .xlsx workbook, or a CSV file as a sheet without a name."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from codebooks.importers.container import Sheet, Workbook, read_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codebooks.importers.notes import Notes

_ENCODINGS = ("utf-8-sig", "gb18030")
_WORKBOOK = (b"PK", b"\xd0\xcf\x11\xe0")
_MERGED_CELLS = 2_000_000
"""More cells under merged ranges than this are no catalogue."""


@dataclass(frozen=True, slots=True)
class File:
    """An opened file.

    Attributes:
        name: of the file.
        sha256: of its bytes.
        workbook: None for a CSV file.
        table: the cells of a CSV file, None for a workbook.
    """

    name: str
    sha256: str
    workbook: Workbook | None = None
    table: Sheet | None = None

    @property
    def sheets(self) -> list[str]:
        """The sheets' names; a CSV file has one, the empty name."""
        return self.workbook.names if self.workbook else [""]

    def sheet(self, name: str) -> Sheet:
        """One sheet; the cells of a merged range all hold its value.

        Raises:
            CodebookError: ``IMPORT_CORRUPT``, ``IMPORT_TOO_LARGE``.
        """
        if self.workbook is None:
            assert self.table is not None  # noqa: S101 -- a file is one or the other
            return self.table
        sheet = self.workbook.sheet(name)
        return _unmerge(sheet, Where(self.name, name)) if sheet.merged else sheet

    def where(self, sheet: str) -> Where:
        """The place of a sheet."""
        return Where(self.name, sheet or None)


def open_file(path: Path, notes: Notes) -> File:
    """Open a workbook or CSV file, told apart by their bytes.

    Raises:
        CodebookError: ``IMPORT_FILE``, ``IMPORT_TOO_LARGE``, ``IMPORT_PASSWORD``,
            ``IMPORT_NOT_XLSX``, ``IMPORT_CORRUPT``, ``IMPORT_ENCODING``.
    """
    where = Where(file=path.name)
    content = read_bytes(path, where)
    digest = hashlib.sha256(content).hexdigest()
    if content.startswith(_WORKBOOK):
        return File(path.name, digest, workbook=Workbook(content, path.name))
    if b"\0" in content:
        raise CodebookError("IMPORT_ENCODING", where)
    return File(path.name, digest, table=_csv(_decode(content, where, notes), where, notes))


def _decode(content: bytes, where: Where, notes: Notes) -> str:
    for encoding in _ENCODINGS:
        try:
            words = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != _ENCODINGS[0]:
            notes.note("IMPORT_ENCODING_READ", where, encoding=encoding)
        return words
    raise CodebookError("IMPORT_ENCODING", where)


def _csv(words: str, where: Where, notes: Notes) -> Sheet:
    """The records; one that is not CSV ends the reading with an error."""
    first = words.split("\n", 1)[0]
    delimiter = "\t" if "\t" in first and "," not in first else ","
    rows: list[Sequence[object]] = []
    try:
        rows.extend(csv.reader(io.StringIO(words, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as cause:
        place = replace(where, row=len(rows) + 1)
        notes.error("IMPORT_CSV", place, reason=str(cause))
    return Sheet("", 1, 0, rows)


def _unmerge(sheet: Sheet, where: Where) -> Sheet:
    rows = [list(row) for row in sheet.rows]
    left = _MERGED_CELLS
    for (top, start), (bottom, end) in sheet.merged:
        at, first = top - sheet.first_row + 1, start - sheet.first_column
        if not (0 <= at < len(rows) and 0 <= first < len(rows[at])):
            continue
        last = min(bottom - sheet.first_row + 1, len(rows) - 1)
        width = min(end - sheet.first_column, len(rows[at]) - 1) + 1
        left -= max(0, last - at + 1) * max(0, width - first)
        if left < 0:
            raise CodebookError("IMPORT_TOO_LARGE", where, limit=_MERGED_CELLS)
        for row in rows[at : last + 1]:
            row[first:width] = [rows[at][first]] * (width - first)
    return replace(sheet, rows=rows)

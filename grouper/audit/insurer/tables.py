"""The sheets of a file that somebody else wrote (XLSX, or CSV as one sheet), cells as they stand."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError, Where
from codebooks.importers.container import Workbook, read_bytes
from grouper.audit.errors import AuditError
from grouper.case.readers.text_input import encoding_of, undecodable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Cell = object
_WORKBOOK = b"PK"
"""What a workbook begins with; the ending of its name may say anything."""
_DELIMITERS = (",", "\t", ";")


@dataclass(frozen=True, slots=True)
class Page:
    """A sheet.

    Attributes:
        sheet: its name; None: the file has no sheets.
        rows: place and cells of each row that is not empty.
        merged: of cells below the first of a merged range that cell, by row and place.
        broken: numbers of rows whose bytes are no text.
    """

    sheet: str | None
    rows: Sequence[tuple[int, Sequence[Cell]]]
    merged: dict[tuple[int, int], Cell]
    broken: frozenset[int] = frozenset()


def pages(path: Path, name: str) -> list[Page]:
    """All sheets of a file; a text once by each mark that may part its cells, the likeliest first.

    Args:
        path: of the file.
        name: how errors call it.

    Raises:
        AuditError: ``INSURER_TEXT``: a CSV file with broken quoting.
        GrouperError: the file cannot be read, or is no sound workbook.
    """
    where = Where(file=name)
    content = read_bytes(path, where)
    if content.startswith(_WORKBOOK):
        book = Workbook(content, name)
        return [_sheet(book, sheet) for sheet in book.names]
    if path.suffix.lower() in (".xls", ".xlsx", ".et") or content.startswith(b"\xd0\xcf\x11\xe0"):
        # Tells that it is an old or a protected workbook.
        Workbook(content, name)
    return _texts(path, content, name)


def _sheet(book: Workbook, name: str) -> Page:
    found = book.sheet(name)
    rows = [
        (found.first_row + at, row)
        for at, row in enumerate(found.rows)
        if any(str(cell).strip() for cell in row)
    ]
    merged: dict[tuple[int, int], Cell] = {}
    for (top, left), (bottom, right) in found.merged:
        at, place = top + 1 - found.first_row, left - found.first_column
        if left != right or not 0 <= at < len(found.rows):
            continue
        cell = found.rows[at][place] if 0 <= place < len(found.rows[at]) else ""
        last = min(bottom, found.first_row + len(found.rows) - 2)
        merged |= {(row + 1, place): cell for row in range(top + 1, last + 1)}
    return Page(name, rows, merged)


def _texts(path: Path, content: bytes, name: str) -> list[Page]:
    try:
        encoding = encoding_of(path, None)
    except GrouperError as error:
        # The path of a file that was handed in is nobody's business.
        raise GrouperError(error.code, Where(file=name), **error.params) from None
    errors = "replace" if encoding == "utf-16" else "surrogateescape"
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    text = content.decode(codec, errors).lstrip("\ufeff")
    counts = {one: text.count(one) for one in _DELIMITERS}
    likely = sorted((one for one in _DELIMITERS if counts[one]), key=lambda one: -counts[one])
    found: list[Page] = []
    fault: AuditError | None = None
    for delimiter in likely or _DELIMITERS[:1]:
        try:
            found.append(_text(text, delimiter, encoding, name))
        except AuditError as error:
            fault = fault or error
    if fault is not None and not found:
        raise fault
    return found


def _text(text: str, delimiter: str, encoding: str, name: str) -> Page:
    rows: list[tuple[int, Sequence[Cell]]] = []
    broken: set[int] = set()
    for row, cells in _csv(text, delimiter, name):
        if not any(cell.strip() for cell in cells):
            continue
        whole = "".join(cells)
        if "\0" in whole or undecodable(whole, encoding):
            broken.add(row)
        rows.append((row, cells))
    return Page(None, rows, {}, frozenset(broken))


def _csv(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        row = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as cause:
            raise AuditError("INSURER_TEXT", Where(file=name, row=row)) from cause
        if cells is None:
            return
        yield row, cells

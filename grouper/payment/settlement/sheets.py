"""Rows of a table that somebody else wrote, CSV or Excel, each with its place."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError, Where
from codebooks.importers.container import Workbook, read_bytes
from grouper.case.readers.text_input import encoding_of, undecodable
from grouper.payment.settlement.errors import SettlementError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Cell = object
Line = tuple[Where, list[Cell]]
WORKBOOK = ".xlsx"
_DELIMITERS = (",", "\t", ";")


def read_lines(path: Path) -> list[Line]:
    """The rows of a CSV file or of the first sheet of a workbook that has any; none is empty.

    Raises:
        SettlementError: ``BUREAU_TEXT``: a row that is no text; ``BUREAU_EMPTY``.
        GrouperError: the file cannot be read.
    """
    lines = _workbook(path) if path.suffix.lower() == WORKBOOK else list(_text(path))
    lines = [line for line in lines if any(str(cell).strip() for cell in line[1])]
    if not lines:
        raise SettlementError("BUREAU_EMPTY", Where(file=path.name))
    return lines


def _workbook(path: Path) -> list[Line]:
    where = Where(file=path.name)
    book = Workbook(read_bytes(path, where), path.name)
    for name in book.names:
        sheet = book.sheet(name)
        if sheet.rows:
            return [
                (Where(file=path.name, sheet=name, row=sheet.first_row + number), list(row))
                for number, row in enumerate(sheet.rows)
            ]
    return []


def _text(path: Path) -> Iterator[Line]:
    where = Where(file=path.name)
    try:
        encoding = encoding_of(path, None)
        errors = "replace" if encoding == "utf-16" else "surrogateescape"
        codec = "utf-8-sig" if encoding == "utf-8" else encoding
        content = path.read_bytes().decode(codec, errors).lstrip("\ufeff")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise GrouperError("FILE_NOT_FOUND", where) from None
    except (OSError, ValueError) as cause:
        raise GrouperError("FILE_DENIED", where, cause=type(cause).__name__) from cause
    head = next((line for line in io.StringIO(content) if line.strip()), "")
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    while True:
        place = Where(file=path.name, row=reader.line_num + 1)
        try:
            cells = next(reader, None)
        except csv.Error as cause:
            raise SettlementError("BUREAU_TEXT", place) from cause
        if cells is None:
            return
        whole = "".join(cells)
        if "\0" in whole or undecodable(whole, encoding):
            raise SettlementError("BUREAU_TEXT", place)
        yield place, list(cells)

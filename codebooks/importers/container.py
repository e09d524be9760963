"""Opening of a workbook: what cannot be a sound .xlsx file is refused before it is unpacked.

The reader behind it is fast but trusts the file: it lays out a sheet as the full rectangle of its
cells, so that one stray cell in the far corner would take all memory. Hence the look ahead.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import python_calamine

from codebooks.errors import CodebookError, Where
from codebooks.importers.extent import cells_spanned
from codebooks.importers.layout import layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Cell = object
"""A cell as read: text, number, truth value, date or time; an empty cell is the empty text."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MEMBERS = frozenset({"[Content_Types].xml", "xl/workbook.xml"})
_PLAIN_PACKING = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# Whatever the archive reader of the standard library may say about broken bytes.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The stored rectangle of a sheet.

    Attributes:
        name: as the workbook has it.
        first_row: 1-based number of the first stored row.
        first_column: 0-based index of the first stored column.
        rows: the cells.
        merged: first and last cell of each merged range, as 0-based row and column of the sheet.
    """

    name: str
    first_row: int
    first_column: int
    rows: Sequence[Sequence[Cell]]
    merged: Sequence[tuple[tuple[int, int], tuple[int, int]]] = ()


class Workbook:
    """An opened workbook; every fault is a CodebookError.

    Args:
        content: the file's bytes.
        file: its name, for places.

    Raises:
        CodebookError: ``IMPORT_PASSWORD``, ``IMPORT_NOT_XLSX``, ``IMPORT_CORRUPT``,
            ``IMPORT_TOO_LARGE``.
    """

    def __init__(self, content: bytes, file: str) -> None:
        self._file = file
        _look_ahead(content, Where(file=file))
        try:
            self._book = python_calamine.load_workbook(io.BytesIO(content))
            self.names: list[str] = list(self._book.sheet_names)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as cause:  # noqa: BLE001 -- a panic of the reader's core is no Exception
            self._corrupt(cause)

    def sheet(self, name: str) -> Sheet:
        """One sheet.

        Raises:
            CodebookError: ``IMPORT_CORRUPT``.
        """
        try:
            found = self._book.get_sheet_by_name(name)
            rows = found.to_python()
            row, column = found.start or (0, 0)
            merged = found.merged_cell_ranges or ()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as cause:  # noqa: BLE001 -- a panic of the reader's core is no Exception
            self._corrupt(cause, name)
        return Sheet(name, row + 1, column, rows, merged)

    def _corrupt(self, cause: BaseException, sheet: str | None = None) -> NoReturn:
        where = Where(file=self._file, sheet=sheet)
        raise CodebookError("IMPORT_CORRUPT", where, reason=str(cause)) from cause


def read_bytes(path: Path, where: Where) -> bytes:
    """The bytes of a file, if it is there and not larger than an official file can be.

    Raises:
        CodebookError: ``IMPORT_FILE`` or ``IMPORT_TOO_LARGE``.
    """
    limit = layout().limits.file_bytes
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_FILE", where, reason=reason) from cause
    if len(content) > limit:
        raise CodebookError("IMPORT_TOO_LARGE", where, limit=limit)
    return content


def _look_ahead(content: bytes, where: Where) -> None:
    if content.startswith(_OLE):
        code = "IMPORT_PASSWORD" if _ENCRYPTED in content else "IMPORT_NOT_XLSX"
        raise CodebookError(code, where)
    if not content.startswith(b"PK"):
        raise CodebookError("IMPORT_NOT_XLSX", where)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if any(member.flag_bits & 1 for member in members):
                raise CodebookError("IMPORT_PASSWORD", where)
            if not _MEMBERS.issubset(member.filename for member in members):
                raise CodebookError("IMPORT_NOT_XLSX", where)
            if any(member.compress_type not in _PLAIN_PACKING for member in members):
                raise CodebookError("IMPORT_CORRUPT", where, reason="compress_type")
            limit = layout().limits.unpacked_bytes
            if sum(member.file_size for member in members) > limit:
                raise CodebookError("IMPORT_TOO_LARGE", where, limit=limit)
            for member in members:
                # Reading whole also proves each member's checksum.
                _measure(archive.read(member), where)
    except _BROKEN as cause:
        raise CodebookError("IMPORT_CORRUPT", where, reason=str(cause)) from cause


def _measure(xml: bytes, where: Where) -> None:
    """Refuse a sheet whose cells span too large a rectangle."""
    limit = layout().limits.cells
    if cells_spanned(xml, limit) > limit:
        raise CodebookError("IMPORT_TOO_LARGE", where, limit=limit)

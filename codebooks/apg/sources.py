"""The files of an outpatient scheme as raw tables: a folder of CSV, a workbook, or one CSV file."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from codebooks.apg.layout import apg_layout
from codebooks.errors import CodebookError, Where
from codebooks.importers.container import Workbook, read_bytes
from codebooks.importers.tables import fold_label
from codebooks.plain import json_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from codebooks.apg.layout import TableLayout
    from codebooks.importers.container import Cell
    from codebooks.importers.notes import Notes

CARD = "scheme.json"
_CSV, _XLSX = ".csv", ".xlsx"


@dataclass(frozen=True, slots=True)
class RawTable:
    """The cells of one table.

    Attributes:
        table: key of the table.
        where: its file and sheet.
        header_row: 1-based row of the header.
        columns: index into a row of each field that is there.
        rows: 1-based row numbers and cells of what stands below the header.
    """

    table: str
    where: Where
    header_row: int
    columns: dict[str, int]
    rows: list[tuple[int, Sequence[Cell]]]


@dataclass(slots=True)
class RawScheme:
    """What a folder, workbook or file holds; ``card`` as JSON has it, empty without one."""

    layout: str
    sha256: str = ""
    card: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, RawTable] = field(default_factory=dict)


def read_source(path: Path, notes: Notes) -> RawScheme:
    """Read a folder of CSV files with a card, a workbook of sheets, or one table's CSV file.

    Raises:
        CodebookError: ``IMPORT_FILE``, ``IMPORT_TOO_LARGE``, ``IMPORT_ENCODING``, ``IMPORT_CARD``,
            or what opening a workbook raises.
    """
    if path.is_dir():
        return _folder(path, notes)
    content = read_bytes(path, Where(file=path.name))
    digest = hashlib.sha256(content).hexdigest()
    if path.suffix.lower() == _CSV:
        raw = RawScheme("apg_table", digest)
        sheet = _records(_decode(content, Where(file=path.name)), path.name, notes)
        _take_by_header(raw, sheet, Where(file=path.name), notes)
        return raw
    raw = RawScheme("apg_workbook", digest)
    workbook = Workbook(content, path.name)
    for name in workbook.names:
        spec = _named(name)
        if spec is None:
            notes.note("IMPORT_SHEET_IGNORED", Where(sheet=name))
            continue
        sheet_rows = workbook.sheet(name)
        rows = list(enumerate(sheet_rows.rows, sheet_rows.first_row))
        _take(raw, spec, rows, Where(sheet=name), notes)
    return raw


def _folder(path: Path, notes: Notes) -> RawScheme:
    try:
        files = sorted(path.iterdir())
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_FILE", Where(file=path.name), reason=reason) from cause
    raw = RawScheme("apg_folder")
    stamps = hashlib.sha256()
    for file in files:
        where = Where(file=file.name)
        spec = _named(file.stem) if file.suffix.lower() == _CSV else None
        if spec is None and file.name != CARD:
            continue
        content = read_bytes(file, where)
        stamps.update(f"{file.name} {hashlib.sha256(content).hexdigest()}\n".encode())
        if spec is None:
            raw.card = _card(_decode(content, where), where)
        else:
            rows = _records(_decode(content, where), file.name, notes)
            _take(raw, spec, rows, where, notes)
    raw.sha256 = stamps.hexdigest()
    return raw


def read_card(path: Path) -> dict[str, Any]:
    """The card of a folder; empty where there is none.

    Raises:
        CodebookError: ``IMPORT_FILE``, ``IMPORT_TOO_LARGE``, ``IMPORT_ENCODING``, ``IMPORT_CARD``.
    """
    file, where = path / CARD, Where(file=CARD)
    return _card(_decode(read_bytes(file, where), where), where) if file.is_file() else {}


def _card(words: str, where: Where) -> dict[str, Any]:
    try:
        plain = json_of(words)
    except ValueError as cause:
        raise CodebookError("IMPORT_CARD", where, reason=str(cause)) from cause
    if not isinstance(plain, dict):
        raise CodebookError("IMPORT_CARD", where, reason=type(plain).__name__)
    return plain


def _decode(content: bytes, where: Where) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CodebookError("IMPORT_ENCODING", where)


def _named(name: str) -> TableLayout | None:
    """The table that a file or sheet is named after."""
    folded = fold_label(name)
    for spec in apg_layout().tables:
        if folded in map(fold_label, spec.names):
            return spec
    return None


def _records(words: str, file: str, notes: Notes) -> list[tuple[int, Sequence[Cell]]]:
    """Numbered records; what is not CSV ends the reading with an error."""

    def read() -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(io.StringIO(words, newline=""), strict=True)
        number = 0
        try:
            for number, record in enumerate(reader, 1):
                yield number, record
        except csv.Error as cause:
            notes.error("IMPORT_CSV", Where(file=file, row=number + 1), reason=str(cause))

    return list(read())


def _take(
    raw: RawScheme,
    spec: TableLayout,
    rows: list[tuple[int, Sequence[Cell]]],
    where: Where,
    notes: Notes,
) -> None:
    """Find the header of a table and keep what stands below it."""
    if spec.table in raw.tables:
        other = raw.tables[spec.table].where
        notes.error("IMPORT_TABLE_TWICE", where, other=other.file or other.sheet)
        return
    best: dict[str, int] = {}
    at = 0
    for place, (_, row) in enumerate(rows[: apg_layout().header_rows]):
        found = _columns(spec, row)
        if len(found) > len(best):
            best, at = found, place
    lacking = spec.needed - best.keys()
    if lacking:
        shown = ", ".join(spec.columns[column][0] for column in sorted(lacking))
        notes.error("IMPORT_COLUMN", where, column=shown)
        return
    labels = [fold_label(cell) for cell in rows[at][1]]
    for column, texts in spec.columns.items():
        hits = [i for text in texts for i, label in enumerate(labels) if label == fold_label(text)]
        if len(hits) > 1:
            letters = ", ".join(str(i + 1) for i in hits)
            notes.error("IMPORT_COLUMN_TWICE", where, column=column, letters=letters)
            return
    raw.tables[spec.table] = RawTable(spec.table, where, rows[at][0], best, rows[at + 1 :])


def _columns(spec: TableLayout, row: Sequence[Cell]) -> dict[str, int]:
    labels = [fold_label(cell) for cell in row]
    return {
        column: labels.index(fold_label(text))
        for column, texts in spec.columns.items()
        for text in reversed(texts)
        if fold_label(text) in labels
    }


def _take_by_header(
    raw: RawScheme, rows: list[tuple[int, Sequence[Cell]]], where: Where, notes: Notes
) -> None:
    """Take a single file as the table whose columns it has most of."""
    head = rows[0][1] if rows else ()
    sizes = {
        spec.table: len(found)
        for spec in apg_layout().tables
        if spec.needed <= (found := _columns(spec, head)).keys()
    }
    if not sizes:
        notes.error("APG_TABLE_UNKNOWN", where)
        return
    best = max(sizes, key=lambda table: sizes[table])
    spec = next(spec for spec in apg_layout().tables if spec.table == best)
    _take(raw, spec, rows, where, notes)

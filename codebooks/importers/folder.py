"""A scheme as a folder of tables and a card: the way in which a city's variant arrives.

``mdc``, ``adrg``, ``drg``, ``sets``, ``cc``, ``exclusions`` and, where there are, ``not_principal``
and ``not_grouping`` as ``.csv`` or ``.csv.gz`` with the columns of :data:`codebooks.book.TABLES`,
in UTF-8 or GB18030; ``scheme.json`` is the card.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codebooks.book import TABLES
from codebooks.errors import CodebookError, Where
from codebooks.importers.assemble import Draft, finish
from codebooks.importers.cells import CellReader
from codebooks.importers.container import read_bytes
from codebooks.importers.layout import layout
from codebooks.importers.notes import Notes
from codebooks.importers.options import ImportOptions, make_card
from codebooks.importers.tables import Grid, read_table
from codebooks.messages import text
from codebooks.plain import json_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from codebooks.importers.report import ImportResult, RuleCheck

CARD = "scheme.json"
FAMILY = "drg"
"""The family whose tables these are; others have importers of their own."""


def import_folder(
    path: Path, options: ImportOptions | None = None, check: RuleCheck | None = None
) -> ImportResult:
    """Read a folder of tables; nothing is written.

    Names and codes stay as written, since the variants' sets carry more than codes; codes are
    compared folded anyway. What has not the form of a code is a warning.

    Args:
        path: the folder.
        options: go before the folder's card.
        check: the check of the book's rules; a finding of severity error refuses the book.

    Returns:
        The book and the report; no book when the report has an error.

    Raises:
        CodebookError: a file cannot be opened or decoded (``IMPORT_FILE``, ``IMPORT_TOO_LARGE``,
            ``IMPORT_GZIP``, ``IMPORT_ENCODING``), the card is broken or of another family
            (``IMPORT_CARD``), or an option is not usable (see
            :func:`codebooks.importers.options.make_card`).
    """
    options = options or ImportOptions()
    notes = Notes(path.name)
    stamps: list[str] = []
    files = _list_files(path)
    base = _read_card(files, path.name, stamps)
    card = make_card(options, base, Where(file=CARD))
    if card.family != FAMILY:
        raise CodebookError("IMPORT_CARD", Where(file=CARD, column="family"), reason=card.family)
    draft = Draft("folder", "", card)
    cells = CellReader(strict=False)
    for table in TABLES:
        grid = _find_table(files, table, notes, stamps)
        if grid is not None:
            draft.rows[table], account = read_table(grid, cells, notes)
            draft.tables.append(account)
    draft.sha256 = hashlib.sha256("".join(stamps).encode()).hexdigest()
    source = text("import.source", None, source=card.source, sha256=draft.sha256)
    draft.card = replace(card, source=source)
    return finish(draft, options, notes, check)


def _list_files(folder: Path) -> dict[str, Path]:
    try:
        return {path.name: path for path in folder.iterdir()}
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_FILE", Where(file=folder.name), reason=reason) from cause


def _read(path: Path, where: Where, stamps: list[str]) -> bytes:
    """A file's bytes; its name and SHA-256 join the stamps, of which the folder's is made."""
    content = read_bytes(path, where)
    stamps.append(f"{path.name} {hashlib.sha256(content).hexdigest()}\n")
    return content


def _read_card(files: dict[str, Path], folder: str, stamps: list[str]) -> dict[str, Any]:
    base = {"standing": text("import.standing.folder"), "source": folder}
    if CARD not in files:
        return base
    where = Where(file=CARD)
    content = _read(files[CARD], where, stamps)
    try:
        plain = json_of(_decode(content, where)[0])
    except ValueError as cause:
        raise CodebookError("IMPORT_CARD", where, reason=str(cause)) from cause
    if not isinstance(plain, dict):
        raise CodebookError("IMPORT_CARD", where, reason=type(plain).__name__)
    return {**base, **plain}


def _find_table(files: dict[str, Path], table: str, notes: Notes, stamps: list[str]) -> Grid | None:
    found = [files[name] for name in (f"{table}.csv", f"{table}.csv.gz") if name in files]
    if not found:
        if table not in layout().list_tables:
            notes.error("IMPORT_TABLE", Where(file=f"{table}.csv"), table=table)
        return None
    if len(found) > 1:
        notes.error("IMPORT_TABLE_TWICE", Where(file=found[0].name), other=found[1].name)
        return None
    where = Where(file=found[0].name)
    content = _read(found[0], where, stamps)
    if found[0].suffix == ".gz":
        content = _unzip(content, where)
    words, encoding = _decode(content, where)
    if encoding != "utf-8-sig":
        notes.note("IMPORT_ENCODING_READ", where, encoding=encoding)
    return _grid(table, words, where, notes)


def _unzip(content: bytes, where: Where) -> bytes:
    limit = layout().limits.unpacked_bytes
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as cause:
        raise CodebookError("IMPORT_GZIP", where, reason=str(cause)) from cause
    if len(unpacked) > limit:
        raise CodebookError("IMPORT_TOO_LARGE", where, limit=limit)
    return unpacked


def _decode(content: bytes, where: Where) -> tuple[str, str]:
    """The text and its encoding: UTF-8, with or without its mark, else GB18030."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise CodebookError("IMPORT_ENCODING", where)


def _grid(table: str, words: str, where: Where, notes: Notes) -> Grid | None:
    records = _records(words, where, notes)
    _, header = next(records, (1, []))
    labels = [label.strip().lower() for label in header]
    first = Where(file=where.file, row=1)
    sound = True
    for name in TABLES[table].names:
        if labels.count(name) != 1:
            code = "IMPORT_COLUMN" if name not in labels else "IMPORT_COLUMN_TWICE"
            letters = ", ".join(str(i) for i, label in enumerate(labels, 1) if label == name)
            notes.error(code, first, column=name, letters=letters)
            sound = False
    ignored = [label for label in labels if label not in TABLES[table].names]
    if ignored:
        notes.note("IMPORT_COLUMN_IGNORED", first, columns=", ".join(ignored)[:200])
    if not sound:
        return None
    columns = {name: (labels.index(name), name) for name in TABLES[table].names}
    return Grid(table, where, 1, columns, _whole(records, len(labels), where, notes))


def _records(words: str, where: Where, notes: Notes) -> Iterator[tuple[int, list[str]]]:
    """Numbered records; one that is not CSV ends the reading with an error."""
    reader = csv.reader(io.StringIO(words, newline=""), strict=True)
    number = 0
    try:
        for number, record in enumerate(reader, 1):
            yield number, record
    except csv.Error as cause:
        notes.error("IMPORT_CSV", Where(file=where.file, row=number + 1), reason=str(cause))


def _whole(
    records: Iterator[tuple[int, list[str]]], width: int, where: Where, notes: Notes
) -> Iterator[tuple[int, Sequence[object]]]:
    """The records that have as many cells as the header; a blank line has none and passes."""
    for number, record in records:
        if record and len(record) != width:
            place = Where(file=where.file, row=number)
            notes.error("IMPORT_ROW_WIDTH", place, found=len(record), wanted=width)
        else:
            yield number, record

"""Books at rest: a folder of Parquet tables and a manifest, written whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.book import RULE_TABLES, BookCard, SchemeBook
from codebooks.errors import CodebookError, Where
from codebooks.forms import FORMS

MANIFEST = "manifest.json"
FORMAT = 1
"""Version of the folder's layout, raised when an older reader would misread it."""


def write_book(book: SchemeBook, folder: Path) -> Path:
    """Write a book to ``folder``, which must not exist; nothing is left behind on failure.

    Raises:
        CodebookError: ``BOOK_EXISTS``.
    """
    if folder.exists():
        raise CodebookError("BOOK_EXISTS", Where(file=str(folder)), id=book.card.id)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name in book.form:
            table = book.tables[name]
            if table.num_rows:
                pq.write_table(table, part / f"{name}.parquet", compression="zstd")
        manifest = {
            "format": FORMAT,
            "card": book.card.to_json(),
            "counts": book.counts(),
            "content_sha256": book.content_hash(),
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
        (part / MANIFEST).write_text(text, "utf-8")
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a book's folder.

    Raises:
        CodebookError: ``BOOK_MANIFEST`` when it is absent, broken or of an unknown format.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
        known = manifest["format"] == FORMAT and manifest["card"] and manifest["counts"]
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise CodebookError("BOOK_MANIFEST", Where(file=str(path))) from cause
    if not known:
        raise CodebookError("BOOK_MANIFEST", Where(file=str(path)))
    return manifest


def read_card(folder: Path) -> BookCard:
    """Only the card, without the tables."""
    try:
        card = BookCard.from_json(read_manifest(folder)["card"])
    except (TypeError, KeyError, ValueError) as cause:
        raise CodebookError("BOOK_MANIFEST", Where(file=str(folder / MANIFEST))) from cause
    if card.family not in FORMS:
        raise CodebookError("BOOK_MANIFEST", Where(file=str(folder / MANIFEST)))
    return card


def read_book(folder: Path) -> SchemeBook:
    """Read a book; the counts must be those of its manifest.

    Raises:
        CodebookError: ``BOOK_MANIFEST``, ``BOOK_TABLE`` (unreadable) or ``BOOK_COUNT`` (torn).
    """
    manifest = read_manifest(folder)
    card = read_card(folder)
    tables: dict[str, pa.Table] = {}
    for name, schema in FORMS[card.family].items():
        path = folder / f"{name}.parquet"
        if card.family == "drg" and name in RULE_TABLES:
            schema = schema.append(pa.field("source_row", pa.int32()))  # noqa: PLW2901
        wanted = manifest["counts"].get(name, 0)
        if not wanted:
            tables[name] = schema.empty_table()
            continue
        try:
            tables[name] = pq.read_table(path, columns=schema.names).cast(schema)
        except (OSError, pa.ArrowException) as cause:
            raise CodebookError("BOOK_TABLE", Where(file=str(path))) from cause
        if tables[name].num_rows != wanted:
            found = tables[name].num_rows
            raise CodebookError("BOOK_COUNT", Where(file=str(path)), found=found, wanted=wanted)
    return SchemeBook(card, tables)


def verify_book(folder: Path) -> SchemeBook:
    """Read a book and hold its content against the manifest's hash (slower than reading).

    Raises:
        CodebookError: as :func:`read_book`, or ``BOOK_HASH``.
    """
    book = read_book(folder)
    if book.content_hash() != read_manifest(folder).get("content_sha256"):
        raise CodebookError("BOOK_HASH", Where(file=str(folder)), id=book.card.id)
    return book

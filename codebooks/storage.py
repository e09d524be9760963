"""Books at rest: a folder of Parquet tables and a manifest, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.book import RULE_TABLES, BookCard, SchemeBook
from codebooks.errors import CodebookError, Where
from codebooks.forms import FORMS
from codebooks.plain import ARROW_FAULTS, json_of

MANIFEST = "manifest.json"
CLAIM = "claim.json"
"""The card once more: whom a book binds stays known when its manifest is lost."""
FORMAT = 1
"""Version of the folder's layout, raised when an older reader would misread it."""
_SUM, _CLAIM_SUM = "manifest_sha256", "claim_sha256"


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
                # With sums of the pages: a bit that the disk turns is found when the table is read.
                pq.write_table(
                    table, part / f"{name}.parquet", compression="zstd", write_page_checksum=True
                )
        manifest = {
            "format": FORMAT,
            "card": book.card.to_json(),
            "counts": book.counts(),
            "content_sha256": book.content_hash(),
        }
        claim: dict[str, Any] = {"card": book.card.to_json()}
        _write_json(part / CLAIM, {**claim, _CLAIM_SUM: _sum_of(claim)})
        _write_json(part / MANIFEST, {**manifest, _SUM: _sum_of(manifest)})
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder


def _write_json(path: Path, plain: dict[str, Any]) -> None:
    path.write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _sum_of(plain: dict[str, Any]) -> str:
    """SHA-256 of what a manifest or a claim says, beside its own sum."""
    rest = {name: value for name, value in plain.items() if name not in (_SUM, _CLAIM_SUM)}
    words = json.dumps(rest, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a book's folder.

    Raises:
        CodebookError: ``BOOK_MANIFEST`` when it is absent, broken or of an unknown format.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json_of(path.read_text("utf-8"))
        known = manifest["format"] == FORMAT and manifest["card"] and manifest["counts"]
        # Those that were written before have no sum of their own.
        whole = _SUM not in manifest or manifest[_SUM] == _sum_of(manifest)
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise CodebookError("BOOK_MANIFEST", Where(file=str(path))) from cause
    if not (known and whole):
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


def claimed_card(folder: Path) -> BookCard | None:
    """What a damaged book says that it is, where that can still be read; None: it cannot.

    A claim that is whole goes before a damaged manifest, and that before a damaged claim.
    """
    found: list[tuple[int, BookCard]] = []
    for name, damaged in ((CLAIM, 2), (MANIFEST, 1)):
        with suppress(OSError, TypeError, KeyError, ValueError, AttributeError):
            plain = json_of((folder / name).read_text("utf-8"))
            card = BookCard.from_json(plain["card"])
            whole = name == CLAIM and plain.get(_CLAIM_SUM) == _sum_of(plain)
            if card.id == folder.name:
                found.append((0 if whole else damaged, card))
    return min(found, key=lambda one: one[0])[1] if found else None


def is_scheme(folder: Path) -> bool:
    """Whether a folder holds a scheme, or what is left of one."""
    named = any((folder / name).is_file() for name in (MANIFEST, CLAIM))
    return named or any(folder.glob("*.parquet"))


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
            tables[name] = pq.read_table(
                path, columns=schema.names, page_checksum_verification=True
            ).cast(schema)
        except ARROW_FAULTS as cause:
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

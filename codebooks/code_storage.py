"""Code sets and crosswalks at rest: a folder of one table and a manifest, written whole or not.

``codes/<id>/codes.parquet`` and ``crosswalks/<from>--<to>/crosswalk.parquet``, each beside a
``manifest.json`` of four entries: format, card, counts and the hash of the content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.errors import CodebookError, Where
from codebooks.messages import language
from codebooks.plain import ARROW_FAULTS, json_of

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = 1
"""Version of the folder's layout, raised when an older reader would misread it."""

_TEXT = pa.string()
CODES = pa.schema([("code", _TEXT), ("name", _TEXT), ("initials", _TEXT), ("addition", _TEXT)])
"""``initials`` are derived from the name; ``addition`` names the source of a code that does not
stand in the published edition and is null for all others."""

CROSSWALK = pa.schema([("source_code", _TEXT), ("target_code", _TEXT)])
"""One row for each target; a source code that has none stands once with a null target."""

Texts = Mapping[str, str]
"""One text by language."""


class Kind(StrEnum):
    """What the codes of a set or of a crosswalk name."""

    DIAGNOSIS = "diagnosis"
    PROCEDURE = "procedure"


def in_language(texts: Texts, lang: str | None = None) -> str:
    """A text in one language (default: that of the process), else in the first it has."""
    return texts.get(lang or language()) or next(iter(texts.values()), "")


@dataclass(frozen=True, slots=True)
class CodeCard:
    """What a code set or a crosswalk is.

    Attributes:
        id: its id; a crosswalk's is ``<from>--<to>``.
        kind: whether it names diagnoses or procedures.
        name: its name, by language.
        edition: the edition as its publisher counts.
        valid_from: first day of validity, None when the sources do not tell.
        valid_to: day after the last (half-open), None while it lasts or when unknown.
        standing: how far it may be trusted, by language.
        source: where it comes from, by language.
        package: the Python package that holds the codes, for a set not carried here.
    """

    id: str
    kind: Kind
    name: Texts
    edition: str
    valid_from: date | None
    valid_to: date | None
    standing: Texts
    source: Texts
    package: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, dates in ISO form."""
        plain = asdict(self)
        for name in ("valid_from", "valid_to"):
            plain[name] = plain[name].isoformat() if plain[name] else None
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> CodeCard:
        """Read what :meth:`to_json` wrote; a text in one language alone may be a plain string.

        Raises:
            ValueError, KeyError, TypeError: values that are no card.
        """
        values = dict(plain)
        values["kind"] = Kind(values["kind"])
        for name in ("valid_from", "valid_to"):
            values[name] = date.fromisoformat(values[name]) if values[name] else None
        for name in ("name", "standing", "source"):
            if isinstance(values[name], str):
                values[name] = {"zh": values[name]}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The card, the counts and the hash of a folder."""

    card: CodeCard
    counts: Mapping[str, int]
    content_sha256: str

    def to_json(self) -> dict[str, Any]:
        """As the file holds it."""
        return {
            "format": FORMAT,
            "card": self.card.to_json(),
            "counts": dict(self.counts),
            "content_sha256": self.content_sha256,
        }


def content_hash(table: pa.Table) -> str:
    """SHA-256 over what the source says: every column but the derived initials, order aside."""
    names = [name for name in table.schema.names if name != "initials"]
    columns = [table.column(name).to_pylist() for name in names]
    rows = (json.dumps(row, ensure_ascii=False) for row in zip(*columns, strict=True))
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def file_of(card: CodeCard) -> str:
    """The name of the one table in the folder of a card."""
    return "crosswalk.parquet" if "--" in card.id else "codes.parquet"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        CodebookError: ``CODESET_MANIFEST`` when it is absent, broken or of an unknown format.
    """
    path = folder / MANIFEST
    try:
        plain = json_of(path.read_text("utf-8"))
        card = CodeCard.from_json(plain["card"])
        counts = {str(name): int(count) for name, count in plain["counts"].items()}
        manifest = Manifest(card, counts, plain["content_sha256"])
        known = plain["format"] == FORMAT and card.id == folder.name
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as cause:
        raise CodebookError("CODESET_MANIFEST", Where(file=str(path))) from cause
    if not known:
        raise CodebookError("CODESET_MANIFEST", Where(file=str(path)))
    return manifest


def read_table(folder: Path, manifest: Manifest, schema: pa.Schema) -> pa.Table:
    """The table of a folder; its rows must be as many as the manifest says.

    Raises:
        CodebookError: ``CODESET_TABLE`` (unreadable) or ``CODESET_COUNT`` (torn).
    """
    path = folder / file_of(manifest.card)
    try:
        table = pq.read_table(
            path, columns=schema.names, use_threads=False, page_checksum_verification=True
        ).cast(schema)
    except ARROW_FAULTS as cause:
        raise CodebookError("CODESET_TABLE", Where(file=str(path))) from cause
    hold_count(manifest, table, path)
    return table


def hold_count(manifest: Manifest, table: pa.Table, path: Path) -> None:
    """Hold a table's rows against the manifest.

    Raises:
        CodebookError: ``CODESET_COUNT``.
    """
    wanted = manifest.counts.get("codes", manifest.counts.get("rows"))
    if table.num_rows != wanted:
        found = table.num_rows
        raise CodebookError("CODESET_COUNT", Where(file=str(path)), found=found, wanted=wanted)

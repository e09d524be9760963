"""The mapping's tables: CSV files beside this module, and a hospital's own rows above them.

``docs/FHIR.md`` describes each table and ``data/SOURCE.md`` where it is from. A file of the same
name in the hospital's folder adds rows; a row with the same key takes the place of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from codebooks.errors import CodebookError, Where
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codebooks.strict_csv import Row

DATA = Path(__file__).parent / "data"
BASE = "urn:yibao-grouper:fhir"
"""Canonical base of our own code systems and extensions; an option of form and encoder."""


class Table(NamedTuple):
    """How a table is read: its columns, those of its key, and the values some columns may hold."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    allowed: dict[str, frozenset[str]]
    filled: tuple[str, ...] = ()


def _one_of(**values: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(text.split("|")) for name, text in values.items()}


TABLES: dict[str, Table] = {
    "elements": Table(
        ("resource", "element", "version", "path", "shape"),
        ("resource", "element", "path", "shape"),
        _one_of(version="|R4|R5", shape="|object|list|text"),
        ("resource", "element", "path"),
    ),
    "refused": Table(
        ("resource", "key", "shape", "version"),
        ("resource", "key", "shape"),
        _one_of(shape="|object|list|text"),
        ("resource", "key", "version"),
    ),
    "versions": Table(
        ("prefix", "version", "taken", "note"), ("prefix",), _one_of(taken="yes|no"), ("prefix",)
    ),
    "bundles": Table(
        ("type", "taken", "whole", "note"),
        ("type",),
        _one_of(taken="yes|no", whole="yes|no"),
        ("type",),
    ),
    "statuses": Table(
        ("resource", "status", "meaning"),
        ("resource", "status"),
        _one_of(meaning="stands|open|planned|cancelled|excluded|unsaid"),
        ("resource", "status"),
    ),
    "identifiers": Table(
        ("role", "rank", "by", "value", "note"),
        ("role", "by", "value"),
        _one_of(role="patient|visit|person|hospital|region|physician", by="type|system"),
        ("value",),
    ),
    "systems": Table(
        ("purpose", "system", "meaning", "rank", "note"),
        ("purpose", "system"),
        _one_of(
            purpose="dx|px|item|other",
            meaning="|nhsa|clinical|icd10cm|national|hospital",
        ),
        ("system",),
    ),
    "codes": Table(
        ("field", "system", "code", "value", "note"),
        ("field", "system", "code"),
        {},
        ("field", "code", "value"),
    ),
    "extensions": Table(
        ("resource", "url", "field", "note"), ("resource", "url"), {}, ("resource", "url", "field")
    ),
    "observations": Table(
        ("system", "code", "field", "note"), ("system", "code"), {}, ("code", "field")
    ),
    "units": Table(("code", "dimension", "factor", "note"), ("code",), {}, ("code", "dimension")),
    "quantities": Table(
        ("field", "dimension", "per", "into", "note"), ("field", "dimension"), {}, ("field",)
    ),
    "outcomes": Table(
        ("status", "outcome", "note"),
        ("status",),
        _one_of(outcome="queued|complete|error|partial"),
        ("status",),
    ),
    "issue_types": Table(
        ("reason", "severity", "type"),
        ("reason",),
        _one_of(severity="fatal|error|warning|information"),
        ("type",),
    ),
}
"""All tables by the name of their file."""


def rows(name: str, base: str, folder: Path | None = None) -> list[Row]:
    """The rows of a table: the hospital's first, then those of ours whose key it does not name.

    Args:
        name: of the table.
        base: what ``{base}`` stands for.
        folder: the hospital's own tables; None: ours alone.

    Raises:
        CodebookError: ``FHIR_TABLE`` with file, row and column, or a ``TABLE_…`` error.
    """
    table = TABLES[name]
    own = folder / f"{name}.csv" if folder else None
    found: dict[tuple[str, ...], Row] = {}
    for path in ([own] if own and own.is_file() else []) + [DATA / f"{name}.csv"]:
        seen: set[tuple[str, ...]] = set()
        for row in _read(path, table, base):
            key = tuple(row.cells[column] for column in table.key)
            if key in seen:
                raise wrong(row, table.key[-1])
            seen.add(key)
            found.setdefault(key, row)
    return list(found.values())


def wrong(row: Row, column: str) -> CodebookError:
    """The error of a cell that cannot be used."""
    return CodebookError("FHIR_TABLE", row.at(column), found=row.cells[column])


def number(row: Row, column: str, read: Callable[[str], int]) -> int:
    """A whole number of a cell; an empty cell is the last of all ranks.

    Raises:
        CodebookError: ``FHIR_TABLE``.
    """
    text = row.cells[column]
    if not text:
        return 1000
    try:
        return read(text)
    except ValueError:
        raise wrong(row, column) from None


def _read(path: Path, table: Table, base: str) -> Iterator[Row]:
    optional = tuple(c for c in table.columns if c == "note")
    required = tuple(c for c in table.columns if c != "note")
    for row in read_rows(path, required, optional):
        for column in table.columns:
            row.cells[column] = row.cells[column].replace("{base}", base)
        for column, allowed in table.allowed.items():
            if row.cells[column] not in allowed:
                raise wrong(row, column)
        for column in table.filled:
            if not row.cells[column]:
                raise wrong(row, column)
        yield row


def options_folder(value: object) -> Path | None:
    """The hospital's folder of tables from an option.

    Raises:
        CodebookError: ``TABLE_FILE``: it is no folder.
    """
    if value is None:
        return None
    folder = Path(str(value))
    if not folder.is_dir():
        raise CodebookError("TABLE_FILE", Where(file=folder.name), reason="no folder")
    unknown = sorted(p.name for p in folder.glob("*.csv") if p.stem not in TABLES)
    if unknown:
        raise CodebookError("FHIR_TABLE", Where(file=unknown[0]), found=unknown[0])
    return folder

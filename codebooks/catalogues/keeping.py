"""Catalogues at rest: a folder a kind in the hospital's data folder, replaced whole or not at all.

``catalogues/<kind>/``: ``manifest.json`` (the imports), ``rows.parquet`` (the history that they make
together), ``disputes.parquet``, and for each import ``imports/<number>/`` with its rows as they were
read, the rows that were left out, and its report. Nothing of an import is ever changed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks import paths
from codebooks.catalogues.forms import Form, form
from codebooks.catalogues.history import Part, disputes, history_schema
from codebooks.catalogues.reading import LEFT_OUT, schema
from codebooks.errors import CodebookError, Where
from codebooks.importers.swap import clear, recover, swap_in, workplace
from codebooks.plain import ARROW_FAULTS, json_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codebooks.catalogues.reading import Read

MANIFEST, ROWS, DISPUTES, IMPORTS = "manifest.json", "rows.parquet", "disputes.parquet", "imports"
READ, LEFT, REPORT = "rows.parquet", "left_out.parquet", "report.json"
FORMAT = 1
"""Version of the folder's layout, raised when an older reader would misread it."""
DISPUTE_SCHEMA = pa.schema([("key", pa.string()), ("since", pa.int32()), ("until", pa.int32())])


@dataclass(frozen=True, slots=True)
class Import:
    """One import.

    Attributes:
        number: counted from 1.
        file: name of the file.
        sha256: of its bytes.
        source: where it comes from.
        valid_from: from when the list is in force.
        whole: whether it is the whole list; else only what changes.
        rows: how many rows were read.
        left_out: how many were not.
        imported: when, in ISO 8601 with the zone.
    """

    number: int
    file: str
    sha256: str
    source: str
    valid_from: date
    whole: bool
    rows: int
    left_out: int
    imported: str

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "valid_from": self.valid_from.isoformat()}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Import:
        """Read back.

        Raises:
            ValueError: a value is not of its kind.
            TypeError: a value is missing or too many.
        """
        made = cls(**{**plain, "valid_from": date.fromisoformat(plain["valid_from"])})
        numbers = (made.number, made.rows, made.left_out)
        texts = (made.file, made.sha256, made.source, made.imported)
        if not all(type(n) is int for n in numbers) or not all(isinstance(t, str) for t in texts):
            raise ValueError(made.number)
        return made


@dataclass(frozen=True, slots=True)
class Kept:
    """What the manifest of a kind says.

    Attributes:
        imports: in their order.
        rows: rows of the history.
        sha256: of the manifest; a change between reading and writing shows in it.
    """

    imports: tuple[Import, ...] = ()
    rows: int = 0
    sha256: str = ""


def home(kind: str) -> Path:
    """The folder of a kind of catalogue."""
    return paths.installed() / "catalogues" / kind


def read_manifest(folder: Path) -> Kept:
    """The imports of a kind; none where nothing was imported.

    Raises:
        CodebookError: ``CATALOGUE_BROKEN``.
    """
    path = folder / MANIFEST
    if not folder.exists():
        return Kept()
    try:
        content = path.read_bytes()
        plain = json_of(content)
        if plain["format"] != FORMAT:
            raise ValueError(plain["format"])  # noqa: TRY301 -- told below as what is broken
        imports = tuple(Import.from_json(one) for one in plain["imports"])
        return Kept(imports, int(plain["rows"]), hashlib.sha256(content).hexdigest())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as cause:
        raise broken(path, type(cause).__name__) from cause


def read_table(path: Path, wanted: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """A table of a catalogue's folder.

    Args:
        path: of the file.
        wanted: its columns.
        columns: those to read; None: all.

    Raises:
        CodebookError: ``CATALOGUE_BROKEN``.
    """
    names = list(columns or wanted.names)
    try:
        table = pq.read_table(path, columns=names)
        return table.select(names).cast(pa.schema([wanted.field(name) for name in names]))
    except ARROW_FAULTS as cause:
        raise broken(path, type(cause).__name__) from cause


def broken(path: Path, reason: str) -> CodebookError:
    """A catalogue's folder that cannot be used."""
    where = Where(file="/".join(path.parts[-3:]))
    return CodebookError("CATALOGUE_BROKEN", where, reason=reason)


def part_of(folder: Path, kind: Form, one: Import) -> Part:
    """The rows of an import as they were read.

    Raises:
        CodebookError: ``CATALOGUE_BROKEN``.
    """
    path = folder / IMPORTS / _number(one.number) / READ
    table = read_table(path, schema(kind))
    if table.num_rows != one.rows:
        raise broken(path, f"{table.num_rows} / {one.rows}")
    return Part(one.number, one.valid_from, one.whole, table)


def install(
    kind: str, new: Import, read: Read, report: dict[str, Any], base: Kept, rows: pa.Table
) -> None:
    """Add an import to the history of a kind.

    The new folder is made beside the old one and takes its place as the last step.

    Args:
        kind: of the catalogue.
        new: the import.
        read: its rows.
        report: its report.
        base: the manifest that the import was made on.
        rows: the history with the import in it.

    Raises:
        CodebookError: ``CATALOGUE_CHANGED`` (another import came between), ``CATALOGUE_BROKEN``,
            ``IMPORT_WRITE``.
    """
    own = form(kind)
    target = home(kind)
    try:
        work = workplace(target.parent)
        try:
            recover(target.parent, target.parent)
            folder = work / kind
            if base.imports:
                shutil.copytree(target, folder)
            _write(folder / IMPORTS / _number(new.number), read, report)
            imports = (*base.imports, new)
            pq.write_table(rows, folder / ROWS, compression="zstd")
            pq.write_table(disputes(own, rows), folder / DISPUTES, compression="zstd")
            _write_manifest(folder, kind, imports, rows.num_rows)
            if read_manifest(target).sha256 != base.sha256:
                raise CodebookError("CATALOGUE_CHANGED", Where(file=kind))
            swap_in(folder, target, work)
        finally:
            clear(work, target)
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_WRITE", Where(file=kind), reason=reason) from cause


def _write(folder: Path, read: Read, report: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    pq.write_table(read.rows, folder / READ, compression="zstd")
    pq.write_table(read.left_out, folder / LEFT, compression="zstd")
    words = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
    (folder / REPORT).write_text(words, "utf-8")


def _write_manifest(folder: Path, kind: str, imports: Sequence[Import], rows: int) -> None:
    manifest = {
        "format": FORMAT,
        "kind": kind,
        "rows": rows,
        "imports": [one.to_json() for one in imports],
    }
    words = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    (folder / MANIFEST).write_text(words, "utf-8")


def read_left_out(folder: Path, number: int) -> pa.Table:
    """The rows that an import left out.

    Raises:
        CodebookError: ``CATALOGUE_BROKEN``.
    """
    return read_table(folder / IMPORTS / _number(number) / LEFT, LEFT_OUT)


def read_history(folder: Path, kind: Form, kept: Kept, columns: Sequence[str]) -> pa.Table:
    """Some columns of the history.

    Raises:
        CodebookError: ``CATALOGUE_BROKEN``.
    """
    path = folder / ROWS
    table = read_table(path, history_schema(kind), columns)
    if table.num_rows != kept.rows:
        raise broken(path, f"{table.num_rows} / {kept.rows}")
    return table


def _number(number: int) -> str:
    return f"{number:04}"

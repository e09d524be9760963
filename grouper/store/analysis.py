"""Parquet files made from the tables and read through DuckDB: no second truth.

The folder can be deleted at any time and is made anew by the next export. ``manifest.json`` says
which files belong together and how far they reach; it is replaced in one step, so that a reader
always sees one whole state. An export writes only what is new: versions and charge rows with
greater ids (charge rows by their month, ``unknown`` without a date), and the blocks of stays of
which a head changed. Where a month or the versions come to stand in many files they are made one.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import select

from grouper.store import analysis_tables as tables
from grouper.store.database import StoreError
from grouper.store.schema import charge_line, stay, stay_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from grouper.store.database import Database

MANIFEST = "manifest.json"
FORMAT = 1
MOST_FILES = 16
"""Files of one month that are not yet made one."""
_KEEP = 3600.0
"""Seconds that a file no manifest names any more is kept for those who still read it."""
UNKNOWN = "unknown"


@dataclass(slots=True)
class _Manifest:
    """``manifest.json``: files by table and part, and how far they reach."""

    files: dict[str, dict[str, list[str]]] = field(
        default_factory=lambda: {name: {} for name in tables.SCHEMAS}
    )
    until: dict[str, int] = field(default_factory=lambda: {"versions": 0, "charge_rows": 0})
    check: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def names(self) -> set[str]:
        return {name for parts in self.files.values() for part in parts.values() for name in part}


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        rows: by table.
        files: how many files belong to the state now.
        anew: whether everything was made again.
    """

    rows: dict[str, int]
    files: int
    anew: bool


def export(
    database: Database,
    folder: Path,
    *,
    anew: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Exported:
    """Bring the files to where the tables are.

    Args:
        database: whose store is read, in one snapshot.
        folder: is made where it is absent; nothing else belongs into it.
        anew: whether to write everything again.
        progress: is told the rows written so far.

    Raises:
        StoreError: ``EXPORT_FAILED``, ``STORE_UNAVAILABLE``.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with database.reading() as connection:
            known = None if anew else _read(folder)
            if known is not None and not _belongs(connection, known):
                known = None
            run = _Run(folder, known or _Manifest(), progress)
            run.write(connection)
        run.publish()
    except (OSError, pa.ArrowException):
        raise StoreError("EXPORT_FAILED") from None
    return Exported(run.rows, len(run.manifest.names()), anew=known is None)


def connect_analysis(folder: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection over the files of a folder, to be closed by the caller.

    Views: ``stays``, ``versions``, ``charge_rows`` (:mod:`grouper.store.analysis_tables`), and
    ``lines``, the charge lines that stand. They show the state of this moment.

    Raises:
        StoreError: ``ANALYSIS_ABSENT``: there is no whole export.
    """
    known = _read(folder)
    if known is None:
        raise StoreError("ANALYSIS_ABSENT")
    connection = duckdb.connect()
    for table, schema in tables.SCHEMAS.items():
        paths = [str(folder / name) for part in known.files[table].values() for name in part]
        if paths:
            connection.read_parquet(paths).create_view(table)
        else:
            connection.from_arrow(schema.empty_table()).create(table)
    connection.execute(tables.LINES)
    return connection


def _read(folder: Path) -> _Manifest | None:
    """The manifest; None: there is none, it cannot be read, or a file is missing."""
    try:
        found = _Manifest(**orjson.loads((folder / MANIFEST).read_bytes()))
        names = found.names()
        whole = found.files.keys() == tables.SCHEMAS.keys() and all(
            (folder / name).is_file() for name in names
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return found if found.format == FORMAT and whole else None


def _checks(connection: Connection, until: dict[str, int]) -> dict[str, str]:
    """What the last exported rows are: a database restored from a backup has others there."""
    version, line = stay_version.c, charge_line.c
    asked = {
        "versions": select(stay.c.case_id, version.version, version.at)
        .join_from(stay_version, stay, stay.c.id == version.stay_id)
        .where(version.id == until["versions"]),
        "charge_rows": select(stay.c.case_id, line.message_id, line.line)
        .join_from(charge_line, stay, stay.c.id == line.stay_id)
        .where(line.id == until["charge_rows"]),
    }
    rows = {name: connection.execute(ask).first() for name, ask in asked.items()}
    return {name: "" if row is None else "|".join(map(str, row)) for name, row in rows.items()}


def _belongs(connection: Connection, known: _Manifest) -> bool:
    return _checks(connection, known.until) == known.check


class _Run:
    """One export into a folder."""

    def __init__(
        self, folder: Path, manifest: _Manifest, progress: Callable[[int], None] | None
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.rows = dict.fromkeys(tables.SCHEMAS, 0)
        self._before = manifest.names()
        self._progress = progress

    def write(self, connection: Connection) -> None:
        """Write the files of what is new; the old ones stay as they are."""
        self._stays(connection)
        with self._files("versions") as put:
            for table in tables.versions(connection, self.manifest.until["versions"]):
                put("all", table)
                self.manifest.until["versions"] = table["id"][-1].as_py()
        with self._files("charge_rows") as put:
            for table in tables.charges(connection, self.manifest.until["charge_rows"]):
                for month, part in _by_month(table):
                    put(month, part)
                self.manifest.until["charge_rows"] = table["id"][-1].as_py()
        for table in ("versions", "charge_rows"):
            self._make_one(table)
        self.manifest.check = _checks(connection, self.manifest.until)

    def _stays(self, connection: Connection) -> None:
        prints = {str(block): text for block, text in tables.fingerprints(connection).items()}
        parts = self.manifest.files["stays"]
        for block, text in prints.items():
            if self.manifest.blocks.get(block) != text:
                parts.pop(block, None)
                with self._files("stays") as put:
                    for table in tables.stays(connection, int(block)):
                        put(block, table)
        self.manifest.blocks = prints

    @contextmanager
    def _files(self, name: str) -> Iterator[Callable[[str, pa.Table], None]]:
        """Puts rows into new files, one for each part of a table."""
        writers: dict[str, pq.ParquetWriter] = {}
        with ExitStack() as stack:

            def put(part: str, rows: pa.Table) -> None:
                if part not in writers:
                    path = self._new(name, part)
                    writer = pq.ParquetWriter(path, tables.SCHEMAS[name], compression="zstd")
                    writers[part] = stack.enter_context(writer)
                writers[part].write_table(rows)
                self.rows[name] += rows.num_rows
                if self._progress is not None:
                    self._progress(sum(self.rows.values()))

            yield put

    def _new(self, name: str, part: str) -> Path:
        # A name is never used twice: who reads an older state is not disturbed.
        file = f"{name}/{part}/{uuid4().hex}.parquet"
        (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
        self.manifest.files[name].setdefault(part, []).append(file)
        return self.folder / file

    def _make_one(self, name: str) -> None:
        for part, files in self.manifest.files[name].items():
            if len(files) <= MOST_FILES:
                continue
            paths = [self.folder / file for file in files]
            files.clear()
            with pq.ParquetWriter(
                self._new(name, part), tables.SCHEMAS[name], compression="zstd"
            ) as writer:
                for path in paths:
                    with pq.ParquetFile(path) as source:
                        for batch in source.iter_batches(tables.ROWS):
                            writer.write_batch(batch)

    def publish(self) -> None:
        """Make the new state the one that is read, and remove what no one reads any more."""
        for name in self.manifest.names() - self._before:
            _sync(self.folder / name)
        said: dict[str, Any] = {
            name: getattr(self.manifest, name)
            for name in ("files", "until", "check", "blocks", "format")
        }
        part = self.folder / f"{MANIFEST}.{uuid4().hex}"
        part.write_bytes(orjson.dumps(said))
        _sync(part)
        part.replace(self.folder / MANIFEST)
        keep = self.manifest.names() | self._before
        late = time.time() - _KEEP
        for path in self.folder.rglob("*"):
            ours = path.suffix == ".parquet" or path.name.startswith(f"{MANIFEST}.")
            name = path.relative_to(self.folder).as_posix()
            if ours and name not in keep and path.stat().st_mtime < late:
                path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _by_month(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    months = pc.fill_null(pc.strftime(table["charged"], format="%Y-%m"), UNKNOWN)
    for month in pc.unique(months).to_pylist():
        yield month, table.filter(pc.equal(months, month))

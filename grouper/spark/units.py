"""What a worker reads at once: a file, or some row groups of a Parquet file."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.errors import GrouperError, Where
from grouper.case.readers import open_source
from grouper.case.readers.parquet_file import ParquetSource
from grouper.spark.errors import SparkRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grouper.case.readers import CaseBatch

_HEAD = 2**20


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of a file.

    Attributes:
        number: of the unit, from 0.
        file: number of its file, from 0.
        path: where the file lies, for all workers the same.
        groups: first row group and the one after the last; None: the whole file.
        first_row: number of its first record within the file, from 1.
        rows: how many records; None: not known before it is read.
    """

    number: int
    file: int
    path: str
    groups: tuple[int, int] | None
    first_row: int
    rows: int | None

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    def about(self) -> int:
        """How many records it has; of a file of text about, by the lines at its beginning."""
        if self.rows is not None:
            return self.rows
        path = Path(self.path)
        with path.open("rb") as file:
            head = file.read(_HEAD)
        lines = max(head.count(b"\n"), 1)
        return math.ceil(path.stat().st_size * lines / max(len(head), 1))

    def cases(self) -> Iterator[CaseBatch]:
        """Its records, with their numbers within the file.

        Raises:
            GrouperError: the file cannot be read.
        """
        source = open_source(self.path)
        if self.groups is None:
            yield from source.batches()
            return
        if not isinstance(source, ParquetSource):
            raise SparkRunError("SPARK_FILE_CHANGED", Where(file=Path(self.path).name))
        yield from source.batches_of(range(*self.groups), self.first_row)

    def table(self, columns: Sequence[str], texts: Sequence[str] = ()) -> pa.Table:
        """Columns of a Parquet file's rows; those that it has not are left out.

        Args:
            columns: their names.
            texts: those of them whose texts are to stay encoded.

        Raises:
            GrouperError: ``FILE_BROKEN``.
        """
        try:
            with pq.ParquetFile(self.path, read_dictionary=list(texts)) as file:
                names = [name for name in columns if name in file.schema_arrow.names]
                groups = range(*(self.groups or (0, file.metadata.num_row_groups)))
                return file.read_row_groups(list(groups), columns=names)
        except (OSError, pa.ArrowException) as cause:
            where = Where(file=Path(self.path).name)
            raise GrouperError("FILE_BROKEN", where, cause=type(cause).__name__) from cause


def units_of(paths: Sequence[Path], rows: int) -> list[Unit]:
    """The units of files, in their order.

    Args:
        paths: files of cases or of charge lines; a folder stands for its Parquet files by name.
        rows: records of a unit, about.

    Raises:
        SparkRunError: ``SPARK_NO_FILES``: a folder has no Parquet file.
        GrouperError: a file is not there, or is broken.
    """
    found: list[Unit] = []
    for file, path in enumerate(_files(paths)):
        for groups, first, count in _cut(path, rows):
            found.append(Unit(len(found), file, str(path), groups, first, count))
    return found


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path.resolve()
            continue
        within = sorted(path.glob("*.parquet"))
        if not within:
            raise SparkRunError("SPARK_NO_FILES", Where(file=path.name))
        yield from (one.resolve() for one in within)


def _cut(path: Path, rows: int) -> Iterator[tuple[tuple[int, int] | None, int, int | None]]:
    source = open_source(path) if path.suffix != ".parquet" else None
    if source is not None and not isinstance(source, ParquetSource):
        yield None, 1, source.total_rows
        return
    try:
        metadata = pq.read_metadata(path)
    except FileNotFoundError as cause:
        raise GrouperError("FILE_NOT_FOUND", Where(file=path.name)) from cause
    except (OSError, pa.ArrowException) as cause:
        kind = type(cause).__name__
        raise GrouperError("FILE_BROKEN", Where(file=path.name), cause=kind) from cause
    sizes = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
    start, first, held = 0, 1, 0
    for at, size in enumerate(sizes):
        held += size
        if held >= rows or at == len(sizes) - 1:
            yield (start, at + 1), first, held
            start, first, held = at + 1, first + held, 0

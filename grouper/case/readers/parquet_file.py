"""Parquet: columns that already are what a case wants pass through untouched."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.errors import GrouperError, Where
from codebooks.plain import ARROW_FAULTS
from grouper.case.fields import FIELDS
from grouper.case.normalise import Normaliser
from grouper.case.readers.source import CaseBatch, Source, case_batch, empty_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from grouper.case.layout import Layout


class ParquetSource(Source):
    """A Parquet file; the original columns are its own, texts dictionary-encoded."""

    format = "parquet"

    def __init__(
        self, path: Path, batch_rows: int, lay_out: Callable[[Sequence[str]], Layout]
    ) -> None:
        with _guarded(path), pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            layout = lay_out(names)
            self._coded = _coded(file, layout)
            rows = file.metadata.num_rows
        with _guarded(path), self._open(path) as file:
            super().__init__(path, layout, file.schema_arrow, batch_rows)
        self.total_rows = rows
        if not rows:
            self.file_issues = [empty_file()]

    def _open(self, path: Path) -> pq.ParquetFile:
        # Without pre-buffering a row group is read as it is needed and never lies whole in memory.
        return pq.ParquetFile(path, read_dictionary=self._coded, pre_buffer=False)

    def batches(self) -> Iterator[CaseBatch]:
        """The records; see :meth:`Source.batches`."""
        normaliser, row, total = Normaliser(self.layout), 1, self.total_rows or 0
        with _guarded(self.path), self._open(self.path) as file:
            for original in self._originals(file):
                batch = case_batch(normaliser, original, row, [])
                row += original.num_rows
                self.bytes_read = self.size * (row - 1) // max(total, row - 1)
                yield batch
        if row - 1 != total:
            cause = f"{row - 1} != {total}"
            raise GrouperError("FILE_BROKEN", Where(file=str(self.path)), cause=cause)

    def batches_of(self, groups: Sequence[int], first_row: int) -> Iterator[CaseBatch]:
        """The records of some row groups that follow on one another.

        Args:
            groups: their numbers.
            first_row: number of the first record of the first of them.

        Raises:
            GrouperError: ``FILE_BROKEN``.
        """
        normaliser, row = Normaliser(self.layout), first_row
        with _guarded(self.path), self._open(self.path) as file:
            for original in self._originals(file, groups):
                yield case_batch(normaliser, original, row, [])
                row += original.num_rows

    def _originals(
        self, file: pq.ParquetFile, groups: Sequence[int] | None = None
    ) -> Iterator[pa.RecordBatch]:
        # Each row group has dictionaries of its own, and a batch of lists can hold but one.
        for group in range(file.metadata.num_row_groups) if groups is None else groups:
            for batch in file.iter_batches(self.batch_rows, row_groups=[group], use_threads=False):
                if batch.num_rows:
                    # A damaged page may decode to indices beyond its dictionary, or to no text.
                    batch.validate(full=True)
                    yield batch


def _coded(file: pq.ParquetFile, layout: Layout) -> list[str]:
    """The text columns whose values repeat: all but those that identify one case or person."""
    unique = {layout.names[b.column] for b in layout.bindings if FIELDS[b.field].private}
    leaves = [file.schema.column(at) for at in range(len(file.schema))]
    return [
        leaf.path
        for leaf in leaves
        if leaf.physical_type == "BYTE_ARRAY"
        and leaf.logical_type.type == "STRING"
        and leaf.path.split(".")[0] not in unique
    ]


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    try:
        yield
    except ARROW_FAULTS as cause:
        raise GrouperError("FILE_BROKEN", Where(file=str(path)), cause=str(cause)) from cause

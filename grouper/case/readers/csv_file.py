"""CSV and other delimited text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv

from grouper.case.layout import unique_names
from grouper.case.normalise import Normaliser, Remarks
from grouper.case.readers.csv_records import QUOTATION, Record, records
from grouper.case.readers.source import CaseBatch, Source, case_batch, empty_file, reject
from grouper.case.readers.text_input import open_text, readable, undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from grouper.case.layout import Layout
    from grouper.case.readers.text_input import TextInput

_BLOCK = 1 << 22
"""Characters read at a time."""
_DELIMITERS = (",", "\t", ";")
_BROKEN, _NUL = "ROW_ENCODING", "ROW_NUL"

Piece = tuple[pa.RecordBatch, Remarks]
"""Some records as text columns, and the rows (from 0) that are none."""


class CsvSource(Source):
    """A delimited text file; all original columns are strings."""

    format = "csv"

    def __init__(
        self,
        path: Path,
        encoding: str,
        batch_rows: int,
        lay_out: Callable[[Sequence[str]], Layout],
    ) -> None:
        self.encoding = encoding
        with open_text(path, encoding) as text:
            header, self.delimiter = _header(text)
            empty = not any(line.strip("\r\n") for line in iter(text.line, ""))
        names = unique_names(header)
        super().__init__(
            path, lay_out(header), pa.schema([(n, pa.string()) for n in names]), batch_rows
        )
        if empty:
            self.file_issues = [empty_file()]

    def batches(self) -> Iterator[CaseBatch]:
        """The records; see :meth:`Source.batches`."""
        normaliser, row = Normaliser(self.layout), 1
        for piece, rejects in self._pieces():
            for start in range(0, piece.num_rows, self.batch_rows):
                part = piece.slice(start, self.batch_rows)
                inside = [
                    (at - start, why) for at, why in rejects if start <= at < start + part.num_rows
                ]
                yield case_batch(normaliser, part, row, inside)
                row += part.num_rows

    def _pieces(self) -> Iterator[Piece]:
        if not self.schema.names:
            return
        with open_text(self.path, self.encoding) as text:
            _header(text)
            while block := text.lines(_BLOCK):
                piece = self._quick(block) or self._careful(block, text)
                self.bytes_read = text.bytes_read
                if piece[0].num_rows:
                    yield piece

    def _quick(self, block: str) -> Piece | None:
        """Without quotation marks, lines are records; whatever is broken is left to the careful."""
        if QUOTATION in block or "\0" in block or undecodable(block, self.encoding):
            return None
        data = block.encode()
        if not data.strip(b"\r\n"):
            return self._columns([]), []
        names = self.schema.names
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(data),
                pa_csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
                pa_csv.ParseOptions(delimiter=self.delimiter, quote_char=False),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid:
            return None
        return self._batch(table), []

    def _batch(self, table: pa.Table) -> pa.RecordBatch:
        arrays = [column.combine_chunks() for column in table.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _careful(self, block: str, text: TextInput) -> Piece:
        width = len(self.schema.names)
        rows: list[list[str | None]] = []
        rejects: Remarks = []
        for record in records(block, self.delimiter, width, text.line):
            reason, value = self._why_not(record)
            if reason:
                rejects.append((len(rows), reject(reason, value)))
            fields = [readable(f) for f in record.fields[:width]] if reason else record.fields
            rows.append([*fields, *[None] * (width - len(fields))])
        return self._columns(rows), rejects

    def _why_not(self, record: Record) -> tuple[str, str]:
        whole = "".join(record.fields)
        if undecodable(whole, self.encoding):
            return _BROKEN, ""
        if "\0" in whole:
            return _NUL, ""
        return record.reason, record.value

    def _columns(self, rows: list[list[str | None]]) -> pa.RecordBatch:
        columns = list(zip(*rows, strict=True)) or [()] * len(self.schema.names)
        arrays = [pa.array(column, pa.string()) for column in columns]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _header(text: TextInput) -> tuple[list[str], str]:
    """The names in the first line that is not blank, and the delimiter that divides it most."""
    while line := text.line():
        if line.strip():
            delimiter = max(_DELIMITERS, key=line.count)
            first = next(records(line, delimiter, None, text.line), Record([]))
            return [readable(name).replace("\0", "").strip() for name in first.fields], delimiter
    return [], _DELIMITERS[0]

"""Result files: the input's own columns and the grouping beside them, as the ending says.

A file is written under another name and takes its own only when it is whole.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from codebooks.errors import GrouperError, Where
from grouper.schemes.protocol import RESULT_SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

PART = ".part"
"""Ending of a file that is not whole yet."""

LIST_SEPARATOR = "|"
_BOM = b"\xef\xbb\xbf"


class OutputError(GrouperError):
    """The output cannot be written as asked."""


class Writer(Protocol):
    """Writes batches to one file."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


def part_of(path: Path) -> Path:
    """Where a file lies until it is whole."""
    return path.with_name(path.name + PART)


def open_writer(path: Path, schema: pa.Schema) -> Writer:
    """A writer for a path by its ending: ``.parquet``, ``.csv``, ``.jsonl`` or ``.ndjson``.

    Raises:
        OutputError: ``OUTPUT_FORMAT`` for another ending, ``OUTPUT_FOLDER`` if the folder is not
            there.
    """
    makers: dict[str, type[_Parquet | _Csv | _JsonLines]] = {
        ".parquet": _Parquet,
        ".csv": _Csv,
        ".jsonl": _JsonLines,
        ".ndjson": _JsonLines,
    }
    maker = makers.get(path.suffix.lower())
    if maker is None:
        known = ", ".join(makers)
        raise OutputError("OUTPUT_FORMAT", Where(file=path.name), found=path.suffix, known=known)
    if not path.parent.is_dir():
        raise OutputError("OUTPUT_FOLDER", Where(file=path.name))
    return maker(part_of(path), schema)


def output_schema(original: pa.Schema) -> pa.Schema:
    """The input's columns, then the result's; an input column of a result's name gets a suffix."""
    fields = [
        field.with_name(f"{field.name}_input") if field.name in RESULT_SCHEMA.names else field
        for field in original
    ]
    return pa.schema([*fields, *RESULT_SCHEMA])


class _Parquet:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        # Columns that come encoded stay so; for the others building a dictionary costs more time
        # than it saves room.
        encoded = [p for f in schema if (p := _encoded_path(f)) is not None]
        # Bit-packed indices hold nothing for a compressor to find.
        compression = {_leaf_path(f): "none" if _encoded_path(f) else "lz4" for f in schema}
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression=compression,
            write_statistics=False,
            use_dictionary=encoded,
        )

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _Csv:
    """CSV in UTF-8 with a byte order mark, which spreadsheets need for Chinese; lists are joined."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = path.open("wb")
        self._file.write(_BOM)
        flat = pa.schema([(f.name, _flat_type(f.type)) for f in schema])
        self._writer = pacsv.CSVWriter(self._file, flat)
        self._schema = flat

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [
            _flat(column).cast(f.type) for column, f in zip(batch, self._schema, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()
        self._file.close()


class _JsonLines:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        del schema  # each line names its own fields
        self._file = path.open("w", encoding="utf-8")

    def write(self, batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            self._file.write(json.dumps(row, ensure_ascii=False, default=_plain) + "\n")

    def close(self) -> None:
        self._file.close()


def _leaf_path(field: pa.Field) -> str:
    nested = pa.types.is_list(field.type)
    return f"{field.name}.list.element" if nested else str(field.name)


def _encoded_path(field: pa.Field) -> str | None:
    """The Parquet path of a dictionary column or of a list of dictionary values."""
    if pa.types.is_dictionary(field.type):
        return str(field.name)
    if pa.types.is_list(field.type) and pa.types.is_dictionary(field.type.value_type):
        return f"{field.name}.list.element"
    return None


def _flat_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _flat_type(kind.value_type)
    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_null(kind)
    return pa.string() if nested else kind


def _flat(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        items = column.values
        if pa.types.is_dictionary(items.type):
            items = items.dictionary_decode()
        items = pc.fill_null(items.cast(pa.string()), "")
        kind = type(column).from_arrays(column.offsets, items, mask=_nulls(column))
        return pc.binary_join(kind, LIST_SEPARATOR)
    return column


def _nulls(column: pa.Array) -> pa.Array | None:
    return column.is_null() if column.null_count else None


def _plain(value: Any) -> str:  # noqa: ANN401 -- what json cannot write itself
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return repr(value)

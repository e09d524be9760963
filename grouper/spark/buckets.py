"""Rows laid into buckets: all that belong together in one, whichever worker reads them.

A unit's rows are one file, so that there are as many files as units and none is torn: it takes its name
when it is whole. In it stands a small Parquet file for each bucket that has rows, then where each
begins. Who wants one bucket reads no more than that of it: with one directory for all of them, what is
read of directories would grow by the third power of the number of cases.
"""

from __future__ import annotations

import io
import itertools
import os
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grouper.spark.keeping import part_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_PLACE = np.dtype("<i8")
"""Of the places where buckets begin, one for each bucket and the end of the last, and of their number,
which is the end of the file."""


def bucket_of(texts: Any, count: int, otherwise: int = 0) -> NDArray[np.int64]:  # noqa: ANN401 -- Arrow
    """The bucket of each text: by its CRC-32, which is the same on every machine.

    Args:
        texts: a column of texts, encoded or not.
        count: how many buckets there are.
        otherwise: the bucket of null.
    """
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if not pa.types.is_dictionary(whole.type):
        whole = pc.dictionary_encode(whole.cast(pa.string()))
    words = whole.dictionary.to_pylist()
    known = [otherwise if one is None else zlib.crc32(one.encode()) % count for one in words]
    at = np.asarray(pc.fill_null(whole.indices, -1)).astype(np.int64)
    return np.append(np.asarray(known, np.int64), otherwise % count)[at]


def write_buckets(table: pa.Table, buckets: NDArray[np.int64], path: Path, count: int) -> None:
    """Write rows into their buckets; within a bucket they keep their order.

    Args:
        table: the rows; there may be none.
        buckets: of each row.
        path: the file; it is not there before it is whole.
        count: how many buckets there are.
    """
    order = np.argsort(buckets, kind="stable")
    edges = np.searchsorted(buckets[order], np.arange(count + 1))
    kept = table.take(pa.array(order)).combine_chunks()
    _write(
        path,
        (
            _packed(kept.slice(start, end - start)) if end > start else b""
            for start, end in itertools.pairwise(edges.tolist())
        ),
    )


def write_nothing(path: Path, count: int) -> None:
    """Write that there are no rows: a file that is not there has been lost."""
    _write(path, [b""] * count)


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write the pieces of all buckets, in their order."""
    places = [0]
    with part_file(path) as part, part.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            places.append(file.tell())
        file.write(np.array([*places, len(places) - 1], _PLACE).tobytes())


def read_bucket(paths: Sequence[Path], bucket: int) -> list[pa.Table]:
    """The rows of a bucket out of the files of all units, in the order of the files.

    Raises:
        OSError: a file is not there; who laid rows wrote one, even where it had none.
    """
    return list(_pieces(paths, bucket))


def _pieces(paths: Sequence[Path], bucket: int) -> Iterator[pa.Table]:
    for path in paths:
        with path.open("rb") as file:
            file.seek(-_PLACE.itemsize, os.SEEK_END)
            (count,) = np.frombuffer(file.read(_PLACE.itemsize), _PLACE)
            file.seek((bucket - int(count) - 2) * _PLACE.itemsize, os.SEEK_END)
            start, end = np.frombuffer(file.read(2 * _PLACE.itemsize), _PLACE).tolist()
            if end > start:
                file.seek(start)
                with pq.ParquetFile(pa.BufferReader(file.read(end - start))) as piece:
                    yield piece.read()


def _packed(piece: pa.Table) -> bytes:
    """As a Parquet file; statistics are left out, for nobody looks for single rows in it."""
    written = io.BytesIO()
    columns = [_compact(column.combine_chunks()) for column in piece.columns]
    small = pa.table(columns, schema=piece.schema)
    pq.write_table(
        small, written, row_group_size=small.num_rows, compression="zstd", write_statistics=False
    )
    return written.getvalue()


def _compact(column: Any) -> Any:  # noqa: ANN401 -- Arrow
    """Without the words of a dictionary that no row has.

    Parquet writes dictionaries whole: those of a unit would be written once for each bucket.
    """
    kind = column.type
    if pa.types.is_dictionary(kind) and len(column.dictionary) > len(column):
        there = np.asarray(column.indices.is_valid())
        used, now = np.unique(np.asarray(column.indices.drop_null()), return_inverse=True)
        codes = np.zeros(len(column), np.int32)
        codes[there] = now
        indices = pa.array(codes, kind.index_type, mask=~there)
        return pa.DictionaryArray.from_arrays(indices, column.dictionary.take(pa.array(used)))
    if pa.types.is_list(kind) and pa.types.is_dictionary(kind.value_type):
        values = column.flatten()
        small = _compact(values)
        if small is values:
            return column
        sizes = np.asarray(pc.fill_null(column.value_lengths(), 0))
        offsets = pa.array(np.append(0, np.cumsum(sizes)).astype(np.int32))
        empty = np.asarray(column.is_null())
        return pa.ListArray.from_arrays(offsets, small, kind, mask=pa.array(empty))
    return column

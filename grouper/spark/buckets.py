"""Rows laid into buckets: all that belong together in one, whichever worker reads them.

A unit's rows are one Parquet file with a row group for each bucket that has rows, so that there are as
many files as units and none is torn: it takes its name when it is whole.
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_BUCKETS = b"grouper.buckets"


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


def write_buckets(table: pa.Table, buckets: NDArray[np.int64], path: Path) -> None:
    """Write rows into their buckets; within a bucket they keep their order.

    Args:
        table: the rows.
        buckets: of each row.
        path: the file; it is not there before it is whole.
    """
    order = np.argsort(buckets, kind="stable")
    sorted_ = buckets[order]
    present, starts = np.unique(sorted_, return_index=True)
    ends = np.append(starts, len(sorted_))[1:]
    kept = table.take(pa.array(order))
    said = {**(table.schema.metadata or {}), _BUCKETS: ",".join(map(str, present)).encode()}
    schema = kept.schema.with_metadata(said)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            piece = kept.slice(start, end - start).replace_schema_metadata(said)
            writer.write_table(piece, row_group_size=max(end - start, 1))
    part.replace(path)


def read_bucket(paths: Sequence[Path], bucket: int) -> list[pa.Table]:
    """The rows of a bucket out of the files of all units, in the order of the files."""
    return list(_pieces(paths, bucket))


def _pieces(paths: Sequence[Path], bucket: int) -> Iterator[pa.Table]:
    for path in paths:
        with pq.ParquetFile(path) as file:
            said = file.schema_arrow.metadata[_BUCKETS].decode()
            present = [int(one) for one in said.split(",") if one]
            if bucket in present:
                table = file.read_row_group(present.index(bucket))
                rest = {k: v for k, v in (table.schema.metadata or {}).items() if k != _BUCKETS}
                yield table.replace_schema_metadata(rest or None)

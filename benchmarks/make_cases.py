"""Write a Parquet file of synthetic discharges: up to ten diagnoses and five procedures each.

Usage: python benchmarks/make_cases.py OUT [CASES] [SEED]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.codes import code_set

ROW_GROUP = 262_144
DAY = 86_400


class Maker:
    """Draws codes with a long tail, as hospitals have them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.dx = code_set("icd10-nhsa-2.0").codes
        self.px = code_set("icd9cm3-nhsa-2.0").codes
        self.dx_weight = self._tail(len(self.dx))
        self.px_weight = self._tail(len(self.px))

    def _tail(self, size: int) -> np.ndarray:
        weight = 1 / np.arange(1, size + 1) ** 0.9
        return np.cumsum(self.rng.permutation(weight / weight.sum()))

    def _lists(self, counts: np.ndarray, codes: tuple[str, ...], tail: np.ndarray) -> pa.Array:
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        drawn = np.searchsorted(tail, self.rng.random(offsets[-1])).clip(max=len(codes) - 1)
        values = pa.DictionaryArray.from_arrays(pa.array(drawn.astype(np.int32)), pa.array(codes))
        return pa.ListArray.from_arrays(pa.array(offsets), values)

    def batch(self, first: int, count: int) -> pa.RecordBatch:
        """``count`` cases; ids count from ``first``."""
        rng = self.rng
        age = np.where(rng.random(count) < 0.04, 0, rng.integers(1, 96, count)).astype(np.int16)
        infant = age == 0
        stay = rng.integers(1, 40, count)
        leave = np.datetime64("2026-07-01T08:00", "s").astype(np.int64) + rng.integers(
            0, 365 * DAY, count
        )
        zone = pa.timestamp("s", "Asia/Shanghai")
        return pa.record_batch(
            {
                "case_id": pa.array([f"C{i:09d}" for i in range(first, first + count)]),
                "sex": pa.array(rng.integers(1, 3, count).astype(np.int8)),
                "age": pa.array(age),
                "age_days": pa.array(rng.integers(0, 365, count).astype(np.int32), mask=~infant),
                "birth_weight_g": pa.array(
                    rng.integers(900, 4300, count).astype(np.int32), mask=~infant
                ),
                "admission_weight_g": pa.array(
                    rng.integers(900, 4300, count).astype(np.int32), mask=~infant
                ),
                "admission_time": pa.array(leave - stay * DAY, pa.int64()).cast(zone),
                "discharge_time": pa.array(leave, pa.int64()).cast(zone),
                "discharge_way": pa.DictionaryArray.from_arrays(
                    pa.array(rng.integers(0, 5, count).astype(np.int32)),
                    pa.array(["1", "2", "3", "4", "5"]),
                ),
                "los": pa.array(stay.astype(np.int32)),
                "dx": self._lists(rng.integers(1, 11, count), self.dx, self.dx_weight),
                "px": self._lists(rng.integers(0, 6, count), self.px, self.px_weight),
            }
        )


def write(path: Path, count: int, seed: int = 1) -> None:
    """Write ``count`` cases to a Parquet file."""
    maker = Maker(seed)
    writer = None
    for first in range(0, count, ROW_GROUP):
        batch = maker.batch(first, min(ROW_GROUP, count - first))
        writer = writer or pq.ParquetWriter(path, batch.schema, compression="zstd")
        writer.write_batch(batch)
    if writer:
        writer.close()


if __name__ == "__main__":
    write(
        Path(sys.argv[1]),
        int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000,
        int(sys.argv[3]) if len(sys.argv) > 3 else 1,
    )

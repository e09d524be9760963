"""Write a Parquet file of synthetic discharges of 2027: up to ten diagnoses, five procedures each.

Usage: python benchmarks/make_cases.py OUT [CASES] [SEED]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.codes import code_set
from codebooks.registry import registry

SCHEME = "chs-drg-3.0"

ROW_GROUP = 262_144
DAY = 86_400


class Maker:
    """Draws codes with a long tail, as hospitals have them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.dx = code_set("icd10-nhsa-2.0").codes
        self.px = code_set("icd9cm3-nhsa-2.0").codes
        tables = registry().book(SCHEME).tables
        sets = list(
            zip(*(tables["sets"].column(c).to_pylist() for c in ("set_id", "code")), strict=True)
        )
        barred = set(tables["not_principal"].column("code").to_pylist())
        # Principal diagnoses that open a category, as nearly all of a hospital's do.
        self.principal = sorted(
            {c for s, c in sets if s.startswith("DI") and s.endswith("00")} - barred
        )
        only = {1: {c for s, c in sets if s == "DI_M00"}, 2: {c for s, c in sets if s == "DI_N00"}}
        self.only_sex = np.array(
            [next((sex for sex, codes in only.items() if c in codes), 0) for c in self.principal]
        )
        place = {code: i for i, code in enumerate(self.dx)}
        self.place = np.array([place[code] for code in self.principal])
        self.principal_weight = self._tail(len(self.principal))
        self.dx_weight = self._tail(len(self.dx))
        self.px_weight = self._tail(len(self.px))

    def _tail(self, size: int) -> np.ndarray:
        weight = 1 / np.arange(1, size + 1) ** 0.9
        return np.cumsum(self.rng.permutation(weight / weight.sum()))

    def _draw(self, tail: np.ndarray, count: int) -> np.ndarray:
        return np.searchsorted(tail, self.rng.random(count)).clip(max=len(tail) - 1)

    @staticmethod
    def _lists(offsets: np.ndarray, drawn: np.ndarray, codes: tuple[str, ...]) -> pa.Array:
        values = pa.DictionaryArray.from_arrays(pa.array(drawn.astype(np.int32)), pa.array(codes))
        return pa.ListArray.from_arrays(pa.array(offsets), values)

    def batch(self, first: int, count: int) -> pa.RecordBatch:
        """``count`` cases; ids count from ``first``."""
        rng = self.rng
        age = np.where(rng.random(count) < 0.04, 0, rng.integers(1, 96, count)).astype(np.int16)
        infant = age == 0
        stay = rng.integers(1, 40, count)
        leave = np.datetime64("2027-01-01T08:00", "s").astype(np.int64) + rng.integers(
            0, 364 * DAY, count
        )
        dx_at = np.concatenate(([0], np.cumsum(rng.integers(1, 11, count)))).astype(np.int32)
        px_at = np.concatenate(([0], np.cumsum(rng.integers(0, 6, count)))).astype(np.int32)
        dx = self._draw(self.dx_weight, dx_at[-1])
        principal = self._draw(self.principal_weight, count)
        dx[dx_at[:-1]] = self.place[principal]
        sex = np.where(rng.random(count) < 0.98, self.only_sex[principal], 0)
        sex = np.where(sex == 0, rng.integers(1, 3, count), sex)
        zone = pa.timestamp("s", "Asia/Shanghai")
        return pa.record_batch(
            {
                "case_id": pa.array([f"C{i:09d}" for i in range(first, first + count)]),
                "sex": pa.array(sex.astype(np.int8)),
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
                "dx": self._lists(dx_at, dx, self.dx),
                "px": self._lists(px_at, self._draw(self.px_weight, px_at[-1]), self.px),
            }
        )


def write(path: Path, count: int, seed: int = 1) -> None:
    """Write ``count`` cases to a Parquet file."""
    maker = Maker(seed)
    writer = None
    for first in range(0, count, ROW_GROUP):
        batch = maker.batch(first, min(ROW_GROUP, count - first))
        writer = writer or pq.ParquetWriter(path, batch.schema)
        writer.write_batch(batch)
    if writer:
        writer.close()


if __name__ == "__main__":
    write(
        Path(sys.argv[1]),
        int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000,
        int(sys.argv[3]) if len(sys.argv) > 3 else 1,
    )

"""The rate of the DIP engines on realistic cases in memory, and their ratio.

Usage: python benchmarks/dip.py [CASES]      (default 131,072)

Cases are drawn from the catalogue's rows (Pingdingshan's by their number of cases, the national ones
with a long tail): a diagnosis and procedures of the row, up to nine other diagnoses and two other
procedures. Figures of different runs are not comparable where a machine is shared; the ratio is.
"""

from __future__ import annotations

import statistics
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from report import told

from codebooks.codes import code_set
from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.dip.index import Diagnoses
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.schemes.dip.scheme import DipScheme

SCHEMES = ("dip-pingdingshan-2025", "dip-3.0")
CASES = 131_072
TRACED = 2000
ROUNDS = 7


def lists(parts: Sequence[np.ndarray], cases: int, codes: Sequence[str]) -> pa.Array:
    """Lists of codes: each part gives at most one code a case, -1 for none."""
    table = np.stack(parts, axis=1)
    there = table >= 0
    start = np.concatenate(([0], np.cumsum(there.sum(axis=1)))).astype(np.int32)
    values = pa.DictionaryArray.from_arrays(
        pa.array(table[there].astype(np.int32)), pa.array(codes)
    )
    assert len(start) == cases + 1
    return pa.ListArray.from_arrays(pa.array(start), values)


def made_cases(scheme: DipScheme, count: int, seed: int = 1) -> pa.RecordBatch:
    """Cases of a catalogue's own rows, with other codes beside."""
    rng = np.random.default_rng(seed)
    ready = scheme.compiled
    dx, px = code_set("icd10-nhsa-2.0").codes, code_set("icd9cm3-nhsa-2.0").codes
    place_dx = {n: i for i, n in enumerate(ready.vocabulary.ids(dx).tolist())}
    place_px = {n: i for i, n in enumerate(ready.vocabulary.ids(px).tolist())}
    diagnoses = Diagnoses(ready)
    own: list[tuple[int, list[int]]] = []
    for row in ready.rows:
        numbers = diagnoses.members(row.principal).tolist()
        able = [n for n in numbers if n not in ready.excluded_diagnoses]
        asked = ([row.main, *row.related] if row.main else [])[:3]
        procedures = [place_px[min(part)] for part in asked if min(part) in place_px]
        own.append((place_dx[able[len(able) // 2]], procedures + [-1] * (3 - len(procedures))))
    cases = [r["cases"] for r in ready.book.rows("groups")]
    if cases[0] is None:
        weight = rng.permutation(1 / np.arange(1, len(own) + 1) ** 0.9)
    else:
        weight = np.array(cases, np.float64)
    drawn = rng.choice(len(own), count, p=weight / weight.sum())
    principal = np.array([one for one, _ in own])[drawn]
    of_row = np.array([procedures for _, procedures in own])[drawn]

    def other(size: int, chance: float) -> np.ndarray:
        code = np.minimum(rng.zipf(1.2, count) - 1, size - 1) * 7919 % size
        return np.where(rng.random(count) < chance, code, -1)

    age = rng.integers(1, 96, count).astype(np.int16)
    cost = rng.integers(50_000, 9_000_000, count)
    columns = {
        "age": pa.array(age),
        "los": pa.array(rng.integers(1, 40, count).astype(np.int32)),
        "total_cost": pa.array([Decimal(c) / 100 for c in cost.tolist()], pa.decimal128(14, 2)),
        "dx": lists([principal, *(other(len(dx), 1 - n / 10) for n in range(1, 10))], count, dx),
        "px": lists([*of_row.T, *(other(len(px), 0.25) for _ in range(2))], count, px),
    }
    return pa.RecordBatch.from_arrays(
        [columns.get(field.name, pa.nulls(count, field.type)) for field in CASE_SCHEMA],
        names=CASE_SCHEMA.names,
    )


def timed(work: object, *args: object) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work(*args)  # type: ignore[operator]
    return time.perf_counter() - start


def main() -> None:
    """Measure both catalogues."""
    pa.set_cpu_count(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    for name in SCHEMES:
        scheme: DipScheme = load_scheme(name)  # type: ignore[assignment]
        batch = made_cases(scheme, count)
        grouped = scheme.group_batch(batch)
        share = np.mean(np.array(grouped.column("status").to_pylist()) == "grouped")
        fast = statistics.median(timed(scheme.group_batch, batch) for _ in range(ROUNDS)) / count
        cases = [Case.from_batch(batch, i) for i in range(TRACED)]
        slow = sorted(timed(scheme.group, case) for case in cases)
        words = sorted(timed(lambda c, s=scheme: s.group(c).trace.document("zh"), c) for c in cases)
        mean = statistics.mean(slow)
        print(f"{name}: {count:,} cases, {share:.1%} grouped")
        print(f"  batch engine, one thread            {1 / fast:12,.0f} cases/s")
        print(f"  scalar engine with its steps        {1 / mean:12,.0f} cases/s")
        print(f"  ratio batch : scalar                {mean / fast:12,.0f}")
        late = int(TRACED * 0.99)
        told(f"dip.{name}.batch", 1 / fast, "cases/s")
        told(f"dip.{name}.batch_to_scalar", mean / fast, "times")
        told(f"dip.{name}.one_case_p99", slow[late] * 1e3, "ms")
        print(f"  one case, with its steps            {slow[late] * 1e3:9.2f} ms p99")
        print(f"  one case, trace put into words      {words[late] * 1e3:9.2f} ms p99")


if __name__ == "__main__":
    main()

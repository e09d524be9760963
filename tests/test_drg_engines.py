"""The two engines agree on every case, however the cases are cut into batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from random_cases import RandomCases, batch_of

from codebooks.registry import registry
from grouper.case.record import Case
from grouper.schemes.drg.batch import NO_REASON, OPEN, REASONS, BatchEngine
from grouper.schemes.drg.scalar import answer
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    import pyarrow as pa

    from grouper.schemes.drg.compiled import CompiledScheme

SCHEMES = sorted(i for i, card in registry().cards.items() if card.family == "drg")
SIZES = (1, 7, 1024, 131_072)
Row = tuple[int, str | None, int, tuple[str, ...]]


def compiled(scheme: str) -> CompiledScheme:
    found = load_scheme(scheme)
    return found.compiled  # type: ignore[attr-defined]


def by_scalar(scheme: CompiledScheme, case: dict[str, Any]) -> Row:
    found = answer(scheme, Case(**{**case, "dx": tuple(case["dx"]), "px": tuple(case["px"])}))
    group = OPEN if found.group is None else found.group
    return group, found.reason, found.level, tuple(n.reason for n in found.notices)


def by_batch(engine: BatchEngine, batch: pa.RecordBatch) -> list[Row]:
    numbers = engine.run(batch)
    rows = []
    for i in range(batch.num_rows):
        reason = None if numbers.reason[i] == NO_REASON else REASONS[numbers.reason[i]]
        notices = tuple(r for k, r in enumerate(REASONS) if numbers.notices[i] >> k & 1)
        rows.append((int(numbers.group[i]), reason, int(numbers.level[i]), notices))
    return rows


def agree(scheme: str, count: int, seed: int, limits: dict[int, int]) -> None:
    ready = compiled(scheme)
    cases = RandomCases(ready, seed).cases(count)
    expected = [by_scalar(ready, case) for case in cases]
    engine = BatchEngine(ready)
    whole = batch_of(cases)
    for size in SIZES:
        until = min(count, limits.get(size, count))
        found: list[Row] = []
        for at in range(0, until, size):
            found += by_batch(engine, whole.slice(at, min(size, until - at)))
        wrong = [i for i in range(until) if found[i] != expected[i]]
        assert not wrong, (size, cases[wrong[0]], found[wrong[0]], expected[wrong[0]])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_engines_agree(scheme: str) -> None:
    agree(scheme, 2000, seed=20260909, limits={1: 100, 7: 500})


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_engines_agree_on_a_hundred_thousand_cases(scheme: str) -> None:
    agree(scheme, 100_000, seed=1, limits={1: 5000, 7: 35_000})


@pytest.mark.parametrize("scheme", SCHEMES)
def test_random_cases_reach_most_groups(scheme: str) -> None:
    # Agreement says little where nothing is reached: most groups must be among the answers.
    ready = compiled(scheme)
    numbers = BatchEngine(ready).run(batch_of(RandomCases(ready, 5).cases(6000)))
    assert len(np.unique(numbers.group)) > 0.7 * len(ready.groups)

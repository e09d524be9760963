"""Auxiliary directories: the vectorised form says of every case what the scalar one says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from auxiliary_support import (
    DAY,
    GROUPS,
    HEADER,
    TRIGGERS,
    RandomStays,
    ask,
    batch_of,
    by_batch,
    by_scalar,
    case_of,
    example,
    install,
)

from codebooks.factors import SCALE
from grouper.schemes.dip.auxiliary import subtypes_of
from grouper.schemes.dip.auxiliary_batch import AuxiliaryBatch
from grouper.schemes.dip.auxiliary_tables import GAPS
from grouper.schemes.reasons import Reason

CITY = (
    "pingdingshan,tumour,spread,转移,spread,1,other_diagnosis,,,C00-C97|C77-C79|C7|C34.9,,2020-01-01,,city",
    "pingdingshan,icu,short,短,short,1,icu_days_begun,,2,,,2020-01-01,,city",
    "pingdingshan,icu,long,长,long,1,icu_days_begun,3,,,,2020-01-01,,city",
    "pingdingshan,charlson,some,有,some,1,charlson,1,,,quan/quan/all,2020-01-01,,city",
)
CITY_FACTORS = HEADER + "".join(
    f"pingdingshan,,{directory},{subtype},,{factor},30,2025-01-01,,city\n"
    for directory, subtype, factor in (
        ("tumour", "spread", "1.3"),
        ("icu", "short", "0.9"),
        ("icu", "long", "2"),
        ("charlson", "some", "1.1"),
    )
)


@pytest.mark.parametrize(
    ("values", "factor"),
    [
        ({"icu_hours": 0.0}, "0.9"),
        ({"icu_hours": 48.0}, "0.9"),
        ({"icu_hours": 48.1}, "2"),
        ({"dx": ["C34.900"]}, "1.1"),
        ({"dx": ["C34.900", "c34900"]}, "1.1"),
        ({"dx": ["I10.x00", "C34.900"]}, "1.3"),
        ({"dx": ["I10.x00", "C98.000", "D00.000"], "icu_hours": None}, "1"),
    ],
)
def test_a_citys_own_readings_hold_in_both_forms(values: dict[str, Any], factor: str) -> None:
    header = TRIGGERS.read_text("utf-8").splitlines()[0]
    install("\n".join((header, *CITY)), "dip_triggers.csv")
    tables = example(CITY_FACTORS)
    assert ask(tables, **values).factor == Decimal(factor)
    case = {"icu_hours": 0.0, "discharge_time": DAY, **values}
    found = by_batch(AuxiliaryBatch(tables, GROUPS), batch_of([case]), np.array([0]))
    assert found == [by_scalar(tables, case, 0)]
    assert found[0][0] == int(Decimal(factor) * SCALE)


@pytest.mark.parametrize("encoded", [False, True])
def test_both_forms_agree_at_any_batch_size(*, encoded: bool) -> None:
    tables, stays, count = example(), RandomStays(20261128), 2500
    cases = stays.cases(count)
    groups = stays.rng.integers(-1, len(GROUPS), count)
    expected = [by_scalar(tables, case, int(groups[i])) for i, case in enumerate(cases)]
    batch, engine = batch_of(cases, encoded=encoded), AuxiliaryBatch(tables, GROUPS)
    for size, until in ((1, 120), (7, 600), (1024, count), (131_072, count)):
        found: list[tuple[Any, ...]] = []
        for at in range(0, until, size):
            part = batch.slice(at, min(size, until - at))
            found += by_batch(engine, part, groups[at : at + part.num_rows])
        wrong = [i for i in range(until) if found[i] != expected[i]]
        assert not wrong, (size, cases[wrong[0]], found[wrong[0]], expected[wrong[0]])
    # Agreement says little where nothing is reached.
    ids = {s.id for period in tables.periods for s in period.subtypes}
    # Nothing is given for an index of 0, and a tumour's death has the factor of any death.
    assert {e[1].id for e in expected if e[1]} == ids - {"cci_0", "tumour_death"}
    assert {gap for e in expected for gap in e[2]} == set(GAPS)


@pytest.mark.slow
def test_both_forms_agree_on_a_hundred_thousand_cases() -> None:
    tables, stays = example(), RandomStays(99)
    engine = AuxiliaryBatch(tables, GROUPS)
    for _ in range(10):
        cases = stays.cases(10_000)
        group = stays.rng.integers(-1, len(GROUPS), len(cases))
        expected = [by_scalar(tables, case, int(g)) for case, g in zip(cases, group, strict=True)]
        assert by_batch(engine, batch_of(cases), group) == expected


def test_threads_may_share_the_vectorised_form() -> None:
    tables, stays = example(), RandomStays(8)
    cases = stays.cases(3000)
    group, batch = np.arange(len(cases)) % len(GROUPS), batch_of(cases)
    alone = AuxiliaryBatch(tables, GROUPS)(batch, group).factor
    shared = AuxiliaryBatch(tables, GROUPS)
    cuts = range(0, len(cases), 50)
    with ThreadPoolExecutor(8) as pool:
        parts = pool.map(lambda at: shared(batch.slice(at, 50), group[at : at + 50]).factor, cuts)
        assert np.concatenate(list(parts)).tolist() == alone.tolist()


def test_what_is_met_is_the_same_in_both_forms() -> None:
    tables, stays = example(), RandomStays(5)
    cases = stays.cases(400)
    engine = AuxiliaryBatch(tables, GROUPS)
    found = engine.met(batch_of(cases))
    for i, case in enumerate(cases):
        wanted = subtypes_of(tables, case_of(case))
        assert {s for k, s in enumerate(engine.subtypes) if found[k, i]} == set(wanted)


def test_missing_columns_are_missing_values() -> None:
    tables = example()
    batch = pa.RecordBatch.from_pylist([{"age": 70}, {"age": None}])
    found = by_batch(AuxiliaryBatch(tables, GROUPS), batch, np.array([0, 1]))
    assert found == [(SCALE, None, (Reason.SCHEME_DATE_MISSING,))] * 2
    timed = pa.RecordBatch.from_pydict({"discharge_time": pa.array([DAY, DAY]), "age": [70, 3]})
    found = by_batch(AuxiliaryBatch(tables, GROUPS), timed, np.array([0, 1]))
    assert [row[0] for row in found] == [1_120_000, 1_100_000]
    naive = timed.set_column(
        0, "discharge_time", pa.array([date(2025, 6, 1)] * 2).cast(pa.timestamp("us"))
    )
    assert by_batch(AuxiliaryBatch(tables, GROUPS), naive, np.array([0, 1])) == found

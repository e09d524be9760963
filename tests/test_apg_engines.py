"""Both engines agree on every visit at any batch size, and with a plain reading of the algorithm."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from apg_naive import Naive
from apg_small import CAPSULE, COLD, LENS, LID, PRESSURE, SKIN, STOMACH, random_book, small_book
from apg_visits import RandomVisits, batch_of, by_batch, by_scalar
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.codes import code_set
from grouper.case.record import Case
from grouper.schemes.apg.scheme import ApgScheme
from grouper.schemes.apg.words import Action, Why
from grouper.schemes.load import load_scheme

DEFAULT = "apg-grouper-1.0"
SIZES = (1, 7, 1024, 131_072)
FEW_DX = (COLD, PRESSURE, "K29.500")
FEW_PX = (LENS, CAPSULE, LID, STOMACH, SKIN, "86.5900", "89.0600", "03.0900", "13.1900")
FEW_ITEMS = ("NEVER", "HERB", "HERB2", "002102000010000", "002102000019999", "LOCAL1")


def default() -> ApgScheme:
    found = load_scheme(DEFAULT)
    assert isinstance(found, ApgScheme)
    return found


def agree(scheme: ApgScheme, count: int, seed: int, limits: dict[int, int]) -> Counter[Any]:
    cases = RandomVisits(scheme.compiled, seed).visits(count)
    expected = [by_scalar(scheme, case) for case in cases]
    whole = batch_of(cases)
    for size in SIZES:
        until = min(count, limits.get(size, count))
        found: list[Any] = []
        for at in range(0, until, size):
            found += by_batch(scheme, whole.slice(at, min(size, until - at)))
        wrong = [i for i in range(until) if found[i] != expected[i]]
        assert not wrong, (size, cases[wrong[0]], found[wrong[0]], expected[wrong[0]])
    return Counter((part[3], part[4]) for row in expected for part in row[6])


def test_engines_agree() -> None:
    seen = agree(default(), 3500, seed=20261221, limits={1: 150, 7: 900})
    # Agreement says little where nothing is reached: every action and nearly every why must be.
    assert {action for action, _ in seen} == set(Action) - {Action.NO_VISIT}
    assert {why for _, why in seen} == set(Why) - {Why.NO_VISIT_LINE}


@pytest.mark.slow
def test_engines_agree_on_a_hundred_thousand_visits() -> None:
    agree(default(), 100_000, seed=1, limits={1: 3000, 7: 21_000})


@cache
def known_codes() -> set[str]:
    return {*code_set("icd10-nhsa-2.0").codes, *code_set("icd9cm3-nhsa-2.0").codes}


def comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """An engine's answer in the form of the plain reading, which knows no other editions."""
    status, reason, _, group, kind, total, parts = row
    if status != "grouped":
        return status, reason.replace("_EDITION", "_UNKNOWN")

    def fraction(value: Decimal | None) -> Fraction | None:
        return None if value is None else Fraction(value)

    told = tuple((p[0], p[2], p[3], p[4], fraction(p[5])) for p in parts)
    return status, None, group, kind, Fraction(total), told


def plainly(seed: int, count: int) -> Counter[Any]:
    book = random_book(seed)
    scheme, naive = ApgScheme(book), Naive(book, known_codes())
    source = RandomVisits(scheme.compiled, seed, dx=FEW_DX, px=FEW_PX, items=FEW_ITEMS)
    cases = source.visits(count)
    seen: Counter[Any] = Counter()
    for case, row in zip(cases, by_batch(scheme, batch_of(cases)), strict=True):
        assert row == by_scalar(scheme, case), (seed, case)
        assert comparable(row) == naive.group(case), (seed, case)
        seen.update(part[3:5] for part in row[6])
    return seen


def test_a_plain_reading_agrees_on_random_schemes() -> None:
    seen: Counter[Any] = Counter()
    for seed in range(15):
        seen += plainly(seed, 80)
    assert {why for _, why in seen} == set(Why)


@pytest.mark.slow
def test_a_plain_reading_agrees_on_many_random_schemes() -> None:
    for seed in range(1000, 1500):
        plainly(seed, 200)


@cache
def small() -> ApgScheme:
    return ApgScheme(small_book())


def texts(*often: str) -> st.SearchStrategy[str | None]:
    return st.one_of(st.none(), st.sampled_from(often), st.text(max_size=6))


def money(places: int) -> st.SearchStrategy[Decimal | None]:
    return st.one_of(
        st.none(),
        st.decimals(-(10**6), 10**6, places=places),
        st.decimals(-(10**9), 10**9, places=places),
        st.sampled_from([Decimal(0), Decimal(1), Decimal(-1), Decimal(500)]),
    )


LISTS = {
    "dx": texts(COLD, PRESSURE, "", "J06.9"),
    "px": texts(LENS, STOMACH, LID, "13.4100X001"),
    "px_modifier": texts("bilateral", "terminated", "distinct"),
    "line_item": texts("HERB", "NEVER", "002102000010000", " "),
    "line_name": texts("blood", ""),
    "line_class": texts("01", "02", "04", "06", "08", "09", "99"),
    "line_quantity": money(4),
    "line_amount": money(2),
}


@settings(max_examples=examples(120), deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({name: st.lists(of, max_size=4) for name, of in LISTS.items()}),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_lists_hold_both_engines_say_the_same(
    visits: list[dict[str, list[Any]]],
) -> None:
    cases = [Case(kind="outpatient", **{k: tuple(v) for k, v in v.items()}) for v in visits]
    expected = [by_scalar(small(), case) for case in cases]
    assert by_batch(small(), batch_of(cases)) == expected
    for case, row in zip(cases, expected, strict=True):
        # What the parts add up to is the weight, whatever was in them.
        added = sum(
            (
                (share * own).quantize(Decimal("0.000001"), "ROUND_HALF_UP")
                for *_, action, _, share, own in row[6]
                if action in ("paid", "discounted")
            ),
            Decimal(0),
        )
        assert row[5] is None or row[5] == added
        small().group(case).trace.text("en")


def test_columns_may_be_missing_null_or_encoded() -> None:
    scheme = small()
    case = Case(kind="outpatient", dx=(COLD,), px=(LENS,), line_class=("04",))
    full = batch_of([case, Case(kind="outpatient", dx=(PRESSURE,))])
    bare = pa.RecordBatch.from_pydict(
        {
            "kind": pa.array(["outpatient"] * 2).dictionary_encode(),
            "dx": pa.array([[COLD], [PRESSURE]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
            "px": pa.array([[LENS], None], pa.list_(pa.string())),
            "line_class": pa.array([["04"], None], pa.list_(pa.string())),
            "line_item": pa.nulls(2),
        }
    )
    assert by_batch(scheme, bare) == by_batch(scheme, full)
    nothing = pa.RecordBatch.from_pydict({"kind": pa.array(["outpatient"])})
    assert scheme.group_batch(nothing).column("reason").to_pylist() == ["LINES_MISSING"]
    stated_nowhere = pa.RecordBatch.from_pydict({"dx": pa.array([[COLD]])})
    assert scheme.group_batch(stated_nowhere).column("reason").to_pylist() == ["KIND_UNSUPPORTED"]


def test_an_empty_batch_has_no_answers() -> None:
    empty = batch_of([Case(kind="outpatient")]).slice(0, 0)
    results, issues = small().group_with_issues(empty)
    assert (results.num_rows, issues.num_rows, small().group_parts(empty).num_rows) == (0, 0, 0)


def test_the_order_of_visits_does_not_matter() -> None:
    scheme = default()
    cases = RandomVisits(scheme.compiled, 9).visits(400)
    forward = by_batch(scheme, batch_of(cases))
    assert by_batch(scheme, batch_of(cases[::-1])) == forward[::-1]

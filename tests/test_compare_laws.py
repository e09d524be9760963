"""What holds of every comparison: nothing is lost, nothing counted twice, no family added to another."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow as pa
from compare_support import results
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.compare.comparison import Comparison, comparison_of
from grouper.compare.document import document
from grouper.compare.groups import Kind, Thresholds
from grouper.compare.page import page
from grouper.compare.sides import family_of, side_of
from grouper.compare.tally import Change, Tally
from grouper.compare.weights import Weights
from grouper.compare.words import summary

FIRST = ["chs-drg-2.0", "chs-drg-3.0"]
SECOND = ["chs-drg-3.0", "ms-drg"]
Row = tuple[str | None, str, str | None, str | None, str | None]

OUTSIDE = st.sampled_from(
    [
        (None, "invalid", "REGION_UNKNOWN"),
        ("chs-drg-3.0", "ambiguous", "PX_UNRELATED"),
        ("chs-drg-3.0", "ungrouped", "GROUP_NONE"),
    ]
)
WEIGHT = st.one_of(st.none(), st.decimals("0", "99.999", places=3).map(str))


@st.composite
def rows(draw: st.DrawFn, schemes: list[str]) -> Row:
    """A grouping, or a place outside groups (which may name a group of the kind HQY)."""
    if draw(st.integers(0, 4)) == 0:
        scheme, status, reason = draw(OUTSIDE)
        return scheme, status, reason, draw(st.sampled_from([None, "HQY"])), None
    return (
        draw(st.sampled_from(schemes)),
        "grouped",
        None,
        draw(st.sampled_from(["A1", "A2", "B1", "b1"])),
        draw(WEIGHT),
    )


CASES = st.lists(
    st.tuples(rows(FIRST), rows(SECOND), st.sampled_from(["x", "y", None])), max_size=40
)
LIMITS = st.tuples(st.integers(1, 3), st.sampled_from([Decimal(0), Decimal(10), Decimal(50)]))


def tally_of(
    cases: list[tuple[Row, Row, str | None]], size: int, weights: Weights | None = None
) -> Tally:
    tally = Tally(side_of("auto", "national", weights), side_of("auto", "national"))
    for at in range(0, len(cases), size):
        part = cases[at : at + size]
        batch = pa.record_batch({"department": pa.array([c[2] for c in part], pa.string())})
        tally.add(batch, (results([c[0] for c in part]), results([c[1] for c in part])))
    return tally


def compared(
    cases: list[tuple[Row, Row, str | None]], limits: tuple[int, Decimal], size: int = 1000
) -> Comparison:
    return comparison_of(tally_of(cases, size), Thresholds(*limits))


def place(row: Row) -> tuple[Any, ...]:
    scheme, status, reason, group, _ = row
    return (scheme, status, None, group) if status == "grouped" else (scheme, status, reason, None)


@settings(max_examples=examples(120), deadline=None)
@given(cases=CASES, limits=LIMITS)
def test_every_case_stands_in_exactly_one_flow(
    cases: list[tuple[Row, Row, str | None]], limits: tuple[int, Decimal]
) -> None:
    found = compared(cases, limits)
    expected = Counter((place(one), place(other)) for one, other, _ in cases)
    assert {(f.source, f.target): f.sums.cases for f in found.flows} == expected
    assert sum(found.changes.values()) == found.rows == len(cases)
    for side, row in ((0, 0), (1, 1)):
        grouped = Counter(c[row][0] for c in cases if c[row][1] == "grouped")
        per_scheme: Counter[str | None] = Counter()
        for group in found.groups[side]:
            assert group.cases_inside + group.cases_outside == group.sums.cases
            per_scheme[group.node.scheme] += group.sums.cases
        assert per_scheme == grouped
        assert sum(cases_ for _, cases_ in found.kinds(side).values()) == sum(grouped.values())
    assert sum(d.sums.cases for d in found.departments) == len(cases)


@settings(max_examples=examples(120), deadline=None)
@given(cases=CASES)
def test_weights_are_conserved(cases: list[tuple[Row, Row, str | None]]) -> None:
    found = compared(cases, (1, Decimal(0)))
    for side, totals in ((0, found.balance.first), (1, found.balance.second)):
        expected: dict[str | None, Decimal] = {}
        for case in cases:
            scheme, status, _, _, weight = case[side]
            if status == "grouped":
                family = family_of(scheme)
                expected[family] = expected.get(family, Decimal(0)) + Decimal(weight or 0)
        assert {family: total.weight for family, total in totals.items()} == expected
    # What the second side has more than the first has moved, is new, has left, or has no weight
    # on the other side, family by family.
    known = [
        (case, Decimal(case[1][4] or 0) - Decimal(case[0][4] or 0))
        for case in cases
        if {family_of(c[0]) for c in case[:2] if c[1] == "grouped"} == {"drg"}
        and all(c[4] is not None for c in case[:2] if c[1] == "grouped")
    ]
    moved = sum(f.sums.moved for f in found.flows if one_family(f.source.scheme, f.target.scheme))
    expected_moved = sum(
        difference for case, difference in known if one_family(case[0][0], case[1][0])
    )
    assert moved == expected_moved


def one_family(first: str | None, second: str | None) -> bool:
    return {family_of(first), family_of(second)} == {"drg"}


@settings(max_examples=examples(60), deadline=None)
@given(cases=CASES, limits=LIMITS, size=st.sampled_from([1, 2, 3, 7]))
def test_the_size_of_batches_does_not_matter(
    cases: list[tuple[Row, Row, str | None]], limits: tuple[int, Decimal], size: int
) -> None:
    whole, cut = compared(cases, limits), compared(cases, limits, size)
    assert document_without_hashes(cut) == document_without_hashes(whole)


def document_without_hashes(found: Comparison) -> dict[str, Any]:
    # Hashing loads the schemes, which says nothing here.
    plain = {"flows": found.flows, "groups": found.groups, "departments": found.departments}
    return plain | {"balance": found.balance, "movers": found.movers(5), "rows": found.rows}


@settings(max_examples=examples(100), deadline=None)
@given(cases=CASES)
def test_without_noise_groups_are_what_their_flows_say(
    cases: list[tuple[Row, Row, str | None]],
) -> None:
    found = compared(cases, (1, Decimal(0)))
    pairs: dict[tuple[str | None, str | None], set[tuple[str, str]]] = {}
    for one, other, _ in cases:
        if one[1] == other[1] == "grouped":
            pairs.setdefault((one[0], other[0]), set()).add((str(one[3]), str(other[3])))
    for group in found.groups[0]:
        edges = pairs.get((group.node.scheme, group.other), set())
        to = {b for a, b in edges if a == group.node.group}
        sharing = {a for a, b in edges if b in to} - {group.node.group}
        if not to:
            expected = {Kind.LEFT}
        elif len(to) > 1:
            expected = {Kind.SPLIT_MERGED if sharing else Kind.SPLIT}
        else:
            expected = {Kind.MERGED} if sharing else {Kind.UNCHANGED, Kind.RENAMED}
        assert group.kind in expected
    kinds = Counter(group.kind for group in found.groups[0])
    mirrored = Counter(group.kind for group in found.groups[1])
    for kind in (Kind.UNCHANGED, Kind.RENAMED):
        assert kinds[kind] == mirrored[kind]


@settings(max_examples=examples(60), deadline=None)
@given(cases=CASES)
def test_turning_the_sides_turns_the_answer(cases: list[tuple[Row, Row, str | None]]) -> None:
    there = compared(cases, (1, Decimal(0)))
    back = compared([(other, one, name) for one, other, name in cases], (1, Decimal(0)))
    turned = {Change.LEFT: Change.NEW, Change.NEW: Change.LEFT}
    assert {turned.get(c, c): n for c, n in there.changes.items()} == back.changes
    moved = {(f.source, f.target): f.sums.moved for f in there.flows}
    assert {(f.target, f.source): -f.sums.moved for f in back.flows} == moved
    mirror = {
        Kind.SPLIT: Kind.MERGED,
        Kind.MERGED: Kind.SPLIT,
        Kind.LEFT: Kind.NEW,
    }
    for group, other in zip(there.groups[0], back.groups[1], strict=True):
        assert (group.node, mirror.get(group.kind, group.kind)) == (other.node, other.kind)


def test_two_families_are_never_added_or_subtracted() -> None:
    cases: list[tuple[Row, Row, str | None]] = [
        (
            ("chs-drg-2.0", "grouped", None, "A1", "1.5"),
            ("ms-drg", "grouped", None, "A1", "300"),
            "x",
        ),
        (
            ("chs-drg-2.0", "grouped", None, "B1", "0.5"),
            ("ms-drg", "grouped", None, "B2", "100"),
            "y",
        ),
        (
            ("chs-drg-2.0", "grouped", None, "B1", "2"),
            ("chs-drg-3.0", "grouped", None, "B1", "3"),
            "y",
        ),
    ]
    found = compared(cases, (1, Decimal(0)))
    assert not found.balance.comparable
    assert {f: t.weight for f, t in found.balance.second.items()} == {"msdrg": 400, "drg": 3}
    assert found.balance.moved["drg"].net == 1
    # The same code in another family is another group.
    assert found.changes == {Change.REGROUPED: 2, Change.SAME: 1}
    assert found.levels == {"same": 1}
    plain = document(found, 5)
    assert {flow["moved"] for flow in plain["flows"]} == {None}
    departments = {d["department"]: d for d in plain["departments"]}
    assert departments["y"]["to_weight"] is None
    assert departments["y"]["from_weight"] == "2.5"
    assert departments["y"]["share_change"] is None
    shares = {(f["to"]["scheme"], f["to"]["group"]): f["share_change"] for f in plain["flows"]}
    # 1.5 of 4 becomes 300 of 400; 0.5 of 4 becomes 100 of 400; 2 of 4 becomes 3 of 3.
    assert shares == {
        ("ms-drg", "A1"): "0.375000",
        ("ms-drg", "B2"): "0.125000",
        ("chs-drg-3.0", "B1"): "0.500000",
    }
    assert [m["to"]["group"] for m in plain["movers"]] == ["B1", "A1", "B2"]
    told = page(plain, "zh")
    assert "两边单位不同，不能相减" in told
    assert "MS-DRG" in told
    lines = list(summary(plain, "en"))
    moved = "  +50.000  B1 name of B1 → B1 name of B1 [chs-drg-3.0]"
    assert moved in lines


def test_a_file_of_weights_goes_before_the_schemes_own() -> None:
    table = Weights("w.csv", {("chs-drg-2.0", "A1"): Decimal(7), (None, "A1"): Decimal(9)})
    cases: list[tuple[Row, Row, str | None]] = [
        ((scheme, "grouped", None, group, "1"), ("ms-drg", "grouped", None, "M", "1"), None)
        for scheme, group in (("chs-drg-2.0", "A1"), ("chs-drg-3.0", "A1"), ("chs-drg-2.0", "A2"))
    ]
    found = comparison_of(tally_of(cases, 2, table), Thresholds())
    sums = {(f.source.scheme, f.source.group): f.sums for f in found.flows}
    assert sums["chs-drg-2.0", "A1"].from_sum == 7
    assert sums["chs-drg-3.0", "A1"].from_sum == 9
    assert sums["chs-drg-2.0", "A2"].from_known == 0

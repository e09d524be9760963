"""Exact numbers: the vectorised ones agree with fractions, however large."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grouper.payment.exact import MODES, Rounding, plain
from grouper.payment.fixed import Fixed

NUMBERS = st.decimals(-(10**12), 10**12, places=4) | st.decimals(-5, 5, places=4)
LISTS = st.lists(NUMBERS, min_size=1, max_size=6)
MODE = st.sampled_from(sorted(MODES))


@pytest.mark.parametrize(
    ("mode", "value", "found"),
    [
        ("half_up", "2.5", "3"),
        ("half_up", "-2.5", "-3"),
        ("half_even", "2.5", "2"),
        ("half_even", "3.5", "4"),
        ("down", "2.9", "2"),
        ("down", "-2.9", "-2"),
        ("up", "2.1", "3"),
        ("up", "-2.1", "-3"),
    ],
)
def test_modes(mode: str, value: str, found: str) -> None:
    assert Rounding(0, mode).of(Decimal(value)) == Decimal(found)
    assert Fixed.of([Decimal(value)], 1).rounded(Rounding(0, mode)).decimals() == [Decimal(found)]


def test_plain_keeps_six_places() -> None:
    assert plain(Fraction(1, 3)) == Decimal("0.333333")


@given(LISTS, LISTS)
def test_sums_and_products(left: list[Decimal], right: list[Decimal]) -> None:
    count = min(len(left), len(right))
    left, right = left[:count], right[:count]
    one, other = Fixed.of(left, 4), Fixed.of(right, 4)
    for found, said in (
        (one + other, [Fraction(a) + Fraction(b) for a, b in zip(left, right, strict=True)]),
        (one - other, [Fraction(a) - Fraction(b) for a, b in zip(left, right, strict=True)]),
        (one * other, [Fraction(a) * Fraction(b) for a, b in zip(left, right, strict=True)]),
        (one.minimum(other), [min(a, b) for a, b in zip(left, right, strict=True)]),
        (one.maximum(other), [max(a, b) for a, b in zip(left, right, strict=True)]),
    ):
        assert [Fraction(v) for v in found.decimals()] == [Fraction(v) for v in said]
    pairs = list(zip(left, right, strict=True))
    assert one.less(other).tolist() == [a < b for a, b in pairs]
    assert one.above(other).tolist() == [a > b for a, b in pairs]
    mask = np.array([a > b for a, b in pairs])
    assert one.where(mask, other).decimals() == [max(b, a) for a, b in pairs]


@given(LISTS, st.decimals(-(10**9), 10**9, places=3), st.integers(0, 6), MODE)
def test_quotients(above: list[Decimal], below: Decimal, places: int, mode: str) -> None:
    rounding = Rounding(places, mode)
    found = Fixed.of(above, 4).over(below, rounding).decimals()
    if below == 0:
        assert all(one == 0 for one in found)
    else:
        assert found == [rounding.of(Fraction(a) / Fraction(below)) for a in above]


@given(LISTS, st.integers(0, 6), MODE)
def test_rounding(values: list[Decimal], places: int, mode: str) -> None:
    rounding = Rounding(places, mode)
    assert Fixed.of(values, 4).rounded(rounding).decimals() == [rounding.of(v) for v in values]


def test_products_beyond_64_bits_stay_exact() -> None:
    large = Decimal("999999999999.99")
    found = Fixed.same(large, 3) * large * large
    assert [Fraction(v) for v in found.decimals()] == [Fraction(large) ** 3] * 3
    assert len(Fixed(np.array([], np.int64), 2) * large) == 0


HUGE = st.integers(-(2**63) + 1, 2**63 - 1).map(lambda one: Decimal(one).scaleb(-2))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("+", "-", "*", "minimum", "maximum", "where", "at", "rounded", "take")),
        NUMBERS | HUGE | st.integers(-9, 9),
        st.booleans(),
        MODE,
    ),
    min_size=1,
    max_size=7,
)


@given(st.lists(NUMBERS | HUGE, min_size=1, max_size=5), STEPS)
def test_no_number_exceeds_its_bound_whatever_was_done(
    values: list[Decimal], steps: list[tuple[str, Decimal | int, bool, str]]
) -> None:
    """Bounds follow from those of what numbers were made of; one too low would let 64 bits run over."""
    found = Fixed.of(values, 4)
    exact = [Fraction(one) for one in values]
    for what, value, as_column, mode in steps:
        other = Fixed.of([value] * len(exact), 4) if as_column else value
        one = Fraction(value)
        mask = np.arange(len(exact)) % 2 == 0
        if what == "+":
            found, exact = found + other, [left + one for left in exact]
        elif what == "-":
            found, exact = found - other, [left - one for left in exact]
        elif what == "*":
            found, exact = found * other, [left * one for left in exact]
        elif what == "minimum":
            found, exact = found.minimum(other), [min(left, one) for left in exact]
        elif what == "maximum":
            found, exact = found.maximum(other), [max(left, one) for left in exact]
        elif what == "where":
            found = found.where(mask, other)
            exact = [left if at else one for left, at in zip(exact, mask, strict=True)]
        elif what == "at":
            found = found.at(found.places + 2)
        elif what == "rounded":
            rounding = Rounding(2, mode)
            found = found.rounded(rounding)
            exact = [Fraction(rounding.of(left)) for left in exact]
        else:
            found, exact = found.take(np.arange(len(exact))[::-1]), exact[::-1]
        assert [Fraction(int(unit), 10**found.places) for unit in found.units] == exact
        assert all(abs(int(unit)) <= found.bound() for unit in found.units)
        assert found.less(value).tolist() == [left < one for left in exact]
        assert found.above(value).tolist() == [left > one for left in exact]

"""Whole numbers at the edge of 64 bits: nothing runs over, whatever is done one after the other."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from grouper.payment.exact import Rounding
from grouper.payment.fixed import Fixed, largest

MOST = 2**62 - 1


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_run_on_beyond_64_bits(sign: int) -> None:
    one, other = Fixed.of([sign * MOST], 0), Fixed.of([-sign * MOST], 0)
    assert one.units.dtype == np.int64
    found, down = one, one
    for times in range(2, 6):
        found, down = found + one, down - other
        assert found.units.tolist() == down.units.tolist() == [sign * MOST * times]
        assert found.bound() >= MOST * times
    assert (found - found).units.tolist() == [0]
    assert (one + sign * MOST + sign * MOST).units.tolist() == [3 * sign * MOST]
    assert (one - -sign * MOST - -sign * MOST).units.tolist() == [3 * sign * MOST]


@pytest.mark.parametrize("factor", [2, 4, 2**31, 2**61, 2**62, 2**64])
def test_products_run_on_beyond_64_bits(factor: int) -> None:
    for number in (1, 2, 2**31 - 1, 2**31, MOST):
        one = Fixed.of([number, -number, 0], 0)
        expected = [number * factor, -number * factor, 0]
        assert (one * factor).units.tolist() == expected
        assert (one * Fixed.of([factor] * 3, 0)).units.tolist() == expected
        assert (one * factor * factor).units.tolist() == [part * factor for part in expected]


@pytest.mark.parametrize("mode", ["half_up", "half_even", "down", "up"])
def test_large_numbers_are_rounded_exactly(mode: str) -> None:
    rounding = Rounding(0, mode)
    for whole in (0, 1, 2, 2**60, 2**61 // 100, MOST // 100):
        for rest in (0, 1, 49, 50, 51, 99):
            for sign in (1, -1):
                units = sign * (whole * 100 + rest)
                found = Fixed.of([Decimal(f"{units}E-2")], 2).rounded(rounding)
                assert found.decimals() == [rounding.of(Decimal(f"{units}E-2"))], (units, mode)
                assert found.bound() >= abs(int(found.units[0]))


def test_quotients_of_nought_and_by_nought() -> None:
    rounding = Rounding(2, "half_up")
    found = Fixed.of([0, 5, -5], 0).over(Fixed.of([0, 0, 2], 0), rounding)
    assert found.decimals() == [Decimal("0.00"), Decimal("0.00"), Decimal("-2.50")]
    assert Fixed.of([1, 2], 0).over(3, rounding).decimals() == [Decimal("0.33"), Decimal("0.67")]
    assert largest(np.array([], np.int64)) == 0
    assert largest(np.array([-7, 3])) == 7
    assert largest(np.array([-3, 7])) == 7

"""Costs parted, at the very edges: the tolerance, nought, limits of prices; in both ways."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pytest
from pay_share_support import batch_of, yuan

from grouper.case.record import Case
from grouper.payment.block import Block
from grouper.payment.columns import Columns
from grouper.payment.exact import Rounding
from grouper.payment.fixed import Fixed
from grouper.payment.share.costs import Costs, costs_of
from grouper.payment.share.costs_block import _summed, costs_of_block
from grouper.payment.share.rules import Catalogue

PARTS = ("own", "first_share", "over_limit", "scope")
LINES = Catalogue(
    tolerance=Decimal(1),
    money=Rounding(2, "half_up"),
    lines=True,
    within_limit=True,
    class_b=Decimal("0.1"),
)
WHOLE = Catalogue(
    tolerance=Decimal(1),
    money=Rounding(2, "half_up"),
    lines=True,
    within_limit=False,
    class_b=None,
)


def both(cases: list[Case], catalogue: Catalogue) -> list[Costs]:
    """The costs case by case, held equal to those of one batch."""
    block = Block(columns=Columns(batch_of(cases)), policy=None, here=True, facts={})  # type: ignore[arg-type]
    many = costs_of_block(block, catalogue)
    found = [costs_of(case, catalogue) for case in cases]
    columns = {name: getattr(many, name).at(2).decimals() for name in PARTS}
    for at, one in enumerate(found):
        reason = many.reasons[at]
        assert one.reason == (None if reason is None else str(reason)), cases[at]
        if one.reason is None:
            assert [getattr(one, name) for name in PARTS] == [
                columns[name][at] for name in PARTS
            ], cases[at]
    return found


def stated(**parts: str | None) -> Case:
    names = {"total": "total_cost", "scope": "scope_cost", "own": "own_cost"}
    names |= {"over": "over_limit_cost", "first": "first_share_cost"}
    return Case(**{names[n]: None if one is None else yuan(one) for n, one in parts.items()})


ALL = {"own": "5", "over": "3", "first": "2"}
TWO = {"own": "5"}


@pytest.mark.parametrize(
    ("case", "reason", "parts"),
    [
        ({**ALL, "scope": "90", "total": "100"}, None, ("5", "2", "3", "90")),
        # As much as the tolerance is still the same total, and the scope takes the difference.
        ({**ALL, "scope": "90", "total": "101"}, None, ("5", "2", "3", "91")),
        ({**ALL, "scope": "90", "total": "99"}, None, ("5", "2", "3", "89")),
        ({**ALL, "scope": "90", "total": "101.01"}, "PAY_COST_MISMATCH", ()),
        ({**ALL, "scope": "90", "total": "98.99"}, "PAY_COST_MISMATCH", ()),
        # Two parts are not stated: a difference within the tolerance is nobody's.
        ({**TWO, "scope": "90", "total": "96"}, None, ("5", "0", "0", "91")),
        ({**TWO, "scope": "90", "total": "94"}, None, ("5", "0", "0", "89")),
        ({**TWO, "scope": "90", "total": "96.01"}, "PAY_SCOPE_MISSING", ()),
        ({**TWO, "scope": "90", "total": "93.99"}, "PAY_COST_MISMATCH", ()),
        # A single one is what is left, were it a fen.
        ({**TWO, "over": "3", "scope": "90", "total": "98.01"}, None, ("5", "0.01", "3", "90")),
        ({**TWO, "over": "3", "scope": "90", "total": "98"}, None, ("5", "0", "3", "90")),
        ({**TWO, "over": "3", "scope": "90", "total": "97"}, None, ("5", "0", "3", "89")),
        ({**TWO, "over": "3", "scope": "90", "total": "96.99"}, "PAY_COST_MISMATCH", ()),
        ({"over": "3", "first": "2", "scope": "90", "total": "99"}, None, ("4", "2", "3", "90")),
        # Without a scope it is the rest, down to nothing.
        ({**ALL, "total": "10"}, None, ("5", "2", "3", "0")),
        ({**ALL, "total": "9.99"}, "PAY_COST_MISMATCH", ()),
        ({**TWO, "total": "100"}, "PAY_SCOPE_MISSING", ()),
        ({**ALL, "scope": "90"}, None, ("5", "2", "3", "90")),
        ({**TWO, "scope": "90"}, "PAY_COST_MISSING", ()),
        ({"own": "0", "over": "0", "first": "0", "scope": "0", "total": "0"}, None, ("0",) * 4),
        ({**ALL, "own": "-0.01", "scope": "90"}, "PAY_COST_NEGATIVE", ()),
        ({**ALL, "over": "-0.01", "scope": "90"}, "PAY_COST_NEGATIVE", ()),
        ({**ALL, "first": "-0.01", "scope": "90"}, "PAY_COST_NEGATIVE", ()),
        ({**ALL, "scope": "-0.01"}, "PAY_COST_NEGATIVE", ()),
        ({**ALL, "scope": "90", "total": "-0.01"}, "PAY_COST_NEGATIVE", ()),
    ],
)
def test_what_the_record_states(
    case: dict[str, str], reason: str | None, parts: tuple[str, ...]
) -> None:
    found = both([stated(**case)], LINES)[0]
    assert found.reason == reason
    if reason is None:
        assert tuple(getattr(found, name) for name in PARTS) == tuple(map(Decimal, parts))
        assert found.total == sum(map(Decimal, parts))


def test_both_ways_agree_on_every_edge() -> None:
    some = (None, "0", "5")
    cases = [
        stated(own=own, over=over, first=first, scope=scope, total=total)
        for own, over, first, scope in product(some, some, (None, "0", "2"), (None, "0", "10"))
        for total in (None, "0", "1", "11", "11.01", "17", "18")
    ]
    found = both(cases, LINES)
    assert {one.reason for one in found} == {
        None, "PAY_COST_MISMATCH", "PAY_COST_MISSING", "PAY_SCOPE_MISSING"
    }  # fmt: skip


def lined(total: str | None = None, **lines: Any) -> Case:
    """Charge lines; amounts and limits as texts."""
    money = ("line_amount", "line_limit", "line_quantity", "line_first_share")
    columns = {
        name: tuple(None if one is None else Decimal(one) for one in values)
        if name in money
        else values
        for name, values in lines.items()
    }
    return Case(total_cost=None if total is None else yuan(total), **columns)


def line(amount: str, scope: str, limit: str | None = None, share: str | None = None) -> Case:
    return lined(
        line_amount=(amount,),
        line_scope=(scope,),
        line_limit=(limit,),
        line_quantity=("2",),
        line_first_share=(share,),
    )


@pytest.mark.parametrize(
    ("case", "catalogue", "reason", "parts"),
    [
        (line("100", "C", "1", "1"), LINES, None, ("100", "0", "0", "0")),
        (line("100", "A", "50"), LINES, None, ("0", "0", "0", "100")),
        (line("100", "A", "49.99"), LINES, None, ("0", "0", "0.02", "99.98")),
        (line("100", "A", "50.01"), LINES, None, ("0", "0", "0", "100")),
        (line("100", "A", None, "0.5"), LINES, None, ("0", "0", "0", "100")),
        (line("100", "B", None, "0.5"), LINES, None, ("0", "50", "0", "50")),
        (line("100", "B", None, "0"), LINES, None, ("0", "0", "0", "100")),
        (line("100", "B"), LINES, None, ("0", "10", "0", "90")),
        (line("100", "B"), WHOLE, "PAY_SCOPE_MISSING", ()),
        # Half a fen goes up: 0.05 × 0.10.
        (line("0.05", "B"), LINES, None, ("0", "0.01", "0", "0.04")),
        (line("0.04", "B"), LINES, None, ("0", "0", "0", "0.04")),
        # Within the limit, or of the whole; but together never more than the line.
        (line("100", "B", "30", "0.5"), LINES, None, ("0", "30", "40", "30")),
        (line("100", "B", "30", "0.5"), WHOLE, None, ("0", "50", "40", "10")),
        (line("100", "B", "30", "0.6"), WHOLE, None, ("0", "60", "40", "0")),
        (line("100", "B", "30", "0.7"), WHOLE, None, ("0", "60", "40", "0")),
        (line("-1", "A"), LINES, "PAY_COST_NEGATIVE", ()),
        (line("0", "A"), LINES, None, ("0", "0", "0", "0")),
    ],
)
def test_what_a_line_says(
    case: Case, catalogue: Catalogue, reason: str | None, parts: tuple[str, ...]
) -> None:
    found = both([case], catalogue)[0]
    assert found.reason == reason
    if reason is None:
        assert found.lines
        assert tuple(getattr(found, name) for name in PARTS) == tuple(map(Decimal, parts))


@pytest.mark.parametrize(
    ("total", "reason", "scope"),
    [
        ("100", None, "60"),
        ("101", None, "61"),
        ("99", None, "59"),
        ("101.01", "PAY_COST_MISMATCH", None),
        ("98.99", "PAY_COST_MISMATCH", None),
        (None, None, "60"),
    ],
)
def test_the_lines_against_the_total(total: str | None, reason: str | None, scope: str) -> None:
    case = lined(total, line_amount=("60", "30", "10", None), line_scope=("A", "C", "C", None))
    found = both([case], LINES)[0]
    assert found.reason == reason
    if reason is None:
        assert (found.scope, found.own) == (Decimal(scope), 40)


def test_nothing_is_left_of_the_scope_but_not_less() -> None:
    whole = {"line_amount": ("100",), "line_scope": ("C",)}
    assert both([lined("100", **whole)], LINES)[0].scope == 0
    assert both([lined("99.99", **whole)], LINES)[0].reason == "PAY_COST_MISMATCH"


def test_a_refund_is_a_charge_mirrored() -> None:
    case = lined(
        line_amount=("100", "-50", "10"),
        line_scope=("B", "B", "C"),
        line_limit=("30", "30", None),
        line_quantity=("2", "-1", None),
        line_first_share=("0.5", "0.5", None),
    )
    # 40 − 20 above the limits, (60 − 30) × 0.5 first share.
    found = both([case], LINES)[0]
    assert (found.own, found.over_limit, found.first_share, found.scope) == (10, 20, 15, 15)


def test_lines_are_not_read_where_the_policy_does_not_read_them() -> None:
    shut = Catalogue(
        tolerance=Decimal(1), money=LINES.money, lines=False, within_limit=True, class_b=None
    )
    case = line("100", "A")
    assert [one.reason for one in both([case, stated(total="5")], shut)] == [
        "PAY_SCOPE_MISSING"
    ] * 2
    assert both([Case()], shut)[0].reason == "PAY_COST_MISSING"
    assert both([Case()], LINES)[0].reason == "PAY_COST_MISSING"


def test_the_lines_of_each_case_are_its_own() -> None:
    lines = {"line_scope": ("C", "A"), "line_quantity": (None, None)}
    cases = [
        lined(line_amount=("1", "2"), **lines),
        Case(),
        lined(line_amount=("10", "20"), **lines),
        lined(line_amount=("100", "200"), **lines),
        stated(total="7"),
    ]
    found = both(cases, LINES)
    assert [(one.own, one.scope) for one in found if one.reason is None] == [
        (1, 2), (10, 20), (100, 200)
    ]  # fmt: skip


def test_sums_beyond_64_bits_are_exact() -> None:
    most = 10**14 - 1  # the greatest amount, in fen
    count = 2**63 // most + 1
    for units, cases in ((np.full(count, most), 1), (np.full(2 * count, most), 2)):
        of = np.repeat(np.arange(cases), count)
        found = _summed(Fixed(units, 2), of, cases)
        assert found.units.tolist() == [most * count] * cases
    short = _summed(Fixed(np.full(3, -most), 2), np.zeros(3, np.int64), 1)
    assert (short.units.dtype, short.units.tolist()) == (np.int64, [-3 * most])
    assert _summed(Fixed(np.zeros(0, np.int64), 2), np.zeros(0, np.int64), 2).units.tolist() == [
        0,
        0,
    ]

"""Likely reasons of differences with the bureau, told from the figures of both sides."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.payment.settlement.causes import Cause, cause_totals, causes
from grouper.payment.settlement.exactly import total
from grouper.payment.settlement.reconcile import Entry, State

D = Decimal
OURS: dict[str, Any] = {
    "group": "FR11",
    "points": D("100.000000"),
    "amount": D("9000.00"),
    "fund": D("7000.00"),
}


def entry(
    differs: tuple[str, ...] = (), ours: dict[str, Any] | None = None, **theirs: Any
) -> Entry:
    """A case that differs; what the bureau does not say is empty."""
    told = {"group": None, "points": None, "amount": None, "fund": None} | theirs
    deduction = told.pop("deduction", D("0.00"))
    return Entry(
        case_id="C1",
        state=State.DIFFERENT,
        ours=OURS | (ours or {}),
        theirs=told,
        differs=differs,
        deduction=deduction,
    )


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        pytest.param(entry(("group", "points", "fund"), fund=D(1)), Cause.GROUP, id="group"),
        pytest.param(entry(("points", "fund"), fund=D(1)), Cause.POINTS, id="points"),
        pytest.param(
            entry(("fund",), fund=D("6900.00"), deduction=D("100.00")), Cause.DEDUCTED, id="net"
        ),
        pytest.param(
            entry(("fund",), fund=D("6900.00"), deduction=D("90.00")), Cause.OTHER, id="not net"
        ),
        pytest.param(
            entry(("fund",), fund=D("6900.00"), amount=D("9000.00")), Cause.SHARE, id="share"
        ),
        pytest.param(
            entry(("amount", "fund"), fund=D("6900.00"), amount=D("8900.00")),
            Cause.OTHER,
            id="amount",
        ),
        pytest.param(entry(("fund",), fund=D("6900.00")), Cause.OTHER, id="alone"),
    ],
)
def test_one_case_tells(made: Entry, wanted: Cause) -> None:
    assert causes([made]) == [wanted]


@pytest.mark.parametrize("state", [one for one in State if one is not State.DIFFERENT])
def test_a_state_is_a_reason_of_its_own(state: State) -> None:
    wanted = Cause.NONE if state is State.MATCHED else Cause(state.value)
    assert causes([Entry(case_id="C1", state=state)]) == [wanted]


def differing(points: Decimal, by: Decimal) -> Entry:
    """A case whose fund's part differs by so much, rounded to the fen."""
    fund = OURS["fund"] + by.quantize(D("0.01"))
    return entry(("fund",), {"points": points}, fund=fund)


@given(
    points=st.lists(st.decimals("0.5", "3000", places=6), min_size=3, max_size=30),
    value=st.decimals("-3", "3", places=4).filter(lambda one: abs(one) > D("0.2")),
)
@settings(max_examples=60, deadline=None)
def test_the_same_difference_a_point_is_found_whatever_is_rounded(
    points: list[Decimal], value: Decimal
) -> None:
    # Cases of few points tell the value roughly: it is told by those of many.
    points = [one + 200 for one in points]
    found = causes([differing(one, one * value) for one in points])
    assert set(found) == {Cause.POINT_VALUE}


def test_two_cases_and_odd_ones_are_left() -> None:
    same = [differing(D(n), D(n) / 4) for n in (100, 200, 400)]
    odd = [differing(D(300), D("12.34")), differing(D(300), D("-99.99"))]
    told = causes([*odd, *same])
    assert told == [Cause.OTHER] * 2 + [Cause.POINT_VALUE] * 3
    assert causes(same[:2]) == [Cause.OTHER] * 2
    without = [entry(("fund",), {"points": None}, fund=D("6900.00")) for _ in range(3)]
    assert causes(without) == [Cause.OTHER] * 3


def test_the_amount_goes_before_the_funds_part() -> None:
    found = [
        entry(
            ("amount", "fund"),
            {"points": D(n)},
            amount=OURS["amount"] + D(n),
            fund=OURS["fund"] + D(n * n),
        )
        for n in (100, 150, 200)
    ]
    assert causes(found) == [Cause.POINT_VALUE] * 3


def test_totals_add_up() -> None:
    entries = [differing(D(n), D(n) / 4) for n in (100, 200, 400)]
    entries += [entry(("group",), fund=D("7001.00")), Entry(case_id="C", state=State.MATCHED)]
    told = cause_totals(entries, causes(entries))
    assert [one.cause for one in told] == [Cause.NONE, Cause.GROUP, Cause.POINT_VALUE]
    assert sum(one.cases for one in told) == len(entries)
    apart = total(one.difference for one in told)
    assert apart == total(one.difference for one in entries) == D("176.00")

"""What if: worked by hand, the identity, break-even, and cases priced anew."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from settlement_support import D, case, policies_of, random_rows, table, value, when

from codebooks.errors import GrouperError
from codebooks.policies.policies import Policies, policies
from grouper.payment.exact import Rounding
from grouper.payment.place import Terms
from grouper.payment.settlement.at_point_value import Pointed
from grouper.payment.settlement.changes import (
    Changes,
    Growth,
    PointChange,
    read_growth,
    read_point,
    read_share,
    read_value,
)
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.files import write_result
from grouper.payment.settlement.simulate import MOST_GROWTHS, Simulation, simulate
from grouper.payment.settlement.simulation_words import (
    simulation_document,
    simulation_lines,
    simulation_sheets,
)

DAY = when("2026-11-30T00:00:00").date()
MONEY = Rounding(2, "half_up")
# 120.5 points at 100 yuan, and 80.
ROWS = (
    case(
        1,
        method="drg_points",
        department="骨科",
        points=D("120.5"),
        point_value=D(100),
        amount=D("12050.00"),
        deducted=D("3000.00"),
        patient=D("3100.00"),
        total_cost=D("13000.00"),
    ),
    case(
        2,
        method="drg_points",
        points=D(80),
        point_value=D(100),
        amount=D("8000.00"),
        deducted=D("2000.00"),
        patient=D("2050.00"),
        total_cost=D("7000.00"),
    ),
)


def run(rows: Any, at_hand: Policies | None = None, **changes: Any) -> Simulation:
    policy = (at_hand or policies()).on("demo", DAY)
    return simulate(table(*rows), Changes(**changes), policy=policy)


def test_if_cases_rise_by_5_percent_and_the_point_falls_to_92() -> None:
    found = run(ROWS, growth=(Growth(Fraction(1, 20)),), points=(PointChange(D(92)),))
    whole = found.whole
    assert whole.before["amount"] == D("20050.00")
    assert whole.before["surplus"] == D("200.00")
    # 120.5 × 92 = 11086.00, 80 × 92 = 7360.00; × 1.05 = 19368.30; the patients' part × 1.05.
    assert whole.after["cases"] == D("2.10")
    assert whole.after["amount"] == D("19368.30")
    assert whole.after["fund"] == D("19368.30") - D("5250.00")
    # Booked 13000 − 3100 + 7000 − 2050 = 14850; × 1.05.
    assert whole.after["booked"] == D("15592.50")
    assert whole.after["surplus"] == D("-1474.20")
    difference = {line.name: line.value for line in whole.lines}
    assert difference["surplus"] == D("-1674.20")
    # All that is owed, 14850 + 5000, over 200.5 points: 99.00249.
    assert whole.point_values == ((D("92.0000"), D("99.0025")),)
    assert found.parts[0].after == whole.after


def test_growth_of_one_department() -> None:
    found = run(ROWS, growth=(Growth(Fraction(1, 2), "department", "骨科"), Growth(Fraction(1))))
    # 1 × 1.5 × 2 + 1 × 2; the department that is not stated does not grow by half.
    assert found.whole.after["cases"] == D("5.00")
    assert found.whole.after["amount"] == D("12050.00") * 3 + D("8000.00") * 2
    fewer = run(ROWS, growth=(Growth(Fraction(-1)),))
    assert set(fewer.whole.after.values()) == {D("0.00")}
    assert fewer.whole.break_even is None


def test_a_point_value_of_one_insurance() -> None:
    rows = [ROWS[0], case(2, **{**ROWS[1], "insurance_type": "390"})]
    found = run(rows, points=(PointChange(D(50), "drg_points", "resident"),))
    by = {one.insurance: one for one in found.parts}
    assert by["employee"].after == by["employee"].before
    assert by["resident"].after["amount"] == D("4000.00")
    other = run(rows, points=(PointChange(D(50), "dip_score"),))
    assert other.whole.after == other.whole.before


def test_amounts_with_a_factor_move_in_proportion() -> None:
    """RW 1.5 × rate 10000 × hospital factor 0.98 = 14700.00; at 9000 it is 13230.00."""
    row = case(
        1,
        method="drg_rate",
        points=D("1.5"),
        point_value=D(10000),
        amount=D("14700.00"),
        deducted=D(0),
        patient=D(0),
        total_cost=D("14700.00"),
    )
    found = run([row], points=(PointChange(D(9000)),))
    assert found.whole.after["amount"] == D("13230.00")
    assert found.whole.break_even == D("1.1111")


def test_cases_without_a_point_value_stay() -> None:
    row = case(3, method="by_item", amount=D("10.00"), deducted=D(0))
    found = run([*ROWS, row], points=(PointChange(D(92)),))
    by_item = next(one for one in found.parts if one.method == "by_item")
    assert by_item.after == by_item.before
    assert by_item.break_even is None


@settings(max_examples=examples(50), deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 15))
def test_no_change_changes_nothing(rng: random.Random, count: int) -> None:
    rows = random_rows(rng, count)
    found = run(rows, growth=(Growth(Fraction(0)), Growth(Fraction(1), "group", "no such")))
    assert found.whole.before == found.whole.after
    for name in found.whole.before:
        parts = sum((one.before[name] for one in found.parts), Decimal(0))
        lost = 0 if name != "cases" else sum(r["method"] is None for r in rows)
        assert parts + lost == found.whole.before[name]
    assert found.unpriced[0] == found.unpriced[1] == sum(r["method"] is None for r in rows)


@settings(max_examples=examples(50), deadline=None)
@given(
    st.randoms(use_true_random=False),
    st.decimals(0, 1000, places=4),
    st.decimals(0, 1000, places=4),
)
def test_what_is_paid_is_monotone_in_the_point_value(
    rng: random.Random, one: Decimal, other: Decimal
) -> None:
    rows = random_rows(rng, 12)
    found = []
    for point in sorted((one, other)):
        points = tuple(PointChange(point, m) for m in ("dip_score", "drg_points"))
        found.append(run(rows, points=points).whole.after)
    assert found[0]["amount"] <= found[1]["amount"]
    assert found[0]["surplus"] <= found[1]["surplus"]
    assert found[0]["booked"] == found[1]["booked"]


@settings(max_examples=examples(50), deadline=None)
@given(st.randoms(use_true_random=False))
def test_at_another_point_value_as_a_plain_reading(rng: random.Random) -> None:
    """Each case by itself, in fractions."""
    rows = random_rows(rng, 10)
    point = D(rng.randrange(10**7)).scaleb(-4)
    points = tuple(PointChange(point, m) for m in ("dip_score", "drg_points"))
    expected = Fraction(0)
    for row in rows:
        if row["amount"] is None:
            continue
        old = row["point_value"]
        if not old:
            expected += Fraction(row["amount"])
        elif MONEY.of(Fraction(row["points"]) * Fraction(old)) == row["amount"]:
            expected += Fraction(MONEY.of(Fraction(row["points"]) * Fraction(point)))
        else:
            expected += Fraction(
                MONEY.of(Fraction(row["amount"]) * Fraction(point) / Fraction(old))
            )
    assert Fraction(run(rows, points=points).whole.after["amount"]) == expected


@settings(max_examples=examples(50), deadline=None)
@given(st.randoms(use_true_random=False))
def test_at_break_even_nothing_is_left(rng: random.Random) -> None:
    rows = [r for r in random_rows(rng, 12) if r["method"] != "by_item" and r["surplus"]]
    rows = [r for r in rows if r["point_value"] and abs(r["surplus"]) < 10**9]
    if not rows:
        return
    policy = policies().on("demo", DAY)
    found = simulate(table(*rows), Changes(), policy=policy)
    if found.whole.break_even is None:
        return
    whole = Fraction(found.whole.before["amount"])
    factor = 1 - Fraction(found.whole.before["surplus"]) / whole
    assert abs(Fraction(found.whole.break_even) - factor) <= Fraction(1, 20000)
    assert (factor - 1) * whole + Fraction(found.whole.before["surplus"]) == 0


def test_the_sum_at_one_point_value_is_not_rounded_by_case() -> None:
    rows = [case(n, points=D("0.33"), point_value=D(1), amount=D("0.33")) for n in range(3)]
    pointed = Pointed.of(table(*rows), MONEY)
    assert pointed.total(pointed.plain, D("0.5")) == Fraction("0.495")
    assert Pointed.of(table(), MONEY).total(Pointed.of(table(), MONEY).plain, D(1)) == 0


def test_changes_are_read_strictly() -> None:
    assert read_share("5%") == read_share("0.05") == read_share("+5%") == Fraction(1, 20)
    assert read_share("-100%") == -1
    assert read_growth("department:骨科=-2.5%") == Growth(Fraction(-1, 40), "department", "骨科")
    assert read_growth("group:K35.8:47.01=1") == Growth(Fraction(1), "group", "K35.8:47.01")
    assert read_point("dip_score:resident=5.2") == PointChange(D("5.2"), "dip_score", "resident")
    assert read_point("92") == PointChange(D(92))
    assert read_value("settlement.kept_back=0.1") == ("settlement.kept_back", D("0.1"))
    for reads, bad, code in (
        (read_share, "five", "SIMULATE_SHARE"),
        (read_share, "-101%", "SIMULATE_SHARE"),
        (read_growth, "person:P1=5%", "SIMULATE_AXIS"),
        (read_growth, "group=5%", "SIMULATE_AXIS"),
        (read_point, "-1", "SIMULATE_POINT"),
        (read_point, "5%", "SIMULATE_POINT"),
        (read_point, "1.1234567", "SIMULATE_POINT"),
        (read_value, "settlement.no_such=1", "SIMULATE_VALUE"),
        (read_value, "no_such.kept_back=1", "SIMULATE_VALUE"),
        (read_value, "settlement.bands=1", "SIMULATE_VALUE"),
        (read_value, "settlement.kept_back=", "SIMULATE_VALUE"),
        (read_value, "settlement.kept_back=2", "POLICY_BOUNDS"),
    ):
        with pytest.raises(GrouperError) as caught:
            reads(bad)
        assert caught.value.code == code
        assert caught.value.describe("zh")
        assert caught.value.describe("en")


def test_what_cannot_be_simulated() -> None:
    both = [*ROWS, case(3, points=D(1), point_value=D(5), amount=D("5.00"), deducted=D(0))]
    huge = [case(1, **{**ROWS[0], "points": D("99999999999.5"), "amount": D("1.00")})]
    refused: tuple[tuple[Any, dict[str, Any], str], ...] = (
        (both, {"points": (PointChange(D(92)),)}, "SIMULATE_METHODS"),
        (ROWS, {"growth": (Growth(Fraction(1)),) * (MOST_GROWTHS + 1)}, "SIMULATE_GROWTHS"),
        (ROWS, {"cost": Fraction(1, 10)}, "SIMULATE_TERMS"),
        (ROWS, {"values": {"settlement.no_such": D(1)}}, "SIMULATE_VALUE"),
        (huge, {"points": (PointChange(D(10) ** 21),)}, "SIMULATE_TOO_LARGE"),
    )
    for rows, changes, code in refused:
        with pytest.raises(SettlementError) as caught:
            run(rows, **changes)
        assert caught.value.code == code
        assert caught.value.describe("zh")
        assert caught.value.describe("en")


def test_costs_grow_and_cases_are_priced_anew() -> None:
    """Under the budget by item the amount follows the costs: 1000.05 × 1.1 = 1100.055."""
    policy = policies().on("baicheng", DAY)
    row = case(
        1,
        region="baicheng",
        total_cost=D("1000.05"),
        scope_cost=D("1000.05"),
        own_cost=D(0),
        over_limit_cost=D(0),
        first_share_cost=D(0),
        patient_paid=D("100.00"),
        fund_paid=D("900.05"),
        line_item=["A", "B"],
        line_class=["09", "08"],
        line_amount=[D("1000.00"), D("0.05")],
        method="global_budget",
        amount=D("1000.05"),
        deducted=D("100.00"),
        patient=D("100.00"),
    )
    terms = Terms(region="baicheng")
    found = simulate(table(row), Changes(cost=Fraction(1, 10)), policy=policy, terms=terms)
    assert found.whole.before["amount"] == D("1000.05")
    # What the counter stated grows too: 100.00 × 1.1 is the patient's.
    assert found.whole.after["amount"] == D("1100.06")
    assert found.whole.after["deducted"] == D("110.00")
    assert found.whole.after["fund"] == D("990.06")


def test_values_of_the_policy_change_what_is_paid() -> None:
    """AB19 of Harbin 2024 has RW 36.2185: at a rate of 10000 it is paid 362,185.00."""
    harbin = policies().on("harbin", when("2024-05-01T00:00:00").date())
    row = case(
        1,
        region="harbin",
        scheme="harbin-2022",
        discharge_time=when("2024-05-01T08:00:00"),
        group="AB19",
        total_cost=D("400000.00"),
        method="drg_rate",
        amount=D("1.00"),
    )
    changes = Changes(values={"drg_rate.rate": D(10000)})
    terms = Terms(region="harbin")
    found = simulate(table(row), changes, policy=harbin, terms=terms)
    assert found.whole.after["amount"] == D("362185.00")
    rows = table(row).drop_columns(["scheme"])
    with pytest.raises(SettlementError) as caught:
        simulate(rows, changes, policy=harbin, terms=terms)
    assert (caught.value.code, caught.value.params["columns"]) == ("SIMULATE_TERMS", "scheme")


def test_a_simulation_in_words(tmp_path: Path) -> None:
    at_hand = policies_of(tmp_path, settlement=value("kept_back", "0.05"))
    found = run(ROWS, at_hand, points=(PointChange(D(92)),))
    for lang in ("zh", "en"):
        told = simulation_document(found, lang)
        text = "\n".join(simulation_lines(told))
        assert "20,050.00 → 18,446.00" in text
        assert "99.0025" in text
        path = tmp_path / f"{lang}.csv"
        write_result(path, told, simulation_lines(told), simulation_sheets(told))
        assert "20050.00,18446.00,-1604.00" in path.read_text("utf-8-sig")

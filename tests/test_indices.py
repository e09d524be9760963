"""CMI, time and cost index, low-risk mortality, the bill, surplus: by hand and by a plain reading."""

from __future__ import annotations

import math
import random
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from settlement_support import D, case, money, policies_of, table, value

from codebooks.policies.policies import policies
from codebooks.registry import registry
from grouper.payment.exact import Rounding
from grouper.payment.indices.cells import cells
from grouper.payment.indices.mortality import low_risk
from grouper.payment.indices.table import AXES, Indices, indices
from grouper.payment.indices.telling import document, header, lines
from grouper.payment.indices.telling import table as rows_of
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.looked import Looked
from grouper.payment.settlement.priced import Priced

DAY = date(2026, 11, 30)
FOUR = Rounding(4, "half_up")
MEANS = (
    "[{group: A01, mean_cost: 5000, mean_days: 10}, {group: B02, mean_cost: 2000, mean_days: 5}]"
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Looked:
    topic = value("group_means", MEANS) + value("low_risk_groups", "[{group: B02}]")
    at_hand = policies_of(tmp_path_factory.mktemp("indices"), indices=topic)
    return Looked(at_hand.on("demo", DAY))


def stay(number: int, group: str | None, weight: str | None, **known: Any) -> dict[str, Any]:
    told = {"total_cost": D("5000.00"), "los": 10, "discharge_way": "1", "department": "内科"}
    unit = None if weight is None else D(weight)
    return case(number, group=group, unit_weight=unit, **{**told, **known})


ROWS = (
    stay(1, "A01", "1500", total_cost=D("6000.00"), los=12),
    stay(2, "A01", "1500", total_cost=D("4500.00"), los=9, department="外科"),
    stay(3, "B02", "500", total_cost=D("1800.00"), los=4, discharge_way="5"),
    stay(4, "B02", "500", total_cost=D("2000.00"), los=None, discharge_way=None),
    stay(5, "C03", None, total_cost=None, los=7),
    stay(6, None, None, status="ungrouped"),
    stay(7, "A01", "9999", kind="outpatient"),
)


def found(rows: Any, looked: Looked, axis: str | None = None, **more: Any) -> Indices:
    return indices(table(*rows), looked, axis, **more)


def test_indices_worked_by_hand(ours: Looked) -> None:
    whole = found(ROWS, ours).whole
    assert (whole.cases, whole.groups) == (6, 3)
    # Scores of 1000 are a weight of 1: 1.5 + 1.5 + 0.5 + 0.5 = 4 of four cases; C03 and the case
    # without a group have no weight.
    assert (whole.total_weight, whole.cmi, whole.weighed) == (D(4), D("1.0000"), 4)
    # 6000/5000 + 4500/5000 + 1800/2000 + 2000/2000 = 1.2 + 0.9 + 0.9 + 1 over four; C03, of no
    # regional mean, states no cost.
    assert (whole.cost_index, whole.costed) == (D("1.0000"), 4)
    # 12/10 + 9/10 + 4/5 + 7/7 (C03 beside the hospital's own mean) over four.
    assert (whole.time_index, whole.stayed) == (D("0.9750"), 4)
    assert (whole.deaths, whole.mortality) == (1, D("0.200000"))
    # Of the two in B02 one states how it ended: with death.
    assert (whole.low_risk_cases, whole.low_risk_deaths) == (1, 1)
    assert whole.low_risk_mortality == D("1.000000")
    assert whole.mean_cost == D("3860.00")
    assert whole.mean_days == D("8.40")


def test_by_department_and_by_group(ours: Looked) -> None:
    by = {one.key: one for one in found(ROWS, ours, "department").rows}
    assert by["外科"].cost_index == D("0.9000")
    assert by["外科"].cmi == D("1.5000")
    assert by["内科"].cases == 5
    groups = found(ROWS, ours, "group")
    by = {one.key: one for one in groups.rows}
    assert by["B02"].time_index == D("0.8000")
    assert by["B02"].cost_index == D("0.9500")
    assert by[None].cmi is None
    assert dict(groups.sources) == {"policy": 2, "own": 1}


def test_the_book_gives_means_where_no_policy_does() -> None:
    """The first group of Pingdingshan's catalogue: mean cost and stay as it prints them."""
    book = registry().book("dip-pingdingshan-2025").tables["groups"].slice(0, 1).to_pylist()[0]
    rows = [stay(1, book["group"], "1000", total_cost=D("1000.00"), los=3)]
    own = found(rows, Looked(policies().on("demo", DAY)))
    assert dict(own.sources) == {"book": 1}
    assert own.whole.cost_index == FOUR.of(Fraction(1000) / Fraction(book["mean_cost"]))
    assert own.whole.time_index == FOUR.of(Fraction(3) / Fraction(book["mean_los"]))
    # A scheme that is no book at hand, and one without means, leave the hospital's own.
    for scheme in ("no-such", "chs-drg-2.0", None):
        rows = [stay(1, "A01", "1000", scheme=scheme)]
        assert dict(found(rows, Looked(policies().on("demo", DAY))).sources) == {"own": 1}


def test_the_means_of_points_serve_too(tmp_path: Path) -> None:
    """A table of base points tells the cost; the stay it does not tell is the hospital's own."""
    groups = "[{group: A01, kind: stay, base_points: 100, mean_cost: 4000}]"
    at_hand = policies_of(tmp_path, drg_points=value("groups", groups))
    rows = [stay(1, "A01", "1", los=6), stay(2, "A01", "1", los=12)]
    told = found(rows, Looked(at_hand.on("demo", DAY)), "group").rows[0]
    assert told.cost_index == D("1.2500")
    assert told.time_index == D("1.0000")


def test_shares_of_the_bill(ours: Looked) -> None:
    bill = {
        "line_item": ["1", "2", "3", "4"],
        "line_class": ["09", "08", "04", None],
        "line_amount": [D("50.00"), D("30.00"), D("15.00"), D("5.00")],
    }
    rows = [stay(1, "A01", "1", **bill), stay(2, "A01", "1", kind="outpatient", **bill)]
    whole = found(rows, ours).whole
    assert whole.billed == D("100.00")
    assert whole.shares["drugs"] == D("0.5000")
    assert whole.shares["materials"] == D("0.3000")
    assert whole.shares["tests"] == D("0.1500")
    assert whole.shares["service"] == D("0.0000")
    assert found([stay(1, "A01", "1")], ours).whole.shares["drugs"] is None
    uneven = {**bill, "line_class": []}
    assert found([stay(1, "A01", "1", **uneven)], ours).whole.shares["drugs"] == D("0.0000")


def test_charges_in_a_table_of_their_own(ours: Looked) -> None:
    charges = pa.table(
        {
            "case_id": ["CASE2", "CASE1", "OTHER", "CASE2", None],
            "line_class": pa.array(["09", "08", "09", "10", "09"]).dictionary_encode(),
            "line_amount": pa.array(
                [D("10.00"), D("20.00"), D("99.00"), D("30.00"), D("5.00")], pa.decimal128(14, 2)
            ),
        }
    )
    rows = [stay(1, "A01", "1"), stay(2, "A01", "1", department="外科"), stay(3, "A01", "1")]
    rows[2]["case_id"] = None
    by = {one.key: one for one in found(rows, ours, "department", charges=charges).rows}
    assert (by["内科"].billed, by["内科"].shares["drugs"]) == (D("20.00"), D("0.0000"))
    assert (by["外科"].billed, by["外科"].shares["drugs"]) == (D("40.00"), D("1.0000"))
    whole = found(rows, ours, charges=charges).whole
    assert whole.billed == D("60.00")
    with pytest.raises(SettlementError) as caught:
        found(rows, ours, charges=charges.drop_columns(["line_class"]))
    assert caught.value.code == "SETTLE_COLUMN"
    wrong = charges.set_column(2, "line_amount", pa.array(["a"] * 5))
    with pytest.raises(SettlementError) as caught:
        found(rows, ours, charges=wrong)
    assert caught.value.code == "SETTLE_COLUMN_TYPE"


def test_a_table_without_lines(ours: Looked) -> None:
    rows = table(*ROWS).drop_columns(["line_class"])
    assert indices(rows, ours).whole.billed == 0


def test_low_risk_groups_are_estimated_where_none_are_listed() -> None:
    """ln of 1 %, 2 %, 4 % and 40 %: only the first lies a standard deviation below the mean."""
    rows = []
    for group, deaths in (("A", 1), ("B", 2), ("C", 4), ("D", 40), ("E", 0)):
        rows += [stay(n, group, None, discharge_way="5" if n < deaths else "1") for n in range(100)]
    rows += [stay(n, "F", None, discharge_way="5") for n in range(3)]
    looked = Looked(policies().on("demo", DAY))
    whole = found(rows, looked)
    logs = [math.log(one) for one in (0.01, 0.02, 0.04, 0.4)]
    mean = sum(logs) / 4
    deviation = math.sqrt(sum((one - mean) ** 2 for one in logs) / 4)
    low = [one for one in logs if one < mean - deviation]
    assert (whole.low_risk, whole.estimated) == (len(low), True)
    assert (whole.whole.low_risk_cases, whole.whole.low_risk_deaths) == (100, 1)
    assert "indices.low_risk_min_cases" in whole.assumptions
    none = Priced.of(table(stay(1, "A", None)), looked.policy)
    assert low_risk(looked, cells(none, None, ["5"])).groups == frozenset()


@settings(max_examples=examples(60), deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 25))
def test_as_a_plain_reading(rng: random.Random, count: int) -> None:
    """Each index by its definition, case by case in fractions."""
    rows = [
        stay(
            n,
            rng.choice(["A01", "B02", "C03", None]),
            rng.choice([None, "1000", "512.3456"]),
            total_cost=rng.choice([None, money(rng)]),
            los=rng.choice([None, 0, 3, 9]),
            kind=rng.choice(["inpatient"] * 4 + ["outpatient"]),
            status=rng.choice(["grouped"] * 4 + ["ambiguous"]),
            department=rng.choice(["内科", "外科", None]),
        )
        for n in range(count)
    ]
    looked = Looked(policies().on("demo", DAY))
    told = found(rows, looked, "department")
    stays = [r for r in rows if r["kind"] == "inpatient"]
    for one in (*told.rows, told.whole):
        mine = [r for r in stays if one is told.whole or r["department"] == one.key]
        assert one.cases == len(mine)
        weights = [Fraction(r["unit_weight"]) / 1000 for r in mine if r["unit_weight"]]
        assert one.cmi == (FOUR.of(sum(weights) / len(weights)) if weights else None)
        for name, field in (("cost_index", "total_cost"), ("time_index", "los")):
            ratios = []
            for r in mine:
                peers = [
                    Fraction(s[field])
                    for s in stays
                    if s["group"] == r["group"]
                    and s["status"] == "grouped"
                    and s[field] is not None
                ]
                known = r["status"] == "grouped" and r["group"] and r[field] is not None
                if known and sum(peers):
                    ratios.append(Fraction(r[field]) * len(peers) / sum(peers))
            expected = FOUR.of(sum(ratios) / len(ratios)) if ratios else None
            assert getattr(one, name) == expected
    if told.whole.cost_index is not None:
        # Beside its own means a hospital's index is 1, whatever its cases cost.
        assert told.whole.cost_index == 1
    for name in ("cases", "weighed", "costed", "stayed", "deaths"):
        assert sum(getattr(one, name) for one in told.rows) == getattr(told.whole, name)
    assert sum((one.sums.surplus for one in told.rows), Decimal(0)) == told.whole.sums.surplus


def test_every_axis_adds_up(ours: Looked) -> None:
    for axis in AXES:
        told = found(ROWS, ours, axis)
        assert sum(one.cases for one in told.rows) == told.whole.cases
        for lang in ("zh", "en"):
            assert lines(document(told, lang))


def test_a_table_of_nothing(ours: Looked) -> None:
    told = found((), ours, "group")
    assert told.rows == ()
    assert told.whole.cmi is None
    text = "\n".join(lines(document(told, "zh")))
    assert "CMI —" in text


def test_indices_in_words(ours: Looked) -> None:
    told = document(found(ROWS, ours, "department"), "zh")
    text = "\n".join(lines(told))
    assert "CMI 1.00" in text
    assert "死亡率 20%" in text
    assert "低风险病组 1 个：1 例，死亡 1 例，死亡率 100%" in text
    assert "外科：1 例，CMI 1.50，时间指数 0.90，费用指数 0.90" in text
    head, rows = header(told), rows_of(told)
    assert {len(row) for row in rows} == {len(head)}
    assert [row[0] for row in rows] == ["内科", "外科", "全部"]
    assert rows[-1][head.index("总权重")] == "4.000000"

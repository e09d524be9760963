"""The two ways of reckoning a share agree on any case under any policy, and the parts hang together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pay_quota_support import policy
from pay_share_support import NO_GROUP, batch_of, both, held, same, worked, yuan

from codebooks.policies.policy import Policy
from grouper.case.record import Case
from grouper.payment.asked import Asked
from grouper.payment.block import Block
from grouper.payment.columns import Columns
from grouper.payment.share import Share, share, share_block

FACTS: dict[str, str | None] = {
    "insurance": "employee",
    "level": "III",
    "hospital": "H00000000001",
    "person": None,
    "aid": "subsistence",
    "kind": "inpatient",
    "visit_type": None,
}
PARTS = ("within_scope", "first_share", "over_limit", "own_cost")
COUNTED = ("deductible", "coinsurance", "above_ceiling", "first_share")
RELAXED = settings(
    max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

shares = st.decimals(0, 1, places=2)
amounts = st.one_of(
    st.just(Decimal(0)), st.decimals(0, 50000, places=0), st.decimals(0, 10**7, places=2)
)
money = st.one_of(
    st.decimals(0, 100, places=2),
    st.decimals(0, 10**6, places=2),
    st.just(Decimal("999999999999.99")),
)


def some(names: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), unique=True).map(tuple)


@st.composite
def bands(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    lows = draw(st.lists(st.decimals(0, 200000, places=0), max_size=3, unique=True))
    return tuple({"above": low, "ratio": draw(shares)} for low in lows)


@st.composite
def layers(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "rank": rank,
            "name": f"补充 {rank}",
            "benefit": None,
            "insurance": draw(st.sampled_from([None, ("employee",), ("resident",)])),
            "aid": draw(st.sampled_from([None, ("subsistence",)])),
            "counts": draw(some(PARTS)),
            "deductible": draw(amounts),
            "ratio": draw(shares),
            "ceiling": draw(st.one_of(st.none(), amounts)),
        }
        for rank in range(draw(st.integers(0, 3)))
    )


@st.composite
def terms(draw: st.DrawFn) -> dict[str, Any]:
    steps = draw(st.lists(st.integers(1, 4), max_size=3, unique=True))
    return {
        "general.money_places": draw(st.sampled_from([2, 2, 1, 0])),
        "general.money_rounding": draw(st.sampled_from(["half_up", "half_even", "down", "up"])),
        "benefit.deducted": draw(some(PARTS)),
        "benefit.stated_first": draw(st.booleans()),
        "benefit.first_share_of": draw(st.sampled_from(["within_limit", "amount"])),
        "benefit.class_b_share": draw(st.one_of(st.none(), shares)),
        "benefit.deductible": tuple({"admission": n, "amount": draw(amounts)} for n in steps),
        "benefit.deductible_period": draw(st.sampled_from(["stay", "year"])),
        "benefit.ratio": draw(bands()),
        "benefit.ratio_of": draw(st.sampled_from(["cost", "above_deductible"])),
        "benefit.has_ceiling": draw(st.booleans()),
        "benefit.ceiling": draw(amounts),
        "critical_illness.in_force": draw(st.booleans()),
        "critical_illness.counts": draw(some(COUNTED)),
        "critical_illness.threshold": draw(amounts),
        "critical_illness.threshold_of": draw(st.sampled_from(["burden", "payments"])),
        "critical_illness.threshold_factor": draw(shares),
        "critical_illness.ratios": draw(bands()),
        "critical_illness.ratio_bonus": draw(shares),
        "critical_illness.has_ceiling": draw(st.booleans()),
        "critical_illness.ceiling": draw(amounts),
        "critical_illness.ceiling_of": draw(st.sampled_from(["critical", "with_basic"])),
        "medical_aid.in_force": draw(st.booleans()),
        "medical_aid.counts": draw(some(PARTS)),
        "medical_aid.deductible": draw(amounts),
        "medical_aid.ratio": draw(shares),
        "medical_aid.has_ceiling": draw(st.booleans()),
        "medical_aid.ceiling": draw(amounts),
        "supplement.layers": draw(layers()),
    }


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(0, 4))
    each = {
        "line_item": st.just("X"),
        "line_amount": st.one_of(st.none(), st.decimals(-50, 500, places=2)),
        "line_scope": st.sampled_from(["A", "B", "C", "A", "B", None]),
        "line_limit": st.one_of(st.none(), st.decimals(0, 100, places=2)),
        "line_quantity": st.one_of(st.none(), st.decimals(-3, 9, places=4)),
        "line_first_share": st.one_of(st.none(), st.decimals(0, 1, places=4)),
    }
    told = {name: tuple(draw(one) for _ in range(count)) for name, one in each.items()}
    return {name: () if draw(st.integers(0, 9)) == 0 else one for name, one in told.items()}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    values: dict[str, Any] = {}
    for name in ("own_cost", "over_limit_cost", "first_share_cost", "scope_cost"):
        values[name] = draw(st.one_of(money, money, money, st.none()))
    stated = [one for one in values.values() if one is not None]
    whole = sum(stated, Decimal(0)) + draw(st.sampled_from([Decimal(0)] * 4 + [Decimal("0.7")]))
    total = draw(st.sampled_from([whole, whole, whole, whole + draw(money), None, Decimal(-1)]))
    # What the column can hold.
    values["total_cost"] = None if total is None else min(total, Decimal("999999999999.99"))
    if draw(st.booleans()):
        values |= draw(lines())
        if draw(st.booleans()):
            values |= dict.fromkeys(("own_cost", "scope_cost"))
            told = [one for one in values["line_amount"] if one is not None]
            values["total_cost"] = draw(st.sampled_from([None, sum(told, Decimal(0))]))
    for name in ("year_deductible", "year_basic", "year_burden", "year_critical"):
        values[name] = draw(
            st.one_of(amounts, amounts, amounts, st.sampled_from([None, Decimal(-1)]))
        )
    values["admission_number"] = draw(st.sampled_from([1, 2, 3, 9, 1, 2, None, -1, 0]))
    if draw(st.integers(0, 4)) == 0:
        values["patient_paid"] = draw(st.one_of(money, st.just(Decimal(-1))))
        total = values["total_cost"]
        rest = None if total is None else max(total - abs(values["patient_paid"]), Decimal(-1))
        values["fund_paid"] = draw(st.sampled_from([None, rest]))
    return Case(**values)


def one_way(case: Case, by: Policy) -> tuple[Share, Asked]:
    asked = Asked(
        case=case,
        grouping=NO_GROUP,
        family="",
        policy=by,
        day=date(2025, 6, 1),
        here=True,
        facts=FACTS,
    )
    return share(asked), asked


@settings(RELAXED, max_examples=examples(150))
@given(st.lists(cases(), min_size=1, max_size=6), terms())
def test_both_ways_agree(told: list[Case], values: dict[str, Any]) -> None:
    by = policy(values)
    block = Block(columns=Columns(batch_of(told)), policy=by, here=True, facts=FACTS)
    many = share_block(block)
    for place, case in enumerate(told):
        one, asked = one_way(case, by)
        same(one, many, place)
        held(one)
        assert set(asked.sheet.asked) == set(block.asked)
        if one.reason is None:
            values = {line.name: line.value for line in asked.sheet.lines}
            assert values["deducted"] == one.deducted
            assert values["settled" if one.settled else "patient"] == one.patient


@RELAXED
@given(cases(), terms())
def test_lines_come_out_of_their_formulas(case: Case, values: dict[str, Any]) -> None:
    by = policy(values)
    one, asked = one_way(case, by)
    if one.reason is not None:
        return
    # Where money is rounded to the jiao or yuan a line may be off by as much.
    places = int(by.value("general.money_places").number)
    for line in asked.sheet.lines:
        result = worked(line)
        if result is not None:
            assert abs(result - Decimal(line.value)) <= Decimal(10) ** -places, line


PAID = ("within_scope", "first_share", "over_limit", "own_cost")


def plain(by: Policy) -> Policy:
    """The same policy rounded to the fen, and without what makes a dearer stay cheaper.

    That is the gate which opens at the payments' threshold, and payers that speak of different
    parts: what one pays of the first part leaves the other part whole for the next payer, and both
    together may pay more than the yuan that is added.
    """
    values = dict(by.values)
    for name, value in (
        ("general.money_places", 2),
        ("critical_illness.threshold_of", "burden"),
        ("benefit.stated_first", False),
    ):
        values[name] = replace(values[name], value=value)
    if "medical_aid.counts" in values:
        values["medical_aid.counts"] = replace(values["medical_aid.counts"], value=PAID)
    layers = values.get("supplement.layers")
    if layers is not None and layers.value is not None:
        alike = tuple({**row, "counts": PAID} for row in layers.value)
        values["supplement.layers"] = replace(layers, value=alike)
    return replace(by, values=values)


@RELAXED
@given(terms(), money, money, st.sampled_from(["scope_cost", "own_cost", "first_share_cost"]))
def test_who_costs_more_pays_no_less(
    rules: dict[str, Any], cost: Decimal, more: Decimal, which: str
) -> None:
    if cost + more > 10**11:
        return
    by = plain(policy(rules))
    known = dict.fromkeys(
        ("year_deductible", "year_basic", "year_burden", "year_critical"), yuan(0)
    )
    values: dict[str, Any] = {"own_cost": yuan(10), "over_limit_cost": yuan(5), "scope_cost": cost}
    values |= {"first_share_cost": yuan(7), "admission_number": 1, **known}
    low, _ = one_way(Case(**values), by)
    high, _ = one_way(Case(**{**values, which: values[which] + more}), by)
    assert low.reason is None
    assert high.reason is None
    # Each of at most nine roundings may go the other way by a fen.
    assert high.patient - low.patient >= Decimal("-0.09")
    others = [sum((s.basic, s.critical, s.aid, s.supplements)) for s in (low, high)]
    assert others[1] - others[0] >= Decimal("-0.09")


@RELAXED
@given(terms(), money, shares)
def test_a_better_ratio_never_costs_the_patient_more(
    rules: dict[str, Any], cost: Decimal, ratio: Decimal
) -> None:
    by = plain(policy(rules))
    table = ({"above": Decimal(0), "ratio": ratio},)
    better = ({"above": Decimal(0), "ratio": min(ratio + Decimal("0.1"), Decimal(1))},)
    known = dict.fromkeys(
        ("year_deductible", "year_basic", "year_burden", "year_critical"), yuan(0)
    )
    case = Case(
        own_cost=yuan(0),
        over_limit_cost=yuan(0),
        first_share_cost=yuan(0),
        scope_cost=cost,
        admission_number=1,
        **known,
    )
    found = []
    for rows in (table, better):
        values = {**by.values, "benefit.ratio": replace(by.values["benefit.ratio"], value=rows)}
        # Whether what is left counts towards later layers is another matter.
        values["critical_illness.in_force"] = replace(
            values["critical_illness.in_force"], value=False
        )
        found.append(one_way(case, replace(by, values=values))[0])
    assert found[1].basic >= found[0].basic - Decimal("0.02")
    assert found[1].patient <= found[0].patient + Decimal("0.09")


def test_the_shipped_policies_agree_on_odd_cases() -> None:
    # Without region, insurance or day; from anywhere; of every kind of visit.
    odd = [
        Case(region=region, insured_region=place, insurance_type=insurance, kind=kind)
        for region in (None, "demo", "guangxi", "nowhere")
        for place in (None, "demo", "nowhere")
        for insurance in (None, "310")
        for kind in ("inpatient", "outpatient", "long_stay")
    ]
    assert all(found is None for found, _ in both(odd))

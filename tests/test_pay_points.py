"""DRG by points: worked examples, both ways alike, and the laws of the points."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pay_points_support import Stay, block_of, both, exact, number, one, stay, stays, written
from pay_quota_support import FACTS, policy
from pay_quota_support import asked as asked_of

from codebooks.policies.yaml_nodes import PolicyError
from grouper.case.record import Case
from grouper.payment.methods.drg_points import METHOD
from grouper.payment.reasons import PayReason, PayWarning
from grouper.payment.result import Band

D = Decimal
RESIDENT = {**FACTS, "insurance": "resident"}


def group(code: str, base: Any = None, mean: Any = None, day: Any = None) -> dict[str, Any]:
    kind = "bed_day" if code.startswith("B") else None
    cells = {"base_points": base, "mean_cost": mean, "bed_day_points": day}
    told = {name: None if cell is None else D(cell) for name, cell in cells.items()}
    return {"group": code, "kind": kind, "mean_days": None, "cases": None, "cv": None, **told}


def factor(code: str, stated: Any = None, own: Any = None) -> dict[str, Any]:
    cells = {"factor": stated, "hospital_mean": own}
    return {"group": code} | {n: None if c is None else D(c) for n, c in cells.items()}


def bands(*rows: tuple[Any, Any]) -> tuple[dict[str, Decimal], ...]:
    return tuple({"at_least": D(least), "limit": D(limit)} for least, limit in rows)


# The area of a public demonstration: mean cost 5270.76 yuan, scale 100, a point of residents is
# worth 52.8094 yuan, of employees 53.8381 (docs of the demonstration, cited in the demo's policy).
# A group of 1.5 times the mean cost (7906.14) has 150 base points; a hospital whose mean in it is
# 8696.754 has a cost factor of 1.1.
PLAIN: dict[str, Any] = {
    "drg_points.groups": (
        group("G1", "150", "7906.14"),
        group("G2", "60.1234", "3168.96"),
        group("G3", "400", "21083.04"),
        group("G4", "80"),
        group("G5", "0", "100"),
        group("G6", "30", "0"),
        group("B1", day="12.5"),
        group("B2", "70", "3000"),
    ),
    "drg_points.cost_factors": {
        "H00000000001": (
            factor("G1", own="8696.754"),
            factor("G2", "0.95", "4000"),
            factor("G4", own="4000"),
        ),
        "*": (),
    },
    "drg_points.default_factor": D(1),
    "drg_points.incomplete_ways": ("2", "4"),
    "drg_points.bed_day_minimum": D(1),
    "drg_points.point_value": {"employee": D("53.8381"), "resident": D("52.8094")},
}
LIMITS = PLAIN | {
    "drg_points.low_limit": D("0.4"),
    "drg_points.high_limits": bands((0, 3), (100, "2.5"), (300, 2)),
    "drg_points.review_ratio": D(3),
}
RETURN = LIMITS | {
    "drg_points.readmission_days": 10,
    "drg_points.readmission_reduces": "earlier",
    "drg_points.readmission_share": D("0.5"),
    "drg_points.readmission_exempt": ("Z51.0", "Z51.1"),
}


def test_a_complete_stay_earns_base_points_times_cost_factor() -> None:
    # 8696.754 ÷ 7906.14 = 1.1; 150 × 1.1 = 165 points; 165 × 52.8094 = 8713.551.
    outcome, asked = both(METHOD, [stay(8000)], policy(PLAIN), RESIDENT)[0]
    assert outcome.amount == D("8713.55")
    assert (outcome.points, outcome.unit_weight) == (D("165.000000"), D("150.000000"))
    assert (outcome.point_value, outcome.band) == (D("52.809400"), Band.NORMAL)
    assert exact(asked, "cost_factor") * 10 == 11
    # Of an employee: 165 × 53.8381 = 8883.2865.
    assert one(METHOD, stay(8000), policy(PLAIN)).amount == D("8883.29")


def test_a_stated_factor_goes_before_the_means_and_a_new_group_has_factor_one() -> None:
    # 60.1234 × 0.95 = 57.11723, to four places 57.1172; × 53.8381 = 3075.08152….
    outcome = one(METHOD, stay(3000, "G2"), policy(PLAIN))
    assert (outcome.points, outcome.amount) == (D("57.117200"), D("3075.08"))
    # 400 × 1 × 53.8381.
    assert one(METHOD, stay(30000, "G3"), policy(PLAIN)).amount == D("21535.24")
    elsewhere = {**FACTS, "hospital": "H00000000002"}
    assert one(METHOD, stay(8000), policy(PLAIN), elsewhere).points == D(150)


@pytest.mark.parametrize(
    ("cost", "points"),
    [
        ("3953.07", "75.000000"),  # half the group's mean, half its base points
        ("7906.14", "150.000000"),
        ("79061.40", "150.000000"),  # ten times the mean: at most the base points
        ("0.00", "0.000000"),
    ],
)
def test_an_incomplete_stay_earns_what_it_cost_at_most_the_base_points(
    cost: str, points: str
) -> None:
    outcome, asked = both(METHOD, [stay(cost, discharge_way="4")], policy(LIMITS))[0]
    assert (outcome.points, outcome.band) == (D(points), Band.INCOMPLETE)
    assert any("离院方式 4" in row and "2, 4" in row for row in written(asked))


def test_a_stay_below_the_policys_share_is_incomplete() -> None:
    terms = policy(PLAIN | {"drg_points.incomplete_below": D("0.5")})
    below, at = both(METHOD, [stay("3953.06"), stay("3953.07")], terms)
    assert below[0].band is Band.INCOMPLETE
    # 150 × 3953.06 ÷ 7906.14 = 74.99981….
    assert below[0].points == D("74.999800")
    assert at[0].band is Band.NORMAL


def test_low_outliers() -> None:
    # 0.4 × 7906.14 = 3162.456: 3162.45 lies below, 3162.46 does not.
    low, normal = both(METHOD, [stay("3162.45"), stay("3162.46")], policy(LIMITS))
    # 150 × 3162.45 ÷ 7906.14 = 59.99988616…; × 53.8381.
    assert (low[0].band, low[0].points, low[0].amount) == (Band.LOW, D("59.999900"), D("3230.28"))
    assert (normal[0].band, normal[0].points) == (Band.NORMAL, D(165))


def test_high_outliers_by_the_size_of_their_base_points() -> None:
    # 150 points: limit 2.5. Cost 3 × mean = 23718.42: 150 × 1.1 + 150 × (3 − 2.5) = 240.
    high = one(METHOD, stay("23718.42"), policy(LIMITS))
    assert (high.band, high.points, high.amount) == (Band.HIGH, D(240), D("12921.14"))
    assert not high.review
    assert one(METHOD, stay("23718.43"), policy(LIMITS)).review
    # At the limit itself it is none: 2.5 × 7906.14 = 19765.35.
    assert one(METHOD, stay("19765.35"), policy(LIMITS)).band is Band.NORMAL
    # 400 points: limit 2; 400 + 400 × (2.5 − 2) = 600.
    assert one(METHOD, stay("52707.60", "G3"), policy(LIMITS)).points == D(600)
    # 60.1234 points: limit 3; cost 4 × mean: 60.1234 × 0.95 + 60.1234 = 117.24063.
    assert one(METHOD, stay("12675.84", "G2"), policy(LIMITS)).points == D("117.240600")
    # Half of the excess is paid: 165 + 75 ÷ 2.
    half = policy(LIMITS | {"drg_points.high_share": D("0.5")})
    assert one(METHOD, stay("23718.42"), half).points == D("202.500000")
    # A band that begins above a group leaves it without a limit.
    from_200 = policy(LIMITS | {"drg_points.high_limits": bands((200, 2))})
    assert one(METHOD, stay("23718.42"), from_200).points == D(165)


def test_bed_day_groups_earn_points_by_the_day() -> None:
    # 40 days × 12.5 = 500 points × 53.8381.
    outcome = one(METHOD, stay(None, "B1", los=40), policy(LIMITS))
    assert (outcome.band, outcome.points, outcome.amount) == (
        Band.BED_DAY,
        D(500),
        D("26919.05"),
    )
    # Discharged on the day of admission: at least one day.
    outcome, asked = both(METHOD, [stay(900, "B1", los=0)], policy(LIMITS))[0]
    assert outcome.points == D("12.5")
    assert any("住院 0 天" in row for row in written(asked))
    unpaid = policy(LIMITS | {"drg_points.bed_day_minimum": 0})
    assert one(METHOD, stay(900, "B1", los=0), unpaid).reason == PayReason.DAYS_MISSING


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (stay(100, "ZZ99"), PayReason.GROUP_WITHOUT_WEIGHT),
        (stay(100, None), PayReason.GROUP_WITHOUT_WEIGHT),
        (stay(100, "G5"), PayReason.GROUP_WITHOUT_WEIGHT),
        (stay(100, "B2"), PayReason.GROUP_WITHOUT_WEIGHT),
        (stay(None), PayReason.COST_MISSING),
        (stay(100, "G4"), PayReason.GROUP_MEAN_MISSING),
        (stay(100, "G6"), PayReason.GROUP_MEAN_MISSING),
        (stay(100, "B1", los=None), PayReason.DAYS_MISSING),
    ],
)
def test_what_lacks_something_has_a_reason_and_no_amount(found: Stay, reason: str) -> None:
    outcome = one(METHOD, found, policy(LIMITS))
    assert (outcome.reason, outcome.amount) == (reason, None)


def test_without_limits_a_complete_stay_needs_no_cost() -> None:
    assert one(METHOD, stay(None), policy(PLAIN)).points == D(165)
    assert one(METHOD, stay(None, discharge_way="2"), policy(PLAIN)).reason == (
        PayReason.COST_MISSING
    )
    # The factor is a quotient by a mean that the table lacks.
    assert one(METHOD, stay(None, "G4"), policy(PLAIN)).reason == PayReason.GROUP_MEAN_MISSING


def test_a_return_within_ten_days_halves_the_earlier_stay() -> None:
    terms = policy(RETURN)

    def priced(until: int | None, **more: Any) -> Any:
        told = stay(8000, extra={"days_until_same": until, "days_since_same": 3}, **more)
        return both(METHOD, [told], terms)[0]

    reduced, asked = priced(10)
    # 165 × 0.5 = 82.5; × 53.8381 = 4441.64325.
    assert (reduced.band, reduced.points, reduced.amount) == (
        Band.READMISSION,
        D("82.5"),
        D("4441.64"),
    )
    assert any("10 天再次以同一病组住院" in row for row in written(asked))
    assert priced(11)[0].band is Band.NORMAL
    assert priced(-1)[0].band is Band.NORMAL
    exempt, asked = priced(0, dx=("Z51.102",))
    assert exempt.points == D(165)
    assert any("不减计" in row for row in written(asked))
    assert priced(None)[0].warnings == (PayWarning.HISTORY_MISSING,)
    assert priced(10, dx=())[0].band is Band.READMISSION


def test_the_later_stay_is_reduced_where_the_policy_says_so() -> None:
    terms = policy(RETURN | {"drg_points.readmission_reduces": "later"})
    told = stay(8000, extra={"days_until_same": -1, "days_since_same": 3})
    assert one(METHOD, told, terms).points == D("82.5")
    known = RETURN.keys() - {"drg_points.readmission_exempt"}
    free = policy({name: RETURN[name] for name in known})
    told = stay(8000, extra={"days_until_same": 3}, dx=("Z51.102",))
    assert one(METHOD, told, free).band is Band.READMISSION


def test_points_are_rounded_once() -> None:
    # 150 × 2370.00 ÷ 7906.14 = 44.965052478…; half of it is 22.482526…, to four places 22.4825.
    # Had the points been rounded before (44.9651), the half would be 22.48255, so 22.4826.
    told = stay("2370.00", extra={"days_until_same": 1})
    assert one(METHOD, told, policy(RETURN)).points == D("22.482500")


@pytest.mark.parametrize(
    "gone", ["groups", "cost_factors", "default_factor", "bed_day_minimum", "point_value"]
)
def test_what_the_policy_lacks_is_not_guessed(gone: str) -> None:
    terms = policy({path: v for path, v in LIMITS.items() if path != f"drg_points.{gone}"})
    with pytest.raises(PolicyError, match=f"drg_points.{gone}"):
        METHOD.price(asked_of(stay(100).case, terms))
    with pytest.raises(PolicyError, match=f"drg_points.{gone}"):
        METHOD.price_block(block_of([stay(100)], terms))


def test_a_part_of_the_rule_on_returns_that_is_missing_is_not_guessed() -> None:
    terms = policy({p: v for p, v in RETURN.items() if not p.endswith("readmission_share")})
    with pytest.raises(PolicyError, match="readmission_share"):
        one(METHOD, stay(100), terms)


GROUPS = ("G1", "G1", "G2", "G3", "G4", "G5", "G6", "B1", "B2", "ZZ99", None)


@st.composite
def policies_of(draw: st.DrawFn) -> Any:
    values = dict(PLAIN)
    optional: dict[str, st.SearchStrategy[Any]] = {
        "low_limit": number(1, 2),
        "incomplete_below": number(1, 2),
        "high_share": number(1, 3),
        "review_ratio": number(5, 1),
        "high_limits": st.sampled_from(
            [bands((0, 3), (100, "2.5"), (300, 2)), bands((100, 2)), bands((0, "1"))]
        ),
    }
    for name, strategy in optional.items():
        if draw(st.booleans()):
            values[f"drg_points.{name}"] = draw(strategy)
    if draw(st.booleans()):
        values["drg_points.readmission_days"] = draw(st.sampled_from([0, 10]))
        values["drg_points.readmission_reduces"] = draw(st.sampled_from(["earlier", "later"]))
        values["drg_points.readmission_share"] = draw(number(1, 4))
        if draw(st.booleans()):
            values["drg_points.readmission_exempt"] = ("Z51.0", "Z51.1")
    values["drg_points.default_factor"] = draw(number(3, 4))
    values["drg_points.point_value"] = draw(number(200, 6))
    values["general.points_places"] = draw(st.sampled_from([0, 2, 4, 6]))
    values["general.points_rounding"] = draw(
        st.sampled_from(["half_up", "half_even", "down", "up"])
    )
    return policy(values)


@settings(max_examples=examples(120), deadline=None)
@given(policies_of(), st.lists(stays(GROUPS), max_size=8))
def test_both_ways_are_alike(terms: Any, found: list[Stay]) -> None:
    for outcome, asked in both(METHOD, found, terms):
        assert (outcome.amount is None) == (outcome.reason is not None)
        for lang in ("zh", "en"):
            written(asked, lang)


@settings(max_examples=examples(60), deadline=None)
@given(stays(("G1",)), number(1000, 4), number(1000, 4), number(100, 4), number(100, 4))
def test_the_amount_grows_with_base_points_and_point_value(
    found: Stay, base: Decimal, more: Decimal, value: Decimal, worth: Decimal
) -> None:
    assume(base > 0)

    def amount(points: Decimal, yuan: Decimal) -> Decimal | None:
        rows = (group("G1", points, "7906.14"),)
        told = LIMITS | {"drg_points.groups": rows, "drg_points.point_value": yuan}
        return one(METHOD, found, policy(told)).amount

    few = amount(base, value)
    if few is None:
        return
    for other in (amount(base + more, value), amount(base, value + worth)):
        assert other is not None
        assert other >= few


def test_an_empty_block() -> None:
    assert both(METHOD, [], policy(LIMITS)) == []


def test_a_case_without_anything() -> None:
    assert one(METHOD, Stay(Case(), None), policy(RETURN)).reason == (
        PayReason.GROUP_WITHOUT_WEIGHT
    )

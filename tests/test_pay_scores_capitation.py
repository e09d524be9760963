"""Family-doctor capitation, and the cases that go to individual review."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_scores_support import in_words, line, policy_of

from codebooks.errors import GrouperError
from codebooks.policies.policies import policies
from codebooks.policies.policy import Policy
from grouper.payment.capitation import Capitation, Contracted, settle_capitation
from grouper.payment.result import AMOUNT
from grouper.payment.review import most_reviewed, review_candidates

D = Decimal
HERE, THERE = "H1", "H2"
PERSONS = frozenset({"a", "b", "c"})
SCHEMA = pa.schema(
    [
        ("person", pa.string()),
        ("hospital", pa.string()),
        ("kind", pa.string()),
        ("method", pa.dictionary(pa.int32(), pa.string())),
        ("pay_status", pa.dictionary(pa.int32(), pa.string())),
        ("amount", AMOUNT),
    ]
)
BANDS = (
    {"above": D("0.10"), "fund_share": D(0)},
    {"above": D(0), "fund_share": D("0.7")},
    {"above": D("0.05"), "fund_share": D("0.5")},
)
BASE = {
    "outpatient_capitation.amount": {"employee": D(960), "resident": D(620)},
    "outpatient_capitation.surplus_kept": D("0.85"),
    "outpatient_capitation.overspend_bands": BANDS,
}
THOUSAND = Contracted(institution=HERE, persons=PERSONS, insurance="resident", heads=1000)


def visit(amount: str | None, hospital: str | None = HERE, **more: Any) -> dict[str, Any]:
    """A priced visit of person a."""
    status = "unpriced" if amount is None else "priced"
    known = {"person": "a", "hospital": hospital, "kind": "outpatient", "method": "apg_points"}
    return known | {"pay_status": status, "amount": amount and D(amount)} | more


def table(*rows: dict[str, Any]) -> pa.Table:
    """Visits as a table."""
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def settled(*rows: dict[str, Any], policy: Policy | None = None) -> Capitation:
    """The institution with 1,000 residents: 620,000 yuan."""
    return settle_capitation(policy or policy_of(BASE), THOUSAND, table(*rows))


def test_a_surplus() -> None:
    """Own worked example: 620000 − 400000 − 150000 = 70000, of which 85 % are kept."""
    found = settled(visit("400000"), visit("150000", THERE))
    assert (found.received, found.own, found.elsewhere) == (D(620000), D(400000), D(150000))
    assert (found.balance, found.returned, found.shared) == (D(70000), D(10500), D(0))
    # 620000 − 150000 − 10500; own visits are not paid apart
    assert found.payment == D(459500)
    assert line(found.lines, "payment").value == found.payment
    assert (found.own_visits, found.elsewhere_visits, found.open_visits) == (1, 1, 0)
    in_words(found.lines)


def test_an_overspend_in_bands() -> None:
    """Own worked example: 70000 too much; 31000 × 0.7 + 31000 × 0.5 + 8000 × 0 = 37200."""
    found = settled(visit("500000"), visit("190000", THERE))
    assert (found.balance, found.shared) == (D(-70000), D(37200))
    assert [each.value for each in found.lines if each.name == "band"] == [
        D("21700.00"),
        D("15500.00"),
        D("0.00"),
    ]
    assert found.payment == D(467200)  # 620000 − 190000 + 37200
    in_words(found.lines)


def test_an_overspend_within_the_first_band() -> None:
    found = settled(visit("621000"))
    assert (found.balance, found.shared) == (D(-1000), D(700))
    assert len([each for each in found.lines if each.name == "band"]) == 1


def test_neither_surplus_nor_overspend() -> None:
    found = settled(visit("620000"))
    assert (found.balance, found.payment) == (D(0), D(620000))
    assert settled().payment == D(527000)  # no visit at all: 620000 − 620000 × 0.15


def test_an_institution_may_owe() -> None:
    assert settled(visit("700000", THERE)).payment == D(-42800)  # 620000 − 700000 + 37200


def test_months_and_listed_heads() -> None:
    some = Contracted(institution=HERE, persons=PERSONS, insurance="employee", months=7)
    found = settle_capitation(policy_of(BASE), some, table())
    assert found.received == D(1680)  # 3 × 960 × 7 ÷ 12


def test_what_does_not_count_and_what_stays_open() -> None:
    found = settled(
        visit("100"),
        visit("1", person="stranger"),
        visit("2", person=None),
        visit("4", kind="inpatient"),
        visit("8", method="dialysis_capitation"),
        visit(None),
        visit(None, method=None),
        visit("16", None),
        visit("32", None, kind=None),
    )
    assert (found.own, found.elsewhere) == (D(100), D(0))
    assert (found.own_visits, found.elsewhere_visits, found.open_visits) == (1, 0, 3)


@pytest.mark.parametrize(("heads", "months"), [(2, 12), (None, 0), (None, 13)])
def test_heads_and_months_that_cannot_be(heads: int | None, months: int) -> None:
    wrong = Contracted(institution=HERE, persons=PERSONS, heads=heads, months=months)
    with pytest.raises(GrouperError) as caught:
        settle_capitation(policy_of(BASE), wrong, table())
    assert caught.value.code == "CAPITATION_HEADS"
    assert "3" in caught.value.describe("en")


def test_a_table_without_a_column() -> None:
    with pytest.raises(GrouperError) as caught:
        settle_capitation(policy_of(BASE), THOUSAND, table().drop_columns(["kind", "amount"]))
    assert caught.value.code == "CAPITATION_COLUMNS"
    assert "kind, amount" in caught.value.describe()


def test_jinhua_has_no_public_amount_and_the_fictitious_region_one() -> None:
    day = date(2025, 6, 1)
    with pytest.raises(GrouperError) as caught:
        settled(policy=policies().on("jinhua", day))
    assert caught.value.code == "POLICY_VALUE_MISSING"
    found = settled(visit("500000"), visit("190000", THERE), policy=policies().on("demo", day))
    assert found.payment == D(467200)
    assert all(value.assumption for value in found.asked if value.given.topic != "general")


VISITS = st.lists(
    st.builds(
        lambda amount, hospital, person: visit(amount and str(amount), hospital, person=person),
        st.none() | st.decimals(0, 900000, places=2),
        st.sampled_from([HERE, THERE, "H3", None]),
        st.sampled_from(["a", "b", "stranger", None]),
    ),
    max_size=8,
)


@settings(max_examples=examples(60), deadline=None)
@given(VISITS, st.randoms(use_true_random=False))
def test_the_order_of_visits_is_all_one_and_nothing_is_lost(
    rows: list[dict[str, Any]], chance: random.Random
) -> None:
    found = settled(*rows)
    shuffled = list(rows)
    chance.shuffle(shuffled)
    again = settled(*shuffled)
    assert (again.payment, again.lines) == (found.payment, found.lines)
    own = [r for r in rows if r["person"] in PERSONS]
    assert found.own_visits + found.elsewhere_visits + found.open_visits == len(own)
    # What the institution is left with: its payment less what its persons cost it.
    left = found.payment - found.own
    assert left == found.balance - found.returned + found.shared
    assert D(0) <= found.shared <= max(-found.balance, D(0))
    assert D(0) <= found.returned <= max(found.balance, D(0))


def cases(*rows: tuple[str | None, str | None, bool | None]) -> pa.Table:
    """Priced cases by cost, amount and whether a method marks them."""
    names = ("total_cost", "amount", "review")
    schema = pa.schema(
        [("total_cost", pa.decimal128(14, 2)), ("amount", AMOUNT), ("review", pa.bool_())]
    )
    told = [{"total_cost": c and D(c), "amount": a and D(a), "review": r} for c, a, r in rows]
    return pa.Table.from_pylist(told, schema=schema).select(names)


def test_the_greatest_losses_go_to_review() -> None:
    """5 per mille of 599 discharges are 2.995: two cases."""
    table_ = cases(
        ("900", "100", True),
        ("9000", "100", False),
        ("900", "50", True),
        (None, "50", True),
        ("900", "100", True),
        ("900", None, None),
    )
    share = policies().on("demo", date(2025, 6, 1)).value("dip_score.review_share").number
    assert most_reviewed(599, share) == 2
    assert review_candidates(table_, 599, share).tolist() == [
        True,
        False,
        True,
        False,
        False,
        False,
    ]
    assert review_candidates(table_, 199, share).sum() == 0
    assert review_candidates(table_, 10, D(1)).tolist() == [True, False, True, True, True, False]
    assert review_candidates(cases(), 10, D(1)).tolist() == []


@pytest.mark.parametrize(("discharges", "share"), [(-1, "0.1"), (1, "1.1"), (1, "-0.1")])
def test_a_share_that_cannot_be(discharges: int, share: str) -> None:
    with pytest.raises(GrouperError) as caught:
        most_reviewed(discharges, D(share))
    assert caught.value.code == "REVIEW_SHARE"
    assert share in caught.value.describe()


def test_review_needs_its_columns() -> None:
    with pytest.raises(GrouperError) as caught:
        review_candidates(cases().drop_columns(["review"]), 1, D(0))
    assert caught.value.code == "REVIEW_COLUMNS"


@given(
    st.lists(
        st.tuples(
            st.none() | st.sampled_from(["1", "2", "300"]),
            st.none() | st.sampled_from(["0", "1", "300"]),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.integers(0, 30),
)
def test_never_more_than_the_share_and_never_the_lesser_loss(
    rows: list[tuple[str | None, str | None, bool]], discharges: int
) -> None:
    marks = review_candidates(cases(*rows), discharges, D("0.2"))
    assert marks.sum() == min(int(discharges * 0.2 + 1e-9), sum(r[2] for r in rows))
    losses = np.array([float(c) - float(a) if c and a else -1e9 for c, a, _ in rows])
    taken = losses[marks]
    left = losses[~marks & np.array([r[2] for r in rows], bool)] if rows else np.array([])
    assert not len(taken) or not len(left) or taken.min() >= left.max()

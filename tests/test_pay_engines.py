"""Pricing, scalar and in batches: the same of every case, whatever the batch, and never nought for nothing."""

from __future__ import annotations

import random
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pay_support import LOCAL, batch_of, grouping, random_case, row_of, rows_of_batch

from codebooks.policies.policies import policies
from grouper.case.record import Case
from grouper.payment.batch import price_batch
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.result import PAYMENT_SCHEMA, PayStatus
from grouper.payment.words import as_html, as_text, document, explained
from grouper.schemes.reasons import Reason, Status

TODAY = date(2026, 11, 28)


def many(seed: int, count: int) -> tuple[list[Any], pa.RecordBatch]:
    rng = random.Random(seed)  # noqa: S311 -- cases for a test
    pairs = [random_case(rng, number) for number in range(count)]
    return pairs, batch_of([c for c, _ in pairs], [g for _, g in pairs])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("today", [None, TODAY])
def test_both_engines_say_the_same(seed: int, today: date | None) -> None:
    pairs, batch = many(seed, 250)
    terms = Terms(today=today)
    found = price_batch(batch, terms)
    assert found.schema == PAYMENT_SCHEMA
    found.validate(full=True)
    for number, ((case, group), row) in enumerate(zip(pairs, rows_of_batch(found), strict=True)):
        assert row == row_of(price(case, group, terms)), (number, case)


def test_a_batch_of_any_size_and_order_gives_the_same() -> None:
    _, batch = many(11, 120)
    whole = rows_of_batch(price_batch(batch))
    for size in (1, 7, 64):
        pieces = [batch.slice(at, size) for at in range(0, batch.num_rows, size)]
        assert [row for one in pieces for row in rows_of_batch(price_batch(one))] == whole
    order = list(range(batch.num_rows))
    random.Random(3).shuffle(order)  # noqa: S311 -- as above
    mixed = rows_of_batch(price_batch(batch.take(pa.array(order))))
    assert mixed == [whole[at] for at in order]
    assert rows_of_batch(price_batch(batch.slice(0, 0))) == []


def test_every_case_has_an_amount_or_a_reason() -> None:
    _, batch = many(12, 500)
    statuses = set()
    for row in rows_of_batch(price_batch(batch)):
        statuses.add((row["pay_status"], row["method"]))
        assert (row["amount"] is None) == (row["pay_reason"] is not None)
        assert (row["pay_status"] == PayStatus.PRICED) == (row["amount"] is not None)
        if row["amount"] is not None:
            assert (row["fund"] is None) == (row["share_reason"] is not None)
            if row["fund"] is not None:
                assert row["fund"] == row["amount"] - row["deducted"]
    assert len(statuses) > 8


def test_the_lines_lead_to_the_amount() -> None:
    pairs, _ = many(13, 300)
    seen = 0
    for case, group in pairs:
        payment = price(case, group)
        if payment.amount is None:
            continue
        values = [line.value for line in payment.lines if isinstance(line.value, Decimal)]
        assert payment.amount in values or payment.amount == 0, payment.method
        if payment.fund is not None:
            assert {"fund"} <= {line.name for line in payment.lines if line.section == "payment"}
        seen += 1
    assert seen > 30


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_payment_can_be_told(lang: str) -> None:
    pairs, _ = many(14, 300)
    for case, group in pairs:
        payment = price(case, group)
        told = document(payment, lang)
        assert (told["amount"] is None) == (payment.amount is None)
        assert all(isinstance(one["written"], str) for one in told["lines"])
        assert as_text(payment, lang) in explained(payment, lang)
        assert as_html(payment, lang).startswith("<!doctype html>")
        assert case.person is None or f">{case.person}<" not in as_html(payment, lang)


def harbin(**more: Any) -> Case:
    values: dict[str, Any] = {
        "region": "harbin",
        "insurance_type": "310",
        "discharge_time": datetime(2024, 5, 1, 10, tzinfo=LOCAL),
        "total_cost": Decimal("400000.00"),
        "own_cost": Decimal("1000.00"),
        "over_limit_cost": Decimal("0.00"),
        "first_share_cost": Decimal("2000.00"),
        "scope_cost": Decimal("397000.00"),
    }
    return Case(**{**values, **more})


def test_harbin_by_hand() -> None:
    # RW of AB19 in 2024 × 12,252.70 (employee, level I) × 1: the table's own row, to the fen.
    table = policies().on("harbin", date(2024, 5, 1)).value("drg_rate.weights").value
    weight = next(row["weight"] for row in table if row["group"] == "AB19")
    payment = price(harbin(), grouping(scheme="harbin-2022", group="AB19"))
    assert payment.amount == (weight * Decimal("12252.70")).quantize(Decimal("0.01"))
    assert payment.method == "drg_rate"
    assert "drg_rate.hospital_factor" in payment.assumptions


@pytest.mark.parametrize(
    ("case", "group", "reason"),
    [
        ({"discharge_time": None}, {}, "PAY_DAY_MISSING"),
        ({"region": "nowhere"}, {}, "REGION_UNKNOWN"),
        ({"discharge_time": datetime(2021, 5, 1, tzinfo=LOCAL)}, {}, "POLICY_MISSING"),
        ({"insurance_type": None}, {}, "POLICY_VALUE_MISSING"),
        ({}, {"group": "ZZ99"}, "PAY_GROUP_WITHOUT_WEIGHT"),
        ({}, {"status": Status.INVALID, "reason": Reason.SEX_MISSING}, "PAY_CASE_INVALID"),
        ({"total_cost": Decimal("-1.00")}, {}, "PAY_COST_NEGATIVE"),
        ({"line_amount": (Decimal("-5.00"),), "line_item": ("X",)}, {}, "PAY_COST_NEGATIVE"),
        ({"kind": "long_stay"}, {}, "PAY_METHOD_NONE"),
    ],
)
def test_bad_input_has_a_reason(case: dict[str, Any], group: dict[str, Any], reason: str) -> None:
    one = harbin(**case)
    two = grouping(**{"scheme": "harbin-2022", "group": "AB19", **group})
    payment = price(one, two)
    assert (payment.status, payment.reason, payment.amount) == (PayStatus.UNPRICED, reason, None)
    assert rows_of_batch(price_batch(batch_of([one], [two]))) == [row_of(payment)]
    assert payment.reason in explained(payment)


def test_a_total_that_does_not_add_up_is_told() -> None:
    case = harbin(line_item=("X",), line_amount=(Decimal("1.00"),))
    payment = price(case, grouping(scheme="harbin-2022", group="AB19"))
    assert "PAY_COST_MISMATCH" in payment.warnings


def test_two_rules_that_both_claim_a_case_are_a_reason() -> None:
    rules = policies().on("harbin", date(2024, 5, 1)).value("assignment.rules").value
    other = {**rules[0], "method": "by_item"}
    terms = Terms(changes={"assignment.rules": (*rules, other)}, source="test")
    one, two = harbin(), grouping(scheme="harbin-2022", group="AB19")
    payment = price(one, two, terms)
    assert payment.reason == "PAY_METHOD_CONFLICT"
    assert rows_of_batch(price_batch(batch_of([one], [two]), terms)) == [row_of(payment)]


def test_a_simulated_rate_raises_the_amount() -> None:
    two = grouping(scheme="harbin-2022", group="AB19")
    before = price(harbin(), two)
    terms = Terms(changes={"drg_rate.rate": Decimal(20000)}, source="if the rate were 20,000")
    after = price(harbin(), two, terms)
    assert before.amount is not None
    assert after.amount is not None
    assert after.amount > before.amount
    assert "drg_rate.rate" in after.assumptions

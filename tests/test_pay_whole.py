"""Whole prices: what holds of them whatever the method, one by one, in batches and in files."""

from __future__ import annotations

import random
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_support import LOCAL, batch_of, grouping, random_case, row_of
from pay_whole_support import STATED, both, grouped, month_table, stay

from codebooks import paths
from codebooks.policies.policies import Policies, policies
from codebooks.policies.policy import Value
from grouper.case.record import Case
from grouper.payment.columns import HISTORY_SCHEMA
from grouper.payment.engine import price
from grouper.payment.history import with_history
from grouper.payment.place import Terms
from grouper.payment.result import PAYMENT_SCHEMA, PayStatus
from grouper.payment.run import price_table
from grouper.payment.settlement.month import settle_month
from grouper.payment.words import as_html, document, explained, reason_text, shown, told_value

D = Decimal
MONEY = st.decimals(0, 10**6, places=2)


@pytest.mark.parametrize("kind", ["outpatient", "long_stay"])
@given(st.decimals("0.01", 500, places=6), st.decimals("0.01", 500, places=6), MONEY)
@settings(max_examples=examples(20), deadline=None)
def test_a_greater_weight_never_pays_less(
    kind: str, one: Decimal, other: Decimal, cost: Decimal
) -> None:
    case = stay(kind, total_cost=cost)
    less, more = (both(case, grouped(kind, w))["amount"] for w in sorted((one, other)))
    assert None not in (less, more)
    assert less <= more


@pytest.mark.parametrize(
    ("kind", "topic"),
    [("inpatient", "dip_score"), ("outpatient", "apg_points"), ("long_stay", "pdpm_points")],
)
@given(
    st.decimals("0.01", 50, places=4),
    st.decimals("0.01", 50, places=4),
    st.decimals("0.5", 2000, places=4),
    MONEY,
)
@settings(max_examples=examples(20), deadline=None)
def test_a_greater_point_value_never_pays_less(
    kind: str, topic: str, one: Decimal, other: Decimal, weight: Decimal, cost: Decimal
) -> None:
    rows = [
        both(
            stay(kind, total_cost=cost),
            grouped(kind, weight),
            Terms(changes={f"{topic}.point_value": value}, source="simulated"),
        )
        for value in sorted((one, other))
    ]
    assert [row["method"] for row in rows] == [topic, topic]
    assert [row["point_value"] for row in rows] == sorted((one, other))
    assert rows[0]["amount"] <= rows[1]["amount"]
    assert f"{topic}.point_value" in rows[0]["assumptions"]


@given(st.decimals("0.5", 2000, places=4), MONEY)
@settings(max_examples=examples(40), deadline=None)
def test_the_last_line_of_the_method_is_the_amount(weight: Decimal, cost: Decimal) -> None:
    payment = price(stay(total_cost=cost), grouped("inpatient", weight))
    lines = [one for one in payment.lines if one.section == payment.method and one.unit == "CNY"]
    assert lines[-1].value == payment.amount
    sums = {one.name: one.value for one in payment.lines if one.section == "payment"}
    assert sums["fund"] == payment.fund
    assert payment.amount is not None
    assert payment.deducted is not None
    assert payment.patient is not None
    assert payment.fund == payment.amount - payment.deducted
    assert payment.surplus == payment.fund + payment.patient - cost


def test_a_month_is_the_sum_of_its_cases() -> None:
    table = month_table(5)
    priced = price_table(table, Terms(region="demo"))
    settled = settle_month(
        priced, region="demo", month="2026-11", at_hand=policies(), hospital="H00000000001"
    )
    rows = [row for row in priced.to_pylist() if row["pay_status"] == PayStatus.PRICED.value]
    for part in settled.parts:
        own = [row for row in rows if row["method"] == part.method]
        own = [row for row in own if row["insurance_type"] in {"310": "310", "390": "390"}]
        same = [
            row
            for row in own
            if {"310": "employee", "390": "resident"}[row["insurance_type"]] == part.insurance
        ]
        assert part.sums.priced == len(same)
        assert part.sums.amount == sum((row["amount"] for row in same), D(0))
        assert part.sums.fund == sum((row["fund"] or D(0) for row in same), D(0))
    assert sum(part.sums.priced for part in settled.parts) == len(rows) > 50


def test_a_case_alone_is_priced_as_in_a_table_that_states_its_year() -> None:
    table = month_table(6, 60)
    priced = price_table(table, Terms(region="demo"), batch_rows=7).select(PAYMENT_SCHEMA.names)
    batch = table.combine_chunks().to_batches()[0]
    groups = table.select(["scheme", "group", "weight"]).to_pylist()
    for number, row in enumerate(priced.to_pylist()):
        case = Case.from_batch(batch, number)
        # What a table knows of a person's other stays is no part of the case.
        assert row_of(price(case, grouping(**groups[number]), Terms(region="demo"))) == row


@pytest.mark.parametrize("seed", range(2))
def test_a_row_of_a_priced_table_says_all_that_its_price_rests_on(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 -- cases for a test
    pairs = [random_case(rng, number) for number in range(200)]
    table = pa.Table.from_batches([batch_of([c for c, _ in pairs], [g for _, g in pairs])])
    priced = price_table(table, Terms(region="demo"))
    assert priced["case_id"].to_pylist() == [case.case_id for case, _ in pairs]
    batch = priced.combine_chunks().to_batches()[0]
    history = with_history(priced).select(HISTORY_SCHEMA.names).to_pylist()
    rows = priced.select(PAYMENT_SCHEMA.names).to_pylist()
    for number, (_, group) in enumerate(pairs):
        case = Case.from_batch(batch, number)
        payment = price(case, group, Terms(region="demo"), history[number])
        assert row_of(payment) == rows[number], case
    # What the records state of the year is never replaced.
    for name in STATED:
        stated = [getattr(case, name) for case, _ in pairs]
        found = priced[name].to_pylist()
        assert all(one in (None, other) for one, other in zip(stated, found, strict=True))


@given(st.integers(0, 10**6), st.integers(1, 90), st.data())
@settings(max_examples=examples(4), deadline=None)
def test_pieces_and_chunks_make_no_difference(seed: int, rows: int, data: st.DataObject) -> None:
    rng = random.Random(seed)  # noqa: S311 -- cases for a test
    pairs = [random_case(rng, number) for number in range(60)]
    table = pa.Table.from_batches([batch_of([c for c, _ in pairs], [g for _, g in pairs])])
    seen: list[int] = []
    whole = price_table(table, Terms())
    assert price_table(table, Terms(), seen.append, batch_rows=rows).equals(whole) or (
        price_table(table, Terms(), batch_rows=rows).to_pylist() == whole.to_pylist()
    )
    assert seen[-1] == 60
    cut = data.draw(st.integers(0, 60))
    parts = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    assert price_table(parts, Terms()).to_pylist() == whole.to_pylist()


def test_a_table_without_rows_has_all_columns() -> None:
    table = pa.Table.from_batches([batch_of([], [])])
    priced = price_table(table, Terms())
    assert priced.num_rows == 0
    assert set(PAYMENT_SCHEMA.names) <= set(priced.column_names)


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (datetime(2024, 12, 31, 23, 59, tzinfo=LOCAL), "POLICY_MISSING"),
        (datetime(2025, 1, 1, tzinfo=LOCAL), None),
        (datetime(1, 1, 2, tzinfo=LOCAL), "POLICY_MISSING"),
    ],
)
def test_the_day_decides_to_the_minute(day: datetime, reason: str | None) -> None:
    assert both(stay(discharge_time=day), grouped("inpatient", D(900)))["pay_reason"] == reason


def test_a_stay_that_runs_is_priced_by_the_policy_of_today() -> None:
    case, group = stay(discharge_time=None), grouped("inpatient", D(900))
    assert both(case, group)["pay_reason"] == "PAY_DAY_MISSING"
    one, other = (
        both(case, group, Terms(today=day)) for day in (date(2025, 6, 1), date(2026, 6, 1))
    )
    assert one["pay_status"] == other["pay_status"] == PayStatus.PRICED.value
    assert one["policy"] != other["policy"]
    late = both(case, group, Terms(today=date(2020, 1, 1)))
    assert late["pay_reason"] == "POLICY_MISSING"
    ended = both(stay(), group, Terms(today=date(2020, 1, 1)))
    assert ended["pay_status"] == PayStatus.PRICED.value


def test_a_case_without_a_region_is_of_that_of_the_terms() -> None:
    case, group = stay(region=None), grouped("inpatient", D(900))
    assert both(case, group, Terms(region="demo")) == both(stay(), group)
    assert both(stay(region=""), group, Terms(region="demo")) == both(stay(), group)
    assert both(case, group)["pay_reason"] == "POLICY_MISSING"


@pytest.mark.parametrize("folder", ["demo", "national"])
def test_a_broken_own_file_stops_the_region_in_both_engines(tmp_path: Path, folder: str) -> None:
    own = tmp_path / folder
    own.mkdir()
    (own / "dip_score.yaml").write_text("topic: dip_score\nparameters: [\n", "utf-8")
    broken = Terms(at_hand=Policies(paths.shipped() / "policies", tmp_path))
    group = grouped("inpatient", D(900))
    row = both(stay(), group, broken)
    assert (row["pay_reason"], row["policy"], row["amount"]) == ("PAY_POLICY_UNUSABLE", None, None)
    assert "PAY_POLICY_UNUSABLE" in explained(price(stay(), group, broken))
    elsewhere = both(stay(region="harbin"), group, broken)["pay_reason"]
    assert (elsewhere == "PAY_POLICY_UNUSABLE") == (folder == "national")


def test_changes_touch_what_a_policy_has_and_nothing_else() -> None:
    group = grouped("inpatient", D(900))
    plain = both(stay(), group)
    other = both(stay(), group, Terms(changes={"dip_score.nothing": D(1)}, source="x"))
    assert other == plain
    changed = both(stay(), group, Terms(changes={"dip_score.point_value": D("5.56")}, source="x"))
    assert changed["amount"] == plain["amount"]
    assert changed["policy"] != plain["policy"]
    assert "dip_score.point_value" in changed["assumptions"]


def test_without_rules_or_a_rounding_the_value_is_missing() -> None:
    group = grouped("inpatient", D(900))
    for path in ("assignment.rules", "dip_score.point_value", "general.points_places"):
        row = both(stay(), group, Terms(changes={path: None}, source="x"))
        assert (row["pay_reason"], row["amount"]) == (
            "POLICY_MISSING" if row["policy"] is None else "POLICY_VALUE_MISSING",
            None,
        ), path


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("benefit.visits", {}),
        ("benefit.deducted", {}),
        ("cross_region.benefit_rules_of", {"insured_region": "harbin"}),
    ],
)
def test_a_share_that_lacks_a_value_leaves_the_amount(path: str, more: dict[str, Any]) -> None:
    terms = Terms(changes={path: None}, source="x")
    told = both(stay(**more), grouped("inpatient", D(900)), terms)
    assert (told["share_reason"], told["fund"]) == ("POLICY_VALUE_MISSING", None)
    assert told["amount"] == both(stay(), grouped("inpatient", D(900)))["amount"]
    # What no method prices has the same reason for its share.
    none = both(stay(**more), grouping(), terms)
    assert (none["amount"], none["share_reason"]) == (None, "POLICY_VALUE_MISSING")


def test_words_of_a_reason_have_gaps_where_nothing_is_known() -> None:
    assert "…" in reason_text("POLICY_KEY_UNKNOWN", "zh")
    assert reason_text("NO_SUCH_CODE", "zh") == "NO_SUCH_CODE"
    assert shown("word") == "word"
    assert shown(D("1234.5000")) == "1,234.50"
    assert shown(D(12)) == "12"


def test_values_of_every_kind_are_told_in_words() -> None:
    policy = policies().on("demo", date(2026, 11, 1))
    told = {
        (path, lang): told_value(Value(policy.values[path], value), lang)["value"]
        for path, value in (
            ("dip_score.high_takes_factor", policy.value("dip_score.high_takes_factor").value),
            ("dip_score.low_takes_factor", policy.value("dip_score.low_takes_factor").value),
            ("assignment.rules", policy.value("assignment.rules").value),
            ("dip_score.low_limit", policy.value("dip_score.low_limit").value),
            ("dip_score.low_paid", policy.value("dip_score.low_paid").value),
        )
        for lang in ("zh", "en")
    }
    assert told["dip_score.high_takes_factor", "zh"] == "是"
    assert told["dip_score.low_takes_factor", "en"] == "no"
    assert told["assignment.rules", "zh"] == "[9]"
    assert told["dip_score.low_limit", "en"] == "0.5"
    assert told["dip_score.low_paid", "zh"] == "points"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_payment_of_every_kind_of_case_can_be_told(lang: str) -> None:
    for kind in ("inpatient", "outpatient", "long_stay"):
        payment = price(stay(kind), grouped(kind, D(900)))
        assert payment.amount is not None
        told = document(payment, lang)
        assert Decimal(told["amount"]) == payment.amount
        assert shown(payment.amount) in explained(payment, lang)
        assert shown(payment.amount) in as_html(payment, lang)

"""Prices of numbers at the ends of their columns, and of columns of other forms."""

from __future__ import annotations

import random
from decimal import Decimal

import pyarrow as pa
import pytest
from pay_support import batch_of, grouping, random_case, row_of, rows_of_batch
from pay_whole_support import both, grouped, month_table, stay

from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.payment import cells
from grouper.payment.batch import price_batch
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.result import LIMITS
from grouper.payment.words import document

D = Decimal
LARGE = (D("999999999999.99"), D("999999999999.98"), D("0.01"), D("0.00"), D("-999999999999.99"))
WEIGHTS = (D("999999999999.999999"), D("999999999999"), D("0.000001"), D(0), D(-1))
COSTS = tuple(f.name for f in CASE_SCHEMA if f.type == pa.decimal128(14, 2))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("value", [None, D(10) ** 9, D(10) ** 15])
def test_numbers_at_the_ends_of_their_columns(seed: int, value: Decimal | None) -> None:
    rng = random.Random(seed)  # noqa: S311 -- cases for a test
    topics = ("dip_score", "apg_points", "pdpm_points", "drg_points")
    changes = {f"{topic}.point_value": value for topic in topics} if value else {}
    terms = Terms(changes={**changes, "drg_rate.rate": value} if value else {}, source="x")
    cases, groups = [], []
    for number in range(150):
        case, group = random_case(rng, number)
        told = {name: getattr(case, name) for name in CASE_SCHEMA.names}
        told |= {name: rng.choice(LARGE) for name in COSTS if rng.random() < 0.3}
        if rng.random() < 0.2:
            told |= {"line_item": ("A",) * 3, "line_amount": tuple(rng.choices(LARGE, k=3))}
        told["los"] = rng.choice([told["los"], 2**31 - 1, -1])
        known = {name: getattr(group, name) for name in ("scheme", "status", "reason", "group")}
        cases.append(Case(**told))
        groups.append(grouping(**known, weight=rng.choice([group.weight, *WEIGHTS])))
    found = price_batch(batch_of(cases, groups), terms)
    found.validate(full=True)
    rows = rows_of_batch(found)
    for case, group, row in zip(cases, groups, rows, strict=True):
        assert row == row_of(price(case, group, terms)), case
    if value == D(10) ** 15:
        assert any(row["pay_reason"] == "PAY_TOO_LARGE" for row in rows)


@pytest.mark.parametrize(
    ("scale", "reason"),
    [(D("0.999999"), None), (D(1), "PAY_TOO_LARGE"), (D(1000), "PAY_TOO_LARGE")],
)
def test_an_amount_that_no_column_holds_is_a_reason(scale: Decimal, reason: str | None) -> None:
    # An amount stays below 10^16 yuan; the weight is 100 points, the factor of level III is 1.
    value = LIMITS["amount"] * scale / 100
    terms = Terms(changes={"apg_points.point_value": value}, source="x")
    case, group = stay("outpatient"), grouped("outpatient", D(1))
    row = both(case, group, terms)
    assert row["pay_reason"] == reason
    assert (row["amount"] is None) == (reason is not None)
    if reason:
        assert {row[name] for name in LIMITS} == {None}
        assert (row["method"], row["band"], row["pay_status"]) == ("apg_points", None, "unpriced")
        for lang in ("zh", "en"):
            assert document(price(case, group, terms), lang)["advice"]


def test_many_words_do_not_mix_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    table = month_table(8, 80)
    whole = rows_of_batch(price_batch(table.combine_chunks().to_batches()[0]))
    # As if a few words were already too many for one number.
    monkeypatch.setattr(cells, "_SAFE", 4)
    assert rows_of_batch(price_batch(table.combine_chunks().to_batches()[0])) == whole


def test_columns_of_any_form_are_read_alike() -> None:
    table = month_table(9, 40)
    batch = table.combine_chunks().to_batches()[0]
    whole = rows_of_batch(price_batch(batch))
    # Dictionaries may hold an entry that is no word, and days of stay any width.
    region = pa.DictionaryArray.from_arrays(
        pa.array([0] * 20 + [1] * 20, pa.int32()), pa.array(["demo", None])
    )
    place = batch.schema.get_field_index("region")
    odd = batch.set_column(place, "region", region)
    assert rows_of_batch(price_batch(odd, Terms(region="demo"))) == whole
    asked = rows_of_batch(price_batch(odd, Terms()))
    assert asked[:20] == whole[:20]
    assert {row["pay_reason"] for row in asked[20:]} == {"POLICY_MISSING"}
    cost = batch.column("total_cost").cast(pa.decimal128(38, 4))
    for scale in (4, 20):
        column = cost.cast(pa.decimal128(38, scale))
        wide = batch.set_column(batch.schema.get_field_index("total_cost"), "total_cost", column)
        assert rows_of_batch(price_batch(wide)) == whole
    # Of whole yuan a column may hold plain whole numbers.
    place, yuan = batch.schema.get_field_index("total_cost"), list(range(100, 100 + len(batch)))
    ours = batch.set_column(place, "total_cost", pa.array(yuan, pa.decimal128(14, 2)))
    plain = batch.set_column(place, "total_cost", pa.array(yuan, pa.int32()))
    assert rows_of_batch(price_batch(plain)) == rows_of_batch(price_batch(ours))

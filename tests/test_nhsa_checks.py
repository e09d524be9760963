"""The field tables held against messages: each rule is broken once and found at its place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nhsa_support import DX, LIST, PX, TABLES, full, message, raw, sample, settlement

from codebooks.messages import catalogue
from grouper.intake.forms import IntakeError
from hl7_adapters.nhsa import FORM, Finding, Severity, check
from hl7_adapters.nhsa.tables import FieldRule
from hl7_adapters.nhsa.value_checks import check_value

TRANSACTIONS = [
    (transaction, dialect)
    for transaction in TABLES.families
    for dialect in TABLES.dialects_of(transaction)
    if dialect == ""
    or any(
        r["dialect"] == dialect and r["transaction"] == transaction for r in TABLES._rows["fields"]
    )
]
REQUIRED = [
    (transaction, dialect, node, field)
    for transaction, dialect in TRANSACTIONS
    for (node, field), rule in TABLES.fields(transaction, dialect).items()
    if rule.required
]


def reasons(found: list[Finding]) -> list[tuple[str, int, str, str]]:
    return [(f.node, f.row, f.field, f.reason) for f in found]


def checked(
    content: Any, transaction: str, dialect: str | None = ""
) -> list[tuple[str, int, str, str]]:
    return reasons(check(content, transaction, dialect))


def test_every_dialect_with_a_table_of_its_own_is_tested() -> None:
    assert ("4101A", "guangzhou") in TRANSACTIONS
    assert ("4101", "chongqing_pinyin") in TRANSACTIONS
    assert len(REQUIRED) > 250


@pytest.mark.parametrize(("transaction", "dialect"), TRANSACTIONS)
def test_full_nodes_pass(transaction: str, dialect: str) -> None:
    assert checked(full(transaction, dialect), transaction, dialect) == []


@pytest.mark.parametrize(("transaction", "dialect"), TRANSACTIONS)
def test_each_required_field_is_missed_alone(transaction: str, dialect: str) -> None:
    write = TABLES.spelling(transaction, dialect).write
    for node, field in [(n, f) for t, d, n, f in REQUIRED if (t, d) == (transaction, dialect)]:
        for gone in (None, "", "  "):
            content = full(transaction, dialect)
            rows = content[write.get((node, ""), node)]
            row = rows[0] if isinstance(rows, list) else rows
            row["local"] = "1"  # a row of one field must not vanish with it
            row[write.get((node, field), field)] = gone
            many = TABLES.nodes[transaction][node].many
            found = [f for f in check(content, transaction, dialect) if f.reason == "REQUIRED"]
            assert reasons(found) == [(node, int(many), field, "REQUIRED")]
            written = write.get((node, field), field)
            assert found[0].place.endswith(f".{written}")
            assert found[0].severity is Severity.ERROR
            assert found[0].name == TABLES.fields(transaction, dialect)[node, field].name


def test_the_head_is_missed() -> None:
    assert ("setlinfo", 0, "", "NODE_MISSING") in checked({"diseinfo": DX}, "4101")


def rule(kind: str, length: int | None = None, scale: int | None = None) -> FieldRule:
    return FieldRule(
        "n", "f", "", kind, length, scale, "", required=False, open=True, private=False
    )


@pytest.mark.parametrize(
    ("value", "of", "reason"),
    [
        ("a" * 30, rule("text", 30), None),
        ("a" * 31, rule("text", 30), "TOO_LONG"),
        ("汉" * 30, rule("text", 30), None),
        ("x" * 99, rule("text"), None),
        ("99999999999999.99", rule("number", 16, 2), None),
        ("100000000000000.00", rule("number", 16, 2), "TOO_LARGE"),
        ("-5.25", rule("number", 16, 2), None),
        ("1.005", rule("number", 16, 2), "DECIMALS"),
        ("1.000", rule("number", 16, 2), None),
        ("0", rule("number", 3), None),
        ("3.0", rule("number", 3), None),
        ("3.5", rule("number", 3), "DECIMALS"),
        ("1000", rule("number", 3), "TOO_LARGE"),
        ("1000", rule("number"), None),
        ("3天", rule("number", 3), "NOT_A_NUMBER"),
        ("1e3", rule("number", 9), "NOT_A_NUMBER"),
        ("2026-03-01", rule("date"), None),
        ("2026-03-01 00:00:00", rule("date"), "DATE_FORM"),
        ("20260301", rule("date"), "DATE_FORM"),
        ("2026-02-30", rule("date"), "NOT_A_DATE"),
        ("01/03/2026", rule("date"), "NOT_A_DATE"),
        ("2026-03-01 08:00:00", rule("time"), None),
        ("2026-03-01 08:00", rule("time"), "DATE_FORM"),
        ("soon", rule("time"), "NOT_A_DATE"),
        ("1/13/24", rule("duration", 10), None),
        ("1/25/00", rule("duration", 10), "DURATION_FORM"),
        ("13", rule("duration", 10), "DURATION_FORM"),
        ("anything", rule(""), None),
    ],
)
def test_types_and_lengths(value: str, of: FieldRule, reason: str | None) -> None:
    assert [found[0] for found in check_value(value, of)] == ([] if reason is None else [reason])


def test_a_broken_value_is_found_at_its_place() -> None:
    content = full("4101", "")
    content["iteminfo"].append(dict(content["iteminfo"][0], amt="1.234"))
    (found,) = check(content, "4101", "")
    assert (found.node, found.row, found.field, found.reason) == ("iteminfo", 2, "amt", "DECIMALS")
    assert (found.name, found.value, found.limit, found.place) == (
        "金额",
        "1.234",
        "2",
        "iteminfo[2].amt",
    )
    assert (
        found.describe("zh")
        == "[DECIMALS] iteminfo[2].amt（金额）：小数位数超过 2 位（1.234）。按要求的小数位数填写"
    )
    assert found.describe("en").startswith(
        "[DECIMALS] iteminfo[2].amt (金额): more than 2 decimals (1.234). "
    )


CODED = [
    (transaction, node, field)
    for transaction in TABLES.families
    for (node, field), r in TABLES.fields(transaction, "").items()
    if r.list
]


@pytest.mark.parametrize(("transaction", "node", "field"), CODED)
def test_each_code_list_is_held_against_its_fields(transaction: str, node: str, field: str) -> None:
    of = TABLES.fields(transaction, "")[node, field]
    many = TABLES.nodes[transaction][node].many
    for value, known in [("?9", False), *((code, True) for code in TABLES.roles(of.list, ""))]:
        content = full(transaction, "")
        rows = content.setdefault(node, [{}] if many else {})
        (rows[0] if many else rows)[field] = value
        found = [f for f in check(content, transaction, "") if f.reason == "CODE_UNKNOWN"]
        assert reasons(found) == ([] if known else [(node, int(many), field, "CODE_UNKNOWN")])
        assert all(f.severity is Severity.WARNING and f.limit == of.list for f in found)


def test_principals() -> None:
    none = settlement(diseinfo=[DX[0] | {"maindiag_flag": "0"}], oprninfo=[PX[1]])
    assert {("diseinfo", 0, "", "MAIN_MISSING"), ("oprninfo", 0, "", "MAIN_MISSING")} <= set(
        checked(none, "4101")
    )
    twice = settlement(diseinfo=[DX[0], DX[1] | {"maindiag_flag": "1"}])
    assert ("diseinfo", 2, "diag_code", "MAIN_TWICE") in checked(twice, "4101")
    gone = {"setlinfo": LIST}
    assert ("diseinfo", 0, "", "MAIN_MISSING") in checked(gone, "4101")
    assert ("oprninfo", 0, "", "MAIN_MISSING") not in checked(gone, "4101")
    doubtful = settlement(diseinfo=[DX[0], DX[1] | {"diag_type": "3"}])
    assert ("diseinfo", 2, "diag_code", "TYPE_DOUBTFUL") in checked(doubtful, "4101")


def test_strangers_and_codes_as_numbers() -> None:
    content = settlement(setlinfo=LIST | {"mine": "1"}, localinfo=[1])
    found = check(content, "4101", "")
    assert [f.place for f in found if f.reason == "FIELD_UNKNOWN"] == [
        "setlinfo.psn_no",
        "setlinfo.mine",
    ]
    assert [f.place for f in found if f.reason == "NODE_UNKNOWN"] == ["localinfo"]
    body = raw(message("4101", settlement())).replace(b'"88.5500"', b"88.55")
    assert ("oprninfo", 2, "oprn_oprt_code", "CODE_AS_NUMBER") in reasons(check(body))
    assert reasons(check(body.decode())) == reasons(check(body))


def test_python_values_are_taken_as_they_are() -> None:
    content = full("4101", "")
    content["setlinfo"] |= {
        "brdy": date(1960, 5, 1),
        "adm_time": datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
        "psn_selfpay": Decimal("1E+2"),
        "age": 65,
        "nwb_age": None,
    }
    content["iteminfo"] = tuple(content["iteminfo"])
    assert checked(content, "4101") == []
    content["setlinfo"]["psn_selfpay"] = Decimal("1.001")
    assert checked(content, "4101") == [("setlinfo", 0, "psn_selfpay", "DECIMALS")]


def test_no_finding_shows_who_it_is() -> None:
    person = "张测试"
    long_name = person * 40
    content = settlement(
        setlinfo=LIST
        | {
            "psn_name": long_name,
            "certno": "9" * 60,
            "coner_tel": "0" * 60,
            "hi_no": "8" * 60,
            "gend": person,
            "brdy": person,
            "insuplc": "13800000000",
            "dscg_way": "13800000000",
            "age": person,
        }
    )
    found = check(content, "4101", "")
    told = " ".join(f.describe() for f in found)
    assert {"TOO_LONG", "CODE_UNKNOWN", "NOT_A_DATE", "NOT_A_NUMBER"} <= {f.reason for f in found}
    assert person not in told
    assert "13800000000" not in told
    assert "999999999999999" not in told
    assert "88888888" not in told


def test_nothing_that_is_found_keeps_a_message_out() -> None:
    body = raw(message("4101", {"setlinfo": {"mdtrt_id": "V1", "gend": "7", "brdy": "?"}}))
    assert len(check(body)) > 30
    assert [event.visit for event in FORM.events(body)] == ["V1"]


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(IntakeError):
        check(b"{")
    with pytest.raises(IntakeError):
        check({"a": 1})


def test_every_reason_has_words() -> None:
    source = Path(__file__).resolve().parents[1] / "hl7_adapters" / "nhsa"
    text = (source / "checks.py").read_text("utf-8") + (source / "value_checks.py").read_text(
        "utf-8"
    )
    for lang in ("zh", "en"):
        told = {
            key.rpartition(".")[2] for key in catalogue(lang) if key.startswith("nhsa.finding.")
        }
        assert all(f'"{name}"' in text for name in told)
        assert {f"nhsa.advice.{name}" for name in told} <= set(catalogue(lang))


VALUES = st.one_of(
    st.text(max_size=12),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.none(),
    st.dates(),
)


@given(st.sampled_from(TRANSACTIONS), st.data())
def test_any_values_are_only_found_at(of: tuple[str, str], data: st.DataObject) -> None:
    transaction, dialect = of
    content = full(transaction, dialect)
    for rows in content.values():
        for row in rows if isinstance(rows, list) else [rows]:
            for name in data.draw(st.sets(st.sampled_from(sorted(row)), max_size=3)):
                row[name] = data.draw(VALUES)
    for found in check(content, transaction, dialect):
        assert found.describe("zh")
        assert found.describe("en")


def test_samples_are_of_their_lists() -> None:
    of = TABLES.fields("4101", "")["setlinfo", "gend"]
    assert sample(of, "") in TABLES.roles("gend", "")

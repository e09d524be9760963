"""The outlook, the leads and the view of all of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fund_support import FULL, code, write
from fund_view_support import a_month, settled, statement

from codebooks.audit.books import AuditBook, audit_book
from codebooks.errors import Where
from grouper.audit.errors import AuditError
from grouper.audit.fund import view
from grouper.audit.fund.budget import (
    NO_BUDGET,
    statement_of,
)
from grouper.audit.fund.document import document
from grouper.audit.fund.leads import Counted, leads, standing_states, topic_of
from grouper.audit.fund.outlook import read_outlook
from grouper.audit.fund.settings import toml
from grouper.audit.fund.telling import lines, sheets
from grouper.audit.fund.view import Known, look
from grouper.audit.review.tables import states

# --- the outlook -------------------------------------------------------------------------------


def outlook(**figure: Any) -> dict[str, Any]:
    told = {
        "expected": "1000.00",
        "intervals": [
            {"level": 0.8, "low": "900.00", "high": "1100.00"},
            {"level": 0.9, "low": None, "high": None},
        ],
    }
    periods = [
        {"name": "2026-03", "whole": {}},
        {"name": "2026", "whole": {"fund": told | figure}},
    ]
    return {"region": "demo", "as_of": "2026-03-10", "periods": periods}


def test_an_outlook_gives_its_year_with_intervals(tmp_path: Path) -> None:
    found = read_outlook(write(tmp_path, json.dumps(outlook()), "o.json"), 2026)
    assert (found.expected, found.region, found.year) == (Decimal("1000.00"), "demo", "2026")
    assert [(one.level, one.low, one.high) for one in found.spans] == [
        ("0.8", Decimal(900), Decimal(1100))
    ]
    none = outlook() | {"periods": [{"name": "2026", "whole": {}}]}
    assert read_outlook(write(tmp_path, json.dumps(none), "o.json"), 2026).expected is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps(outlook() | {"periods": 3}),
        json.dumps(outlook(expected="x")),
        json.dumps(outlook(expected="NaN")),
        json.dumps(outlook(intervals=[{}])),
        "[" * 100_000,
    ],
)
def test_what_is_no_outlook_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(AuditError) as error:
        read_outlook(write(tmp_path, text, "o.json"), 2026)
    assert code(error) == "FUND_OUTLOOK"


def test_an_outlook_of_another_year_is_none(tmp_path: Path) -> None:
    with pytest.raises(AuditError) as error:
        read_outlook(write(tmp_path, json.dumps(outlook()), "o.json"), 2027)
    assert code(error) == "FUND_OUTLOOK"


# --- leads -------------------------------------------------------------------------------------


def counted(state: str, rule: str = "GZ10000102012000", **values: Any) -> Counted:
    given: dict[str, Any] = {
        "department": "心内科",
        "source": "own",
        "count": 1,
        "amount": Decimal("10.00"),
        "oldest": date(2026, 3, 1),
    }
    return Counted(rule=rule, state=state, **given | values)


def test_findings_are_summed_by_topic_and_department() -> None:
    found = leads(
        [
            counted("new", count=2),
            counted("confirmed", department="骨科", oldest=date(2026, 2, 1)),
            counted("deducted", amount=Decimal("90.00"), oldest=date(2026, 1, 1)),
            counted("dismissed", count=5),
            counted("shadow"),
            counted("exempt"),
            counted("notified", "external:某规则", source="insurer", amount=Decimal("1.00")),
        ],
        audit_book(),
    )
    assert [one.key for one in found] == ["duplicate", "external"]
    sums = found[0].sums
    assert (sums.found, sums.open, sums.confirmed, sums.cleared) == (9, 3, 2, 5)
    assert (sums.amount, sums.open_amount, sums.confirmed_amount) == (
        Decimal("110.00"),
        Decimal("20.00"),
        Decimal("100.00"),
    )
    # The oldest one that is still open.
    assert sums.oldest == date(2026, 2, 1)
    assert found[0].departments["心内科"].amount == Decimal("100.00")
    assert dict(found[1].sources) == {"insurer": 1}


def test_every_rule_of_the_book_has_a_topic() -> None:
    book = audit_book()
    keys = {one["key"] for one in toml("topics.toml")["topic"]}
    topics = {rule: topic_of(rule, book) for rule in book.rules}
    assert set(topics.values()) <= keys
    assert topics["LOC-SPLIT"] == "admission"
    assert topics["ZB10000205001000"] == "statistics"
    assert topic_of("external:x", book) == "external"
    assert topic_of("no rule", book) == "other"
    named = {rule for one in toml("topics.toml")["topic"] for rule in one.get("rules", ())}
    assert named <= set(book.rules)


def test_the_states_that_count_are_states_of_the_review() -> None:
    said = standing_states()
    for names in said.values():
        assert names <= set(states())
    assert not said["confirmed"] & (said["cleared"] | said["left_out"])
    closed = {name for name, state in states().items() if state.closed}
    # Whatever is closed is decided in one way or the other.
    assert closed <= said["confirmed"] | said["cleared"]


# --- the view ----------------------------------------------------------------------------------


def seen(known: Known, **more: Any) -> view.View:
    book: AuditBook = audit_book()
    given_: dict[str, Any] = {"region": "demo", "month": "2026-02"} | more
    return look(known, book, **given_)


def test_a_view_without_anything_says_what_is_missing() -> None:
    found = seen(Known())
    assert found.missing == {
        "payable": "FUND_NO_LEDGER",
        "budget": "FUND_NO_STATEMENTS",
        "leads": "FUND_NO_STORE",
    }
    assert seen(Known(), region="national").missing["budget"] == "FUND_NO_STATEMENTS"
    assert seen(Known(), month="2020-01").missing["credit"] == "FUND_NO_SCHEME"
    for lang in ("zh", "en"):
        told = document(found, lang)
        assert told["missing"]["payable"]["text"] != "FUND_NO_LEDGER"
        assert any("FUND_NO_LEDGER" in line for line in lines(told))
        assert len(sheets(told)) == 4


def test_a_view_tells_all_of_it(tmp_path: Path) -> None:
    of_region = [
        statement_of(settled(month), Where()) for month in ("2026-01", "2025-12", "2026-03")
    ]
    foreign = statement_of(settled(region="jinhua"), Where())
    known = Known(
        ledger=[a_month("2026-01", "500"), a_month("2026-02", "499.99", "90")],
        statements=[*of_region, foreign],
        outlook=read_outlook(write(tmp_path, json.dumps(outlook()), "o.json"), 2026),
        findings=[
            counted("new"),
            *(counted("deducted", department=f"科{at}") for at in range(11)),
            counted("new", "LOC-SPLIT", department=None, oldest=None),
        ],
        quantities={name: one for name, one in FULL.items() if name != "deducted_share"},
        deducted=Decimal("3.00"),
    )
    found = seen(known)
    assert found.hospital == "H00000000001"
    assert (found.settled, found.open_months) == (("2026-01",), ("2026-02",))
    assert found.left_out == (
        ("2025-12", "FUND_STATEMENT_YEAR"),
        ("2026-01", "FUND_STATEMENT_REGION"),
        ("2026-03", "FUND_STATEMENT_YEAR"),
    )
    assert found.missing == {}
    told = document(found, "zh")
    assert json.loads(json.dumps(told)) == told
    assert told["payable"][0]["broken"] == [{"month": "2026-02", "off": "-10.01"}]
    assert told["payable_absent"] == ["居民"]
    # The part of the residents is not known, so there is no sum to divide by.
    assert "deducted_share" in told["credit"]["missing"]
    assert told["leads"][0]["more_departments"] == 2
    for lang in ("zh", "en"):
        again = document(found, lang)
        words = "\n".join(lines(again))
        assert "{" not in words
        for wanted in ("FUND_PART_UNKNOWN", "1000.00", "2026-03-10", "-10.01"):
            assert wanted in words
        for sheet in sheets(again):
            assert {len(row) for row in sheet.rows} <= {len(sheet.header)}
    known = replace(known, statements=[statement("2026-01", "1000.00", "2000.00")])
    told = document(seen(known), "en")
    share = next(one for one in told["credit"]["inputs"] if one["input"] == "deducted_share")
    assert (share["part"], share["whole"], share["value"]) == ("3.00", "3000.00", "0.0010")
    assert told["credit"]["grade"] == "A"
    assert any("grade A" in line for line in lines(told))


def test_an_outlook_of_another_region_does_not_count(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(outlook() | {"region": "jinhua"}), "o.json")
    found = seen(Known(outlook=read_outlook(path, 2026)))
    assert found.outlook is None
    told = document(found, "en")
    assert any("FUND_OUTLOOK_REGION" in line for line in lines(told))


def test_a_region_without_a_policy_has_no_budget() -> None:
    found = seen(
        Known(
            statements=[replace(statement("2026-01", "1.00"), region="national")],
            findings=[],
            ledger=[a_month("2026-03", "1")],
        ),
        region="national",
    )
    assert found.policy is None
    assert found.missing == {"payable": "FUND_NO_MONTHS", "budget": "FUND_NO_POLICY"}
    assert found.uses[0].reason == NO_BUDGET
    assert any("没有线索" in line for line in lines(document(found, "zh")))

"""Statistics of findings over REST, and the table of deductions."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

from review_support import RULE, keep, order_check, row
from service_findings_support import ask, light, people, put, step
from service_support import Service

from grouper.service import finding_statistics
from grouper.service.finding_asked import StatisticsOut
from grouper.store import order_checks
from grouper.store.schema import now

__all__ = ["light", "people"]

UNSEEN = {"stay_id": None, "department": "心内科", "physician": None}
"""A check of a case that is not here."""


def test_statistics(light: Service) -> None:
    put(light, 2)
    step(light, 1, "propose", "new", "office", note="x")
    step(light, 1, "dismiss", "proposed", "second", note="x", false_positive=False)
    with light.database.writing_store() as connection:
        order_checks.keep(connection, [order_check(**UNSEEN)])
    found = ask(light, "findings/statistics").json()
    StatisticsOut.model_validate(found)
    (one,) = found["groups"]
    assert (one["key"], one["found"], one["dismissed"], one["open"]) == (RULE, 2, 1, 1)
    assert one["name"] != RULE
    assert (one["false_share"], one["median_days"]) == ("0.000", "0.0")
    assert found["orders"][0]["told"] == 1
    for by, key in (("department", "心内科"), ("physician", "D1"), ("month", "2026-03")):
        told = ask(light, "findings/statistics", params={"by": by}).json()
        assert [one["key"] for one in told["groups"]] == [key]
    within = {"since": "2026-03-03", "until": "2026-04-01", "source": "own"}
    assert ask(light, "findings/statistics", params=within).json()["groups"] == []
    assert ask(light, "findings/statistics", "physician").json()["total"]["found"] == 2
    assert ask(light, "findings/statistics", "other").json()["total"]["found"] == 0
    peers = ask(light, "findings/statistics", "physician", params={"by": "physician"})
    assert (peers.status_code, peers.json()["code"]) == (403, "NOT_ALLOWED")
    assert ask(light, "findings/statistics", params={"by": "luck"}).status_code == 422


def test_statistics_tell_physicians_nothing_of_what_they_are_not_shown(light: Service) -> None:
    put(light, 1)
    keep(light.database, [row("a" * 24, rule="R2", shadow=True, stay_id=None)])
    check = order_check(**UNSEEN)
    checks = [check, replace(check, shadow=True), replace(check, rule="R2", shadow=True)]
    with light.database.writing_store() as connection:
        order_checks.keep(connection, checks)
    for role, rules, shadow in (("office", [RULE, "R2"], 1), ("physician", [RULE], 0)):
        found = ask(light, "findings/statistics", role).json()
        assert [one["key"] for one in found["groups"]] == rules
        assert found["total"]["shadow"] == shadow
        assert [one["rule"] for one in found["orders"]] == rules
        assert found["orders"][0]["shadow"] == shadow


def test_items_of_the_deduction_table_are_no_formulas() -> None:
    found = finding_statistics._cell("items", ["=1+1", "x"], "zh")
    assert found == "'=1+1 x"


def test_the_deduction_table_as_a_file(light: Service) -> None:
    put(light, department="=SUM(1)", day=None)
    for action, state, role, said in (
        ("confirm", "new", "office", {}),
        ("uphold", "confirmed", "second", {}),
        ("deduct", "upheld", "second", {"amount": "1.00"}),
    ):
        assert step(light, 1, action, state, role, **said).status_code == 200
    month = f"{now() + timedelta(hours=8):%Y-%m}"
    answer = ask(light, "findings/deductions", params={"month": month, "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    head, line = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    told = dict(zip(head, line, strict=True))
    assert (told["扣款金额（元）"], told["结果"], told["科室"]) == ("1.00", "已扣款", "'=SUM(1)")
    assert (told["级别"], told["日期"]) == ("违规", "")
    for wrong in ("2026-13", "0000-01", "9999-12"):
        answer = ask(light, "findings/deductions", params={"month": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "REVIEW_MONTH")
    assert ask(light, "findings/deductions", params={"month": "2026"}).status_code == 422
    none = ask(light, "findings/deductions", params={"month": "1999-01"}).json()
    assert none == {"month": "1999-01", "deductions": [], "total": "0"}
    seen = light.looks()
    assert ("office1", "deductions_shown", "findings") in seen

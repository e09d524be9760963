"""The lines of quotas and assignment in words, in both languages; every code has its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pay_quota_support import asked, policy, yuan
from pay_quota_terms_support import DIALYSIS_TERMS, QUOTA_TERMS, SEGMENTS
from test_pay_assignment import METHODS, rule, terms
from test_pay_quota_budget import HOSPITAL, TERMS

from codebooks.messages import catalogue
from grouper.case.record import Case
from grouper.payment.assignment import assign
from grouper.payment.assignment_conditions import CONDITIONS
from grouper.payment.budget import advances, clear
from grouper.payment.methods.bed_day import METHOD as BED_DAY
from grouper.payment.methods.by_item import METHOD as BY_ITEM
from grouper.payment.methods.dialysis_capitation import METHOD as DIALYSIS
from grouper.payment.methods.disease_quota import METHOD as QUOTA
from grouper.payment.methods.global_budget import METHOD as BUDGET
from grouper.payment.reasons import PayReason, PayWarning
from grouper.payment.words import told_line

if TYPE_CHECKING:
    from grouper.payment.sheet import Line

LANGUAGES = ("zh", "en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_reason_and_warning_has_words_and_advice(lang: str) -> None:
    words = catalogue(lang)
    for code in (*PayReason, *PayWarning):
        assert words[f"reason.{code}"]
        assert words[f"advice.{code}"]


def priced(method: Any, case: Case, **more: Any) -> list[Line]:
    one = asked(case, policy(more["told"]))
    one.sheet.section = method.section
    assert method.price(one).reason is None
    return one.sheet.lines


def written(lines: list[Line], lang: str) -> list[str]:
    return [told_line(line, lang)["written"] for line in lines]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_line_has_its_words(lang: str) -> None:
    visit = Case(scope_cost=yuan(800), year_deductible=yuan(0), year_basic=yuan(0))
    found = [
        *priced(BY_ITEM, visit, told={}),
        *priced(BUDGET, visit, told=TERMS | {"global_budget.spending_share": {"*": {"*": 0}}}),
        *priced(BUDGET, visit, told=TERMS | {"global_budget.spending_share": {"*": {"*": 1}}}),
        *priced(QUOTA, Case(dx=("K35",)), told=QUOTA_TERMS),
        *priced(BED_DAY, Case(los=40), told={"bed_day.segments": SEGMENTS}),
        *priced(DIALYSIS, visit, told=DIALYSIS_TERMS),
        *advances(policy(TERMS), HOSPITAL).lines,
        *clear(policy(TERMS), HOSPITAL, yuan(1)).lines,
        *clear(policy(TERMS), HOSPITAL, yuan(10**8)).lines,
    ]
    assert all(written(found, lang))
    assert all("…" not in one for one in written(found, lang))


def test_a_line_in_words() -> None:
    lines = priced(QUOTA, Case(dx=("K35",), px=("47.01",)), told=QUOTA_TERMS)
    assert (
        written(lines, "zh")[1]
        == "基金支付 = 定额标准 × 基金支付比例 = 7,800.00 × 0.85 = 6,630.00 元"
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_answers_of_rules_in_words(lang: str) -> None:
    told: dict[str, Any] = {
        "kind": ("outpatient",), "status": ("invalid",), "family": ("apg",), "hospital": ("H2",),
        "level": ("I",), "insured": "elsewhere", "visit_type": ("14",), "department": ("x",),
        "group": ("Q",), "diagnosis": ("I10",), "pathway": ("left",), "insurance": ("resident",),
        "days_from": 50, "days_to": 1,
    }  # fmt: skip
    assert set(told) == {one.name for one in CONDITIONS}
    rules = [rule("drg_rate", n, **{name: one}) for n, (name, one) in enumerate(told.items(), 1)]
    rules += [
        rule("disease_quota", 20, listed=True),
        rule("disease_quota", 30, kind=("inpatient",)),
        rule("dialysis_capitation", 40),
    ]
    one = asked(Case(los=9, dx=("J18",)), terms(*rules))
    one.sheet.section = "assignment"
    assert assign(one, METHODS).method == "disease_quota"
    found = written(one.sheet.lines, lang)
    assert len(found) == len(rules)
    assert all("…" not in each for each in found)
    if lang == "zh":
        assert found[0] == "不适用：病例类型不符：1. DRG 费率法：病例为 住院，规则为 门诊"
        assert found[-2:] == ["适用：30. 单病种定额", "次序在后，未再比较：透析按人头付费"]
    unknown = asked(Case(dx=("J18",)), terms(rule("drg_rate", 1, days_from=9)))
    unknown.sheet.section = "assignment"
    assign(unknown, METHODS)
    assert "1. " in written(unknown.sheet.lines, lang)[0]

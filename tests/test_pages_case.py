"""The page of a case: its head, its tabs, old and merged versions, the person, a trial."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import review_support as review
from case_page_support import Held, held
from forecast_service_support import model
from nhsa_support import raw, settlement
from pages_office_support import words

from codebooks.messages import catalogue
from grouper.case.dates import LOCAL
from grouper.intake.porches import reviewers
from grouper.service.forecast_answers import made_now
from grouper.service.sent_lists import SentList
from grouper.service.stored import stay_of_case
from grouper.service.trials import Other, tried
from grouper.store import forecasts
from grouper.store.database import StoreError
from grouper.store.schema import now

__all__ = ["held"]


TABS = ("group", "payment", "forecast", "findings", "lists", "charges", "versions", "trial")


# The page


def test_without_a_case_the_page_says_where_to_find_one(held: Held) -> None:
    for params in ({}, {"case_id": "x" * 37}):
        assert "没有指定病例" in words(held.office.page("case", **params))


def test_a_case_that_is_not_there_or_out_of_reach_is_not_found(held: Held) -> None:
    for version in ("9", "0", "-1", "two", "9" * 12):
        assert "没有" in words(held.tab("group", version=version))
    before = len(held.office.looks())
    held.office.who = "physician"
    try:
        for case in (held.apart, "nowhere"):
            page = held.tab("group", case)
            assert page.error[0].value.startswith("[STORED_CASE_UNKNOWN]")
            assert not page.metric
    finally:
        held.office.who = "office"
    assert len(held.office.looks()) == before


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_shows_its_case_in_both_languages(held: Held, tab: str, lang: str) -> None:
    page = held.tab(tab, lang=lang)
    assert not page.exception
    assert not page.error
    said = words(page)
    assert ("Total cost" if lang == "en" else "总费用") in said
    assert "示例P1" not in said
    assert [one.label for one in page.metric] == [
        catalogue(lang)[f"case_page.head.{name}"]
        for name in ("state", "days", "cost", "amount", "surplus")
    ]


def test_the_head_says_how_the_case_stands(held: Held) -> None:
    told = {one.label: one.value for one in held.tab("group").metric}
    assert (told["状态"], told["住院天数"], told["总费用"]) == ("已出院", "9 天", "7.80 万元")
    assert told["支付标准"].endswith("万元")
    assert "费用区间" in words(held.tab("group"))
    running = held.tab("group", held.running)
    assert "在院病例按“今天出院”计算" in words(running)
    days = next(one.value for one in running.metric if one.label == "住院天数")
    assert days != "—"


def test_an_old_version_says_so_and_leads_to_the_newest(held: Held) -> None:
    said = words(held.tab("group", version="1"))
    assert "这是第 1 版，当前为第 2 版。" in said
    assert f"/case?case_id={held.case})" in said
    assert "5.20 万元" in said


def test_a_merged_case_leads_to_the_one_that_goes_on(held: Held) -> None:
    said = words(held.tab("group", held.merged))
    assert "此病例已并入另一病例" in said
    assert f"/case?case_id={held.other})" in said


def test_the_person_is_shown_on_asking_and_every_look_is_logged(held: Held) -> None:
    page = held.tab("group")
    before = held.office.looks().count("person_shown")
    page.button(key=f"case.person.{held.case}").click().run()
    assert "示例P1" in words(page)
    page.run()
    assert "示例P1" not in words(page)
    page.button(key=f"case.person.{held.case}").click().run()
    assert held.office.looks().count("person_shown") == before + 2


def test_who_may_not_see_persons_is_offered_none(held: Held) -> None:
    held.office.who = "manager"
    try:
        page = held.tab("trial")
        assert not page.button
        assert "试算" not in words(page)
        assert page.query_params["tab"] in ("group", ["group"])
    finally:
        held.office.who = "office"


def test_what_cannot_be_logged_is_not_shown(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr("dashboards.frame.looks.write_looks", away)
    page = held.tab("group")
    assert "AUDIT_UNAVAILABLE" in page.exception[0].message
    assert not page.metric


# The tabs


def test_the_group_tells_why_under_each_scheme(held: Held) -> None:
    page = held.tab("group")
    said = words(page)
    assert "dip-pingdingshan-2025" in said
    assert "分值计算" in said
    page.segmented_control(key=f"case.scheme.{held.case}.2").set_value("chs-drg-3.0").run()
    said = words(page)
    assert "| I50.900 心力衰竭 | MCC | 计入 |" in said
    assert "MDCF 循环系统疾病及功能障碍" in said
    assert "MDC 表第" in said


def test_a_payment_is_told_line_by_line_with_its_sources(held: Held) -> None:
    said = words(held.tab("payment"))
    assert "计算过程" in said
    assert "病例分值 × 点值" in said
    assert "虚构的示范市" in said


def test_charges_are_summed_by_class_and_come_in_pages(held: Held) -> None:
    page = held.tab("charges")
    said = words(page)
    assert "| 化验费 | 30 | 45.00 元 |" in said
    assert "| 西药费 | 30 | 45.00 元 |" in said
    assert said.count("血*常规|一") == 50
    page.button(key=f"case.lines.{held.case}.2.behind").click().run()
    assert words(page).count("血*常规|一") == 10


def test_versions_tell_what_changed(held: Held) -> None:
    said = words(held.tab("versions"))
    assert "| 总费用 | 52000.00 | 78000.00 |" in said
    assert "I21.001, I50.900, J18.900" in said
    assert "只有一个版本" in words(held.tab("versions", held.running))


def test_a_forecast_is_told_with_its_interval_and_its_history(held: Held) -> None:
    assert "还没有预测" in words(held.tab("forecast", held.running))
    assert "没有保存过预测" in words(held.tab("forecast"))
    database = held.office.running.database
    stay = stay_of_case(database, held.running, None)
    at = datetime.now(LOCAL)
    rows = [
        made_now(
            model(),
            stay.case,
            "demo",
            at - timedelta(days=back),
            drivers=True,
            stay_id=stay.head.id,
            version=1,
        )
        for back in (2, 1)
    ]
    refused = replace(
        rows[1],
        as_of=rows[1].as_of + timedelta(days=1),
        status="refused",
        reason="FORECAST_FAILED",
        document={**rows[1].document, "status": "refused", "reason": "FORECAST_FAILED"},
    )
    with database.writing_store() as connection:
        forecasts.write(connection, rows)
    page = held.tab("forecast", held.running)
    said = words(page)
    assert "预测停留在" in said
    assert "90% 区间" in said
    assert "甲病组 | 60.0%" in said
    assert "此病例的 2 次预测" in said
    assert "影响费用的因素" in said
    with database.writing_store() as connection:
        forecasts.write(connection, [refused])
    assert not held.tab("forecast", held.running).exception
    assert "90% 区间" not in words(held.tab("forecast", held.running))


def test_findings_of_the_case_lead_to_their_page(held: Held) -> None:
    assert "没有审核问题" in words(held.tab("findings"))
    database = held.office.running.database
    stay = stay_of_case(database, held.case, None)
    review.keep(database, [review.row("f" * 24, stay_id=stay.head.id)])
    assert "/finding?id=1" in words(held.tab("findings"))
    assert "没有审核问题" in words(held.tab("findings", held.running))


def test_the_list_that_was_sent_is_held_against_the_case(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "尚未收到" in words(held.tab("lists"))
    sent = SentList(7, "4101", raw(settlement()), reviewers()["nhsa"])
    monkeypatch.setattr("dashboards.app_pages.case.lists.sent_list", lambda *_: sent)
    page = held.tab("lists")
    assert not page.exception
    said = words(page)
    assert "交易 4101，报文 7" in said
    assert "与当前病例的差异" in said
    assert "| 字段 | 行 | 已上传 | 建议 | 说明 |" in said
    (button,) = page.get("download_button")
    assert button.proto.label == "下载差异（Excel）"


# A trial


def test_a_trial_shows_what_would_be_and_keeps_nothing(held: Held) -> None:
    page = held.tab("trial")
    key = f"case.trial.{held.case}.2"
    page.text_area(key=f"{key}.dx").set_value("J18.900，I50.900")
    page.text_area(key=f"{key}.px").set_value("")
    page.text_input(key=f"{key}.cost").set_value("9000")
    page.number_input(key=f"{key}.los").set_value(4)
    page.button[-1].click().run()
    assert not page.exception
    said = words(page)
    assert "试算结果" in said
    assert "J18" in said
    assert held.office.looks()[-1] == "case_tried"
    assert stay_of_case(held.office.running.database, held.case, None).version == 2


@pytest.mark.parametrize("cost", ["much", "-1", "NaN", "1e12"])
def test_a_trial_of_no_amount_is_refused(held: Held, cost: str) -> None:
    page = held.tab("trial")
    page.text_input(key=f"case.trial.{held.case}.2.cost").set_value(cost)
    page.button[-1].click().run()
    assert page.error[0].value.startswith("总费用不是有效的金额")


def test_a_trial_without_changes_gives_the_stored_group(held: Held) -> None:
    database = held.office.running.database
    stay = stay_of_case(database, held.case, None)
    found = tried(database, stay, Other(), "demo", now())
    binding = next(one for one in stay.groupings if one.binding)
    assert found.grouping.group == binding.group
    assert found.case == stay.case
    longer = tried(database, stay, Other(los=12, total_cost=Decimal(1)), "demo", now()).case
    assert (longer.los, longer.total_cost) == (12, Decimal("1.00"))
    assert longer.admission_time is not None
    assert longer.discharge_time == longer.admission_time + timedelta(days=12)


def test_what_stood_beside_a_code_goes_with_it(held: Held) -> None:
    database = held.office.running.database
    stay = stay_of_case(database, held.case, None)
    case = replace(stay.case, dx_poa=("1", "2", "3"))
    other = Other(dx=("J18.900", "E11.900"), px=("36.0601",))
    found = tried(database, replace(stay, case=case), other, "demo", now()).case
    assert (found.dx, found.dx_poa) == (("J18.900", "E11.900"), ("3", None))


def test_values_that_cannot_be_are_told(held: Held) -> None:
    page = held.tab("trial")
    page.text_area(key=f"case.trial.{held.case}.2.dx").set_value("not-a-code")
    page.button[-1].click().run()
    assert not page.exception
    assert "主要诊断编码不在方案所用的编码库中" in words(page)

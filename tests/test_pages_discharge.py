"""The physician's pages: own stays, one stay before discharge, a trial of a correction, codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit as st
from case_page_support import PAID
from discharge_support import DOCTOR, SCRIPT, foretold, found, past, present, shown, words
from review_support import asker
from service_support import PEOPLE, Service, service
from streamlit.testing.v1 import AppTest

from codebooks.messages import catalogue
from dashboards.charts.course import course
from dashboards.frame.figures import yuan
from dashboards.frame.parts import hold
from grouper.audit.review.steps import Said
from grouper.service import discharge_limits as limits_module
from grouper.service import findings
from grouper.service.access.principal import Principal
from grouper.service.pricing import payment_of
from grouper.service.stored import stay_of_case
from grouper.store.database import StoreError
from grouper.store.schema import now
from grouper.store.states import Role

STRANGER = Principal(
    account_id=9, name="doctor2", role=Role.PHYSICIAN, departments=("骨科",), via="session"
)
NOBODY = Principal(account_id=8, name="doctor3", role=Role.PHYSICIAN, via="session")


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running stay with a forecast, and past stays enough."""
    with service(tmp_path_factory.mktemp("ward")) as running:
        for number in range(22):
            past(running, number, days=3 + number % 3)
        foretold(running, present(running))
        yield running
    hold(None)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    st.cache_data.clear()
    with service(tmp_path) as made:
        yield made
    hold(None)


def _case(ward: Service) -> str:
    told = ward.ask("office", "GET", "/api/v1/cases", params={"text": "NOW1"}).json()
    return str(told["cases"][0]["case_id"])


def _whole(app: AppTest) -> str:
    """What is written, of a page without a fault."""
    assert [one.value for one in app.exception] == []
    return words(app)


def test_one_stay_in_both_languages(ward: Service) -> None:
    case = _case(ward)
    told = _whole(shown(ward, "discharge", case_id=case))
    assert "### FM39 经皮冠状动脉支架植入" in told
    assert "就诊号 NOW1" in told
    assert "主要手术属于" in told
    assert "本院病组 FM39 已出院病例 22 例" in told
    assert "预计总费用 400.00 元" in told
    assert "目前没有审核发现" in told
    english = _whole(shown(ward, "discharge", lang="en", case_id=case))
    assert "day 3 of stay" in english
    # Names of codes and groups are Chinese as published; the page's own words are not.
    own = re.sub(r"“[^”]*”|\*\*[^*]*\*\*", "", english)
    assert "费用" not in own
    looks = [one for one in ward.looks() if one[0] == "doctor1"]
    assert ("doctor1", "case_shown", f"case:{case}") in looks
    assert ("doctor1", "case_findings_shown", f"case:{case}") in looks
    assert "示例" not in told + english


def test_the_picture_and_its_table(ward: Service) -> None:
    app = shown(ward, "discharge", case_id=_case(ward))
    table = app.dataframe[0].value
    assert [str(one) for one in table["本例"][:4]] == ["100.00", "200.00", "300.00", "None"]
    assert list(table["仍在院例数"][:4]) == [22, 22, 22, 22]
    assert [str(one) for one in table["同组中位"][:2]] == ["100.00", "200.00"]


def test_the_payment_of_a_running_stay_is_told_as_it_is_reckoned(tmp_path: Path) -> None:
    st.cache_data.clear()
    with service(tmp_path, region="demo", hospital="H00000000001") as made:
        facts = PAID | {"discharge_time": None, "discharge_way": None}
        case = made.stay(facts=facts, dx=["I21.001"])
        stay = stay_of_case(made.database, case, None)
        paid = payment_of(made.database, stay, "demo", now())
        app = shown(made, "discharge", PEOPLE["office"], case_id=case)
        told = _whole(app)
    hold(None)
    assert paid.amount is not None, paid.reason
    (line,) = [one.value for one in app.markdown if one.value.startswith("**支付**")]
    assert f"支付标准 {yuan(paid.amount, 'zh')}" in line
    assert "不是诊疗或编码的依据" in line
    # Money neither colours nor ranks anything, and what is left of it is not told.
    assert not re.search(r":(red|green|orange|blue)|结余|亏损|盈", told)
    assert all(not one.delta for one in app.metric)


def test_a_chart_of_nothing_but_the_own_line() -> None:
    drawn = course((), (), None, "zh").to_dict()
    assert drawn["layer"] == []


def test_without_a_case_and_out_of_reach(ward: Service) -> None:
    case = _case(ward)
    assert "请先从" in _whole(shown(ward, "discharge"))
    for asked, who in ((case, STRANGER), (case, NOBODY), ("nothing", DOCTOR), ("\x00", DOCTOR)):
        told = _whole(shown(ward, "discharge", who, case_id=asked))
        assert "没有这个病例" in told
        assert "NOW1" not in told
    assert not [one for one in ward.looks() if one[0] in ("doctor2", "doctor3")]
    # Who may see all departments may see this one.
    assert "FM39" in _whole(shown(ward, "discharge", PEOPLE["office"], case_id=case))


def test_a_trial_tells_the_group_and_no_money(ward: Service) -> None:
    case = _case(ward)
    app = shown(ward, "discharge", case_id=case)
    before = _whole(app)
    app.text_input[0].set_value("xlsj").run()
    [add, remove] = app.multiselect
    assert any("I50.900" in one for one in add.options)
    add.set_value([("diagnosis", "I50.900")])
    remove.set_value([("procedure", "36.0601")])
    first = app.selectbox[0]
    first.set_value(("diagnosis", "E11.900"))
    app.button[0].click().run()
    assert "还没有选择更正的病历依据" in _whole(app)
    app.selectbox[2].set_value("course_note")
    app.button[0].click().run()
    told = _whole(app)
    assert "病组或分组状态改变" in told
    assert "病历依据：病程记录；方案 chs-drg-2.0。" in told
    # Beyond what stood there before, the trial says nothing of money.
    new = [one for one in told.splitlines() if one not in before.splitlines()]
    assert not [one for one in new if re.search(r"元|费用|支付|权重|分值", one)]
    with ward.database.reading() as connection:
        from grouper.store import audit  # noqa: PLC0415 -- only here

        entry = next(
            one for one in audit.entries(connection, limit=5) if one.action == "correction_tried"
        )
    assert (entry.actor, entry.object) == ("doctor1", f"case:{case}")
    assert entry.about["ground"] == "course_note"
    assert {one["code"] for one in entry.about["changes"]} == {"I50.900", "36.0601", "E11.900"}
    app.text_input[0].set_value("没有这样的编码").run()
    assert "没有找到" in _whole(app)
    # What was chosen stays, though the search finds it no more.
    assert app.multiselect[0].value == [("diagnosis", "I50.900")]


def test_a_trial_that_changes_nothing(ward: Service) -> None:
    app = shown(ward, "discharge", lang="en", case_id=_case(ward))
    app.multiselect[1].set_value([("diagnosis", "E11.900")])
    app.selectbox[2].set_value("laboratory")
    app.button[0].click().run()
    assert "Group and status stay the same." in _whole(app)


def test_few_cases_no_forecast_no_charges(running: Service) -> None:
    case = present(running, lines={})
    told = _whole(shown(running, "discharge", case_id=case))
    assert "同组已出院病例 0 例，不足 20 例" in told
    assert "没有近日的预测" in told
    assert "没有带时间的费用明细" in told
    foretold(running, case, status="refused", reason="FORECAST_NO_ADMISSION", groups=[])
    assert "没有近日的预测" in _whole(shown(running, "discharge", case_id=case))
    charged = present(running, "NOW2", "P2", dx=[], px=["36.0601"])
    told = _whole(shown(running, "discharge", case_id=charged))
    assert "尚未入组，没有同组病例可对照" in told
    assert "没有主要诊断" in told
    assert "费用进程" in told


def test_ended_cancelled_merged_and_unbound_stays(running: Service) -> None:
    ended = past(running, 1)
    told = _whole(shown(running, "discharge", case_id=ended))
    assert "住院 3 天" in told
    assert "按出院数据得出" in told
    old = running.stay(
        "OLD",
        "PO",
        facts={"admission_time": "2001-01-01 08:00", "discharge_time": "2001-01-05 08:00"},
    )
    told = _whole(shown(running, "discharge", case_id=old))
    assert "无法选定分组方案" in told
    assert "出院日期没有适用的分组方案" in told
    into = present(running, patient="P1")
    running.send(patient="P1", visit="NOW1", prior="PAST1")
    told = _whole(shown(running, "discharge", case_id=ended))
    assert "已并入" in told
    assert f"case_id={into}" in told
    assert "病组与依据" not in told


def test_a_finding_is_answered(running: Service) -> None:
    case = present(running)
    number = found(running, case)
    office = asker("office1")
    at = datetime.now(UTC)
    told = _whole(shown(running, "discharge", case_id=case))
    assert "待初审" in told
    said = Said(department="心内科", due=datetime(2099, 1, 1, tzinfo=UTC))
    findings.step(running.database, office, number, "ask", "new", said, at)
    app = shown(running, "discharge", case_id=case)
    assert "请在 2099-01-01 08:00 前答复" in _whole(app)
    app.button[0].click().run()
    assert len(app.error) == 1
    app.text_area[0].set_value("术后感染，按指南用药。")
    app.button[0].click().run()
    told = _whole(app)
    assert "已提交" in told
    assert not app.text_area
    looks = running.looks()
    assert ("doctor1", "finding_step", f"finding:{number}") in looks
    # Managers see findings and may not answer; nothing of a form is shown.
    manager = shown(running, "discharge", PEOPLE["manager"], case_id=case)
    assert not manager.text_area
    assert _whole(manager)


def test_own_stays(ward: Service) -> None:
    app = shown(ward, "my_cases")
    told = _whole(app)
    assert "NOW1" in told
    assert "PAST1" not in told
    assert f"/discharge?case_id={_case(ward)}" in app.table[0].value["就诊号"].iloc[0]
    app.text_input[0].set_value("XX").run()
    assert "没有符合条件的病例" in _whole(app)
    app.text_input[0].set_value("NOW").run()
    assert "NOW1" in _whole(app)
    english = _whole(shown(ward, "my_cases", lang="en"))
    assert "Day of stay" in english


def test_pages_of_own_stays(ward: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = limits_module.discharge_limits()
    small = limits_module.DischargeLimits(
        **{name: getattr(limits, name) for name in limits.__dataclass_fields__} | {"page": 15}
    )
    monkeypatch.setattr("dashboards.app_pages.my_cases.discharge_limits", lambda: small)
    app = shown(ward, "my_cases")
    app.session_state["my_cases_state"] = "discharged"
    app.run()
    first = list(app.table[0].value["就诊号"])
    app.button[0].click().run()
    second = list(app.table[0].value["就诊号"])
    assert _whole(app)
    assert (len(first), len(second)) == (15, 7)
    assert not set(first) & set(second)
    app.button[0].click().run()
    assert list(app.table[0].value["就诊号"]) == first


def test_no_stays_and_no_department(running: Service) -> None:
    assert "这里还没有病例" in _whole(shown(running, "my_cases"))
    assert "没有绑定科室" in _whole(shown(running, "my_cases", NOBODY))
    case = present(running)
    number = found(running, case)
    said = Said(department="心内科")
    findings.step(running.database, asker("office1"), number, "ask", "new", said, datetime.now(UTC))
    told = _whole(shown(running, "my_cases"))
    assert "有 1 条审核发现等待科室答复" in told
    assert "NOW1" not in _whole(shown(running, "my_cases", STRANGER))
    manager = _whole(shown(running, "my_cases", PEOPLE["manager"]))
    assert "等待科室答复" not in manager
    assert "NOW1" in manager


def test_codes(ward: Service) -> None:
    app = shown(ward, "codes")
    assert "输入编码" in _whole(app)
    app.text_input[0].set_value("jxlwy").run()
    told = _whole(app)
    assert "急性阑尾炎" in told
    app.text_input[0].set_value("阑尾").run()
    assert "只显示最相符的 20 项" in _whole(app)
    app.text_input[0].set_value("36.0601").run()
    assert list(app.table[0].value["编码"]) == ["36.0601"]
    app.text_input[0].set_value("没有这样的编码").run()
    assert "没有找到" in _whole(app)
    object.__setattr__(ward.settings, "region", "nowhere")
    try:
        app = shown(ward, "codes", lang="en")
        assert "No scheme binds today" in _whole(app)
        app.text_input[0].set_value("K35.8").run()
        assert "K35.8" in _whole(app)
    finally:
        object.__setattr__(ward.settings, "region", "national")


@pytest.mark.parametrize("module", ["discharge", "my_cases"])
def test_the_store_is_away(ward: Service, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    def away() -> None:
        raise StoreError("STORE_UNAVAILABLE")

    case = _case(ward)
    monkeypatch.setattr(type(ward.database), "reading", lambda _: away())
    told = _whole(shown(ward, module, case_id=case))
    assert "STORE_UNAVAILABLE" in told
    assert "NOW1" not in told


def test_every_text_stands_in_both_languages() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    own = [
        key for key in zh if key.split(".")[0] in ("discharge", "my_cases", "correction", "codes")
    ]
    assert len(own) > 80
    assert [key for key in own if key not in en] == []
    assert SCRIPT

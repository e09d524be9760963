"""The page of the bureau's statement, run by itself on a month of invented stays."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from pages_office_support import words
from reconcile_support import BEFORE, HEADS, MONTH, OFFICE, VISITS, Month, differing, month
from streamlit.testing.v1 import AppTest

from dashboards.app_pages.auditing import months
from dashboards.app_pages.reconcile.booking import IN_FILE
from dashboards.app_pages.reconcile.wording import CASES
from dashboards.charts.causes import causes_chart
from grouper.case.dates import LOCAL
from grouper.service.adjustment_book import AdjustmentBook
from grouper.service.errand_files import write_errand
from grouper.service.errand_process import run_one
from grouper.service.errands import Errands
from grouper.store.database import Database, StoreError

D = Decimal


@pytest.fixture(scope="module", autouse=True)
def clock() -> Iterator[None]:
    with patch.object(months, "now", lambda: datetime(2026, 4, 20, 9, tzinfo=LOCAL)):
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    with month(tmp_path_factory.mktemp("month")) as made:
        yield Month(made)


@pytest.fixture
def of(whole: Month) -> Month:
    """The month, of which nothing was compared yet."""
    for name in ("errands", "adjustments"):
        shutil.rmtree(whole.settings.folder / name, ignore_errors=True)
    return whole


def shown(of: Month, part: str = "results", **params: str) -> AppTest:
    """The page with one of its parts."""
    page = of.office.page("reconcile", kind="all", **params)
    if part != "results":
        page.button_group(key="reconcile.part").set_value(part).run()
    assert not page.exception
    return page


def pressed(page: AppTest, label: str) -> AppTest:
    """The page after a button."""
    next(one for one in page.button if one.label.startswith(label)).click().run()
    assert not page.exception
    return page


def frames(page: AppTest) -> list[Any]:
    return [one.value for one in page.dataframe]


def test_nothing_yet_is_said_with_what_to_do(of: Month) -> None:
    page = shown(of)
    assert "请在上方上传医保结算单" in words(page)
    assert page.selectbox(key="reconcile.month").value == MONTH
    assert page.expander[0].label == "上传医保结算单"
    assert not page.metric


def test_a_statement_is_handed_in_compared_and_shown(of: Month) -> None:
    page = shown(of)
    held = differing(of)
    page.file_uploader[0].set_value(("三月*.csv", held, "text/csv"))
    page = pressed(page, "核对")
    assert "文件已读出" in words(page)
    errands = Errands.at(of.settings)
    (errand,) = errands.of(OFFICE, "reconcile")
    assert errand.params["month"] == MONTH
    assert run_one(errands, errand.id, of.settings, of.database) is not None
    page = shown(of)
    told = words(page)
    assert "三月*.csv，7 行" in told, repr(told)
    assert [one.label for one in page.metric] == [
        "本院测算",
        "医保结算",
        "差额",
        "扣款",
        "不一致病例",
    ]
    assert page.metric[4].value == "8 / 9"
    assert "其中 1 例，结算单金额已减扣款" in told
    by_state = frames(page)[0]
    assert list(by_state["cases"]) == [1, 4, 2, 2, 9]
    assert by_state["rec_difference"].iloc[-1] == sum(by_state["rec_difference"].iloc[:-1])
    by_cause = next(one for one in frames(page) if "可能原因" in one)
    assert {"病组不同", "点数（权重）不同", "扣款"} <= set(by_cause["可能原因"])
    cases = frames(page)[-1]
    assert len(cases) == 4
    sides = cases["rec_theirs"] - cases["rec_ours"]
    assert list(sides) == list(cases["rec_difference"])
    assert set(cases["rec_differs"]) >= {"基金支付 -7.00", "点数 +1"}
    assert all(one.startswith("/case?case_id=") for one in cases["link"])
    done = of.office.looks()
    assert done.index("reconciliation_started") < done.index("reconciliation_shown")


def test_each_state_is_shown_by_itself_and_nobody_is_named(of: Month) -> None:
    of.done(differing(of))
    page = shown(of)
    page.button_group(key="reconcile.cases.state").set_value("missing_here").run()
    cases = frames(page)[-1]
    assert list(cases["link"].isna()) == [True, False]
    assert list(cases["rec_rows"]) == ["8", "7"]
    assert set(cases["rec_cause"]) == {"本院没有此病例", "不属于本月或所选范围"}
    assert "按文件行号" in words(page)
    everything = words(page) + "".join(one.to_csv() for one in frames(page))
    assert not [one for one in ("X-7788", *VISITS, BEFORE) if f",{one}," in everything]


def test_totals_that_do_not_add_up_and_another_kind_are_told(of: Month) -> None:
    held = of.statement([*of.same("V1"), ["合计", "", "", "", "1.50", "", ""]], *HEADS)
    of.done(held, of.scope("inpatient"))
    page = of.office.page("reconcile", kind="inpatient")
    assert "合计行写 1.50" in words(page)
    page.selectbox(key="reconcile.kind").set_value("outpatient").run()
    assert not page.exception
    assert page.query_params["kind"] == "outpatient"
    page.selectbox(key="reconcile.kind").set_value("inpatient").run()
    assert "kind" not in page.query_params


@pytest.mark.slow
def test_pages_of_rows_and_another_state_begins_anew(of: Month) -> None:
    with patch("dashboards.app_pages.reconcile.results.sizes") as sizes:
        sizes.return_value.rows = 3
        of.done(differing(of))
        page = shown(of)
        assert len(frames(page)[-1]) == 3
        page.button(key="reconcile.cases.behind").click().run()
        assert len(frames(page)[-1]) == 1
        page.button_group(key="reconcile.cases.state").set_value("missing_there").run()
        assert len(frames(page)[-1]) == 2


def test_a_statement_that_agrees_says_so(of: Month) -> None:
    of.done(of.statement(of.same(*VISITS), *HEADS))
    page = shown(of)
    assert "逐例核对一致" in words(page)
    assert page.metric[4].value == "0 / 7"
    page = shown(of, "booking")
    assert "没有待记入的调整" in words(page)
    assert "还没有记入调整" in words(page)


def test_one_case_alone(of: Month) -> None:
    of.done(of.statement(of.same("V7"), *HEADS), of.scope("inpatient", "resident"))
    page = of.office.page("reconcile", insurance="resident")
    assert not page.exception
    assert page.metric[4].value == "0 / 1"
    assert len(frames(page)[-1]) == 1
    # Of another choice nothing was compared.
    assert "还没有核对过" in words(shown(of))


@pytest.mark.parametrize(
    ("held", "said"),
    [
        pytest.param("就诊ID,基金支付\nV1,12元\n", ("第 2 行", "基金支付", "表.csv"), id="number"),
        pytest.param("姓名,金额\n某,1\n", ("第 1 行", "case_id"), id="columns"),
        pytest.param("", ("没有数据行",), id="empty"),
    ],
)
def test_a_broken_file_is_told_with_its_place(of: Month, held: str, said: tuple[str, ...]) -> None:
    page = shown(of)
    page.file_uploader[0].set_value(("表.csv", held.encode(), "text/csv"))
    page = pressed(page, "核对")
    assert [one for one in said if one not in words(page)] == []
    assert Errands.at(of.settings).all() == []


def test_no_file_is_told(of: Month) -> None:
    assert "没有选择文件" in words(pressed(shown(of), "核对"))


def test_adjustments_are_entered_after_agreement_and_once(of: Month) -> None:
    of.done(differing(of))
    page = shown(of, "booking")
    ours, kept, lacking, paid = (one.value for one in page.metric)
    assert kept == "+0.00 元"
    page = pressed(page, "记入调整账")
    assert "请先勾选同意" in words(page)
    assert AdjustmentBook.at(of.settings).readings("demo", MONTH) == []
    page.checkbox[0].check().run()
    page = pressed(page, "记入调整账")
    (reading,) = AdjustmentBook.at(of.settings).readings("demo", MONTH)
    assert f"已记入 {reading.entries} 条调整" in words(page)
    assert [one.value for one in page.metric] == [ours, lacking, "+0.00 元", paid]
    assert "没有待记入的调整" in words(page)
    assert len(frames(page)[-1]) == reading.entries
    assert of.office.looks().count("adjustments_entered") == 1
    of.done(differing(of), name="again.csv")
    assert "没有待记入的调整" in words(shown(of, "booking"))
    assert "adjustments_entered" in of.office.looks()


@pytest.mark.slow
def test_who_agreed_late_enters_nothing_twice(of: Month) -> None:
    of.done(differing(of))
    first, second = shown(of, "booking"), shown(of, "booking")
    for page in (first, second):
        page.checkbox[0].check().run()
    pressed(first, "记入调整账")
    with patch("dashboards.app_pages.reconcile.booking.take_in", return_value=None):
        assert "没有再记入" in words(pressed(second, "记入调整账"))
    assert len(AdjustmentBook.at(of.settings).readings("demo", MONTH)) == 1


@pytest.mark.slow
def test_another_choice_of_the_same_cases_is_refused(of: Month) -> None:
    found = of.found(differing(of))
    from grouper.service.reconciling import take_in  # noqa: PLC0415 -- only here

    take_in(of.settings, of.database, found, OFFICE)
    of.done(differing(of), of.scope("inpatient"))
    page = of.office.page("reconcile")
    page.button_group(key="reconcile.part").set_value("booking").run()
    assert "另一范围" in words(page)
    assert not page.button(key="FormSubmitter:reconcile.form-核对").disabled


@pytest.mark.slow
def test_history_and_earlier_readings(of: Month) -> None:
    of.done(of.statement(of.same(*VISITS[:3]), *HEADS), name="first.csv")
    of.done(differing(of), name="second.csv")
    page = shown(of, "history")
    (read,) = frames(page)
    assert list(read["rec_file"]) == ["second.csv", "first.csv"]
    assert set(read["rec_booked"]) == {"未记入"}
    which = page.selectbox(key="reconcile.errand")
    assert [one.split(" · ")[1] for one in which.options] == ["second.csv", "first.csv"]
    older = Errands.at(of.settings).of(OFFICE, "reconcile")[1].id
    which.set_value(older).run()
    page.button_group(key="reconcile.part").set_value("results").run()
    assert "first.csv，3 行" in words(page)
    page.button_group(key="reconcile.part").set_value("booking").run()
    page.checkbox[0].check().run()
    pressed(page, "记入调整账")
    read, taken = frames(shown(of, "history"))
    assert list(read["rec_booked"]) == ["未记入", "已记入"]
    assert list(taken["rec_actor"]) == ["office1"]


@pytest.mark.slow
def test_a_spoilt_book_and_a_result_that_is_gone_are_told(of: Month) -> None:
    found = of.found(differing(of))
    from grouper.service.reconciling import take_in  # noqa: PLC0415 -- only here

    take_in(of.settings, of.database, found, OFFICE)
    next((of.settings.folder / "adjustments").rglob("0001.parquet")).write_bytes(b"")
    for part in ("booking", "history"):
        assert "BOOK" in words(shown(of, part))
    errand = of.done(of.statement(of.same("V1"), *HEADS))
    (Errands.at(of.settings).files(errand) / "entries.parquet").unlink()
    assert "请重新上传结算单核对" in words(shown(of))


def test_a_comparison_that_became_old_says_so_and_is_not_entered(of: Month) -> None:
    errand = of.done(differing(of))
    assert errand.answer is not None
    assert "核对之后" not in words(shown(of))
    again = of.done(differing(of), name="old.csv")
    told = {**(again.answer or {}), "begun": "2020-01-01T08:00:00+08:00", "stays": 7}
    write_errand(
        Errands.at(of.settings).folder(again.id),
        replace(again, answer=told),
    )
    for part in ("results", "booking"):
        page = shown(of, part)
        said = words(page)
        assert "8 例病例有更正或新到" in said
        assert "病例数相差 1 例" in said
    assert not [one for one in page.button if one.label.startswith("记入调整账")]


def test_the_store_down_is_told(of: Month) -> None:
    of.done(differing(of))

    def away(*_: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    with patch.object(Database, "writing_store", away):
        page = of.office.page("reconcile", kind="all")
    # What cannot be logged is not shown; the application says the error in words.
    assert [one.message for one in page.exception if "AUDIT_UNAVAILABLE" in one.message]
    assert not page.metric


def test_an_address_of_something_else_is_passed_over(of: Month) -> None:
    page = of.office.page("reconcile", month="1999-01", kind="nothing", insurance="x")
    assert not page.exception
    assert page.selectbox(key="reconcile.month").value == MONTH
    assert page.selectbox(key="reconcile.kind").value == "inpatient"


@pytest.mark.slow
def test_in_english_no_chinese_of_ours_is_left(of: Month) -> None:
    of.done(of.statement(of.same("V1")[:1], *HEADS), name="march.csv")
    for part in ("results", "booking", "history"):
        page = shown(of, part, lang="en")
        told = words(page).replace("心内科", "")
        assert not [one for one in told if "\u4e00" <= one <= "\u9fff"], told


def test_the_picture_draws_less_to_the_left() -> None:
    table = pa.table(
        {
            "rec_cause": ["a", "b"],
            "cases": [1, 2],
            "rec_difference": pa.array([D("-3.00"), D("5.00")], pa.decimal128(28, 2)),
        }
    )
    drawn = causes_chart(table, "en").to_dict()
    (values,) = drawn["datasets"].values()
    assert [(one["rec_difference"], one["side"]) for one in values] == [
        (-3.0, "less than ours"),
        (5.0, "more than ours"),
    ]
    assert drawn["encoding"]["y"]["sort"] == ["a", "b"]
    assert not set(IN_FILE) - {"rec_entry"} <= set(CASES)


def test_who_may_not_review_is_refused(of: Month) -> None:
    of.done(differing(of))
    page = shown(of, "booking")
    page.checkbox[0].check().run()
    of.office.who = "manager"
    try:
        page = pressed(page, "记入调整账")
    finally:
        of.office.who = "office"
    assert "NOT_ALLOWED" in words(page)
    assert AdjustmentBook.at(of.settings).readings("demo", MONTH) == []
    assert replace(of.scope(), kind="inpatient") != of.scope()

"""The page of codebooks, each part run by itself; the import from the file to the installed scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from book_import_support import MANAGER, Desk, desk, good, spoilt
from pages_manager_support import Fake
from pages_office_support import words
from streamlit.testing.v1 import AppTest

from codebooks import paths
from codebooks.errors import CodebookError
from codebooks.registry import reload
from dashboards.app_pages.books import groups
from dashboards.app_pages.books.sizes import sizes
from dashboards.app_pages.books.words import short, standing, validity
from dashboards.frame import drill
from grouper.service.book_answers import terms
from grouper.service.book_groups import card_of, policy_rows
from grouper.store.database import Database, StoreError

LATIN = re.compile(r"[A-Za-z]{3,}")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def hand_in(page: AppTest, content: bytes, name: str = "方案.xlsx") -> AppTest:
    """Fill in the form and send it."""
    page.file_uploader(key="books.import.file").set_value((name, content, "application/zip"))
    page.text_input(key="books.import.id").set_value("own-3.0")
    page.selectbox(key="books.import.region").set_value("demo")
    page.date_input(key="books.import.valid_from").set_value(date(2027, 3, 1))
    return next(one for one in page.button if one.label == "检查").click().run()


def button(page: AppTest, label: str) -> object:
    return next(one for one in page.button if one.label == label)


def test_which_scheme_binds_is_said_in_a_sentence(running: Desk) -> None:
    page = running.page("codebooks")
    page.date_input(key="books.day").set_value(date(2026, 11, 1)).run()
    said = words(page)
    assert "示范市（虚构）的住院病例，2026-11-01 出院的按 dip-pingdingshan-2025 分组。" in said
    assert "至 2026-12-31 止按 dip-pingdingshan-2025 分组；2027-01-01 起按 dip-3.0 分组。" in said
    assert "779c2c09754b" in said
    page.selectbox(key="books.region").set_value("beijing").run()
    assert "至 2026-12-31 止按 chs-drg-2.0 分组；2027-01-01 起按 chs-drg-3.0 分组。" in words(page)
    page.selectbox(key="books.one").set_value("chs-drg-2.0").run()
    assert "暂定（按征求意见稿整理）（原文：provisional" in words(page)
    assert page.query_params["region"] == "beijing"


def test_days_and_regions_without_a_scheme_are_told(running: Desk) -> None:
    page = running.page("codebooks", region="ningde")
    page.date_input(key="books.day").set_value(date(2026, 11, 1)).run()
    assert "该方案不在本系统中，病例不予分组。依据：宁德市 2021 年起按 DIP 付费" in words(page)
    assert "2027-01-01 起按 dip-3.0 分组" in words(page)
    page.date_input(key="books.day").set_value(date(2019, 1, 1)).run()
    assert "尚无适用的分组方案。" in words(page)
    page.segmented_control(key="books.kind").set_value("outpatient").run()
    assert "没有适用于门诊病例的分组方案" in words(page)
    page.date_input(key="books.day").set_value(None).run()
    assert "请选择日期。" in words(page)


def test_an_imported_scheme_that_cannot_be_read_is_told(running: Desk) -> None:
    folder = paths.installed() / "schemes" / "torn"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{", "utf-8")
    reload()
    assert "本院导入的方案 torn 不能读取" in words(running.page("codebooks"))


def test_terms_join_what_is_one_and_end_with_the_last_one() -> None:
    found = terms("beijing", "inpatient")
    assert [one.scheme for one in found][-3:] == ["beijing-2022", "chs-drg-2.0", "chs-drg-3.0"]
    assert [one.region for one in found][-2:] == ["national", "national"]
    assert all(one.until == other.since for one, other in pairwise(found))
    ended = terms("us", "inpatient")
    assert ended[-1].scheme == "ms-drg"
    assert ended[-1].until is not None
    assert terms("beijing", "long_stay") == []


def test_a_group_shows_its_official_rule_and_where_it_stands(running: Desk) -> None:
    page = running.page("codebooks", part="groups", scheme="chs-drg-2.0", group="FR1")
    assert not page.exception
    assert [one.value for one in page.code] == ["ZYZD in DI_FR1"]
    said = words(page)
    assert "主要诊断属于“FR1 急性心肌梗死”诊断表" in said
    assert "所属： MDCF 循环系统疾病及功能障碍" in said
    assert "[FR11](/codebooks?part=groups&scheme=chs-drg-2.0&group=FR11)" in said
    assert "按 dip-pingdingshan-2025 分组，政策中的权重、点数等只对该方案的病组有效" in said
    page.date_input(key="books.group_day").set_value(date(2010, 1, 1)).run()
    assert "没有适用的分组方案" in words(page)
    page.date_input(key="books.group_day").set_value(None).run()
    assert "请选择日期。" in words(page)


def test_a_fallback_has_no_rule_and_an_mdc_has_many_below(running: Desk) -> None:
    page = running.page("codebooks", part="groups", scheme="chs-drg-2.0", group="MDCF")
    assert "第 1 页" in words(page)
    next(one for one in page.button if one.key == "books.below.0.behind").click().run()
    assert "第 2 页" in words(page)
    page = running.page("codebooks", part="groups", scheme="chs-drg-2.0", group="FR15")
    assert "（空，恒成立）" in words(page)


def test_a_group_of_a_catalogue_shows_its_row_and_what_else_speaks_of_it(
    running: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = running.page("codebooks", part="groups", scheme="dip-pingdingshan-2025", group="I21.9")
    said = words(page)
    assert "| 分值 | 987.143784 |" in said
    assert "| 类型 | 核心病种（HX） |" in said
    assert "[I21.9:36.0601](/codebooks?part=groups&scheme=dip-pingdingshan-2025" in said
    few = replace(sizes(), speaking=2)
    monkeypatch.setattr(groups, "sizes", lambda: few)
    page.run()
    assert "还有 9 行提到该病组，未列出" in words(page)
    monkeypatch.setattr(groups, "terms", lambda *_: _unknown())
    page = running.page("codebooks", part="groups")
    assert page.selectbox(key="books.scheme").value == "apg-grouper-1.0"


def _unknown() -> None:
    raise CodebookError("REGION_UNKNOWN", found="x", known="")


def test_groups_are_found_by_words_and_nothing_is_told_plainly(running: Desk) -> None:
    page = running.page("codebooks", part="groups")
    assert page.selectbox(key="books.scheme").value == "dip-pingdingshan-2025"
    assert "请输入病组编码" in words(page)
    page.text_input(key="books.query").set_value("急性心肌梗死").run()
    assert "诊断位置" in words(page)
    assert "没有为该病组单列权重、点数或系数" in words(page)
    page.text_input(key="books.query").set_value("骨折").run()
    assert "只列出前 30 个" in words(page)
    page.text_input(key="books.query").set_value("没有这样的病组").run()
    assert "该方案中没有符合的病组" in words(page)


def test_the_policy_of_the_day_says_what_a_group_weighs(
    running: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = policy_rows("harbin", date(2024, 6, 1), "AA19")
    assert [(one.given.path, one.cells["group"]) for one in found] == [("drg_rate.weights", "AA19")]
    assert policy_rows("harbin", date(1990, 1, 1), "AA19") == []
    page = running.page(
        "codebooks", part="groups", scheme="harbin-2022", group="AA19", region="harbin"
    )
    page.date_input(key="books.group_day").set_value(date(2024, 6, 1)).run()
    assert "DRG 费率法；DRG 权重" in words(page)
    assert str(found[0].cells["weight"]) in words(page)

    def broken(*_: object) -> None:
        raise CodebookError("POLICY_FOLDER", found="x")

    monkeypatch.setattr(groups, "policy_rows", broken)
    page.run()
    assert "POLICY_FOLDER" in words(page)


def test_the_cases_of_a_group_come_from_the_mart(
    running: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake()
    monkeypatch.setattr(groups, "mart_of", lambda _: fake)
    monkeypatch.setattr(
        drill, "ask", lambda mart, question, cut, **wanted: getattr(mart, question)(cut, **wanted)
    )
    page = running.page("codebooks", part="groups", scheme="chs-drg-2.0", group="FR11")
    assert not fake.asked
    page.toggle(key="books.cases").set_value(True).run()
    assert not page.exception
    assert fake.asked[0][1].groups == ("FR11",)
    assert "cases_listed" in [action for _, action, _ in running.actions()]
    page = running.page("codebooks", part="groups", scheme="chs-drg-2.0", group="FR1")
    page.toggle(key="books.cases").set_value(True).run()
    assert fake.asked[-1][1].adrgs == ("FR1",)
    page = running.page("codebooks", part="groups", scheme="chs-drg-3.0", group="FR1")
    assert "数据集市中的病例按 chs-drg-2.0 分组" in words(page)


def test_two_schemes_are_compared(running: Desk) -> None:
    page = running.page("codebooks", part="changes")
    assert "请选择两个同类的方案" in words(page)
    page.selectbox(key="books.old").set_value("chs-drg-2.0").run()
    assert "dip-3.0" not in page.selectbox(key="books.new").options
    page.selectbox(key="books.new").set_value("chs-drg-3.0").run()
    assert "| 规则变化 | MDC | MDCA |" in words(page)
    page.get("button_group")
    page = running.page("codebooks", part="changes", old="chs-drg-2.0", new="dip-3.0")
    assert "请选择两个同类的方案" in words(page)


def test_a_file_goes_from_the_form_to_the_installed_scheme(running: Desk) -> None:
    page = running.page("codebooks", part="import")
    assert "还没有检查过文件" in words(page)
    button(page, "检查").click().run()  # type: ignore[attr-defined]
    assert "没有选择文件。请先选择文件" in words(page)
    page = hand_in(page, good())
    assert "已交由后台检查" in words(page)
    running.clerk()
    page = running.page("codebooks", part="import")
    said = words(page)
    assert "检查通过，尚未安装" in said
    assert "执行日当天没有同类的方案可以比较" in said
    assert "错误 0" in said
    install = next(one for one in page.button if one.key == "books.import.install")
    assert install.disabled
    sure = next(one for one in page.checkbox if str(one.key).startswith("books.import.sure"))
    sure.check().run()
    next(one for one in page.button if one.key == "books.import.install").click().run()
    assert "已安装方案 own-3.0，自 2027-03-01 起执行" in words(page)
    assert "方案 own-3.0 已按此文件安装" in words(page)
    assert [action for _, action, _ in running.actions()][-3:] == [
        "book_check_asked",
        "book_install_asked",
        "book_installed",
    ]
    page = running.page("codebooks")
    assert "| own-3.0 | CHS-DRG |" in words(page)
    # The same id again is refused at once.
    page = hand_in(running.page("codebooks", part="import"), good())
    assert "方案编号 own-3.0 已存在" in words(page)
    assert "选择允许替换" in words(page)
    page.checkbox(key="books.import.replace").check()
    hand_in(page, good())
    running.clerk()
    page = running.page("codebooks", part="import")
    assert "own-3.0 与 own-3.0 内容相同" in words(page)
    assert "内容与已有方案相同：own-3.0" in words(page)


def test_a_refused_file_says_why_and_is_cleared(running: Desk) -> None:
    hand_in(running.page("codebooks", part="import"), spoilt())
    running.clerk()
    page = running.page("codebooks", part="import")
    said = words(page)
    assert "文件不能导入，没有保留任何内容" in said
    assert "| 错误 | DRG | 3 | F 排序 |" in said
    assert not [one for one in page.button if one.key == "books.import.install"]
    next(one for one in page.button if one.key == "books.import.forget").click().run()
    assert "已清除此次检查" in words(page)
    assert "还没有检查过文件" in words(page)


def test_a_file_that_is_none_is_told_with_what_to_do(running: Desk) -> None:
    hand_in(running.page("codebooks", part="import"), b"hello")
    running.clerk()
    assert "IMPORT_NOT_XLSX" in words(running.page("codebooks", part="import"))


def test_wrong_options_are_told_at_once(running: Desk) -> None:
    page = running.page("codebooks", part="import")
    page.text_area(key="books.import.columns").set_value("group")
    assert "不是“名称=内容”" in words(hand_in(page, good()))
    page = running.page("codebooks", part="import")
    page.text_input(key="books.import.city_mean").set_value("abc")
    assert "不是大于 0 的数" in words(hand_in(page, good()))
    page = running.page("codebooks", part="import")
    page.date_input(key="books.import.valid_to").set_value(date(2027, 1, 1))
    assert "截止日 2027-01-01 不晚于起始日 2027-03-01" in words(hand_in(page, good()))


def test_a_store_that_is_down_is_told(running: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page = running.page("codebooks", part="import")

    def down(_: Database) -> None:
        raise StoreError("STORE_UNAVAILABLE", reason="down")

    monkeypatch.setattr(Database, "writing_store", down)
    page = hand_in(page, good())
    assert "STORE_UNAVAILABLE" in words(page)
    assert not running.errands.all()


def test_a_manager_reads_and_imports_nothing(running: Desk) -> None:
    running.who = MANAGER
    assert "现有方案" in words(running.page("codebooks"))
    page = running.page("codebooks", part="import")
    assert "导入和安装分组方案由医保办办理" in words(page)
    assert not page.file_uploader


@pytest.mark.slow
@pytest.mark.parametrize("part", ["shelf", "groups", "changes", "import"])
def test_every_part_speaks_english(running: Desk, part: str) -> None:
    page = running.page("codebooks", part=part, lang="en")
    assert not page.exception
    assert not re.search("[一-鿿]", "".join(one.label for one in page.button))


def test_words_of_spans_and_standings() -> None:
    assert validity(date(2025, 1, 1), date(2027, 1, 1), "zh") == "2025-01-01 至 2026-12-31"
    assert validity(date(2025, 1, 1), None, "en") == "from 2025-01-01"
    assert validity(None, None, "zh") == "未载明"
    assert standing("全部内容：一切", "en") == "whole"
    assert standing("自定。其他", "zh", whole=True) == "自定。其他"
    assert short("x" * 200, 10) == "x" * 9 + "…"
    assert card_of("chs-drg-2.0", "NOPE", "zh", 5) is None
    assert card_of("dip-3.0", "NOPE", "zh", 5) is None
    assert card_of("dip-3.0", "OP_ALL", "zh", 5) is None

"""A message in quarantine from the number on the first page to the case it makes, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from interface_stage import MAPPING, NUMBER, PERSON, VISIT, stage, work
from pages_browser_support import CHROMIUM, Looking, Tab, chromium
from pages_served_support import served

from grouper.store.database import connect

pytestmark = pytest.mark.slow
MENDED, ASIDE = 46, 47


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looking]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; see tools/ensure_chromium.sh")
    with (
        served(stage(tmp_path_factory.mktemp("interfaces"))) as process,
        chromium() as browser,
    ):
        yield Looking(browser, process)


def follow(tab: Tab, name: str) -> None:
    """Go where a link of the page leads, by its address: links open in a tab of their own."""
    link = tab.page.get_by_role("link", name=name, exact=True).first
    tab.go(str(link.get_attribute("href")))


def press(tab: Tab, name: str) -> None:
    tab.do(tab.page.get_by_role("button", name=name, exact=True).first.click)


def test_from_the_interfaces_to_the_mended_message(looking: Looking) -> None:
    with looking.tab("office1") as tab:
        tab.go("/interfaces")
        assert "隔离区按原因" in tab.text()
        follow(tab, "报文没有就诊号")
        assert "全部重放（3）" in tab.text()
        follow(tab, str(MENDED))
        said = tab.text()
        assert "PV1-19（就诊号），报文中没有此字段" in said
        assert "预住院号" in said
        assert not [secret for secret in (PERSON, NUMBER, VISIT) if secret in said]
        press(tab, "显示原文")
        assert PERSON in tab.text()
        press(tab, "收起原文")
        assert PERSON not in tab.text()
        press(tab, "重放")
        assert "已提交重放" in tab.text()
        _apply(looking)
        tab.go(f"/messages?message={MENDED}")
        said = tab.text()
        assert "已重放" in said
        follow(tab, "打开病例")
        assert "/case?case_id=" in tab.page.url
        assert VISIT in tab.text()
        tab.clean(looking.seeded)


def _apply(looking: Looking) -> None:
    """The worker, after the hospital's own mapping was mended."""
    mapping = looking.seeded.folder / "mapping.toml"
    mapping.write_text(MAPPING, "utf-8")
    database = connect(looking.seeded.url)
    try:
        work(looking.seeded, database, mapping)
    finally:
        database.close()


def test_a_message_is_put_aside_with_a_note(looking: Looking) -> None:
    with looking.tab("office1") as tab:
        tab.go(f"/messages?message={ASIDE}")
        tab.do(tab.test_id("stPopover").get_by_role("button").first.click)
        tab.do(lambda: tab.page.get_by_label("原因", exact=True).fill("测试报文"))
        press(tab, "确认搁置")
        said = tab.text()
        assert "报文已搁置" in said
        assert "测试报文" in said
        tab.clean(looking.seeded)


def test_the_administrator_finds_it_in_the_log_and_sees_no_person(looking: Looking) -> None:
    with looking.tab("admin1") as tab:
        tab.go("/")
        assert list(tab.menu().values())[1:] == ["/messages", "/accounts", "/audit_log"]
        assert "服务进程" in tab.text()
        tab.go(f"/messages?message={ASIDE}")
        assert "您的角色不能查看" in tab.text()
        tab.go("/audit_log")
        said = tab.text()
        assert "查看报文" in said
        assert "登录" in said
        tab.go("/case?case_id=none")
        assert "无权查看" in tab.text()
        tab.clean(looking.seeded)


def test_the_page_of_interfaces_is_read_anew_by_itself(looking: Looking) -> None:
    with looking.tab("manager1") as tab:
        tab.go("/interfaces")
        before = tab.page.get_by_text("自动刷新").first.inner_text()
        tab.page.wait_for_function(
            "before => !document.body.innerText.includes(before)", arg=before, timeout=40_000
        )
        assert "自动刷新" in tab.text()
        tab.clean(looking.seeded)

"""Messages on their page: the list with its filters, one message without its patient, settling it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hl7_messages as hl7
import pytest
from interface_support import SECRETS, put, without_visit, work
from pages_office_support import Office, office, words
from service_support import PEOPLE

from dashboards.app_pages.interface_sizes import sizes
from grouper.case.dates import LOCAL
from grouper.service import interface_sizes, message_view
from grouper.service.access.principal import AccessError
from grouper.store.database import StoreError
from grouper.store.quarantine import Wanted
from grouper.store.schema import now

OFFICE, ADMIN, MANAGER = PEOPLE["office"], PEOPLE["admin"], PEOPLE["manager"]
TODAY = now().astimezone(LOCAL).date().isoformat()
APPLIED, MISSING, ODD = 1, 2, 3


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One that was applied, many without a visit number, one of a type that is not served."""
    with office(tmp_path_factory.mktemp("messages")) as found:
        put(
            found.running, hl7.stay("ADT^A01"), without_visit(), hl7.stay("ADT^A43", control_id="O")
        )
        put(found.running, *(without_visit(n) for n in range(2, 30)), channel="rest:his")
        put(found.running, b"no message")
        work(found.running)
        yield found


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Office]:
    """Two messages without a visit number, to be settled."""
    with office(tmp_path) as found:
        put(found.running, without_visit(), without_visit(2))
        work(found.running)
        yield found


def shown(found: Office, **params: str) -> str:
    page = found.page("messages", **params)
    assert not page.exception
    return words(page)


def test_without_data_nothing_waits(tmp_path: Path) -> None:
    with office(tmp_path) as found:
        assert "没有等待处理的报文" in shown(found)
        assert "没有符合条件的报文" in shown(found, state="all")


def test_those_that_wait_come_first_the_newest_on_top_in_pages(held: Office) -> None:
    page = held.page("messages")
    said = words(page)
    assert said.count("(/messages?message=") == sizes().rows
    assert said.index("[32](") < said.index("[31](")
    assert f"(/messages?message={APPLIED})" not in said
    page.button(key="messages.behind").click().run()
    assert words(page).count("(/messages?message=") == 31 - sizes().rows
    assert "messages_searched" in held.looks()


@pytest.mark.parametrize(
    ("params", "rows"),
    [
        ({"state": "all", "channel": "mllp"}, 4),
        ({"state": "applied"}, 1),
        ({"state": "refused"}, 1),
        ({"state": "quarantined", "kind": "ADT^A01", "channel": "mllp"}, 1),
        ({"reason": "TYPE_UNSUPPORTED"}, 1),
        ({"reason": "MESSAGE_UNREADABLE", "since": TODAY, "last": TODAY}, 1),
        ({"since": "2020-01-01", "last": "2020-01-02"}, 0),
        ({"state": "nonsense", "reason": "NONSENSE", "channel": "nobody", "since": "soon"}, 25),
    ],
    ids=["channel", "applied", "refused", "kind", "reason", "today", "long-ago", "nonsense"],
)
def test_the_address_narrows_the_list(held: Office, params: dict[str, str], rows: int) -> None:
    said = shown(held, **params)
    assert said.count("(/messages?message=") == rows
    assert ("没有符合条件的报文" in said) is (rows == 0)


def test_what_is_chosen_stands_in_the_address(held: Office) -> None:
    page = held.page("messages")
    page.selectbox(key="messages.reason").set_value("TYPE_UNSUPPORTED").run()
    page.text_input(key="messages.kind").set_value("ADT^A43").run()
    assert words(page).count("(/messages?message=") == 1
    assert dict(page.query_params) in (
        {"reason": "TYPE_UNSUPPORTED", "kind": "ADT^A43"},
        {"reason": ["TYPE_UNSUPPORTED"], "kind": ["ADT^A43"]},
    )
    page.selectbox(key="messages.reason").set_value(None).run()
    assert "reason" not in page.query_params
    page.text_input(key="messages.kind").set_value("2205").run()
    assert "kind" in page.query_params
    # What is typed there by mistake may be a patient's.
    for typed in ("张三", "230102199001011234", "ADT^A43 张三"):
        page.text_input(key="messages.kind").set_value(typed).run()
        assert "kind" not in page.query_params


def test_days_backwards_are_told(held: Office) -> None:
    assert "晚于结束日期 2026-03-01" in shown(held, since="2026-03-02", last="2026-03-01")


def test_a_rare_channel_is_looked_for_stretch_by_stretch(
    held: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = interface_sizes.Sizes(24, 50, 2, 2, 6, 7)
    monkeypatch.setattr(message_view, "interface_sizes", lambda: few)
    monkeypatch.setattr(message_view, "AT_ONCE", 2)
    database = held.running.database
    found = message_view.page(database, OFFICE, Wanted(states=()), channel="mllp", limit=5)
    assert ([row.message_id for row in found.rows], found.following, found.cut) == ([32], 31, True)
    page = held.page("messages", state="all", channel="mllp")
    assert "此页只查到这里" in words(page)


def test_one_message_is_told_without_its_patient(held: Office) -> None:
    said = shown(held, message=str(MISSING))
    assert "报文 2 · HL7 ADT^A01" in said
    assert "PV1-19（就诊号），报文中没有此字段" in said
    assert "请发送方补充就诊号" in said
    assert "| PID | PID-5 | 姓名 | （已遮盖） |" in said
    assert "0301^^^心内科" in said
    assert not [secret for secret in SECRETS if secret in said]
    assert ("office1", "message_shown", "message:2") in held.running.looks()


def test_a_message_that_was_applied_leads_to_its_case(held: Office) -> None:
    page = held.page("messages", message=str(APPLIED))
    said = words(page)
    assert "已入库" in said
    assert "(/case?case_id=" in said
    assert not [one.key for one in page.button if one.key == "message.replay"]


def test_the_page_speaks_english(held: Office) -> None:
    said = shown(held, message=str(MISSING), lang="en")
    for told in ("PV1-19 (visit number): the message does not have this field", "(masked)"):
        assert told in said
    assert "报文" not in said
    assert "applied" in str(
        held.page("messages", lang="en").selectbox(key="messages.state").options
    )


def test_the_original_is_shown_by_a_button_to_who_may_see_persons(held: Office) -> None:
    page = held.page("messages", message=str(MISSING))
    assert not page.code
    before = held.looks().count("message_raw")
    page.button(key="message.raw.show").click().run()
    assert hl7.PATIENT in page.code[0].value
    assert held.looks().count("message_raw") == before + 1
    page.button(key="message.raw.hide").click().run()
    assert not page.code
    held.who = "admin"
    try:
        page = held.page("messages", message=str(APPLIED))
    finally:
        held.who = "office"
    assert "您的角色不能查看" in words(page)
    assert "/case?" not in words(page)


def test_a_message_that_cannot_be_read_has_no_outline(held: Office) -> None:
    assert "报文不能解析" in shown(held, message="32")


@pytest.mark.parametrize("number", ["99", "0", "abc", "9" * 30])
def test_a_message_that_is_not_there_is_told(held: Office, number: str) -> None:
    assert "没有第" in shown(held, message=number)


def test_an_outline_comes_in_pages(tmp_path: Path) -> None:
    with office(tmp_path) as found:
        codes = [hl7.dg1(n, f"I{n:02}.001") for n in range(1, 40)]
        put(found.running, hl7.stay("ADT^A01", hl7.pv1(visit=""), *codes))
        page = found.page("messages", message="1")
        assert "尚未由程序处理" in words(page)
        assert "I39.001" not in words(page)
        page.button(key="message.1.behind").click().run()
        assert "DG1[39]" in words(page)


def test_replaying_and_then_once_more(one: Office) -> None:
    page = one.page("messages", message="1")
    page.button(key="message.replay").click().run()
    assert "已提交重放" in words(page)
    assert page.button(key="message.replay").disabled
    assert message_view.replay(one.running.database, OFFICE, 1) is None
    work(one.running)
    page = one.page("messages", message="1")
    assert "| 处理次数 | 2 |" in words(page)
    assert "(/messages?message=3)" in words(page)
    assert "(/messages?message=1)" in shown(one, message="3")
    assert ("office1", "message_replayed", "message:1") in one.running.looks()


def test_all_of_a_reason_are_replayed_at_most_so_many(
    one: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = interface_sizes.Sizes(24, 50, 2000, 1, 6, 7)
    monkeypatch.setattr(message_view, "interface_sizes", lambda: few)
    page = one.page("messages", reason="VISIT_MISSING")
    page.button(key="messages.replay_all").click().run()
    assert "已重放 1 份；还有 1 份" in words(page)
    page.button(key="messages.replay_all").click().run()
    assert [action for action in one.looks() if action == "message_replayed"] == [
        "message_replayed",
        "message_replayed",
    ]
    assert message_view.replay_reason(one.running.database, OFFICE, "VISIT_MISSING")[0] == 0
    assert message_view.replay_reason(one.running.database, OFFICE, "OTHER") == (0, 0)


def test_putting_aside_needs_a_note(one: Office) -> None:
    page = one.page("messages", message="1")
    page.button(key="FormSubmitter:message.dismiss.form-确认搁置").click().run()
    assert "NOTE_NEEDED" in words(page)
    page.text_area(key="message.dismiss.note").set_value("测试报文")
    page.button(key="FormSubmitter:message.dismiss.form-确认搁置").click().run()
    said = words(page)
    assert "报文已搁置" in said
    assert "| 说明 | 测试报文 |" in said
    assert ("office1", "message_dismissed", "message:1") in one.running.looks()
    with pytest.raises(StoreError, match="MESSAGE_SETTLED"):
        message_view.dismiss(one.running.database, OFFICE, 1, "again")


def test_rights_are_checked_by_the_service(held: Office) -> None:
    database = held.running.database
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        message_view.page(database, MANAGER, Wanted(), limit=1)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        message_view.detail(database, MANAGER, 1)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        message_view.raw_text(database, ADMIN, 1)
    for settle in (message_view.replay, message_view.replay_reason):
        with pytest.raises(AccessError, match="NOT_ALLOWED"):
            settle(database, MANAGER, 1)  # type: ignore[arg-type]
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        message_view.dismiss(database, MANAGER, 1, "note")


def test_raw_bytes_by_rest_need_the_right_to_see_persons(held: Office) -> None:
    path = f"/api/v1/messages/{MISSING}/raw"
    assert held.running.ask("office", "GET", path).status_code == 200
    assert held.running.ask("admin", "GET", path).status_code == 403


def test_what_retention_let_go_of_is_told(held: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace  # noqa: PLC0415 -- only here

    from grouper.store.quarantine import Quarantine  # noqa: PLC0415 -- only here

    look = Quarantine.look

    def gone(self: Quarantine, number: int) -> object:
        found = look(self, number)
        return replace(found, stored=replace(found.stored, raw=None), text=None)

    monkeypatch.setattr(Quarantine, "look", gone)
    page = held.page("messages", message=str(MISSING))
    assert words(page).count("原文已按保留期限清除") == 2
    assert message_view.raw_text(held.running.database, OFFICE, MISSING) is None


def test_a_store_that_is_away_is_told(held: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr("dashboards.app_pages.message.message_view.detail", away)
    page = held.page("messages", message=str(APPLIED))
    assert "STORE_UNAVAILABLE" in page.exception[0].message

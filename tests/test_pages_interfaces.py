"""The page of interfaces: processes, ways in and back, quarantine, alerts, failed results."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hl7_messages import stay
from interface_support import failed_result, put, without_visit, work
from pages_office_support import Office, office, words
from service_support import PEOPLE

from codebooks.errors import CodebookError, GrouperError
from dashboards.app_pages import interface_words
from dashboards.app_pages.interface_sizes import sizes
from dashboards.charts.hours import hours
from grouper.intake.envelope import Verdict
from grouper.service import interface_sizes, interface_view, status
from grouper.service.access.principal import AccessError
from grouper.service.interface_view import Running
from grouper.service.settings import Clerk, Forecast
from grouper.service.supervisor import ORDER
from grouper.store import alert_rows, arrivals
from grouper.store.database import StoreError
from grouper.store.schema import now

OFFICE, ADMIN, DOCTOR = PEOPLE["office"], PEOPLE["admin"], PEOPLE["physician"]
DAY = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Messages by two ways, two in quarantine, one failed result, an alert, a worker that runs."""
    folder = tmp_path_factory.mktemp("interfaces")
    listeners = {"mllp": {}, "ward": {"kind": "folder", "path": "/data/in/"}}
    with office(folder, listeners=listeners, forecast=Forecast(on=False)) as found:
        running = found.running
        put(running, stay("ADT^A01"), without_visit(1), without_visit(2))
        put(running, stay("ADT^A01", control_id="T2"), channel="rest:his")
        work(running)
        put(running, stay("ADT^A08", control_id="T3"))
        failed_result(running)
        failed_result(running, answer="ENCODING_FAILED", payload=b"")
        with running.database.writing_store() as connection:
            alert_rows.start(connection, "backlog", now(), {})
            alert_rows.start(connection, "delivery:his", now(), {})
            alert_rows.start(connection, "unheard", now(), {})
        yield found


@pytest.fixture(autouse=True)
def _alive(held: Office) -> None:
    status.write(held.running.settings.folder, "worker", {"worker_messages": 4})


def test_without_data_the_page_says_so(tmp_path: Path) -> None:
    with office(tmp_path) as found:
        page = found.page("interfaces")
    assert not page.exception
    said = words(page)
    for told in ("没有警报", "没有收到报文", "隔离区没有", "没有设置回传目的地", "未启动"):
        assert told in said
    assert [one.value for one in page.metric][1:] == ["0", "无", "0", "0"]


def test_the_page_tells_how_all_stands(held: Office) -> None:
    page = held.page("interfaces")
    assert not page.exception
    said = words(page)
    assert [one.value for one in page.metric][:2] == ["1 / 6", "1"]
    assert [one.value for one in page.metric][3:] == ["2", "2"]
    for told in (
        "报文处理",
        "运行中",
        "已关闭",
        "MLLP 接收",
        "文件夹 in",
        "网络接口 his",
        "报文没有就诊号",
    ):
        assert told in said
    assert "/messages?reason=VISIT_MISSING" in said
    assert "收件箱积压" in said
    assert "发往“his”" in said
    assert "请把此警报告知信息科" in said


def test_an_administrator_sees_it_too_and_a_manager_no_results(held: Office) -> None:
    for who, seen in (("admin", True), ("manager", False)):
        held.who = who
        try:
            page = held.page("interfaces")
        finally:
            held.who = "office"
        assert not page.exception
        assert ("回传失败的结果" in words(page)) is seen
        # Neither may open cases or, the manager, messages: what they lead to is told, not linked.
        assert "/case?" not in words(page)
    assert "(/messages" not in words(page)


def test_results_come_in_pages(held: Office) -> None:
    database = held.running.database
    first, following = interface_view.undelivered(database, OFFICE, None, 1)
    assert (first[0].answer, first[0].again, following) == ("ENCODING_FAILED", False, 2)
    assert first[0].case_id
    rest, end = interface_view.undelivered(database, OFFICE, following, 5)
    assert [one.id for one in rest] == [1]
    assert end is None


def test_a_failed_result_is_sent_again_once_and_logged(held: Office) -> None:
    page = held.page("interfaces")
    assert "对方认为内容有误" in words(page)
    assert "未能写成报文" in words(page)
    page.selectbox(key="undelivered.picked").set_value(1)
    page.button(key="undelivered.again").click().run()
    assert not page.exception
    assert "已重新排队" in words(page)
    assert ("office1", "delivery_again", "delivery:1") in held.running.looks()
    with pytest.raises(GrouperError, match="DELIVERY_SETTLED"):
        interface_view.send_again(held.running.database, OFFICE, 1, now())


def test_the_queue_sends_a_result_again_too(held: Office) -> None:
    failed_result(held.running)
    page = held.page("queue", kind="deliveries")
    page.button(key="undelivered.again").click().run()
    assert not page.exception
    assert "结果 3 已重新排队" in words(page)


def test_rights_are_checked_by_the_service(held: Office) -> None:
    settings, database = held.running.settings, held.running.database
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        interface_view.processes(settings, DOCTOR, now())
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        interface_view.channels(settings, database, DOCTOR, now())
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        interface_view.standing(settings, database, DOCTOR)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        interface_view.alerts(database, DOCTOR, 5)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        interface_view.undelivered(database, PEOPLE["manager"], None, 5)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        interface_view.send_again(database, PEOPLE["manager"], 1, now())


def test_processes_are_up_silent_absent_or_off(
    held: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = held.running.settings
    told = {one.name: one for one in interface_view.processes(settings, OFFICE, now())}
    assert list(told) == list(ORDER)
    assert told["worker"].state is Running.UP
    assert told["worker"].since is not None
    assert told["worker"].values == {"worker_messages": 4}
    assert told["forecaster"].state is Running.OFF
    assert told["listener"].state is Running.ABSENT
    off = settings.model_copy(update={"clerk": Clerk(on=False)})
    others = {one.name: one for one in interface_view.processes(off, OFFICE, now())}
    assert (told["clerk"].state, others["clerk"].state) == (Running.ABSENT, Running.OFF)
    later = now() + timedelta(minutes=5)
    silent = {one.name: one for one in interface_view.processes(settings, OFFICE, later)}
    assert silent["worker"].state is Running.SILENT
    assert silent["worker"].since is not None
    monkeypatch.setattr(interface_view, "at_hand", lambda _: False)
    assert (
        interface_view.processes(settings, OFFICE, now())[ORDER.index("pages")].state is Running.OFF
    )


def test_a_process_that_counts_nothing_tells_that_it_is_there(tmp_path: Path) -> None:
    with status.telling(tmp_path, "web"):
        (told,) = status.read(tmp_path)
    assert told.process == "web"
    assert told.alive(now())
    (tmp_path / "status" / "web.json").write_text(f'{{"at": "{DAY.isoformat()}", "values": {{}}}}')
    assert status.read(tmp_path)[0].since is None


def test_messages_are_counted_by_channel_hour_and_answer(tmp_path: Path) -> None:
    with office(tmp_path) as found:
        running = found.running
        put(
            running,
            stay("ADT^A01", control_id="OLD"),
            channel="folder:ward",
            at=DAY - timedelta(days=3),
        )
        put(running, stay("ADT^A01", control_id="A"), without_visit(), at=DAY - timedelta(hours=1))
        put(running, stay("ADT^A01", control_id="B"), at=DAY)
        put(running, b"nothing of ours", channel="replay", at=DAY)
        rows = arrivals.arrived(running.database, DAY - timedelta(hours=2), 1)
        assert [(one.channel, one.hour.hour, one.verdict, one.count) for one in rows] == [
            ("mllp", 7, Verdict.ACCEPTED, 1),
            ("mllp", 7, Verdict.UNUSABLE, 1),
            ("mllp", 8, Verdict.ACCEPTED, 1),
            ("replay", 8, Verdict.UNUSABLE, 1),
        ]
        ways = {
            one.name: one
            for one in interface_view.channels(running.settings, running.database, OFFICE, DAY)
        }
        assert set(ways) == {"mllp", "folder:ward"}
        assert (ways["mllp"].count, ways["mllp"].unusable, ways["mllp"].refused) == (3, 1, 0)
        assert (ways["folder:ward"].count, ways["folder:ward"].last) == (0, DAY - timedelta(days=3))
        assert arrivals.channels_of(running.database, [1, 99]) == {1: "folder:ward"}


def test_where_a_time_begins_is_found_by_halves(tmp_path: Path) -> None:
    from grouper.store.schema import message  # noqa: PLC0415 -- only here
    from grouper.store.seeking import begins  # noqa: PLC0415 -- only here

    with office(tmp_path) as found:
        database = found.running.database
        with database.reading_inbox() as connection:
            assert begins(connection, message, "received", DAY) == 1
        for number in range(9):
            at = DAY + timedelta(minutes=number // 2)
            put(found.running, stay("ADT^A01", control_id=f"S{number}"), at=at)
        with database.writing_inbox() as connection:
            # A number that was handed out and never committed.
            connection.execute(message.delete().where(message.c.id == 5))
        with database.reading_inbox() as connection:
            asked = [DAY + timedelta(minutes=minute) for minute in (-1, 0, 1, 2, 3, 4, 5)]
            assert [begins(connection, message, "received", at) for at in asked] == [
                *(1, 1, 3),
                *(5, 7, 9, 10),
            ]


def test_a_store_that_is_away_is_told(held: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr("grouper.service.interface_view.queue_of", away)
    assert "STORE_UNAVAILABLE" in held.page("interfaces").exception[0].message


def test_the_page_speaks_english(held: Office) -> None:
    said = words(held.page("interfaces", lang="en"))
    assert "MLLP listener" in said
    assert "lang=en" in said
    assert "接入" not in said


def test_the_chart_draws_hours_by_channel() -> None:
    import pyarrow as pa  # noqa: PLC0415 -- only here

    rows = [{"hour": "03-10 08", "name": "MLLP", "messages": 3}]
    drawn = hours(pa.Table.from_pylist(rows), "zh").to_dict()
    assert list(drawn["datasets"].values()) == [rows]
    assert drawn["encoding"]["y"]["field"] == "messages"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "—"),
        (-1, "0 秒"),
        (59, "59 秒"),
        (90, "1.5 分钟"),
        (5400, "1.5 小时"),
        (172800, "2.0 天"),
    ],
)
def test_a_wait_is_told_in_its_own_unit(held: Office, seconds: float | None, told: str) -> None:
    del held
    assert interface_words.lasting(seconds) == told


def test_words_that_are_unknown_stay_as_they_are() -> None:
    assert interface_words.channel("pigeon:1", "zh") == "pigeon:1"
    assert interface_words.form("odd", "zh") == "odd"
    assert interface_words.reason("ODD", "zh") == "ODD"
    assert interface_words.advice("ODD", "zh") == ""
    assert interface_words.moment(None) == "—"


def test_sizes_are_those_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sizes().rows > 1
    file = tmp_path / "interfaces.toml"
    file.write_text("hours = 0\n", "utf-8")
    monkeypatch.setattr(interface_sizes, "_FILE", file)
    interface_sizes.interface_sizes.cache_clear()
    with pytest.raises(CodebookError, match="INTERFACE_SIZES"):
        interface_sizes.interface_sizes()
    interface_sizes.interface_sizes.cache_clear()

"""The work queue and the list of cases: counts, rows behind them, filters, empty and broken states."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import review_support as review
from forecast_service_support import model
from pages_manager_support import Fake
from pages_office_support import Office, office, words
from service_support import PEOPLE

from codebooks.errors import CodebookError
from dashboards.app_pages import queue_outliers
from dashboards.app_pages.office_sizes import Sizes, sizes
from grouper.case.dates import LOCAL
from grouper.mart.mart import Mart
from grouper.service import queue
from grouper.service.findings import asker_of
from grouper.service.forecast_answers import made_now
from grouper.service.queue import Findings, Stays, count_findings, count_stays, outlook
from grouper.store import alert_rows, forecasts, reading
from grouper.store.database import StoreError
from grouper.store.history import case_at
from grouper.store.schema import now

NOW = datetime.now(LOCAL)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Thirty stays of late, some without a group, a running one that loses, and findings."""
    with office(tmp_path_factory.mktemp("queue")) as found:
        found.stays(_stay(number) for number in range(30))
        running = found.running.stay("R1", "PR", facts={"discharge_time": None})
        _foretell(found, running)
        rows = [
            review.row(f"{n:024d}", stay_id=1, amount="10.00", assignee="office1" if n else None)
            for n in range(3)
        ]
        review.keep(found.running.database, rows)
        found.running.send(patient="PX", visit="", kind="")
        with found.running.database.writing_store() as connection:
            alert_rows.start(connection, "backlog", now(), {})
        yield found


def _stay(number: int) -> dict[str, Any]:
    left = (NOW - timedelta(days=number % 20 + 1)).strftime("%Y-%m-%d 10:00")
    department = {"department": "骨科"} if number % 2 else {}
    return {
        "visit": f"V{number:03}",
        "patient": f"P{number}",
        "facts": {"admission_time": "2026-01-02 08:00", "discharge_time": left} | department,
        "dx": ["I21.001"] if number % 3 else ["Z99.999"],
        "px": ["36.0601"],
    }


def _foretell(found: Office, case_id: str) -> None:
    """A forecast by which the stay loses, the whole interval below nought."""
    database = found.running.database
    with database.reading() as connection:
        head = reading.stay_by_case(connection, case_id)
        assert head is not None
        case, _ = case_at(connection, head.id)
    row = made_now(model(), case, "national", NOW, drivers=False, stay_id=head.id, version=1)
    ends = {"surplus_low": "-900.00", "surplus_middle": "-500.00", "surplus_high": "-1.00"}
    object.__setattr__(row, "document", {**row.document, **ends})
    with database.writing_store() as connection:
        forecasts.write(connection, [row])


# What the service counts


def test_stays_are_counted_within_reach(held: Office) -> None:
    database = held.running.database
    every = count_stays(database, None, now())
    assert (every[Stays.INVALID], every[Stays.UNSENT]) == (10, 30)
    assert count_stays(database, ("心内科",), now())[Stays.UNSENT] == 15
    assert set(count_stays(database, (), now()).values()) == {0}


def test_a_stay_discharged_long_ago_is_not_waited_for(held: Office) -> None:
    later = now() + timedelta(days=queue.limits().unsent_days + 25)
    assert count_stays(held.running.database, None, later)[Stays.UNSENT] == 0


def test_a_list_that_came_is_no_longer_waited_for(
    held: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "list_kinds", lambda: [""])  # the kind of all messages here
    assert count_stays(held.running.database, None, now())[Stays.UNSENT] == 0


def test_findings_are_counted_with_what_is_at_stake(held: Office) -> None:
    database, asker = held.running.database, asker_of(PEOPLE["office"])
    found = count_findings(database, asker, now(), None)
    assert found[Findings.OPEN] == (3, Decimal("30.00"))
    assert found[Findings.INSURER] == (0, Decimal(0))
    assert count_findings(database, asker, now(), "office1")[Findings.OPEN][0] == 2
    with pytest.raises(KeyError):
        found["other"]  # type: ignore[index]


def test_losses_are_those_whose_whole_interval_is_below_nought(held: Office) -> None:
    found = outlook(held.running.database, None)
    assert (found.stays, found.refused, found.losses) == (1, 0, 1)
    assert (found.worst[0].middle, found.worst[0].high) == (Decimal("-500.00"), Decimal("-1.00"))
    assert outlook(held.running.database, ("骨科",)).stays == 0


def test_limits_that_are_wrong_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "queue.toml"
    file.write_text("unsent_days = 0\nnear_days = 1\nmost_losses = 1\n", "utf-8")
    monkeypatch.setattr(queue, "_FILE", file)
    queue.limits.cache_clear()
    with pytest.raises(CodebookError) as caught:
        queue.limits()
    queue.limits.cache_clear()
    assert (caught.value.code, caught.value.params["name"]) == ("QUEUE_LIMITS", "unsent_days")


# The queue


def test_without_data_the_queue_says_that_nothing_is_to_be_done(tmp_path: Path) -> None:
    with office(tmp_path) as found:
        page = found.page("queue")
        assert not page.exception
        assert "目前没有需要处理的事项。" in words(page)
        assert "还没有病例" in words(found.page("cases"))
        assert found.looks() == []


def test_counts_come_first_and_the_most_urgent_kind_is_open(held: Office) -> None:
    page = held.page("queue")
    assert not page.exception
    assert [one.value for one in page.metric] == ["0", "3", "30.00 元", "10", "30"]
    assert page.query_params["kind"] in ("open", ["open"])
    assert "/finding?id=" in words(page)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("invalid", "主要诊断编码不在方案所用的编码库中"),
        ("unsent", "已出院"),
        ("losses", "-500.00 元"),
        ("quarantine", "fhir"),
        ("alerts", "收件箱积压"),
        ("refused", "此类目前没有"),
        ("deliveries", "没有回传失败的结果"),
        ("ambiguous", "此类目前没有"),
        ("overdue", "此类目前没有"),
        ("near", "此类目前没有"),
        ("insurer", "此类目前没有"),
    ],
)
def test_each_kind_shows_its_rows_or_says_that_there_are_none(
    held: Office, kind: str, told: str
) -> None:
    page = held.page("queue", kind=kind)
    assert not page.exception
    assert told in words(page)


def test_rows_come_in_pages(held: Office) -> None:
    page = held.page("queue", kind="unsent")
    assert words(page).count("/case?case_id=") == sizes().rows
    page.button(key="queue.behind").click().run()
    assert words(page).count("/case?case_id=") == 30 - sizes().rows
    page.button(key="queue.before").click().run()
    assert "第 1 页" in words(page)


def test_assigned_to_me_narrows_the_findings(held: Office) -> None:
    page = held.page("queue", kind="open")
    page.segmented_control(key="queue.whose").set_value("mine").run()
    assert page.metric[1].value == "2"
    assert words(page).count("/finding?id=") == 2


def test_every_page_of_rows_is_logged_once_an_hour(held: Office) -> None:
    before = held.looks().count("cases_listed")
    page = held.page("queue", kind="invalid")
    page.run()
    page.run()
    assert held.looks().count("cases_listed") == before + 1


def test_what_cannot_be_logged_is_not_shown(held: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr("dashboards.frame.looks.write_looks", away)
    page = held.page("queue", kind="invalid")
    assert "AUDIT_UNAVAILABLE" in page.exception[0].message
    assert "/case?case_id=" not in words(page)


def test_a_store_that_is_away_is_an_error_that_says_so(
    held: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr("dashboards.app_pages.queue.count_stays", away)
    assert "STORE_UNAVAILABLE" in held.page("queue").exception[0].message
    monkeypatch.setattr("dashboards.app_pages.cases.find_stays", away)
    assert "STORE_UNAVAILABLE" in held.page("cases").exception[0].message


def test_the_queue_speaks_english(held: Office) -> None:
    said = words(held.page("queue", kind="unsent", lang="en"))
    assert "List not sent" in said
    assert "lang=en" in said
    assert "住院号" not in said


def test_outliers_come_from_the_mart_within_reach(
    held: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "费用偏高 28" not in held.page("queue").pills(key="queue.kind").options
    mart = Fake(sizes().rows + 3)
    monkeypatch.setattr(queue_outliers, "mart_of", lambda _: mart)
    monkeypatch.setattr(Mart, "stamp", staticmethod(lambda _: "made"))
    page = held.page("queue", kind="high")
    assert not page.exception
    assert "费用偏高 28" in page.pills(key="queue.kind").options
    assert words(page).count("/case?case_id=c") == sizes().rows
    assert "-100.00 元" in words(page)
    page.button(key="queue.behind").click().run()
    assert words(page).count("/case?case_id=c") == 3
    cut = mart.asked[-1][1]
    assert (cut.bands, cut.reach, cut.days) == (("high",), None, queue.limits().unsent_days)
    mart.cases = 0
    assert "此类目前没有" in words(held.page("queue", kind="low"))


# The list of cases


def test_cases_are_narrowed_by_what_the_address_names(held: Office) -> None:
    said = words(held.page("cases", department="骨科", status="invalid"))
    assert said.count("/case?case_id=") == 5
    every = words(held.page("cases", status="nonsense", state="discharged", since="soon"))
    assert every.count("/case?case_id=") == sizes().rows


def test_what_is_searched_for_is_never_in_the_address(held: Office) -> None:
    page = held.page("cases")
    page.text_input(key="cases.text").set_value("V007").run()
    assert words(page).count("/case?case_id=") == 1
    assert "V007" not in str(page.query_params)
    page.text_input(key="cases.group").set_value("FM39").run()
    assert page.query_params["group"] in ("FM39", ["FM39"])
    page.text_input(key="cases.group").set_value("").run()
    assert "group" not in page.query_params


def test_a_filter_without_result_and_days_backwards_are_told(held: Office) -> None:
    assert "没有符合条件的病例" in words(held.page("cases", group="ZZZZ"))
    day = date(2026, 3, 2)
    assert "晚于结束日期 2026-03-01" in words(
        held.page("cases", since=day.isoformat(), last="2026-03-01")
    )
    found = words(
        held.page("cases", since=(NOW - timedelta(days=3)).date().isoformat(), last=f"{NOW.date()}")
    )
    assert 0 < found.count("/case?case_id=") < sizes().rows


def test_a_physician_sees_the_own_department_alone(held: Office) -> None:
    held.who = "physician"
    try:
        said = words(held.page("cases"))
        assert "骨科" not in said
        assert "心内科" in said
        assert "没有符合条件" in words(held.page("cases", department="骨科"))
    finally:
        held.who = "office"


def test_sizes_are_those_of_the_file() -> None:
    assert isinstance(sizes(), Sizes)
    assert min(sizes().rows, sizes().lines, sizes().versions) > 1

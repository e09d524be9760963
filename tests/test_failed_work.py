"""Work that failed: which is told of, to whom, and as rows of the queue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from forecast_service_support import model
from pages_office_support import Office, office, words
from service_support import PEOPLE

from dashboards.app_pages import queue_failed
from grouper.case.dates import LOCAL
from grouper.service import failed_work as module
from grouper.service.errand_files import Errand, ErrandState, write_errand
from grouper.service.failed_work import Failed, Work, failed_work
from grouper.service.forecast_answers import made_now
from grouper.service.job_files import Job, JobState, write_job
from grouper.service.settings import Forecast
from grouper.store import forecasts, reading, screenings
from grouper.store.history import case_at
from grouper.store.screenings import ScreeningRow

AT = datetime(2026, 3, 10, 10, tzinfo=LOCAL)
OFFICE, DOCTOR = PEOPLE["office"], PEOPLE["physician"]
RUN = ScreeningRow(
    started=AT - timedelta(hours=8),
    actor="auditor",
    moment="stay",
    scope="running",
    state=screenings.FAILED,
    reason="STORE_UNAVAILABLE",
    book="b",
    book_hash="",
    touched=AT,
)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as found:
        yield found


def runs(found: Office, *rows: ScreeningRow) -> None:
    with found.running.database.writing_store() as connection:
        for row in rows:
            screenings.add(connection, row)


def told(found: Office, at: datetime = AT, who: str = "office") -> list[tuple[Work, str | None]]:
    running = found.running
    failed = failed_work(running.settings, running.database, PEOPLE[who], at)
    return [(one.work, one.code) for one in failed]


def test_nothing_failed(held: Office) -> None:
    assert told(held) == []


def test_a_screening_that_failed_until_a_later_one_did_not(held: Office) -> None:
    runs(held, replace(RUN, scope="2026-02", started=AT - timedelta(days=30)), RUN)
    assert told(held) == [(Work.SCREENING, "STORE_UNAVAILABLE")]
    assert told(held, who="physician") == []
    runs(held, replace(RUN, state=screenings.DONE, reason=None))
    assert told(held) == []


def test_an_errand_and_a_file_that_failed_of_ones_own(held: Office) -> None:
    folder = held.running.settings.folder
    errand = Errand(
        id="e1",
        kind="settlement",
        owner=OFFICE.account_id,
        actor="office1",
        reach=None,
        language="zh",
        params={},
        state=ErrandState.FAILED,
        created=AT - timedelta(hours=2),
        ended=AT - timedelta(hours=1),
        code="X",
        detail="没有病例",
        advice="换一个月份",
    )
    (folder / "errands" / "e1").mkdir(parents=True)
    write_errand(folder / "errands" / "e1", errand)
    job = Job(
        id="j1",
        owner=OFFICE.account_id,
        state=JobState.FAILED,
        created=AT - timedelta(hours=3),
        format="csv",
        output="csv",
        scheme=None,
        region="national",
        explain=False,
        language="zh",
        code="FILE_EMPTY",
    )
    for name, owner in (("j1", job.owner), ("j2", job.owner + 7)):
        (folder / "jobs" / name).mkdir(parents=True)
        write_job(folder / "jobs" / name, replace(job, id=name, owner=owner))
    assert told(held) == [(Work.ERRAND, "X"), (Work.FILE, "FILE_EMPTY")]
    assert told(held, AT + timedelta(days=30)) == []
    assert told(held, who="physician") == []


def test_forecasts_of_the_night_that_are_late(
    held: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"admission_time": "2026-03-01 08:00", "discharge_time": None}
    case = held.running.stay("R1", "PR", facts=facts)
    assert told(held) == []
    with held.running.database.reading() as connection:
        head = reading.stay_by_case(connection, case)
        assert head is not None
        known, _ = case_at(connection, head.id)
    row = made_now(
        model(),
        known,
        "national",
        AT - timedelta(days=1),
        drivers=False,
        stay_id=head.id,
        version=1,
    )
    with held.running.database.writing_store() as connection:
        forecasts.write(connection, [row])
    assert told(held, AT - timedelta(days=1)) == []
    assert told(held, AT.replace(hour=3)) == []
    assert told(held) == [(Work.FORECAST, None)]
    # What failed the night before does not vanish until tonight's would be late.
    assert told(held, (AT + timedelta(days=1)).replace(hour=3)) == [(Work.FORECAST, None)]
    assert told(held, who="physician") == []
    off = held.running.settings.model_copy(update={"forecast": Forecast(on=False)})
    assert failed_work(off, held.running.database, OFFICE, AT) == []
    monkeypatch.setattr(module.reading, "stays", lambda *_: ([], None))
    assert told(held) == []


def test_what_failed_stands_in_the_queue(held: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_failed, "now", lambda: AT)
    monkeypatch.setattr("dashboards.app_pages.queue.now", lambda: AT)
    runs(held, RUN, replace(RUN, scope="case:c1", reason="SCREENING_FAILED"))
    page = held.page("queue", kind="failed_work")
    assert not page.exception
    assert "失败的任务 2" in page.pills(key="queue.kind").options
    said = words(page)
    assert "夜间审核：在院病例" in said
    assert "数据库暂时无法使用" in said
    assert "审核时程序出错" in said
    assert "下一夜自动重做" in said


def test_what_failed_is_told_in_words() -> None:
    known = Failed(Work.ERRAND, AT, "X", "没有病例", about={"kind": "odd"})
    assert queue_failed.why(known, "zh") == "没有病例"
    assert "odd" in queue_failed.what(known, "zh")
    assert queue_failed.why(replace(known, detail=None), "zh") == "X"
    assert (
        queue_failed.why(replace(known, detail=None, code=None), "en")
        == "no reason was written down"
    )


def test_the_queue_says_that_nothing_failed(held: Office) -> None:
    assert "此类目前没有" in words(held.page("queue", kind="failed_work"))
    assert "没有回传失败的结果" in words(held.page("queue", kind="deliveries"))

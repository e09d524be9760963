"""The office's outlook from the store: the bureau's months kept, the running stays, an errand, its scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from month_support import OFFICE, done, stays
from outlook_store_support import AT, DAY, FORECAST, foretold, kept, looking
from outlook_support import cases, published, written
from service_support import PEOPLE, Service, service

from codebooks.errors import CodebookError, GrouperError
from grouper.case.dates import LOCAL
from grouper.demo import serve_months
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.published import Published
from grouper.forecast.outlook.settings import Settings
from grouper.payment.settlement.priced import COLUMNS
from grouper.service import bureau_months, comparing, errand_process, outlooks, settling
from grouper.service.access.principal import AccessError
from grouper.service.bureau_months import What
from grouper.service.errands import Errands, ErrandState
from grouper.service.outlook_running import running_of
from grouper.service.outlook_scores import scored, together
from grouper.service.outlooks import Days, days_of, fan_of, months_to_ask
from grouper.store.database import Database, StoreError


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, region="demo", hospital="H00000000001") as found:
        yield found


def stamp(running: Service) -> tuple[int, int] | None:
    return bureau_months.stamp_of(running.settings)


def test_an_upload_is_held_against_what_is_kept_and_takes_its_place(running: Service) -> None:
    assert bureau_months.kept(running.settings, OFFICE) is None
    assert bureau_months.stamp_of(running.settings) is None
    first = written(published(2))
    found = bureau_months.keep(
        running.settings, running.database, first.encode(), OFFICE, stamp(running)
    )
    assert [one.what for one in found.changes] == [What.NEW] * 4
    again = bureau_months.check(running.settings, first.encode(), OFFICE)
    assert (again.changes, again.same) == ((), 4)
    lines = first.splitlines()
    other = [lines[0], lines[2].replace(",final", ",preliminary"), *lines[3:]]
    second = "\n".join([*other, "2025-03,resident,dip_score,245000,5.1,final"])
    found = bureau_months.check(running.settings, second.encode(), OFFICE)
    assert [(one.what, one.month % 12) for one in found.changes] == [
        (What.GONE, 0),
        (What.CHANGED, 1),
        (What.NEW, 2),
    ]
    assert (found.same, found.changes[1].before is None) == (2, False)
    before = bureau_months.kept(running.settings, OFFICE)
    assert before is not None
    assert len(before.months) == 4
    bureau_months.keep(running.settings, running.database, second.encode(), OFFICE, found.stamp)
    now_kept = bureau_months.kept(running.settings, OFFICE)
    assert now_kept is not None
    assert len(now_kept.months) == 4
    assert bureau_months.stamp_of(running.settings) is not None
    assert running.looks()[-1] == ("office1", "bureau_months_kept", "file:published.csv")


def test_a_broken_upload_names_its_row_and_changes_nothing(running: Service) -> None:
    text = written(published(2))
    kept(running, text)
    with pytest.raises(ForecastError, match="OUTLOOK_NUMBER") as caught:
        bureau_months.keep(
            running.settings,
            running.database,
            f"{text}2025-03,resident,dip_score,many,5.1,final\n".encode(),
            OFFICE,
            stamp(running),
        )
    assert (caught.value.where.row, caught.value.where.column) == (6, "total_points")
    with pytest.raises(CodebookError, match="TABLE_COLUMN_MISSING"):
        bureau_months.check(running.settings, b"month\n2025-01\n", OFFICE)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        bureau_months.keep(
            running.settings, running.database, text.encode(), PEOPLE["physician"], None
        )
    assert bureau_months.path_of(running.settings).read_text("utf-8") == text
    assert not running.looks()


def test_what_is_kept_and_cannot_be_read_is_replaced_whole(running: Service) -> None:
    kept(running, "month,insurance\n")
    with pytest.raises(CodebookError):
        bureau_months.kept(running.settings, OFFICE)
    found = bureau_months.check(running.settings, written(published(1)).encode(), OFFICE)
    assert [one.what for one in found.changes] == [What.NEW] * 2


def test_what_cannot_be_written_is_told_and_not_logged(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(GrouperError, match="BUREAU_MONTHS_WRITE"):
        bureau_months.keep(
            running.settings, running.database, written(published(1)).encode(), OFFICE, None
        )
    assert not running.looks()
    assert list(running.settings.folder.glob(".published*")) == []


def test_months_and_their_entry_stand_together(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, database, first = running.settings, running.database, written(published(1))
    writing = Database.writing_store

    @contextmanager
    def broken(held: Database) -> Iterator[object]:
        with writing(held) as connection:
            yield connection
            raise StoreError("STORE_UNAVAILABLE")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "writing_store", broken)
        with pytest.raises(StoreError):
            bureau_months.keep(settings, database, first.encode(), OFFICE, None)
    assert bureau_months.stamp_of(settings) is None
    bureau_months.keep(settings, database, first.encode(), OFFICE, None)
    before, second = stamp(running), written(published(2)).encode()
    with monkeypatch.context() as patch:
        patch.setattr(Database, "writing_store", broken)
        with pytest.raises(StoreError):
            bureau_months.keep(settings, database, second, OFFICE, before)
    assert bureau_months.path_of(settings).read_text("utf-8") == first
    assert stamp(running) == before
    with pytest.raises(GrouperError, match="BUREAU_MONTHS_CHANGED"):
        bureau_months.keep(settings, database, second, OFFICE, None)
    assert bureau_months.path_of(settings).read_text("utf-8") == first
    assert len(running.looks()) == 1
    assert list(settings.folder.glob(".published*")) == []


def test_months_are_for_who_sees_every_department(running: Service) -> None:
    doctor = PEOPLE["physician"]
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        bureau_months.kept(running.settings, doctor)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        bureau_months.check(running.settings, b"", doctor)


def test_running_stays_come_with_their_newest_forecasts(running: Service) -> None:
    known = stays(running, {f"V{number}": "" for number in range(1, 5)}, discharge_way="")
    foretold(running, known["V1"], **FORECAST)
    foretold(running, known["V2"])
    foretold(running, known["V3"], **FORECAST)
    foretold(running, known["V4"], DAY - timedelta(days=1), **FORECAST)
    found = {one.case_id: one for one in running_of(running.database, DAY, {known["V3"]})}
    assert set(found) == {known["V1"], known["V2"]}
    one = found[known["V1"]]
    assert (one.part, one.level, one.value, one.known) == (
        ("dip_score", "employee"),
        0.9,
        5.4,
        True,
    )
    assert one.amounts["fund"] == (900.0, 1000.0, 1300.0)
    assert not found[known["V2"]].known


def test_an_outlook_knows_all_until_the_last_whole_day(running: Service) -> None:
    with pytest.raises(ForecastError, match="OUTLOOK_EMPTY"):
        days_of(running.database, AT)
    known = stays(running, {"V1": "2026-02-20 10:00", "V2": "2026-03-08 23:30", "V3": ""})
    late = datetime(2026, 12, 1, tzinfo=UTC)
    assert days_of(running.database, late) == Days(date(2026, 1, 1), date(2026, 3, 8), None)
    foretold(running, known["V3"])
    assert days_of(running.database, late) == Days(date(2026, 1, 1), DAY, DAY)
    early = datetime(2026, 3, 8, 12, tzinfo=LOCAL)
    assert days_of(running.database, early).as_of == date(2026, 3, 7)


def test_a_store_without_tables_is_told(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlooks, "pending", lambda _: ["0001"])
    with pytest.raises(StoreError, match="STORE_OLD"):
        days_of(running.database, AT)


def test_the_months_that_can_be_asked_for() -> None:
    found = months_to_ask(AT)
    # In March the last month of the year that is over can still be asked for.
    assert (found[0], found[3], len(found)) == ("2025-12", "2026-03", 10)
    assert settling.sizes()["outlook"]["months_behind"] >= 3


def test_the_history_is_read_year_by_year(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[date, date]] = []

    def between(_: object, since: datetime, until: datetime, **wanted: Any) -> pa.Table:
        asked.append((since.date(), until.date()))
        wanted["progress"](3)
        # The year's January and that of the year after it.
        return pa.concat_tables(
            [cases(1, start=since.year * 12), cases(1, start=since.year * 12 + 12)]
        )

    told: list[tuple[int, int | None]] = []

    class Work:
        settings, database = running.settings, running.database

        def told(self, done: int, of: int | None = None) -> None:
            told.append((done, of))

    monkeypatch.setattr(outlooks, "priced_between", between)
    days = Days(date(2025, 1, 1), DAY, None)
    found = outlooks._history(cast("errand_process.Work", Work()), days)
    assert asked == [
        # The next year's first month tells who came back.
        (date(2025, 1, 1), date(2026, 2, 1)),
        (date(2026, 1, 1), DAY + timedelta(days=1)),
    ]
    assert found.column_names == list(COLUMNS)
    months = [f"{one.astimezone(LOCAL):%Y-%m}" for one in found["discharge_time"].to_pylist()]
    assert set(months) == {"2025-01", "2026-01"}
    assert months.count("2026-01") == cases(1, start=2026 * 12).num_rows
    assert told[1][0] > told[0][0] == 3


def test_an_outlook_is_kept_and_scored_when_the_month_has_come(
    running: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    every = published(12)
    before = every.until(2025 * 12 + 10)
    looking(running, monkeypatch, tmp_path, date(2025, 11, 30), before)
    first = done(running, outlooks.KIND, {"month": "2025-12"})
    assert first.state is ErrandState.DONE
    (one,) = outlooks.outlooks(running.settings, OFFICE, "2025-12")
    assert first.answer == {"month": "2025-12", "name": one.name}
    told = one.document("zh")
    assert (told["as_of"], told["periods"][0]["name"]) == ("2025-11-30", "2025-12")
    assert [(row["month"], row["value"]) for row in fan_of(one)] == [
        ("2025-12", worth["value"]) for worth in told["periods"][0]["point_values"]
    ]
    assert scored(running.settings, OFFICE, before) == []
    looking(running, monkeypatch, tmp_path, date(2025, 12, 31), every)
    done(running, outlooks.KIND, {"month": "2025-12"})
    found = scored(running.settings, OFFICE, every)
    assert {one.kept.about["as_of"] for one in found} == {"2025-11-30"}
    values = [one for one in found if one.figure == "point_value"]
    assert len(values) == 4
    point = [one for one in values if one.scored.period == "2025-12"]
    assert {one.scored.came for one in point} == {
        one.value for one in every.months if one.month == 2025 * 12 + 11
    }
    assert {one.figure for one in found if one.whole} >= {"fund", "amount", "surplus"}
    all_of = {(one.figure, one.year): one for one in together(found)}
    assert (all_of["point_value", False].tries, all_of["point_value", True].tries) == (2, 2)
    assert set(all_of["fund", False].inside) == {"0.8", "0.9"}
    assert all_of["fund", False].baseline is None
    errors = [abs(one.scored.error or Decimal(0)) for one in point]
    assert all_of["point_value", False].error == sum(errors) / 2
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        scored(running.settings, PEOPLE["physician"], every)


def test_the_fan_ends_where_nothing_can_be_asked_for(
    running: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looking(running, monkeypatch, tmp_path, date(2025, 6, 30), published(6), horizon=2)
    done(running, outlooks.KIND, {"month": "2025-08"})
    (one,) = outlooks.outlooks(running.settings, OFFICE)
    assert sorted({row["month"] for row in fan_of(one)}) == ["2025-07", "2025-08"]
    found = done(running, outlooks.KIND, {"month": "2025-09"})
    assert (found.state, found.code) == (ErrandState.FAILED, "OUTLOOK_HORIZON")


def test_without_published_months_cases_stand_as_priced(
    running: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    looking(running, monkeypatch, tmp_path, date(2025, 11, 30), Published(()))
    bureau_months.path_of(running.settings).unlink()
    done(running, outlooks.KIND, {"month": "2025-12"})
    (one,) = outlooks.outlooks(running.settings, OFFICE)
    worths = one.document("zh")["periods"][0]["point_values"]
    assert {worth["reason"]["code"] for worth in worths} <= {"OUTLOOK_NOT_PUBLISHED"}
    assert fan_of(one) == []


@pytest.mark.slow
def test_the_demonstration_has_months_a_statement_and_an_outlook(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime(2026, 4, 20, 8, tzinfo=LOCAL)
    running.settings.folder.mkdir(exist_ok=True)
    assert serve_months.publish(running.settings, moment) == 4 * 14
    months = bureau_months.kept(running.settings, OFFICE)
    assert months is not None
    assert months.months[-1].month == 2026 * 12 + 1
    assert months.months[0].own is None
    stays(running)
    small = Settings.shipped().drawing(100)
    monkeypatch.setattr(Settings, "shipped", classmethod(lambda _: small))
    assert serve_months.settle(running.settings, running.database, moment) == 2
    assert settling.statements(running.settings, OFFICE, "2026-03")[0].about["actor"] == "demo"
    (one,) = outlooks.outlooks(running.settings, OFFICE, "2026-04")
    assert {row["month"] for row in fan_of(one)} >= {"2026-03", "2026-04", "2026-12"}
    assert not list((running.settings.folder / "errands").glob("[!.]*"))
    assert serve_months.compare(running.settings, running.database, moment) > 0
    (kept,) = Errands.at(running.settings).of(OFFICE, comparing.KIND, shared=True)
    assert kept.params["since"] == "2026-02"

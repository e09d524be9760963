"""Forecasts of running stays: made page by page, kept, and shown over REST."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from forecast_service_support import FACTS, SCHEME, StandIn, model, stay, with_model
from service_support import Service, service

from codebooks.errors import GrouperError
from grouper.case.dates import LOCAL
from grouper.case.fields import CASE_SCHEMA
from grouper.forecast.result import FORECAST_SCHEMA
from grouper.service import forecasting
from grouper.service.forecast_answers import CaseForecast, ForecastAnswer, ForecastList
from grouper.service.forecast_telling import last_whole_day
from grouper.service.forecasting import FAILED, How, Model, forecast_running, reason_of, typed
from grouper.service.settings import Forecast
from grouper.store import forecasts, history
from grouper.store.database import StoreError
from grouper.store.forecasts import ForecastRow
from grouper.store.reading import stay_by_case
from grouper.store.schema import now

DEMO = How(region="demo")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(
        tmp_path, hospital="H00000000001", region="demo", forecast=Forecast(drivers=False)
    ) as found:
        yield found


def kept(running: Service) -> list[ForecastRow]:
    with running.database.reading() as connection:
        day = forecasts.last_day(connection)
        return [one.forecast for one in forecasts.page(connection, day)] if day else []


def local(days: int = 0, hour: int = 8) -> str:
    """A local time some days ago."""
    day = now().astimezone(LOCAL) - timedelta(days=days)
    return day.replace(hour=hour, minute=0).strftime("%Y-%m-%d %H:%M")


def test_the_last_whole_day_is_a_local_one() -> None:
    assert last_whole_day(datetime(2026, 3, 4, 15, 59, tzinfo=UTC)) == date(2026, 3, 3)
    assert last_whole_day(datetime(2026, 3, 4, 16, 0, tzinfo=UTC)) == date(2026, 3, 4)


def test_running_stays_are_foretold_and_kept(running: Service) -> None:
    case = stay(running, total_cost="500.00")
    stay(running, "V2", "P2", admission_time=None)
    stay(running, "V3", "P3", discharge_time="2026-03-09 10:00")
    asked, at, seen = model(), now(), list[int]()
    found = forecast_running(running.database, asked, DEMO, at, progress=seen.append)
    assert (found.forecast, found.refused, found.failed, found.stays) == (1, 1, 0, 2)
    assert seen == [2]
    first, second = kept(running)
    assert (first.model, first.status, first.scheme) == ("m1", "forecast", SCHEME)
    assert first.as_of == last_whole_day(at)
    assert first.made == at
    assert first.day == (at.astimezone(LOCAL).date() - date(2026, 3, 2)).days
    assert first.document["case_id"] == case
    assert first.document["model"] == "m1"
    assert first.document["cost_middle"] == "1000.00"
    assert first.document["drivers"][0]["effect"] == -120.5
    assert (second.status, second.reason) == ("refused", "FORECAST_NO_ADMISSION")
    assert second.scheme == ""
    back = typed(first.document)
    assert back["cost_middle"] == Decimal(1000)
    assert back["as_of"] == at.replace(microsecond=0)
    assert back.keys() == set(FORECAST_SCHEMA.names)
    stand_in = asked.forecaster
    assert isinstance(stand_in, StandIn)
    assert [one[3] for one in stand_in.asked] == [True]
    assert stand_in.asked[0][2].today == at.astimezone(LOCAL).date()


def test_what_is_done_is_not_done_again_unless_it_is_asked_for(running: Service) -> None:
    stay(running)
    at = now()
    assert forecast_running(running.database, model(), DEMO, at).stays == 1
    assert forecast_running(running.database, model(), DEMO, at).stays == 0
    assert forecast_running(running.database, model("m2"), DEMO, at).stays == 1
    again = How(region="demo", drivers=False, anew=True)
    assert forecast_running(running.database, model(), again, at + timedelta(0, 1)).stays == 1
    assert len(kept(running)) == 1
    (last,) = kept(running)
    assert (last.model, last.document["drivers"]) == ("m1", None)


def test_pages_come_one_after_the_other_and_can_be_stopped(running: Service) -> None:
    for number in range(5):
        stay(running, f"V{number}", f"P{number}")
    at, asked = now(), model()
    stops = iter((False, False, True))
    how = How(region="demo", page=2)
    found = forecast_running(running.database, asked, how, at, stopped=lambda: next(stops))
    assert found.stays == 4
    # One that was stopped goes on where it was.
    assert forecast_running(running.database, asked, how, at).stays == 1
    stand_in = asked.forecaster
    assert isinstance(stand_in, StandIn)
    assert [len(one[0]) for one in stand_in.asked] == [2, 2, 1]


def test_the_answer_does_not_depend_on_the_page(running: Service) -> None:
    for number in range(5):
        stay(running, f"V{number}", f"P{number}", total_cost=f"{number}00.00")
    at = now()
    documents = []
    for page in (1, 2, 7):
        how = How(region="demo", page=page, anew=True)
        forecast_running(running.database, model(), how, at)
        documents.append([one.document for one in kept(running)])
    assert documents[0] == documents[1] == documents[2]


def test_a_stay_that_fails_is_refused_and_stops_no_other(
    running: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stay(running, "V1", "P1")
    stay(running, "V2", "P2", age="97")
    stay(running, "V3", "P3", age="98")
    odd = stay(running, "V4", "P4")
    stay(running, "V5", "P5", 年龄="50")
    gone = stay(running, "V6", "P6")
    with running.database.reading() as connection:
        head, absent = (stay_by_case(connection, one) for one in (odd, gone))
    assert head is not None
    assert absent is not None
    read = history.case_at

    def broken(connection: Any, number: int, version: int | None = None) -> Any:
        if number == head.id:
            raise ValueError("secret of a case")
        if number == absent.id:
            raise StoreError("VERSION_ABSENT", found=1)
        return read(connection, number, version)

    monkeypatch.setattr(history, "case_at", broken)
    found = forecast_running(running.database, model(), DEMO, now())
    assert (found.forecast, found.refused, found.failed) == (1, 5, 3)
    reasons = [one.reason for one in kept(running)]
    assert reasons == [None, FAILED, "SCHEME_UNCOVERED", FAILED, "COLUMN_CONFLICT", FAILED]
    told = capsys.readouterr()
    assert "secret" not in told.out + told.err
    refused = kept(running)[1].document
    assert refused.keys() == set(FORECAST_SCHEMA.names)
    assert refused["cost_middle"] is None


def test_a_page_without_a_case_that_can_be_read_asks_no_model(running: Service) -> None:
    stay(running, 年龄="50")
    asked = model()
    assert forecast_running(running.database, asked, DEMO, now()).refused == 1
    stand_in = asked.forecaster
    assert isinstance(stand_in, StandIn)
    assert stand_in.asked == []


def test_an_error_of_the_store_is_none_of_a_stay(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay(running)

    def away(*_: object) -> Any:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(history, "case_at", away)
    with pytest.raises(StoreError):
        forecast_running(running.database, model(), DEMO, now())
    assert kept(running) == []


def test_an_error_with_words_as_a_reason_is_the_reason() -> None:
    assert reason_of(GrouperError("SCHEME_UNCOVERED")) == "SCHEME_UNCOVERED"
    assert reason_of(GrouperError("FORECAST_NO_MODEL")) == FAILED
    assert reason_of(ValueError("x")) == FAILED


def test_of_an_earlier_moment_what_came_later_is_not_known(running: Service) -> None:
    stay(running, total_cost="500.00")
    then = now()
    stay(running, total_cost="9000.00", discharge_time=(now() + timedelta(hours=1)).isoformat())
    found = forecast_running(running.database, model(), DEMO, then, made=now())
    assert found.forecast == 1
    (one,) = kept(running)
    assert (one.version, one.document["cost_middle"]) == (1, "1000.00")
    assert one.made > then
    later = How(region="demo", anew=True)
    assert forecast_running(running.database, model(), later, now()).forecast == 1
    assert kept(running)[0].document["cost_middle"] == "18000.00"


def ask(running: Service, path: str, role: str = "office", **more: Any) -> Any:
    return running.ask(role, "GET", f"/api/v1/{path}", **more)


def test_a_kept_forecast_is_shown_and_the_look_is_logged(running: Service) -> None:
    case = stay(running, admission_time=local(3), total_cost="500.00")
    forecast_running(
        running.database, Model("m1", StandIn()), How(region="demo", drivers=False), now()
    )
    asked = model("m2")
    with_model(running, asked)
    answer = ask(running, f"cases/{case}/forecast")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    CaseForecast.model_validate(found)
    assert (found["case_id"], found["state"], found["stale"]) == (case, "running", False)
    told = found["forecast"]
    assert (told["stored"], told["model"], told["version"]) == (True, "m1", 1)
    assert told["as_of"] == last_whole_day(now()).isoformat()
    assert told["forecast"]["cost"]["middle"] == "1000.00"
    assert told["forecast"]["groups"][0]["group"] == "I21.9"
    assert told["forecast"]["warnings"][0]["code"] == "FORECAST_NO_LINES"
    assert told["score"] is None
    assert found["history"] is None
    assert running.looks()[-1] == ("office1", "case_forecast_shown", f"case:{case}")
    stand_in = asked.forecaster
    assert isinstance(stand_in, StandIn)
    assert stand_in.asked == []


def test_a_running_stay_without_one_is_foretold_now_and_not_kept(running: Service) -> None:
    case = stay(running, admission_time=local(hour=0), total_cost="500.00")
    absent = ask(running, f"cases/{case}/forecast")
    assert (absent.status_code, absent.json()["code"]) == (404, "STORED_FORECAST_ABSENT")
    with_model(running, model())
    found = ask(running, f"cases/{case}/forecast").json()
    assert (found["stale"], found["forecast"]["stored"]) == (False, False)
    assert found["forecast"]["forecast"]["day"] == 0
    assert kept(running) == []


def test_a_forecast_of_an_earlier_day_is_stale(running: Service) -> None:
    case = stay(running, admission_time=local(5))
    ago = now() - timedelta(days=2)
    how = How(region="demo", drivers=False, anew=True)
    with running.database.reading() as connection:
        row = forecasts.due(connection, date(2026, 1, 1), "m1", now(), now())
    assert [one.case_id for one in row] == [case]
    # As if it had been made two days ago.
    (document,) = forecasting.documents_of(
        model(),
        [history_case(running, row[0].stay_id)],
        "demo",
        ago,
        drivers=False,
    )
    old = forecasting.row_of(document, row[0].stay_id, 1, "m1", ago, ago)
    with running.database.writing_store() as connection:
        forecasts.write(connection, [old])
    for found in (None, GrouperError("FORECAST_NOT_INSTALLED")):
        with_model(running, found)
        told = ask(running, f"cases/{case}/forecast").json()
        assert (told["stale"], told["forecast"]["stored"]) == (True, True)
    with_model(running, GrouperError("FORECAST_NOT_INSTALLED"))
    other = stay(running, "V2", "P2")
    assert ask(running, f"cases/{other}/forecast").json()["code"] == "FORECAST_NOT_INSTALLED"
    forecast_running(running.database, model("m2"), how, now())
    told = ask(running, f"cases/{case}/forecast", params={"history": True}).json()
    assert [one["model"] for one in told["history"]] == ["m1", "m2"]
    assert told["forecast"] == told["history"][1]
    told = ask(running, f"cases/{case}/forecast", params={"at": last_whole_day(ago)}).json()
    assert (told["forecast"]["model"], told["stale"]) == ("m1", False)
    nothing = ask(running, f"cases/{case}/forecast", params={"at": "2026-01-01"})
    assert nothing.json()["code"] == "STORED_FORECAST_ABSENT"


def history_case(running: Service, stay_id: int) -> Any:
    with running.database.reading() as connection:
        return history.case_at(connection, stay_id)[0]


def test_a_forecast_out_of_reach_is_not_there(running: Service) -> None:
    case = stay(running, department="骨科")
    forecast_running(running.database, model(), How(region="demo", drivers=False), now())
    answer = ask(running, f"cases/{case}/forecast", "physician")
    assert (answer.status_code, answer.json()["code"]) == (404, "STORED_CASE_UNKNOWN")
    assert ask(running, "forecasts", "physician").json()["forecasts"] == []
    assert ask(running, f"cases/{case}/forecast", "admin").status_code == 403
    assert ask(running, "forecasts", "interface").status_code == 403


def test_the_office_lists_the_forecasts_of_a_day(running: Service) -> None:
    empty = ask(running, "forecasts").json()
    assert empty == {"as_of": None, "forecasts": [], "next": None}
    stay(running, "V1", "P1")
    stay(running, "V2", "P2", department="骨科")
    stay(running, "V3", "P3", admission_time=None)
    forecast_running(running.database, model(), How(region="demo", drivers=False), now())
    found = ask(running, "forecasts", params={"limit": 2})
    assert found.status_code == 200, found.text
    first = found.json()
    ForecastList.model_validate(first)
    assert [one["visit"] for one in first["forecasts"]] == ["V1", "V2"]
    assert running.looks()[-1] == ("office1", "forecasts_listed", "forecasts")
    second = ask(running, "forecasts", params={"limit": 2, "after": first["next"]}).json()
    assert [one["visit"] for one in second["forecasts"]] == ["V3"]
    assert second["next"] is None
    assert second["forecasts"][0]["forecast"]["reason"] == "FORECAST_NO_ADMISSION"
    asked = {"department": "骨科", "as_of": first["as_of"]}
    assert [
        one["visit"] for one in ask(running, "forecasts", params=asked).json()["forecasts"]
    ] == ["V2"]
    refused = ask(running, "forecasts", params={"status": "refused"}).json()["forecasts"]
    assert [one["visit"] for one in refused] == ["V3"]
    assert ask(running, "forecasts", params={"as_of": "2020-01-01"}).json()["forecasts"] == []
    own = ask(running, "forecasts", "physician").json()["forecasts"]
    assert [one["visit"] for one in own] == ["V1", "V3"]
    other = ask(running, "forecasts", "physician", params={"department": "骨科"}).json()
    assert other["forecasts"] == []


def post(running: Service, body: Any, role: str = "office") -> Any:
    return running.ask(role, "POST", "/api/v1/forecast", json=body)


def test_a_case_handed_in_is_foretold(running: Service) -> None:
    case = {name: value for name, value in FACTS.items() if value is not None}
    body = {"case": {**case, "case_id": "X1", "dx": ["J18.900"]}}
    assert post(running, body).json()["code"] == "FORECAST_NO_MODEL"
    assert post(running, body).status_code == 409
    asked = model()
    with_model(running, asked)
    answer = post(running, body | {"at": "2026-03-05T01:00:00+08:00", "region": "demo"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    ForecastAnswer.model_validate(found)
    assert (found["case_id"], found["issues"]) == ("X1", [])
    assert found["forecast"]["as_of"] == "2026-03-04"
    assert found["forecast"]["version"] is None
    assert found["forecast"]["forecast"]["day"] == 3
    assert post(running, body | {"at": "2026-03-05"}).json()["forecast"]["as_of"] == "2026-03-04"
    assert post(running, body | {"at": "0001-01-01T00:00:00Z"}).status_code == 422
    assert post(running, body | {"more": 1}).status_code == 422
    assert post(running, {"case": {"age": "1", "年龄": "2"}}).json()["code"] == "CASE_UNREADABLE"
    failed = post(running, {"case": {**body["case"], "age": "97"}}).json()
    assert failed["forecast"]["forecast"]["reason"] == FAILED
    assert "secret" not in json.dumps(failed)
    assert kept(running) == []
    assert post(running, body, "admin").status_code == 403


def test_the_case_is_read_whole(running: Service) -> None:
    lines = {"L1": {"line_item": "A", "line_amount": "120.00", "line_time": "2026-03-02 09:00"}}
    running.stay(facts=FACTS | {"total_cost": None}, dx=["J18.900"], px=[], lines=lines)
    seen: list[Any] = []

    class Looking(StandIn):
        def forecast(self, cases: Any, *more: Any, **named: Any) -> Any:
            seen.extend(cases)
            return super().forecast(cases, *more, **named)

    forecast_running(running.database, Model("m", Looking()), DEMO, now())
    (case,) = seen
    assert case.line_amount == (Decimal("120.00"),)
    assert case.total_cost == Decimal("120.00")
    assert case.person is not None
    assert set(CASE_SCHEMA.names) >= {"line_amount"}

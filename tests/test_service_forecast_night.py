"""The process that foretells each night, the command that does it once, and the cards."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from forecast_service_support import StandIn, model, stay
from hypothesis import given
from hypothesis import strategies as st
from service_support import Service, service
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.case.dates import LOCAL
from grouper.cli import serve
from grouper.cli.forecast_running import running_command
from grouper.forecast.errors import ForecastError
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.result import FORECAST_SCHEMA
from grouper.service import forecast_model, forecaster, logs, process, status
from grouper.service.cds.cards import Told, discharge_cards, view_cards
from grouper.service.cds.expected import forecast_line
from grouper.service.cds.models import Cards
from grouper.service.forecast_telling import last_whole_day, telling
from grouper.service.forecaster import Forecaster as Night
from grouper.service.forecasting import How, Model, forecast_running, refused
from grouper.service.settings import Forecast, Settings
from grouper.store import forecasts
from grouper.store.database import StoreError
from grouper.store.forecasts import ForecastRow
from grouper.store.schema import forecast as table
from grouper.store.schema import now

NIGHT = datetime(2026, 3, 6, 1, 30, tzinfo=LOCAL)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    made = Forecast(hour=1, every=0.01)
    with service(tmp_path, hospital="H00000000001", region="demo", forecast=made) as found:
        yield found


def kept(running: Service) -> list[ForecastRow]:
    with running.database.reading() as connection:
        day = forecasts.last_day(connection)
        return [one.forecast for one in forecasts.page(connection, day)] if day else []


def clocked(running: Service, found: Callable[[], Model | None] = model) -> tuple[Any, Night]:
    """A forecaster whose clock is a list: its last entry is the time."""
    clock = [now()]
    made = Night(running.settings, running.database, found, lambda: clock[-1])
    return clock, made


def tonight(hour: int, days: int = 0) -> datetime:
    """An hour of tomorrow: what is in the store now is known then."""
    day = now().astimezone(LOCAL) + timedelta(days=1 + days)
    return day.replace(hour=hour, minute=30)


def test_the_hour_is_waited_for_and_each_night_comes_once(running: Service) -> None:
    stay(running)
    clock, made = clocked(running)
    clock.append(tonight(0))
    assert made.step() is None
    assert kept(running) == []
    clock.append(tonight(1))
    found = made.step()
    assert found is not None
    assert found.forecast == 1
    clock.append(tonight(9))
    again = made.step()
    assert again is not None
    assert again.stays == 0
    # A process that was started anew knows from the store what is done.
    _, other = clocked(running)
    other._clock = lambda: tonight(10)
    after = other.step()
    assert after is not None
    assert after.stays == 0
    clock.append(tonight(1, days=1))
    following = made.step()
    assert following is not None
    assert following.forecast == 1
    assert [one.as_of for one in kept(running)] == [last_whole_day(tonight(1, days=1))]
    assert made.metrics()["forecaster_forecast"] == 2


def test_a_stay_that_came_in_later_is_foretold_the_same_day(running: Service) -> None:
    clock, made = clocked(running)
    clock.append(tonight(1))
    made.look()
    stay(running)
    clock.append(tonight(2))
    made.look()
    assert len(kept(running)) == 1


def test_what_was_foretold_is_scored_at_night(running: Service) -> None:
    stay(running)
    clock, made = clocked(running)
    clock.append(tonight(1))
    made.look()
    left = (tonight(1) + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M")
    stay(running, discharge_time=left)
    made.look()
    assert made.metrics()["forecaster_scored"] == 0
    clock.append(tonight(1, days=1))
    made.look()
    assert made.metrics()["forecaster_scored"] == 1


def test_without_a_model_nothing_is_done_and_it_is_said_once(
    running: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    stay(running)
    clock, made = clocked(running, lambda: None)
    clock.append(tonight(1))
    made.look()
    made.look()
    assert capsys.readouterr().out.count("FORECAST_NO_MODEL") == 1
    assert made.metrics()["forecaster_waits"] == 2
    made._model = model
    made.look()
    assert len(kept(running)) == 1


def test_no_error_ends_it(running: Service, capsys: pytest.CaptureFixture[str]) -> None:
    errors: list[Exception] = [
        GrouperError("FORECAST_NOT_INSTALLED"),
        StoreError("STORE_UNAVAILABLE"),
        ValueError("secret of a case"),
    ]

    def broken() -> Model | None:
        raise errors[0]

    clock, made = clocked(running, broken)
    clock.append(tonight(1))
    while errors:
        made.look()
        errors.pop(0)
    told = capsys.readouterr().out
    for word in ("FORECAST_NOT_INSTALLED", "STORE_UNAVAILABLE", "ValueError at"):
        assert word in told
    assert "secret" not in told


def test_one_that_is_stopped_goes_on_the_next_time(running: Service) -> None:
    stay(running)
    clock, made = clocked(running)
    clock.append(tonight(1))
    made.stop()
    found = made.step()
    assert found is not None
    assert found.stays == 0
    assert made._scored is None
    made.run()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_process_foretells_until_a_signal_comes(
    running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay(running)
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(tmp_path))
    monkeypatch.setenv("GROUPER_SERVICE_FORECAST__HOUR", "0")
    monkeypatch.setattr(process, "configure", lambda: None)
    monkeypatch.setattr(forecaster, "approved_model", lambda _: model())
    niced: list[int] = []
    monkeypatch.setattr(os, "nice", niced.append)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def done() -> bool:
        told = {one.process: one.values for one in status.read(tmp_path)}
        return bool(kept(running)) and "forecaster_forecast" in told.get("forecaster", {})

    def end() -> None:
        try:
            until(done)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    try:
        assert process.main("forecaster") == 0
    finally:
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert niced == [forecaster.NICE]
    assert len(kept(running)) == 1


@pytest.mark.parametrize(
    ("on", "only", "expected"),
    [
        ("true", (), ["worker", "listener", "web", "forecaster", "auditor", "clerk"]),
        ("false", (), ["worker", "listener", "web", "auditor", "clerk"]),
        ("false", ("--only", "forecaster"), ["forecaster"]),
    ],
)
def test_the_service_runs_it_unless_it_is_switched_off(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    on: str,
    only: tuple[str, ...],
    expected: list[str],
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(tmp_path))
    monkeypatch.setenv("GROUPER_SERVICE_FORECAST__ON", on)
    monkeypatch.setenv("GROUPER_SERVICE_PAGES__ON", "false")
    monkeypatch.setattr(serve, "Supervisor", lambda wanted, _: asked.append(list(wanted)))
    monkeypatch.setattr(serve, "until_signalled", lambda _: None)
    app = typer.Typer()
    app.command()(serve.serve_command)
    result = CliRunner().invoke(app, list(only))
    assert result.exit_code == 0, result.output
    assert asked == [expected]


def command(*words: str) -> Any:
    app = typer.Typer()
    app.command()(running_command)
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, GrouperError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_does_it_once(
    running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_REGION", "demo")
    levels: list[int] = []
    monkeypatch.setattr(logs, "configure", levels.append)
    monkeypatch.setattr(forecast_model, "approved_model", lambda _: None)
    with pytest.raises(GrouperError, match="FORECAST_NO_MODEL"):
        command()
    monkeypatch.setattr(forecast_model, "approved_model", lambda _: model())
    stay(running)
    day = last_whole_day(now()).isoformat()
    found = json.loads(command("--format", "json"))
    assert found == {"as_of": day, "model": "m1", "forecast": 1, "refused": 0, "failed": 0}
    assert "预测 0 例" in command()
    stay(running, "V2", "P2", age="97")
    assert f"As of {day}: 1 foretold, 1 refused (1 of them failed)" in command(
        "--anew", "--lang", "en"
    )
    # Nothing was known of these stays then.
    found = json.loads(command("--format", "json", "--at", "2026-03-05"))
    assert (found["as_of"], found["forecast"], found["refused"]) == ("2026-03-04", 0, 0)
    later = (now() + timedelta(days=2)).strftime("%Y-%m-%d")
    for at in ("yesterday", later):
        with pytest.raises(GrouperError, match="FORECAST_RUNNING_AT"):
            command("--at", at)
    assert set(levels) == {logging.WARNING}


def test_the_model_is_the_one_that_the_registry_has_approved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    settings = Settings(folder=tmp_path, forecast=Forecast(model="ward"))
    assert forecast_model.approved_model(settings) is None
    asked: list[tuple[str, Any]] = []

    class Loaded:
        id, model = "20260301T000000-abc", StandIn()

    def approved(name: str, read: Any) -> type[Loaded]:
        asked.append((name, read))
        return Loaded

    monkeypatch.setattr(forecast_model, "approved", approved)
    found = forecast_model.approved_model(settings)
    assert found is not None
    assert (found.id, found.forecaster) == (Loaded.id, Loaded.model)
    assert asked == [("ward", Forecaster.read)]

    def broken(*_: object) -> None:
        raise ForecastError("FORECAST_MODEL_UNREADABLE", part="x")

    monkeypatch.setattr(forecast_model, "approved", broken)
    with pytest.raises(ForecastError):
        forecast_model.approved_model(settings)


INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def cards(running: Service, name: str, hook: str, lang: str = "zh", **more: str) -> Any:
    context = {"userId": "Practitioner/D1", "patientId": "P1", "encounterId": "V1"} | more
    body = {"hook": hook, "hookInstance": INSTANCE, "context": context}
    answer = running.ask(
        "interface",
        "POST",
        f"/cds-services/{name}",
        json=body,
        headers={"Accept-Language": lang},
    )
    assert answer.status_code == 200, answer.text
    assert "null" not in answer.text
    Cards.model_validate(answer.json())
    return answer.json()["cards"]


def discharge(running: Service, lang: str = "zh") -> str:
    (card, *_) = cards(running, "grouper-discharge", "encounter-discharge", lang)
    return str(card["detail"])


def view(running: Service, lang: str = "zh", **more: str) -> Any:
    return cards(running, "grouper-forecast", "patient-view", lang, **more)


def test_the_cards_tell_what_is_expected_where_there_is_a_forecast(running: Service) -> None:
    case = stay(running, total_cost="500.00")
    assert "预计" not in discharge(running)
    assert view(running) == []
    forecast_running(running.database, model(), How(region="demo"), now())
    line = discharge(running).split("\n\n")[-1]
    assert r"病组 I21\.9 甲病组，可能性 60%" in line
    assert "最终费用 1,000 元（90% 区间 500 至 2,000）" in line
    assert "支付标准 1,000 元" in line
    # Only the likeliest group is named.
    assert "J18" not in line
    assert "group I21" in discharge(running, "en")
    (card,) = view(running)
    assert card["summary"] == "预计 I21.9 甲病组（60%）"
    assert card["indicator"] == "info"
    assert card["detail"] == line
    assert running.looks()[-1] == ("his", "card_shown", f"case:{case}")
    (card,) = view(running, "en")
    assert card["summary"].startswith("Expected I21.9")
    assert view(running, encounterId="V9") == []
    (other,) = view(running, patientId="P9")
    assert "另一位患者" in other["summary"]
    # Before an order nothing is said of it.
    assert cards(running, "grouper-order", "order-sign") == []
    stay(running, discharge_time=(now() - timedelta(hours=1)).isoformat())
    assert "预计" not in discharge(running)
    assert view(running) == []


def test_an_old_forecast_is_not_shown(running: Service) -> None:
    stay(running)
    forecast_running(running.database, model(), How(region="demo"), now())
    (made,) = kept(running)
    for behind, shown in ((telling().card_days - 1, True), (telling().card_days, False)):
        old = ForecastRow(
            **{
                **{name: getattr(made, name) for name in ForecastRow.__dataclass_fields__},
                "as_of": made.as_of - timedelta(days=behind),
                "model": f"old{behind}",
            }
        )
        with running.database.writing_store() as connection:
            connection.execute(table.delete())
            forecasts.write(connection, [old])
        assert bool(view(running)) is shown


def test_a_refused_or_unpriced_forecast_says_no_more_than_it_knows(running: Service) -> None:
    stay(running, age="97")
    forecast_running(running.database, model(), How(region="demo"), now())
    assert view(running) == []
    told = {
        **dict.fromkeys(FORECAST_SCHEMA.names),
        "status": "forecast",
        "as_of": "2026-03-04T01:00:00+08:00",
        "level": 0.9,
        "groups": [{"group": "?ungrouped", "name": "", "probability": 0.5}],
    }
    (line,) = forecast_line(told, "zh")
    assert "病组 未入组，可能性 50%" in line
    assert "元" not in line
    (card,) = view_cards(Told(document=None, forecast=told), "zh")
    assert card["summary"] == "预计 未入组（50%）"
    assert forecast_line({**told, "groups": []}, "zh") == []
    assert forecast_line(refused("C", "m", "FORECAST_KIND", NIGHT), "zh") == []
    (card,) = discharge_cards(Told(document=None, reason="SCHEME_UNCOVERED", forecast=told), "zh")
    assert "预计" not in card["detail"]


@given(st.text(min_size=1, max_size=400), st.floats(0, 1))
def test_a_card_keeps_its_limits(name: str, share: float) -> None:
    groups = [{"group": "X", "name": name, "probability": share}]
    told = {**dict.fromkeys(FORECAST_SCHEMA.names), "status": "forecast", "level": 0.9}
    told |= {"as_of": NIGHT.astimezone(UTC).isoformat(), "groups": groups}
    found = view_cards(Told(document=None, forecast=told), "zh")
    Cards.model_validate({"cards": found})


def test_the_words_are_in_both_languages() -> None:
    for key in ("cds.forecast", "reason.FORECAST_FAILED", "forecast_cli.running"):
        assert key in catalogue("zh")
        assert key in catalogue("en")
    assert isinstance(model().forecaster, StandIn)

"""Forecasts held against what came, and the table of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer
from forecast_service_support import FACTS, SCHEME, model, stay
from hypothesis import given
from hypothesis import strategies as st
from service_support import Service, service
from test_service_price import ROW
from typer.testing import CliRunner

from codebooks.errors import CodebookError, GrouperError
from grouper.case.record import Case
from grouper.cli.forecast_score import score_command
from grouper.forecast.result import FORECAST_SCHEMA, MEASURES
from grouper.payment import engine as payment_engine
from grouper.payment.place import Terms
from grouper.service import logs, scoring
from grouper.service.forecast_telling import read_telling, telling
from grouper.service.forecasting import How, documents_of, forecast_running, refused, row_of
from grouper.service.score_summary import summary
from grouper.service.scoring import Truth, levels, score_of, score_stays, truth_of
from grouper.store import forecasts, history
from grouper.store.database import StoreError
from grouper.store.forecasts import Came, ForecastRow

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
AT = datetime(2026, 3, 4, 1, tzinfo=UTC)
"""Of a stay admitted on the second: its second day is whole."""
END = {
    "discharge_time": "2026-03-09 10:00",
    "total_cost": "2200.00",
    "scope_cost": "2000.00",
    "own_cost": "100.00",
    "over_limit_cost": "0.00",
    "first_share_cost": "100.00",
}
TRUTH = Truth(
    ended=date(2026, 3, 9),
    values={"cost": Decimal("2200.00"), "los": Decimal(7), "amount": Decimal("9000.00")},
    scheme=SCHEME,
    groups={"group": "J18.9", "adrg": "J18", "mdc": "J"},
)


def row(**values: Any) -> ForecastRow:
    case, _ = Case.from_mapping({**FACTS, "total_cost": "1000.00"})
    (document,) = documents_of(model(), [case], "demo", AT, drivers=False)
    return row_of(document | values, 1, 1, "m1", AT, AT)


def test_what_came_is_held_against_the_forecast() -> None:
    found = score_of(row(), TRUTH)
    assert found == {
        "level": 0.9,
        "cost": {"true": "2200.00", "error": "-200.00", "inside": True},
        "los": {"true": "7", "error": "-0.5", "inside": True},
        "amount": {"true": "9000.00", "error": "-7000.00", "inside": False},
        "group": {"true": "J18.9", "rank": 2, "probability": 0.3},
        "bare": {"hit": False},
        "adrg": {"true": "J18", "hit": False},
        "mdc": {"true": "J", "hit": False},
    }
    json.dumps(found)


def test_the_bounds_belong_to_the_interval() -> None:
    for cost in ("1000.00", "4000.00"):
        truth = replace(TRUTH, values={"cost": Decimal(cost)})
        assert score_of(row(), truth)["cost"]["inside"]
    for cost in ("999.99", "4000.01"):
        truth = replace(TRUTH, values={"cost": Decimal(cost)})
        assert not score_of(row(), truth)["cost"]["inside"]
        assert "los" not in score_of(row(), truth)


def test_groups_are_only_compared_within_a_scheme() -> None:
    assert "group" not in score_of(row(), replace(TRUTH, scheme="dip-other"))
    assert "group" not in score_of(row(), replace(TRUTH, groups={}, scheme=""))
    nothing = {"group": "?ungrouped", "adrg": "?ungrouped", "mdc": "?ungrouped"}
    found = score_of(row(), replace(TRUTH, groups=nothing))
    assert found["bare"] == {"hit": True}
    assert found["group"] == {"true": "?ungrouped", "rank": None, "probability": None}
    first = {"group": "I21.9", "adrg": "I21", "mdc": "I"}
    found = score_of(row(bare_group="I21.9"), replace(TRUTH, groups=first))
    assert (found["group"]["rank"], found["adrg"]["hit"], found["mdc"]["hit"]) == (1, True, True)
    assert found["bare"] == {"hit": True}


def test_a_forecast_after_the_discharge_or_a_refusal_says_nothing() -> None:
    assert score_of(row(), replace(TRUTH, ended=date(2026, 3, 3))) == {"late": True}
    assert "late" not in score_of(row(), replace(TRUTH, ended=date(2026, 3, 4)))
    made = row_of(refused("C", "m1", "FORECAST_KIND", AT), 1, 1, "m1", AT, AT)
    assert score_of(made, TRUTH) == {"refused": "FORECAST_KIND"}


def test_the_levels_of_a_grouping() -> None:
    assert levels(ROW) == {"group": "AB19", "adrg": "AB1", "mdc": "MDCA"}
    dip = replace(ROW, group="J18.9", adrg=None, mdc=None)
    assert levels(dip) == {"group": "J18.9", "adrg": "J18", "mdc": "J"}
    assert levels(replace(dip, status="ungrouped", group=None))["mdc"] == "?ungrouped"
    for none in (None, replace(ROW, status="invalid"), replace(ROW, scheme="")):
        assert levels(none) == {}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, hospital="H00000000001", region="demo") as found:
        yield found


def scores(running: Service) -> list[Came]:
    with running.database.reading() as connection:
        return list(forecasts.scored(connection))


def foretold(running: Service, **facts: Any) -> str:
    """A stay that was foretold after each of its first days, as the nights would have."""
    case = stay(running, total_cost="1000.00", **facts)
    for day in range(3):
        at = AT - timedelta(days=1 - day)
        document = dict(row().document) | {"day": day + 1}
        with running.database.writing_store() as connection:
            (due,) = forecasts.due(connection, date(2000, 1, 1), "m1", FUTURE, FUTURE, anew=True)
            made = row_of(document, due.stay_id, 1, "m1", at, at)
            forecasts.write(connection, [made])
    return case


def test_discharged_stays_are_scored_and_again_when_they_are_corrected(running: Service) -> None:
    case = foretold(running)
    assert score_stays(running.database, "demo", AT) == 0
    stay(running, **END)
    assert score_stays(running.database, "demo", AT) == 3
    assert score_stays(running.database, "demo", AT) == 0
    paid = running.ask("office", "GET", f"/api/v1/cases/{case}/payment").json()["payment"]
    found = scores(running)
    assert [one.as_of.day for one in found] == [2, 3, 4]
    first = found[0].score
    assert first["cost"] == {"true": "2200.00", "error": "-200.00", "inside": True}
    assert first["los"]["true"] == "7"
    # The truth is what the service says of the stay itself.
    assert first["amount"]["true"] == paid["amount"]
    assert first["group"]["true"] == "J18.9"
    assert {"fund", "surplus"}.isdisjoint(first)
    stay(running, **END | {"total_cost": "1800.00"})
    assert score_stays(running.database, "demo", AT) == 3
    assert scores(running)[0].score["cost"]["error"] == "200.00"
    shown = running.ask("office", "GET", f"/api/v1/cases/{case}/forecast").json()
    assert shown["forecast"]["score"]["cost"]["true"] == "1800.00"
    assert (shown["state"], shown["stale"]) == ("discharged", False)
    running.send(patient="P1", visit="V1", facts={"discharge_time": None})
    assert score_stays(running.database, "demo", AT) == 0
    assert scores(running) == []


def test_a_stay_that_cannot_be_scored_stops_no_other(
    running: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forecast_running(running.database, model(), How(region="demo"), AT)
    for number in (1, 2):
        stay(running, f"V{number}", f"P{number}")
    now = datetime.now(UTC)
    forecast_running(running.database, model(), How(region="demo"), now)
    later = (now + timedelta(days=2)).strftime("%Y-%m-%d %H:%M")
    for number in (1, 2):
        stay(running, f"V{number}", f"P{number}", **END | {"discharge_time": later})
    price = payment_engine.price
    calls: list[int] = []

    def broken(*asked: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("secret of a case")
        return price(*asked)

    monkeypatch.setattr(scoring, "price", broken)
    assert score_stays(running.database, "demo", now) == 1
    told = capsys.readouterr()
    assert "secret" not in told.out + told.err
    monkeypatch.setattr(scoring, "PAGE", 1)
    assert score_stays(running.database, "demo", now) == 1

    def away(*_: object) -> Any:
        raise StoreError("STORE_UNAVAILABLE")

    stay(running, "V1", "P1", **END | {"discharge_time": later, "total_cost": "1.00"})
    monkeypatch.setattr(history, "case_at", away)
    with pytest.raises(StoreError):
        score_stays(running.database, "demo", now)
    assert score_stays(running.database, "demo", now, stopped=lambda: True) == 0


def test_what_is_no_discharged_stay_is_passed_over(
    running: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay(running)
    with running.database.reading() as connection:
        (due,) = forecasts.due(connection, date(2000, 1, 1), "m1", FUTURE, FUTURE)
    asked = iter(([due.stay_id, 9999], []))
    monkeypatch.setattr(forecasts, "to_score", lambda *_, **__: next(asked))
    assert score_stays(running.database, "demo", AT) == 0


def test_without_a_discharge_there_is_no_truth(running: Service) -> None:
    terms = Terms(region="demo")
    assert truth_of(running.database, None, Case(), ROW, terms) is None
    found = truth_of(running.database, None, Case(discharge_time=AT), None, terms)
    assert found == Truth(ended=date(2026, 3, 4))
    same_day = Case(discharge_time=AT, admission_time=AT, total_cost=Decimal(5))
    found = truth_of(running.database, None, same_day, None, terms)
    assert found is not None
    assert found.values == {"cost": Decimal(5), "los": Decimal(1)}


def came(day: int | None, score: dict[str, Any]) -> Came:
    return Came(date(2026, 3, 4), day, "m1", "forecast", score)


def test_the_table_has_each_band_of_days() -> None:
    right = score_of(row(), replace(TRUTH, groups={"group": "I21.9", "adrg": "I21", "mdc": "I"}))
    wrong = score_of(row(), TRUTH)
    third = score_of(row(), replace(TRUTH, values={}, groups=dict.fromkeys(TRUTH.groups, "?x")))
    found = summary(
        [
            came(1, right),
            came(5, wrong),
            came(6, third),
            came(99, wrong),
            came(5, {"late": True}),
            came(5, {"refused": "X"}),
            came(None, {"refused": "X"}),
        ]
    )
    assert (found["models"], found["first"], found["last"]) == (["m1"], "2026-03-04", "2026-03-04")
    whole = found["all"]
    assert (whole["forecasts"], whole["refused"], whole["late"]) == (4, 2, 1)
    assert [band["days"] for band in found["by_day"]] == ["1", "5–6", "31+"]
    band = found["by_day"][1]
    assert (band["forecasts"], band["refused"], band["late"], band["level"]) == (2, 1, 1, 0.9)
    cost = band["measures"]["cost"]
    assert (cost["scored"], cost["mae"], cost["bias"], cost["covered"]) == (1, 200.0, -200.0, 1.0)
    assert cost["medape"] == pytest.approx(200 / 2200)
    assert band["measures"]["fund"]["mae"] is None
    assert band["groups"] == {
        "scored": 2,
        "top1": 0.0,
        "topn": 0.5,
        "bare": 0.0,
        "adrg": 0.0,
        "mdc": 0.0,
    }
    assert whole["groups"]["top1"] == 0.25
    assert whole["measures"]["amount"]["covered"] == 0.0
    assert set(band["measures"]) == set(MEASURES)


def test_an_error_is_a_share_of_what_came_where_that_means_something() -> None:
    said = {"true": "100.00", "error": "-50.00", "inside": False}
    nought = {**said, "true": "0.00"}
    found = summary([came(1, {"level": 0.9, "surplus": said, "cost": said, "fund": nought})])[
        "all"
    ]["measures"]
    assert (found["cost"]["medape"], found["surplus"]["medape"]) == (0.5, None)
    assert (found["fund"]["medape"], found["fund"]["mae"]) == (None, 50.0)


def test_without_scores_there_is_an_empty_table() -> None:
    found = summary([])
    assert (found["first"], found["by_day"], found["all"]["groups"]) == (None, [], {"scored": 0})


@given(st.lists(st.integers(0, 400), max_size=20))
def test_every_forecast_stands_in_one_band(days: list[int]) -> None:
    found = summary([came(day, {"level": None}) for day in days])
    assert sum(band["forecasts"] for band in found["by_day"]) == len(days)
    assert found["all"]["forecasts"] == len(days)


def test_the_command_scores_and_tells(
    running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_REGION", "demo")
    monkeypatch.setattr(logs, "configure", lambda _: None)
    app = typer.Typer()
    app.command()(score_command)
    run = CliRunner()
    assert "还没有" in run.invoke(app, []).output
    foretold(running)
    stay(running, **END)
    told = run.invoke(app, ["--lang", "en"]).output
    assert "3 forecasts newly scored" in told
    assert "Payment (yuan)" in told
    assert "2026-03-02 to 2026-03-04" in told
    found = json.loads(run.invoke(app, ["--format", "json", "--since", "2026-03-03"]).output)
    assert (found["first"], found["all"]["forecasts"]) == ("2026-03-03", 2)
    assert found["all"]["measures"]["cost"]["mae"] == 200.0
    other = json.loads(run.invoke(app, ["--format", "json", "--id", "m2"]).output)
    assert other["all"]["forecasts"] == 0
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'empty' / 'g.sqlite'}")
    old = run.invoke(app, [])
    assert isinstance(old.exception, GrouperError)
    assert old.exception.code == "STORE_OLD"


def test_how_forecasts_are_told_of_is_read_strictly(tmp_path: Path) -> None:
    assert telling().day_bands[:3] == (0, 1, 2)
    path = tmp_path / "telling.toml"
    for words, name in (
        ("= 1", ""),
        ("top = 3\ncard_days = 2", "day_bands"),
        ("day_bands = [0]\ntop = 3\ncard_days = 2\nmore = 1", "more"),
        ("day_bands = [0]\ntop = 0\ncard_days = 2", "top"),
        ('day_bands = [0]\ntop = 3\ncard_days = "2"', "card_days"),
        *(
            (f"day_bands = {bands}\ntop = 3\ncard_days = 2", "day_bands")
            for bands in ("3", "[]", "[1]", "[0, 0]", "[0, 2, 1]", '[0, "1"]')
        ),
    ):
        path.write_text(words, "utf-8")
        with pytest.raises(CodebookError) as caught:
            read_telling(path)
        assert (caught.value.code, caught.value.params["name"]) == ("FORECAST_TELLING", name)


def test_documents_have_the_columns_of_the_schema() -> None:
    assert row().document.keys() == set(FORECAST_SCHEMA.names)

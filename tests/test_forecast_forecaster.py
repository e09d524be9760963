"""Forecasts of running cases by a small model: what may change them, its files, its training."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from forecast_forecaster_support import DAY, rows_of
from forecast_support import (
    AT,
    LINES,
    TERMS,
    archive,
    forecaster,
    history,
    one,
    ordered,
    plain,
    quick,
    running,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouper.case.dates import LOCAL
from grouper.case.record import Case
from grouper.forecast import boost
from grouper.forecast.course import NO_DAY
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.history import History
from grouper.forecast.forecaster import Forecaster, Setup
from grouper.forecast.frame import frame_of
from grouper.forecast.result import AMOUNTS, MEASURES, ForecastReason
from grouper.forecast.snapshot import snapshots_of
from grouper.forecast.tables import toml
from grouper.forecast.training import Learner, history_of, learn, split

# What is known, and when.


def test_a_record_of_now_is_answered_as_the_stay_replayed() -> None:
    """Nothing that came later, nor anything told at discharge only, has entered."""
    told = {row["case_id"]: row for row in rows_of(forecaster().forecast(running(), AT))}
    ended = archive()
    whole = rows_of(forecaster().of_courses(ended.courses(), AT))
    replayed = {row["case_id"]: row for row in whole if row["case_id"] in told}
    assert {row["reason"] for row in whole if row["case_id"] not in told} == {
        ForecastReason.ENDED,
        ForecastReason.NOT_STARTED,
    }
    today = {case.case_id for case in running() if entered_today(case)}
    # Of a stay that has ended nobody knows when an undated diagnosis was made.
    undated = {row["case_id"] for row in replayed.values() if "UNDATED" in (row["warnings"] or "")}
    alike = told.keys() - today - undated
    assert len(alike) > 30
    for name in alike:
        assert told[name] == replayed[name]
    # What was entered today counts, whatever was written at admission.
    case = next(case for case in running() if case.case_id in today)
    other = replace(case, dx=("K80.200", *case.dx[1:]))
    (row,) = rows_of(forecaster().forecast([other], AT))
    assert row["bare_group"] != replayed[case.case_id]["bare_group"]


def entered_today(case: Case) -> bool:
    """Whether a diagnosis or procedure was entered on the day of the moment."""
    return any(
        day == AT.date()
        for day in [
            *(time.date() for time in case.dx_time if time),
            *(d for d in case.px_date if d),
        ]
    )


def test_what_is_told_at_discharge_changes_nothing() -> None:
    case = plain()
    stated = replace(
        case,
        department="01.99",
        discharge_way="5",
        los=99,
        total_cost=Decimal("99999.00"),
        icu_hours=99.0,
    )
    assert one(stated) == one(case)


def test_charges_of_today_are_not_counted_but_its_diagnoses_are() -> None:
    case = plain()
    size = len(case.line_amount)
    dearer = {name: (*getattr(case, name), getattr(case, name)[-1]) for name in LINES}
    dearer["line_amount"] = (*case.line_amount, Decimal("88888.00"))
    dearer["line_time"] = (*case.line_time, AT - timedelta(hours=1))
    assert len(dearer["line_amount"]) == size + 1
    assert one(replace(case, **dearer)) == one(case)
    moved = replace(case, dx=("K80.101",), dx_poa=(), dx_time=(AT - timedelta(hours=1),))
    assert one(moved)["bare_group"] != one(case)["bare_group"]
    later = replace(moved, dx_time=(AT + DAY,))
    assert "K80" not in one(later)["bare_group"]


def test_order_and_company_change_nothing() -> None:
    cases = [*running(), Case(case_id="nobody"), replace(plain(), case_id="old", kind="outpatient")]
    together = rows_of(forecaster().forecast(cases, AT, drivers=True))
    assert [row["case_id"] for row in together] == [case.case_id for case in cases]
    turned = rows_of(forecaster().forecast(cases[::-1], AT, drivers=True))[::-1]
    assert together == turned
    for place in (0, 7, len(cases) - 1):
        assert one(cases[place], drivers=True) == together[place]


def test_every_row_is_whole() -> None:
    rows = rows_of(forecaster().forecast(running(), AT, drivers=True))
    assert {row["status"] for row in rows} == {"forecast"}
    for measure in MEASURES:
        assert ordered(rows, measure)
    for row in rows:
        assert row["cost_low"] >= row["cost_to_date"]
        assert row["los_low"] >= row["day"]
        assert row["as_of"] == AT
        assert row["model"] == "m1"
        assert row["scheme"] == "dip-pingdingshan-2025"
        chances = [likely["probability"] for likely in row["groups"]]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) + row["other_probability"] <= 1 + 1e-9
        assert isinstance(row["cost_middle"], Decimal)
        assert all(isinstance(row[f"{name}_mean"], Decimal | None) for name in AMOUNTS)
        assert 1 <= len(row["drivers"]) <= toml("training.toml")["drivers"]
        assert all(
            driver["value"] is None or driver["value"] == driver["value"]
            for driver in row["drivers"]
        )


def test_nobody_asks_nothing() -> None:
    assert rows_of(forecaster().forecast([], AT)) == []
    frame = history().frame
    assert rows_of(forecaster().of_frame(frame.take(np.zeros(0, np.int64)), TERMS)) == []


def test_a_snapshot_without_a_moment_is_asked_at_the_midnight_after_it() -> None:
    frame = history().frame
    rows = rows_of(forecaster().of_frame(frame.take(np.arange(40)), TERMS))
    start = frame.snapshots.courses.start
    for row, stay, day in zip(rows, frame.stay, frame.day, strict=False):
        moment = datetime(1970, 1, 1, tzinfo=LOCAL) + int(start[stay] + day) * DAY
        assert row["as_of"] == moment
        assert row["drivers"] is None


# Files.


def test_a_model_read_back_answers_alike() -> None:
    made = forecaster()
    files = made.files()
    read = Forecaster.read(files, "m1")
    assert read.files() == files
    assert read.setup == made.setup
    cases = [*running(), Case()]
    assert read.forecast(cases, AT, drivers=True).equals(made.forecast(cases, AT, drivers=True))
    assert json.loads(files["forecaster.json"])["region"] == "demo"


def names_of_files() -> list[str]:
    return [
        "forecaster.json",
        *("groups.model.json", "groups.transitions.arrow", "groups.profiles.arrow"),
        *("groups.ranker.ubj", "amounts.model.json", "amounts.cards.arrow"),
        *("amounts.history.arrow", "amounts.cost.ubj", "amounts.stay.ubj"),
    ]


def test_these_are_the_files() -> None:
    assert sorted(forecaster().files()) == sorted(names_of_files())


@pytest.mark.parametrize("name", names_of_files())
@pytest.mark.parametrize("raw", [None, b"", b"{}", b"[1]", b"\xff\xfe", b"null"])
def test_a_damaged_file_is_a_declared_error(name: str, raw: bytes | None) -> None:
    files = forecaster().files()
    if raw is None and name == "groups.ranker.ubj":
        # Where there was nothing to learn from there is no such file.
        raw = b"x"
    files = {key: one for key, one in files.items() if key != name}
    if raw is not None:
        files[name] = raw
    with pytest.raises(ForecastError) as caught:
        Forecaster.read(files)
    assert caught.value.code == "FORECAST_MODEL_UNREADABLE"


@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([name for name in names_of_files() if not name.endswith(".ubj")]),
    st.integers(0, 1 << 20),
    st.integers(0, 255),
)
def test_a_changed_byte_is_read_or_declared(name: str, place: int, value: int) -> None:
    files = forecaster().files()
    raw = bytearray(files[name])
    raw[place % len(raw)] = value
    with suppress(ForecastError):
        Forecaster.read({**files, name: bytes(raw)})


@pytest.mark.parametrize(
    "setup",
    [
        *({"vocabulary": []}, {"vocabulary": {"department": 3}}, {"vocabulary": {}}),
        *({"vocabulary": {"department": [1]}}, {"region": None}, {"scheme": 3}),
        *({"titles": {"I21": 1}}, {"titles": []}, {"lacking": {"age": "all"}}, {"about": []}),
        {"about": {"schemes": 3}},
    ],
)
def test_a_setup_of_another_form_is_refused(setup: dict[str, Any]) -> None:
    files = forecaster().files()
    card = json.loads(files["forecaster.json"]) | setup
    with pytest.raises(ForecastError) as caught:
        Forecaster.read({**files, "forecaster.json": json.dumps(card).encode()})
    assert caught.value.code == "FORECAST_MODEL_UNREADABLE"


# Training.


def test_too_little_history_is_refused() -> None:
    whole = history()
    few = np.zeros(len(whole), bool)
    few[: toml("training.toml")["least_stays"] - 1] = True
    with pytest.raises(ForecastError) as caught:
        learn(whole.only(few))
    assert caught.value.code == "FORECAST_TOO_LITTLE"
    assert caught.value.params["least"] == toml("training.toml")["least_stays"]


def test_training_again_gives_the_same_model() -> None:
    with quick():
        again = learn(history())
    assert again.files() == replace(forecaster(), id="").files()


def test_training_tells_its_steps_and_what_it_learnt_from() -> None:
    steps: list[str] = []
    small = few(archive_share=0.8)
    with quick(2):
        answer = Learner(steps.append).train(small)
    assert steps == ["groups", "amounts", "calibration"]
    frame = small.frame.take(np.arange(5))
    assert rows_of(answer(frame))[0]["model"] == ""
    about = forecaster().setup.about
    assert about["stays"] + about["invalid"] == len(history())
    assert about["schemes"] == ["dip-pingdingshan-2025"]
    assert about["first_discharge"] == "2026-01-01"
    assert about["last_discharge"] == "2026-08-31"
    assert about["first_discharge"] < about["learnt_until"] < about["last_discharge"]
    assert Learner().name == "grouper"
    assert len(Learner().version) == 64


def few(archive_share: float) -> History:
    whole = history()
    return whole.only(np.arange(len(whole)) < len(whole) * archive_share)


def test_the_last_stays_calibrate_and_whole_days_fall_on_one_side() -> None:
    ends = np.array([5, 1, 2, 3, 4, 5, 5, 5, NO_DAY, 5])
    earlier, later = split(ends)
    assert ends[earlier].tolist() == [1, 2, 3, 4]
    assert ends[later].tolist() == [5] * 5
    none, nobody = split(np.array([NO_DAY]))
    assert not none.any()
    assert not nobody.any()


def test_the_history_passes_over_running_stays_and_knows_only_the_days_asked_for() -> None:
    source = archive()
    cut = replace(source, cases=source.cases.slice(0, 60))
    ends = cut.cases["discharge_time"].to_pylist()
    column = cut.cases.column_names.index("discharge_time")
    field = cut.cases.schema.field(column)
    open_ = pa.array([None, *ends[1:]], field.type)
    told: list[str] = []
    made = history_of(
        replace(cut, cases=cut.cases.set_column(column, field, open_)),
        TERMS,
        scheme="dip-pingdingshan-2025",
        days=(0, 2),
        progress=told.append,
    )
    assert len(made) == 59
    assert set(made.frame.day) == {0, 2}
    assert told == ["courses", "snapshots", "truth"]
    assert made.scheme == "dip-pingdingshan-2025"
    assert np.isnan(made.truth.money["amount"]).all()


def test_without_xgboost_training_and_reading_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    files = forecaster().files()
    monkeypatch.setitem(__import__("sys").modules, "xgboost", None)
    with pytest.raises(ForecastError) as caught:
        boost.Booster.read(files["amounts.cost.ubj"], ("a",))
    assert caught.value.code == "FORECAST_NOT_INSTALLED"
    with pytest.raises(ForecastError) as caught:
        Forecaster.read(files)
    assert caught.value.code == "FORECAST_NOT_INSTALLED"
    with pytest.raises(ForecastError) as caught:
        learn(history())
    assert caught.value.code == "FORECAST_NOT_INSTALLED"


def test_a_frame_is_made_for_the_region_of_the_model() -> None:
    source = archive()
    courses = replace(source, cases=source.cases.slice(0, 30)).courses()
    snapshots = snapshots_of(courses, (0, 1))
    frame = forecaster().frame(snapshots)
    assert frame.vocabulary == forecaster().vocabulary
    same = frame_of(snapshots, "demo", forecaster().vocabulary)
    np.testing.assert_array_equal(frame.features, same.features)


def test_a_setup_has_no_defaults_but_for_what_may_be_absent() -> None:
    assert Setup(region="demo") == Setup(
        region="demo", scheme=None, titles={}, about={}, lacking={}
    )

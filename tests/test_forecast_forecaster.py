"""Forecasts of running cases by a small model: what may change them, what is refused, what is unsure."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from examples import examples
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
    width,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouper.case.dates import LOCAL
from grouper.case.record import Case
from grouper.forecast import boost
from grouper.forecast.course import NO_DAY, courses_of_cases
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.history import History
from grouper.forecast.forecaster import Forecaster, Setup
from grouper.forecast.frame import frame_of
from grouper.forecast.result import AMOUNTS, FORECAST_SCHEMA, MEASURES, ForecastReason
from grouper.forecast.snapshot import snapshots_at, snapshots_of
from grouper.forecast.tables import toml
from grouper.forecast.training import Learner, history_of, learn, split

DAY = timedelta(days=1)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    assert table.schema.equals(FORECAST_SCHEMA)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def lines(case: Case, **columns: Any) -> Case:
    """A case with some columns of lines, and none of those that do not fit them any more."""
    count = max(len(value) for value in columns.values())
    kept = {name: () for name in LINES if len(getattr(case, name)) != count}
    return replace(case, **kept | columns)


def twice(case: Case, share: str) -> Case:
    """A case of which a share of all charges was taken back."""
    back = tuple(
        -(amount * Decimal(share)).quantize(Decimal("0.01")) for amount in case.line_amount
    )
    columns = {name: getattr(case, name) * 2 for name in LINES if name != "line_amount"}
    return replace(case, **columns, line_amount=case.line_amount + back)


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


# Bad input: a wider interval or a stated refusal, never a confident number.

REFUSED: dict[str, tuple[Callable[[Case], Case], ForecastReason]] = {
    "no admission": (lambda c: replace(c, admission_time=None), ForecastReason.NO_ADMISSION),
    "admitted tomorrow": (
        lambda c: replace(c, admission_time=AT + DAY),
        ForecastReason.NOT_STARTED,
    ),
    "admitted tonight": (
        lambda c: replace(c, admission_time=AT + timedelta(hours=3)),
        ForecastReason.NOT_STARTED,
    ),
    "ended": (lambda c: replace(c, discharge_time=AT), ForecastReason.ENDED),
    "outpatient": (lambda c: replace(c, kind="outpatient"), ForecastReason.KIND),
    "no scheme": (lambda c: replace(c, region="nowhere"), ForecastReason.SCHEME),
    "another scheme": (lambda c: replace(c, region="beijing"), ForecastReason.OTHER_SCHEME),
    "a year": (lambda c: replace(c, admission_time=AT - 365 * DAY), ForecastReason.TOO_LONG),
    "many years": (lambda c: replace(c, admission_time=AT - 9999 * DAY), ForecastReason.TOO_LONG),
    "no lines": (lambda c: replace(c, **dict.fromkeys(LINES, ())), ForecastReason.NO_LINES),
    "lines of nothing": (
        lambda c: replace(c, **dict.fromkeys(LINES, (None, None))),
        ForecastReason.NO_LINES,
    ),
    "lines without amounts": (
        lambda c: lines(c, line_amount=(None,) * len(c.line_amount)),
        ForecastReason.NO_LINES,
    ),
    "all taken back": (lambda c: twice(c, "1"), ForecastReason.REVERSED),
    "most taken back": (lambda c: twice(c, "0.6"), ForecastReason.REVERSED),
    "only refunds": (
        lambda c: lines(c, line_amount=tuple(-amount for amount in c.line_amount)),
        ForecastReason.REVERSED,
    ),
    "an amount beyond all": (
        lambda c: lines(c, line_amount=(Decimal("1E13"),) * len(c.line_amount)),
        ForecastReason.VALUES,
    ),
    "a number as a text": (lambda c: replace(c, age="40 years"), ForecastReason.VALUES),  # type: ignore[arg-type]  # what nobody checked
    "nothing at all": (lambda c: Case(case_id=c.case_id), ForecastReason.NO_ADMISSION),
}


def test_an_id_that_has_no_spelling_is_refused_alone() -> None:
    rows = forecaster().forecast([plain(), replace(plain(), case_id="\ud800")], AT).to_pylist()
    assert [row["status"] for row in rows] == ["forecast", "refused"]
    assert (rows[1]["case_id"], rows[1]["reason"]) == (None, ForecastReason.VALUES)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_foretold_is_refused_with_its_reason(name: str) -> None:
    change, reason = REFUSED[name]
    row = one(change(plain()))
    assert (row["status"], row["reason"]) == ("refused", reason)
    assert row["case_id"] == plain().case_id
    numbers = [
        f"{measure}_{end}" for measure in MEASURES for end in ("low", "middle", "high", "mean")
    ]
    assert all(row[number] is None for number in numbers)
    assert row["groups"] is None


def test_the_refused_do_not_touch_the_others() -> None:
    cases = [plain(), *(change(plain()) for change, _ in REFUSED.values()), plain()]
    rows = rows_of(forecaster().forecast(cases, AT))
    assert rows[0] == rows[-1] == one(plain())
    assert [row["reason"] for row in rows[1:-1]] == [reason for _, reason in REFUSED.values()]


WIDER: dict[str, tuple[Callable[[Case], Case], ForecastReason]] = {
    "unseen code": (
        lambda c: replace(c, dx=("U07.100", *c.dx[1:])),
        ForecastReason.NEW_CODE,
    ),
    "no code": (lambda c: replace(c, dx=("Ω!!", *c.dx[1:])), ForecastReason.NEW_CODE),
    "no diagnosis": (
        lambda c: replace(c, dx=(), dx_poa=(), dx_time=(), admission_dx=None),
        ForecastReason.NOT_STATED,
    ),
    "unseen department": (
        lambda c: lines(
            replace(c, admission_department="99.99"),
            line_department=("99.99",) * len(c.line_amount),
        ),
        ForecastReason.NEW_DEPARTMENT,
    ),
    "some taken back": (lambda c: twice(c, "0.35"), ForecastReason.REVERSED),
    "longer than most": (
        lambda c: replace(c, admission_time=AT - 40 * DAY),
        ForecastReason.TOO_LONG,
    ),
    "no sex": (lambda c: replace(c, sex=None), ForecastReason.NOT_STATED),
    "no age": (
        lambda c: replace(c, age=None, age_days=None, birth_date=None),
        ForecastReason.NOT_STATED,
    ),
    "lines without a time": (lambda c: replace(c, line_time=()), ForecastReason.UNDATED),
    "one amount missing": (
        lambda c: lines(c, line_amount=(None, *c.line_amount[1:])),
        ForecastReason.UNDATED,
    ),
}


@pytest.mark.parametrize("name", WIDER)
def test_what_is_unsure_is_told_and_has_a_wider_interval(name: str) -> None:
    change, reason = WIDER[name]
    row, usual = one(change(plain())), one(plain())
    assert row["status"] == "forecast"
    assert reason in (row["warnings"] or "").split(";")
    assert width(row) > width(usual)
    assert row["los_high"] - row["los_low"] > usual["los_high"] - usual["los_low"]


def test_a_diagnosis_without_a_time_counts_as_known_in_a_running_stay_and_is_told() -> None:
    row = one(replace(plain(), dx_time=()))
    assert row["warnings"] == ForecastReason.UNDATED
    usual = one(plain())
    assert {**row, "warnings": None} == usual


def test_without_the_insurance_there_is_a_cost_but_no_payment() -> None:
    row = one(replace(plain(), insurance_type=None, person_type=None))
    assert row["cost_middle"] is not None
    assert row["amount_middle"] is None
    assert row["pay_reason"] == "POLICY_VALUE_MISSING"


def test_a_stay_that_ends_under_another_scheme_is_told() -> None:
    admitted = datetime(2026, 12, 31, 8, tzinfo=LOCAL)
    row = one(replace(plain(), admission_time=admitted), admitted + timedelta(hours=4))
    assert row["day"] == 0
    assert ForecastReason.NEW_SCHEME in row["warnings"].split(";")
    usual = one(replace(plain(), admission_time=AT), AT + timedelta(hours=4))
    assert ForecastReason.NEW_SCHEME not in (usual["warnings"] or "").split(";")
    # A model of one scheme for all cases asks what holds on no day.
    made = replace(forecaster(), setup=replace(forecaster().setup, scheme="dip-pingdingshan-2025"))
    told = made.forecast([replace(plain(), admission_time=admitted)], admitted + DAY / 4)
    assert ForecastReason.NEW_SCHEME not in (told["warnings"][0].as_py() or "").split(";")


def test_a_case_without_a_region_is_of_the_model_s() -> None:
    assert one(replace(plain(), region=None)) == one(plain())


def test_of_a_day_without_any_scheme_nothing_is_said() -> None:
    """A back-test asks about snapshots as they are; what binds nowhere is no other scheme."""
    courses = courses_of_cases([replace(plain(), region="nowhere")])
    frame = forecaster().frame(snapshots_at(courses, np.array([3])))
    (row,) = rows_of(forecaster().of_frame(frame, TERMS))
    assert row["scheme"] is None
    assert ForecastReason.NEW_SCHEME not in (row["warnings"] or "").split(";")


def test_what_training_lacked_itself_is_no_doubt() -> None:
    """A hospital that sends no lines and no ages is foretold as it taught."""
    bare = dict.fromkeys(("lines", "age", "sex", "dx"), 1.0)
    made = replace(forecaster(), setup=replace(forecaster().setup, lacking=bare))
    change, _ = REFUSED["no lines"]
    row = made.forecast([change(plain())], AT).to_pylist()[0]
    assert row["status"] == "forecast"
    assert row["warnings"] == ForecastReason.NO_LINES
    unsaid = made.forecast([replace(plain(), sex=None)], AT).to_pylist()[0]
    assert unsaid["warnings"] is None
    least = toml("training.toml")["least_lacking"]
    assert forecaster().setup.lacking.keys() == bare.keys()
    assert all(0 <= share < least for share in forecaster().setup.lacking.values())


# Any record.

TEXTS = st.sampled_from([None, "", "K80.101", "Z99.Z99", "03.03", "demo", "inpatient", "1", "Ω"])
TIMES = st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001 -- made local below
    lambda time: time.replace(tzinfo=LOCAL)
)
NEAR = st.none() | st.integers(-40, 60).map(lambda days: AT - days * DAY)
NUMBERS = st.none() | st.sampled_from([-1, 0, 1, 2, 17, 120])
MONEY = st.none() | st.decimals(Decimal(-9), Decimal(10**11), places=2)


@st.composite
def records(draw: st.DrawFn) -> Case:
    """Any record: of lists as long as they are said to be, or not; with values of all kinds."""
    base = draw(st.sampled_from([Case(), plain()]))
    size = draw(st.integers(0, 3))

    def some(kind: st.SearchStrategy[Any]) -> Any:
        return tuple(draw(st.lists(kind, min_size=size, max_size=size)))

    change: dict[str, st.SearchStrategy[Any]] = {
        "case_id": TEXTS,
        "kind": st.sampled_from(["inpatient", "outpatient", ""]),
        "region": st.sampled_from([None, "demo", "beijing", "nowhere", ""]),
        "admission_time": NEAR | TIMES,
        "discharge_time": NEAR,
        "sex": NUMBERS,
        "age": NUMBERS,
        "admission_dx": TEXTS,
        "department": TEXTS,
        "admission_department": TEXTS,
        "insurance_type": TEXTS,
        "insured_region": TEXTS,
        "visit_type": TEXTS,
    }
    found = {name: draw(kind) for name, kind in change.items() if draw(st.integers(0, 3)) == 0}
    if draw(st.booleans()):
        found |= {"dx": some(TEXTS), "dx_poa": some(TEXTS), "dx_time": some(NEAR | TIMES)}
    if draw(st.booleans()):
        days = (NEAR | TIMES).map(lambda time: time and time.date())
        found |= {"px": some(TEXTS), "px_date": some(days), "px_level": some(TEXTS)}
    if draw(st.booleans()):
        found |= dict.fromkeys(LINES, ())
        found |= {"line_amount": some(MONEY), "line_time": some(NEAR | TIMES)}
        found |= {"line_class": some(TEXTS), "line_scope": some(st.sampled_from([None, *"ABC?"]))}
        found |= {
            "line_quantity": some(MONEY.map(lambda m: m and m / 100)),
            "line_limit": some(MONEY),
        }
    return replace(base, **found)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(records(), min_size=1, max_size=4))
def test_any_record_is_a_row(cases: list[Case]) -> None:
    rows = rows_of(forecaster().forecast(cases, AT, drivers=True))
    assert [row["case_id"] for row in rows] == [case.case_id for case in cases]
    for row in rows:
        if row["status"] == "refused":
            assert row["reason"] in set(ForecastReason)
            assert row["cost_middle"] is None
            continue
        assert row["reason"] is None
        assert row["cost_low"] <= row["cost_middle"] <= row["cost_high"]
        assert row["los_low"] <= row["los_middle"] <= row["los_high"]


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

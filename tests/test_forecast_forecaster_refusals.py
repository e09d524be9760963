"""Forecasts of bad input: what is refused, what is unsure, and any record at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from examples import examples
from forecast_forecaster_support import DAY, rows_of
from forecast_support import AT, LINES, TERMS, forecaster, one, plain, width
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouper.case.dates import LOCAL
from grouper.case.record import Case
from grouper.forecast.course import courses_of_cases
from grouper.forecast.result import MEASURES, ForecastReason
from grouper.forecast.snapshot import snapshots_at
from grouper.forecast.tables import toml


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

"""What a snapshot shows is what was known on its day: the future is hidden, and both must agree."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import forecast_plain as plain
import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from forecast_snapshots_support import LISTS, WARDS, WORDS, charged, listed, made, read, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouper.case.fields import CASE_SCHEMA, members
from grouper.case.record import Case
from grouper.forecast.course import courses_of, courses_of_cases
from grouper.forecast.features import Vocabulary, feature_matrix, names
from grouper.forecast.snapshot import known_cases, snapshots_at, snapshots_of
from grouper.forecast.tables import rows

COUNTED = (
    *("discharge_time", "department", "los", "icu_hours", "ventilator_hours", "total_cost"),
    *("scope_cost", "own_cost", "over_limit_cost", "first_share_cost"),
    *("dx", "dx_poa", "dx_time", "px", "px_date", "px_level"),
)
often = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


# ── the future hidden ─────────────────────────────────────────────────────────────────────────────


@often
@given(plain.stays())
def test_a_finished_stay_shows_what_the_running_record_held(case: Case) -> None:
    """The record cut off at each day, as if the stay still ran, gives the same case and features."""
    whole = courses_of_cases([case])
    for day in range(plain.days_of(case) + 1):
        cut = courses_of_cases([plain.running(case, day)])
        assert cut.running.all()
        same(read(whole, (day,)), read(cut, day))


@often
@given(plain.stays())
def test_a_snapshot_is_what_a_plain_reading_says(case: Case) -> None:
    days = plain.days_of(case)
    cases, matrix = read(courses_of_cases([case]))
    assert cases.num_rows == len(matrix) == days + 1
    for day in range(days + 1):
        wanted = plain.known(case, day)
        row = cases.slice(day, 1).to_pylist()[0]
        for name, value in wanted.items():
            told = () if row[name] is None and name in LISTS else row[name]
            assert listed(told) == listed(value), name
        asked = plain.features(case, day, WARDS)
        told = dict(zip(names(), matrix[day].tolist(), strict=True))
        assert set(told) == set(asked)
        assert told == {n: pytest.approx(v, rel=1e-6, nan_ok=True) for n, v in asked.items()}


@often
@given(plain.stays(), plain.stays(), st.integers(0, 9))
def test_what_comes_later_changes_nothing(case: Case, other: Case, day: int) -> None:
    """The discharge and every entry after the day are those of another stay."""
    day = min(day, plain.days_of(case))
    later = [line for line in plain.lines(other) if not plain.told(case, line["line_time"], day)]
    kept = [line for line in plain.lines(case) if plain.told(case, line["line_time"], day)]
    changed: dict[str, Any] = {name: getattr(other, name) for name in plain.AT_THE_END}
    for name, when in (("dx", "dx_time"), ("px", "px_date")):
        mine = zip(getattr(case, name), getattr(case, when) or (), strict=False)
        # Codes that are not yet known turn into others; their places stay.
        codes = [code if plain.told(case, time, day) else code and "Z51.100" for code, time in mine]
        changed[name] = (*codes, *getattr(case, name)[len(codes) :])
    end = case.admission_time + timedelta(days=day + 1) if case.admission_time else None
    ends = end.replace(hour=1) if end else None
    altered = replace(
        case, **changed, discharge_time=ends, department="09.09", los=77, total_cost=Decimal(1)
    )
    altered = plain.with_lines(altered, [*later, *kept])
    same(
        read(courses_of_cases([case]), (day,)),
        read(courses_of_cases([altered]), (day,)),
    )


def test_every_field_is_known_at_admission_counted_or_hidden() -> None:
    """A field that is new to the case needs a decision: may a forecast see it?"""
    lines = set(members("line_item"))
    told = {*plain.AT_ADMISSION, *plain.AT_THE_END, *COUNTED}
    assert told | lines == set(CASE_SCHEMA.names)
    assert not set(plain.AT_ADMISSION) & {*plain.AT_THE_END, *COUNTED}
    hidden = {row["field"] for row in rows("hidden.csv")}
    assert set(plain.AT_THE_END) <= hidden <= {*plain.AT_THE_END, *COUNTED}


@given(plain.stays())
@settings(max_examples=examples(20), deadline=None)
def test_what_is_stated_at_the_end_is_in_no_snapshot(case: Case) -> None:
    cases, _ = read(courses_of_cases([case]))
    for name in (*plain.AT_THE_END, *members("line_item")):
        assert cases[name].null_count == cases.num_rows
    assert set(cases["department"].to_pylist()) <= {None, *case.line_department} | {
        case.admission_department
    }


# ── together and apart ────────────────────────────────────────────────────────────────────────────


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(plain.stays(), min_size=2, max_size=5), st.randoms())
def test_neither_neighbours_nor_order_matter(cases: list[Case], random: Any) -> None:
    named = [replace(case, case_id=f"A{at}") for at, case in enumerate(cases)]
    mixed = random.sample(named, len(named))
    together, matrix = read(courses_of_cases(mixed))
    ids = together["case_id"].to_pylist()
    for case in named:
        rows = np.flatnonzero(np.array(ids) == case.case_id)
        same((together.take(pa.array(rows)), matrix[rows]), read(courses_of_cases([case])))
        lines = random.sample(plain.lines(case), len(plain.lines(case)))
        same(
            read(courses_of_cases([plain.with_lines(case, lines)])),
            read(courses_of_cases([case])),
        )


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(plain.stays(), min_size=1, max_size=4), st.randoms())
def test_a_table_of_charges_says_the_same_as_lines_in_the_cases(
    cases: list[Case], random: Any
) -> None:
    named = [replace(case, case_id=f"A{at}") for at, case in enumerate(cases)]
    found = [line | {"case_id": case.case_id} for case in named for line in plain.lines(case)]
    stranger = [{"case_id": "B9", "line_amount": Decimal(7), "line_time": plain.ADMITTED}]
    types = {n: CASE_SCHEMA.field(n).type.value_type for n in members("line_item")}
    # As other programs write them: times of another zone in milliseconds, words by number.
    types["line_time"] = pa.timestamp("ms", tz="UTC")
    types |= {n: pa.dictionary(pa.int32(), pa.string()) for n in ("line_name", "line_class")}
    schema = pa.schema({"case_id": pa.dictionary(pa.int32(), pa.string()), **types})
    shuffled = random.sample([*found, *stranger], len(found) + 1)
    table = pa.Table.from_pylist(shuffled, schema)
    bare = [plain.with_lines(case, []) for case in named]
    columns = {f.name: pa.array([getattr(c, f.name) for c in bare], f.type) for f in CASE_SCHEMA}
    same(
        read(courses_of(pa.table(columns), table)),
        read(courses_of_cases(named)),
    )


def test_a_table_of_charges_may_lack_columns() -> None:
    whole = charged(made(), (0.5, "80", "09"))
    bare = plain.with_lines(whole, [])
    columns = {f.name: pa.array([getattr(bare, f.name)], f.type) for f in CASE_SCHEMA}
    table = pa.table(
        {"case_id": ["A1"], "line_amount": [Decimal(80)], "line_time": list(whole.line_time)},
        pa.schema(
            {
                "case_id": pa.string(),
                "line_amount": pa.decimal128(14, 2),
                "line_time": pa.timestamp("s", "Asia/Shanghai"),
            }
        ),
    )
    cases, matrix = read(courses_of(pa.table(columns), table), (1,))
    assert cases["total_cost"].to_pylist() == [Decimal("80.00")]
    # Nothing says what of it is covered: the parts stay open.
    assert cases["scope_cost"].to_pylist() == [None]
    assert matrix[0, names().index("other_classes")] == pytest.approx(math.log1p(80))


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(plain.stays(), min_size=2, max_size=4), st.data())
def test_the_entries_of_today_stay_with_their_case(cases: list[Case], data: st.DataObject) -> None:
    """Of running stays what is written today counts; on the day of admission too."""
    named = [replace(c, case_id=f"A{at}", discharge_time=None) for at, c in enumerate(cases)]
    days = [data.draw(st.integers(0, 5)) for _ in named]

    def now(stays: list[Case], day: list[int]) -> tuple[pa.RecordBatch, Any]:
        whole = np.array(day)
        snapshots = snapshots_at(courses_of_cases(stays).known_now(whole), whole)
        known = known_cases(snapshots)
        return known, feature_matrix(snapshots, known, WORDS)

    together, matrix = now(named, days)
    for at, (case, day) in enumerate(zip(named, days, strict=True)):
        same((together.slice(at, 1), matrix[at : at + 1]), now([case], [day]))
        shown = together["dx"][at].as_py()
        times = case.dx_time or (None,) * len(case.dx)
        wanted = [
            code
            for code, time in zip(case.dx, times, strict=True)
            if code and (time is None or (plain.day_of(case, time) or 0) <= day + 1)
        ]
        assert [code for code in shown if code in wanted] or not wanted
        assert set(shown) <= {*wanted, case.admission_dx, None}


def test_of_a_stay_that_ended_the_entries_of_the_day_asked_about_are_not_known() -> None:
    case = made(dx=("I21.900",), dx_time=(plain.ADMITTED + timedelta(days=2, hours=20),))
    day = np.array([2])
    ended, running = (
        courses_of_cases([replace(case, discharge_time=end)]).known_now(day)
        for end in (case.discharge_time, None)
    )
    assert known_cases(snapshots_at(ended, day))["dx"].to_pylist() == [[]]
    assert known_cases(snapshots_at(running, day))["dx"].to_pylist() == [["I21.900"]]


def test_a_principal_diagnosis_of_the_day_of_admission_stands_for_that_of_admission() -> None:
    """As a principal diagnosis it would speak for a stay whose course is known."""
    tonight = plain.ADMITTED + timedelta(hours=2)
    case = made(dx=("I21.900", "E11.900"), dx_time=(tonight, tonight), discharge_time=None)
    case = replace(case, dx_poa=(), admission_dx="R07.400", px=(), px_date=())
    alone = replace(case, dx=("I21.900",), dx_time=(tonight,))
    for one, shown in ((case, ["I21.900", "E11.900"]), (alone, ["I21.900"])):
        courses = courses_of_cases([one])
        now = courses.known_now(np.array([0]))
        snapshots = snapshots_at(now, np.array([0]))
        known = known_cases(snapshots)
        assert known["dx"].to_pylist() == [shown]
        assert known["admission_dx"].to_pylist() == ["I21.900"]
        matrix = feature_matrix(snapshots, known, Vocabulary.of(snapshots))
        assert matrix[0, names().index("principal_known")] == 0
        assert matrix[0, names().index("principal_changed")] == 0
        # Nothing of it before that, and nothing of it later.
        assert courses.cases["admission_dx"].to_pylist() == ["R07.400"]
        later = courses.known_now(np.array([1])).cases
        assert later["admission_dx"].to_pylist() == ["R07.400"]


def test_lists_that_do_not_go_with_the_amounts_say_nothing() -> None:
    case = charged(made(), (0.5, "80", "06"), (0.6, "20", "06"))
    odd = replace(case, line_class=("06",))
    both = read(courses_of_cases([case, replace(odd, case_id="A2")]), (1,))[1]
    surgery, other = (both[:, names().index(name)] for name in ("surgery", "other_classes"))
    assert surgery.tolist() == [pytest.approx(math.log1p(100)), 0]
    assert other.tolist() == [0, pytest.approx(math.log1p(100))]
    unnamed = read(courses_of_cases([replace(case, line_class=())]), (1,))[1]
    assert unnamed[0, names().index("other_classes")] == pytest.approx(math.log1p(100))


def test_a_vocabulary_knows_the_wards_of_its_stays() -> None:
    case = replace(charged(made(), (0.5, "40", "01")), line_department=("04.02",))
    words = Vocabulary.of(snapshots_of(courses_of_cases([case, made(case_id="A2")])))
    assert words.words == {"department": ("03.01", "04.02")}
    found = words.numbers("department", pa.array(["04.02", "09.09", None])).tolist()
    assert found == [
        1.0,
        pytest.approx(math.nan, nan_ok=True),
        pytest.approx(math.nan, nan_ok=True),
    ]

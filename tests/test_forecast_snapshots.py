"""What a snapshot shows is what was known on its day: the future is hidden, and both must agree."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import forecast_plain as plain
import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouper.case.dates import LOCAL
from grouper.case.fields import CASE_SCHEMA, members
from grouper.case.record import Case
from grouper.forecast.course import Courses, courses_of, courses_of_cases
from grouper.forecast.features import Vocabulary, feature_matrix, names
from grouper.forecast.frame import frame_of
from grouper.forecast.grid import most_days
from grouper.forecast.snapshot import (
    known_cases,
    snapshots_at,
    snapshots_of,
    unknown_until_the_end,
)
from grouper.forecast.tables import rows

WARDS = ("03.01", "04.02")
"""The departments that the model knows; 03.05 is new to it."""
WORDS = Vocabulary({"department": WARDS})
COUNTED = (
    *("discharge_time", "department", "los", "icu_hours", "ventilator_hours", "total_cost"),
    *("scope_cost", "own_cost", "over_limit_cost", "first_share_cost"),
    *("dx", "dx_poa", "dx_time", "px", "px_date", "px_level"),
)
LISTS = (*members("dx"), *members("px"))
often = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def read(courses: Courses, days: Any = None) -> tuple[pa.RecordBatch, Any]:
    """The snapshots of some days, or of every stay on one day, with their features."""
    if isinstance(days, int):
        snapshots = snapshots_at(courses, np.full(len(courses), days))
    else:
        snapshots = snapshots_of(courses, days)
    cases = known_cases(snapshots)
    return cases, feature_matrix(snapshots, cases, WORDS)


def listed(value: Any) -> Any:
    """A list as a tuple; one of nothing but empty places says nothing."""
    if not isinstance(value, (list, tuple)):
        return value
    return () if set(value) <= {None} else tuple(value)


def plainly(cases: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows in which a list of nothing but empty places is an empty one."""
    found = cases.to_pylist()
    return [
        {n: listed(() if v is None and n in LISTS else v) for n, v in row.items()} for row in found
    ]


def same(left: tuple[pa.RecordBatch, Any], right: tuple[pa.RecordBatch, Any]) -> None:
    assert plainly(left[0]) == plainly(right[0])
    np.testing.assert_array_equal(left[1], right[1])


def made(**values: Any) -> Case:
    """A plain stay of four days from 2 March, with what a test adds to it."""
    return Case(
        **{
            "case_id": "A1",
            "region": "demo",
            "admission_time": plain.ADMITTED + timedelta(hours=9),
            "discharge_time": plain.ADMITTED + timedelta(days=4, hours=10),
            "admission_department": "03.01",
        }
        | values
    )


def charged(case: Case, *entries: tuple[float | None, str, str]) -> Case:
    """The case with a line for each (day from the admission's midnight, amount, class)."""
    empty = dict.fromkeys(n for n in Case.__dataclass_fields__ if n.startswith("line_"))
    made = [
        empty
        | {
            "line_time": None if day is None else plain.ADMITTED + timedelta(days=day),
            "line_amount": Decimal(amount),
            "line_class": kind,
            "line_scope": "A",
        }
        for day, amount, kind in entries
    ]
    return plain.with_lines(case, made)


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


# ── the table of features ─────────────────────────────────────────────────────────────────────────


def test_the_documented_table_is_the_matrix() -> None:
    documented = rows("features.csv")
    assert [row["feature"] for row in documented] == list(names())
    assert len(set(names())) == len(names())
    assert all(row["note"] and row["part"] for row in documented)
    _, matrix = read(courses_of_cases([made()]))
    assert matrix.shape == (5, len(documented))
    assert matrix.dtype == np.float32


def test_each_feature_can_differ() -> None:
    """None of the table is the same in an empty stay and in one with everything in it."""
    days = [(0.5 + at / 100, "100", f"{kind:02d}") for at, kind in enumerate(range(1, 15))]
    marks = [(1.5, "30", "05") for _ in plain.MARKS]
    full = charged(
        made(
            case_id="A2",
            admission_time=plain.ADMITTED + timedelta(hours=8),
            admission_department="04.02",
            insurance_type="310",
            insured_region="420100",
            person_type="12",
            aid_category="1",
            visit_type="28",
            admission_number=3,
            sex=2,
            age=0,
            age_days=9,
            admission_dx="R07.400",
            dx=("I21.900", "E11.900", "I50.900"),
            dx_poa=("1", "4", "2"),
            dx_time=(plain.ADMITTED + timedelta(days=1),) * 3,
            px=("36.0601",),
            px_date=(date(2026, 3, 3),),
            px_level=("4",),
        ),
        *days,
        *marks,
        (1.6, "-20", "05"),
        (1.7, "50", "09"),
    )
    items = (*("",) * len(days), *(names[0] for names in plain.MARKS.values()), "", "")
    scopes = (*("A",) * (len(full.line_amount) - 1), "C")
    wards = ("03.01", *("",) * (len(items) - 1))
    full = replace(full, line_name=items, line_scope=scopes, line_department=wards)
    least = made(
        insurance_type="390",
        person_type="11",
        visit_type="26",
        admission_number=1,
        sex=1,
        age=40,
        age_days=14_700,
        admission_time=plain.ADMITTED + timedelta(days=-20),
        discharge_time=plain.ADMITTED + timedelta(days=-15),
    )
    _, matrix = read(courses_of_cases([full, least]))
    same_in_all = [n for at, n in enumerate(names()) if len(np.unique(matrix[:, at])) == 1]
    assert same_in_all == []


# ── single rules ──────────────────────────────────────────────────────────────────────────────────


def test_a_stay_runs_until_the_day_of_discharge() -> None:
    snapshots = snapshots_of(courses_of_cases([made()]))
    assert snapshots.day.tolist() == [0, 1, 2, 3, 4]
    day_case = made(discharge_time=plain.ADMITTED + timedelta(hours=18))
    assert snapshots_of(courses_of_cases([day_case])).day.tolist() == [0]
    backwards = made(discharge_time=plain.ADMITTED - timedelta(days=2))
    assert snapshots_of(courses_of_cases([backwards])).day.tolist() == [0]
    assert snapshots_of(courses_of_cases([made()]), (2, 9)).day.tolist() == [2]
    assert snapshots_of(courses_of_cases([made(discharge_time=None)])).day.tolist() == []


def test_at_admission_nothing_is_known_but_the_admission() -> None:
    case = charged(
        made(
            admission_dx="R07.400",
            dx=("I21.900",),
            dx_time=(plain.ADMITTED + timedelta(hours=9),),
            px=("36.0601",),
            px_date=(date(2026, 3, 2),),
        ),
        (0.4, "900", "06"),
    )
    cases, matrix = read(courses_of_cases([case]), (0, 1))
    first, second = cases.to_pylist()
    assert (first["dx"], first["px"], first["total_cost"]) == (["R07.400"], [], Decimal(0))
    assert (second["dx"], second["px"], second["total_cost"]) == (
        ["I21.900"],
        ["36.0601"],
        Decimal(900),
    )
    zeros = dict(zip(names(), matrix[0].tolist(), strict=True))
    assert (zeros["cost"], zeros["lines"], zeros["dx_known"], zeros["operated"]) == (0, 0, 0, 0)
    assert math.isnan(zeros["since_operation"])


def test_a_stay_without_an_admission_has_no_snapshots() -> None:
    courses = courses_of_cases([made(admission_time=None), made(case_id="A2")])
    snapshots = snapshots_of(courses)
    assert set(snapshots.stay.tolist()) == {1}
    assert courses.los.tolist() == [0, 4]
    assert len(snapshots_of(courses_of_cases([made(admission_time=None)]))) == 0
    assert known_cases(snapshots_of(courses_of_cases([]))).num_rows == 0


def test_entries_without_a_time_are_known_at_the_end_or_in_the_running_record() -> None:
    case = charged(made(dx=("I21.900", "I10.x00"), px=("36.0601",)), (None, "50", "09"))
    courses = courses_of_cases([case])
    assert (courses.dx.undated, courses.px.undated, courses.lines.undated) == ([2], [1], [1])
    assert unknown_until_the_end(courses).tolist() == [True]
    cases, _ = read(courses)
    assert cases["dx"].to_pylist() == [[]] * 5
    assert cases["px"].to_pylist() == [[]] * 5
    assert set(cases["total_cost"].to_pylist()) == {Decimal(0)}
    now = courses_of_cases([replace(case, discharge_time=None)])
    assert unknown_until_the_end(now).tolist() == [False]
    shown, _ = read(now, 2)
    assert shown["dx"].to_pylist() == [["I21.900", "I10.x00"]]
    assert shown["total_cost"].to_pylist() == [Decimal(50)]


def test_refunds_are_taken_off_and_never_below_nought() -> None:
    case = charged(made(), (0.5, "100", "09"), (1.5, "-60", "09"), (2.5, "-70", "09"))
    cases, matrix = read(courses_of_cases([case]), (1, 2, 3))
    assert cases["total_cost"].to_pylist() == [Decimal(100), Decimal(40), Decimal(0)]
    cost, refunded = (matrix[:, names().index(name)] for name in ("cost", "refunded"))
    assert cost.tolist() == [pytest.approx(math.log1p(x)) for x in (100, 40, 0)]
    assert refunded.tolist() == [0, pytest.approx(0.6), pytest.approx(1.3)]


def test_a_bed_taken_back_leaves_the_patient_where_he_lies() -> None:
    case = charged(made(), (0.5, "40", "01"), (1.5, "40", "01"), (1.6, "-40", "01"))
    case = replace(case, line_department=("03.01", "04.02", "03.01"))
    assert read(courses_of_cases([case]), (2,))[0]["department"].to_pylist() == ["04.02"]


def test_the_milder_comorbidity_gives_way_from_the_day_of_the_severer() -> None:
    later = plain.ADMITTED + timedelta(days=2)
    times = (plain.ADMITTED, plain.ADMITTED, later)
    case = made(dx=("I21.900", "E11.900", "E11.200"), dx_time=times)
    points = read(courses_of_cases([case]))[1][:, names().index("charlson")]
    assert points.tolist() == [0, 1, 1, 2, 2]


def test_the_ward_is_that_of_the_last_bed_in_whatever_order_the_lines_come() -> None:
    case = charged(made(), (1.8, "40", "01"), (0.5, "40", "01"), (1.2, "40", "01"))
    case = replace(case, line_department=("04.02", "03.01", "03.05"))
    wards = read(courses_of_cases([case]), (0, 1, 2, 3))[0]["department"].to_pylist()
    assert wards == ["03.01", "03.01", "04.02", "04.02"]


@pytest.mark.parametrize("length", [365, 399, 400, 401, 430])
def test_a_stay_of_a_year_hides_its_end_too(length: int) -> None:
    end = plain.ADMITTED + timedelta(days=length, hours=8)
    daily = [(day + 0.5, "10", "07") for day in range(length + 1)]
    courses = courses_of_cases([charged(made(discharge_time=end), *daily)])
    snapshots = snapshots_of(courses)
    assert snapshots.day.tolist() == list(range(min(length, most_days() - 1) + 1))
    np.testing.assert_array_equal(snapshots.cost(), 10.0 * snapshots.day)
    assert np.isfinite(read(courses)[1][:, names().index("cost")]).all()


def test_a_running_stay_longer_than_the_days_kept_knows_all_of_its_charges() -> None:
    """And what is dated in days to come is not yet charged."""
    entries = [(0.5, "10", "07"), (450.5, "20", "07"), (1200.5, "40", "07")]
    courses = courses_of_cases([charged(made(discharge_time=None), *entries)])
    assert snapshots_at(courses, np.array([3])).cost().tolist() == [10.0]
    assert snapshots_at(courses, np.array([1300])).cost().tolist() == [70.0]


def test_times_count_by_the_local_day() -> None:
    """23:30 in China is 15:30 of the same day elsewhere; 00:30 belongs to the next day here."""
    late = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
    after = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    case = replace(charged(made(), (0, "10", "09"), (0, "5", "09")), line_time=(late, after))
    assert read(courses_of_cases([case]), (1, 2))[0]["total_cost"].to_pylist() == [10, 15]
    assert late.astimezone(LOCAL).date() == date(2026, 3, 2)


def test_a_place_far_from_here_is_told_by_the_region_asked_about() -> None:
    cases = [
        made(region=None, insured_region=place, case_id=str(at))
        for at, place in enumerate(("420100", "demo", None))
    ]
    snapshots = snapshots_of(courses_of_cases(cases), (1,))
    known = known_cases(snapshots)
    at = names().index("elsewhere")
    asked = {
        region: feature_matrix(snapshots, known, WORDS, region)[:, at]
        for region in ("demo", "wuhan", None)
    }
    assert {region: found.tolist() for region, found in asked.items()} == {
        "demo": [1, 0, 0],
        "wuhan": [0, 1, 0],
        None: [0, 0, 0],
    }


def test_a_frame_of_many_is_that_of_each() -> None:
    found = [
        charged(
            made(
                case_id=f"A{at}",
                sex=1,
                age=60 + at,
                insurance_type="310",
                admission_dx=code,
                dx=(code,),
                dx_time=(plain.ADMITTED + timedelta(days=1),),
            ),
            (0.5, "100", "09"),
        )
        for at, code in enumerate(("I63.900", "J18.900", "K35.800"))
    ]
    courses = courses_of_cases(found)
    frame = frame_of(snapshots_of(courses), "demo", WORDS)
    assert len(frame) == 15
    assert set(frame.results["status"].to_pylist()) == {"grouped"}
    for at, case in enumerate(found):
        alone = frame_of(snapshots_of(courses_of_cases([case])), "demo", WORDS)
        part = frame.take(frame.stay == at)
        np.testing.assert_array_equal(part.features, alone.features)
        assert part.results.to_pylist() == alone.results.to_pylist()
        assert part.bare.texts("group").tolist() == alone.bare.texts("group").tolist()

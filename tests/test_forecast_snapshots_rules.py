"""The rules of snapshots one by one, and the table of features."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import forecast_plain as plain
import numpy as np
import pytest
from forecast_snapshots_support import WORDS, charged, made, read

from grouper.case.dates import LOCAL
from grouper.forecast.course import courses_of_cases
from grouper.forecast.features import feature_matrix, names
from grouper.forecast.frame import frame_of
from grouper.forecast.grid import most_days
from grouper.forecast.snapshot import known_cases, snapshots_at, snapshots_of, unknown_until_the_end
from grouper.forecast.tables import rows

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

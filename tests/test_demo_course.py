"""The course of the diagnosis in the demonstration hospital: what was thought, and when it was written."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import pytest
from demo_hospital_support import MARCH, SEED, hospital, march

from codebooks.codes import code_set
from grouper.case.crosswalks import WALKS
from grouper.demo.hospital import course, suspicions
from grouper.demo.hospital.course import Courses, _at, _classes
from grouper.demo.hospital.errors import HospitalError
from grouper.demo.hospital.months import Hospital
from grouper.demo.hospital.suspicions import SORTS, Suspicions
from grouper.demo.hospital.tables import rows, toml

OWN = ["admission_dx", "dx_time"]
SMALL = 0.05


@cache
def stays() -> list[dict[str, Any]]:
    return [dict(row) for row in march().inpatient.to_pylist()]


def known() -> list[dict[str, Any]]:
    """The stays without gaps."""
    return [s for s in stays() if s["admission_dx"] and s["dx_time"] and s["dx"][0]]


def day(stay: dict[str, Any], moment: datetime) -> int:
    """The day of the stay on which something was written; the first is 1."""
    return int((moment.date() - stay["admission_time"].date()).days) + 1


def share(values: Any) -> float:
    return float(np.mean([bool(value) for value in values]))


def right(stay: dict[str, Any]) -> bool:
    return bool(stay["admission_dx"] == stay["dx"][0])


def test_every_time_lies_within_the_stay_at_an_hour_of_the_ward() -> None:
    for stay in stays():
        assert len(stay["dx_time"]) in (0, len(stay["dx"]))
        for code, moment in zip(stay["dx"], stay["dx_time"], strict=False):
            assert (code is None) == (moment is None)
            if moment is None:
                continue
            assert stay["admission_time"] < moment < stay["discharge_time"]
            assert moment.second == 0
            # A later day's diagnoses are written in a round, before the day of the discharge.
            if day(stay, moment) > 1:
                assert 8 <= moment.hour < 22
                assert day(stay, moment) <= stay["los"]


def test_what_is_right_at_admission_and_when_the_rest_is_found() -> None:
    found = known()
    assert 0.60 <= share(map(right, found)) <= 0.70
    assert 0.74 <= share(s["admission_dx"][:3] == s["dx"][0][:3] for s in found) <= 0.83
    by_day = [share(right(s) or day(s, s["dx_time"][0]) <= d for s in found) for d in (1, 2, 3, 5)]
    for got, (least, most) in zip(
        by_day, ((0.68, 0.77), (0.82, 0.90), (0.90, 0.96), (0.97, 1.0)), strict=True
    ):
        assert least <= got <= most
    # A tail is found later, so that a long stay is not settled by its third day.
    assert any(not right(s) and day(s, s["dx_time"][0]) >= 6 for s in found)


def test_what_was_thought_says_something_of_what_is_found() -> None:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for stay in known():
        if not right(stay):
            found[stay["admission_dx"]][stay["dx"][0][:1]] += 1
    assert len(found["R42.x00"]) >= 2
    assert set(found["R07.400"]) <= set("IJSR")
    assert found["R50.900"]["J"] > found["R50.900"]["I"] == 0
    # A tumour is thought of where it is treated, an illness of women of none else.
    for stay in known():
        assert not (stay["sex"] == 1 and stay["admission_dx"].startswith("O"))


def test_planned_stays_are_known_from_the_beginning_and_urgent_ones_less() -> None:
    planned = [s for s in known() if s["visit_type"] == "28" or s["dx"][0].startswith("Z51")]
    stroke = [s for s in known() if s["dx"][0].startswith(("I63", "I20", "G45"))]
    assert share(map(right, planned)) > 0.88
    assert share(map(right, stroke)) < 0.66
    night = [s for s in stroke if not 8 <= s["admission_time"].hour < 17]
    assert share(map(right, night)) < share(map(right, stroke))


def test_pathology_comes_after_the_operation() -> None:
    tumours = [
        s for s in known() if s["dx"][0][0] == "C" and s["px"] and not right(s) and s["los"] > 4
    ]
    later = [s["dx_time"][0].date() >= s["px_date"][0] for s in tumours]
    assert len(later) >= 5
    assert all(later)


def test_other_diagnoses_come_when_they_were_there() -> None:
    acquired: list[tuple[int, int]] = []
    present: list[tuple[int, int]] = []
    for stay in stays():
        pairs = zip(stay["dx_time"][1:], stay["dx_poa"][1:], strict=False)
        for moment, poa in pairs:
            (acquired if poa == "4" else present).append((day(stay, moment), stay["los"]))
    assert share(d <= 3 for d, _ in present) > 0.93
    assert all(d >= 2 for d, los in acquired if los > 1)
    assert np.mean([d for d, _ in acquired]) > np.mean([d for d, _ in present]) + 1


def test_gaps_are_as_the_table_says() -> None:
    plan = toml("course.toml")
    for name, gap in (("admission_dx", "no_admission"), ("dx_time", "no_times")):
        assert abs(share(not s[name] for s in stays()) - plan[gap]) < 0.01


def test_nothing_else_of_the_month_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    with_course = Hospital(SEED, SMALL).month(MARCH)
    monkeypatch.setattr(Courses, "add", lambda *_: None)
    without = Hospital(SEED, SMALL).month(MARCH)
    assert without.inpatient["admission_dx"].null_count == len(without.inpatient)
    assert with_course.inpatient.drop_columns(OWN) == without.inpatient.drop_columns(OWN)
    assert with_course.charges == without.charges
    assert with_course.planted == without.planted
    assert with_course.inpatient["admission_dx"].null_count < len(without.inpatient) / 10


def test_the_same_seed_draws_the_same_course_and_another_does_not() -> None:
    first, again = (Hospital(SEED, SMALL).month(MARCH).inpatient.select(OWN) for _ in range(2))
    assert first == again
    assert Hospital(SEED + 1, SMALL).month(MARCH).inpatient.select(OWN) != first


def test_the_course_is_the_wards_where_the_code_is_the_coders() -> None:
    planted = {p.case_id: p.kind for p in march().planted}
    for stay in stays():
        if planted.get(stay["case_id"]) == "missing_principal":
            assert stay["dx"][0] is None
            assert not stay["dx_time"] or stay["dx_time"][0] is None
        if planted.get(stay["case_id"]) == "unknown_diagnosis":
            assert stay["admission_dx"] != stay["dx"][0]


def test_every_code_of_the_tables_and_of_a_month_is_one_of_the_set() -> None:
    assert toml("course.toml")["code_set"] == WALKS["dx"][1]
    codes = frozenset(code_set(toml("course.toml")["code_set"]).codes)
    assert {row["code"] for row in rows("presentations.csv")} <= codes
    assert all(row["why"] for row in rows("presentations.csv"))
    assert {s["admission_dx"] for s in stays() if s["admission_dx"]} <= codes


def test_what_an_illness_is_taken_for() -> None:
    found = Suspicions(hospital().world.groups)
    names: set[str] = set()
    for number, group in enumerate(hospital().world.groups.all[:400]):
        profile = int(hospital().world.groups.profile[number])
        principal = group.recipes[0].dx
        for sort in SORTS:
            choice = found.choice(sort, principal, profile)
            if choice is None:
                continue
            codes, cumulated = choice
            assert principal not in codes
            assert len(codes) == len(cumulated)
            assert (np.diff(cumulated, prepend=0) > 0).all()
            inside = [code[:3] == principal[:3] for code in codes]
            assert all(inside) if sort in SORTS[:2] else not any(inside)
            names |= set(codes)
    assert len(names) > 200
    assert found.choice("symptom", "I21.400", 0) == found.choice("symptom", "I21.400", 0)
    assert found.choice("sibling", "W99.x99", 0) is None
    assert found.choice("unspecific", "---.x99", 0) is None


@pytest.mark.parametrize(
    ("column", "value"),
    [("code", "R99.9Z9"), ("sort", "guess"), ("weight", "0"), ("weight", "x"), ("principal", " ")],
)
def test_presentations_that_cannot_be_are_refused(
    column: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = dict(rows("presentations.csv")[0])
    monkeypatch.setattr(suspicions, "rows", lambda _: (good, good | {column: value}))
    with pytest.raises(HospitalError, match="DEMO_HOSPITAL_TABLE") as caught:
        Suspicions(hospital().world.groups)
    assert (caught.value.where.row, caught.value.where.column) == (3, column)


@pytest.mark.parametrize(
    "fault", [{"wrong": "x"}, {"kinds": ["none"]}, {"days": None}, {"days": []}, {"days": [0.5]}]
)
def test_classes_that_cannot_be_are_refused(
    fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = dict(toml("course.toml")["class"][0])
    monkeypatch.setattr(course, "toml", lambda _: {"class": [good, good | fault]})
    with pytest.raises(HospitalError, match="DEMO_HOSPITAL_TABLE") as caught:
        _classes.__wrapped__()
    assert caught.value.where.row == 2


def test_a_stay_that_no_class_fits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "_classes", lambda: _classes()[:1])
    with pytest.raises(HospitalError, match="DEMO_HOSPITAL_TABLE"):
        Hospital(SEED, SMALL).month(MARCH)


def test_an_illness_that_is_taken_for_nothing_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Suspicions, "choice", lambda *_: None)
    found = Hospital(SEED, SMALL).month(MARCH)
    for row in found.inpatient.select(["dx", "admission_dx", "case_id"]).to_pylist():
        kinds = {p.kind for p in found.planted if p.case_id == row["case_id"]}
        coded = kinds & {"upcoded", "clinical_diagnosis", "unknown_diagnosis", "missing_principal"}
        if row["admission_dx"] and not coded and "procedure_diagnosis" not in kinds:
            # Only the tumour of a treatment is left to take its place.
            assert row["admission_dx"] in row["dx"]


def test_places_among_chances() -> None:
    cumulated = np.array([0.25, 0.75, 1.0])
    assert [_at(cumulated, chance) for chance in (0.0, 0.3, 0.8, 1.0)] == [0, 1, 2, 2]

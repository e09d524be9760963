"""A model in use, judged by what came since: what it is asked, what stands beside it, what is watched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from evaluation_support import forecasts

from codebooks.messages import catalogue, text
from grouper.case.dates import LOCAL
from grouper.case.record import Case
from grouper.forecast.course import courses_of_cases
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.evaluation import Evaluation
from grouper.forecast.evaluation.history import History
from grouper.forecast.evaluation.plan import Plan, Watching, day_of
from grouper.forecast.evaluation.reference import Range, Reference
from grouper.forecast.features import Vocabulary
from grouper.forecast.forecaster import Forecaster
from grouper.forecast.frame import Frame, frame_of, truth_of
from grouper.forecast.levels import GROUP
from grouper.forecast.result import FORECAST_SCHEMA, MEASURES
from grouper.forecast.review import review
from grouper.forecast.snapshot import snapshots_of
from grouper.payment.place import Terms

FIRST, DAYS = date(2026, 1, 5), 150
"""The first admissions, a Monday, and how many days somebody is admitted."""
SINCE = date(2026, 3, 2)
TAIL = Plan.shipped().tail_days
WARDS = ("03.01", "04.02")
WORDS = Vocabulary({"department": WARDS[1:]})
"""What the stand-in has learnt: another vocabulary than that of the history."""
DEMO = Terms(region="demo")


def made(number: int) -> Case:
    """One of three stays of each day: of one to nine days, charged daily; nobody's."""
    begin = datetime(FIRST.year, FIRST.month, FIRST.day, 9, tzinfo=LOCAL)
    begin += timedelta(days=number // 3)
    los = 1 + number * 7 % 9
    daily = Decimal(100 + number * 37 % 400)
    return Case(
        case_id=f"A{number}",
        region="demo",
        hospital="H00000000001",
        insurance_type="310",
        sex=1 + number % 2,
        age=30 + number % 50,
        admission_time=begin,
        discharge_time=begin + timedelta(days=los),
        admission_department=WARDS[number % 2],
        department=WARDS[number % 2],
        discharge_way="1",
        los=los,
        admission_dx="I21.900",
        dx=(("I21.900", "J18.900", "K35.800")[number % 3],),
        dx_time=(begin + timedelta(hours=3),),
        person_type="11",
        admission_number=1,
        year_deductible=Decimal(0),
        year_basic=Decimal(0),
        year_burden=Decimal(0),
        year_critical=Decimal(0),
        total_cost=daily * los,
        scope_cost=daily * los,
        own_cost=Decimal(0),
        over_limit_cost=Decimal(0),
        first_share_cost=Decimal(0),
        line_amount=(daily,) * los,
        line_class=("09",) * los,
        line_time=tuple(begin + timedelta(days=on, hours=1) for on in range(los)),
        line_scope=("A",) * los,
    )


@cache
def cases() -> tuple[Case, ...]:
    return tuple(made(number) for number in range(3 * DAYS))


def history_of(stays: Sequence[Case]) -> History:
    courses = courses_of_cases(stays)
    frame = frame_of(snapshots_of(courses, Plan.shipped().days), "demo")
    return History(frame, truth_of(courses.cases, courses.los, DEMO), DEMO)


@cache
def history() -> History:
    return history_of(cases())


@dataclass
class StandIn:
    """Foretells of each stay twice what was charged, and refuses women; remembers what it was asked."""

    id: str = "demo-7"
    vocabulary: Vocabulary = WORDS
    asked: list[Frame] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)

    def of_frame(self, frame: Frame, terms: Terms) -> pa.Table:
        self.asked.append(frame)
        self.terms.append(terms)
        middle = 2 * frame.snapshots.cost()
        ends: dict[str, Any] = {
            "cost_low": middle / 2,
            "cost_middle": middle,
            "cost_high": 3 * middle,
        }
        ends |= {"cost_mean": middle, "los_middle": frame.day + 1.0}
        told = forecasts(frame, ends, 0.5)
        refused = [sex == 2 for sex in frame.known["sex"].to_pylist()]
        rows = [
            {**row, "status": "refused", "reason": "FORECAST_KIND"} if no else row
            for row, no in zip(told.to_pylist(), refused, strict=True)
        ]
        return pa.Table.from_pylist(rows, FORECAST_SCHEMA)


def reviewed(
    whole: History, since: date = SINCE, drift: dict[str, Any] | None = None, lang: str = "en"
) -> tuple[Evaluation, StandIn]:
    stand_in = StandIn()
    found = review(cast("Forecaster", stand_in), whole, day_of(since), drift, lang)
    return found, stand_in


def ended(case: Case) -> date:
    assert case.discharge_time is not None
    return case.discharge_time.astimezone(LOCAL).date()


def begun(case: Case) -> date:
    assert case.admission_time is not None
    return case.admission_time.astimezone(LOCAL).date()


def wanted(since: date = SINCE) -> list[tuple[str, int]]:
    """Case and day of what is to be asked, read stay by stay."""
    last = max(ended(case) for case in cases()) - timedelta(days=TAIL)
    found = []
    for case in cases():
        for day in Plan.shipped().days:
            on = begun(case) + timedelta(days=max(day, 1) - 1)
            if since <= on <= last and (day == 0 or on < ended(case)):
                found.append((str(case.case_id), day))
    return found


def asked(frame: Frame) -> list[tuple[str, int]]:
    return list(zip(frame.known["case_id"].to_pylist(), frame.day.tolist(), strict=True))


def test_it_is_asked_about_the_stays_that_ran_since() -> None:
    found, stand_in = reviewed(history())
    (frame,) = stand_in.asked
    assert asked(frame) == wanted()
    assert len(found.rows) == len(frame) > 300
    assert stand_in.terms == [DEMO]
    # As the model sees them: with the words that it knows.
    assert frame.vocabulary == WORDS
    stays = snapshots_of(courses_of_cases(cases()), Plan.shipped().days)
    whole = frame_of(stays, "demo", WORDS)
    places = {one: row for row, one in enumerate(asked(whole))}
    own = [places[one] for one in asked(frame)]
    np.testing.assert_array_equal(frame.features, whole.features[own])


def test_the_forecasts_stand_beside_what_came() -> None:
    found, stand_in = reviewed(history())
    rows = found.rows
    by_id = {str(case.case_id): case for case in cases()}
    for place, (name, day) in enumerate(asked(stand_in.asked[0])):
        case = by_id[name]
        assert rows.truth["cost"][place] == float(case.total_cost or 0)
        assert rows.truth["los"][place] == case.los
        assert rows.day[place] == day
        assert rows.when[place] == day_of(begun(case)) + day - 1
        assert (
            rows.texts["group"][place]
            == {"I": "I21.9", "J": "J18.9", "K": "K35.8"}[str(case.dx[0])[0]]
        )
        # The line of the first day and those of all further days before the snapshot.
        daily = float(case.line_amount[0] or 0)
        middle = rows.bounds["cost.middle"][place]
        assert np.isnan(middle) if case.sex == 2 else middle == 2 * daily * day
        assert rows.texts["reason"][place] == ("FORECAST_KIND" if case.sex == 2 else "")
    document = found.document("en")
    refused = int((rows.texts["reason"] != "").sum())
    assert document["refused"] == [
        {
            "code": "FORECAST_KIND",
            "count": refused,
            "words": text("reason.FORECAST_KIND", "en"),
        }
    ]
    assert document["overall"]["cost"]["scored"] == len(rows) - refused > 0
    some = rows.texts["reason"] == ""
    error = np.abs(rows.truth["cost"] - rows.bounds["cost.middle"])[some].mean()
    assert document["overall"]["cost"]["mae"] == pytest.approx(error)


def test_it_says_what_was_judged() -> None:
    found, _ = reviewed(history())
    before = [case for case in cases() if ended(case) < SINCE]
    last = max(ended(case) for case in cases()) - timedelta(days=TAIL)
    judged = wanted()
    document = found.document("en")
    assert document["model"] == "grouper"
    assert (document["version"], document["region"], document["scheme"]) == ("demo-7", "demo", None)
    assert document["plan"] == asdict(Plan.shipped())
    assert document["history"] == history().hash
    assert document["origins"] == [
        {
            "origin": SINCE.isoformat(),
            "learnt_from": min(map(ended, before)).isoformat(),
            "learnt_until": (SINCE - timedelta(days=1)).isoformat(),
            "learnt_stays": len(before),
            "tested_until": last.isoformat(),
            "tested_stays": len({name for name, _ in judged}),
            "tested_snapshots": len(judged),
        }
    ]
    json.dumps(document, allow_nan=False)
    assert found.drift is None
    for lang in ("zh", "en"):
        assert SINCE.isoformat() in "".join(found.lines(lang))
        assert SINCE.isoformat() in found.html(lang)


def test_baselines_learn_from_what_ended_before() -> None:
    found, _ = reviewed(history())
    # Of the stays that ended later only what is known on the day is asked for, never what came.
    dearer = [
        replace(case, total_cost=(case.total_cost or Decimal(0)) * 9, department="99.99")
        if ended(case) >= SINCE
        else case
        for case in cases()
    ]
    other, _ = reviewed(history_of(dearer))
    assert found.rows.baselines.keys() == other.rows.baselines.keys()
    for name, values in found.rows.baselines.items():
        assert np.isfinite(values).any(), name
        np.testing.assert_array_equal(values, other.rows.baselines[name], name)
    assert not np.array_equal(found.rows.truth["cost"], other.rows.truth["cost"])
    # … and of those before, what came counts.
    cheap = [
        replace(case, total_cost=Decimal(1)) if ended(case) < SINCE else case for case in cases()
    ]
    third, _ = reviewed(history_of(cheap))
    np.testing.assert_allclose(third.rows.baselines["cost.group_mean"], 1.0)


def test_stays_without_a_known_cost_are_neither_judged_nor_learnt_from() -> None:
    gone = {f"A{number}" for number in range(0, 3 * DAYS, 5)}
    left = [replace(c, total_cost=None) if c.case_id in gone else c for c in cases()]
    found, stand_in = reviewed(history_of(left))
    assert asked(stand_in.asked[0]) == [one for one in wanted() if one[0] not in gone]
    learnt = sum(ended(case) < SINCE and case.case_id not in gone for case in cases())
    assert found.about["origins"][0]["learnt_stays"] == learnt


def test_where_there_is_nothing_to_judge_it_is_refused() -> None:
    last = max(ended(case) for case in cases()) - timedelta(days=TAIL)
    first = min(ended(case) for case in cases())
    # The last day that is judged, and the first that has a past.
    assert len(reviewed(history(), last)[0].rows)
    assert len(reviewed(history(), first + timedelta(days=1))[0].rows)
    for since in (last + timedelta(days=1), date(2027, 1, 1), first, date(2020, 1, 1)):
        with pytest.raises(ForecastError) as error:
            reviewed(history(), since)
        assert error.value.code == "FORECAST_REVIEW_EMPTY"
        for lang in ("zh", "en"):
            assert since.isoformat() in error.value.describe(lang)
    few = history_of([replace(case, total_cost=None) for case in cases()[:9]])
    with pytest.raises(ForecastError) as error:
        reviewed(few)
    assert error.value.code == "FORECAST_REVIEW_EMPTY"


WATCHED = "feature.age"


def reference(shift: float) -> dict[str, Any]:
    """As a card keeps it: the ages of the history, moved by some standard deviations of theirs."""
    ages = np.array([case.age for case in cases()], float)
    spread = float(ages.std())
    # Of a Monday to a Sunday, long before the stays that are judged.
    found = Reference(
        "2025-06-02",
        "2025-12-28",
        {WATCHED: Range(float(ages.mean()) + shift * spread, spread / 4, spread / 8, spread, 30)},
        {},
    )
    return found.document()


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A week of the small history counts."""
    monkeypatch.setattr(Watching, "shipped", staticmethod(lambda: replace(HOW, least_values=15)))


HOW = Watching.shipped()


@pytest.mark.usefixtures("_few")
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_watches_for_drift(lang: str) -> None:
    calm, _ = reviewed(history(), drift=reference(0.0), lang=lang)
    assert calm.drift is not None
    assert calm.drift["findings"] == []
    assert calm.drift["watched"] == 1
    last = max(ended(case) for case in cases()) - timedelta(days=TAIL)
    sunday = last - timedelta(days=(last.weekday() + 1) % 7)
    assert calm.drift["last"] == sunday.isoformat()
    assert calm.drift["first"] == (sunday - timedelta(days=7 * HOW.weeks - 1)).isoformat()
    moved, _ = reviewed(history(), drift=reference(-2.0), lang=lang)
    assert moved.drift is not None
    assert {one["signal"] for one in moved.drift["findings"]} == {WATCHED}
    (finding,) = moved.drift["findings"]
    assert catalogue(lang)[WATCHED] in finding["words"]
    # The scores are those without a watch.
    plain, _ = reviewed(history())
    assert {**moved.document(lang), "drift": None} == plain.document(lang)


@pytest.mark.usefixtures("_few")
def test_it_watches_its_own_errors() -> None:
    far = Range(9.0, 0.1, 0.1, 0.1, 30)
    known = Reference("2025-06-02", "2025-12-28", {"error.cost": far}, {})
    found, _ = reviewed(history(), drift=known.document())
    assert found.drift is not None
    assert {one["signal"] for one in found.drift["findings"]} == {"error.cost"}


def test_an_empty_reference_is_no_watch_and_a_broken_one_is_refused() -> None:
    assert reviewed(history(), drift={})[0].drift is None
    with pytest.raises(ForecastError) as error:
        reviewed(history(), drift={"version": 99})
    assert error.value.code == "FORECAST_DRIFT_REFERENCE"


def test_the_same_whatever_the_order_of_the_stays() -> None:
    found, _ = reviewed(history())
    other, _ = reviewed(history_of(cases()[::-1]))
    for measure in MEASURES:
        key = f"{measure}.middle"
        np.testing.assert_array_equal(
            np.sort(found.rows.bounds[key]), np.sort(other.rows.bounds[key])
        )
    assert found.about["origins"] == other.about["origins"]
    group = (found.rows.texts[GROUP], other.rows.texts[GROUP])
    assert sorted(group[0]) == sorted(group[1])

"""The drift watch: it warns of what was planted, is silent where nothing moved, and says since when."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from evaluation_support import DAYS, StandIn, history, history_of, judged_rows, tables
from hypothesis import given
from hypothesis import strategies as st

from grouper.forecast.course import local_days
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.backtest import backtest
from grouper.forecast.evaluation.beside import drift_beside, errors_of, reference_of, signals_of
from grouper.forecast.evaluation.drift import MEAN, MIX, NEW, SUM, Finding, Watch, watch
from grouper.forecast.evaluation.history import History
from grouper.forecast.evaluation.judged import Judged
from grouper.forecast.evaluation.plan import Plan, Watching, iso
from grouper.forecast.evaluation.reference import Reference, stability
from grouper.forecast.evaluation.signals import Signal, Signals, monday, week_of

HOW = replace(Watching.shipped(), least_weeks=12)
TAIL = 30
MOVED = "2025-09-15"
"""A Monday: from here on the planted stays are others."""


def day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(int))


def foretold(whole: History) -> Judged:
    plan = replace(Plan.shipped(), least_months=3, step_months=1, most_origins=0, days=DAYS)
    with TemporaryDirectory() as folder:
        return backtest(whole, plan, StandIn(), Path(folder)).rows


@cache
def dearer() -> Watch:
    """All that is charged to those admitted from the day on costs a fifth more."""
    cases, charges = tables()
    late = local_days(cases["admission_time"]) >= day(MOVED)
    ids = cases["case_id"].filter(pa.array(late))
    ours = pc.is_in(charges["case_id"].cast(pa.string()), pc.unique(ids))
    charges = scaled(charges, "line_amount", ours)
    for name in ("total_cost", "scope_cost", "own_cost", "over_limit_cost", "first_share_cost"):
        cases = scaled(cases, name, pa.chunked_array([pa.array(late)]))
    whole = history_of(cases, charges)
    return watched(whole, foretold(whole))


def watched(whole: History, rows: Judged | None = None) -> Watch:
    """The last weeks against what the model was made for: the hospital as it was."""
    border = day(MOVED) - 1
    before = signals_of(history(), HOW, tail=TAIL)
    reference = Reference.of(before.between(before.first, border), HOW)
    signals = signals_of(whole, HOW, tail=TAIL)
    if rows is not None:
        errors = errors_of(judged_rows(), border, tail=TAIL)
        reference = reference.joined(Reference.of(errors, HOW))
        signals = signals.joined(errors_of(rows, signals.last, tail=TAIL))
    return watch(reference, signals, HOW)


def scaled(table: pa.Table, name: str, which: pa.ChunkedArray) -> pa.Table:
    kind = table.schema.field(name).type
    values = table[name].cast(pa.float64())
    more = pc.round(pc.multiply(values, 1.2), 2).cast(kind, safe=False)
    found = pc.if_else(which, more, table[name])
    return table.set_column(table.column_names.index(name), name, found)


@cache
def moved() -> Watch:
    """Every twentieth of those admitted from the day on lies in a department nobody knew."""
    cases, charges = tables()
    late = local_days(cases["admission_time"]) >= day(MOVED)
    late &= np.arange(len(cases)) % 20 == 0
    name = "admission_department"
    words = pc.if_else(pa.array(late), "99.99", cases[name].cast(pa.string()))
    cases = cases.set_column(
        cases.column_names.index(name), name, words.cast(cases.schema.field(name).type)
    )
    return watched(history_of(cases, charges))


@pytest.mark.slow
def test_nothing_is_told_where_nothing_moved() -> None:
    _, found = drift_beside(history(), judged_rows(), HOW, tail=TAIL)
    assert found.findings == ()
    assert not found.warns
    assert found.watched > 50
    assert (found.first, found.last) == ("2025-09-29", "2025-10-26")
    assert watched(history(), judged_rows()).findings == ()
    assert found.lines("en")[0].startswith(found.first)


def test_a_fifth_dearer_is_told_with_what_and_since_when() -> None:
    found = {one.signal: one for one in dearer().findings}
    assert dearer().warns
    for name in ("feature.cost", "feature.cost_first_day", "feature.laboratory"):
        assert found[name].kind == MEAN
        assert found[name].size > 0
        assert found[name].since == MOVED
    # Much of it is seen coming in the charges to date: errors move less, and show in their sum.
    error = found["error.cost"]
    assert error.recent > error.reference
    assert abs(day(error.since) - day(MOVED)) <= 14
    # Payments do not follow: what was to be left over is gone.
    assert found["error.surplus"].recent < found["error.surplus"].reference
    assert found["feature.cost"].recent - found["feature.cost"].reference == pytest.approx(
        0.18, abs=0.09
    )
    json.dumps(dearer().document("en"), allow_nan=False)
    assert "feature.age" not in found
    assert "feature.female" not in found
    told = "\n".join(dearer().lines("zh"))
    assert found["error.cost"].since in told
    assert "总费用的预测误差" in told


def test_a_new_department_is_told() -> None:
    new = [one for one in moved().findings if one.kind == NEW]
    assert [(one.signal, one.word, one.since) for one in new] == [
        ("mix.department", "99.99", MOVED)
    ]
    assert 0.02 < new[0].recent < 0.09
    assert "99.99" in new[0].words("en")
    # A ward that is not the department of admission goes with it; nothing else does.
    assert {one.signal for one in moved().findings} <= {"mix.department", "feature.moved"}
    json.dumps(moved().document("en"), allow_nan=False)


def test_a_reference_is_kept_as_a_document() -> None:
    reference, _ = drift_beside(history(), judged_rows(), HOW, tail=TAIL)
    kept = json.loads(json.dumps(reference.document(), allow_nan=False))
    assert Reference.read(kept) == reference
    assert {"error.cost", "held.amount", "right.group"} <= set(reference.ranges)
    alone = reference_of(history(), HOW, tail=TAIL)
    assert not any(name.startswith("error") for name in alone.ranges)
    whole = reference_of(history(), HOW, tail=TAIL, rows=judged_rows())
    assert {"error.cost", "mix.department"} <= {*whole.ranges, *whole.mixes}
    few = replace(HOW, least_weeks=30)
    assert "error.cost" not in reference_of(history(), few, tail=TAIL, rows=judged_rows()).ranges


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"ranges": {"x": [1, 2]}},
        {"ranges": []},
        {"mixes": {"x": {"shares": {}}}},
        {"mixes": {"x": {"shares": {"a": "b"}, "known": [], "edges": [], "usual": [0, 0]}}},
        {"mixes": {"x": {"shares": {}, "known": [], "edges": [], "usual": []}}},
    ],
)
def test_what_is_no_reference_is_refused(change: dict) -> None:
    good = {"version": 1, "first": "", "last": "", "ranges": {}, "mixes": {}}
    assert Reference.read(good).ranges == {}
    with pytest.raises(ForecastError) as error:
        Reference.read({**good, **change})
    assert error.value.code == "FORECAST_DRIFT_REFERENCE"


def test_too_short_a_history_is_no_reference() -> None:
    with pytest.raises(ForecastError) as error:
        reference_of(history(), replace(HOW, least_weeks=60), tail=TAIL)
    assert error.value.code == "FORECAST_DRIFT_SHORT"
    assert "60" in error.value.describe("en")


# --- on invented signals ----------------------------------------------------------------------

FIRST = day("2025-01-06")
WEEKS = 60
A_WEEK = 60


def invented(seed: int, weeks: int = WEEKS, **moves: float) -> Signals:
    """Signals in which nothing moves but what is told: by how much the last four weeks do."""
    chance = np.random.default_rng(seed)
    week = np.repeat(np.arange(weeks) + week_of(FIRST), A_WEEK)
    late = week >= week_of(FIRST) + weeks - 4
    size = len(week)
    values = {
        "feature.x": chance.normal(5, 2, size) + late * moves.get("x", 0),
        "error.cost": chance.normal(0, 0.4, size) + late * moves.get("error", 0),
        "held.cost": (chance.random(size) < 0.9 - late * moves.get("held", 0)).astype(float),
    }
    words = chance.choice(list("abcdef"), size, p=[0.4, 0.3, 0.15, 0.1, 0.045, 0.005])
    words = np.where(late & (chance.random(size) < moves.get("mix", 0)), "c", words)
    return Signals(
        {name: Signal(week, own) for name, own in values.items()},
        {"mix.department": Signal(week, words.astype(object))},
        FIRST,
        monday(week_of(FIRST) + weeks) - 1,
    )


def seen(signals: Signals) -> tuple[Finding, ...]:
    """The last four weeks against those before."""
    border = signals.last - 28
    return watch(Reference.of(signals.between(FIRST, border), HOW), signals, HOW).findings


@pytest.mark.parametrize("watches", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_false_alarms_are_rare(watches: int) -> None:
    """Of watches of hospitals in which nothing moves at most one in fifty warns."""
    warned = sum(bool(seen(invented(seed))) for seed in range(watches))
    assert warned <= max(watches // 50, 1)


@pytest.mark.parametrize(
    ("moves", "signal", "kind"),
    [
        ({"x": 1.2}, "feature.x", MEAN),
        ({"x": -1.2}, "feature.x", MEAN),
        ({"error": 0.24}, "error.cost", MEAN),
        ({"held": 0.15}, "held.cost", MEAN),
        ({"mix": 0.4}, "mix.department", MIX),
    ],
)
def test_what_moves_is_told(moves: dict[str, float], signal: str, kind: str) -> None:
    for seed in range(5):
        found = seen(invented(seed, **moves))
        assert [(one.signal, one.kind) for one in found] == [(signal, kind)]
        first = day(found[0].since)
        assert abs(first - (monday(week_of(FIRST) + WEEKS - 4))) <= 14
        if kind == MIX:
            assert found[0].word == "c"


def test_a_small_lasting_change_is_seen_by_its_sum() -> None:
    steady = invented(3)
    error = steady.values["error.cost"]
    late = error.week >= week_of(FIRST) + WEEKS - 13
    worse = Signal(error.week, error.value + late * 0.09)
    signals = replace(steady, values={**steady.values, "error.cost": worse})
    # Half of it in one go would not be told by the mean alone.
    border = monday(week_of(FIRST) + WEEKS - 13) - 1
    how = replace(HOW, shift=0.5)
    found = watch(Reference.of(signals.between(FIRST, border), how), signals, how).findings
    assert [(one.signal, one.kind) for one in found] == [("error.cost", SUM)]
    assert abs(day(found[0].since) - (border + 1)) <= 21
    assert found[0].words("zh").startswith("总费用的预测误差持续偏离")


def test_a_shape_that_changes_while_its_mean_stays() -> None:
    steady = invented(5)
    one = steady.values["feature.x"]
    late = one.week >= week_of(FIRST) + WEEKS - 4
    wide = np.where(late, 5 + (one.value - 5) * 2.5, one.value)
    signals = replace(steady, values={**steady.values, "feature.x": Signal(one.week, wide)})
    found = seen(signals)
    assert [(f.signal, f.kind) for f in found] == [("feature.x", MIX)]
    assert "–" in found[0].words("en")


def test_values_that_go_missing_are_told() -> None:
    steady = invented(6)
    one = steady.values["feature.x"]
    late = (one.week >= week_of(FIRST) + WEEKS - 4) & (np.arange(len(one.week)) % 3 == 0)
    gone = np.where(late, np.nan, one.value)
    found = seen(replace(steady, values={**steady.values, "feature.x": Signal(one.week, gone)}))
    assert [(f.signal, f.kind, f.word) for f in found] == [("feature.x", MIX, "")]
    assert "none" in found[0].words("en")


def test_a_signal_that_never_varied() -> None:
    steady = invented(7)
    one = steady.values["feature.x"]
    late = one.week >= week_of(FIRST) + WEEKS - 4
    flat = Signal(one.week, np.ones(len(one.week)))
    assert seen(replace(steady, values={"feature.x": flat})) == ()
    step = Signal(one.week, 1.0 + late * 0.001)
    found = seen(replace(steady, values={"feature.x": step, "error.cost": flat}))
    assert [(f.signal, f.kind, f.size) for f in found] == [("feature.x", MEAN, float("inf"))]


def test_too_little_in_the_last_weeks_is_told_and_not_watched() -> None:
    whole = invented(8)
    reference = Reference.of(whole.between(FIRST, whole.last - 28), HOW)
    late = whole.values["feature.x"].week >= week_of(FIRST) + WEEKS - 4
    few = {
        name: Signal(
            one.week[~late | (np.arange(len(late)) % 20 == 0)],
            one.value[~late | (np.arange(len(late)) % 20 == 0)],
        )
        for name, one in whole.values.items()
    }
    found = watch(reference, replace(whole, values=few, mixes={}), HOW)
    assert set(found.silent) == {"feature.x", "error.cost", "held.cost", "mix.department"}
    assert not found.warns
    assert "数据太少" in "\n".join(found.lines("zh"))
    assert found.document("en")["silent"]
    none = watch(reference, Signals(), HOW)
    assert (none.first, none.last, none.watched) == ("", "", 0)


def test_rare_words_are_counted_together_and_known() -> None:
    whole = invented(9)
    reference = Reference.of(whole.between(FIRST, whole.last - 28), HOW)
    mix = reference.mixes["mix.department"]
    assert set(mix.shares) == {*"abcde", "*"}
    assert mix.known == frozenset("abcdef")
    assert sum(mix.shares.values()) == pytest.approx(1)
    one = whole.mixes["mix.department"]
    late = one.week >= week_of(FIRST) + WEEKS - 4
    often = np.where(late & (np.arange(len(late)) % 4 == 0), "f", one.value)
    signals = replace(whole, mixes={"mix.department": Signal(one.week, often)})
    found = watch(reference, signals, HOW).findings
    assert [(f.kind, f.word) for f in found] == [(MIX, "*")]
    assert "rare" in found[0].words("en")


@given(
    counts=st.lists(st.integers(1, 50), min_size=2, max_size=6),
    times=st.integers(1, 5),
)
def test_the_stability_index(counts: list[int], times: int) -> None:
    names = list("abcdef")[: len(counts)]
    words = np.array([n for n, c in zip(names, counts, strict=True) for _ in range(c)], object)
    shares = {n: c / len(words) for n, c in zip(names, counts, strict=True)}
    same = np.tile(words, times)
    # The half that is added to each count is all that differs.
    assert 0 <= stability(shares, same) < 0.6 / times
    assert stability(shares, np.roll(same, 3)) == pytest.approx(stability(shares, same))
    alone = np.array(["z"] * len(same), object)
    assert stability(shares, alone) > stability(shares, same)


def test_weeks_that_are_not_whole_are_left_out() -> None:
    signals = Signals(first=FIRST + 1, last=FIRST + 20)
    assert signals.weeks() == [week_of(FIRST) + 1, week_of(FIRST) + 2]
    assert Signals(first=FIRST, last=FIRST + 5).weeks() == []
    assert iso(monday(week_of(FIRST))) == "2025-01-06"
    assert errors_of(judged_rows(), day("2025-10-31"), tail=TAIL).first > day("2025-04-01")
    assert signals_of(history(), HOW, tail=TAIL).last <= day("2025-10-31")

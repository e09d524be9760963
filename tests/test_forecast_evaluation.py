"""Back-tests: what a model sees of the past, what it is asked, how a run goes on, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from evaluation_support import DAYS, StandIn, history, history_of, judged_rows, tables
from hypothesis import given
from hypothesis import strategies as st

from grouper.forecast.course import NO_DAY
from grouper.forecast.errors import ForecastError
from grouper.forecast.evaluation.backtest import Step, asked_at, backtest
from grouper.forecast.evaluation.baselines import NAMES, Baselines
from grouper.forecast.evaluation.history import History, as_of, finished, with_words, words_of
from grouper.forecast.evaluation.lookup import Cells, means, medians
from grouper.forecast.evaluation.plan import Basing, Judging, Plan, Watching, day_of, iso
from grouper.forecast.features import names
from grouper.forecast.levels import ADRG, GROUP, MDC, Levels
from grouper.forecast.tables import toml

PLAN = replace(Plan.shipped(), least_months=7, step_months=1, most_origins=2, days=DAYS)
FAST = replace(Judging.shipped(), draws=20, least_stays=20)


def day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(int))


def test_cutting_a_history_leaves_nothing_of_other_stays() -> None:
    whole = history()
    border = int(np.median(whole.ended))
    cut = whole.only(whole.ended < border)
    courses = cut.frame.snapshots.courses
    assert len(cut) == int((whole.ended < border).sum())
    assert courses.end.max() < border
    for block in (courses.dx, courses.px, courses.lines):
        assert block.stay.max() < len(cut)
    assert max(courses.dx.code) < len(courses.dx.codes)
    assert len(set(courses.dx.codes)) < len(whole.frame.snapshots.courses.dx.codes)
    assert set(cut.truth.levels.words[GROUP]) == set(cut.truth.levels.texts(GROUP))
    assert set(cut.frame.bare.words[GROUP]) == set(cut.frame.bare.texts(GROUP))
    # What is kept is what it was.
    rows = np.flatnonzero((whole.ended < border)[whole.frame.stay])
    assert np.array_equal(cut.frame.snapshots.sums(), whole.frame.snapshots.sums()[rows])
    assert cut.frame.known.equals(whole.frame.known.take(pa.array(rows)))
    assert np.array_equal(cut.frame.snapshots.cost(), whole.frame.snapshots.cost()[rows])
    assert np.array_equal(cut.truth.cost, whole.truth.cost[whole.ended < border])


def test_a_cut_history_equals_one_that_was_made_of_these_stays() -> None:
    cases, charges = tables()
    few = cases.slice(0, 400)
    own = pc.is_in(charges["case_id"].cast(pa.string()), pc.unique(few["case_id"]))
    charges = charges.filter(own)
    whole = history_of(few, charges)
    keep = whole.ended < int(np.quantile(whole.ended, 0.5))
    kept = few.filter(pa.array(keep))
    own = pc.is_in(charges["case_id"].cast(pa.string()), pc.unique(kept["case_id"]))
    cut, made = whole.only(keep), history_of(kept, charges.filter(own))
    assert np.array_equal(cut.frame.features, made.frame.features, equal_nan=True)
    assert cut.frame.vocabulary == words_of(made.frame.known)
    assert cut.frame.bare.texts(GROUP).tolist() == made.frame.bare.texts(GROUP).tolist()
    assert cut.truth.levels.texts(ADRG).tolist() == made.truth.levels.texts(ADRG).tolist()
    wards = [
        [(*one.wards, None)[number] for number in one.ward]
        for one in (cut.frame.snapshots.courses.lines, made.frame.snapshots.courses.lines)
    ]
    assert wards[0] == wards[1]
    assert set(cut.frame.snapshots.courses.lines.wards) == set(wards[0]) - {None}


def test_a_department_that_training_has_not_seen_is_no_number() -> None:
    whole = history()
    words = whole.frame.vocabulary.words["department"]
    known = replace(whole.frame.vocabulary, words={"department": words[1:]})
    seen = with_words(whole.frame, known)
    place = names().index("department")
    first = np.array(seen.known["admission_department"].to_pylist()) == words[0]
    assert first.any()
    assert np.isnan(seen.features[first, place]).all()
    assert not np.isnan(seen.features[~first, place]).any()


def test_origins_are_first_days_of_months_and_leave_the_tail() -> None:
    ended = np.arange(day("2025-01-03"), day("2025-12-31") + 1)
    plan = replace(PLAN, least_months=9, step_months=1, most_origins=0, tail_days=30, lag_days=5)
    plan = replace(plan, least_days=1)
    found = plan.origins(ended)
    assert [one.name for one in found] == ["2025-10-01", "2025-11-01", "2025-12-01"]
    assert [iso(one.until) for one in found] == ["2025-09-26", "2025-10-27", "2025-11-26"]
    assert [iso(one.end) for one in found] == ["2025-11-01", "2025-12-01", "2025-12-02"]
    assert {one.since for one in found} == {day("2025-01-03")}
    assert [one.name for one in replace(plan, most_origins=1).origins(ended)] == ["2025-12-01"]
    near = replace(plan, window_months=2).origins(ended)
    assert [iso(one.since) for one in near] == ["2025-08-01", "2025-09-01", "2025-10-01"]
    # An origin so near the end that next to nothing is left to judge it by is none.
    few = replace(plan, least_days=2)
    assert [one.name for one in few.origins(ended)] == ["2025-10-01", "2025-11-01"]
    with pytest.raises(ForecastError) as error:
        replace(plan, least_months=12).origins(ended)
    assert error.value.code == "FORECAST_BACKTEST_SHORT"


def test_each_forecast_is_asked_once_by_the_model_of_its_time() -> None:
    whole = history()
    usable = finished(whole)
    origins = PLAN.origins(whole.ended[usable])
    rows = [asked_at(whole, PLAN, origin, usable) for origin in origins]
    assert not np.intersect1d(*rows).size
    start = whole.frame.snapshots.courses.start[whole.frame.stay]
    for origin, own in zip(origins, rows, strict=True):
        made = start[own] + np.maximum(whole.frame.day[own], 1) - 1
        assert made.min() >= origin.day
        assert made.max() < origin.end
        # A stay that a model learnt from is never one it is asked about.
        assert whole.ended[whole.frame.stay[own]].min() >= origin.until
    few = asked_at(whole, replace(PLAN, stays=15), origins[0], usable)
    assert len(np.unique(whole.frame.stay[few])) == 15
    assert set(few) < set(rows[0])


def test_a_model_learns_from_the_past_alone(tmp_path: Path) -> None:
    whole, seen = history(), []

    class Spy(StandIn):
        def train(self, history: History):  # noqa: ANN202 -- as the stand-in
            seen.append((int(history.ended.max()), history.frame.snapshots.courses.end.max()))
            assert NO_DAY not in history.ended
            return super().train(history)

    backtest(whole, PLAN, Spy(), tmp_path, judging=FAST)
    until = [one.until for one in PLAN.origins(whole.ended[finished(whole)])]
    assert all(last < end for (last, _), end in zip(seen, until, strict=True))
    assert all(last == course for last, course in seen)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    whole, told, plan = history(), [], replace(PLAN, stays=150)
    straight = backtest(whole, plan, StandIn(), tmp_path / "one", judging=FAST).document("en")

    class Dies(StandIn):
        def train(self, history: History):  # noqa: ANN202 -- as the stand-in
            if len(list((tmp_path / "two").glob("*.model.parquet"))) == 1:
                raise KeyboardInterrupt
            return super().train(history)

    with pytest.raises(KeyboardInterrupt):
        backtest(whole, plan, Dies(), tmp_path / "two", judging=FAST)
    trained: list[int] = []
    again = StandIn(trained=trained)
    resumed = backtest(whole, plan, again, tmp_path / "two", told.append, judging=FAST)
    assert len(trained) == 1
    assert [one.what for one in told] == ["kept", "train", "baselines", "predict"]
    assert resumed.document("en") == straight
    assert not list(tmp_path.rglob("*.part"))


def test_a_step_in_words() -> None:
    assert Step("train", "2025-08-01", 1, 3).words("en") == "origin 1/3 (2025-08-01): training"
    assert "训练" in Step("train", "2025-08-01", 1, 3).words("zh")


@pytest.mark.parametrize("change", ["model", "plan", "json", "parquet", "rows", "history"])
def test_a_folder_of_something_else_is_refused(tmp_path: Path, change: str) -> None:
    whole = history()
    plan = replace(PLAN, most_origins=1, stays=40)
    backtest(whole, plan, StandIn(), tmp_path, judging=FAST)
    model, asked = StandIn(), whole
    kept = next(tmp_path.glob("*.model.parquet"))
    if change == "model":
        model = StandIn(version="2")
    elif change == "plan":
        plan = replace(plan, lag_days=3)
    elif change == "json":
        (tmp_path / "backtest.json").write_bytes(b"{")
    elif change == "parquet":
        kept.write_bytes(kept.read_bytes()[:100])
    elif change == "rows":
        pq.write_table(pq.read_table(kept).slice(1), kept)
    else:
        asked = replace(whole, truth=replace(whole.truth, cost=whole.truth.cost + 1))
    with pytest.raises(ForecastError) as error:
        backtest(asked, plan, model, tmp_path, judging=FAST)
    assert error.value.code == "FORECAST_BACKTEST_FOLDER"
    assert "回测" in error.value.describe("zh")


def test_an_answer_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    class Turned(StandIn):
        def train(self, history: History):  # noqa: ANN202 -- as the stand-in
            found = super().train(history)
            return lambda asked: found(asked).take(np.arange(len(asked))[::-1])

    plan = replace(PLAN, most_origins=1, stays=40)
    with pytest.raises(ForecastError) as error:
        backtest(history(), plan, Turned(), tmp_path, judging=FAST)
    assert error.value.code == "FORECAST_BACKTEST_ANSWER"


def test_without_known_costs_there_is_nothing_to_test(tmp_path: Path) -> None:
    whole = history()
    unknown = replace(whole.truth, cost=np.full(len(whole), np.nan))
    with pytest.raises(ForecastError) as error:
        backtest(replace(whole, truth=unknown), PLAN, StandIn(), tmp_path)
    assert error.value.code == "FORECAST_BACKTEST_EMPTY"
    with pytest.raises(ForecastError) as error:
        backtest(whole, replace(PLAN, days=(99,)), StandIn(), tmp_path)
    assert error.value.code == "FORECAST_BACKTEST_EMPTY"


def test_settings_name_what_is_wrong() -> None:
    for kind, section in ((Plan, "backtest"), (Judging, "scores"), (Watching, "drift")):
        table = toml("evaluation.toml")
        assert kind.of(table, section) == kind.shipped()
        for key in table[section]:
            for wrong in (None, "x", -1, True, [1.5]):
                if isinstance(table[section][key], str) and wrong == "x":
                    continue
                bad = {section: {**table[section], key: wrong}}
                with pytest.raises(ForecastError) as error:
                    kind.of(bad, section)
                assert error.value.params["key"] == f"{section}.{key}"
        with pytest.raises(ForecastError):
            kind.of({section: {**table[section], "more": 1}}, section)
        with pytest.raises(ForecastError):
            kind.of({}, section)
    assert day_of(date(1970, 1, 3)) == 2


# --- baselines -------------------------------------------------------------------------------


def levels(groups: list[str]) -> Levels:
    words = tuple(dict.fromkeys(groups))
    found = {GROUP: words, ADRG: tuple(dict.fromkeys(w[:2] for w in words))}
    found[MDC] = tuple(dict.fromkeys(w[:1] for w in words))
    cut = {GROUP: 9, ADRG: 2, MDC: 1}
    codes = {
        level: np.array([own.index(g[: cut[level]]) for g in groups], np.int64)
        for level, own in found.items()
    }
    return Levels(found, codes, np.full(len(groups), "grouped", object), {})


GROUPS = st.lists(
    st.tuples(
        st.sampled_from(["A1x", "A1y", "A2x", "B1x"]),
        st.integers(0, 3),
        st.floats(1, 1e5) | st.just(float("nan")),
    ),
    min_size=1,
    max_size=40,
)


@given(rows=GROUPS, least=st.integers(1, 6), asked=st.sampled_from(["A1x", "A2q", "C9z"]))
def test_lookups_fall_back_as_a_plain_reading_does(
    rows: list[tuple[str, int, float]], least: int, asked: str
) -> None:
    groups, days, values = (list(one) for one in zip(*rows, strict=True))
    own, at, number = levels(groups), np.array(days), np.array(values)
    cells = Cells.of(own, at)
    for make, plain in ((means, np.mean), (medians, np.median)):
        for when in (0, 2, 9):
            known = [one for one in rows if not np.isnan(one[2])]
            bucket = max([d for d in days if d <= when], default=min(days))
            same = [one for one in known if one[1] == bucket]
            tries = [[o for o in same if o[0][:size] == asked[:size]] for size in (3, 2, 1)]
            chosen = next((one for one in [*tries, same] if len(one) >= least), known)
            want = plain([one[2] for one in chosen]) if chosen else np.nan
            lookup = make(cells, own, at, number, least)
            found = lookup.at(levels([asked]), np.array([when]))
            assert found == pytest.approx([want], nan_ok=True)


def test_baselines_are_what_they_say() -> None:
    whole = history()
    border = int(np.quantile(whole.ended, 0.7))
    past, later = whole.only(whole.ended < border), whole.only(whole.ended >= border)
    made = Baselines.of(past, Basing(least_stays=1, smallest=100.0))
    asked = with_words(later.frame, past.frame.vocabulary)
    found = made.predict(asked)
    assert len(found) == len(asked)
    for measure, own in NAMES.items():
        for name in own:
            values = np.asarray(found[f"{measure}.{name}"])
            assert not np.isnan(values).any(), name
    # A group that was seen: by hand.
    row = int(np.flatnonzero(asked.day == 2)[5])
    group = asked.bare.texts(GROUP)[row]
    same = past.frame.bare.texts(GROUP) == group
    mine = same & (past.frame.day == 2)
    final = past.truth.cost[past.frame.stay]
    charged, so_far = past.frame.snapshots.cost(), asked.snapshots.cost()[row]
    assert mine.any()
    assert found["cost.day_mean"][row].as_py() == pytest.approx(final[mine].mean())
    ratio = final[mine].sum() / charged[mine].sum()
    assert found["cost.ratio"][row].as_py() == pytest.approx(so_far * ratio)
    added = so_far + (final - charged)[mine].mean()
    assert found["cost.added"][row].as_py() == pytest.approx(added)
    stays = past.truth.levels.texts(GROUP) == group
    assert found["cost.group_mean"][row].as_py() == pytest.approx(past.truth.cost[stays].mean())
    los = np.asarray(found["los.group_mean"])
    assert (los >= asked.day).all()
    share = json.loads(found.schema.metadata[b"frequencies"])
    assert 0.99 < sum(share.values()) < 1


def test_the_price_of_the_bare_group_comes_from_the_pricing_code() -> None:
    """On a late day with the right group and cost it is nearly the true payment."""
    whole = history()
    made = Baselines.of(whole, Basing.shipped())
    rows = np.flatnonzero(whole.frame.day == 10)
    asked = whole.frame.take(rows)
    truth = whole.truth.take(asked.stay)
    cost = truth.cost
    priced = made._priced(asked, cost, truth.los.astype(np.float64))
    right = asked.bare.texts(GROUP) == truth.levels.texts(GROUP)
    known = right & ~np.isnan(priced) & ~np.isnan(truth.money["amount"])
    assert known.sum() > 50
    away = np.abs(priced - truth.money["amount"])[known]
    assert np.median(away) < 0.01 * np.median(truth.money["amount"][known])
    assert np.isnan(replace(made, scheme="x")._priced(asked, cost, cost)).all()


def test_as_of_is_the_last_whole_day() -> None:
    frame = history().frame
    start = frame.snapshots.courses.start[frame.stay]
    found = as_of(frame)
    assert (found[frame.day == 1] == start[frame.day == 1]).all()
    assert (found[frame.day == 0] == start[frame.day == 0] - 1).all()
    assert history().as_of.tolist() == found.tolist()
    assert len(judged_rows()) > 1000

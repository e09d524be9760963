"""The final group of running cases: what the model says of an invented hospital."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from examples import examples
from forecast_groups_support import hospital, same, settings, taught, unseen
from hypothesis import given
from hypothesis import settings as asking
from hypothesis import strategies as st

from grouper.forecast.errors import ForecastError
from grouper.forecast.frame import Frame
from grouper.forecast.groups.forecast import PAD, GroupForecast
from grouper.forecast.groups.model import GroupModel
from grouper.forecast.levels import ADRG, GROUP, MDC, Levels


def renamed(levels: Levels, level: str, row: int, word: str) -> Levels:
    """Levels of which one row has a word of its own."""
    codes = {**levels.codes, level: levels.codes[level].copy()}
    codes[level][row] = len(levels.words[level])
    words = {**levels.words, level: (*levels.words[level], word)}
    return replace(levels, words=words, codes=codes)


def test_probabilities_descend_and_leave_room_for_others() -> None:
    model, held = taught()
    for found in (model.predict(unseen()[0]), held):
        assert (np.diff(found.probability, axis=1) <= 0).all()
        assert (found.probability >= 0).all()
        assert (found.probability.sum(axis=1) <= 1 + 1e-12).all()
        assert ((found.code == PAD) <= (found.probability == 0)).all()
        assert (found.other() > 0).mean() > 0.9
        for codes in found.code:
            named = codes[codes != PAD]
            assert len(set(named.tolist())) == len(named)


def test_the_model_is_nearer_the_truth_than_the_bare_answer() -> None:
    frame, _ = unseen()
    came = hospital().truth.take(frame.stay)
    found = taught()[0].predict(frame)
    for level, gain in ((GROUP, 0.02), (ADRG, 0.02)):
        right = found.at(level)[0] == came.levels.texts(level)
        bare = frame.bare.texts(level) == came.levels.texts(level)
        early = came.valid & (frame.day <= 1)
        assert right[early].mean() > bare[early].mean() + gain
        late = came.valid & (frame.day >= 5)
        assert right[late].mean() >= bare[late].mean() - 0.01


def test_held_out_forecasts_do_not_know_what_came() -> None:
    """A model asked about what it learnt from looks better than it is; held-out forecasts do not."""
    made = hospital()
    fit = made.frame.take(made.earlier)
    model, held = taught()
    early = (fit.day == 0) & made.truth.valid[fit.stay]
    came = made.truth.take(fit.stay).levels.texts(GROUP)
    own = (model.predict(fit).at(GROUP)[0] == came)[early].mean()
    apart = (held.at(GROUP)[0] == came)[early].mean()
    frame, _ = unseen()
    known = (frame.day == 0) & made.truth.valid[frame.stay]
    later = made.truth.take(frame.stay).levels.texts(GROUP)
    new = (model.predict(frame).at(GROUP)[0] == later)[known].mean()
    assert own > apart + 0.05
    assert abs(apart - new) < 0.08


def test_probabilities_are_honest_on_unseen_stays() -> None:
    frame, _ = unseen()
    came = hospital().truth.take(frame.stay)
    found = taught()[0].predict(frame)
    top = found.probability[:, 0]
    right = found.at(GROUP)[0] == came.levels.texts(GROUP)
    for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 1.01)):
        some = came.valid & (top >= low) & (top < high)
        assert some.sum() > 50
        assert abs(top[some].mean() - right[some].mean()) < 0.1


def test_one_row_says_what_the_batch_says_in_any_order() -> None:
    model, _ = taught()
    frame, _ = unseen()
    frame = frame.take(np.arange(300))
    whole = model.predict(frame)
    for row in (0, 7, 150, 299):
        same(whole, [row], model.predict(frame.take(np.array([row]))))
    order = np.random.default_rng(3).permutation(300)
    same(whole, order, model.predict(frame.take(order)))
    same(
        whole,
        slice(0, 300),
        replace(model, engine=replace(model.engine, how=parts(7))).predict(frame),
    )


def parts(rows: int) -> dict[str, object]:
    """Settings by which so many rows are weighed at once."""
    how = settings()
    how["candidates"]["rows"] = rows
    return how


def test_training_is_the_same_again_and_in_any_order_of_the_rows() -> None:
    made = hospital()
    some = made.earlier[:1500]
    fit = made.frame.take(some)
    one, held = GroupModel.trained(fit, made.truth, settings(rounds=3))
    again, also = GroupModel.trained(fit, made.truth, settings(rounds=3))
    assert one.files() == again.files()
    np.testing.assert_array_equal(held.probability, also.probability)
    order = np.random.default_rng(5).permutation(len(fit))
    mixed, _ = GroupModel.trained(fit.take(order), made.truth, settings(rounds=3))
    frame, _ = unseen()
    few = frame.take(np.arange(200))
    np.testing.assert_allclose(
        one.predict(few).probability, mixed.predict(few).probability, rtol=1e-4, atol=1e-6
    )


def test_a_group_of_no_training_stay_stays_a_candidate() -> None:
    frame, _ = unseen()
    row = int(np.flatnonzero((frame.day == 5) & (frame.features[:, 22] >= 0))[0])
    changed = replace(frame, bare=renamed(frame.bare, GROUP, row, "Z99.9:new"))
    found = taught()[0].predict(changed)
    names = np.array([*found.names, ""], object)
    assert "Z99.9:new" in names[found.code[row]]
    place = list(names[found.code[row]]).index("Z99.9:new")
    assert 0.01 < found.probability[row, place] < 1.0
    others = np.delete(np.arange(len(frame)), row)
    same(found, others, taught()[0].predict(frame.take(others)))
    code = found.names.index("Z99.9:new")
    assert found.adrg[code] == frame.bare.texts(ADRG)[row]
    # Even where nothing above it is known either.
    for level in (ADRG, MDC):
        changed = replace(changed, bare=renamed(changed.bare, level, row, "?new"))
    found = taught()[0].predict(changed)
    assert found.mdc[found.names.index("Z99.9:new")] == "?new"
    assert np.isfinite(found.probability).all()


def blank(frame: Frame) -> Frame:
    """Rows of which nothing is known: no diagnosis, no ward, no group, no figure."""
    rows = len(frame)
    columns = {name: frame.known[name] for name in frame.known.schema.names}
    for name in ("dx", "px", "department"):
        columns[name] = pa.nulls(rows, frame.known.schema.field(name).type)
    known = pa.RecordBatch.from_arrays(list(columns.values()), schema=frame.known.schema)
    words = dict.fromkeys((GROUP, ADRG, MDC), ("?invalid",))
    codes = {level: np.zeros(rows, np.int64) for level in words}
    bare = Levels(words, codes, np.full(rows, "invalid", object), {})
    features = np.full_like(frame.features, np.nan)
    return replace(frame, known=known, bare=bare, features=features)


def test_of_a_case_of_which_nothing_is_known_little_is_said() -> None:
    frame = blank(unseen()[0].take(np.arange(20)))
    found = taught()[0].predict(frame)
    assert np.isfinite(found.probability).all()
    assert (found.probability[:, 0] < 0.5).all()
    assert (found.other() > 0.1).all()


def test_no_rows_have_no_forecast() -> None:
    model, _ = taught()
    none = unseen()[0].take(np.zeros(0, np.int64))
    found = model.predict(none)
    assert len(found) == 0
    assert found.at(GROUP)[0].shape == (0,)
    assert model.calibrated(none, hospital().truth) is model
    with pytest.raises(ForecastError, match="FORECAST_TOO_LITTLE"):
        GroupModel.trained(none, hospital().truth, settings())


def test_invalid_final_records_are_asked_about_but_not_learnt_from() -> None:
    made = hospital()
    fit = made.frame.take(made.earlier[:1200])
    valid = made.truth.valid.copy()
    valid[fit.stay[::10]] = False
    truth = replace(made.truth, valid=valid)
    model, held = GroupModel.trained(fit, truth, settings(rounds=2))
    bad = np.flatnonzero(~valid[fit.stay])
    same(held, bad, model.predict(fit.take(bad)))
    learnt = fit.take(np.flatnonzero(valid[fit.stay]))
    alone, _ = GroupModel.trained(learnt, truth, settings(rounds=2))
    assert alone.files() == model.files()


def test_without_trees_the_transitions_speak() -> None:
    """Two stays of one group each: no row has the right candidate among those of others."""
    made = hospital()
    stays = np.unique(made.frame.stay[made.earlier])
    finals = made.truth.levels.texts(GROUP)
    single = [stay for stay in stays if (finals == finals[stay]).sum() == 1][:2]
    rows = np.flatnonzero(
        np.isin(made.frame.stay, single) & (made.frame.bare.texts(GROUP) != finals[made.frame.stay])
    )
    model, held = GroupModel.trained(made.frame.take(rows), made.truth, settings())
    assert model.parts.ranker is None
    assert model.gains() == {}
    assert len(held) == len(rows)
    again = GroupModel.read(model.files())
    frame = made.frame.take(made.later[:50])
    same(model.predict(frame), slice(0, 50), again.predict(frame))


def test_taught_without_held_out_forecasts_it_is_the_same_model() -> None:
    made = hospital()
    fit, check = (made.frame.take(rows) for rows in (made.earlier[:800], made.later[::2]))
    short = GroupModel.taught(fit, made.truth, settings(rounds=2))
    whole, _ = GroupModel.trained(fit, made.truth, settings(rounds=2))
    assert short.parts.calibration.temperature.tolist() == [1.0] * 14
    again = short.calibrated(check, made.truth).files()
    assert again == whole.calibrated(check, made.truth).files()


def test_what_the_trees_learnt_from_is_told() -> None:
    gains = taught()[0].gains()
    assert sum(gains.values()) == pytest.approx(1.0)
    assert gains["log_prior"] > 0


SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@asking(max_examples=examples(60), deadline=None)
@given(st.lists(SHARES, min_size=1, max_size=5), st.data())
def test_levels_add_up(rows: list[list[float]], data: st.DataObject) -> None:
    width = max(map(len, rows))
    names = tuple(f"g{n}" for n in range(8))
    adrg = tuple(data.draw(st.sampled_from("abc")) for _ in names)
    code = np.full((len(rows), width), PAD)
    probability = np.zeros((len(rows), width))
    for row, shares in enumerate(rows):
        total = max(sum(shares), 1.0)
        named = data.draw(st.permutations(range(8)))[: len(shares)]
        code[row, : len(shares)] = named
        probability[row, : len(shares)] = sorted((s / total for s in shares), reverse=True)
    found = GroupForecast(code, probability, names, adrg, ("m",) * 8)
    words, chances = found.at(ADRG)
    for row in range(len(rows)):
        sums: dict[str, float] = {}
        for place, p in zip(code[row], probability[row], strict=True):
            if place != PAD:
                sums[adrg[place]] = sums.get(adrg[place], 0.0) + p
        assert chances[row] == pytest.approx(max(sums.values()))
        assert sums[words[row]] == pytest.approx(max(sums.values()))
    assert found.at(MDC)[1] == pytest.approx(1 - found.other(), abs=1e-9)
    assert found.take(np.array([0])).at(ADRG)[0][0] == words[0]


def test_rows_without_any_group_have_the_empty_word() -> None:
    empty = GroupForecast(np.zeros((2, 0), np.int64), np.zeros((2, 0)), (), (), ())
    assert empty.at(ADRG)[0].tolist() == ["", ""]
    assert empty.other().tolist() == [1.0, 1.0]
    padded = GroupForecast(np.full((1, 2), PAD), np.zeros((1, 2)), ("a",), ("b",), ("c",))
    assert padded.at(GROUP)[0].tolist() == [""]
    assert padded.at(GROUP)[1].tolist() == [0.0]

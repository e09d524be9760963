"""Cost, stay and payment of running cases: what the model says of an invented hospital."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from forecast_amounts_asked_support import BOUNDS, asked, same, unseen
from forecast_amounts_support import HOW, TERMS, model, small

from grouper.forecast.amounts.anchors import anchors_of
from grouper.forecast.amounts.candidates import candidates_of, of_truth
from grouper.forecast.amounts.model import AmountModel
from grouper.forecast.errors import ForecastError
from grouper.forecast.groups.forecast import GroupForecast
from grouper.forecast.levels import ALL, GROUP
from grouper.forecast.result import AMOUNTS, MEASURES, ForecastReason
from grouper.forecast.tables import toml
from grouper.payment.place import Terms
from grouper.payment.reasons import PayReason


def test_bounds_are_in_order_and_nothing_is_below_what_is_known() -> None:
    frame, _, _ = unseen()
    found = asked()
    for measure in MEASURES:
        some = np.isfinite(found.low[measure])
        assert some.mean() > 0.9, measure
        assert (found.low[measure] <= found.middle[measure])[some].all()
        assert (found.middle[measure] <= found.high[measure])[some].all()
    charged = np.maximum(frame.snapshots.cost(), 0.0)
    for bound in ("low", "middle", "high"):
        assert (getattr(found, bound)["cost"] >= np.round(charged, 2)).all()
        assert (getattr(found, bound)["los"] >= np.maximum(frame.day, 1)).all()
    unpriced = np.isnan(found.low["amount"])
    assert (found.pay_reason[unpriced] != "").all()
    assert (found.pay_reason[~unpriced] == "").all()


def test_intervals_of_unseen_stays_hold_about_their_share() -> None:
    rows = small().later[1::2]
    frame, groups = small().frame.take(rows), small().groups(rows)
    found = model().predict(frame, groups, TERMS)
    came = small().truth.take(frame.stay)
    outcomes = {"cost": came.cost, "los": came.los.astype(float)} | came.money
    for measure in MEASURES:
        some = np.isfinite(outcomes[measure]) & np.isfinite(found.low[measure])
        inside = (outcomes[measure] >= found.low[measure] - 0.006) & (
            outcomes[measure] <= found.high[measure] + 0.006
        )
        # The same stays stand on both sides, on other days; so few rows only come near the share.
        assert 0.82 <= inside[some].mean() <= 0.98, measure


def test_the_forecast_beats_the_mean_of_the_group() -> None:
    frame, _, _ = unseen(10_000)
    came = small().truth.take(frame.stay).cost
    found = asked(10_000)
    levels = frame.bare
    pairs = of_truth(levels.codes, levels.words, model().cards)
    typical = anchors_of(frame, pairs, model().cards, model().history).typical.cost
    late = (frame.day >= 3) & np.isfinite(came)
    error = np.abs(found.middle["cost"] - came)[late].mean()
    assert error < 0.8 * np.abs(typical - came)[late].mean()


def test_one_case_is_as_in_the_batch_and_order_does_not_matter() -> None:
    frame, groups, _ = unseen(120)
    whole = model().predict(frame, groups, TERMS)
    for row in (0, 17, 63):
        at = np.array([row])
        same(whole, model().predict(frame.take(at), groups.take(at), TERMS), at)
    back = np.arange(120)[::-1]
    same(whole, model().predict(frame.take(back), groups.take(back), TERMS), back)


def test_pieces_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, groups, _ = unseen(90)
    whole = model().predict(frame, groups, TERMS)
    monkeypatch.setattr("grouper.forecast.amounts.model._CHUNK", 37)
    pieces = model().predict(frame, groups, TERMS)
    same(whole, pieces, np.arange(90))
    for reason in whole.warnings:
        assert whole.warnings[reason].tolist() == pieces.warnings[reason].tolist()
    nobody = np.zeros(0, np.int64)
    assert len(model().predict(frame.take(nobody), groups.take(nobody), TERMS).basis) == 0


def test_training_is_deterministic_and_files_give_it_back() -> None:
    made = small()
    fit = made.frame.take(made.earlier)
    again = AmountModel.trained(fit, made.truth, HOW)
    files = model().files()
    for name in ("cards.arrow", "history.arrow", "cost.ubj", "stay.ubj"):
        assert again.files()[name] == files[name], name
    frame, groups, _ = unseen(60)
    read = AmountModel.read(files)
    same(model().predict(frame, groups, TERMS), read.predict(frame, groups, TERMS), np.arange(60))
    assert read.files() == files


@pytest.mark.parametrize("name", ["model.json", "cards.arrow", "history.arrow", "cost.ubj"])
def test_a_spoiled_file_is_named(name: str) -> None:
    files = model().files()
    with pytest.raises(ForecastError) as told:
        AmountModel.read({**files, name: files[name][: len(files[name]) // 2]})
    assert told.value.code == "FORECAST_MODEL_UNREADABLE"
    with pytest.raises(ForecastError):
        AmountModel.read({key: raw for key, raw in files.items() if key != name})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 0),
        ("features", ["day"]),
        ("history_days", [0]),
        ("alphas", [0.9, 0.1]),
        ("alphas", [0.5]),
        ("outside", {"usual": [0.1], "spread": []}),
        ("depths", {"weight": {}}),
        ("long_day", "many"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(key: str, value: object) -> None:
    files = model().files()
    card = json.loads(files["model.json"]) | {key: value}
    with pytest.raises(ForecastError) as told:
        AmountModel.read({**files, "model.json": json.dumps(card).encode()})
    assert told.value.code == "FORECAST_MODEL_UNREADABLE"


def test_what_cannot_be_priced_has_no_number_and_its_reason() -> None:
    frame, groups, _ = unseen(30)
    nowhere = Terms(region="demo", changes={})
    lost = replace(
        frame,
        known=frame.known.set_column(
            frame.known.schema.get_field_index("region"),
            "region",
            pa.array(["nowhere"] * 30).cast(frame.known.schema.field("region").type),
        ),
    )
    found = model().predict(lost, groups, nowhere)
    for measure in AMOUNTS:
        for bound in BOUNDS:
            assert np.isnan(getattr(found, bound)[measure]).all()
    assert set(found.pay_reason) == {PayReason.REGION_UNKNOWN}
    assert np.isfinite(found.low["cost"]).all()


def test_a_group_of_another_scheme_is_not_priced() -> None:
    frame, groups, _ = unseen(20)
    other = frame.results.set_column(
        0, "scheme", pa.array(["dip-3.0"] * 20).cast(frame.results.schema.field("scheme").type)
    )
    elsewhere = replace(frame, results=other)
    names = groups.names
    strange = next(n for n in model().cards.names if n not in names and not n.startswith("?"))
    place = model().cards.places[strange]
    one = GroupForecast(
        np.zeros((20, 1), np.int64),
        np.ones((20, 1)),
        (strange,),
        (model().cards.adrg[place],),
        (model().cards.mdc[place],),
    )
    found = model().predict(elsewhere, one, TERMS)
    assert set(found.pay_reason) == {ForecastReason.NEW_SCHEME}


def test_a_group_that_nobody_knows_has_no_payment() -> None:
    frame, _, _ = unseen(5)
    one = GroupForecast(np.zeros((5, 1), np.int64), np.ones((5, 1)), ("Y99.9",), ("Y99",), ("Y",))
    found = model().predict(frame, one, TERMS)
    assert set(found.pay_reason) == {ForecastReason.UNPRICED}
    assert set(found.basis) == {"all"}
    assert found.warnings[ForecastReason.RARE_GROUP].all()
    assert np.isfinite(found.middle["cost"]).all()


def test_a_group_that_stands_for_others_elsewhere_is_still_the_bare_answer() -> None:
    """It has two places among the words of a batch; of one case alone it had but one."""
    frame, groups, _ = unseen(120)
    stand_ins = model().stand_ins
    chosen = sorted({card for cards in stand_ins.by_mdc.values() for card in cards})
    bare = frame.bare.texts(GROUP)
    names = np.array(model().cards.names, object)[chosen]
    rows = np.flatnonzero(np.isin(bare, names))[:6]
    assert len(rows), "no such row"
    # The other rows are followed by stand-ins alone, so that their words are in the batch.
    others = np.setdiff1d(np.arange(120), rows)
    code, probability = groups.code.copy(), groups.probability.copy()
    code[others], probability[others] = -1, 0.0
    asked_for = replace(groups, code=code, probability=probability)
    pairs = candidates_of(asked_for, model().cards, stand_ins)
    words = pairs.words[GROUP][1]
    assert len(set(words)) < len(words)
    wanted = np.array(words, object)[pairs.words[GROUP][0]] == bare[pairs.row]
    assert pairs.are_bare(frame.bare).tolist() == wanted.tolist()
    assert wanted[np.isin(pairs.row, rows)].any()
    batch = model().predict(frame, asked_for, TERMS)
    for row in rows.tolist():
        one = np.array([row])
        same(batch, model().predict(frame.take(one), asked_for.take(one), TERMS), one)


def test_without_any_history_intervals_are_wider_and_no_payment_is_one_figure() -> None:
    frame, groups, _ = unseen(40)
    whole = model().predict(frame, groups, TERMS)
    before = whole.warnings[ForecastReason.HISTORY]
    assert before.tolist() == (whole.basis == ALL).tolist()
    assert not before.all()
    levels = model().history.levels
    bare = {
        name: replace(tally, sums=tally.sums * 0.01) if name != ALL else tally
        for name, tally in levels.items()
    }
    unlike = replace(model(), history=replace(model().history, levels=bare))
    wide = unlike.predict(frame, groups, TERMS)
    assert wide.warnings[ForecastReason.HISTORY].all()
    assert set(wide.basis) == {ALL}
    plan = toml("amounts.toml")
    factor = plan["doubts"]["history"] * plan["doubts"]["history_payment"]
    least = 2 * factor * plan["payment"]["least_scale"]
    one, other = (np.log(each.high["cost"] + 1.0) for each in (wide, whole))
    assert (one[~before] > other[~before]).mean() > 0.7
    some = np.isfinite(wide.high["amount"])
    assert some.any()
    width = (wide.high["amount"] - wide.low["amount"])[some]
    assert (width >= least * np.maximum(wide.middle["cost"][some], 1.0) - 0.02).all()


def test_effects_come_with_the_amounts() -> None:
    frame, groups, _ = unseen(30)
    found, told = model().explained(frame, groups, TERMS, 4)
    same(found, model().predict(frame, groups, TERMS), np.arange(30))
    # A feature may have no value, and NaN is not itself.
    assert repr(told) == repr(model().drivers(frame, groups, 4))


def test_rows_without_any_group_are_followed_by_stand_ins() -> None:
    frame, groups, _ = unseen(4)
    none = replace(
        groups.take(np.arange(4)), code=np.full((4, 2), -1), probability=np.zeros((4, 2))
    )
    pairs = candidates_of(none, model().cards, model().stand_ins)
    assert (~pairs.named).all()
    assert np.bincount(pairs.row, pairs.probability).tolist() == pytest.approx([1.0] * 4)
    assert len(pairs.first) == 4
    found = model().predict(frame, none, TERMS)
    assert np.isfinite(found.middle["cost"]).all()


def test_a_forecast_without_any_group_column_is_followed_as_well() -> None:
    frame, groups, _ = unseen(3)
    none = replace(groups, code=np.zeros((3, 0), np.int64), probability=np.zeros((3, 0)))
    found = model().predict(frame, none, TERMS)
    assert np.isfinite(found.middle["cost"]).all()


def test_before_calibration_the_bounds_are_the_models_own() -> None:
    frame, groups, _ = unseen(40)
    bare = replace(model(), depths={}, factors={})
    found = bare.predict(frame, groups, TERMS)
    for measure in MEASURES:
        some = np.isfinite(found.low[measure])
        assert some.any()
        assert (found.low[measure] <= found.high[measure])[some].all()


def test_without_outcomes_there_is_no_payment() -> None:
    made = small()
    half = made.later[::2]
    truth = replace(
        made.truth,
        money={name: np.full_like(one, np.nan) for name, one in made.truth.money.items()},
    )
    frame, groups = made.frame.take(half), made.groups(half)
    found = model().calibrated(frame, truth, groups, TERMS).predict(frame, groups, TERMS)
    for measure in AMOUNTS:
        for bound in BOUNDS:
            assert np.isnan(getattr(found, bound)[measure]).all()
    assert ForecastReason.HISTORY in set(found.pay_reason)
    assert "" not in set(found.pay_reason)
    assert np.isfinite(found.high["cost"]).all()


def test_stays_without_a_cost_cannot_be_learnt_from() -> None:
    made = small()
    truth = replace(made.truth, cost=np.full_like(made.truth.cost, np.nan))
    fit = made.frame.take(made.earlier[:50])
    with pytest.raises(ForecastError) as told:
        AmountModel.trained(fit, truth, HOW)
    assert told.value.code == "FORECAST_TOO_LITTLE"

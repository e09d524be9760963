"""Cost, stay and payment of running cases: what the model says of an invented hospital."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from forecast_amounts_support import HOW, TERMS, model, small

from codebooks.messages import text
from grouper.forecast import features
from grouper.forecast.amounts.anchors import anchors_of, names
from grouper.forecast.amounts.candidates import candidates_of, of_truth
from grouper.forecast.amounts.cards import Cards
from grouper.forecast.amounts.doubts import doubts_of, widening
from grouper.forecast.amounts.drivers import drivers, effects_of
from grouper.forecast.amounts.history import day_places, facts_of
from grouper.forecast.amounts.model import AmountModel, Amounts
from grouper.forecast.amounts.outside import PARTS, moved
from grouper.forecast.amounts.payment import price_candidates
from grouper.forecast.errors import ForecastError
from grouper.forecast.frame import Frame
from grouper.forecast.groups.forecast import GroupForecast
from grouper.forecast.levels import ALL, GROUP
from grouper.forecast.result import AMOUNTS, MEASURES, ForecastReason
from grouper.forecast.tables import toml
from grouper.payment.batch import price_batch
from grouper.payment.columns import HISTORY_SCHEMA
from grouper.payment.place import Terms
from grouper.payment.reasons import PayReason
from grouper.schemes.protocol import RESULT_SCHEMA

BOUNDS = ("low", "middle", "high", "mean")


def unseen(most: int = 200) -> tuple[Frame, GroupForecast, np.ndarray]:
    """Snapshots that neither training nor calibration has seen."""
    rows = small().later[1::2][:most]
    return small().frame.take(rows), small().groups(rows), rows


def asked(most: int = 200) -> Amounts:
    frame, groups, _ = unseen(most)
    return model().predict(frame, groups, TERMS)


def same(one: Amounts, other: Amounts, rows: np.ndarray) -> None:
    for bound in BOUNDS:
        for measure in MEASURES:
            left = getattr(one, bound)[measure][rows]
            right = getattr(other, bound)[measure]
            np.testing.assert_array_equal(left, right, err_msg=f"{measure} {bound}")
    assert one.pay_reason[rows].tolist() == other.pay_reason.tolist()
    assert one.basis[rows].tolist() == other.basis.tolist()


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


def test_a_history_without_a_stay_forgets_it() -> None:
    """Taking the own stay off is the history that never saw it."""
    made, history = small(), model().history
    stays = np.unique(made.frame.take(made.earlier).stay)
    own = made.truth.take(stays)
    keep = np.isfinite(own.cost) & (own.cost > 0) & (own.los > 0)
    stays, own = stays[keep], made.truth.take(stays[keep])
    cards, words = model().cards, {}
    for level in ("group", "adrg", "mdc"):
        words[level] = own.levels.texts(level)
    weights = np.array([cards.log_weight[cards.places[name]] for name in words["group"]])
    weights = np.where(np.isnan(weights), np.nanmean(weights), weights)
    facts = facts_of(made.frame.snapshots, stays, own.cost, weights)
    day = np.array([2])
    for stay in (0, 5, 40):
        one = {level: [texts[stay]] for level, texts in words.items()}
        left = np.arange(len(stays)) != stay
        without = type(history).of(
            facts.take(np.flatnonzero(left)), {k: v[left] for k, v in words.items()}
        )
        whole = type(history).of(facts, words)
        weight = np.array([weights[stay]])
        taken = whole.typical(whole.places(one), weight, day, facts.take(np.array([stay])))
        fresh = without.typical(without.places(one), weight, day)
        for field in ("log_cost", "spread", "cost", "los", "left", "days_left", "charged"):
            np.testing.assert_allclose(getattr(taken, field), getattr(fresh, field), rtol=1e-6)
        assert taken.cases == fresh.cases
        assert taken.basis == fresh.basis
        assert taken.basis_cases == fresh.basis_cases


def test_a_group_without_stays_leans_on_the_levels_above() -> None:
    history = model().history
    known = model().cards.names.index("J18.9") if "J18.9" in model().cards.names else 0
    name = model().cards.names[known]
    mdc, adrg = model().cards.mdc[known], model().cards.adrg[known]
    words = {
        "group": [name, "J99.9x", "J99.9x", "Q99"],
        "adrg": [adrg, adrg, "J99", "Q99"],
        "mdc": [mdc, mdc, mdc, "?"],
    }
    weight = np.log(np.array([500.0, 500.0, 1000.0, np.nan]))
    found = history.typical(history.places(words), weight, np.array([1, 1, 1, 1]))
    assert found.cases[1] == found.cases[2] == found.cases[3] == 0
    assert (found.basis[1:] >= 1).all()
    assert found.basis[3] == 3
    assert found.basis_cases[3] == history.levels["all"].sums[0, 0]
    # With no stays at all the cost follows from the weight.
    assert found.cost[2] == pytest.approx(2 * 500 / np.exp(weight[1]) * found.cost[2] / 2)
    twice = history.typical(
        history.places({"group": ["a"] * 2, "adrg": ["a"] * 2, "mdc": ["a"] * 2}),
        np.log(np.array([300.0, 600.0])),
        np.array([0, 0]),
    )
    assert twice.cost[1] == pytest.approx(2 * twice.cost[0])
    assert twice.log_cost[1] - twice.log_cost[0] == pytest.approx(np.log(2))
    assert twice.los[0] == pytest.approx(twice.los[1])


def test_days_of_the_history() -> None:
    assert day_places(np.array([0, 1, 15, 16, 17, 9999])).tolist() == [0, 1, 14, 15, 15, 26]


def test_payments_are_those_of_the_pricing_code() -> None:
    """The final group at the final cost is paid as the final record, where shares are known alike."""
    made = small()
    rows = made.later[:300]
    frame = made.frame.take(rows)
    own = made.truth.take(frame.stay)
    pairs = of_truth(own.levels.codes, own.levels.words, model().cards.and_bare(frame))
    outside = replace(model().outside, spread=np.zeros_like(model().outside.spread))
    paid = price_candidates(
        frame,
        pairs,
        model().cards.and_bare(frame),
        own.cost[:, None],
        own.los[:, None].astype(float),
        outside,
        TERMS,
    )
    some = np.isfinite(own.money["amount"]) & (paid.reason == "")
    assert some.mean() > 0.85
    alike = np.abs(paid.money["amount"][:, 0] - own.money["amount"])[some] < 0.011
    # A single-disease quota and day surgery may hang on codes that are not known yet.
    assert alike.mean() > 0.97
    strange = ~np.isfinite(own.money["amount"]) & own.valid
    assert (paid.reason[~own.valid] != "").all() or strange.any()


def test_a_candidate_is_priced_as_price_batch_prices_it() -> None:
    frame, groups, _ = unseen(40)
    pairs = candidates_of(groups, model().cards, model().stand_ins)
    outside = replace(
        model().outside, spread=np.zeros_like(model().outside.spread), usual=np.zeros(3)
    )
    costs = np.full((len(pairs), 1), 4321.99)
    stays = np.full((len(pairs), 1), 9.0)
    paid = price_candidates(frame, pairs, model().cards, costs, stays, outside, TERMS)
    pair = int(np.flatnonzero((pairs.slot == 0) & (paid.reason == ""))[0])
    row = int(pairs.row[pair])
    case = {name: frame.known[name][row].as_py() for name in frame.known.schema.names}
    case |= {name: frame.results[name][row].as_py() for name in RESULT_SCHEMA.names}
    case |= dict.fromkeys(("year_deductible", "year_basic", "year_burden", "year_critical"), 0)
    case |= dict.fromkeys(HISTORY_SCHEMA.names, -1)
    shares = outside.shares(frame.take(np.array([row])))[0]
    parts = np.floor(shares * 432199) / 100
    case |= dict(zip(PARTS, parts.tolist(), strict=True))
    case |= {"total_cost": 4321.99, "los": 9, "scope_cost": round(4321.99 - parts.sum(), 2)}
    start = case["admission_time"].date()
    end = case["discharge_time"]
    case["discharge_time"] = end.replace(
        year=start.year, month=start.month, day=start.day
    ) + __import__("datetime").timedelta(days=9)
    fields = [*frame.known.schema, *RESULT_SCHEMA, *HISTORY_SCHEMA]
    arrays = []
    for field in fields:
        value = case[field.name]
        if pa.types.is_decimal(field.type) and value is not None:
            arrays.append(pa.array([str(value)]).cast(field.type))
        else:
            arrays.append(pa.array([value], field.type))
    batch = pa.RecordBatch.from_arrays(arrays, [field.name for field in fields])
    wanted = price_batch(batch, TERMS)
    for measure in AMOUNTS:
        value = wanted[measure][0].as_py()
        assert value is not None
        assert paid.money[measure][pair, 0] == pytest.approx(float(value))


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


def test_candidates_sum_to_one_and_the_rest_stands_in_its_mdc() -> None:
    _, groups, _ = unseen()
    pairs = candidates_of(groups, model().cards, model().stand_ins)
    sums = np.bincount(pairs.row, pairs.probability)
    np.testing.assert_allclose(sums, 1.0)
    other = np.bincount(pairs.row, np.where(pairs.named, 0.0, pairs.probability))
    np.testing.assert_allclose(other, 0.1, atol=1e-9)
    mdc, _ = groups.at("mdc")
    known = set(model().cards.mdc)
    for row, card in zip(pairs.row[~pairs.named], pairs.card[~pairs.named], strict=True):
        if mdc[row] in known:
            assert model().cards.mdc[card] == mdc[row]


def test_doubts_widen_what_training_could_not_see() -> None:
    frame, groups, _ = unseen(60)
    whole = model().predict(frame, groups, TERMS)
    strange = replace(model(), categories=frozenset({"Z99"}))
    wide = strange.predict(frame, groups, TERMS)
    assert wide.warnings[ForecastReason.NEW_CODE].any()
    rows = wide.warnings[ForecastReason.NEW_CODE] & ~whole.warnings[ForecastReason.NEW_CODE]
    one, other = (each.high["cost"] - each.low["cost"] for each in (wide, whole))
    assert (one[rows] >= other[rows]).all()
    assert one[rows].mean() > 1.2 * other[rows].mean()
    np.testing.assert_allclose(one[~rows], other[~rows])
    place = features.names().index("department")
    matrix = frame.features.copy()
    matrix[:5, place] = np.nan
    matrix[5:9, features.names().index("refunded")] = 0.9
    found = doubts_of(replace(frame, features=matrix), model().categories, -1)
    assert found[ForecastReason.NEW_DEPARTMENT].sum() == 5
    assert found[ForecastReason.REVERSED].sum() >= 4
    assert found[ForecastReason.TOO_LONG].all()
    factor = widening(found, 60)
    assert factor[0] > factor[20] > 1.0
    assert widening({ForecastReason.RARE_GROUP: np.ones(3, bool)}, 3).tolist() == [1.0] * 3


def test_effects_sum_to_the_median_less_the_usual_cost() -> None:
    frame, groups, _ = unseen(50)
    pairs = candidates_of(groups, model().cards, model().stand_ins)
    anchors = anchors_of(frame, pairs, model().cards, model().history)
    effects, values = effects_of(model().outcome, anchors, pairs)
    first = pairs.first
    log = model().outcome.cost.predict(anchors.matrix[first])[:, 1]
    common = model().outcome.cost.contributions(anchors.matrix[first], 0.5)[:, -1]
    assert len(set(common.tolist())) == 1
    usual = np.exp(common) * (anchors.cost[first] + 1)
    median = np.exp(log) * (anchors.cost[first] + 1)
    np.testing.assert_allclose(effects.sum(axis=1), median - usual, rtol=1e-3, atol=0.5)
    age = drivers().index("age")
    np.testing.assert_allclose(values[:, age], frame.features[:, features.names().index("age")])
    cost = drivers().index("cost")
    np.testing.assert_allclose(values[:, cost], frame.snapshots.cost(), rtol=1e-3, atol=0.01)
    told = model().drivers(frame, groups, 4)
    assert len(told) == 50
    assert max(len(row) for row in told) == 4
    for row in told:
        sizes = [abs(one.effect) for one in row]
        assert sizes == sorted(sizes, reverse=True)
        assert all(size >= 10 for size in sizes)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_feature_and_driver_has_words(lang: str) -> None:
    for name in {*names(), *drivers()}:
        words = text(f"feature.{name}", lang)
        assert words
        assert name == words or "feature." not in words
    line = text("forecast_driver.adds", lang, feature="x", effect="4,100")
    assert "4,100" in line
    assert line != text("forecast_driver.saves", lang, feature="x", effect="4,100")


def test_cards_hold_the_commonest_grouping() -> None:
    results = pa.table(
        {
            field.name: pa.array(values, pa.string()).cast(field.type)
            for field, values in zip(
                RESULT_SCHEMA,
                [
                    ["s"] * 4,
                    ["grouped"] * 3 + ["ungrouped"],
                    [None] * 3 + ["X"],
                    ["W", None, None, None],
                    [None] * 4,
                    [None] * 4,
                    ["J18.9", "J18.9", "J18.9", None],
                    ["肺炎"] * 3 + [None],
                    [None] * 4,
                    ["HX"] * 4,
                    ["100.5", "100.5", "99", None],
                ],
                strict=True,
            )
        }
    )
    cases = pa.table(
        {
            "dx": [["J18.900"], ["J18.901"], ["J18.901", "I10"], None],
            "px": [None, ["33.1"], [], None],
        }
    )
    cards = Cards.of(results, cases)
    assert cards.names == ("?ungrouped", "J18.9")
    row = cards.table.to_pylist()[1]
    assert (row["card_dx"], row["card_px"], row["warnings"]) == ("J18.901", "33.1", None)
    assert str(row["weight"]) == "100.500000"
    assert np.isnan(cards.log_weight[0])
    assert cards.log_weight[1] == pytest.approx(np.log(100.5))
    assert cards.adrg == ("?ungrouped", "J18")
    assert cards.mdc == ("?ungrouped", "J")


def test_moved_shares_stay_shares() -> None:
    shares = np.array([[0.1, 0.1, 0.2], [0.0, 0.0, 0.0], [0.5, 0.3, 0.2]])
    found = moved(shares, np.array([0.4, 0.1, 0.5]))
    np.testing.assert_allclose(found, [[0.2, 0.2, 0.4], [0.1, 0.0, 0.0], [0.5, 0.3, 0.2]])
    assert (moved(shares, np.full(3, -2.0)) == 0).all()


def test_bare_answers_without_a_card_bring_their_own() -> None:
    frame, _, _ = unseen(80)
    cards = Cards(model().cards.table.slice(0, 0))
    more = cards.and_bare(frame)
    assert set(more.names) == set(frame.bare.texts(GROUP))
    assert more.and_bare(frame) is more

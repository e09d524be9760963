"""The parts of the model of amounts: history, candidates, payment, doubts, effects, cards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from forecast_amounts_asked_support import unseen
from forecast_amounts_support import TERMS, model, small

from codebooks.messages import text
from grouper.forecast import features
from grouper.forecast.amounts.anchors import anchors_of, names
from grouper.forecast.amounts.candidates import candidates_of, of_truth
from grouper.forecast.amounts.cards import Cards
from grouper.forecast.amounts.doubts import doubts_of, widening
from grouper.forecast.amounts.drivers import drivers, effects_of
from grouper.forecast.amounts.history import day_places, facts_of
from grouper.forecast.amounts.outside import PARTS, moved
from grouper.forecast.amounts.payment import price_candidates
from grouper.forecast.levels import GROUP
from grouper.forecast.result import AMOUNTS, ForecastReason
from grouper.payment.batch import price_batch
from grouper.payment.columns import HISTORY_SCHEMA
from grouper.schemes.protocol import RESULT_SCHEMA


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

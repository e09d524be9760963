"""Scores of forecasts: small tables by hand, the margins' bootstrap, the report in all its forms."""

from __future__ import annotations

import html.parser
import json
from dataclasses import fields, replace
from decimal import Decimal
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from evaluation_support import judged_rows
from hypothesis import example, given
from hypothesis import strategies as st

from grouper.forecast.evaluation.calibration import parts, quantiles, reliability
from grouper.forecast.evaluation.chances import chances
from grouper.forecast.evaluation.charts import Line, diagonal_chart, line_chart, ticks_of
from grouper.forecast.evaluation.evaluation import Evaluation
from grouper.forecast.evaluation.judged import Judged, judged
from grouper.forecast.evaluation.margins import Rival, margins
from grouper.forecast.evaluation.plan import Judging
from grouper.forecast.evaluation.report import page
from grouper.forecast.evaluation.scores import scores
from grouper.forecast.evaluation.words import best, lines, number, percent, table, tick
from grouper.forecast.frame import Truth
from grouper.forecast.levels import ADRG, GROUP, MDC, Levels
from grouper.forecast.result import AMOUNTS, FORECAST_SCHEMA, MEASURES

JUDGING = replace(Judging.shipped(), draws=40, least_stays=10, most_groups=5)


def levels(groups: list[str]) -> Levels:
    words = {
        level: tuple(dict.fromkeys(g[:size] for g in groups))
        for level, size in ((GROUP, 9), (ADRG, 2), (MDC, 1))
    }
    codes = {
        level: np.array([words[level].index(g[:size]) for g in groups], np.int64)
        for level, size in ((GROUP, 9), (ADRG, 2), (MDC, 1))
    }
    return Levels(words, codes, np.full(len(groups), "grouped", object), {})


def answers(rows: list[dict]) -> pa.Table:
    """Forecasts of a few fields; the rest is empty."""
    columns = [
        pa.array([row.get(field.name) for row in rows], field.type) for field in FORECAST_SCHEMA
    ]
    return pa.table(columns, FORECAST_SCHEMA)


def likely(*pairs: tuple[str, float]) -> dict:
    groups = [
        {"group": g, "name": g, "adrg": g[:2], "mdc": g[0], "probability": p} for g, p in pairs
    ]
    return {"groups": groups, "other_probability": 1 - sum(p for _, p in pairs)}


def test_hits_add_up_over_the_groups_of_an_adrg() -> None:
    rows = [
        {**likely(("A1x", 0.4), ("B1x", 0.35), ("B1y", 0.2)), "adrg": "B1", "mdc": "B"},
        {
            **likely(("A1x", 0.4), ("B1x", 0.3), ("C1x", 0.1), ("C2x", 0.05)),
            "adrg": "A1",
            "mdc": "A",
        },
        {"groups": [], "other_probability": 1.0},
    ]
    truth = levels(["B1y", "C2x", "A1x"])
    bare = {GROUP: np.array(["B1x", "C2x", "?"], object), ADRG: np.array(["B1", "C2", "?"], object)}
    found = chances(answers(rows), truth, bare, {}, None)
    assert found["group.top1"].tolist() == [0, 0, 0]
    assert found["group.top3"].tolist() == [1, 0, 0]
    assert found["adrg.top1"].tolist() == [1, 0, 0]
    assert found["mdc.top1"].tolist() == [1, 0, 0]
    # C1x and C2x are one MDC: 0.15 is the third.
    assert found["mdc.top3"].tolist() == [1, 1, 0]
    assert found["adrg.top3"].tolist() == [1, 0, 0]
    assert found["group.bare"].tolist() == [0, 1, 0]
    assert found["adrg.bare"].tolist() == [1, 1, 0]
    assert "mdc.bare" not in found
    assert "loss" not in found
    assert found["group.probability"][:2].tolist() == [0.4, 0.4]


def test_what_is_not_named_is_spread_as_in_training() -> None:
    rows = [{**likely(("A", 0.6), ("B", 0.2))}, {**likely(("A", 0.6), ("B", 0.2))}]
    frequencies = {"A": 0.5, "B": 0.2, "C": 0.2, "D": 0.05}
    bare = {GROUP: np.array(["A", "C"], object)}
    sure = np.array([0.7, 0.7])
    found = chances(answers(rows), levels(["B", "C"]), bare, frequencies, sure)
    # The second: 0.2 is left, C is 0.2 of the 0.3 that training gives to what is not named.
    left = 0.2 * 0.2 / 0.3
    assert found["loss"] == pytest.approx(-np.log([0.2, left]))
    squares = 0.6**2 + 0.2**2
    assert found["brier"] == pytest.approx(
        [squares - 2 * 0.2 + 1, squares - 2 * left + 1 + left**2]
    )
    of_bare = 0.3 * 0.2 / 0.5
    assert found["bare_loss"] == pytest.approx(-np.log([of_bare, 0.7]))
    assert found["bare_brier"][1] == pytest.approx(0.7**2 - 2 * 0.7 + 1)


@given(
    chance=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    truth=st.sampled_from(list("ABCDEZ")),
)
def test_losses_are_finite_whatever_is_said(chance: list[float], truth: str) -> None:
    total = max(sum(chance), 1.0)
    pairs = sorted(
        ((g, c / total) for g, c in zip("ABCD", chance, strict=False)), key=lambda p: -p[1]
    )
    bare = {GROUP: np.array(["A"], object)}
    frequencies = {"A": 0.6, "B": 0.2, "E": 0.1}
    found = chances(answers([likely(*pairs)]), levels([truth]), bare, frequencies, np.array([1.0]))
    for key in ("loss", "brier", "bare_loss", "bare_brier"):
        assert np.isfinite(found[key]).all()
        assert (found[key] >= 0).all()


def small(costs: list[float], rows: list[dict], **more: object) -> Judged:
    """Judged forecasts of cost alone."""
    size = len(costs)
    none = np.full(size, np.nan)
    truth = Truth(
        levels(["A1x"] * size),
        np.ones(size, bool),
        np.array(costs, np.float64),
        np.full(size, 3),
        dict.fromkeys(AMOUNTS, none),
    )
    rows = [{"status": "forecast", "day": 1, "level": 0.8, **row} for row in rows]
    return judged(answers(rows), truth, stay=np.arange(size), when=np.arange(size), **more)


def bounds(low: object, middle: object, high: object, mean: object) -> dict:
    found = {"cost_low": low, "cost_middle": middle, "cost_high": high, "cost_mean": mean}
    return {name: None if value is None else Decimal(str(value)) for name, value in found.items()}


def test_scores_of_costs_by_hand() -> None:
    rows = small(
        [100, 200, 400, 1000, 50],
        [
            bounds(50, 90, 100, 95),
            bounds(210, 220, 300, 230),
            bounds(None, 300, 350, 320),
            bounds(500, 900, None, 950),
            {"status": "refused", "reason": "FORECAST_REVERSED", **bounds(1, 2, 3, 2)},
        ],
    )
    found = scores(rows, JUDGING, "x")
    cost = found["cost"]
    assert (found["snapshots"], found["stays"], found["refused"], cost["scored"]) == (5, 5, 1, 4)
    assert cost["mae"] == pytest.approx((10 + 20 + 100 + 100) / 4)
    assert cost["mape"] == pytest.approx((0.1 + 0.1 + 0.25 + 0.1) / 4)
    assert cost["medape"] == pytest.approx(0.1)
    assert cost["bias"] == pytest.approx((-5 + 30 - 80 - 50) / 4)
    y, f = np.array([100, 200, 400, 1000]), np.array([95, 230, 320, 950])
    assert cost["r2"] == pytest.approx(1 - ((y - f) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    # A bound that is missing has no end.
    assert cost["coverage"] == pytest.approx(0.5)
    assert (cost["under"], cost["over"], cost["open"]) == (0.25, 0.25, 0.5)
    assert cost["width"] == pytest.approx((50 + 90) / 2)
    assert cost["level"] == 0.8
    assert cost["pinball_low"] == pytest.approx((0.1 * 50 + 0.9 * 10) / 2)
    assert found["amount"]["scored"] == 0
    assert found["amount"]["mae"] is None
    assert found["amount"]["coverage"] is None
    assert found["group"]["scored"] == 4
    json.dumps(found, allow_nan=False)


def test_quantiles_parts_and_reliability() -> None:
    some = [bounds(100, 150, 200, 160)] * 8
    rows = small([90, 100, 120, 150, 150, 180, 200, 250], some)
    told = quantiles(rows)["cost"]
    assert [one["nominal"] for one in told] == pytest.approx([0.1, 0.5, 0.9])
    # What equals a bound counts half.
    assert [one["observed"] for one in told] == [1.5 / 8, 4 / 8, 6.5 / 8]
    halves = parts(rows, replace(JUDGING, parts=2))["cost"]
    assert [one["forecasts"] for one in halves] == [4, 4]
    assert halves[0]["came"] == pytest.approx(np.mean([90, 100, 120, 150]))
    group = {f"{level}.{key}": np.full(8, 0.0) for level in (GROUP, ADRG, MDC) for key in ("top1",)}
    group |= {f"{level}.probability": np.full(8, 0.25) for level in (GROUP, ADRG, MDC)}
    group["group.top1"] = np.array([1, 1, 0, 0, 0, 0, 0, np.nan])
    found = reliability(replace(rows, group=group), JUDGING)
    assert found["group"]["bins"] == [{"forecasts": 7, "probability": 0.25, "right": 2 / 7}]
    assert found["group"]["error"] == pytest.approx(2 / 7 - 0.25)


def test_margins_draw_whole_stays() -> None:
    chance = np.random.default_rng(3)
    stay = np.repeat(np.arange(300), 4)
    other = np.repeat(chance.gamma(2.0, 100.0, 300), 4)
    model = other * 0.8
    rivals = {"same": Rival(other, other), "better": Rival(model, other)}
    found = margins(stay, rivals, JUDGING, "x")
    assert found["same"].document() == [0.0, 0.0, 0.0]
    assert found["better"].margin == pytest.approx(0.2)
    assert found["better"].low == pytest.approx(0.2)
    noisy = Rival(np.repeat(chance.gamma(2.0, 90.0, 300), 4), other)
    wide = margins(stay, {"n": noisy}, JUDGING, "x")["n"]
    assert wide.low < wide.margin < wide.high
    # Four forecasts of a stay are no four witnesses: as wide as with one each.
    once = margins(np.arange(300), {"n": Rival(noisy.model[::4], other[::4])}, JUDGING, "x")["n"]
    assert once == wide
    # A row that one side has no value for counts for neither.
    holes = model.copy()
    holes[:40] = np.nan
    assert margins(stay, {"b": Rival(holes, other)}, JUDGING, "x")["b"].margin == pytest.approx(0.2)
    empty = margins(stay, {"e": Rival(np.full(1200, np.nan), other)}, JUDGING, "x")["e"]
    assert empty.document() == [None, None, None]
    assert margins(stay[:0], {}, JUDGING, "x") == {}
    hits = Rival((model > 100).astype(float), (other > 130).astype(float), hits=True)
    share = hits.model.mean() - hits.other.mean()
    assert margins(stay, {"h": hits}, JUDGING, "x")["h"].margin == pytest.approx(share)


def test_the_bootstrap_covers_what_is_true() -> None:
    """Of many samples the interval of the margin holds the true one about as often as it says."""
    chance = np.random.default_rng(11)
    judging = replace(JUDGING, draws=200)
    held = 0
    for number_ in range(120):
        other = chance.exponential(1.0, 250)
        model = chance.exponential(0.8, 250)
        one = margins(np.arange(250), {"x": Rival(model, other)}, judging, str(number_))["x"]
        held += one.low <= 0.2 <= one.high
    assert 0.88 <= held / 120 <= 1.0


@cache
def evaluation() -> Evaluation:
    rows = judged_rows()
    numbers = np.unique(rows.origin)
    about = {
        "model": "stand-in <b>&",
        "version": "1",
        "region": "demo",
        "scheme": None,
        "plan": {},
        "history": "0" * 64,
        "origins": [
            {
                "origin": f"2025-{number_ + 4:02}-01",
                "learnt_from": "2025-01-01",
                "learnt_until": "2025-03-24",
                "learnt_stays": 1,
                "tested_until": f"2025-{number_ + 4:02}-28",
                "tested_stays": 1,
                "tested_snapshots": 1,
            }
            for number_ in numbers.tolist()
        ],
    }
    return Evaluation(about, rows, JUDGING)


def test_a_document_holds_every_table_and_adds_up() -> None:
    made = evaluation()
    found = made.document("en")
    json.dumps(found, allow_nan=False)
    assert found == made.document("en")
    whole = found["overall"]
    assert sum(row["snapshots"] for row in found["by_day"]) == whole["snapshots"] == len(made.rows)
    assert sum(row["snapshots"] for row in found["by_origin"]) == len(made.rows)
    hits = sum(row["group"]["group"]["top1"] * row["group"]["scored"] for row in found["by_day"])
    assert hits / whole["group"]["scored"] == pytest.approx(whole["group"]["group"]["top1"])
    error = sum(row["cost"]["mae"] * row["cost"]["scored"] for row in found["by_day"])
    assert error / whole["cost"]["scored"] == pytest.approx(whole["cost"]["mae"])
    for row in found["by_department"]:
        assert row["stays"] >= JUDGING.least_stays
    assert len(found["by_group"]) <= JUDGING.most_groups
    assert set(whole["cost"]["margins"]) == set(whole["cost"]["baselines"])
    # The stand-in says what the grouper says.
    assert whole["group"]["margins"]["group"] == [0.0, 0.0, 0.0]
    assert {one["code"] for one in found["unpriced"]} == set()
    refused = replace(
        made.rows,
        texts={**made.rows.texts, "reason": np.full(len(made.rows), "FORECAST_X", object)},
    )
    told = Evaluation(made.about, refused, JUDGING).document("zh")["refused"]
    assert told == [{"code": "FORECAST_X", "count": len(refused), "words": ""}]


class Reader(html.parser.HTMLParser):
    """Reads a page: its tags, what they refer to, its words."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in {"meta", "br", "rect", "line", "circle", "path"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"rect", "line", "circle", "path"}:
            return
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_needs_nothing_else(lang: str) -> None:
    drift = {"first": "2025-10-06", "last": "2025-11-02", "watched": 3, "silent": []}
    drift["findings"] = [{"words": "<i>moved</i>"}]
    made = evaluation().with_drift(drift)
    text = made.html(lang)
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert reader.links == []
    assert "script" not in reader.tags
    assert "http" not in text
    assert "url(" not in text
    assert reader.tags.count("svg") >= 15
    assert "stand-in &lt;b&gt;&amp;" in text
    assert "&lt;i&gt;moved" in text
    assert "nan" not in text.lower().replace("finance", "")
    document = made.document(lang)
    mae = number(document["overall"]["cost"]["mae"])
    assert mae in text
    told = "\n".join(made.lines(lang))
    assert mae in told
    assert "<i>moved</i>" in told
    # A document that was kept is enough for both.
    kept = json.loads(json.dumps(document))
    assert page(kept, lang) == text
    assert lines(kept, lang) == made.lines(lang)


def test_the_page_of_a_model_that_refuses_everything() -> None:
    rows = judged_rows()
    gone = dict.fromkeys(rows.bounds, np.full(len(rows), np.nan))
    group = dict.fromkeys(rows.group, np.full(len(rows), np.nan))
    texts = {**rows.texts, "reason": np.full(len(rows), "FORECAST_HISTORY", object)}
    empty = Evaluation(
        evaluation().about, replace(rows, bounds=gone, group=group, texts=texts), JUDGING
    )
    assert "FORECAST_HISTORY" in empty.html("zh")
    assert "FORECAST_HISTORY" in "\n".join(empty.lines("en"))
    assert "nan" not in empty.html("zh")


def test_forecasts_are_laid_below_each_other() -> None:
    rows = judged_rows()
    first, last = rows.take(np.arange(30)), rows.take(np.arange(30, 50))
    whole = Judged.joined([first, last])
    for field in fields(Judged):
        value, wanted = getattr(whole, field.name), getattr(rows.take(np.arange(50)), field.name)
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, wanted, equal_nan=True)
    bare = Judged.joined([first, replace(last, baselines={})])
    assert np.isnan(bare.baselines["cost.ratio"][30:]).all()
    assert not np.isnan(bare.baselines["cost.ratio"][:30]).any()


def test_figures_in_words() -> None:
    assert [number(v) for v in (None, 3, 1234567, 3.14159, 31.4159, 3141.59, -0.126)] == [
        *("—", "3", "1,234,567", "3.14", "31.4", "3,142", "-0.13"),
    ]
    assert [tick(v) for v in (0.0, 2.5, 10.0, 1500.0)] == ["0", "2.5", "10", "1,500"]
    assert percent(0.12345) == "12.3%"
    assert percent(None) == "—"
    assert best({"baselines": {}}) is None
    assert best({"baselines": {"a": {"mae": 2.0}, "b": {"mae": 1.0}, "c": {"mae": None}}}) == (
        "b",
        1.0,
    )
    assert table([["科室", "n"], ["x", "12"]]) == ["科室   n", "x     12"]


@given(low=st.floats(-1e6, 1e6), span=st.floats(0, 1e6))
@example(low=0.0, span=5e-324)
def test_ticks_are_round_and_hold_all(low: float, span: float) -> None:
    found = ticks_of(low, low + span)
    assert 2 <= len(found) <= 12
    slack = 1e-6 * max(abs(low), span, 1e-9)
    assert found[0] <= low + slack
    assert found[-1] >= low + span - slack


def test_charts_draw_gaps_and_escape_words() -> None:
    drawn = [Line("<a>", [1.0, None, 3.0]), Line("b", [None, None, None], 1)]
    chart = str(line_chart(["1", "2", "3"], drawn, below="day", form=str))
    assert chart.count("<circle") == 2
    assert "&lt;a&gt;" in chart
    assert "<a>" not in chart
    # After the gap a new line begins.
    path = chart.partition('class="l0" d="')[2].partition('"')[0]
    assert path.count("M") == 2
    assert str(line_chart(["1"], [Line("x", [None])], below="", form=str)) == ""
    assert str(diagonal_chart([], below="", beside="", form=str)) == ""
    one = str(diagonal_chart([(0.5, 0.5, 0.0)], below="", beside="", form=str, whole=(0.0, 1.0)))
    assert one.count("<circle") == 1
    assert set(MEASURES) >= set(AMOUNTS)

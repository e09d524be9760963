"""Distributions of points, and the depth of outcomes in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.forecast.amounts.depth import NEAR, SINGLE, Depths, marked
from grouper.forecast.amounts.mixture import Mixture
from grouper.forecast.amounts.outcome import at_levels
from grouper.forecast.amounts.spread import masses

ONE = np.ones(1)
points = st.lists(
    st.tuples(st.integers(-1000, 1000), st.integers(0, 10)), min_size=1, max_size=12
).filter(lambda rows: any(mass for _, mass in rows))


def mixture(rows: list[tuple[int, int]], same: float = 0.005) -> Mixture:
    """Points of a tenth each, so many at each value."""
    values = np.array([[float(value) for value, mass in rows for _ in range(mass)]])
    return Mixture.of(values, np.full(values.shape, 0.1), same)


def test_a_mass_in_one_point_is_one_outcome() -> None:
    made = mixture([(100, 9), (40, 1)])
    assert made.quantile(0.5) == 100
    assert made.quantile(0.99) == 100
    low, _, high = made.interval(np.array([0.05]), ONE)
    assert (low, high) == (40, 100)
    assert made.depth(np.array([100.0]), ONE) > 0.5
    assert made.depth(np.array([40.0]), ONE) == pytest.approx(0.05)
    assert made.depth(np.array([30.0]), np.array([20.0])) == pytest.approx(-0.5)
    assert made.depth(np.array([106.0]), np.array([20.0])) == pytest.approx(-0.3)


def test_what_has_no_value_has_no_mass() -> None:
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    made = Mixture.of(values, np.full((2, 3), 1 / 3))
    assert made.mass.tolist() == pytest.approx([2 / 3, 0.0])
    assert made.quantile(np.array([0.5, 0.5]))[0] == pytest.approx(2.0)
    assert np.isnan(made.quantile(0.5)[1])


def test_padding_changes_nothing() -> None:
    """Sums of ten and of fifteen numbers were once added in another order, and differed by a last bit."""
    random = np.random.default_rng(5)
    for _ in range(200):
        values, mass = random.normal(size=(1, 20)), random.random((1, 20))
        none = np.full((1, 30), np.nan)
        short = Mixture.of(values, mass)
        long = Mixture.of(np.hstack([values, none]), np.hstack([mass, np.zeros((1, 30))]))
        assert long.at[0, :20].tolist() == short.at[0].tolist()
        assert long.quantile(0.5) == short.quantile(0.5)


@settings(deadline=None)
@given(points, st.floats(-2, 0.5), st.floats(-2, 0.5))
def test_intervals_are_nested(rows: list[tuple[int, int]], one: float, other: float) -> None:
    made = mixture(rows)
    deep, shallow = max(one, other), min(one, other)
    inner = made.interval(np.array([deep]), ONE)
    outer = made.interval(np.array([shallow]), ONE)
    assert outer[0] <= inner[0] + 1e-9
    assert inner[0] <= inner[1] + 1e-9
    assert inner[1] <= inner[2] + 1e-9
    assert inner[2] <= outer[2] + 1e-9
    assert inner[1] == outer[1] == made.quantile(0.5)


@settings(deadline=None)
@given(points, st.floats(-1500, 1500), st.floats(-2, 0.5))
def test_an_outcome_lies_in_the_interval_of_its_depth(
    rows: list[tuple[int, int]], outcome: float, asked: float
) -> None:
    made = mixture(rows, same=1e-9)
    scale = np.array([300.0])
    depth = float(made.depth(np.array([outcome]), scale)[0])
    low, _, high = made.interval(np.array([min(depth, 0.5)]), scale)
    assert low <= outcome + 1e-6
    assert outcome <= high + 1e-6
    # Deeper than it lies, the interval leaves it out.
    if asked > depth + 1e-6:
        low, _, high = made.interval(np.array([asked]), scale)
        assert not low + 1e-6 < outcome < high - 1e-6


@settings(deadline=None)
@given(points, st.integers(0, 5))
def test_the_order_of_points_does_not_matter(rows: list[tuple[int, int]], turn: int) -> None:
    turned = rows[turn % len(rows) :] + rows[: turn % len(rows)]
    for level in (0.05, 0.3, 0.5, 0.95):
        left = mixture(rows).quantile(level)
        assert left == pytest.approx(mixture(turned).quantile(level))


@settings(deadline=None)
@given(
    st.lists(st.floats(-3, 3), min_size=2, max_size=5).map(sorted),
    st.lists(st.floats(0.001, 0.999), min_size=1, max_size=6).map(sorted),
)
def test_levels_keep_the_order_of_quantiles(values: list[float], levels: list[float]) -> None:
    alphas = np.linspace(0.1, 0.9, len(values)).tolist()
    found = at_levels(np.array([values]), alphas, levels)[0]
    assert (np.diff(found) >= -1e-9).all()
    back = at_levels(np.array([values]), alphas, alphas)[0]
    assert back == pytest.approx(values)


def test_masses_are_the_whole() -> None:
    found = masses([0.01, 0.25, 0.5, 0.75, 0.99])
    assert found.sum() == pytest.approx(1.0)
    assert found == pytest.approx([0.13, 0.245, 0.25, 0.245, 0.13])


def test_calibration_holds_its_share_by_kind() -> None:
    draw = np.random.default_rng(1)
    kind = np.repeat(["a", "b", "c"], [4000, 4000, 10]).astype(object)
    depth = draw.uniform(0, 0.5, 8010)
    depth[kind == "b"] -= 0.2
    wide = np.full(8010, "all", object)
    made = Depths.of(depth, [kind, wide], level=0.9, least=100)
    for name in "ab":
        assert (depth[kind == name] >= made.depth[name][0]).mean() == pytest.approx(0.9, abs=0.001)
    assert "c" not in made.depth
    at = made.at([np.array(["c", "b", "new"], object), np.full(3, "all", object)], 3)
    assert at.tolist() == [made.depth["all"][0], made.depth["b"][0], made.depth["all"][0]]
    assert made.at([np.array(["x"], object)], 1).tolist() == [made.depth[""][0]]
    assert made.at([np.zeros(0, object)], 0).tolist() == []
    assert Depths.read(made.document()) == made


def test_too_few_cases_hold_no_bound() -> None:
    made = Depths.of(np.array([0.1, 0.2]), [np.array(["a", "a"], object)], level=0.9, least=1)
    assert made.depth["a"] == (-np.inf, 2)
    assert Depths.read(made.document()) == made
    assert Depths().at([np.array(["a"], object)], 1).tolist() == [-np.inf]


@settings(deadline=None)
@given(st.floats(0.5, 0.95), st.floats(0.5, 0.95))
def test_calibration_is_monotone_in_the_share(one: float, other: float) -> None:
    depth = np.linspace(-1, 0.5, 300)
    kinds = [np.full(300, "a", object)]
    less, more = sorted((one, other))
    narrow = Depths.of(depth, kinds, level=less, least=1).depth["a"][0]
    assert narrow >= Depths.of(depth, kinds, level=more, least=1).depth["a"][0]


def test_single_figures_hold_more_and_the_others_less() -> None:
    draw = np.random.default_rng(2)
    count = 20_000
    single = draw.random(count) < 0.5
    marks = np.where(single, SINGLE, np.where(draw.random(count) < 0.5, NEAR, "")).astype(object)
    # Of the single ones 96 in 100 lie in the one figure, whatever is asked.
    depth = np.where(single & (draw.random(count) < 0.96), 0.9, draw.uniform(-0.1, 0.4, count))
    plan = {"level": 0.9, "level_of_all": 0.91, "least_of_others": 0.8, "least": 200}
    kinds = [np.full(count, "dip|1", object), np.full(count, "dip", object)]
    made = Depths.beside_single(depth, marks, kinds, plan)
    reached = np.minimum(made.at(marked(kinds, marks), count), 0.5)
    held = depth >= reached
    assert held[single].mean() == pytest.approx(0.96, abs=0.01)
    assert held.mean() == pytest.approx(0.91, abs=0.004)
    for word in (NEAR, ""):
        assert held[marks == word].mean() == pytest.approx(0.86, abs=0.015)
    # Where all are single there are no others.
    alone = Depths.beside_single(depth[single], marks[single], [k[single] for k in kinds], plan)
    assert "dip|1|single" in alone.depth

"""The parts of the model of groups: transitions, typical stays, calibration, files."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from examples import examples
from forecast_groups_support import PlainTransitions, hospital, settings, taught, unseen
from hypothesis import given
from hypothesis import settings as asking
from hypothesis import strategies as st

from grouper.forecast.errors import ForecastError
from grouper.forecast.groups.calibration import Calibration, Scored
from grouper.forecast.groups.clues import UNSEEN, Clues
from grouper.forecast.groups.counts import Counts
from grouper.forecast.groups.model import GroupModel
from grouper.forecast.groups.names import Names
from grouper.forecast.groups.settings import checked
from grouper.forecast.groups.transitions import Lesson, Transitions
from grouper.forecast.levels import ADRG, MDC


def lesson() -> tuple[Clues, Names, Lesson]:
    made = hospital()
    frame = made.frame.take(made.earlier[:2500])
    came = made.truth.take(frame.stay).levels
    clues = Clues.learnt(settings()["buckets"], frame)
    known = Names.learnt(came, frame.bare)
    numbers = clues.numbers(frame)
    return clues, known, Lesson(numbers, known.numbers(frame.bare), known.numbers(came), frame.stay)


def test_transitions_are_those_of_a_plain_reading() -> None:
    how = settings()
    clues, known, told = lesson()
    made = Transitions.counted(how, clues, told, len(known))
    plain = PlainTransitions(how, told, clues.places["status"].get("invalid"))
    frame, _ = unseen()
    frame = frame.take(np.arange(0, len(frame), 40))
    wide = known.with_those_of(frame.bare)
    numbers, bare = clues.numbers(frame), wide.numbers(frame.bare)
    found = made.candidates(numbers, bare)
    assert (found.group[:, 0] == bare).all()
    for row in range(len(frame)):
        own = {name: int(values[row]) for name, values in numbers.items()}
        chances = {
            group: plain.chance(own, int(bare[row]), group, len(known))
            for group in {*range(len(known)), int(bare[row])}
        }
        for group, prior in zip(found.group[row], found.prior[row], strict=True):
            if group >= 0:
                assert prior == pytest.approx(chances[int(group)], rel=1e-9)
        assert found.stays[row] == pytest.approx(plain.stays(own, int(bare[row])))
        # The likeliest of all groups is among the candidates.
        assert max(chances.values()) == pytest.approx(found.prior[row].max(), rel=1e-9)
        assert 0 <= found.left[row] <= 1


PAIRS = st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 3), st.floats(0.1, 2)), max_size=30)


@asking(max_examples=examples(60), deadline=None)
@given(PAIRS)
def test_counts_are_sums(pairs: list[tuple[int, int, float]]) -> None:
    key, group, weight = (np.array([p[n] for p in pairs]) for n in range(3))
    table = Counts.counted(key.astype(int), group.astype(int), weight.astype(float), 4)
    asked = np.array([-1, 0, 1, 2, 3, 4, 9])
    place = table.places(asked)
    assert place[0] == UNSEEN
    for row, one in enumerate(asked.tolist()):
        own = [(g, w) for k, g, w in pairs if k == one and k >= 0]
        assert table.weight(place)[row] == pytest.approx(sum(w for _, w in own))
        for g in range(6):
            count = table.of_group(place[[row]], np.array([g]))[0]
            assert count == pytest.approx(sum(w for h, w in own if h == g))
    owner, best = table.best(place, 2)
    for row, one in enumerate(asked.tolist()):
        sums = {g: sum(w for k, h, w in pairs if (k, h) == (one, g)) for g in range(4) if one >= 0}
        wanted = sorted((g for g in sums if sums[g] > 0), key=lambda g: -sums[g])[:2]
        found = best[owner == row].tolist()
        assert [sums[g] for g in found] == pytest.approx([sums[g] for g in wanted])


def test_a_stay_counts_once_in_each_bucket() -> None:
    _, _, told = lesson()
    weight = told.weights()
    cells = told.stay * 100 + told.numbers["bucket"]
    for cell in np.unique(cells)[:200]:
        assert weight[cells == cell].sum() == pytest.approx(1.0)


def test_typical_stays_are_drawn_to_those_above() -> None:
    model, _ = taught()
    typical, profiles, known = model.engine.typical, model.parts.profiles, model.parts.known
    place = profiles.how["features"].index("age")
    strength = profiles.how["strength"]

    def mean(rows: Any, above: float, worth: float = strength) -> float:
        count, first = (one[rows, 0, place].sum() for one in (profiles.count, profiles.first))
        return float((first + worth * above) / (count + worth))

    numbers = np.arange(len(known))
    every = mean(numbers, 0.0, 1e-9)
    group = int(profiles.count[:, 0, place].argmax())
    chapter = mean(np.array(known.mdc) == known.mdc[group], every)
    category = mean(np.array(known.adrg) == known.adrg[group], chapter)
    own = mean(numbers == group, category)
    assert typical.mean[group, 0, place] == pytest.approx(own, rel=1e-5)
    assert typical.mean[typical.adrg[known.adrg[group]], 0, place] == pytest.approx(
        category, rel=1e-5
    )
    assert typical.mean[typical.mdc[known.mdc[group]], 0, place] == pytest.approx(chapter, rel=1e-5)
    assert typical.mean[-1, 0, place] == pytest.approx(every, rel=1e-5)
    more = Names.of(
        [
            *zip(known.names, known.adrg, known.mdc, strict=True),
            ("x", "y", known.mdc[group]),
            ("z", "y", "y"),
        ]
    )
    places = typical.places(more)
    assert places[-2] == typical.mdc[known.mdc[group]]
    assert places[-1] == len(typical.mean) - 1
    assert (typical.wide > 0).all()


def scored(rng: np.random.Generator, rows: int, sharp: float) -> tuple[Scored, np.ndarray]:
    """Rows whose outcome is drawn by their scores times ``sharp``; a tenth ends elsewhere."""
    score = rng.normal(size=(rows, 4)) * 2
    chance = np.exp(score * sharp)
    chance /= chance.sum(axis=1, keepdims=True)
    final = (chance.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)
    final[rng.random(rows) < 0.1] = 9
    group = np.tile(np.arange(4), (rows, 1))
    return Scored(group, score, np.full(rows, 0.02), np.arange(rows) % 2), final


@pytest.mark.parametrize("sharp", [0.6, 1.0, 1.5])
def test_calibration_finds_the_temperature_and_the_chance_of_others(sharp: float) -> None:
    told, final = scored(np.random.default_rng(1), 20_000, sharp)
    found = Calibration.learnt(settings()["calibration"], told, final, 3)
    assert found.temperature == pytest.approx(1 / sharp, rel=0.06)
    chance = found.probabilities(told)
    assert chance.sum(axis=1).mean() == pytest.approx(0.9, abs=0.01)
    assert (chance.sum(axis=1) <= 1).all()


def test_calibration_without_a_right_candidate_keeps_the_scores() -> None:
    told, final = scored(np.random.default_rng(1), 50, 1.0)
    found = Calibration.learnt(settings()["calibration"], told, np.full_like(final, 9), 3)
    assert found.temperature.tolist() == [1.0] * 3
    assert found.probabilities(told).sum(axis=1).mean() < 0.75


def test_files_hold_the_whole_model() -> None:
    model, _ = taught()
    files = model.files()
    again = GroupModel.read(files)
    assert again.files() == files
    frame, _ = unseen()
    one, other = model.predict(frame), again.predict(frame)
    np.testing.assert_array_equal(one.code, other.code)
    np.testing.assert_array_equal(one.probability, other.probability)
    assert (one.names, one.adrg, one.mdc) == (other.names, other.adrg, other.mdc)
    ids = hospital().frame.snapshots.courses.texts("case_id")[:20]
    assert not any(str(one).encode() in raw for one in ids for raw in files.values())


@pytest.mark.parametrize(
    "file", ["model.json", "transitions.arrow", "profiles.arrow", "ranker.ubj"]
)
@asking(max_examples=examples(15), deadline=None)
@given(st.data())
def test_a_broken_file_is_told(file: str, data: st.DataObject) -> None:
    files = taught()[0].files()
    raw = bytearray(files[file])
    cut = data.draw(st.integers(0, len(raw) - 1))
    broken = data.draw(st.sampled_from([bytes(raw[:cut]), b"", b"{}", b"null"]))
    with pytest.raises(ForecastError, match="FORECAST_MODEL_UNREADABLE"):
        GroupModel.read({**files, file: broken})


def _set(card: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        card = card[step]
    card[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), 99),
        (("features",), ["day"]),
        (("sizes",), [1.0]),
        (("calibration", "temperature"), [0.0] * 14),
        (("calibration", "temperature"), [1.0]),
        (("calibration", "other"), [[2.0]]),
        (("groups",), [["a", "b"]]),
        (("groups",), []),
        (("words", "lead"), 5),
        (("how", "table"), []),
        (("how", "candidates", "count"), 0),
    ],
)
def test_a_card_that_cannot_be_is_told(path: tuple[Any, ...], value: Any) -> None:
    files = taught()[0].files()
    card = json.loads(files["model.json"])
    _set(card, path, value)
    with pytest.raises(ForecastError, match="FORECAST_MODEL_UNREADABLE"):
        GroupModel.read({**files, "model.json": json.dumps(card).encode()})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("buckets",), [1, 2]),
        (("table", 0, "keys"), ["nothing"]),
        (("table", 0, "name"), "lead"),
        (("stays", "before"), "nothing"),
        (("stays", "strength"), 0.0),
        (("ranker", "folds"), 3),
        (("ranker", "sure_share"), 0.0),
        (("ranker", "features"), ["nothing"]),
        (("profile", "floor"), 0.0),
        (("calibration", "temperature"), [1.5, 2.0]),
        (("calibration", "left"), [0.0, 0.5]),
    ],
)
def test_settings_that_cannot_be_used_are_refused(path: tuple[Any, ...], value: Any) -> None:
    how = settings()
    assert checked(copy.deepcopy(how)) == how
    _set(how, path, value)
    with pytest.raises(ValueError, match=r".+"):
        checked(how)


def test_levels_of_names() -> None:
    known = Names.of([("a1", "a", "m"), ("b1", "b", "m"), ("a2", "a", "m")])
    assert known.upper(ADRG)[0].tolist() == [0, 1, 0]
    assert known.upper(MDC) == (pytest.approx(np.zeros(3)), ("m",))
    assert len(Names.of([])) == 0

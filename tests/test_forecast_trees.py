"""Files of trees: well-formed and safe ones alone come to the library; nothing else ends the process."""

from __future__ import annotations

import importlib
import random
import struct
from typing import Any

import forecast_registry_support as small
import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.forecast.boost import YES_NO, Booster, Settings
from grouper.forecast.errors import ForecastError
from grouper.forecast.trees import check
from grouper.forecast.ubjson import UbjsonError, loads

ROWS = np.random.default_rng(3).normal(size=(7, 3))


def read(raw: bytes) -> Booster:
    return Booster.read(raw, small.NAMES)


def test_a_model_of_this_package_passes_and_answers_the_same() -> None:
    raw = small.raw_trees()
    assert read(raw).raw() == raw
    quantiles = small.raw_trees(quantiles=True)
    found = Booster.read(quantiles, small.NAMES, (0.1, 0.9)).predict(ROWS)
    assert (found[:, 0] <= found[:, 1]).all()
    target = (ROWS[:, 0] > 0).astype(float)
    how = Settings(rounds=3, depth=2, eta=0.3, threads=1)
    chances = Booster.trained(ROWS, target, small.NAMES, how, objective=YES_NO)
    np.testing.assert_array_equal(read(chances.raw()).predict(ROWS), chances.predict(ROWS))


def test_the_trees_of_one_answer_explain_as_all_together_do() -> None:
    quantiles = Booster.read(small.raw_trees(quantiles=True), small.NAMES, (0.1, 0.9))
    library = importlib.import_module("xgboost")
    data = library.DMatrix(ROWS, feature_names=list(small.NAMES))
    whole = library.Booster(model_file=bytearray(quantiles.raw()))
    every = whole.predict(data, pred_contribs=True)
    assert every.shape == (len(ROWS), 2, len(small.NAMES) + 1)
    for place, alpha in enumerate(quantiles.alphas):
        found = quantiles.contributions(ROWS, alpha)
        np.testing.assert_array_equal(found, every[:, place, :])
    answers = whole.inplace_predict(ROWS)
    np.testing.assert_allclose(every.sum(axis=2), answers, rtol=1e-5, atol=1e-6)


def test_another_number_of_features_is_refused() -> None:
    with pytest.raises(ForecastError, match="FORECAST_MODEL_UNREADABLE"):
        Booster.read(small.raw_trees(), ("a", "b"))


@pytest.mark.parametrize("seed", range(6))
def test_a_file_with_wrong_bytes_is_refused_or_answers(seed: int) -> None:
    """A length of 2⁶³ once sent the library outside its memory."""
    rnd = random.Random(seed)  # noqa: S311 -- a reproducible test
    whole = small.raw_trees(quantiles=seed % 2 == 1)
    refused = 0
    for _ in range(150):
        raw = bytearray(whole)
        if rnd.random() < 0.3:
            raw = raw[: rnd.randrange(len(raw))]
        for _ in range(rnd.randrange(1, 6)):
            if raw:
                raw[rnd.randrange(len(raw))] = rnd.randrange(256)
        try:
            read(bytes(raw)).predict(ROWS)
        except ForecastError as error:
            assert error.code == "FORECAST_MODEL_UNREADABLE"  # noqa: PT017 -- either is right
            refused += 1
    assert refused > 100


def replaced(name: bytes, place: int, value: int) -> bytes:
    """The model with one number of the first typed list of a name changed."""
    raw = bytearray(small.raw_trees())
    at = raw.index(name) + len(name)
    assert raw[at : at + 2] == b"[$"
    kind, size = {ord("l"): (">i", 4), ord("U"): (">B", 1), ord("d"): (">f", 4)}[raw[at + 2]]
    start = at + 3 + 1 + 1 + 8 + place * size
    raw[start : start + size] = struct.pack(kind, value)
    return bytes(raw)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        (b"left_children", 0, 1 << 20),
        (b"left_children", 1, 0),
        (b"left_children", 1, 1),
        (b"left_children", 0, -7),
        (b"right_children", 0, -1),
        (b"parents", 1, 5),
        (b"parents", 0, 3),
        (b"split_indices", 0, 3),
        (b"split_indices", 0, -1),
        (b"split_type", 0, 1),
        (b"default_left", 0, 9),
    ],
)
def test_a_tree_that_leads_astray_is_refused(name: bytes, place: int, value: int) -> None:
    with pytest.raises(ForecastError, match="FORECAST_MODEL_UNREADABLE"):
        read(replaced(name, place, value))


def test_replacing_a_number_by_itself_changes_nothing() -> None:
    assert replaced(b"left_children", 0, 1) == small.raw_trees()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"gbtree", b"dartxx"),
        (b"num_trees", b"num_treeX"),
        (b"version[", b"versiox["),
        (b"reg:squarederror", b"reg:squarederroR"),
    ],
)
def test_another_form_is_refused(old: bytes, new: bytes) -> None:
    raw = small.raw_trees()
    assert old in raw
    with pytest.raises(ForecastError, match="FORECAST_MODEL_UNREADABLE"):
        read(raw.replace(old, new))


# ── the form itself ───────────────────────────────────────────────────────────────────────────────


def written(value: Any) -> bytes:
    """UBJSON, plainly."""
    if isinstance(value, bool) or value is None:
        return {True: b"T", False: b"F", None: b"Z"}[value]
    if isinstance(value, int):
        return b"L" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"D" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"S" + text(value)
    if isinstance(value, list):
        return b"[" + b"".join(map(written, value)) + b"]"
    return b"{" + b"".join(text(k) + written(v) for k, v in value.items()) + b"}"


def text(word: str) -> bytes:
    raw = word.encode()
    return (
        b"i" + bytes([len(raw)]) + raw
        if len(raw) < 100
        else b"l" + struct.pack(">i", len(raw)) + raw
    )


DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=examples(80), deadline=None)
@given(DOCUMENTS)
def test_what_was_written_is_read(document: Any) -> None:
    assert loads(written(document)) == document


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=40) | st.text("[{}]$#iLlSTFZ\x01\x02", max_size=12).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        loads(raw)
    except UbjsonError:
        with pytest.raises(UbjsonError):
            check(raw, 3)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"[#i\x02TF", [True, False]),
        (b"U\xff", 255),
        (b"I\x01\x00", 256),
        (b"d\x3f\x80\x00\x00", 1.0),
        (b"[]", []),
    ],
)
def test_forms_of_values(raw: bytes, value: Any) -> None:
    assert loads(raw) == value


def test_a_typed_list_is_an_array() -> None:
    assert loads(b"[$l#i\x02" + struct.pack(">2i", 5, -6)).tolist() == [5, -6]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"X",
        b"TT",
        b"Si\x09abc",
        b"Si\xff",
        b"SX",
        b"L\x00",
        b"[T",
        b"[#i\xff",
        b"[#l\x7f\xff\xff\xffT",
        b"[$l#i\xff",
        b"[$l#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"[$T#i\x01",
        b"[$li\x01",
        b"{i\x01aTi\x01aT}",
        b"{i\x01aT",
        b"Si\x01\xff",
        b"[" * 100 + b"]" * 100,
    ],
)
def test_what_is_not_whole_is_refused(raw: bytes) -> None:
    with pytest.raises(UbjsonError):
        loads(raw)

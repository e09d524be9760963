"""A model of amounts as files: JSON, Arrow and the trees' own form; nothing in them can be run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from codebooks.plain import json_of
from grouper.forecast.amounts.anchors import names
from grouper.forecast.amounts.cards import CARD_SCHEMA, NAME, Cards
from grouper.forecast.amounts.depth import Depths
from grouper.forecast.amounts.history import History, Tally
from grouper.forecast.amounts.outcome import Outcome
from grouper.forecast.amounts.outside import PARTS, Outside
from grouper.forecast.boost import Booster
from grouper.forecast.errors import ForecastError
from grouper.forecast.levels import LEVELS
from grouper.forecast.result import MEASURES
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_CARD, _CARDS, _HISTORY = "model.json", "cards.arrow", "history.arrow"
_COST, _STAY = "cost.ubj", "stay.ubj"
_FORMAT = 1
_SUMS, _DAY = 6, 4
_BAD = (
    KeyError,
    ValueError,
    OSError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    pa.ArrowException,
)
_TALLY = pa.schema(
    [
        ("level", pa.string()),
        ("name", pa.string()),
        ("sums", pa.list_(pa.float64())),
        ("days", pa.list_(pa.float64())),
    ]
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a model of amounts is made of; see :class:`grouper.forecast.amounts.model.AmountModel`."""

    cards: Cards
    history: History
    outcome: Outcome
    outside: Outside
    categories: frozenset[str]
    long_day: int
    depths: Mapping[str, Depths]
    factors: Mapping[str, Depths]


def files_of(parts: Parts) -> dict[str, bytes]:
    """The files of a model."""
    card = {
        "format": _FORMAT,
        "features": names(),
        "alphas": parts.outcome.cost.alphas,
        "history_days": toml("amounts.toml")["history"]["days"],
        "outside": {
            "usual": parts.outside.usual.tolist(),
            "spread": parts.outside.spread.tolist(),
        },
        "categories": sorted(parts.categories),
        "long_day": parts.long_day,
        "depths": {name: one.document() for name, one in parts.depths.items()},
        "factors": {name: one.document() for name, one in parts.factors.items()},
    }
    return {
        _CARD: json.dumps(card, ensure_ascii=False, indent=1).encode(),
        _CARDS: _written(parts.cards.table.select(CARD_SCHEMA.names)),
        _HISTORY: _written(_tallies(parts.history)),
        _COST: parts.outcome.cost.raw(),
        _STAY: parts.outcome.stay.raw(),
    }


def parts_of(files: Mapping[str, bytes]) -> Parts:
    """The parts of a model of its files.

    Raises:
        ForecastError: ``FORECAST_MODEL_UNREADABLE``, with the file; ``FORECAST_NOT_INSTALLED``.
    """
    file = _CARD
    try:
        card = json_of(files[_CARD])
        days = toml("amounts.toml")["history"]["days"]
        same = (card["format"], tuple(card["features"]), card["history_days"])
        _must(same == (_FORMAT, names(), days))
        outside = Outside(
            _numbers(card["outside"]["usual"], len(PARTS)),
            _numbers(card["outside"]["spread"], len(toml("amounts.toml")["calibration"]["days"])),
        )
        alphas = tuple(float(one) for one in card["alphas"])
        _must(len(alphas) > 1 and all(0 < one < 1 for one in alphas))
        _must(list(alphas) == sorted(set(alphas)))
        depths = {name: Depths.read(one) for name, one in card["depths"].items()}
        factors = {name: Depths.read(one) for name, one in card["factors"].items()}
        _must({*depths, *factors} <= set(MEASURES))
        categories = frozenset(str(one) for one in card["categories"])
        long_day = int(card["long_day"])
        file = _CARDS
        cards = Cards(_read(files[_CARDS], CARD_SCHEMA))
        _must(cards.table[NAME].null_count == 0 and len(cards.places) == len(cards.names))
        file = _HISTORY
        history = _history(_read(files[_HISTORY], _TALLY), len(days))
        threads = int(toml("amounts.toml")["training"]["asked_threads"])
        file = _COST
        cost = Booster.read(files[_COST], names(), alphas, threads)
        file = _STAY
        stay = Booster.read(files[_STAY], names(), alphas, threads)
    except _BAD as error:
        raise ForecastError("FORECAST_MODEL_UNREADABLE", part=file) from error
    outcome = Outcome(cost, stay)
    return Parts(cards, history, outcome, outside, categories, long_day, depths, factors)


def _must(holds: bool) -> None:
    if not holds:
        raise ValueError(holds)


def _numbers(values: Any, size: int) -> NDArray[np.float64]:  # noqa: ANN401 -- as the file has it
    found = np.array(values, np.float64)
    _must(found.shape == (size,) and bool(np.isfinite(found).all()))
    return found


def _tallies(history: History) -> pa.Table:
    parts = []
    for level in LEVELS:
        tally = history.levels[level]
        size = len(tally.names)
        arrays = [
            pa.repeat(pa.scalar(level), size),
            pa.array(tally.names, pa.string()),
            _lists(tally.sums[:-1]),
            _lists(tally.days[:-1].reshape(size, -1)),
        ]
        parts.append(pa.table(arrays, _TALLY))
    return pa.concat_tables(parts).combine_chunks()


def _lists(rows: NDArray[np.float64]) -> pa.Array:
    ends = np.arange(len(rows) + 1) * rows.shape[1]
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(rows.reshape(-1)))


def _history(table: pa.Table, days: int) -> History:
    _must(table["name"].null_count == 0)
    levels = np.array(table["level"].to_pylist(), object)
    words = np.array(table["name"].to_pylist(), object)
    sums = _matrix(table["sums"], _SUMS)
    courses = _matrix(table["days"], days * _DAY).reshape(len(table), days, _DAY)
    found = {}
    for level in LEVELS:
        own = np.flatnonzero(levels == level)
        _must(len(own) > 0)
        none = np.zeros((1, _SUMS)), np.zeros((1, days, _DAY))
        found[level] = Tally(
            tuple(words[own].tolist()),
            np.concatenate([sums[own], none[0]]),
            np.concatenate([courses[own], none[1]]),
        )
    return History(found)


def _matrix(column: pa.ChunkedArray, width: int) -> NDArray[np.float64]:
    lists = column.combine_chunks()
    _must(lists.null_count == 0)
    flat = np.asarray(lists.flatten())
    lengths = np.asarray(lists.value_lengths())
    _must(bool((lengths == width).all()) and bool(np.isfinite(flat).all()))
    return flat.reshape(len(lists), width).astype(np.float64)


def _written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _read(raw: bytes, schema: pa.Schema) -> pa.Table:
    table = pa.ipc.open_file(pa.BufferReader(raw)).read_all()
    table.validate(full=True)
    _must(table.schema.equals(schema))
    return table.combine_chunks()

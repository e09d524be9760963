"""A model of groups as files: JSON, Arrow and the trees' own form; nothing in them can be run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from codebooks.plain import json_of
from grouper.forecast.boost import Booster
from grouper.forecast.errors import ForecastError
from grouper.forecast.features import names
from grouper.forecast.groups.calibration import Calibration
from grouper.forecast.groups.clues import Clues
from grouper.forecast.groups.counts import Counts
from grouper.forecast.groups.names import Names
from grouper.forecast.groups.pairs import pair_names
from grouper.forecast.groups.profiles import Profiles
from grouper.forecast.groups.settings import checked
from grouper.forecast.groups.transitions import Transitions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_CARD, _COUNTS, _PROFILES, _RANKER = (
    "model.json",
    "transitions.arrow",
    "profiles.arrow",
    "ranker.ubj",
)
_FORMAT = 1
_STAYS = "stays"
_OUTCOMES = 2
_BAD = (KeyError, ValueError, TypeError, IndexError, AttributeError, OSError, pa.ArrowException)
_VAST = 1e15
"""No sum of a typical stay comes near it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a model of groups is made of.

    Attributes:
        how: the settings it was trained by.
        known: the groups.
        clues: the words.
        transitions: which group came of what.
        profiles: the typical stays.
        ranker: None where there was nothing to learn from.
        calibration: of the probabilities.
    """

    how: Mapping[str, Any]
    known: Names
    clues: Clues
    transitions: Transitions
    profiles: Profiles
    ranker: Booster | None
    calibration: Calibration


def files_of(parts: Parts) -> dict[str, bytes]:
    """The files of a model."""
    known, calibration = parts.known, parts.calibration
    card = {
        "format": _FORMAT,
        "how": parts.how,
        "features": names(),
        "groups": [list(row) for row in zip(known.names, known.adrg, known.mdc, strict=True)],
        "sizes": parts.transitions.sizes.tolist(),
        "words": {name: list(words) for name, words in parts.clues.words.items()},
        "calibration": {
            "left": list(calibration.left),
            "sure": list(calibration.sure),
            "temperature": calibration.temperature.tolist(),
            "other": calibration.other.tolist(),
        },
    }
    tables = {**parts.transitions.tables, _STAYS: parts.transitions.stays}
    found = {
        _CARD: json.dumps(card, ensure_ascii=False, indent=1).encode(),
        _COUNTS: _written(_counts(tables)),
        _PROFILES: _written(_sums(parts.profiles)),
    }
    if parts.ranker is not None:
        found[_RANKER] = parts.ranker.raw()
    return found


def parts_of(files: Mapping[str, bytes]) -> Parts:
    """The parts of a model of its files.

    Raises:
        ForecastError: ``FORECAST_MODEL_UNREADABLE``, with the file; ``FORECAST_NOT_INSTALLED``.
    """
    file = _CARD
    try:
        card = json_of(files[_CARD])
        if card["format"] != _FORMAT or tuple(card["features"]) != names():
            raise ValueError(card["format"])
        how = checked(card["how"])
        known = Names.of((str(a), str(b), str(c)) for a, b, c in card["groups"])
        clues = Clues.of(how["buckets"], card["words"])
        calibration = _calibration(card["calibration"], clues.cells)
        sizes = np.array(card["sizes"], np.float64)
        _same(sizes.shape, (len(known),))
        file = _COUNTS
        tables = _tables(_read(files[_COUNTS]), how, len(known))
        stays = tables.pop(_STAYS)
        transitions = Transitions(how, clues, tables, stays, sizes)
        file = _PROFILES
        profiles = _profiles(_read(files[_PROFILES]), how, len(known), len(clues.buckets))
        file = _RANKER
        raw = files.get(_RANKER)
        threads = int(how["ranker"]["asked_threads"])
        ranker = None if raw is None else Booster.read(raw, pair_names(how), threads=threads)
    except _BAD as error:
        raise ForecastError("FORECAST_MODEL_UNREADABLE", part=file) from error
    return Parts(how, known, clues, transitions, profiles, ranker, calibration)


def _same(found: object, wanted: object) -> None:
    if found != wanted:
        raise ValueError(found)


def _hold(*fine: NDArray[np.bool_]) -> None:
    if not all(bool(one.all()) for one in fine):
        raise ValueError


def _calibration(card: Mapping[str, Any], cells: int) -> Calibration:
    left, sure = (tuple(float(bound) for bound in card[name]) for name in ("left", "sure"))
    temperature = np.array(card["temperature"], np.float64)
    other = np.array(card["other"], np.float64)
    _same(temperature.shape, (cells,))
    _same(other.shape, (cells, len(left) - 1, len(sure) - 1))
    _hold(temperature > 0, other >= 0, other <= 1)
    return Calibration(left, sure, temperature, other)


def _counts(tables: Mapping[str, Counts]) -> pa.Table:
    own = list(tables.values())
    sizes = [len(table.pair) for table in own]
    which = pa.array(np.repeat(np.arange(len(own), dtype=np.int32), sizes))
    columns = {
        "table": pa.DictionaryArray.from_arrays(which, pa.array(list(tables))),
        "key": np.concatenate([one.keys[one.pair // max(one.groups, 1)] for one in own]),
        "group": np.concatenate([one.pair % max(one.groups, 1) for one in own]).astype(np.int32),
        "count": np.concatenate([one.of_pair for one in own]),
    }
    return pa.table(columns)


def _tables(told: pa.Table, how: Mapping[str, Any], groups: int) -> dict[str, Counts]:
    column = told["table"].combine_chunks()
    which = np.asarray(column.indices)
    words = column.dictionary.to_pylist()
    key = np.asarray(told["key"]).astype(np.int64)
    group = np.asarray(told["group"]).astype(np.int64)
    count = np.asarray(told["count"]).astype(np.float64)
    _hold(key >= 0, group >= 0, count > 0)
    found = {}
    for name in (*(one["name"] for one in how["table"]), _STAYS):
        own = which == words.index(name)
        keys, place = np.unique(key[own], return_inverse=True)
        size = _OUTCOMES if name == _STAYS else groups
        _hold(group[own] < size)
        found[name] = Counts.of(keys, place, group[own], count[own], size)
    return found


def _sums(profiles: Profiles) -> pa.Table:
    group, bucket, feature = np.nonzero(profiles.count)
    at = group, bucket, feature
    return pa.table(
        {
            "group": group.astype(np.int32),
            "bucket": bucket.astype(np.int32),
            "feature": feature.astype(np.int32),
            "count": profiles.count[at],
            "first": profiles.first[at],
            "second": profiles.second[at],
        }
    )


def _profiles(told: pa.Table, how: Mapping[str, Any], groups: int, buckets: int) -> Profiles:
    shape = (groups, buckets, len(how["profile"]["features"]))
    at = tuple(np.asarray(told[name]).astype(np.int64) for name in ("group", "bucket", "feature"))
    sums = []
    for name in ("count", "first", "second"):
        whole = np.zeros(shape)
        whole[at] = np.asarray(told[name]).astype(np.float64)
        sums.append(whole)
    _hold(*(np.abs(one) < _VAST for one in sums), *(one >= 0 for one in at))
    return Profiles(how["profile"], *sums)


def _written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _read(raw: bytes) -> pa.Table:
    table = pa.ipc.open_file(pa.BufferReader(raw)).read_all()
    table.validate(full=True)
    return table

"""A model of groups as files: JSON, Arrow and the trees' own form; nothing in them can be run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.forecast.boost import Booster
from grouper.forecast.errors import ForecastError
from grouper.forecast.features import names
from grouper.forecast.groups.calibration import Calibration
from grouper.forecast.groups.clues import Clues
from grouper.forecast.groups.counts import Counts
from grouper.forecast.groups.names import Names
from grouper.forecast.groups.pairs import pair_names
from grouper.forecast.groups.profiles import Profiles
from grouper.forecast.groups.transitions import Transitions

if TYPE_CHECKING:
    from collections.abc import Mapping

_CARD, _COUNTS, _PROFILES, _RANKER = "model.json", "transitions.arrow", "profiles.arrow", "ranker.ubj"
_FORMAT = 1
_STAYS = "stays"
_OUTCOMES = 2
_BAD = (KeyError, ValueError, TypeError, IndexError, AttributeError, pa.ArrowException)


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
            "bounds": list(calibration.bounds),
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
        card = json.loads(files[_CARD])
        if card["format"] != _FORMAT or tuple(card["features"]) != names():
            raise ValueError(card["format"])
        how = card["how"]
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


def _calibration(card: Mapping[str, Any], cells: int) -> Calibration:
    bounds = tuple(float(bound) for bound in card["bounds"])
    temperature = np.array(card["temperature"], np.float64)
    other = np.array(card["other"], np.float64)
    _same(temperature.shape, (cells,))
    _same(other.shape, (cells, len(bounds) - 1))
    _same(bool((temperature > 0).all() and (other >= 0).all() and (other <= 1).all()), True)
    return Calibration(bounds, temperature, other)


def _counts(tables: Mapping[str, Counts]) -> pa.Table:
    words, keys, groups, counts = [], [], [], []
    for name, table in tables.items():
        width = max(table.groups, 1)
        words.append(np.full(len(table.pair), len(words), np.int32))
        keys.append(table.keys[table.pair // width])
        groups.append(table.pair % width)
        counts.append(table.of_pair)
    columns = {
        "table": pa.DictionaryArray.from_arrays(
            pa.array(np.concatenate(words)), pa.array(list(tables))
        ),
        "key": np.concatenate(keys),
        "group": np.concatenate(groups).astype(np.int32),
        "count": np.concatenate(counts),
    }
    return pa.table(columns)


def _tables(told: pa.Table, how: Mapping[str, Any], groups: int) -> dict[str, Counts]:
    column = told["table"].combine_chunks()
    which = np.asarray(column.indices)
    words = column.dictionary.to_pylist()
    key = np.asarray(told["key"]).astype(np.int64)
    group = np.asarray(told["group"]).astype(np.int64)
    count = np.asarray(told["count"]).astype(np.float64)
    _same(bool(((group >= 0) & (group < groups)).all() and (count > 0).all()), True)
    found = {}
    for name in (*(one["name"] for one in how["table"]), _STAYS):
        own = which == words.index(name)
        keys, place = np.unique(key[own], return_inverse=True)
        size = _OUTCOMES if name == _STAYS else groups
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
    _same(bool(all(np.isfinite(one).all() for one in sums)), True)
    return Profiles(how["profile"], *sums)


def _written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _read(raw: bytes) -> pa.Table:
    return pa.ipc.open_file(pa.BufferReader(raw)).read_all()

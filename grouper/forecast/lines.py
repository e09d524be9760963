"""Charge lines of stays by the day on which they arose, with what their items tell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.dates import DAY_SECONDS
from grouper.case.fields import ZONE
from grouper.forecast.arrays import empty, floats, lengths, numbers, stated, taken, whole
from grouper.forecast.tables import rows, toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

CLASSES = 14
_DIGITS = 9
"""Classes of charges; 0 is none that is known."""
_WHOLE, _SHARED, _PATIENT = "A", "B", "C"
_PARTS = 10_000
"""Quantities and shares have four places."""
_VAST = 1 << 62
_COLUMNS = (
    *("line_item", "line_name", "line_class", "line_quantity", "line_amount", "line_time"),
    *("line_scope", "line_first_share", "line_limit", "line_department"),
)


@dataclass(frozen=True, slots=True)
class Lines:
    """Charge lines, one place each; amounts in fen, refunds below nought.

    Attributes:
        stay: number of the stay.
        day: of the stay; see :mod:`grouper.forecast.course`.
        kind: 1 to 14, the class of the settlement list; 0: none.
        amount: of the line.
        own: what of it the patient pays in full (outside the catalogue).
        over: what lies above a limit; as the other parts rounded line by line, as a bill is.
        first: what the patient pays first.
        unclear: whether the line does not tell its parts (no class of the catalogue …).
        marks: bits of :func:`markers`.
        second: of the local time, since 1970; 0 for none.
        ward: number in ``wards`` where a bed is charged, else −1.
        wards: departments, in the order of their spelling.
        undated: for each stay, how many lines have no time, or no amount: the latter are left out.
    """

    stay: NDArray[np.int64]
    day: NDArray[np.int64]
    kind: NDArray[np.int64]
    amount: NDArray[np.int64]
    own: NDArray[np.float64]
    over: NDArray[np.float64]
    first: NDArray[np.float64]
    unclear: NDArray[np.bool_]
    marks: NDArray[np.int64]
    second: NDArray[np.int64]
    ward: NDArray[np.int64]
    wards: tuple[str, ...]
    undated: NDArray[np.int64]


@cache
def markers() -> tuple[str, ...]:
    """What items can tell of a day, in the order of the bits (``data/markers.csv``)."""
    return tuple(dict.fromkeys(row["marker"] for row in rows("markers.csv")))


def lines_of_cases(cases: pa.Table, start: NDArray[np.int64], undated: NDArray[np.int64]) -> Lines:
    """The lines that stand in the cases.

    Args:
        cases: columns of ``CASE_SCHEMA``.
        start: local day of each admission.
        undated: the day of a line without a time, by stay.
    """
    wanted = lengths(whole(cases["line_amount"]))
    stay = np.repeat(np.arange(len(wanted)), wanted)
    columns = {name: _beside(whole(cases[name]), wanted) for name in _COLUMNS}
    return _lines(columns, stay, start, undated)


def lines_of_charges(
    cases: pa.Table, charges: pa.Table, start: NDArray[np.int64], undated: NDArray[np.int64]
) -> Lines:
    """The lines of a table of charges; lines of other cases are left out.

    Args:
        cases: the cases, with ``case_id``.
        charges: columns ``case_id`` and ``line_…``; those that are missing are empty.
        start: local day of each admission.
        undated: the day of a line without a time, by stay.
    """
    stay = _stays(charges["case_id"], cases["case_id"])
    some = stay >= 0
    if not some.all():
        charges = charges.filter(pa.array(some))
    columns = {
        name: charges[name].combine_chunks() if name in charges.column_names else None
        for name in _COLUMNS
    }
    return _lines(columns, stay[some], start, undated)


def _lines(
    columns: Mapping[str, Any],
    stay: NDArray[np.int64],
    start: NDArray[np.int64],
    undated: NDArray[np.int64],
) -> Lines:
    columns, stay, empty = _with_amount(columns, stay, len(start))
    count = len(stay)
    amount, _ = _integers(columns["line_amount"], count, 100)
    seconds = _seconds(columns["line_time"], count)
    known = np.isfinite(seconds) & (start[stay] > -(1 << 29))
    day = np.zeros(count, np.int64)
    day[known] = np.floor_divide(seconds[known], DAY_SECONDS).astype(np.int64) - start[stay][known]
    day = np.where(known, np.maximum(day, 0), undated[stay])
    own, over, first, unclear = _parts(columns, amount)
    kind_at, kind_words = _words(columns["line_class"], count)
    numbers = np.array([*(_class(word) for word in kind_words), 0])
    kind = numbers[kind_at]
    ward, wards = _sorted(*_words(columns["line_department"], count))
    # A bed that is taken back says nothing of where the patient lies.
    ward = np.where((kind == toml("snapshot.toml")["classes"]["bed"]) & (amount > 0), ward, -1)
    lost = np.bincount(stay[~known], minlength=len(start)) + empty
    return Lines(
        stay,
        day,
        kind,
        amount,
        own,
        over,
        first,
        unclear,
        _marked(columns, count),
        np.where(known, seconds, 0.0).astype(np.int64),
        ward,
        wards,
        lost.astype(np.int64),
    )


def _with_amount(
    columns: Mapping[str, Any], stay: NDArray[np.int64], stays: int
) -> tuple[Mapping[str, Any], NDArray[np.int64], NDArray[np.int64]]:
    """The lines that state an amount, and how many of each stay state none."""
    amount = columns["line_amount"]
    told = np.zeros(len(stay), bool) if amount is None else np.asarray(amount.is_valid())
    if told.all():
        return columns, stay, np.zeros(stays, np.int64)
    keep = pa.array(told)
    some = {name: None if one is None else one.filter(keep) for name, one in columns.items()}
    empty = np.bincount(stay[~told], minlength=stays).astype(np.int64)
    return some, stay[told], empty


def _parts(
    columns: Mapping[str, Any], amount: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Of each line, in whole fen: outside the catalogue, above a limit, first share; and what is unclear.

    Whole numbers throughout, so that sums do not depend on what is summed beside them.
    """
    count = len(amount)
    scope, words = _words(columns["line_scope"], count)
    whole, shared, own = (_among(scope, words, (one,)) for one in (_WHOLE, _SHARED, _PATIENT))
    limit, limited = _integers(columns["line_limit"], count, 100)
    quantity, counted = _integers(columns["line_quantity"], count, _PARTS)
    share, told = _integers(columns["line_first_share"], count, _PARTS)
    size = np.abs(amount)
    # A limit beyond every amount is none; the whole numbers must not run over.
    vast = np.abs(limit * 1.0 * quantity) > _VAST
    within = np.where(vast, _VAST, np.maximum(limit, 0) * np.abs(quantity))
    over = np.minimum(_fen(np.maximum(size * _PARTS - within, 0)), size)
    over = np.where(limited & counted & (whole | shared), over, 0)
    first = np.where(shared, _fen((size - over) * np.minimum(np.abs(share), _PARTS)), 0)
    unclear = ~(whole | shared | own) | (~own & limited & ~counted) | (shared & ~told)
    sign = np.sign(amount)
    return np.where(own, amount, 0.0), (sign * over) * 1.0, (sign * first) * 1.0, unclear


def _fen(parts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ten-thousandths of fen, not below nought, as whole fen; halves go up."""
    return (parts + _PARTS // 2) // _PARTS


def _sorted(
    at: NDArray[np.int64], words: tuple[str, ...]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Codes by the order of the words' spelling, which no batch can change."""
    order = sorted(set(words))
    places = {word: place for place, word in enumerate(order)}
    return np.array([*(places[word] for word in words), -1])[at], tuple(order)


def _class(word: str) -> int:
    # Thousands of digits are read by no int.
    number = int(word) if word.isdecimal() and len(word) <= _DIGITS else 0
    return number if number <= CLASSES else 0


def _marked(columns: Mapping[str, Any], count: int) -> NDArray[np.int64]:
    names = markers()
    found = np.zeros(count, np.int64)
    for column, holds in (("line_item", "prefix"), ("line_name", "word")):
        at, words = _words(columns[column], count)
        asked = [
            (names.index(r["marker"]), r["value"])
            for r in rows("markers.csv")
            if r["holds"] == holds
        ]
        bits = [
            sum({1 << bit for bit, value in asked if _holds(word, value, holds)}) for word in words
        ]
        found |= np.array([*bits, 0], np.int64)[at]
    return found


def _holds(word: str, value: str, holds: str) -> bool:
    return word.startswith(value) if holds == "prefix" else value in word


def _among(
    at: NDArray[np.int64], words: tuple[str, ...], wanted: tuple[str, ...]
) -> NDArray[np.bool_]:
    return np.array([*(word in wanted for word in words), False])[at]


def _beside(column: pa.Array, wanted: NDArray[np.int64]) -> pa.Array | None:
    """A list of the lines laid beside their amounts; None where no case has it."""
    own = lengths(column)
    same = own == wanted
    if same.all():
        return column.flatten()
    if not own.any():
        return None
    places = np.full(int(wanted.sum()), -1, np.int64)
    places[np.repeat(same, wanted)] = np.flatnonzero(np.repeat(same, own))
    return taken(column.flatten(), places)


def _integers(
    column: Any,  # noqa: ANN401 -- Arrow
    count: int,
    scale: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Numbers in units of 1/scale, nought for none, and whether there is one."""
    if column is None or empty(column):
        return np.zeros(count, np.int64), np.zeros(count, bool)
    found = floats(column)
    told = np.isfinite(found)
    return np.rint(np.where(told, found, 0.0) * scale).astype(np.int64), told


def _seconds(column: Any, count: int) -> NDArray[np.float64]:  # noqa: ANN401 -- Arrow
    """Local seconds since 1970; NaN for none."""
    if column is None or empty(column):
        return np.full(count, np.nan)
    # Milliseconds come from Parquet; whole seconds are all that a day needs.
    local = pc.local_timestamp(column.cast(pa.timestamp(column.type.unit, ZONE)))
    unit = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[column.type.unit]
    found = numbers(local.view(pa.int64()), 0).astype(np.float64) / unit
    return np.where(stated(column), found, np.nan)


def _words(column: Any, count: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:  # noqa: ANN401 -- Arrow
    """Codes of words, −1 for none, and the words."""
    if column is None or empty(column):
        return np.full(count, -1, np.int64), ()
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    at = numbers(column.indices, -1)
    return at, tuple(word or "" for word in column.dictionary.to_pylist())


def _stays(column: pa.ChunkedArray, ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """For each id of a column the number of its stay; −1 for one that is not among them."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    whole = column.unify_dictionaries().combine_chunks()
    places = pc.index_in(whole.dictionary.cast(pa.string()), ids.combine_chunks().cast(pa.string()))
    known = np.asarray(pc.fill_null(places, -1)).astype(np.int64)
    at = np.asarray(pc.fill_null(whole.indices, -1))
    found: NDArray[np.int64] = np.append(known, -1)[at]
    return found

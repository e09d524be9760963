"""Charge lines as whole numbers: what a rule can reckon with, exactly and fast.

Quantities are in ten-thousandths, amounts in fen, times in seconds of the local clock since 1970.
Items, departments and physicians are numbers in a list of words that all portions share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.dates import DAY_SECONDS, OFFSET, SETTLED
from grouper.case.fields import ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

NONE = -1
"""In the place of an item, department or physician that is not stated."""
NO_TIME = -(1 << 62)
"""In the place of a second that is not stated."""
PARTS = 10_000
"""Quantities have four places."""
SCOPES = ("", "A", "B", "C")
"""Scopes of the catalogue by number; 0: not stated or another word."""
COLUMNS = (
    *("line_item", "line_class", "line_quantity", "line_amount", "line_time", "line_scope"),
    *("line_department", "line_physician"),
)
"""The columns of a line that rules ask about."""
_DIGITS = 18
"""So many digits fit a whole number of eight bytes."""
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


class Words:
    """A growing list of words; each has its number for good."""

    def __init__(self, first: tuple[str, ...] = ()) -> None:
        self.all: list[str] = list(first)
        self._places = {word: place for place, word in enumerate(first)}

    def __len__(self) -> int:
        return len(self.all)

    def snapshot(self) -> Words:
        """The words there are now, while another thread may go on adding some."""
        return Words(tuple(self.all))

    def number(self, word: str) -> int:
        """The number of a word, which is added where it is new."""
        place = self._places.get(word)
        if place is None:
            place = self._places[word] = len(self.all)
            self.all.append(word)
        return place

    def known(self, word: str) -> int:
        """The number of a word; ``NONE``: it is not in the list."""
        return self._places.get(word, NONE)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that lines are written in; ``items`` begins with the items of the book."""

    items: Words
    departments: Words
    physicians: Words


@dataclass(frozen=True, slots=True)
class Lines:
    """Charge lines, one place each.

    Attributes:
        case: number of the case.
        line: number within the case, from 1.
        item: number of the national code; ``NONE``.
        kind: class of the settlement list, 1 to 14; 0: none that is known.
        quantity: ten-thousandths; refunds below nought.
        amount: fen; refunds below nought.
        second: local; ``NO_TIME``.
        scope: number in ``SCOPES``.
        department: number of the word; ``NONE``.
        physician: number of the word; ``NONE``.
        counted: whether a quantity is stated.
        priced: whether an amount is stated.
    """

    case: NDArray[np.int32]
    line: NDArray[np.int32]
    item: NDArray[np.int32]
    kind: NDArray[np.int8]
    quantity: NDArray[np.int64]
    amount: NDArray[np.int64]
    second: NDArray[np.int64]
    scope: NDArray[np.int8]
    department: NDArray[np.int32]
    physician: NDArray[np.int32]
    counted: NDArray[np.bool_]
    priced: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.case)

    def take(self, chosen: NDArray[Any]) -> Lines:
        """Some of the lines, by places or by a mask."""
        at = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Lines(*(getattr(self, name).take(at) for name in self.__slots__))

    def with_net(self, quantity: NDArray[np.int64], amount: NDArray[np.int64]) -> Lines:
        """With what is left of each line after refunds."""
        return replace(self, quantity=quantity, amount=amount)

    def table(self) -> pa.Table:
        """As a table, without copying; ``day`` is the local day as days since 1970."""
        timed = self.second != NO_TIME
        untimed = None if timed.all() else ~timed
        second = self.second if untimed is None else np.where(timed, self.second, 0)
        day = (second // DAY_SECONDS).astype(np.int32)
        return pa.table(
            {
                "case_no": self.case,
                "line": self.line,
                "item": self.item,
                "kind": self.kind,
                "quantity": self.quantity,
                "amount": self.amount,
                "second": pa.array(self.second, mask=untimed),
                "day": pa.array(day, mask=untimed),
                "scope": self.scope,
                "department": self.department,
                "physician": self.physician,
            }
        )

    def sources(self) -> pa.Table:
        """Only who charged each line."""
        names = ("line", "department", "physician")
        return pa.table({"case_no": self.case, **{name: getattr(self, name) for name in names}})


def chained(parts: list[Lines]) -> Lines:
    """Lines one after another."""
    return Lines(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Lines.__slots__)
    )


def lines_of(
    columns: Mapping[str, Any],
    case: NDArray[np.int32],
    line: NDArray[np.int32],
    words: Vocabulary,
) -> Lines:
    """Lines from Arrow columns.

    Args:
        columns: arrays by the names of ``COLUMNS``; None for one that is missing.
        case: number of each line's case.
        line: its number within the case.
        words: where the words get their numbers.
    """
    count = len(case)
    quantity, counted = _whole(columns["line_quantity"], count, 4)
    amount, priced = _whole(columns["line_amount"], count, 2)
    kinds: dict[str, int] = {str(n).zfill(2): n for n in range(1, 15)} | {
        str(n): n for n in range(1, 10)
    }
    scopes = {word: place for place, word in enumerate(SCOPES)}
    return Lines(
        case,
        line,
        _numbered(columns["line_item"], count, words.items),
        _chosen(columns["line_class"], count, kinds),
        quantity,
        amount,
        local_seconds(columns["line_time"], count),
        _chosen(columns["line_scope"], count, scopes),
        _numbered(columns["line_department"], count, words.departments),
        _numbered(columns["line_physician"], count, words.physicians),
        counted,
        priced,
    )


def local_seconds(column: Any, count: int) -> NDArray[np.int64]:  # noqa: ANN401 -- Arrow
    """Seconds of the local clock since 1970; ``NO_TIME`` for none."""
    if column is None:
        return np.full(count, NO_TIME, np.int64)
    unit = _UNITS[column.type.unit]
    told = np.asarray(column.is_valid())
    found = np.asarray(pc.fill_null(column.view(pa.int64()), 0))
    found = found if unit == 1 else found // unit
    if told.any() and found[told].min() < SETTLED.timestamp():
        # Summer times of old: Arrow knows them.
        local = pc.local_timestamp(column.cast(pa.timestamp(column.type.unit, ZONE)))
        found = np.asarray(pc.fill_null(pc.cast(local, pa.int64()), 0)) // unit
    else:
        found = found + OFFSET
    return found if told.all() else np.where(told, found, NO_TIME)


def whole_numbers(column: Any, places: int) -> pa.Array:  # noqa: ANN401 -- Arrow
    """Decimals as whole numbers of their last place; null for null."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    found, told = _whole(column, len(column), places)
    return pa.array(found, mask=~told)


def _whole(
    column: Any,  # noqa: ANN401 -- Arrow
    count: int,
    places: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Decimals as whole numbers of their last place, nought for none; and whether one is stated."""
    if column is None or not count:
        return np.zeros(count, np.int64), np.zeros(count, bool)
    exact = column if is_exact(column.type, places) else column.cast(pa.decimal128(18, places))
    # Eighteen digits fit the lower half of the sixteen bytes, with the sign.
    halves = np.frombuffer(exact.buffers()[1], np.int64)
    found = np.ascontiguousarray(halves[2 * exact.offset : 2 * (exact.offset + count) : 2])
    if not column.null_count:
        return found, np.ones(count, bool)
    told = np.asarray(column.is_valid())
    return np.where(told, found, 0), told


def is_exact(kind: pa.DataType, places: int) -> bool:
    """Whether decimals can be read as they lie in memory."""
    fits = pa.types.is_decimal128(kind) and kind.scale == places
    return bool(fits and kind.precision <= _DIGITS)


def _encoded(column: Any) -> tuple[NDArray[np.int64], list[str | None]]:  # noqa: ANN401 -- Arrow
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    at = np.asarray(pc.fill_null(column.indices, NONE))
    return at, column.dictionary.to_pylist()


def _numbered(column: Any, count: int, words: Words) -> NDArray[np.int32]:  # noqa: ANN401 -- Arrow
    if column is None:
        return np.full(count, NONE, np.int32)
    at, own = _encoded(column)
    numbers = [words.number(word.strip()) if word and word.strip() else NONE for word in own]
    found: NDArray[np.int32] = np.array([*numbers, NONE], np.int32)[at]
    return found


def _chosen(column: Any, count: int, known: Mapping[str, int]) -> NDArray[np.int8]:  # noqa: ANN401 -- Arrow
    if column is None:
        return np.zeros(count, np.int8)
    at, own = _encoded(column)
    numbers = [known.get((word or "").strip(), 0) for word in own]
    found: NDArray[np.int8] = np.array([*numbers, 0], np.int8)[at]
    return found

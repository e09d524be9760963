"""What the final group is counted by: the clues of a row, as numbers of words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.folding import fold_codes
from grouper.forecast.features import names
from grouper.forecast.levels import ADRG, GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.forecast.frame import Frame

BUCKET, STATE, BARE = "bucket", "state", "bare"
_WORDS = ("department", "lead", "category", "procedure", "adrg", BARE, "status")
CLUES = (BUCKET, STATE, *_WORDS)
"""``bucket``: of the day of stay. ``state``: whether the principal diagnosis is written; whether
nothing was done, an operation was charged without its code, or a procedure is coded. ``department``: the
ward so far. ``lead``: the first diagnosis so far (that of admission until the principal one is
written). ``category``: its three characters. ``procedure``: the first coded procedure. ``adrg``,
``bare``, ``status``: of the grouper's bare answer."""
_DONE = 3
CELLS_A_BUCKET = 2
STATES = 2 * _DONE
_CATEGORY = 3
UNSEEN = -1
"""The number of a word that the model does not know."""

Numbers = dict[str, "NDArray[np.int64]"]


@dataclass(frozen=True, slots=True)
class Clues:
    """The words that a model counts by.

    Attributes:
        buckets: the first day of each bucket, ascending from 0.
        words: of each clue, sorted; a word's number is its place.
        places: the place of each word, by clue.
    """

    buckets: tuple[int, ...]
    words: Mapping[str, tuple[str, ...]]
    places: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, buckets: Sequence[int], words: Mapping[str, Sequence[str]]) -> Clues:
        """Clues of their words.

        Raises:
            KeyError: a clue has no words.
        """
        kept = {name: tuple(words[name]) for name in _WORDS}
        places = {name: {w: i for i, w in enumerate(own)} for name, own in kept.items()}
        return cls(tuple(buckets), kept, places)

    @classmethod
    def learnt(cls, buckets: Sequence[int], frame: Frame) -> Clues:
        """The words of a frame."""
        found = {
            name: sorted(set(column.dictionary.to_pylist()))
            for name, column in _columns(frame).items()
        }
        return cls.of(buckets, found)

    @property
    def cells(self) -> int:
        """Cells of the calibration."""
        return len(self.buckets) * CELLS_A_BUCKET

    def size(self, name: str) -> int:
        """How many numbers a clue has."""
        if name == BUCKET:
            return len(self.buckets)
        return STATES if name == STATE else len(self.words[name])

    def numbers(self, frame: Frame) -> Numbers:
        """The numbers of the rows by clue; :data:`UNSEEN` for words that the model does not know."""
        found = {BUCKET: self.bucket(frame.day), STATE: _states(frame)}
        for name, column in _columns(frame).items():
            own = self.places[name]
            known = np.array([own.get(w, UNSEEN) for w in column.dictionary.to_pylist()], np.int64)
            found[name] = known[np.asarray(column.indices)]
        return found

    def bucket(self, day: NDArray[np.int64]) -> NDArray[np.int64]:
        """The bucket of each day of stay."""
        return np.searchsorted(np.array(self.buckets), day, side="right") - 1

    def keys(self, numbers: Numbers, names: Sequence[str]) -> NDArray[np.int64]:
        """One number for several clues together; :data:`UNSEEN` where one of them is."""
        key = np.zeros(len(numbers[BUCKET]), np.int64)
        lost = np.zeros(len(key), bool)
        for name in names:
            key = key * self.size(name) + numbers[name]
            lost |= numbers[name] == UNSEEN
        key[lost] = UNSEEN
        return key


def written(numbers: Numbers) -> NDArray[np.int64]:
    """[rows] 1 where the principal diagnosis is written."""
    found: NDArray[np.int64] = numbers[STATE] // _DONE
    return found


def _states(frame: Frame) -> NDArray[np.int64]:
    place = names().index
    told, operated, coded = (
        frame.features[:, place(name)] > 0 for name in ("principal_known", "operated", "px_known")
    )
    done = np.where(coded, 2, np.where(operated, 1, 0)).astype(np.int64)
    return told * _DONE + done


def _columns(frame: Frame) -> dict[str, pa.DictionaryArray]:
    lead = _text(_first(frame.known["dx"]))
    return {
        "department": _text(frame.known["department"]),
        "lead": lead,
        "category": _cut(lead),
        "procedure": _text(_first(frame.known["px"])),
        "adrg": _level(frame, ADRG),
        BARE: _level(frame, GROUP),
        "status": _text(pa.array(frame.bare.status, pa.string())),
    }


def _text(column: pa.Array) -> pa.DictionaryArray:
    """Texts as numbers of words; what is missing is the empty word."""
    return pc.dictionary_encode(pc.fill_null(column.cast(pa.string()), ""))


def _level(frame: Frame, level: str) -> pa.DictionaryArray:
    used, places = np.unique(frame.bare.codes[level], return_inverse=True)
    words = pa.array([frame.bare.words[level][code] for code in used], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(places), words)


def _first(lists: pa.Array) -> pa.Array:
    """The first value of each list that is not empty: a main procedure may be coded later than another."""
    values = lists.flatten()
    owner = np.asarray(pc.list_parent_indices(lists)).astype(np.int64)
    some = np.flatnonzero(np.asarray(values.is_valid()))
    at = np.full(len(lists), -1, np.int64)
    # From the last to the first, so that the first stays.
    at[owner[some[::-1]]] = some[::-1]
    return values.take(pa.array(np.maximum(at, 0), mask=at < 0))


def _cut(codes: pa.DictionaryArray) -> pa.DictionaryArray:
    """The categories of codes, by their folded spelling."""
    cut = [code[:_CATEGORY] for code in fold_codes(codes.dictionary.to_pylist())]
    return pc.dictionary_encode(pa.array(cut, pa.string()).take(codes.indices))

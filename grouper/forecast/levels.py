"""The levels of a group: group → ADRG → MDC → all, for every family.

CHS-DRG and MS-DRG name ADRG and MDC themselves. Families that do not (DIP) have as ADRG the
three-character category of the group's diagnosis and as MDC the chapter letter of it. What is not
grouped is a group of its own (``?ungrouped`` …): a case that will fall into none is foretold as that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.forecast.arrays import empty, texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNGROUPED = "?"
"""Begins the name of what stands for a group where there is none."""
GROUP, ADRG, MDC, ALL = "group", "adrg", "mdc", "all"
LEVELS = (GROUP, ADRG, MDC, ALL)
_CATEGORY, _CHAPTER = 3, 1


@dataclass(frozen=True, slots=True)
class Levels:
    """Groups of rows at each level, as numbers of words; never missing.

    Attributes:
        words: the words of each level.
        codes: [rows] number of the word, by level.
        status: the status of each row's grouping.
        names: what groups are called, by group (empty where they have no name).
    """

    words: dict[str, tuple[str, ...]]
    codes: dict[str, NDArray[np.int64]]
    status: NDArray[Any]
    names: dict[str, str]

    def texts(self, level: str) -> NDArray[Any]:
        """The words of the rows."""
        found: NDArray[Any] = np.array(self.words[level], object)[self.codes[level]]
        return found

    def take(self, rows: NDArray[Any]) -> Levels:
        """Some rows."""
        codes = {level: code[rows] for level, code in self.codes.items()}
        return Levels(self.words, codes, self.status[rows], self.names)


def levels_of(results: pa.Table | pa.RecordBatch) -> Levels:
    """The levels of groupings.

    Args:
        results: columns of ``RESULT_SCHEMA``.
    """
    status = texts(results["status"])
    group = texts(results["group"])
    if group.null_count:
        group = pc.coalesce(group, pc.binary_join_element_wise(UNGROUPED, status, ""))
    words: dict[str, tuple[str, ...]] = {}
    codes: dict[str, NDArray[np.int64]] = {}
    for level in (GROUP, ADRG, MDC):
        column = group if level == GROUP else _above(results[level], group, level)
        encoded = column.dictionary_encode()
        words[level] = tuple(encoded.dictionary.to_pylist())
        codes[level] = np.asarray(encoded.indices).astype(np.int64)
    titles = texts(results["group_name"])
    titles = pc.fill_null(titles, "") if titles.null_count else titles
    once = pc.binary_join_element_wise(group, titles, "\t").unique()
    names = dict(one.split("\t", 1) for one in once.to_pylist())
    return Levels(words, codes, np.array(status.to_pylist(), object), names)


def above(group: str, level: str) -> str:
    """The ADRG or MDC of a group of a family that names none."""
    if group.startswith(UNGROUPED):
        return group
    return group[: _CATEGORY if level == ADRG else _CHAPTER]


def _above(column: Any, group: pa.Array, level: str) -> pa.Array:  # noqa: ANN401 -- Arrow
    told = texts(column)
    if not told.null_count:
        return told
    encoded = group.dictionary_encode()
    made = [above(word, level) for word in encoded.dictionary.to_pylist()]
    own = pa.array(made, pa.string()).take(encoded.indices)
    return own if empty(told) else pc.coalesce(told, own)

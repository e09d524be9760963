"""Where a case stands on one side: in a group, or outside all groups for a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from grouper.schemes.columns import texts_of
from grouper.schemes.reasons import Status

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_KEY = ("scheme", "status", "reason", "group")
_TOLD = ("group_name", "mdc", "adrg")
_MOST = 2**62


class Node(NamedTuple):
    """A place where cases stand on one side.

    Only cases with the status ``grouped`` are in a group; those of any other status are outside,
    told apart by scheme, status and reason. ``scheme`` is None where none was chosen.
    """

    scheme: str | None
    status: str
    reason: str | None = None
    group: str | None = None

    @property
    def grouped(self) -> bool:
        """Whether its cases are in a group."""
        return self.status == Status.GROUPED


@dataclass(frozen=True, slots=True)
class About:
    """What a group's first case tells of the group."""

    name: str = ""
    mdc: str | None = None
    adrg: str | None = None


class Nodes:
    """The places of one side, numbered as they first appear."""

    def __init__(self) -> None:
        self.all: list[Node] = []
        self.about: list[About] = []
        self._number: dict[Node, int] = {}

    def numbers(self, results: pa.RecordBatch) -> NDArray[np.int64]:
        """The number of each case's place; ``results`` are of ``RESULT_SCHEMA``."""
        words = {name: _column(results, name) for name in (*_KEY, *_TOLD)}
        key, distinct = np.zeros(results.num_rows, np.int64), 1
        for name in _KEY:
            texts, places = words[name]
            if distinct * (len(texts) + 1) > _MOST:
                kept, key = np.unique(key, return_inverse=True)
                distinct = len(kept)
            distinct *= len(texts) + 1
            key = key * (len(texts) + 1) + places + 1
        _, first, back = np.unique(key, return_index=True, return_inverse=True)
        found = np.zeros(len(first), np.int64)
        for at in np.argsort(first).tolist():
            row = int(first[at])
            told = {name: _word(*words[name], row) for name in words}
            found[at] = self._of(told)
        numbers: NDArray[np.int64] = found[back]
        return numbers

    def _of(self, told: dict[str, str | None]) -> int:
        status = told["status"] or Status.INVALID.value
        grouped = status == Status.GROUPED
        node = Node(
            told["scheme"],
            status,
            None if grouped else told["reason"],
            told["group"] if grouped else None,
        )
        number = self._number.get(node)
        if number is None:
            number = self._number[node] = len(self.all)
            self.all.append(node)
            about = About(told["group_name"] or "", told["mdc"], told["adrg"])
            self.about.append(about if grouped else About())
        return number


def _column(results: pa.RecordBatch, name: str) -> tuple[list[str], NDArray[np.int64]]:
    return texts_of(results.column(results.schema.get_field_index(name)))


def _word(texts: list[str], places: NDArray[np.int64], row: int) -> str | None:
    place = int(places[row])
    return texts[place] if place >= 0 else None

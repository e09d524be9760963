"""Answers of the batch engine as Arrow: result columns and issues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.schemes.dressing import indices, issues_of, result_batch, warning_words, words
from grouper.schemes.drg.batch import REASONS, Numbers
from grouper.schemes.drg.scalar import LEVEL_NAME
from grouper.schemes.reasons import Reason, Status
from grouper.schemes.unknown import TOLD_BY_CODE, unknown_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grouper.schemes.drg.compiled import CompiledScheme, Row

_STATUSES = list(Status)
_STATUS_OF_REASON = {
    Reason.PX_UNRELATED: Status.AMBIGUOUS,
    Reason.GROUP_NONE: Status.UNGROUPED,
    Reason.GROUP_FALLBACK: Status.UNGROUPED,
    Reason.DX_NOT_PRINCIPAL: Status.UNGROUPED,
}
_STATUS = np.array(
    [
        *(_STATUSES.index(_STATUS_OF_REASON.get(r, Status.INVALID)) for r in REASONS),
        _STATUSES.index(Status.GROUPED),
    ],
    np.int32,
)
"""Status by reason number; the last element answers for ``NO_REASON``."""


class Dresser:
    """Turns group numbers into the columns of a result for one scheme."""

    def __init__(self, scheme: CompiledScheme) -> None:
        self._id = scheme.card.id
        groups = scheme.groups
        self._places = [
            _Named(("mdc",), [_named(g.mdc) for g in groups]),
            _Named(("adrg",), [_named(g.adrg) for g in groups]),
            _Named(("group", "group_name"), [_named(g.drg) for g in groups]),
        ]

    def dress(self, numbers: Numbers) -> pa.RecordBatch:
        """The result columns of a batch's answers."""
        count = len(numbers.group)
        status = words(_STATUS[numbers.reason], [s.value for s in _STATUSES])
        columns = {
            "scheme": words(np.zeros(count, np.int32), [self._id]),
            "status": status,
            "reason": words(numbers.reason.astype(np.int32), [r.value for r in REASONS]),
            "warnings": warning_words(numbers.notices, REASONS),
            "cc_level": words(numbers.level.astype(np.int32) - 1, [LEVEL_NAME[1], LEVEL_NAME[2]]),
        }
        for named in self._places:
            columns |= named.columns(numbers.group)
        return result_batch(columns, count)


def _named(row: Row | None) -> tuple[str, str] | None:
    return None if row is None else (row.code, row.name)


class _Named:
    """One level of a group by group number: its code, and its name where a column asks for it."""

    def __init__(self, columns: tuple[str, ...], words: Sequence[tuple[str, str] | None]) -> None:
        distinct = list(dict.fromkeys(w for w in words if w is not None))
        place = {word: i for i, word in enumerate(distinct)}
        # A group number below zero (OPEN) counts from the end: there stands "none".
        self._place = np.array([-1 if w is None else place[w] for w in (*words, None)], np.int32)
        self._words = {
            column: pa.array(part, pa.string())
            for column, part in zip(columns, zip(*distinct, strict=True), strict=False)
        }

    def columns(self, groups: NDArray[np.int32]) -> dict[str, pa.DictionaryArray]:
        places = indices(self._place.take(groups))
        return {
            column: pa.DictionaryArray.from_arrays(places, texts)
            for column, texts in self._words.items()
        }


def issues(cases: pa.RecordBatch, numbers: Numbers, first_row: int) -> pa.Table:
    """One line for each rejected case and for each warning, in the order of rows.

    A case that no group takes is rejected with its reason; an ambiguous one is not.
    """
    return issues_of(
        cases,
        numbers.reason,
        numbers.notices,
        REASONS,
        first_row,
        unknown_lines(cases, numbers.unknown, first_row),
        passed_over={Reason.PX_UNRELATED, *TOLD_BY_CODE},
    )

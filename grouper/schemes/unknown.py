"""Codes that a scheme's code sets do not hold: found in batches and told one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.schemes.columns import column_of
from grouper.schemes.dressing import issue_lines
from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from grouper.schemes.columns import CodeLists

REASONS_OF_CODES: dict[tuple[str, bool], tuple[Reason, Reason]] = {
    ("dx", True): (Reason.DX_PRINCIPAL_UNKNOWN, Reason.DX_PRINCIPAL_EDITION),
    ("dx", False): (Reason.DX_OTHER_UNKNOWN, Reason.DX_OTHER_EDITION),
    ("px", True): (Reason.PX_MAIN_UNKNOWN, Reason.PX_MAIN_EDITION),
    ("px", False): (Reason.PX_UNKNOWN, Reason.PX_EDITION),
}
"""By list and whether the code stands first: the reason of an unknown code, and of a foreign one."""

TOLD_BY_CODE = frozenset(
    reason for (_, first), both in REASONS_OF_CODES.items() if not first for reason in both
)
"""Warnings that name a code, one line each."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A code that the scheme's code sets do not hold: its row, list and place in the list."""

    row: int
    column: str
    place: int
    reason: Reason


def unknown_codes(
    batch: pa.RecordBatch,
    lists: Iterable[tuple[str, CodeLists]],
    unknown: NDArray[np.bool_],
    is_foreign: Callable[[str], bool],
) -> Iterator[Unknown]:
    """The unknown codes of a batch, list by list in the order of rows.

    Args:
        batch: the cases.
        lists: name and codes of each list, ``dx`` before ``px``.
        unknown: for each code number whether it stands for what is unknown.
        is_foreign: whether a code belongs to another edition.
    """
    for column, codes in lists:
        places = codes.find(unknown)
        if not len(places):
            continue
        rows = codes.rows(places)
        written = column_of(batch, column)
        for row, at in zip(rows.tolist(), (places - codes.start[rows]).tolist(), strict=True):
            plain, foreign = REASONS_OF_CODES[column, at == 0]
            code = written[row][at].as_py()
            yield Unknown(row, column, at, foreign if is_foreign(code) else plain)


def unknown_lines(
    cases: pa.RecordBatch, unknown: Iterable[Unknown], first_row: int
) -> Iterator[pa.Table]:
    """A warning for each unknown code that does not stand first, with the code as written."""
    for code in unknown:
        if code.place > 0:
            yield unknown_line(cases, code, first_row)


def unknown_line(cases: pa.RecordBatch, code: Unknown, first_row: int) -> pa.Table:
    """The warning of one unknown code, with the code as written."""
    value = pa.array([column_of(cases, code.column)[code.row][code.place].as_py()])
    return issue_lines(np.array([code.row]), code.reason, "warning", value, first_row)

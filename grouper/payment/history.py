"""Stays of one person in one group after another: what a rule on readmission asks.

A case does not say whether its patient came back; a table of stays does. :func:`with_history` adds two
columns to it. They are facts, not a verdict: within how many days a stay counts as a readmission,
and which of the two stays it touches, is the policy's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.payment.columns import HISTORY_SCHEMA, Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

SINCE, UNTIL = HISTORY_SCHEMA.names
"""Days since the person's earlier stay in the same group ended; until the next one begins."""
_ASKED = ("person", "group", "admission_time", "discharge_time")
NONE = -1
"""No such stay in the table. Null: not known, as the case lacks person, group or a date."""


def with_history(stays: pa.Table) -> pa.Table:
    """A table of stays with the columns of ``HISTORY_SCHEMA``, in the order it has.

    Days are whole local days from discharge to admission; a stay that begins before the earlier one
    has ended counts as nought days. Only what the table holds is known: stays elsewhere are not.

    Args:
        stays: column ``group``; ``person``, ``admission_time`` and ``discharge_time`` where they
            are at hand. Columns of ``HISTORY_SCHEMA`` are replaced.
    """
    kept = stays.select([name for name in stays.column_names if name not in HISTORY_SCHEMA.names])
    since, until = np.full(len(kept), NONE), np.full(len(kept), NONE)
    known = np.zeros(len(kept), np.bool_)
    if len(kept):
        asked = kept.select([name for name in _ASKED if name in kept.column_names])
        columns = Columns(asked.unify_dictionaries().combine_chunks().to_batches()[0])
        person, group = columns.words("person"), columns.words("group")
        start, started = columns.day("admission_time")
        end, ended = columns.day("discharge_time")
        known = (person.codes >= 0) & (group.codes >= 0) & started & ended
        rows = np.flatnonzero(known)
        key = person.codes[rows].astype(np.int64) * (len(group.words) + 1) + group.codes[rows]
        order = np.lexsort((end[rows], start[rows], key))
        rows, key = rows[order], key[order]
        same = key[1:] == key[:-1]
        gaps = np.maximum(start[rows][1:] - _latest(end[rows], same)[:-1], 0)
        since[rows[1:][same]] = gaps[same]
        ahead = np.maximum(start[rows][1:] - end[rows][:-1], 0)
        until[rows[:-1][same]] = ahead[same]
    for name, days in ((SINCE, since), (UNTIL, until)):
        column = pa.array(days.astype(np.int32), mask=~known)
        kept = kept.append_column(HISTORY_SCHEMA.field(name), column)
    return kept


def _latest(ends: NDArray[np.int64], same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The latest end so far within each run of stays of the same person and group."""
    if not len(ends):
        return ends
    # A step for each run lifts it above all that went before, so that one pass serves all.
    run = np.concatenate([np.zeros(1, np.int64), np.cumsum(~same)])
    steps = run * (int(ends.max() - ends.min()) + 1)
    latest: NDArray[np.int64] = np.maximum.accumulate(ends + steps) - steps
    return latest

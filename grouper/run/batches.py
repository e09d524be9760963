"""One batch of cases: chosen, grouped by as many schemes as it takes, and put in order again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.case.issues import ISSUE_SCHEMA, Severity
from grouper.schemes.dressing import issue_lines, result_batch
from grouper.schemes.load import load_scheme
from grouper.schemes.reasons import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grouper.run.choose import Choice, Chooser


@dataclass(frozen=True, slots=True)
class Grouped:
    """Results of a batch in the order of its cases, and all its issues in the order of rows."""

    results: pa.RecordBatch
    issues: pa.Table


def group_cases(
    cases: pa.RecordBatch, read_issues: pa.Table, first_row: int, chooser: Chooser
) -> Grouped:
    """Group a batch.

    Args:
        cases: columns of ``CASE_SCHEMA``.
        read_issues: what the reader had to say of these rows (``ISSUE_SCHEMA``); a rejected row is
            not grouped and keeps the reader's reason.
        first_row: number of the first case.
        chooser: how schemes are chosen.
    """
    unread = _unread(read_issues, first_row, cases.num_rows)
    if not unread:
        choice = chooser.choose(cases)
        if choice.single is not None:
            results, issues = load_scheme(choice.single).group_with_issues(cases, first_row)
            return Grouped(results, _together([read_issues, issues]))
    else:
        choice = chooser.choose(cases)
    return _pieces(cases, read_issues, first_row, choice, unread)


def _pieces(
    cases: pa.RecordBatch,
    read_issues: pa.Table,
    first_row: int,
    choice: Choice,
    unread: dict[int, str],
) -> Grouped:
    """Group each scheme's cases apart and put all in order again."""
    bound = choice.scheme.copy()
    left = np.iinfo(np.int32).max
    bound[list(unread)] = left
    parts: list[pa.RecordBatch] = []
    places: list[NDArray[np.int64]] = []
    issues: list[pa.Table] = [read_issues]
    for number in np.unique(bound).tolist():
        rows = np.flatnonzero(bound == number)
        places.append(rows)
        if number == left:
            parts.append(_refused([unread[row] for row in rows.tolist()]))
        elif number < 0:
            reason = choice.reasons[-1 - number]
            parts.append(_refused([reason.value] * len(rows)))
            nothing = pa.nulls(len(rows), pa.string())
            issues.append(issue_lines(rows, reason, Severity.REJECT, nothing, first_row))
        else:
            scheme = load_scheme(choice.schemes[number])
            # Copying the columns that no rule asks about would cost time for nothing.
            needed = cases.select(list(scheme.needs)).take(pa.array(rows))
            results, own = scheme.group_with_issues(needed, 0)
            parts.append(results)
            issues.append(_renumbered(own, rows + first_row))
    if not parts:
        return Grouped(_refused([]), _together(issues))
    table = pa.Table.from_batches(parts).unify_dictionaries()
    order = np.argsort(np.concatenate(places), kind="stable")
    merged = table.combine_chunks().take(pa.array(order)).combine_chunks().to_batches()
    return Grouped(merged[0] if merged else _refused([]), _together(issues))


def _unread(issues: pa.Table, first_row: int, count: int) -> dict[int, str]:
    """Place in the batch and reason of the rows that the reader rejected."""
    if not issues.num_rows:
        return {}
    found: dict[int, str] = {}
    columns = (issues.column(name).to_pylist() for name in ("row", "severity", "reason"))
    for row, severity, reason in zip(*columns, strict=True):
        if severity == Severity.REJECT and first_row <= row < first_row + count:
            found.setdefault(row - first_row, reason)
    return found


def _refused(reasons: Sequence[str]) -> pa.RecordBatch:
    count = len(reasons)
    columns = {
        "status": pa.array([Status.INVALID.value] * count, pa.string()),
        "reason": pa.array(reasons, pa.string()),
    }
    return result_batch({n: c.dictionary_encode() for n, c in columns.items()}, count)


def _renumbered(issues: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    if not issues.num_rows:
        return issues
    places = issues.column("row").to_numpy()
    return issues.set_column(0, ISSUE_SCHEMA.field("row"), pa.array(rows[places]))


def _together(tables: Sequence[pa.Table]) -> pa.Table:
    full = [t for t in tables if t.num_rows]
    if not full:
        return ISSUE_SCHEMA.empty_table()
    if len(full) == 1:
        return full[0]
    return pa.concat_tables(full).sort_by([("row", "ascending")])

"""What every reader gives: batches of original columns, cases and issues, in bounded memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.case.issues import Issue, Severity
from grouper.case.normalise import Normaliser, Remarks, rejected_rows, remark_table
from grouper.case.reading import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from grouper.case.layout import Layout

BATCH_ROWS = 131_072


@dataclass(frozen=True, slots=True)
class CaseBatch:
    """Some consecutive records of a source.

    Attributes:
        first_row: number of the first record (1-based).
        original: the input's own columns as they were.
        cases: the cases, row by row the same records; a rejected record that could not be read is
            empty (see :class:`grouper.case.normalise.NormalisedBatch` for the columns).
        issues: a table of ``ISSUE_SCHEMA``, by row.
    """

    first_row: int
    original: pa.RecordBatch
    cases: pa.RecordBatch
    issues: pa.Table

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """For each row whether it is no case."""
        return rejected_rows(self.issues, self.first_row, self.cases.num_rows)


class Source(ABC):
    """A file of cases.

    Attributes:
        path: the file.
        format: ``csv``, ``jsonl`` or ``parquet``.
        layout: the meaning of its columns.
        schema: Arrow schema of ``CaseBatch.original``.
        total_rows: number of records, where the file says it without being read; else None.
        size: bytes of the file.
        bytes_read: bytes read so far, to show progress.
        file_issues: what is to be said about the file as a whole (row 0).
    """

    format: str

    def __init__(self, path: Path, layout: Layout, schema: pa.Schema, batch_rows: int) -> None:
        self.path = path
        self.layout = layout
        self.schema = schema
        self.batch_rows = batch_rows
        self.total_rows: int | None = None
        self.size = path.stat().st_size
        self.bytes_read = 0
        self.file_issues: list[Issue] = list(layout.issues)

    @abstractmethod
    def batches(self) -> Iterator[CaseBatch]:
        """The records from the first to the last, at most ``batch_rows`` at a time.

        Raises:
            GrouperError: ``FILE_BROKEN``, ``FILE_LINE`` or ``FILE_NOT_FOUND``, when the file ends
                otherwise than it began.
        """

    def use_defaults(self, defaults: Mapping[str, str]) -> None:
        """Take values (such as the region) for the records that state none; before reading."""
        self.layout = self.layout.with_defaults(defaults)
        self.file_issues = [issue for issue in self.file_issues if issue.field not in defaults]


def empty_file(column: str = "") -> Issue:
    """The issue of a file without a record."""
    return Issue(0, "", "FILE_EMPTY", Severity.WARNING, column)


def case_batch(
    normaliser: Normaliser,
    original: pa.RecordBatch,
    first_row: int,
    rejects: Remarks,
    *,
    unreadable: bool = True,
) -> CaseBatch:
    """Normalise original columns.

    Args:
        normaliser: of the source.
        original: the columns.
        first_row: number of the first record.
        rejects: remarks of the reader itself, by row counted from 0.
        unreadable: whether the rows of ``rejects`` give empty cases.
    """
    raw = original
    if rejects and unreadable:
        mask = np.zeros(original.num_rows, np.bool_)
        mask[[at for at, _ in rejects]] = True
        keep = pa.array(np.where(mask, -1, np.arange(len(mask))), mask=mask)
        raw = original.take(keep)
    found = normaliser(raw, first_row)
    issues = found.issues
    if rejects:
        issues = pa.concat_tables([issues, remark_table(rejects, first_row)]).sort_by("row")
    return CaseBatch(first_row, original, found.cases, issues)


def reject(reason: str, value: str = "") -> Remark:
    """A remark that a record is no case."""
    return Remark("", reason, value, Severity.REJECT)

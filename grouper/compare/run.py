"""A source of cases streamed through both sides into the files of a comparison."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.compare.comparison import comparison_of
from grouper.compare.groups import Thresholds
from grouper.compare.report import check_report, write_report
from grouper.compare.tally import WEIGHT, Change, Tally
from grouper.run.batches import group_cases
from grouper.run.destinations import check_destinations, whole, writing
from grouper.run.side_by_side import InterruptedRunError, in_order
from grouper.run.writers import open_writer
from grouper.schemes.dressing import words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from grouper.case.readers import CaseBatch, Source
    from grouper.compare.comparison import Comparison
    from grouper.compare.sides import Side
    from grouper.compare.tally import CaseColumns
    from grouper.run.writers import Writer

MOVERS = 20
"""How many flows a report lists that move most weight, when nobody says."""

_SHOWN = ("scheme", "status", "reason", "group", "group_name")
_WORD = pa.dictionary(pa.int32(), pa.string())

CASES_SCHEMA: pa.Schema = pa.schema(
    [
        ("row", pa.int64()),
        ("case_id", pa.string()),
        *(
            (f"{side}_{name}", kind)
            for side in ("from", "to")
            for name, kind in (*((name, _WORD) for name in _SHOWN), ("weight", WEIGHT))
        ),
        ("change", _WORD),
    ]
)
"""One line for each case: its grouping and weight on both sides, and what became of it."""

Results = tuple[pa.RecordBatch, pa.RecordBatch]


def compare(
    source: Source,
    sides: tuple[Side, Side],
    *,
    reports: Sequence[Path] = (),
    cases: Path | None = None,
    weight_files: Sequence[Path] = (),
    thresholds: Thresholds | None = None,
    movers: int = MOVERS,
    lang: str | None = None,
    progress: Callable[[int], None] | None = None,
    workers: int | None = None,
) -> Comparison:
    """Group every case of a source on both sides and compare.

    The answer does not depend on the size of batches or the number of workers. Files take their
    names when all are whole, as those of :func:`grouper.run.flow.run`.

    Args:
        source: where cases come from.
        sides: the two sides.
        reports: files for the report; the ending says the form (:data:`grouper.compare.report.FORMS`).
        cases: a file with a line for each case (:data:`CASES_SCHEMA`).
        weight_files: the files that the sides' weights come from, which nothing may overwrite.
        thresholds: what counts as noise when groups are classified.
        movers: how many flows the reports list that move most weight.
        lang: language of the reports.
        progress: called with the rows done.
        workers: threads that group.

    Raises:
        InterruptedRunError: ``RUN_INTERRUPTED``.
        GrouperError: the source or an output cannot be used.
    """
    started = time.monotonic()
    for path in reports:
        check_report(path)
    finals = [*reports, *([cases] if cases else [])]
    for read in (source.path, *weight_files):
        check_destinations(read, finals)
    tally = Tally(*sides)
    choosers = tuple(side.chooser for side in sides)

    def work(batch: CaseBatch) -> Results:
        first, second = (
            group_cases(batch.cases, batch.issues, batch.first_row, chooser).results
            for chooser in choosers
        )
        return first, second

    try:
        with whole(finals), ExitStack() as opened:
            writer = None
            if cases:
                with writing(cases):
                    writer = opened.enter_context(closing(open_writer(cases, CASES_SCHEMA)))
            for batch, results in in_order(source, work, workers):
                columns = tally.add(batch.cases, results)
                if writer and cases:
                    with writing(cases):
                        _write(writer, batch, results, columns)
                if progress:
                    progress(tally.rows)
            seconds = time.monotonic() - started
            found = comparison_of(tally, thresholds or Thresholds(), source.file_issues, seconds)
            for path in reports:
                with writing(path):
                    write_report(path, found, movers, lang)
    except KeyboardInterrupt as stop:
        raise InterruptedRunError("RUN_INTERRUPTED", rows=tally.rows) from stop
    return found


def _write(writer: Writer, batch: CaseBatch, results: Results, told: CaseColumns) -> None:
    count = batch.cases.num_rows
    columns: list[pa.Array] = [
        pa.array(np.arange(batch.first_row, batch.first_row + count)),
        batch.cases.column("case_id").cast(pa.string()),
    ]
    for result, weight in zip(results, (told.first, told.second), strict=True):
        columns += [result.column(result.schema.get_field_index(name)) for name in _SHOWN]
        columns.append(weight)
    columns.append(words(told.change, [change.word for change in Change]))
    writer.write(pa.RecordBatch.from_arrays(columns, schema=CASES_SCHEMA))

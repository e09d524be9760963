"""A source of cases streamed through the groupers into a result file and a rejects file."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from grouper.case.issues import issue_table
from grouper.case.record import Case
from grouper.run.batches import Grouped, group_cases
from grouper.run.destinations import check_destinations, part_of, whole, writing
from grouper.run.parts import PARTS_FILE_SCHEMA, parts_of
from grouper.run.rejects import RejectsFile
from grouper.run.side_by_side import InterruptedRunError, in_order
from grouper.run.summary import Summary
from grouper.run.writers import open_writer, output_schema
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

    from grouper.case.readers import CaseBatch, Source
    from grouper.run.choose import Chooser


def rejects_path(output: Path) -> Path:
    """The rejects file of an output: ``cases.csv`` has ``cases.rejects.csv``."""
    return output.with_name(f"{output.stem}.rejects.csv")


def run(
    source: Source,
    output: Path,
    chooser: Chooser,
    *,
    explain: Path | None = None,
    parts: Path | None = None,
    lang: str | None = None,
    progress: Callable[[int], None] | None = None,
    workers: int | None = None,
) -> Summary:
    """Group every case of a source.

    Results keep the order of the input whatever the number of workers. The files take their names
    when they are whole: after an error or an interruption no result file is there, or still the
    one of an earlier run.

    Args:
        source: where cases come from.
        output: the result file; its ending says its kind.
        chooser: how schemes are chosen.
        explain: a file for the trace of every case, one JSON document a line.
        parts: a file for the parts of every case, of schemes that group parts (``PARTS_SCHEMA``
            with the case's id); its ending says its kind.
        lang: language of the words in the rejects file and the traces.
        progress: called with the rows done.
        workers: threads that group; by default one core is left to reading and writing.

    Raises:
        InterruptedRunError: ``RUN_INTERRUPTED``.
        GrouperError: the source or the output cannot be used.
    """
    summary = Summary(output, rejects_path(output))
    summary.file_issues += source.file_issues
    started = time.monotonic()
    more = [path for path in (explain, parts) if path]
    finals = [output, summary.rejects_file, *more]
    check_destinations(source.path, finals)

    def work(batch: CaseBatch) -> tuple[Grouped, pa.Table | None]:
        grouped = group_cases(batch.cases, batch.issues, batch.first_row, chooser)
        return grouped, parts_of(batch, grouped.results) if parts else None

    try:
        with whole(finals), _Sink(source, summary, chooser, explain, parts, lang) as sink:
            # Writing goes on beside reading and grouping; one thread keeps it in order.
            last: Future[None] | None = None
            with ThreadPoolExecutor(1, thread_name_prefix="write") as out:
                for batch, (grouped, pieces) in in_order(source, work, workers):
                    if last:
                        last.result()
                    last = out.submit(sink.write, batch, grouped, pieces)
                    summary.add(grouped.results, grouped.issues)
                    if progress:
                        progress(summary.rows)
                if last:
                    last.result()
    except KeyboardInterrupt as stop:
        raise InterruptedRunError("RUN_INTERRUPTED", rows=summary.rows) from stop
    summary.seconds = time.monotonic() - started
    return summary


class _Sink:
    """The files of a run: results, rejects and, if asked for, traces and parts."""

    def __init__(
        self,
        source: Source,
        summary: Summary,
        chooser: Chooser,
        explain: Path | None,
        parts: Path | None,
        lang: str | None,
    ) -> None:
        self._lang = lang
        self._chooser = chooser
        self._schema = output_schema(source.schema)
        self._output = summary.output
        with writing(self._output), ExitStack() as opened:
            self._results = opened.enter_context(closing(open_writer(summary.output, self._schema)))
            self._rejects = opened.enter_context(
                closing(RejectsFile(part_of(summary.rejects_file), lang))
            )
            self._traces = (
                opened.enter_context(part_of(explain).open("w", encoding="utf-8"))
                if explain
                else None
            )
            self._parts = (
                opened.enter_context(closing(open_writer(parts, PARTS_FILE_SCHEMA)))
                if parts
                else None
            )
            for issue in source.file_issues:
                self._rejects.write(issue_table([issue]), None, 0)
            self._stack = opened.pop_all()

    def write(self, batch: CaseBatch, grouped: Grouped, parts: pa.Table | None) -> None:
        columns = [*batch.original.columns, *grouped.results.columns]
        with writing(self._output):
            self._results.write(pa.RecordBatch.from_arrays(columns, schema=self._schema))
            self._rejects.write(grouped.issues, batch.cases, batch.first_row)
            if self._parts and parts is not None:
                for piece in parts.to_batches():
                    self._parts.write(piece)
            if self._traces:
                _explain(self._traces, batch, grouped, self._chooser, self._lang)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        with writing(self._output):
            self._stack.close()


def _explain(
    traces: TextIO, batch: CaseBatch, grouped: Grouped, chooser: Chooser, lang: str | None
) -> None:
    schemes = grouped.results.column(0).to_pylist()
    for i, scheme in enumerate(schemes):
        case = Case.from_batch(batch.cases, i)
        line: dict[str, object] = {"row": batch.first_row + i, "case_id": case.case_id}
        if scheme is None:
            line["reason"] = grouped.results.column(2)[i].as_py()
        else:
            trace = load_scheme(scheme).group(case).trace
            trace.binding = chooser.binding(case)
            line |= trace.document(lang)
        traces.write(json.dumps(line, ensure_ascii=False) + "\n")

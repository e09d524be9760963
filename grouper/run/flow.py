"""A source of cases streamed through the groupers into a result file and a rejects file."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Protocol, Self

import pyarrow as pa

from codebooks.errors import GrouperError
from grouper.case.issues import issue_table
from grouper.case.record import Case
from grouper.run.batches import Grouped, group_cases
from grouper.run.destinations import check_destinations, part_of, writing
from grouper.run.rejects import RejectsFile
from grouper.run.summary import Summary
from grouper.run.writers import open_writer, output_schema
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TextIO

    from grouper.case.readers import CaseBatch, Source
    from grouper.run.choose import Chooser

_AHEAD = 2
"""How many batches for each worker may wait: memory stays bounded when writing is slower."""


def _workers() -> int:
    return max(1, (os.cpu_count() or 1) - 1)


class InterruptedRunError(GrouperError):
    """The run was interrupted; no result file was written."""


class Progress(Protocol):
    """Told after each batch how many rows are done."""

    def __call__(self, rows: int) -> None:
        """``rows`` are done so far."""
        ...


def rejects_path(output: Path) -> Path:
    """The rejects file of an output: ``cases.csv`` has ``cases.rejects.csv``."""
    return output.with_name(f"{output.stem}.rejects.csv")


def run(
    source: Source,
    output: Path,
    chooser: Chooser,
    *,
    explain: Path | None = None,
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
    finals = [output, summary.rejects_file, *([explain] if explain else [])]
    check_destinations(source.path, finals)
    try:
        with _Sink(source, summary, chooser, explain, lang) as sink:
            # Writing goes on beside reading and grouping; one thread keeps it in order.
            last: Future[None] | None = None
            with ThreadPoolExecutor(1, thread_name_prefix="write") as out:
                for batch, grouped in _ordered(source, chooser, workers or _workers()):
                    if last:
                        last.result()
                    last = out.submit(sink.write, batch, grouped)
                    summary.add(grouped.results, grouped.issues)
                    if progress:
                        progress(summary.rows)
                if last:
                    last.result()
        for path in finals:
            with writing(path):
                part_of(path).replace(path)
    except BaseException as error:
        for path in finals:
            with suppress(OSError):
                part_of(path).unlink()
        if isinstance(error, KeyboardInterrupt):
            raise InterruptedRunError("RUN_INTERRUPTED", rows=summary.rows) from error
        raise
    summary.seconds = time.monotonic() - started
    return summary


def _ordered(source: Source, chooser: Chooser, workers: int) -> Iterator[tuple[CaseBatch, Grouped]]:
    """Group batches side by side and hand them on in order."""
    waiting: deque[tuple[CaseBatch, Future[Grouped]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="group")
    try:
        for batch in source.batches():
            future = pool.submit(group_cases, batch.cases, batch.issues, batch.first_row, chooser)
            waiting.append((batch, future))
            if len(waiting) > _AHEAD * workers:
                done, answer = waiting.popleft()
                yield done, answer.result()
        while waiting:
            done, answer = waiting.popleft()
            yield done, answer.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Sink:
    """The files of a run: results, rejects and, if asked for, traces."""

    def __init__(
        self,
        source: Source,
        summary: Summary,
        chooser: Chooser,
        explain: Path | None,
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
            for issue in source.file_issues:
                self._rejects.write(issue_table([issue]), None, 0)
            self._stack = opened.pop_all()

    def write(self, batch: CaseBatch, grouped: Grouped) -> None:
        columns = [*batch.original.columns, *grouped.results.columns]
        with writing(self._output):
            self._results.write(pa.RecordBatch.from_arrays(columns, schema=self._schema))
            self._rejects.write(grouped.issues, batch.cases, batch.first_row)
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

"""The engine: cases and their lines against a rule book.

DuckDB answers the templates (``sql/``) over numbers that numpy prepared; refunds have cancelled
their charges before. Lines come in portions of whole cases, so that memory does not grow with the
months; behaviour is asked once over all cases.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.asking import Desk
from grouper.audit.cases import case_rows, diagnosis_rows
from grouper.audit.charges import Portions, blocks_of
from grouper.audit.context import UPLOAD, Context, known_costs, reimbursed
from grouper.audit.finding import FINDING_SCHEMA
from grouper.audit.finishing import ordered
from grouper.audit.lines import NO_TIME, Lines, Vocabulary, Words, chained
from grouper.audit.parameters import behaviour_rows
from grouper.audit.persons import Gathered
from grouper.audit.planning import NotRun, Plan, plan, without_shadow
from grouper.audit.portion import Portion, portion_of
from grouper.audit.templates import toml
from grouper.audit.views import ViewsOfItems
from grouper.case.dates import DAY_SECONDS, EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codebooks.audit.books import AuditBook

__all__ = ["UPLOAD", "Audited", "Context", "audit"]


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit found.

    Attributes:
        findings: columns of ``FINDING_SCHEMA``, in order.
        not_run: rules that could not run, each with what is missing.
        counts: of cases and lines, of lines that refunds cancelled, and of what cases and lines do
            not state and rules could therefore not judge.
    """

    findings: pa.Table
    not_run: tuple[NotRun, ...]
    counts: Mapping[str, int]


def audit(
    cases: pa.Table,
    charges: pa.Table | Sequence[Path] | None,
    book: AuditBook,
    *,
    context: Context | None = None,
    judged: NDArray[np.bool_] | None = None,
    portion_lines: int | None = None,
) -> Audited:
    """Screen cases.

    Args:
        cases: columns of ``CASE_SCHEMA``, each id once; the lines of a case that ``charges`` knows
            nothing of are those that stand in it.
        charges: charge lines as a table or as Parquet files: ``case_id``, ``line`` (the number
            within the case; without it they are counted) and columns ``line_…`` of the case.
        book: the rule book.
        context: what is known beside.
        judged: the cases that are screened; the others stand beside, for what a person's other
            stays say. None: all.
        portion_lines: lines to look at together; no finding depends on it.

    Returns:
        The same findings whatever the order of cases and lines.

    Raises:
        AuditError: ``AUDIT_CHARGES``: the charges cannot be read.
    """
    settings = toml("engine.toml")
    asked = context or Context()
    blocks = blocks_of(charges) if charges is not None else []
    size = portion_lines or int(settings["portion_lines"])
    cases = cases.combine_chunks()
    wanted = np.ones(cases.num_rows, bool) if judged is None else judged
    with closing(_Run(cases, wanted, book, asked)) as run:
        strangers: list[int] = []
        read = wanted | run.persons.cases
        portions = Portions(cases, read, blocks, size).each(run.words, strangers)
        for portion in _ahead((_ready(lines, wanted) for lines in portions), run.wait):
            run.portion(*portion)
        run.whole()
        run.counts["lines_of_other_cases"] = sum(strangers)
        return run.result()


def _ready(lines: Lines, judged: NDArray[np.bool_]) -> tuple[Portion, Lines | None]:
    """A portion of the judged cases; and what stands of the lines of those beside them."""
    own = judged[lines.case]
    if own.all():
        return portion_of(lines), None
    return portion_of(lines.take(own)), portion_of(lines.take(~own)).lines


def _ahead(
    portions: Iterator[tuple[Portion, Lines | None]], before: Callable[[], None]
) -> Iterator[tuple[Portion, Lines | None]]:
    """The portions, each next one being made ready by another thread meanwhile.

    Args:
        portions: to be made.
        before: called before one is taken, so that no more of them are in memory than needed.
    """
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, portions, None)
        before()
        while (portion := coming.result()) is not None:
            coming = pool.submit(next, portions, None)
            yield portion
            before()


class _Run:
    """One audit on its way: what is asked, by whom, and what was found."""

    def __init__(
        self, cases: pa.Table, judged: NDArray[np.bool_], book: AuditBook, context: Context
    ) -> None:
        self.book, self.shadows = (book, ()) if context.shadow else without_shadow(book)
        self.context = context
        self.plan: Plan = plan(
            self.book,
            context.moment,
            context.rules,
            hospital=context.own or context.shadow,
            shadow=context.shadow,
        )
        self.words = Vocabulary(Words(), Words(), Words())
        self.rows = case_rows(cases, context.levels, judged)
        self.counts: Counter[str] = Counter(dict(portion_of(None).counts))
        self.counts["cases"] = int(judged.sum())
        self.stated: set[str] = set()
        self.first = (book.first_day - EPOCH).days * DAY_SECONDS
        self.found: list[pa.Table] = []
        self.operations: list[Lines] = []
        self.persons = Gathered(self.rows, self.book, self.plan)
        self.items = ViewsOfItems(self.book, self.plan, context)
        self._cases, self._dx = cases, diagnosis_rows(cases)
        self._most = int(toml("engine.toml")["desks"])
        self._pool = ThreadPoolExecutor(self._most)
        self._desks: list[Desk] = [self._desk()]
        self._free = list(self._desks)
        self._asked: list[tuple[Desk, Future[pa.Table | None]]] = []

    def close(self) -> None:
        """End the threads and connections."""
        self._pool.shutdown(cancel_futures=True)
        for desk in self._desks:
            desk.close()

    def _desk(self) -> Desk:
        settings = toml("engine.toml")
        classes = toml("cases.toml")["classes"]
        pairs = [(name, kind) for name, kinds in classes.items() for kind in kinds]
        tables = {
            "rules": self.plan.table(),
            "behaviour": behaviour_rows(self.book, self.plan.rules),
            "classes": pa.table({"name": [n for n, _ in pairs], "kind": [k for _, k in pairs]}),
            "group_costs": known_costs(self.context.group_costs),
            "reimbursed": reimbursed(),
        }
        return Desk(
            str(settings["memory"]),
            self.plan,
            self.book,
            tables,
            {"cases": self.rows, "dx": self._dx},
            self._cases,
            self.words,
            self.context.moment,
        )

    def wait(self) -> None:
        """Until one more portion can be answered."""
        if not self._free and len(self._desks) == self._most:
            wait([answer for _, answer in self._asked], return_when=FIRST_COMPLETED)
        self._collect()

    def _collect(self) -> None:
        """Take the answers that are there."""
        there = [one for one in self._asked if one[1].done()]
        self._asked = [one for one in self._asked if not one[1].done()]
        for desk, answer in there:
            found = answer.result()
            if found is not None:
                self.found.append(found)
            self._free.append(desk)

    def portion(self, portion: Portion, beside: Lines | None) -> None:
        """Have the templates of lines asked of one portion."""
        self._grow()
        lines = portion.lines
        for kept in (lines, beside):
            if kept is not None:
                self.persons.add(kept)
        known = lines.take(self.items.known[lines.item])
        self.operations.append(known.take(self.items.operations[known.item]))
        self.counts.update(portion.counts)
        self.counts["lines_with_rules"] += len(known)
        timed = lines.second[lines.second != NO_TIME]
        self.counts["lines_before_book"] += int((timed < self.first).sum())
        self.stated |= portion.stated
        if not self._free:
            self._desks.append(self._desk())
            self._free.append(self._desks[-1])
        desk = self._free.pop()
        answer = self._pool.submit(desk.portion, portion, known, self.items.views)
        self._asked.append((desk, answer))

    def whole(self) -> None:
        """Ask what needs all cases, when all portions are answered."""
        wait([answer for _, answer in self._asked])
        self._collect()
        self._grow()
        operations = chained([portion_of(None).every, *self.operations])
        self.found += self._desks[0].whole(operations, self.persons, self.items.views)

    def _grow(self) -> None:
        """Bring the rows of the book to the items there are now."""
        items = self.words.items.snapshot()
        if self.items.grow(items):
            self.persons.grown(self.items.cycles, len(items))

    def result(self) -> Audited:
        """What was found, and what could not be asked."""
        stated = self.stated | self._of_cases()
        not_run = (
            *self.plan.lacking(stated),
            *self._desks[0].own.lacking(stated),
            *self._in_shadow(),
        )
        whole = pa.concat_tables([FINDING_SCHEMA.empty_table(), *self.found])
        not_run = tuple(sorted(not_run, key=lambda one: (one.rule, one.template or "", one.reason)))
        return Audited(ordered(whole), not_run, dict(sorted(self.counts.items())))

    def _in_shadow(self) -> list[NotRun]:
        only = self.context.rules
        return [one for one in self.shadows if only is None or one.rule in only]

    def _of_cases(self) -> set[str]:
        """What is stated in some case, or known beside; and how many cases lack it."""
        rows = self.rows.filter(self.rows["judged"])
        asked = {
            "sex": "sex",
            "age": "age_days",
            "insurance_type": "insurance_type",
            "hospital_level": "hospital_level",
            "person": "person",
            "dx": "principal",
            "admission_time": "first_day",
            "total_cost": "total",
        }
        stated = set()
        for name, column in asked.items():
            lacking = rows[column].null_count
            if lacking < rows.num_rows:
                stated.add(name)
            if lacking:
                self.counts[f"cases_without_{name}"] = lacking
        if pc.any(self.rows["outpatient"]).as_py():
            stated.add("visits")
        if self.context.has_ceilings:
            stated.add("ceilings")
        if self.context.catalogue:
            stated.add("catalogue")
        if self.context.group_costs is not None:
            stated.add("group_costs")
        return stated

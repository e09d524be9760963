"""The engine: cases and their lines against a rule book.

DuckDB answers the templates (``sql/``) over numbers that numpy prepared; refunds have cancelled
their charges before. Lines come in portions of whole cases, so that memory does not grow with the
months; behaviour is asked once over all cases.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.cases import case_rows, diagnosis_rows
from grouper.audit.catalogue import TEMPLATE, CatalogueRows
from grouper.audit.charges import Portions, blocks_of
from grouper.audit.context import UPLOAD, Context, known_costs, known_prices, reimbursed
from grouper.audit.finding import FINDING_SCHEMA
from grouper.audit.finishing import Finisher, ordered
from grouper.audit.lines import NO_TIME, Lines, Vocabulary, Words, chained
from grouper.audit.own.running import OwnRules
from grouper.audit.parameters import behaviour_rows, code_rows, parameter_tables
from grouper.audit.persons import SCOPE, Gathered
from grouper.audit.planning import NotRun, Plan, plan, without_shadow
from grouper.audit.portion import Portion, portion_of
from grouper.audit.templates import sql, toml
from grouper.case.dates import DAY_SECONDS, EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codebooks.audit.books import AuditBook

__all__ = ["UPLOAD", "Audited", "Context", "audit"]
_OF_LINES = ("item", "lines")


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
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": str(settings["memory"]),
        "threads": int(settings["threads"]),
    }
    with closing(duckdb.connect(config=config)) as connection:
        run = _Run(connection, cases, wanted, book, asked)
        strangers: list[int] = []
        read = wanted | run.persons.cases
        portions = Portions(cases, read, blocks, size).each(run.words, strangers)
        for portion in _ahead(_ready(lines, wanted) for lines in portions):
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
    portions: Iterator[tuple[Portion, Lines | None]],
) -> Iterator[tuple[Portion, Lines | None]]:
    """The portions, each next one being made ready by another thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, portions, None)
        while (portion := coming.result()) is not None:
            coming = pool.submit(next, portions, None)
            yield portion


class _Run:
    """One audit on its way."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        cases: pa.Table,
        judged: NDArray[np.bool_],
        book: AuditBook,
        context: Context,
    ) -> None:
        self.connection = connection
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
        asked = any(one.name == TEMPLATE for one in self.plan.templates)
        self.catalogue = CatalogueRows(context.catalogue if asked else None)
        self._items = -1
        self._known = self._operations = np.zeros(0, bool)
        connection.execute(sql("setup"))
        connection.execute("SET enable_progress_bar = false")
        classes = toml("cases.toml")["classes"]
        pairs = [(name, kind) for name, kinds in classes.items() for kind in kinds]
        tables = {
            "cases": self.rows,
            "dx": diagnosis_rows(cases),
            "rules": self.plan.table(),
            "behaviour": behaviour_rows(book, self.plan.rules),
            "classes": pa.table({"name": [n for n, _ in pairs], "kind": [k for _, k in pairs]}),
            "group_costs": known_costs(context.group_costs),
            "reimbursed": reimbursed(),
        }
        for name, table in tables.items():
            connection.register(f"{name}_rows", table)
            connection.execute(f"CREATE TABLE {name} AS FROM {name}_rows")
            connection.unregister(f"{name}_rows")
        self.own = OwnRules(connection, self.book, self.plan.rules, self.rows, cases)

    def portion(self, portion: Portion, beside: Lines | None) -> None:
        """Ask the templates of lines of one portion."""
        self._grown()
        lines = portion.lines
        for kept in (lines, beside):
            if kept is not None:
                self.persons.add(kept)
        known = lines.take(self._known[lines.item])
        self.operations.append(known.take(self._operations[known.item]))
        views = {
            "every": portion.every.sources(),
            "lines": lines.table(),
            "known": known.table(),
            "repeated": portion.repeated.table(),
            "odd_lines": portion.odd,
        }
        for name, table in views.items():
            self.connection.register(name, table)
        for name in ("daily", "held"):
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql(name)}")
        for template in self.plan.templates:
            if template.scope in _OF_LINES:
                self._ask(template.sql)
        self.own.portion(self.words, portion.every)
        self._finish()
        self.counts.update(portion.counts)
        self.counts["lines_with_rules"] += len(known)
        timed = lines.second[lines.second != NO_TIME]
        self.counts["lines_before_book"] += int((timed < self.first).sum())
        self.stated |= portion.stated

    def whole(self) -> None:
        """Ask what needs all cases: without lines, of operations, or over the cases of a person."""
        self._grown()
        operations = chained([portion_of(None).every, *self.operations]).table()
        self.connection.register("every", operations)
        self.connection.register("operations", operations)
        for template in self.plan.templates:
            if template.scope == "cases":
                self._ask(template.sql)
        self.own.whole()
        self._finish()
        self.persons.register(self.connection)
        for template in self.plan.templates:
            if template.scope == SCOPE:
                self._ask(template.sql)
        self._finish()

    def result(self) -> Audited:
        """What was found, and what could not be asked."""
        stated = self.stated | self._of_cases()
        not_run = (
            *self.plan.lacking(stated),
            *self.own.lacking(stated),
            *self._in_shadow(),
        )
        whole = pa.concat_tables([FINDING_SCHEMA.empty_table(), *self.found])
        not_run = tuple(sorted(not_run, key=lambda one: (one.rule, one.template or "", one.reason)))
        return Audited(ordered(whole), not_run, dict(sorted(self.counts.items())))

    def _in_shadow(self) -> list[NotRun]:
        only = self.context.rules
        return [one for one in self.shadows if only is None or one.rule in only]

    def _ask(self, text: str) -> None:
        self.connection.execute(f"INSERT INTO found BY NAME {text}")

    def _finish(self) -> None:
        rows = self.connection.sql(sql("finish")).to_arrow_table()
        self.connection.execute("TRUNCATE found")
        if rows.num_rows:
            finisher = Finisher(self.words, self.book.id, self.context.moment)
            self.found.append(finisher.table(rows))

    def _grown(self) -> None:
        """Bring the rows of the book to the items there are now."""
        items = self.words.items.snapshot()
        if self._items == len(items):
            return
        self._items = len(items)
        tables = parameter_tables(self.book, self.plan.tables, self.plan.rules, items)
        known = np.zeros(len(items) + 1, bool)
        attributes: set[int] = set()
        per_item = {one.table for one in self.plan.templates if one.scope == "item"}
        for name, rows in tables.items():
            self.connection.register(f"p_{name}", rows)
            for column in ("item", "fault", "beside"):
                if column in rows.column_names:
                    numbers = rows[column].to_numpy()
                    known[numbers] = True
                    if name in per_item:
                        attributes.update(numbers.tolist())
        herb = toml("cases.toml")["herb_prefix"]
        herbs = [n for n, word in enumerate(items.all) if word.startswith(herb)]
        known[herbs] = True
        known[-1] = False
        self._known = known
        for name, numbers in (("attributes", sorted(attributes)), ("herb_items", herbs)):
            self.connection.register(name, pa.table({"item": pa.array(numbers, pa.int32())}))
        words = pa.table(
            {
                "item": pa.array(range(len(items)), pa.int32()),
                "word": pa.array(items.all, pa.string()),
            }
        )
        self.connection.register("item_words", words)
        if "indication" in tables:
            self.connection.register("p_indication_codes", code_rows(tables["indication"]))
        self.persons.grown(tables.get("cycle"), len(items))
        self._operations = np.zeros(len(items) + 1, bool)
        if "surgery" in tables:
            self._operations[tables["surgery"]["item"].to_numpy()] = True
        self.connection.register("prices", known_prices(self.context.prices, items))
        self.connection.register("ceilings", known_prices(self.context.ceilings, items))
        self.catalogue.register(self.connection, items)

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

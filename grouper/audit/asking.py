"""One connection of DuckDB that answers the templates; several of them answer side by side.

Each has one thread: the templates of a portion are many and small, so that portions side by side keep
the processors better at work than one portion by several threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from grouper.audit.finishing import Finisher
from grouper.audit.own.running import OwnRules
from grouper.audit.persons import SCOPE
from grouper.audit.templates import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codebooks.audit.books import AuditBook
    from grouper.audit.lines import Lines, Vocabulary
    from grouper.audit.persons import Gathered
    from grouper.audit.planning import Plan
    from grouper.audit.portion import Portion
    from grouper.audit.templates import Template

OF_LINES = ("item", "lines")
"""Scopes of the templates that are asked portion by portion."""
OF_CASES = "cases"
"""Scope of those that are asked once over all cases."""


class Desk:
    """A connection with the cases and the book, and what it found.

    Args:
        memory: what DuckDB may hold, such as ``200MB``.
        plan: what is asked.
        book: the rule book.
        tables: what does not change, by name: ``rules``, ``behaviour`` and the rest.
        rows: the views ``cases`` and ``dx`` of all cases; a portion sees its own cases alone.
        cases: columns of ``CASE_SCHEMA``.
        words: of items, departments and physicians.
        moment: when it is asked.
    """

    def __init__(
        self,
        memory: str,
        plan: Plan,
        book: AuditBook,
        tables: Mapping[str, pa.Table],
        rows: Mapping[str, pa.Table],
        cases: pa.Table,
        words: Vocabulary,
        moment: str,
    ) -> None:
        self._plan, self._words, self._rows = plan, words, rows
        self._of_dx = rows["dx"]["case_no"].to_numpy()
        self._book, self._moment = book.id, moment
        self._views: Mapping[str, pa.Table] = {}
        self._connection = duckdb.connect(config={"memory_limit": memory, "threads": 1})
        self._connection.execute(sql("setup"))
        self._connection.execute("SET enable_progress_bar = false")
        for name, table in tables.items():
            self._connection.register(f"{name}_rows", table)
            self._connection.execute(f"CREATE TABLE {name} AS FROM {name}_rows")
            self._connection.unregister(f"{name}_rows")
        self.own = OwnRules(self._connection, book, plan.rules, rows["cases"], cases)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def portion(
        self, portion: Portion, known: Lines, views: Mapping[str, pa.Table]
    ) -> pa.Table | None:
        """Ask the templates of lines of one portion.

        Args:
            portion: lines of whole cases.
            known: those of them that some row speaks of.
            views: the rows of the book for the items there are.

        Returns:
            The findings; None: nothing was found.
        """
        self._see(views)
        lines = {
            "every": portion.every.sources(),
            "lines": portion.lines.table(),
            "known": known.table(),
            "repeated": portion.repeated.table(),
            "odd_lines": portion.odd,
        }
        self._register(lines)
        self._register(self._cases_of(portion.every))
        for name in ("daily", "held"):
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql(name)}")
        self._ask(one for one in self._plan.templates if one.scope in OF_LINES)
        self.own.portion(self._words, portion.every)
        return self._finish()

    def whole(
        self, operations: Lines, persons: Gathered, views: Mapping[str, pa.Table]
    ) -> list[pa.Table]:
        """Ask what needs all cases: without lines, of operations, or over the cases of a person."""
        self._see(views)
        table = operations.table()
        self._register({"every": table, "operations": table, **self._rows})
        self._ask(one for one in self._plan.templates if one.scope == OF_CASES)
        self.own.whole()
        found = [self._finish()]
        persons.register(self._connection)
        self._ask(one for one in self._plan.templates if one.scope == SCOPE)
        found.append(self._finish())
        return [one for one in found if one is not None]

    def _cases_of(self, lines: Lines) -> dict[str, pa.Table]:
        """The cases that have lines here: joins then hold thousands of cases and not all of them."""
        there = np.zeros(self._rows["cases"].num_rows, bool)
        there[lines.case] = True
        return {
            "cases": self._rows["cases"].take(pa.array(np.flatnonzero(there))),
            "dx": self._rows["dx"].take(pa.array(np.flatnonzero(there[self._of_dx]))),
        }

    def _see(self, views: Mapping[str, pa.Table]) -> None:
        if views is not self._views:
            self._register(views)
            self._views = views

    def _register(self, views: Mapping[str, pa.Table]) -> None:
        for name, table in views.items():
            self._connection.register(name, table)

    def _ask(self, templates: Iterable[Template]) -> None:
        for one in templates:
            self._connection.execute(f"INSERT INTO found BY NAME {one.sql}")

    def _finish(self) -> pa.Table | None:
        rows = self._connection.sql(sql("finish")).to_arrow_table()
        self._connection.execute("TRUNCATE found")
        if not rows.num_rows:
            return None
        return Finisher(self._words, self._book, self._moment).table(rows)

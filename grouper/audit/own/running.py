"""The hospital's own rules on their way through an audit: portion by portion, then all cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.audit.own_rules import TABLE, own_facts, own_rows
from codebooks.folding import fold_codes
from grouper.audit.cases import plain_texts
from grouper.audit.lines import NO_TIME, NONE, SCOPES
from grouper.audit.own.queries import query
from grouper.audit.planning import FIELDS, NotRun
from grouper.audit.templates import sql

if TYPE_CHECKING:
    import duckdb

    from codebooks.audit.books import AuditBook
    from codebooks.audit.own_rules import OwnRow
    from grouper.audit.lines import Lines, Vocabulary, Words
    from grouper.audit.own.queries import Query

_KINDS = 14
"""Classes of the settlement list."""
_ITEM_LISTS = {
    "items": "SELECT DISTINCT l.case_no, w.word FROM lines l JOIN item_words w ON w.item = l.item",
    "day_items": (
        "SELECT DISTINCT l.case_no, l.day, w.word"
        " FROM lines l JOIN item_words w ON w.item = l.item WHERE l.day IS NOT NULL"
    ),
}
"""The lists that are made of the lines of a portion, where a condition asks about them."""
_OF_CASE = {
    "sex": "sex",
    "age": "age_days",
    "insurance_type": "insurance_type",
    "hospital_level": "hospital_level",
    "dx": "principal",
    "admission_time": "first_day",
    "total_cost": "total",
}
"""What a case may leave out, and the column of the view ``cases`` that states it."""


class OwnRules:
    """The rows of the table ``own`` that run.

    Args:
        connection: of the audit, with its tables ``cases`` and ``found``.
        book: the rule book.
        running: the rules that run.
        rows: the view ``cases``.
        cases: the same cases, columns of ``CASE_SCHEMA``.

    Raises:
        CodebookError: a condition is not of the form.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        book: AuditBook,
        running: frozenset[str],
        rows: pa.Table,
        cases: pa.Table,
    ) -> None:
        self._connection = connection
        self._rows = [row for row in own_rows(book.tables[TABLE]) if row.rule in running]
        self._queries = [(row, query(row)) for row in self._rows]
        self._count = cases.num_rows
        facts = {fact for row in self._rows for fact in row.condition.facts}
        self._lists = [name for name in _ITEM_LISTS if name in facts]
        if self._rows:
            self._prepare(rows, cases)

    def portion(self, words: Vocabulary, every: Lines) -> None:
        """Ask the rows about lines of the lines at hand: the views ``lines`` and ``every``.

        Args:
            words: of departments and physicians; those of items are the view ``item_words``.
            every: the lines as they came.
        """
        asked = [one for one in self._queries if one[1].of_lines]
        if not asked:
            return
        self._register("own_lines_stated", _stated_by_lines(every, self._count))
        for name, of in (("department", words.departments), ("physician", words.physicians)):
            self._register(f"own_{name}_words", _numbered(of))
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE own_present AS SELECT DISTINCT case_no FROM every"
        )
        for name in self._lists:
            self._connection.execute(
                f"CREATE OR REPLACE TEMP TABLE own_{name} AS {_ITEM_LISTS[name]}"
            )
        for row, one in asked:
            self._ask(row, one)

    def whole(self) -> None:
        """Ask the rows about the case alone."""
        for row, one in self._queries:
            if not one.of_lines:
                self._ask(row, one)

    def lacking(self, stated: set[str]) -> tuple[NotRun, ...]:
        """The rows that cannot be answered, for nothing states what they ask about.

        Args:
            stated: fields that some case or line states.
        """
        found = []
        for row in self._rows:
            missing = tuple(field for field in _fields(row) if field not in stated)
            if missing:
                found.append(NotRun(row.rule, FIELDS, missing, TABLE))
        return tuple(dict.fromkeys(found))

    def _ask(self, row: OwnRow, asked: Query) -> None:
        fields = _fields(row)
        stated = [
            f"{'own_stated' if field in _OF_CASE else 'own_lines_stated'}.{field}"
            for field in fields
        ]
        beside = [f"JOIN {name} USING (case_no)" for name in _tables(fields)]
        parts = {
            "{asked}": asked.text,
            "{beside}": " ".join(beside),
            "{stated}": " AND ".join(stated) or "true",
        }
        text = sql("own_stated")
        for mark, part in parts.items():
            text = text.replace(mark, part)
        self._connection.execute(f"INSERT INTO found BY NAME {text}", dict(asked.parameters))

    def _register(self, name: str, table: pa.Table) -> None:
        self._connection.register(name, table)

    def _prepare(self, rows: pa.Table, cases: pa.Table) -> None:
        self._register("own_cases", _own_cases(rows, cases))
        stated = {field: pc.is_valid(rows[column]) for field, column in _OF_CASE.items()}
        self._register("own_stated", pa.table({"case_no": rows["case_no"], **stated}))
        for name in ("dx", "px"):
            self._register(f"own_{name}", _codes(cases[name]))
        known = {
            "own_class_words": [str(kind) for kind in range(_KINDS + 1)],
            "own_scope_words": SCOPES,
        }
        for name, words in known.items():
            table = pa.table(
                {
                    "number": pa.array(range(1, len(words)), pa.int32()),
                    "word": pa.array(words[1:], pa.string()),
                }
            )
            self._register(name, table)


def _fields(row: OwnRow) -> tuple[str, ...]:
    """What a row asks that cases or lines may leave out."""
    asked = (own_facts()[fact].field for fact in row.condition.facts)
    return tuple(dict.fromkeys(field for field in asked if field))


def _tables(fields: tuple[str, ...]) -> list[str]:
    """The tables that say which cases state them."""
    of_case = [field in _OF_CASE for field in fields]
    found = ["own_stated"] if any(of_case) else []
    return found if all(of_case) else [*found, "own_lines_stated"]


def _stated_by_lines(every: Lines, count: int) -> pa.Table:
    """What some line of each case states: one row a case that has lines."""
    told = {
        "line_item": every.item != NONE,
        "line_time": every.second != NO_TIME,
        "line_quantity": every.counted,
        "line_class": every.kind > 0,
        "line_scope": every.scope > 0,
    }
    there = np.unique(every.case)
    columns = {}
    for name, mask in told.items():
        stated = np.zeros(count, bool)
        stated[every.case[mask]] = True
        columns[name] = stated[there]
    return pa.table({"case_no": there, **columns})


def _own_cases(rows: pa.Table, cases: pa.Table) -> pa.Table:
    """What conditions ask of a case beyond the view ``cases``."""
    words = ("kind", "visit_type", "discharge_way")
    return pa.table(
        {
            "case_no": rows["case_no"],
            "principal": _folded(plain_texts(rows["principal"])),
            **{name: plain_texts(cases[name]) for name in words},
        }
    )


def _codes(column: Any) -> pa.Table:  # noqa: ANN401 -- Arrow
    """The codes of each case, as often as they stand there."""
    lists = column.combine_chunks()
    table = pa.table(
        {
            "case_no": pc.list_parent_indices(lists).cast(pa.int32()),
            "word": _folded(plain_texts(pc.list_flatten(lists))),
        }
    )
    return table.filter(pc.is_valid(table["word"]))


def _folded(column: Any) -> pa.Array:  # noqa: ANN401 -- Arrow
    """Codes in the spelling in which they are compared."""
    encoded = pc.dictionary_encode(column)
    known = [word or "" for word in encoded.dictionary.to_pylist()]
    return pa.array(fold_codes(known), pa.string()).take(encoded.indices)


def _numbered(words: Words) -> pa.Table:
    there = words.snapshot().all
    return pa.table(
        {
            "number": pa.array(range(len(there)), pa.int32()),
            "word": pa.array(there, pa.string()),
        }
    )

"""A scheme as a card and tables; the tables are those of its family's form.

A DRG scheme is six tables and two lists, as ``docs/RULES.md`` lays them out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codebooks.forms import FORMS
from codebooks.forms.drg import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["FALLBACK", "RULE_TABLES", "TABLES", "BookCard", "SchemeBook", "make_book", "table_book"]

RULE_TABLES = ("mdc", "adrg", "drg")
"""Tables whose rows are rules; at rest they carry ``source_row`` (the official sheet's row) too."""

FALLBACK = "0000"
"""The group of a case that nothing takes."""


@dataclass(frozen=True, slots=True)
class BookCard:
    """What a book is, whom it binds and since when (half-open ``[valid_from, valid_to)``).

    ``kinds`` are the kinds of cases that it serves; ``newborn_weight`` says which weight a DRG
    book's XSRTZ is, and is empty in other families; ``options`` are the family's named readings.
    """

    id: str
    family: str
    region: str
    valid_from: date
    valid_to: date | None
    diagnosis_code_set: str
    procedure_code_set: str
    newborn_weight: str
    standing: str
    source: str
    options: Mapping[str, bool | int | str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("inpatient",)

    def to_json(self) -> dict[str, Any]:
        """Plain values, dates in ISO form."""
        plain = asdict(self)
        plain["valid_from"] = self.valid_from.isoformat()
        plain["valid_to"] = self.valid_to.isoformat() if self.valid_to else None
        plain["options"] = dict(self.options)
        plain["kinds"] = list(self.kinds)
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> BookCard:
        """Read what :meth:`to_json` wrote; unknown keys are refused by the constructor."""
        values = dict(plain)
        values["valid_from"] = date.fromisoformat(values["valid_from"])
        end = values.get("valid_to")
        values["valid_to"] = date.fromisoformat(end) if end else None
        values["kinds"] = tuple(values.get("kinds", ("inpatient",)))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class SchemeBook:
    """The tables of one scheme.

    ``tables`` holds the names of the family's form (all of them, possibly empty). The rule tables
    of a DRG book stand in the order of evaluation, fallback rows last in their scope, and may
    carry ``source_row``.
    """

    card: BookCard
    tables: Mapping[str, pa.Table]

    @property
    def form(self) -> Mapping[str, pa.Schema]:
        """The tables of the book's family and their columns."""
        return FORMS[self.card.family]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of one table as dictionaries, in order."""
        rows: list[dict[str, Any]] = self.tables[table].to_pylist()
        return rows

    def counts(self) -> dict[str, int]:
        """Rows of each table."""
        return {name: self.tables[name].num_rows for name in self.form}

    def content_hash(self) -> str:
        """SHA-256 over the tables' content, so that two layouts of one document give one hash.

        Independent of storage, of the order of rows (rule rows carry their rank in their scope)
        and of ``source_row``.
        """
        digest = hashlib.sha256()
        for name, schema in self.form.items():
            names = [column for column in schema.names if column != "source_row"]
            columns = [self.tables[name].column(c).to_pylist() for c in names]
            rows = (
                json.dumps(r, ensure_ascii=False, default=str) for r in zip(*columns, strict=True)
            )
            digest.update(f"{name}\n".encode())
            digest.update("\n".join(sorted(rows)).encode())
        return digest.hexdigest()

    def with_card(self, **changes: Any) -> SchemeBook:  # noqa: ANN401 -- the card's own fields
        """The same tables under a changed card."""
        return replace(self, card=replace(self.card, **changes))


def table_book(card: BookCard, rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> SchemeBook:
    """Build a book of any family from rows as dictionaries, kept in the order given.

    Columns that a row lacks are null.
    """
    tables = {
        name: pa.Table.from_pylist([dict(row) for row in rows.get(name, ())], schema=schema)
        for name, schema in FORMS[card.family].items()
    }
    return SchemeBook(card, tables)


def make_book(card: BookCard, rows: Mapping[str, list[dict[str, Any]]]) -> SchemeBook:
    """Build a DRG book from rows as dictionaries.

    Set-like tables are folded (no duplicate rows) and sorted. Rule rows are ranked within their
    scope by ``sort`` (ties keep their order), fallback rows last: an ``X00``/``X000`` row or an
    MDC ``0000``, which official sheets may place earlier, must not swallow what follows.
    """
    tables: dict[str, pa.Table] = {}
    for name, schema in TABLES.items():
        given = rows.get(name, [])
        if name in RULE_TABLES:
            given = _rank(name, given)
            schema = schema.append(pa.field("source_row", pa.int32()))  # noqa: PLW2901
        else:
            given = [dict(zip(schema.names, key, strict=True)) for key in _distinct(schema, given)]
        tables[name] = pa.Table.from_pylist(given, schema=schema)
    return SchemeBook(card, tables)


def _distinct(schema: pa.Schema, rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return sorted({tuple(row[c] for c in schema.names) for row in rows})


def is_fallback(table: str, row: Mapping[str, Any]) -> bool:
    """Whether a rule row is the unnamed catch-all of its scope."""
    code = str(row[table])
    if table == "mdc":
        return code == FALLBACK
    if row["name"]:
        return False
    return (code[1:] in ("00", "000") or code in ("000", FALLBACK)) and not row["rule"]


def _rank(table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    parent = {"mdc": None, "adrg": "mdc", "drg": "adrg"}[table]

    def scope(row: Mapping[str, Any]) -> tuple[str, ...]:
        return () if parent is None else (row["mdc"], row[parent])

    last = float("inf")
    ordered = sorted(
        rows,
        key=lambda r: (is_fallback(table, r), last if r["sort"] is None else r["sort"]),
    )
    ranks: dict[tuple[str, ...], int] = {}
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in ordered:
        key = scope(row)
        ranks[key] = ranks.get(key, 0) + 1
        groups.setdefault(key, []).append({**row, "sort": ranks[key]})
    # Scopes keep the order in which the sheet first names them.
    order = dict.fromkeys(scope(row) for row in rows)
    return [row for key in order for row in groups[key]]

"""Rows of a PDPM book as records, each cell checked where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from codebooks.errors import CodebookError, Where
from grouper.schemes.pdpm.records import Condition, Item, Label, Requirement, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codebooks.book import SchemeBook

TESTS = ("in", "ge", "le", "holds")
HIGHEST = 9999
"""The greatest number that an item can have; it bounds the tables that values are looked up in."""


class BookReader:
    """Reads the tables of one book.

    Every method raises ``CodebookError`` ``PDPM_VALUE`` for a cell that cannot be read.
    """

    def __init__(self, book: SchemeBook) -> None:
        self.book = book

    def rows(self, table: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The rows of a table with their numbers from 1, in the order of ``sort`` if it has one."""
        rows = list(enumerate(self.book.rows(table), 1))
        if "sort" in self.book.form[table].names:
            for number, row in rows:
                if row["sort"] is None:
                    self.fail(table, number, "sort", row["sort"])
            rows.sort(key=lambda r: r[1]["sort"])
        yield from rows

    def fail(self, table: str, row: int, column: str, found: object) -> NoReturn:
        """Say where a cell cannot be used."""
        where = Where(self.book.card.id, table, row, column)
        raise CodebookError("PDPM_VALUE", where, found=found)

    def numbers(self, table: str, row: int, column: str, cell: str | None) -> frozenset[int]:
        """Whole numbers and ranges: ``0|1``, ``0..27|99``."""
        found: set[int] = set()
        for part in (cell or "").split("|"):
            low, dots, high = part.partition("..")
            ends = [low, high] if dots else [low]
            if not all(e.isascii() and e.isdigit() and int(e) <= HIGHEST for e in ends):
                if cell:
                    self.fail(table, row, column, cell)
                continue
            found.update(range(int(ends[0]), int(ends[-1]) + 1))
        return frozenset(found)

    def items(self) -> dict[str, Item]:
        """The items by name."""
        found: dict[str, Item] = {}
        for number, row in self.rows("items"):
            allowed = self.numbers("items", number, "allowed", row["allowed"])
            void = self.numbers("items", number, "void", row["void"])
            absent = row["absent"]
            if not allowed or row["item"] in found:
                self.fail("items", number, "item", row["item"])
            if absent is not None and not 0 <= absent <= HIGHEST:
                self.fail("items", number, "absent", absent)
            label = label_of(row)
            name = str(row["item"])
            found[name] = Item(name, label, allowed, void, absent, bool(row["warns"]))
        return found

    def spellings(self) -> dict[str, str]:
        """Every name under which an item may come, folded, and the item."""
        found: dict[str, str] = {}
        for number, row in self.rows("items"):
            for name in (row["item"], *(row["aliases"] or "").split("|")):
                if name and found.setdefault(name.upper(), row["item"]) != row["item"]:
                    self.fail("items", number, "aliases", name)
        return found

    def requirements(self) -> tuple[Requirement, ...]:
        """The requirements in the order in which the table first names them."""
        grouped: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for number, row in self.rows("requirements"):
            grouped.setdefault(str(row["requirement"]), []).append((number, row))
        return tuple(self._requirement(name, rows) for name, rows in grouped.items())

    def _requirement(self, name: str, rows: list[tuple[int, dict[str, Any]]]) -> Requirement:
        alternatives: dict[int, list[tuple[str, int | None]]] = {}
        items: dict[str, None] = {}
        for number, row in rows:
            value = None
            if row["value"]:
                value = min(self.numbers("requirements", number, "value", row["value"]))
            else:
                items[str(row["item"])] = None
            alternatives.setdefault(row["alternative"], []).append((str(row["item"]), value))
        made = tuple(tuple(terms) for terms in alternatives.values())
        return Requirement(name, label_of(rows[0][1]), made, tuple(items))

    def conditions(self) -> dict[str, Condition]:
        """The conditions by name."""
        grouped: dict[str, dict[int, list[Term]]] = {}
        labels: dict[str, Label] = {}
        for number, row in self.rows("conditions"):
            name = str(row["condition"])
            labels.setdefault(name, label_of(row))
            terms = grouped.setdefault(name, {}).setdefault(row["alternative"], [])
            terms.append(self._term(number, row))
        return {
            name: Condition(name, labels[name], tuple(map(tuple, alternatives.values())))
            for name, alternatives in grouped.items()
        }

    def _term(self, number: int, row: dict[str, Any]) -> Term:
        test = row["test"]
        if test not in TESTS:
            self.fail("conditions", number, "test", test)
        values = self.numbers("conditions", number, "value", row["value"])
        wanted = {"holds": 0, "in": len(values) or 1}.get(test, 1)
        if len(values) != wanted:
            self.fail("conditions", number, "value", row["value"])
        return Term(str(row["subject"]), str(test), values)


def label_of(row: dict[str, Any]) -> Label:
    """The names of a row."""
    return Label(str(row["name"] or ""), str(row["name_en"] or ""))

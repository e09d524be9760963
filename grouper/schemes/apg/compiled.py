"""An APG book made ready: what both engines look up, nothing of how they decide."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from codebooks.apg.periods import periods
from codebooks.apg.words import (
    SEPARATOR,
    Companion,
    GroupType,
    ListKind,
    ListName,
    Packing,
    Rate,
    VisitKind,
)
from codebooks.errors import CodebookError, Where
from codebooks.folding import fold_code, fold_codes
from codebooks.forms.apg import OPTIONS
from grouper.schemes.apg.beginnings import Beginnings
from grouper.schemes.apg.rules import Fate, Group, PackagingRule
from grouper.schemes.code_sets import SchemeCodes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

    from codebooks.book import SchemeBook
    from codebooks.codes import CodeSet

NONE = -1
"""Group number where there is no group."""
_KEPT_FATES = 1 << 18


class CompiledApg:
    """The tables of an APG book, ready to be asked.

    Args:
        book: a book that :func:`codebooks.apg.checks.check_apg` finds no error in.

    Raises:
        CodebookError: a code set that the card names is not there; ``APG_BOOK`` when the tables
            contradict each other.
    """

    def __init__(self, book: SchemeBook) -> None:
        self.card = book.card
        self.content_hash = book.content_hash()
        self.codes = SchemeCodes(book.card)
        self.vocabulary = self.codes.vocabulary()
        try:
            self._read(book)
        except (KeyError, ValueError, AttributeError, TypeError) as cause:
            raise CodebookError("APG_BOOK", Where(file=book.card.id), found=str(cause)) from cause

    def _read(self, book: SchemeBook) -> None:
        options = {name: values[0] for name, values in OPTIONS.items()} | dict(self.card.options)
        self.same_group = bool(options["consolidate_same_group"])
        self.related_groups = bool(options["consolidate_related_groups"])
        self.lines_stand_beside = options["procedure_lines"] == "always"
        self.needs_visit_line = bool(options["medical_visit_needs_visit_line"])
        self._read_lists(book)
        self.groups = tuple(
            Group(
                number,
                row["group"],
                row["name"],
                GroupType(row["type"]),
                row["consolidation"] or "",
                row["group"] in self._lists[ListName.NEVER_PAY, ListKind.GROUP],
                self._lists[ListName.NOT_ALONE, ListKind.GROUP].get(row["group"]),
            )
            for number, row in enumerate(book.rows("groups"))
        )
        self.by_code = {group.code: group for group in self.groups}
        self._read_codes(book)
        self._read_items(book)
        self._read_rules(book)
        rates = {(row["rate"], row["type"]): row["share"] for row in book.rows("rates")}
        self.rates: dict[Rate, Decimal] = {
            rate: rates[rate.value, GroupType.PROCEDURE.value]
            for rate in Rate
            if rate is not Rate.REPEAT
        }
        self.repeat: dict[GroupType, Decimal] = {
            kind: rates.get((Rate.REPEAT.value, kind.value), Decimal(1)) for kind in GroupType
        }
        self.periods = periods(book.rows("weights"))
        self._hold_weights()

    def _read_lists(self, book: SchemeBook) -> None:
        self._lists: dict[tuple[ListName, ListKind], dict[str, Companion]] = {
            (name, kind): {} for name in ListName for kind in ListKind
        }
        for row in book.rows("lists"):
            name, kind = ListName(row["list"]), ListKind(row["kind"])
            code = row["code"] if kind is ListKind.GROUP else fold_code(row["code"])
            self._lists[name, kind][code] = Companion(row["companion"] or "")
        self._listed = {key: Beginnings(found.items()) for key, found in self._lists.items()}

    def _read_codes(self, book: SchemeBook) -> None:
        self.dx_group, self.dx_row = self._assign(book, "diagnoses", self.codes.diagnoses)
        self.px_group, self.px_row = self._assign(book, "procedures", self.codes.procedures)
        never = self._listed[ListName.NEVER_PAY, ListKind.PROCEDURE]
        alone = self._listed[ListName.NOT_ALONE, ListKind.PROCEDURE]
        self.px_fates: dict[int, Fate] = {}
        listed = bool(self._lists[ListName.NEVER_PAY, ListKind.PROCEDURE]) or bool(
            self._lists[ListName.NOT_ALONE, ListKind.PROCEDURE]
        )
        if listed:
            for folded, code in self.codes.procedures.folded.items():
                number = self.vocabulary.id(code)
                group = self.groups[self.px_group[number]] if self.px_group[number] >= 0 else None
                self.px_fates[number] = Fate(
                    group,
                    never.find(folded) is not None or (group is not None and group.never),
                    _either(alone.find(folded), group),
                    "",
                    "",
                    int(self.px_row[number]) or None,
                )

    def _assign(
        self, book: SchemeBook, table: str, codes: CodeSet
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Group number and row (from 1; 0: none) by code number."""
        written = book.tables[table].column("code").to_pylist()
        groups = book.tables[table].column("group").to_pylist()
        rows = Beginnings(
            (code, (self.by_code[group].number, number))
            for number, (code, group) in enumerate(zip(fold_codes(written), groups, strict=True), 1)
        )
        of_code = np.full(self.vocabulary.size, NONE, np.int32)
        row_of = np.zeros(self.vocabulary.size, np.int32)
        numbers = self.vocabulary.ids(list(codes.folded.values()))
        for number, folded in zip(numbers.tolist(), codes.folded, strict=True):
            found = rows.find(folded)
            if found is not None:
                of_code[number], row_of[number] = found
        return of_code, row_of

    def _read_items(self, book: SchemeBook) -> None:
        rows: dict[str, list[tuple[int | None, str, Group, int]]] = {}
        for number, row in enumerate(book.rows("items"), 1):
            found = (row["length"], row["line_class"] or "", self.by_code[row["group"]], number)
            rows.setdefault(fold_code(row["code"] or ""), []).append(found)
        for of in rows.values():
            # A row with a length goes before one without, then one with a fee class.
            of.sort(key=lambda found: (found[0] is None, not found[1], found[3]))
        self._items = Beginnings(rows.items())
        self._fates: dict[tuple[str, str], Fate] = {}

    def _read_rules(self, book: SchemeBook) -> None:
        rows = sorted(enumerate(book.rows("packaging"), 1), key=lambda r: (r[1]["sort"], r[0]))
        every = frozenset(VisitKind)
        self.rules = tuple(
            PackagingRule(
                row["rule"],
                number,
                frozenset(map(VisitKind, row["visit"].split(SEPARATOR))) if row["visit"] else every,
                GroupType(row["type"]) if row["type"] else None,
                row["group"] or "",
                fold_code(row["item"] or ""),
                row["line_class"] or "",
                row["amount_from"],
                row["amount_below"],
                Packing(row["action"]),
                row["note"] or "",
            )
            for number, row in rows
        )

    def _hold_weights(self) -> None:
        """Each stretch of time has the weights of all groups, or none."""
        for period in self.periods:
            lacking = [g.code for g in self.groups if g.code not in period.weights]
            if period.weights and lacking:
                raise ValueError(", ".join(lacking[:5]))

    @property
    def asks_day(self) -> bool:
        """Whether the weights hang on the day of the visit."""
        return len(self.periods) > 1

    def weights_on(self, day: date | None) -> Mapping[str, Decimal]:
        """The weights of a day, by group; empty where none are valid.

        Args:
            day: None where :attr:`asks_day` is false, or for the first stretch of time.
        """
        if day is None:
            return self.periods[0].weights
        return next(p.weights for p in self.periods if p.end is None or day < p.end)

    def procedure(self, number: int) -> Fate:
        """What the book says of a procedure by its code number."""
        found = self.px_fates.get(number)
        if found is not None:
            return found
        place = int(self.px_group[number])
        group = self.groups[place] if place >= 0 else None
        row = int(self.px_row[number]) or None
        never = group is not None and group.never
        return Fate(group, never, _either(None, group), "", "", row)

    def line(self, item: str | None, line_class: str | None) -> Fate:
        """What the book says of a service line by item code and fee class, as written."""
        key = (item or "", line_class or "")
        found = self._fates.get(key)
        if found is None:
            if len(self._fates) >= _KEPT_FATES:
                self._fates.clear()
            found = self._fates[key] = self._line(fold_code(key[0]), key[1].strip())
        return found

    def _line(self, item: str, line_class: str) -> Fate:
        group, row = None, None
        if item or line_class:
            for length, wanted, led, number in (r for of in self._items.each(item) for r in of):
                if length in (None, len(item)) and wanted in ("", line_class):
                    group, row = led, number
                    break
        never = self._listed[ListName.NEVER_PAY, ListKind.ITEM].find(item) is not None
        alone = self._listed[ListName.NOT_ALONE, ListKind.ITEM].find(item)
        never = never or (group is not None and group.never)
        return Fate(group, never, _either(alone, group), item, line_class, row)


def _either(listed: Companion | None, group: Group | None) -> Companion | None:
    """The companion that is needed: what the code's own list says goes before the group's."""
    if listed is not None:
        return listed
    return group.alone if group is not None else None

"""A scheme book made ready: codes as numbers, rules as trees, groups numbered.

Both engines are built on it; neither knows a code. Loading is the only place where strings of a
book are touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from codebooks.book import FALLBACK, BookCard, SchemeBook, is_fallback
from codebooks.errors import Where
from grouper.rules.ast import (
    And,
    Compare,
    Expr,
    Not,
    Or,
    Scalar,
)
from grouper.rules.facts import walk
from grouper.rules.parser import parse
from grouper.schemes.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

ROBOT_SET = "OP_ARB"
"""The set of robot-assistance codes, which stay in place although they do not group."""

MCC, CC = 1, 2
"""Levels of a complication as stored in :attr:`CompiledScheme.level`; 0 is none."""


class GroupKind(IntEnum):
    """What a DRG row stands for."""

    NAMED = 0
    AMBIGUOUS = 1  # ?QY: the principal procedure fits no surgical group of the category
    FALLBACK = 2  # X000 or 0000: nothing named took the case


@dataclass(frozen=True, slots=True)
class Row:
    """One rule row; ``rule`` is None when it always holds."""

    code: str
    name: str
    text: str
    rule: Expr | None
    source_row: int | None


@dataclass(frozen=True, slots=True)
class Drg(Row):
    """A DRG row and its number."""

    group: int
    kind: GroupKind


@dataclass(frozen=True, slots=True)
class Adrg(Row):
    """An ADRG row with its splits in order."""

    drgs: tuple[Drg, ...]


@dataclass(frozen=True, slots=True)
class Mdc(Row):
    """An MDC row with its ADRGs in order."""

    adrgs: tuple[Adrg, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The answer behind a group number. Number 0 is "nothing took the case"."""

    mdc: Row | None
    adrg: Row | None
    drg: Row
    kind: GroupKind


class CompiledScheme:
    """A book's rules as trees and its tables as arrays over code numbers.

    Args:
        book: the scheme book.
        known: folded code -> written code of the scheme's code sets.
        resolve: the written code for an unusual spelling, such as one without its dot.
        foreign: whether a code that is in none of them belongs to another edition.

    A set that a rule names and the book lacks has no members (the checker reports it; a city's
    book has such rules).

    Raises:
        RuleSyntaxError: a rule is not in the language.
    """

    def __init__(
        self,
        book: SchemeBook,
        known: Mapping[str, str] | None = None,
        resolve: Callable[[str], str | None] = lambda _: None,
        foreign: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.book = book
        self.foreign_edition = foreign
        tables = book.tables
        codes: dict[str, None] = {}
        for table, column in (
            ("sets", "code"),
            ("cc", "code"),
            ("exclusions", "principal_code"),
            ("not_principal", "code"),
            ("not_grouping", "code"),
        ):
            distinct = tables[table].column(column).unique().to_pylist()
            codes.update(dict.fromkeys(distinct))
        self.vocabulary = Vocabulary(list(codes), known or {}, resolve)
        self._read_sets(tables["sets"])
        self._read_severity(tables["cc"], tables["exclusions"])
        self.not_principal = self._flags(tables["not_principal"])
        self.not_grouping = self._flags(tables["not_grouping"])
        # Robot assistance never groups alone, yet its codes split groups where they stand.
        self.not_grouping[self.members(ROBOT_SET)] = False
        self.groups: list[Group] = [
            Group(None, None, Row(FALLBACK, "", "", None, None), GroupKind.FALLBACK)
        ]
        self.scalars: frozenset[Scalar] = frozenset()
        self.mdcs = self._read_rules()

    @property
    def card(self) -> BookCard:
        """The book's card."""
        return self.book.card

    @property
    def retries_procedures(self) -> bool:
        """Whether each other procedure is tried as the principal one where nothing took the case."""
        return bool(self.card.options.get("retry_each_procedure_as_main"))

    @cached_property
    def content_hash(self) -> str:
        """The book's content hash, stored with results so that they can be recomputed."""
        return self.book.content_hash()

    def _flags(self, table: pa.Table) -> NDArray[np.bool_]:
        flags = np.zeros(self.vocabulary.size, np.bool_)
        flags[self.vocabulary.ids_of(table.column("code"))] = True
        return flags

    def _read_sets(self, table: pa.Table) -> None:
        encoded = table.column("set_id").combine_chunks().dictionary_encode()
        self.set_names: list[str] = encoded.dictionary.to_pylist()
        self.set_index: Mapping[str, int] = {name: i for i, name in enumerate(self.set_names)}
        set_ids = encoded.indices.to_numpy()
        code_ids = self.vocabulary.ids_of(table.column("code"))
        order = np.argsort(set_ids, kind="stable")
        self._by_set = code_ids[order]
        self._set_start = np.searchsorted(set_ids[order], np.arange(len(self.set_names) + 1))
        order = np.argsort(code_ids, kind="stable")
        self._by_code = set_ids[order]
        self._code_start = np.searchsorted(code_ids[order], np.arange(self.vocabulary.size + 1))

    def _read_severity(self, cc: pa.Table, exclusions: pa.Table) -> None:
        size = self.vocabulary.size
        names: list[str] = exclusions.column("exclusion").unique().to_pylist()
        names += [n for n in cc.column("exclusion").unique().to_pylist() if n not in set(names)]
        self.exclusion_names = names
        index = {name: i for i, name in enumerate(names)}
        self.level = np.zeros(size, np.uint8)
        self.exclusion = np.full(size, -1, np.int32)
        code_ids = self.vocabulary.ids_of(cc.column("code"))
        levels = cc.column("level").to_pylist()
        self.level[code_ids] = [MCC if level == "MCC" else CC for level in levels]
        self.exclusion[code_ids] = [index[name] for name in cc.column("exclusion").to_pylist()]
        tables = np.array(
            [index[n] for n in exclusions.column("exclusion").to_pylist()], dtype=np.int64
        )
        principals = self.vocabulary.ids_of(exclusions.column("principal_code")).astype(np.int64)
        self._excluded = np.sort(tables * size + principals)

    def members(self, set_name: str) -> NDArray[np.int32]:
        """Code numbers of a set; none for a set that is not there."""
        i = self.set_index.get(set_name)
        if i is None:
            return np.zeros(0, np.int32)
        found: NDArray[np.int32] = self._by_set[self._set_start[i] : self._set_start[i + 1]]
        return found

    def member_mask(self, set_name: str) -> NDArray[np.bool_]:
        """For each code number, whether it stands in a set."""
        mask = np.zeros(self.vocabulary.size, np.bool_)
        mask[self.members(set_name)] = True
        return mask

    def rules(self) -> Iterator[Expr | None]:
        """The rules of all rows."""
        for mdc in self.mdcs:
            yield mdc.rule
            for adrg in mdc.adrgs:
                yield adrg.rule
                for drg in adrg.drgs:
                    yield drg.rule

    def sets_of(self, code: int) -> frozenset[str]:
        """Names of the sets that hold a code number."""
        slots = self._by_code[self._code_start[code] : self._code_start[code + 1]]
        return frozenset(self.set_names[i] for i in slots)

    def excludes(self, principal: int, complication: int) -> bool:
        """Whether the principal diagnosis keeps this complication from counting."""
        key = int(self.exclusion[complication]) * self.vocabulary.size + principal
        at = int(np.searchsorted(self._excluded, key))
        return at < len(self._excluded) and int(self._excluded[at]) == key

    def exclusion_pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All (exclusion table number, principal code number) pairs."""
        tables, principals = np.divmod(self._excluded, self.vocabulary.size)
        return tables, principals

    def _read_rules(self) -> tuple[Mdc, ...]:
        parsed: dict[str, Expr | None] = {}

        def row_of(table: str, row: dict[str, object]) -> Row:
            rule_text = str(row["rule"] or "")
            source_row = row["source_row"]
            assert source_row is None or isinstance(source_row, int)  # noqa: S101 -- Arrow int32
            if rule_text not in parsed:
                where = Where(self.card.id, table.upper(), source_row, "rule")
                parsed[rule_text] = parse(rule_text, where)
                self.scalars |= {
                    leaf.scalar for leaf in leaves(parsed[rule_text]) if isinstance(leaf, Compare)
                }
            return Row(
                str(row[table]), str(row["name"] or ""), rule_text, parsed[rule_text], source_row
            )

        drgs: dict[tuple[object, object], list[tuple[Row, GroupKind]]] = {}
        for row in self.book.rows("drg"):
            drgs.setdefault((row["mdc"], row["adrg"]), []).append((row_of("drg", row), _kind(row)))
        adrgs: dict[object, list[Row]] = {}
        for row in self.book.rows("adrg"):
            adrgs.setdefault(row["mdc"], []).append(row_of("adrg", row))
        mdcs: list[Mdc] = []
        for row in self.book.rows("mdc"):
            mdc = row_of("mdc", row)
            inner = [
                self._adrg(mdc, adrg, drgs.get((mdc.code, adrg.code), []))
                for adrg in adrgs.get(mdc.code, [])
            ]
            mdcs.append(Mdc(*_fields(mdc), tuple(inner)))
        return tuple(mdcs)

    def _adrg(self, mdc: Row, adrg: Row, drgs: list[tuple[Row, GroupKind]]) -> Adrg:
        numbered: list[Drg] = []
        for drg, kind in drgs:
            numbered.append(Drg(*_fields(drg), len(self.groups), kind))
            self.groups.append(Group(mdc, adrg, drg, kind))
        return Adrg(*_fields(adrg), tuple(numbered))


def _fields(row: Row) -> tuple[str, str, str, Expr | None, int | None]:
    return row.code, row.name, row.text, row.rule, row.source_row


def _kind(row: Mapping[str, object]) -> GroupKind:
    code = str(row["drg"])
    if is_fallback("drg", row):
        return GroupKind.FALLBACK
    return GroupKind.AMBIGUOUS if code.endswith("QY") else GroupKind.NAMED


def leaves(rule: Expr | None) -> Iterator[Expr]:
    """The leaves of a rule: members, counts, comparisons and numbers."""
    return (node for node in walk(rule) if not isinstance(node, And | Or | Not))

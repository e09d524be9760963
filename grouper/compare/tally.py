"""Counting while cases stream by: how many go from which place to which, with what weight."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.folding import fold_code
from grouper.compare.nodes import Nodes
from grouper.compare.sides import family_of
from grouper.compare.weights import PLACES
from grouper.schemes.columns import column_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from grouper.compare.nodes import About, Node
    from grouper.compare.sides import Side

WEIGHT = pa.decimal128(2 * PLACES, PLACES)
"""A case's weight."""
_SUM = pa.decimal128(38, PLACES)
"""Sums of weights: 10^14 cases fit."""
_NOTHING = pa.scalar(Decimal(0), WEIGHT)
_SHIFT = 1 << 31
DEPARTMENTS = 10_000
"""Departments that are told apart, in order of appearance; further ones are counted together."""


class Change(IntEnum):
    """What became of one case."""

    SAME = 0
    """In a group of the same family and code on both sides."""
    REGROUPED = 1
    """In a group on both sides, of another code or family."""
    LEFT = 2
    """In a group on the first side only."""
    NEW = 3
    """In a group on the second side only."""
    OUTSIDE = 4
    """In no group on either side."""

    @property
    def word(self) -> str:
        """The stable word for it."""
        return self.name.lower()


@dataclass(slots=True)
class Sums:
    """Cases and their weights on both sides.

    ``from_known`` cases have a weight on the first side, which make ``from_sum``; so ``to_…``.
    ``moved`` is the second weight less the first over the ``compared`` cases: those that have both,
    and those with the one that are in no group on the other side, where they weigh nothing. It
    means something only where both are of one family.
    """

    cases: int = 0
    from_known: int = 0
    from_sum: Decimal = Decimal(0)
    to_known: int = 0
    to_sum: Decimal = Decimal(0)
    compared: int = 0
    moved: Decimal = Decimal(0)

    def add(self, other: Sums) -> None:
        """Add what another counts."""
        self.cases += other.cases
        self.from_known += other.from_known
        self.from_sum += other.from_sum
        self.to_known += other.to_known
        self.to_sum += other.to_sum
        self.compared += other.compared
        self.moved += other.moved


@dataclass(frozen=True, slots=True)
class Flow:
    """The cases that stand in one place on the first side and in one on the second."""

    source: Node
    target: Node
    source_about: About
    target_about: About
    change: Change
    sums: Sums


DepartmentKey = tuple[str | None, Change, str | None, str | None]
"""Department (None: not stated), change, and the families of both sides."""


@dataclass(slots=True)
class Tally:
    """Counts of a comparison, in memory that grows with groups and departments, not with cases."""

    first: Side
    second: Side
    rows: int = 0
    from_nodes: Nodes = field(default_factory=Nodes)
    to_nodes: Nodes = field(default_factory=Nodes)
    departments: dict[DepartmentKey, Sums] = field(default_factory=dict)
    further_departments: Sums = field(default_factory=Sums)
    _pairs: dict[int, Sums] = field(default_factory=dict)
    _changes: dict[int, Change] = field(default_factory=dict)
    _seen: dict[str | None, int] = field(default_factory=dict)

    def add(
        self, cases: pa.RecordBatch, results: tuple[pa.RecordBatch, pa.RecordBatch]
    ) -> CaseColumns:
        """Count a batch.

        Args:
            cases: the cases, for their department.
            results: their groupings on both sides (``RESULT_SCHEMA``).

        Returns:
            What is told of each case beside its groupings.
        """
        self.rows += cases.num_rows
        source = self.from_nodes.numbers(results[0])
        target = self.to_nodes.numbers(results[1])
        first = _weights(self.first, self.from_nodes, source, results[0])
        second = _weights(self.second, self.to_nodes, target, results[1])
        pair, back = np.unique(source * _SHIFT + target, return_inverse=True)
        change = np.array([self._change(key) for key in pair.tolist()], np.int64)[back]
        before = pc.if_else(pa.array(change == Change.NEW), _NOTHING, first)
        after = pc.if_else(pa.array(change == Change.LEFT), _NOTHING, second)
        weights = {"from": first, "to": second, "moved": pc.subtract(after, before)}
        table = {name: column.cast(_SUM) for name, column in weights.items()}
        for place, sums in _sums(back, table):
            self._pairs.setdefault(int(pair[place]), Sums()).add(sums)
        self._by_department(cases, pair, back, table)
        return CaseColumns(change, first, second)

    def flows(self) -> list[Flow]:
        """All flows, the largest first, then in the order of codes."""
        found = []
        for key, sums in self._pairs.items():
            a, b = divmod(key, _SHIFT)
            abouts = self.from_nodes.about[a], self.to_nodes.about[b]
            nodes = self.from_nodes.all[a], self.to_nodes.all[b]
            found.append(Flow(*nodes, *abouts, self._changes[key], sums))
        return sorted(found, key=lambda f: (-f.sums.cases, _order(f.source), _order(f.target)))

    def _change(self, key: int) -> Change:
        if key not in self._changes:
            a, b = divmod(key, _SHIFT)
            self._changes[key] = change_of(self.from_nodes.all[a], self.to_nodes.all[b])
        return self._changes[key]

    def _by_department(
        self,
        cases: pa.RecordBatch,
        pair: NDArray[np.int64],
        back: NDArray[np.int64],
        table: Mapping[str, pa.Array],
    ) -> None:
        texts, places = texts_of(column_of(cases, "department"))
        number = self._numbers_of([*texts, None], places)
        kinds: dict[tuple[Change, str | None, str | None], int] = {}
        kind_of = np.zeros(len(pair), np.int64)
        for at, key in enumerate(pair.tolist()):
            a, b = divmod(key, _SHIFT)
            first = family_of(self.from_nodes.all[a].scheme)
            second = family_of(self.to_nodes.all[b].scheme)
            kind_of[at] = kinds.setdefault((self._changes[key], first, second), len(kinds))
        names, told = list(self._seen), list(kinds)
        joined, place = np.unique(
            number[places] * len(kinds or [0]) + kind_of[back], return_inverse=True
        )
        for at, sums in _sums(place, table):
            department, kind = divmod(int(joined[at]), len(kinds))
            if department >= DEPARTMENTS:
                self.further_departments.add(sums)
            else:
                full = (names[department], *told[kind])
                self.departments.setdefault(full, Sums()).add(sums)

    def _numbers_of(self, texts: list[str | None], places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of departments in order of their first case, by place in ``texts``."""
        numbers = np.zeros(len(texts), np.int64)
        used, first = np.unique(places, return_index=True)
        for at in used[np.argsort(first)].tolist():
            name = texts[at]
            if name not in self._seen and len(self._seen) >= DEPARTMENTS:
                numbers[at] = DEPARTMENTS
            else:
                numbers[at] = self._seen.setdefault(name, len(self._seen))
        return numbers


@dataclass(frozen=True, slots=True)
class CaseColumns:
    """What is told of each case of a batch: its change, and its weight on both sides."""

    change: NDArray[np.int64]
    first: pa.Array
    second: pa.Array


def change_of(source: Node, target: Node) -> Change:
    """What becomes of the cases that go from one place to another."""
    if not source.grouped:
        return Change.NEW if target.grouped else Change.OUTSIDE
    if not target.grouped:
        return Change.LEFT
    return Change.SAME if same_group(source, target) else Change.REGROUPED


def same_group(source: Node, target: Node) -> bool:
    """Whether two groups have one code within one family; the schemes may be different ones."""
    alike = fold_code(source.group or "") == fold_code(target.group or "")
    return alike and family_of(source.scheme) == family_of(target.scheme)


def weight_of(side: Side, node: Node, own: Decimal | None) -> Decimal | None:
    """The weight of a case on one side: by the file where there is one, else the scheme's own."""
    if node.scheme is None or node.group is None:
        return None
    return own if side.weights is None else side.weights.of(node.scheme, node.group)


def _weights(
    side: Side, nodes: Nodes, numbers: NDArray[np.int64], results: pa.RecordBatch
) -> pa.Array:
    """The weight of each case; null outside groups and where nothing states one."""
    if side.weights is not None:
        values = pa.array([weight_of(side, node, None) for node in nodes.all], WEIGHT)
        return values.take(pa.array(numbers))
    own = column_of(results, "weight")
    if own.null_count == len(own):
        return pa.nulls(len(own), WEIGHT)
    grouped = pa.array(np.array([node.grouped for node in nodes.all], np.bool_)[numbers])
    return pc.if_else(grouped, own.cast(WEIGHT), pa.scalar(None, WEIGHT))


def _sums(key: NDArray[np.int64], table: Mapping[str, pa.Array]) -> Iterator[tuple[int, Sums]]:
    """Cases and weights by key; ``table`` holds the columns ``from``, ``to`` and ``moved``."""
    known = [name for name, column in table.items() if column.null_count < len(column)]
    asked: list[tuple[object, str]] = [([], "count_all")]
    asked += [(name, how) for name in known for how in ("count", "sum")]
    columns = {"key": pa.array(key), **{name: table[name] for name in known}}
    grouped = pa.table(columns).group_by("key").aggregate(asked)
    empty = [0] * grouped.num_rows

    def column(name: str, how: str) -> list[Decimal | int]:
        values = grouped.column(f"{name}_{how}").to_pylist() if name in known else empty
        return [value or 0 for value in values]

    columns_in_order = (column(name, how) for name in table for how in ("count", "sum"))
    keys, counts = grouped.column("key").to_pylist(), grouped.column("count_all").to_pylist()
    for at, cases, *rest in zip(keys, counts, *columns_in_order, strict=True):
        exact: Callable[[Decimal | int], Decimal] = Decimal
        yield (
            at,
            Sums(
                cases,
                int(rest[0]),
                exact(rest[1]),
                int(rest[2]),
                exact(rest[3]),
                int(rest[4]),
                exact(rest[5]),
            ),
        )


def _order(node: Node) -> tuple[str, ...]:
    return tuple(part or "" for part in node)

"""The weight of a month on both sides, and what of it moves; families are never added together."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from grouper.compare.sides import family_of
from grouper.compare.tally import Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grouper.compare.nodes import About, Node
    from grouper.compare.tally import Flow, Sums

_ZERO = Decimal(0)


@dataclass(slots=True)
class Total:
    """The cases in groups of one family on one side: how many, and what they weigh.

    ``weighed`` of the ``cases`` have a weight; together they make ``weight``.
    """

    cases: int = 0
    weighed: int = 0
    weight: Decimal = _ZERO

    @property
    def mean(self) -> Decimal | None:
        """Mean weight of a case that has one (CMI for relative weights); None without such."""
        return self.weight / self.weighed if self.weighed else None

    def add(self, cases: int, weighed: int, weight: Decimal) -> None:
        """Add cases."""
        self.cases += cases
        self.weighed += weighed
        self.weight += weight


@dataclass(slots=True)
class Moved:
    """What moves between the sides within one family, over cases with a weight on both.

    ``gained`` and ``lost`` add up the flows whose weight rises and falls; the balance is ``net``,
    of which ``same`` comes from cases whose code stays and ``regrouped`` from the others.
    """

    cases: int = 0
    net: Decimal = _ZERO
    gained: Decimal = _ZERO
    lost: Decimal = _ZERO
    same: Decimal = _ZERO
    regrouped: Decimal = _ZERO

    def add(self, change: Change, cases: int, moved: Decimal) -> None:
        """Add one flow."""
        self.cases += cases
        self.net += moved
        if moved > 0:
            self.gained += moved
        else:
            self.lost += moved
        if change is Change.SAME:
            self.same += moved
        else:
            self.regrouped += moved


@dataclass(slots=True)
class Balance:
    """Weights of a comparison, by family.

    Attributes:
        first, second: totals of both sides.
        moved: by family, for flows that stay in the family.
        left: weight on the first side of cases that are in no group on the second.
        new: weight on the second side of cases that are in no group on the first.
        unweighed: groups that have cases without a weight, with the number of such cases, by side.
    """

    first: dict[str, Total] = field(default_factory=dict)
    second: dict[str, Total] = field(default_factory=dict)
    moved: dict[str, Moved] = field(default_factory=dict)
    left: dict[str, Total] = field(default_factory=dict)
    new: dict[str, Total] = field(default_factory=dict)
    unweighed: tuple[dict[Node, tuple[About, int]], dict[Node, tuple[About, int]]] = field(
        default_factory=lambda: ({}, {})
    )

    @property
    def known(self) -> tuple[bool, bool]:
        """Whether any case has a weight, on each side."""
        sides = (self.first, self.second)
        first, second = (any(total.weighed for total in side.values()) for side in sides)
        return first, second

    @property
    def comparable(self) -> bool:
        """Whether both sides are of one and the same family and have weights: units agree."""
        return all(self.known) and self.first.keys() == self.second.keys() and len(self.first) == 1

    def share_change(self, flow: Flow) -> Decimal | None:
        """How the flow's share of its side's weight changes; None where a side has no weights."""
        return self.share_of(flow.source.scheme, flow.target.scheme, flow.sums)

    def share_of(self, source: str | None, target: str | None, sums: Sums) -> Decimal | None:
        """The share of cases in the second side's weight less their share in the first's.

        A share is of the total of the scheme's family on that side; a case in no group has none.
        """
        return self.share_in(family_of(source), family_of(target), sums)

    def share_in(self, source: str | None, target: str | None, sums: Sums) -> Decimal | None:
        """As :meth:`share_of`, by family."""
        if not all(self.known):
            return None
        before = _share(self.first, source, sums.from_sum)
        after = _share(self.second, target, sums.to_sum)
        return after - before


def balance_of(flows: Iterable[Flow]) -> Balance:
    """Add up flows."""
    found = Balance()
    for flow in flows:
        source, target = family_of(flow.source.scheme), family_of(flow.target.scheme)
        sums = flow.sums
        if source is not None and flow.source.grouped:
            _total(found.first, source).add(sums.cases, sums.from_known, sums.from_sum)
            _lacking(found.unweighed[0], flow.source, flow.source_about, sums.from_known, sums)
        if target is not None and flow.target.grouped:
            _total(found.second, target).add(sums.cases, sums.to_known, sums.to_sum)
            _lacking(found.unweighed[1], flow.target, flow.target_about, sums.to_known, sums)
        if flow.change is Change.LEFT and source is not None:
            _total(found.left, source).add(sums.cases, sums.from_known, sums.from_sum)
        if flow.change is Change.NEW and target is not None:
            _total(found.new, target).add(sums.cases, sums.to_known, sums.to_sum)
        both = flow.source.grouped and flow.target.grouped
        if both and source == target and source is not None and sums.compared:
            found.moved.setdefault(source, Moved()).add(flow.change, sums.compared, sums.moved)
    return found


def _total(side: dict[str, Total], family: str) -> Total:
    return side.setdefault(family, Total())


def _lacking(
    found: dict[Node, tuple[About, int]], node: Node, about: About, known: int, sums: Sums
) -> None:
    if known < sums.cases:
        before = found.get(node, (about, 0))[1]
        found[node] = (about, before + sums.cases - known)


def _share(side: dict[str, Total], family: str | None, part: Decimal) -> Decimal:
    total = side[family].weight if family in side else _ZERO
    return part / total if total else _ZERO

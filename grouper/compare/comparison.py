"""A whole comparison: the flows of a month and all that follows from them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from grouper.compare.balance import Balance, balance_of
from grouper.compare.groups import Group, Kind, Thresholds, groups_of
from grouper.compare.sides import family_of
from grouper.compare.tally import Change, Flow, Sums, Tally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from grouper.case.issues import Issue
    from grouper.compare.nodes import About
    from grouper.compare.sides import Side


class Level(StrEnum):
    """How far up two groups of DRG schemes differ, by code."""

    SAME = "same"
    """One group."""
    GROUP = "group"
    """Two groups of one ADRG: the split by complications or age."""
    ADRG = "adrg"
    """Two ADRGs of one MDC."""
    MDC = "mdc"
    """Two MDCs."""


@dataclass(slots=True)
class Department:
    """The cases of one department; ``name`` is None for cases that state none.

    ``share_change`` is None where a side has no weights, ``moved`` counts within families.
    """

    name: str | None
    changes: Counter[Change] = field(default_factory=Counter)
    sums: Sums = field(default_factory=Sums)
    share_change: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A month under two schemes.

    Attributes:
        first, second: the sides.
        thresholds: what counts as noise in ``groups``.
        rows: cases.
        flows: every case stands in exactly one.
        groups: of the first and of the second side.
        balance: weights.
        departments: the largest first.
        further_departments: cases of departments beyond those that are told apart.
        file_issues: what is to be said about the file as a whole.
        seconds: how long it took.
    """

    first: Side
    second: Side
    thresholds: Thresholds
    rows: int
    flows: list[Flow]
    groups: tuple[list[Group], list[Group]]
    balance: Balance
    departments: list[Department]
    further_departments: int = 0
    file_issues: tuple[Issue, ...] = ()
    seconds: float = 0.0

    @property
    def changes(self) -> Counter[Change]:
        """Cases by what became of them."""
        found: Counter[Change] = Counter()
        for flow in self.flows:
            found[flow.change] += flow.sums.cases
        return found

    @property
    def levels(self) -> Counter[Level]:
        """Cases in DRG groups on both sides, by how far up the groups differ."""
        found: Counter[Level] = Counter()
        for flow in self.flows:
            level = level_of(flow)
            if level is not None:
                found[level] += flow.sums.cases
        return found

    def kinds(self, side: int) -> dict[Kind, tuple[int, int]]:
        """Groups of a side (0 or 1) and their cases, by what became of them."""
        found: dict[Kind, tuple[int, int]] = {}
        for group in self.groups[side]:
            groups, cases = found.get(group.kind, (0, 0))
            found[group.kind] = groups + 1, cases + group.sums.cases
        return {kind: found[kind] for kind in Kind if kind in found}

    def movers(self, count: int) -> list[Flow]:
        """The flows that move most weight, either way.

        By the difference of weight where both sides have one unit, else by the change of share.
        """
        ranked: list[tuple[Decimal, Flow]] = []
        for flow in self.flows:
            by = flow.sums.moved if self.balance.comparable else self.balance.share_change(flow)
            if by:
                ranked.append((abs(by), flow))
        # Equal ones keep the order of the flows.
        ranked.sort(key=lambda pair: -pair[0])
        return [flow for _, flow in ranked[:count]]


def comparison_of(
    tally: Tally,
    thresholds: Thresholds,
    file_issues: Iterable[Issue] = (),
    seconds: float = 0.0,
) -> Comparison:
    """All that follows from what was counted."""
    flows = tally.flows()
    balance = balance_of(flows)
    return Comparison(
        tally.first,
        tally.second,
        thresholds,
        tally.rows,
        flows,
        groups_of(flows, thresholds),
        balance,
        _departments(tally, balance),
        tally.further_departments.cases,
        tuple(file_issues),
        seconds,
    )


def level_of(flow: Flow) -> Level | None:
    """How far up the two groups of a flow differ; None unless both are groups of DRG schemes."""
    if flow.change not in (Change.SAME, Change.REGROUPED):
        return None
    if {family_of(flow.source.scheme), family_of(flow.target.scheme)} != {"drg"}:
        return None
    if flow.change is Change.SAME:
        return Level.SAME
    before, after = flow.source_about, flow.target_about
    if before.mdc != after.mdc:
        return Level.MDC
    return Level.ADRG if before.adrg != after.adrg else Level.GROUP


def other_name(flow: Flow) -> bool:
    """Whether one code names two things: the names differ by more than width and blanks."""
    return flow.change is Change.SAME and _plain(flow.source_about) != _plain(flow.target_about)


def _plain(about: About) -> str:
    return "".join(unicodedata.normalize("NFKC", about.name).split())


def _departments(tally: Tally, balance: Balance) -> list[Department]:
    found: dict[str | None, Department] = {}
    # Shares of two families' totals are shares of two pots.
    one_pot = len(balance.first) == 1 and len(balance.second) == 1
    for (name, change, source, target), sums in tally.departments.items():
        department = found.setdefault(name, Department(name))
        department.changes[change] += sums.cases
        one_unit = source == target or change in (Change.LEFT, Change.NEW)
        department.sums.add(sums if one_unit else _apart(sums))
        share = balance.share_in(source, target, sums)
        if share is not None and one_pot:
            department.share_change = share + (department.share_change or 0)
    return sorted(found.values(), key=lambda d: (-d.sums.cases, d.name is None, d.name or ""))


def _apart(sums: Sums) -> Sums:
    """Sums of two families: the difference of their weights means nothing."""
    return Sums(sums.cases, sums.from_known, sums.from_sum, sums.to_known, sums.to_sum)

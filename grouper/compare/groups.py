"""What became of each group: kept, renamed, split, merged, left, new; from the flows alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from grouper.compare.tally import Sums, same_group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from grouper.compare.nodes import About, Node
    from grouper.compare.tally import Flow

_HUNDRED = Decimal(100)


class Kind(StrEnum):
    """What became of a group; on the second side read backwards (a new group came from outside)."""

    UNCHANGED = "unchanged"
    RENAMED = "renamed"
    SPLIT = "split"
    MERGED = "merged"
    SPLIT_MERGED = "split_merged"
    LEFT = "left"
    NEW = "new"
    MINOR = "minor"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Flows that count as noise when groups are classified; no figure leaves them out.

    Attributes:
        cases: a flow of fewer cases is noise.
        percent: a flow of a smaller share of the group's cases that are in groups on both sides
            is noise for that group.
    """

    cases: int = 1
    percent: Decimal = Decimal(0)

    def counts(self, flow: Flow, whole: int) -> bool:
        """Whether a flow of a group with ``whole`` such cases counts."""
        cases = flow.sums.cases
        return cases >= self.cases and cases * _HUNDRED >= self.percent * whole


@dataclass(slots=True)
class Group:
    """One group of one side, as far as its cases stand under one scheme of the other side.

    Attributes:
        node: the group.
        about: its name and place.
        other: the other side's scheme; None for cases for which none was chosen.
        inside: flows to or from groups of the other side, the largest first.
        outside: flows to or from places outside the other side's groups, the largest first.
        kind: what became of it.
    """

    node: Node
    about: About
    other: str | None
    inside: list[Flow] = field(default_factory=list)
    outside: list[Flow] = field(default_factory=list)
    kind: Kind = Kind.MINOR

    @property
    def cases_inside(self) -> int:
        """Cases that are in a group on the other side too."""
        return sum(flow.sums.cases for flow in self.inside)

    @property
    def cases_outside(self) -> int:
        """Cases that are in no group on the other side."""
        return sum(flow.sums.cases for flow in self.outside)

    @property
    def sums(self) -> Sums:
        """All its cases and their weights."""
        whole = Sums()
        for flow in (*self.inside, *self.outside):
            whole.add(flow.sums)
        return whole


_Key = tuple["Node", str | None]


def groups_of(flows: Iterable[Flow], thresholds: Thresholds) -> tuple[list[Group], list[Group]]:
    """The groups of both sides with what became of each, the largest first.

    Schemes are compared two by two: where a side is made of several schemes, a group is classified
    for each scheme of the other side apart, so that groups of two schemes never count as merged.

    A group *splits* when two or more of its flows to groups count for it. It *merges* when a group
    into which it goes takes, beside it, cases of another group that count for the taking group.
    With neither it is *unchanged* (the same code within one family) or *renamed*. A group without
    a case in groups on both sides *left* (or is *new*); one whose flows are all noise is *minor*.
    """
    first: dict[_Key, Group] = {}
    second: dict[_Key, Group] = {}
    for flow in flows:
        ends = (
            (first, flow.source, flow.source_about, flow.target),
            (second, flow.target, flow.target_about, flow.source),
        )
        for found, node, about, other in ends:
            if node.grouped:
                group = found.setdefault((node, other.scheme), Group(node, about, other.scheme))
                (group.inside if other.grouped else group.outside).append(flow)
    first_out = {key: _counting(group, thresholds) for key, group in first.items()}
    second_in = {key: _counting(group, thresholds) for key, group in second.items()}
    for key, group in first.items():
        partners = [(f.target, f.source.scheme) for f in first_out[key]]
        group.kind = _kind(group, first_out[key], [second_in[p] for p in partners])
    for key, group in second.items():
        partners = [(f.source, f.target.scheme) for f in second_in[key]]
        kind = _kind(group, second_in[key], [first_out[p] for p in partners])
        # Read backwards: what comes from several groups has merged, what shares its origin split.
        group.kind = _BACKWARDS.get(kind, kind)
    return _ordered(first), _ordered(second)


_BACKWARDS: Mapping[Kind, Kind] = {
    Kind.SPLIT: Kind.MERGED,
    Kind.MERGED: Kind.SPLIT,
    Kind.LEFT: Kind.NEW,
}


def _counting(group: Group, thresholds: Thresholds) -> list[Flow]:
    whole = group.cases_inside
    return [flow for flow in group.inside if thresholds.counts(flow, whole)]


def _kind(group: Group, own: Sequence[Flow], partners: Sequence[Sequence[Flow]]) -> Kind:
    """What became of a group by the flows that count for it and those that count for its partners."""
    if not group.inside:
        return Kind.LEFT
    if not own:
        return Kind.MINOR
    split = len(own) > 1
    shared = any(
        any(theirs is not mine for theirs in counting)
        for mine, counting in zip(own, partners, strict=True)
    )
    if split or shared:
        return Kind.SPLIT_MERGED if split and shared else Kind.SPLIT if split else Kind.MERGED
    return Kind.UNCHANGED if same_group(own[0].source, own[0].target) else Kind.RENAMED


def _ordered(groups: Mapping[_Key, Group]) -> list[Group]:
    def rank(group: Group) -> tuple[int, str, str, str]:
        node = group.node
        return -group.sums.cases, node.scheme or "", node.group or "", group.other or ""

    return sorted(groups.values(), key=rank)

"""The mean cost and stay of groups that a case is compared with: of the policy, the book, or our own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from codebooks.registry import registry
from grouper.payment.asked import rows_of
from grouper.payment.indices.quotients import quotient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from grouper.payment.indices.cells import Cell
    from grouper.payment.settlement.looked import Looked

POLICY, BOOK, OWN = "policy", "book", "own"
_TABLES = ("indices.group_means", "drg_points.groups")
"""Tables of the policy with means; the first that has a group holds."""
GroupKey = tuple[str | None, str]
"""A scheme and a group of it."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean cost in yuan and stay in days of a group; None: not known; ``source``: the first."""

    cost: Decimal | None
    days: Decimal | None
    source: str


@dataclass(slots=True)
class Means:
    """Means by scheme and group, and how many groups came from which source."""

    by: dict[GroupKey, Mean] = field(default_factory=dict)

    @property
    def sources(self) -> Counter[str]:
        """How many groups each source gave."""
        return Counter(mean.source for mean in self.by.values())


def means_of(looked: Looked, groups: Mapping[GroupKey, Iterable[Cell]]) -> Means:
    """The means of groups: cost and stay each from the first source of the order that knows it.

    Args:
        looked: for the region.
        groups: by scheme and code, with all their cases of the hospital.
    """
    order: Sequence[str] = looked.value("indices.mean_sources").value
    tables = [looked.find(path) for path in _TABLES]
    policy: dict[str, Mapping[str, Decimal]] = {}
    for table in reversed(tables):
        policy |= rows_of(table) if table is not None else {}
    found = Means()
    for key, cells in groups.items():
        mean = Mean(None, None, "")
        for source in order:
            further = _mean(source, key, cells, policy)
            if further is not None and not (mean.cost and mean.days):
                first = mean.source or (source if further.cost or further.days else "")
                mean = Mean(mean.cost or further.cost, mean.days or further.days, first)
        if mean.source:
            found.by[key] = mean
    return found


def _mean(
    source: str, key: GroupKey, cells: Iterable[Cell], policy: Mapping[str, Mapping[str, Decimal]]
) -> Mean | None:
    scheme, group = key
    if source == POLICY:
        row = policy.get(group)
        return None if row is None else Mean(row["mean_cost"], row["mean_days"], POLICY)
    if source == BOOK:
        known = _book(scheme).get(group) if scheme else None
        return None if known is None else Mean(*known, BOOK)
    many = list(cells)
    return Mean(
        quotient(sum(one.cost for one in many), sum(one.costed for one in many)),
        quotient(sum(one.days for one in many), sum(one.stayed for one in many)),
        OWN,
    )


@lru_cache(maxsize=8)
def _book(scheme: str) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    """The means that a scheme's own table of groups gives; a code with two rows has none."""
    cards = registry().cards
    if scheme not in cards:
        return {}
    table = registry().book(scheme).tables.get("groups")
    columns = ("group", "mean_cost", "mean_los")
    if table is None or any(name not in table.column_names for name in columns):
        return {}
    found: dict[str, tuple[Decimal | None, Decimal | None]] = {}
    twice = set()
    for code, cost, days in zip(*(table[name].to_pylist() for name in columns), strict=True):
        if code in found and found[code] != (cost, days):
            twice.add(code)
        found[code] = (cost, days)
    return {code: mean for code, mean in found.items() if code not in twice}

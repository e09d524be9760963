"""Why a case likely differs from what the bureau settled, told from the figures of both sides alone."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from grouper.payment.settlement.exactly import minus, total
from grouper.payment.settlement.reconcile import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.payment.settlement.reconcile import Entry


class Cause(StrEnum):
    """A likely reason, in the order in which they are looked for."""

    NONE = "none"
    """Nothing differs."""
    GROUP = "group"
    """Another group."""
    POINTS = "points"
    """The same group (or none stated) with other points or another weight."""
    DEDUCTED = "deducted"
    """The bureau's amount is ours less its deduction: it states what is left."""
    SHARE = "share"
    """The same amount, of which the fund pays another part."""
    POINT_VALUE = "point_value"
    """As much a point more or less as other cases of the file."""
    OTHER = "other"
    """The figures do not tell."""
    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    UNPRICED = "unpriced"
    DUPLICATE = "duplicate"
    OUTSIDE = "outside"
    """The bureau's alone, and a case of ours that is not of this month, or not of those compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseTotal:
    """The cases of one reason: how many, and what the bureau's amounts are above ours, in yuan."""

    cause: Cause
    cases: int
    difference: Decimal


def causes(entries: Sequence[Entry]) -> list[Cause]:
    """The likely reason of each entry.

    Args:
        entries: of a reconciliation; a reason of one may rest on the others.
    """
    found = [_alone(one) for one in entries]
    open_ = [at for at, cause in enumerate(found) if cause is Cause.OTHER]
    for at in _same_a_point(entries, open_):
        found[at] = Cause.POINT_VALUE
    return found


def cause_totals(entries: Sequence[Entry], told: Sequence[Cause]) -> tuple[CauseTotal, ...]:
    """By reason, those that occur, in the order of :class:`Cause`."""
    by: dict[Cause, list[Entry]] = defaultdict(list)
    for one, cause in zip(entries, told, strict=True):
        by[cause].append(one)
    return tuple(
        CauseTotal(
            cause=cause,
            cases=len(by[cause]),
            difference=total(one.difference for one in by[cause]),
        )
        for cause in Cause
        if cause in by
    )


def _alone(entry: Entry) -> Cause:
    """The reason that an entry tells by itself."""
    if entry.state is State.MATCHED:
        return Cause.NONE
    if entry.state is not State.DIFFERENT:
        return Cause(entry.state.value)
    for name in ("group", "points"):
        if name in entry.differs:
            return Cause(name)
    if entry.net:
        return Cause.DEDUCTED
    if "fund" in entry.differs and _both(entry, "amount") and "amount" not in entry.differs:
        return Cause.SHARE
    return Cause.OTHER


def _both(entry: Entry, name: str) -> bool:
    return entry.ours.get(name) is not None and entry.theirs.get(name) is not None


def _same_a_point(entries: Sequence[Entry], open_: Sequence[int]) -> set[int]:
    """The places of entries whose difference is the same a point as that of others."""
    limits = _limits()
    least, tolerance = int(limits["common_cases"]), Decimal(limits["tolerance"])
    known: dict[int, tuple[Decimal, Decimal]] = {}
    for at in open_:
        points = entries[at].ours.get("points")
        if points:
            known[at] = (_difference(entries[at]), points)
    binned: dict[Decimal, int] = {}
    places = Decimal(1).scaleb(-int(limits["places"]))
    counted: Counter[Decimal] = Counter()
    for at, (difference, points) in known.items():
        rounded = (difference / points).quantize(places)
        counted[rounded] += 1
        # The case with the most points tells the value best: its fen weigh least.
        if rounded not in binned or points > known[binned[rounded]][1]:
            binned[rounded] = at
    found: set[int] = set()
    for rounded, _ in counted.most_common(int(limits["most_values"])):
        base, by = known[binned[rounded]]
        fits = {
            at
            for at, (difference, points) in known.items()
            if abs(difference - base * points / by) <= tolerance * (1 + abs(points / by))
        }
        if len(fits) >= least:
            found |= fits
    return found


def _difference(entry: Entry) -> Decimal:
    """The bureau's less ours: of the amounts where both state one, else of what is compared."""
    if _both(entry, "amount"):
        found = minus(entry.theirs["amount"], entry.ours["amount"])
        if found:
            return found
    return entry.difference


@cache
def _limits() -> Mapping[str, Any]:
    told = files("grouper.payment") / "data" / "reconciliation.toml"
    return tomllib.loads(told.read_text("utf-8"))

"""What the book says of the codes of a batch, as arrays; each distinct code is asked once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from codebooks.apg.words import Companion, GroupType, Packing, VisitKind
from grouper.schemes.apg.compiled import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from grouper.schemes.apg.compiled import CompiledApg
    from grouper.schemes.apg.line_columns import Texts
    from grouper.schemes.apg.rules import Fate

ALONE, APART, PACKAGED, UNDECIDED = range(4)
"""Outcomes of packaging: paid since no rule speaks of it, paid by a rule, packaged, not decided."""
TYPES = tuple(GroupType)
KINDS = tuple(VisitKind)
COMPANIONS = (None, Companion.ANY, Companion.GROUP)
"""By number: not on the list ``not_alone``, on it with any companion, with one of its group."""
_KEPT = 1 << 18
_CENT = Decimal("0.01")

_Row = tuple[int, bool, int, bytes]


@dataclass(frozen=True, slots=True)
class FateTable:
    """One row for each distinct thing that the parts of a batch are.

    Attributes:
        group: group number, ``NONE`` without a group.
        never: whether it is never paid.
        companion: index of :data:`COMPANIONS`.
        outcome: of packaging, by kind of visit (:data:`KINDS`) and band of amounts.
    """

    group: NDArray[np.int32]
    never: NDArray[np.bool_]
    companion: NDArray[np.int8]
    outcome: NDArray[np.int8]


class FateReader:
    """Gives numbers to what the book says. Safe to use from several threads at once.

    Bands of amounts are those that the packaging rules tell apart, then one for lines without an
    amount and one for coded procedures, of which rules on amounts do not speak.
    """

    def __init__(self, scheme: CompiledApg) -> None:
        self._scheme = scheme
        limits = {
            limit
            for rule in scheme.rules
            for limit in (rule.amount_from, rule.amount_below)
            if limit is not None
        }
        self.limits = np.array([int(limit / _CENT) for limit in sorted(limits)], np.int64)
        self._samples = [
            *([min(limits) - 1] if limits else [Decimal(0)]),
            *sorted(limits),
        ]
        self.missing, self.coded = len(self._samples), len(self._samples) + 1
        self._rows: dict[tuple[str, str] | int, _Row] = {}

    def band(self, cents: NDArray[np.int64], missing: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The band of each line's amount."""
        found = np.searchsorted(self.limits, cents, side="right").astype(np.int64)
        found[missing] = self.missing
        return found

    def of_procedures(self, numbers: NDArray[np.int64]) -> list[_Row]:
        """Rows of procedures by code number."""
        return [self._keep(number) for number in numbers.tolist()]

    def of_lines(self, items: Texts, classes: Texts) -> tuple[list[_Row], NDArray[np.int64]]:
        """Rows of the distinct pairs of item and fee class, and the row of each line."""
        width = len(classes.distinct) + 1
        key = (items.place + 1) * width + classes.place + 1
        there = np.zeros((len(items.distinct) + 1) * width, np.bool_)
        there[key] = True
        distinct = np.flatnonzero(there)
        place = np.zeros(len(there), np.int64)
        place[distinct] = np.arange(len(distinct))
        # Index -1 (missing) falls on the empty text at the end.
        item_texts, class_texts = [*items.distinct, ""], [*classes.distinct, ""]
        rows = [
            self._keep((item_texts[item - 1], class_texts[line_class - 1]))
            for item, line_class in zip(
                *map(np.ndarray.tolist, divmod(distinct, width)), strict=True
            )
        ]
        return rows, place[key]

    def table(self, rows: Sequence[_Row]) -> FateTable:
        """Rows as arrays."""
        bands = self.coded + 1
        groups, never, companions, outcomes = zip(*rows, strict=True) if rows else ((),) * 4
        packed = np.frombuffer(b"".join(outcomes), np.int8)
        return FateTable(
            np.array(groups, np.int32),
            np.array(never, np.bool_),
            np.array(companions, np.int8),
            packed.reshape(len(rows), len(KINDS), bands),
        )

    def _keep(self, key: tuple[str, str] | int) -> _Row:
        found = self._rows.get(key)
        if found is None:
            if len(self._rows) >= _KEPT:
                self._rows.clear()
            scheme = self._scheme
            fate = scheme.procedure(key) if isinstance(key, int) else scheme.line(*key)
            found = self._rows[key] = self._row(fate)
        return found

    def _row(self, fate: Fate) -> _Row:
        group = NONE if fate.group is None else fate.group.number
        outcomes = bytes(o for kind in KINDS for o in self._outcomes(fate, kind))
        return group, fate.never, COMPANIONS.index(fate.alone), outcomes

    def _outcomes(self, fate: Fate, kind: VisitKind) -> list[int]:
        """The outcome for each band of amounts."""
        rules = [r for r in self._scheme.rules if kind in r.visits and r.suits(fate)]
        known = []
        for sample in self._samples:
            rule = next((r for r in rules if r.amount_holds(sample)), None)
            known.append(_outcome(rule.action if rule else None))
        plain = next((r for r in rules if not r.asks_amount), None)
        coded = _outcome(plain.action if plain else None)
        # Without an amount each rule that asks for it may hold or not, whatever the others do.
        reached = rules[: rules.index(plain)] if plain else rules
        possible = {rule.action for rule in reached} | {plain.action if plain else Packing.PAID}
        return [*known, coded if len(possible) == 1 else UNDECIDED, coded]


def _outcome(action: Packing | None) -> int:
    if action is None:
        return ALONE
    return PACKAGED if action is Packing.PACKAGED else APART

"""What the batch engine does with the parts of all visits; independent of the scalar engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codebooks.apg.words import Companion, GroupType, Rate, VisitKind
from grouper.schemes.apg.fates import ALONE, APART, COMPANIONS, KINDS, PACKAGED, TYPES, UNDECIDED
from grouper.schemes.apg.layout import MODIFIERS, PART_KINDS
from grouper.schemes.apg.line_columns import PARTS
from grouper.schemes.apg.numbering import leaders, marked, ranks
from grouper.schemes.apg.words import DISTINCT, GONE, MOST_DAYS, PAYING, Action, PartKind, Why

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.schemes.apg.compiled import CompiledApg
    from grouper.schemes.apg.layout import Layout

ACTIONS, WHYS = tuple(Action), tuple(Why)
OPEN = -1
"""Action of a part about which nothing is decided yet."""
SCALE = 1_000_000
"""Shares and weights are whole numbers of millionths."""
NO_SHARE = -1
_VISIT, _LINE = PART_KINDS.index(PartKind.VISIT), PART_KINDS.index(PartKind.LINE)
_IS_PAYING = np.array([*(action in PAYING for action in ACTIONS), False])
_IS_GONE = np.array([*(action in GONE for action in ACTIONS), False])
_NEEDS_GROUP = COMPANIONS.index(Companion.GROUP)
_BY_PROCEDURE = KINDS.index(VisitKind.PROCEDURE)
_BY_MEDICAL = KINDS.index(VisitKind.MEDICAL)
_BY_ANCILLARY = KINDS.index(VisitKind.ANCILLARY)


def scaled_product(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """The product of two scaled numbers, half up; neither is negative."""
    product: NDArray[np.int64] = (one * other + SCALE // 2) // SCALE
    return product


@dataclass(slots=True)
class Decisions:
    """Of each part the action (``OPEN``: none yet), why, and the share (``NO_SHARE``: none)."""

    action: NDArray[np.int8]
    why: NDArray[np.int8]
    share: NDArray[np.int64]

    @property
    def paying(self) -> NDArray[np.bool_]:
        """Parts that add to their visit."""
        found: NDArray[np.bool_] = _IS_PAYING[self.action]
        return found

    @property
    def gone(self) -> NDArray[np.bool_]:
        """Refunds and what they cancel."""
        found: NDArray[np.bool_] = _IS_GONE[self.action]
        return found

    @property
    def open(self) -> NDArray[np.bool_]:
        """Parts about which nothing is decided yet."""
        found: NDArray[np.bool_] = self.action == OPEN
        return found

    def close(
        self,
        where: NDArray[np.bool_] | NDArray[np.int64],
        action: Action,
        why: Why,
        share: NDArray[np.int64] | int = NO_SHARE,
    ) -> None:
        """Decide about some parts."""
        self.action[where] = ACTIONS.index(action)
        self.why[where] = WHYS.index(why)
        self.share[where] = share


class Decider:
    """The rules of one scheme over whole batches."""

    def __init__(self, scheme: CompiledApg) -> None:
        self._scheme = scheme
        groups = scheme.groups
        # A group number below zero (no group) counts from the end.
        self.type_of = np.array([*(TYPES.index(g.type) for g in groups), -1], np.int8)
        classes = {c: n for n, c in enumerate(dict.fromkeys(g.consolidation for g in groups))}
        related = scheme.related_groups
        self._class_of = np.array(
            [
                len(groups) + classes[g.consolidation] if related and g.consolidation else g.number
                for g in groups
            ],
            np.int64,
        )
        rates = {rate: int(share * SCALE) for rate, share in scheme.rates.items()}
        self._first, self._further = rates[Rate.FIRST], rates[Rate.FURTHER]
        named = {rate.value: share for rate, share in rates.items()}
        self._modifier = np.array([named.get(word or "", SCALE) for word in MODIFIERS], np.int64)
        self._repeat = np.array([int(scheme.repeat[t] * SCALE) for t in TYPES], np.int64)

    def assign(self, layout: Layout) -> Decisions:
        """Close what refunds undo, what has no known code or group, and what is never paid."""
        count = len(layout.visit)
        decided = Decisions(
            np.full(count, OPEN, np.int8),
            np.zeros(count, np.int8),
            np.full(count, NO_SHARE, np.int64),
        )
        refunds = layout.refunds
        if refunds.refund.any():
            undone = refunds.cancelled & ~refunds.refund
            decided.close(layout.of_lines(undone), Action.CANCELLED, Why.REFUNDED)
            back = refunds.cancelled & refunds.refund
            decided.close(layout.of_lines(back), Action.CANCELLED, Why.REFUND)
            left = layout.of_lines(refunds.reported)
            decided.close(left, Action.REPORTED, Why.REFUND_UNMATCHED)
        decided.close(layout.unknown, Action.UNASSIGNED, Why.CODE_UNKNOWN)
        decided.close(decided.open & layout.never, Action.NEVER_PAY, Why.NEVER_PAY_LIST)
        decided.close(decided.open & (layout.group < 0), Action.UNASSIGNED, Why.NO_GROUP)
        return decided

    def decide(
        self, layout: Layout, decided: Decisions, weight: NDArray[np.int64]
    ) -> NDArray[np.int8]:
        """Decide about all open parts.

        Args:
            layout: the parts.
            decided: what is decided already; the rest is added.
            weight: of each part's group, scaled.

        Returns:
            The kind of each visit, an index of :data:`grouper.schemes.apg.fates.KINDS`.
        """
        visits = len(layout.start) - 1
        kind = np.full(visits, _BY_ANCILLARY, np.int8)
        types = self.type_of[layout.group]
        significant = decided.open & (types == TYPES.index(GroupType.PROCEDURE))
        if not self._scheme.lines_stand_beside:
            is_line = layout.kind == _LINE
            coded = marked(layout.visit[significant & ~is_line], visits)
            charges = significant & is_line & coded[layout.visit]
            decided.close(charges, Action.PACKAGED, Why.CHARGE_OF_PROCEDURE)
            significant &= ~charges
        procedures = np.flatnonzero(significant)
        kind[layout.visit[procedures]] = _BY_PROCEDURE
        self._procedures(layout, decided, weight, procedures)
        self._visits(layout, decided, types, kind)
        self._package(layout, decided, types, kind)
        self._repeats(layout, decided, types)
        self._hold_back(layout, decided, visits)
        return kind

    def _procedures(
        self,
        layout: Layout,
        decided: Decisions,
        weight: NDArray[np.int64],
        at: NDArray[np.int64],
    ) -> None:
        """Consolidate and discount the significant procedures."""
        if not len(at):
            return
        rate = self._modifier[layout.modifier]
        adjusted = weight * rate
        plain = at[layout.modifier[at] != MODIFIERS.index(DISTINCT)]
        visit, group = layout.visit[plain], layout.group[plain]
        head = leaders(-adjusted[plain], visit, self._class_of[group])
        same = group == group[head]
        swallowed = np.arange(len(plain)) != head
        if not self._scheme.same_group:
            swallowed &= ~same
        decided.close(plain[swallowed & same], Action.CONSOLIDATED, Why.SAME_GROUP)
        decided.close(plain[swallowed & ~same], Action.CONSOLIDATED, Why.RELATED_GROUP)
        kept = at[decided.action[at] == OPEN]
        first = leaders(-adjusted[kept], layout.visit[kept]) == np.arange(len(kept))
        self._discount(layout, decided, kept, first)

    def _discount(
        self,
        layout: Layout,
        decided: Decisions,
        kept: NDArray[np.int64],
        first: NDArray[np.bool_],
    ) -> None:
        modifier = layout.modifier[kept]
        base = np.where(first, self._first, self._further)
        share = scaled_product(base, self._modifier[modifier])
        why = np.full(len(kept), WHYS.index(Why.FIRST_PROCEDURE), np.int8)
        for number, word in enumerate(MODIFIERS):
            if word is not None and word != DISTINCT:
                why[modifier == number] = WHYS.index(Why(word))
        why[~first] = WHYS.index(Why.FURTHER_PROCEDURE)
        full = share >= SCALE
        decided.action[kept] = np.where(
            full, ACTIONS.index(Action.PAID), ACTIONS.index(Action.DISCOUNTED)
        )
        decided.why[kept] = why
        decided.share[kept] = share

    def _visits(
        self,
        layout: Layout,
        decided: Decisions,
        types: NDArray[np.int8],
        kind: NDArray[np.int8],
    ) -> None:
        """Close the visits themselves, and find which of them are medical visits."""
        own = decided.open & (layout.kind == _VISIT)
        by_procedure = kind[layout.visit] == _BY_PROCEDURE
        decided.close(own & by_procedure, Action.PACKAGED, Why.PROCEDURE_VISIT)
        own &= ~by_procedure
        if self._scheme.needs_visit_line:
            seen = ~decided.gone & (types == TYPES.index(GroupType.VISIT))
            unseen = own & ~marked(layout.visit[seen], len(kind))[layout.visit]
            decided.close(unseen, Action.NO_VISIT, Why.NO_VISIT_LINE)
            own &= ~unseen
        decided.close(own, Action.PAID, Why.MEDICAL_VISIT, SCALE)
        kind[layout.visit[own]] = _BY_MEDICAL

    def _package(
        self,
        layout: Layout,
        decided: Decisions,
        types: NDArray[np.int8],
        kind: NDArray[np.int8],
    ) -> None:
        at = np.flatnonzero(decided.open)
        outcome = layout.outcome[at, kind[layout.visit[at]]]
        decided.close(at[outcome == PACKAGED], Action.PACKAGED, Why.PACKAGING_RULE)
        decided.close(at[outcome == UNDECIDED], Action.UNDECIDED, Why.AMOUNT_MISSING)
        decided.close(at[outcome == APART], Action.PAID, Why.APART_RULE, SCALE)
        decided.close(at[outcome == ALONE], Action.PAID, Why.ALONE, SCALE)
        per_diem = (layout.kind[at] == _LINE) & (types[at] == TYPES.index(GroupType.PER_DIEM))
        at = at[per_diem & ((outcome == APART) | (outcome == ALONE))]
        quantity = layout.lines.quantity
        days = quantity.value[layout.source[at]]
        usable = ~quantity.missing[layout.source[at]] & (days % PARTS == 0)
        usable &= (days >= PARTS) & (days <= MOST_DAYS * PARTS)
        decided.share[at[usable]] = days[usable] // PARTS * SCALE
        decided.close(at[~usable], Action.UNDECIDED, Why.QUANTITY_UNUSABLE)

    def _repeats(self, layout: Layout, decided: Decisions, types: NDArray[np.int8]) -> None:
        apart = (decided.why == WHYS.index(Why.ALONE)) | (decided.why == WHYS.index(Why.APART_RULE))
        at = np.flatnonzero(decided.paying & apart)
        rate = self._repeat[types[at]]
        again = (ranks(layout.visit[at], layout.group[at]) > 0) & (rate < SCALE)
        repeated = at[again]
        share = scaled_product(decided.share[repeated], rate[again])
        decided.close(repeated, Action.DISCOUNTED, Why.REPEAT, share)

    def _hold_back(self, layout: Layout, decided: Decisions, visits: int) -> None:
        listed = layout.companion != 0
        paying = decided.paying
        at = np.flatnonzero(paying & listed)
        if not len(at):
            return
        company = np.flatnonzero(paying & ~listed)
        groups = len(self._scheme.groups)
        accompanied = marked(layout.visit[company], visits)[layout.visit[at]]
        key = layout.visit * groups + layout.group
        of_group = np.isin(key[at], key[company])
        wants_group = layout.companion[at] == _NEEDS_GROUP
        kept = np.where(wants_group, of_group, accompanied)
        decided.close(at[~kept], Action.NOT_ALONE, Why.NOT_ALONE_LIST)

"""Weights out of a hospital's own visits.

The cost of a visit is the sum of its lines less refunds, or its total where it has no lines. What a
line that is paid costs goes to its group; what is inside (packaged, consolidated) goes to what
carries it: the significant procedures that are paid, or the medical visit, else the group that pays
most, in proportion to their shares. What is not paid by any rule does not count. A group's mean is
its cost for one full share, its weight that mean over the mean cost of a visit: with weights from
all cases the visits' weights add up to their number.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from codebooks import paths
from codebooks.apg.words import GroupType
from grouper.schemes.apg.batch_decide import ACTIONS, SCALE
from grouper.schemes.apg.fates import TYPES
from grouper.schemes.apg.layout import PART_KINDS
from grouper.schemes.apg.line_columns import CENTS, whole_amounts
from grouper.schemes.apg.numbering import leaders, marked, segment_sums
from grouper.schemes.apg.words import Action, PartKind
from grouper.schemes.columns import column_of

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from grouper.schemes.apg.batch import Numbers
    from grouper.schemes.apg.scheme import ApgScheme

_WEIGHT, _CENT = Decimal("0.000001"), Decimal("0.01")
_LINE = PART_KINDS.index(PartKind.LINE)
_INSIDE = (ACTIONS.index(Action.PACKAGED), ACTIONS.index(Action.CONSOLIDATED))
_CARRYING = (TYPES.index(GroupType.PROCEDURE), TYPES.index(GroupType.MEDICAL))


@cache
def fewest_cases() -> int:
    """Paid parts that a group needs for a weight of its own alone, unless the caller says else.

    Fewer draw it to the mean of its type. Source: ``codebooks/data/apg/estimate.toml``.
    """
    settings = tomllib.loads((paths.shipped() / "apg" / "estimate.toml").read_text("utf-8"))
    return int(settings["min_cases"])


@dataclass(frozen=True, slots=True)
class WeightRow:
    """The weight of a group.

    Attributes:
        group: its code.
        weight: relative to the mean visit.
        cases: paid parts behind it.
        mean_cost: in CNY for one full share; None without a case.
        method: ``own`` (enough cases), ``shrunk`` (few: drawn to the type's mean), ``type`` (none:
            the type's mean), ``kept`` (no case of the type: the scheme's weight stays).
    """

    group: str
    weight: Decimal
    cases: int
    mean_cost: Decimal | None
    method: str


class WeightEstimate:
    """Costs and shares by group, summed over batches of visits.

    Attributes:
        visits: visits that count.
        refused: visits that are not grouped or not paid at all.
        costless: visits without a cost (or none that any rule pays), or with a line that states none.
        cost: of the visits that count, in CNY hundredths.
        unpaid: of their lines that are not paid by any rule, in CNY hundredths.
    """

    def __init__(self, scheme: ApgScheme) -> None:
        self._scheme = scheme
        count = len(scheme.compiled.groups)
        self._cost = np.zeros(count, np.int64)
        self._units = np.zeros(count, np.int64)
        self._cases = np.zeros(count, np.int64)
        self.visits = self.refused = self.costless = self.cost = self.unpaid = 0

    def add(self, cases: pa.RecordBatch) -> None:
        """Group a batch with the columns of ``CASE_SCHEMA`` and add its costs."""
        numbers = self._scheme.engine.run(cases)
        layout, decided = numbers.layout, numbers.decided
        visits = cases.num_rows
        paying = decided.paying
        paid = numbers.grouped & marked(layout.visit[paying], visits)
        lines, total = layout.lines, whole_amounts(column_of(cases, "total_cost"))
        is_line = layout.kind == _LINE
        living = is_line & ~decided.gone
        amount = np.zeros(len(layout.visit), np.int64)
        amount[is_line] = layout.refunds.amount[layout.source[is_line]]
        unstated = np.zeros(len(layout.visit), np.bool_)
        unstated[is_line] = lines.amount.missing[layout.source[is_line]]
        lineless = np.diff(lines.start) == 0
        known = np.where(
            lineless,
            ~total.missing & (total.value > 0),
            ~marked(layout.visit[living & unstated], visits),
        )
        used = paid & known
        self.refused += int((~paid).sum())
        self.costless += int((paid & ~known).sum())
        inside = living & np.isin(decided.action, _INSIDE)
        counted = used[layout.visit]
        pool = segment_sums(np.where(inside & counted, amount, 0), layout.start)
        pool[lineless & used] += total.value[lineless & used]
        own = np.where(counted & living & paying, amount, 0)
        counts = used & (segment_sums(own, layout.start) + pool > 0)
        self.costless += int((used & ~counts).sum())
        counted = counts[layout.visit]
        pool[~counts] = 0
        own[~counted] = 0
        unpaid = counted & living & ~paying & ~inside
        self.visits += int(counts.sum())
        self.cost += int(own.sum() + pool.sum())
        self.unpaid += int(amount[unpaid].sum())
        np.add.at(self._cost, layout.group[own > 0], own[own > 0])
        self._share_out(numbers, pool, counted & paying)

    def _share_out(
        self, numbers: Numbers, pool: NDArray[np.int64], paying: NDArray[np.bool_]
    ) -> None:
        """Give each visit's inside costs to what carries them, and count the shares."""
        layout, decided = numbers.layout, numbers.decided
        at = np.flatnonzero(paying)
        np.add.at(self._units, layout.group[at], decided.share[at])
        np.add.at(self._cases, layout.group[at], 1)
        types = np.array([TYPES.index(g.type) for g in self._scheme.compiled.groups])
        carrying = np.isin(types[layout.group[at]], _CARRYING)
        with_carrier = marked(layout.visit[at[carrying]], len(pool))
        # Where nothing carries, the first part of the group that pays most does.
        others = at[~with_carrier[layout.visit[at]]]
        others = others[layout.group[others] == numbers.group[layout.visit[others]]]
        first = leaders(np.arange(len(others)), layout.visit[others]) == np.arange(len(others))
        carriers = np.sort(np.concatenate((at[carrying], others[first])))
        visit, share = layout.visit[carriers], decided.share[carriers]
        all_shares = np.zeros(len(pool), np.int64)
        np.add.at(all_shares, visit, share)
        # In two steps, so that no product leaves 64 bits.
        whole = np.maximum(all_shares[visit], 1)
        given = pool[visit] // whole * share + pool[visit] % whole * share // whole
        left = pool.copy()
        np.subtract.at(left, visit, given)
        head = leaders(np.arange(len(carriers)), visit) == np.arange(len(carriers))
        given[head] += left[visit[head]]
        np.add.at(self._cost, layout.group[carriers], given)

    def weights(self, min_cases: int | None = None) -> list[WeightRow]:
        """The weight of every group; empty when no visit counts.

        Args:
            min_cases: paid parts for a weight of a group's own; None for :func:`fewest_cases`.
        """
        if not self.visits:
            return []
        min_cases = min_cases or fewest_cases()
        compiled = self._scheme.compiled
        mean_visit = Decimal(self.cost) / self.visits
        of_type: dict[GroupType, list[int]] = {}
        for group in compiled.groups:
            sums = of_type.setdefault(group.type, [0, 0])
            sums[0] += int(self._cost[group.number])
            sums[1] += int(self._units[group.number])
        latest = next(p.weights for p in reversed(compiled.periods) if p.weights)
        rows = []
        for group in compiled.groups:
            cost, units = int(self._cost[group.number]), int(self._units[group.number])
            cases = int(self._cases[group.number]) if units else 0
            type_mean = _mean(*of_type[group.type])
            mean = _mean(cost, units)
            if mean is not None and (cases >= min_cases or type_mean is None):
                used, method = mean, "own"
            elif mean is not None and type_mean is not None:
                used = (cases * mean + (min_cases - cases) * type_mean) / min_cases
                method = "shrunk"
            elif type_mean is not None:
                used, method = type_mean, "type"
            else:
                used, method = latest[group.code] * mean_visit, "kept"
            weight = (used / mean_visit).quantize(_WEIGHT, ROUND_HALF_UP)
            shown = None if mean is None else (mean / CENTS).quantize(_CENT, ROUND_HALF_UP)
            rows.append(WeightRow(group.code, weight, cases, shown, method))
        return rows


def _mean(cost: int, units: int) -> Decimal | None:
    """The cost of one full share, in CNY hundredths."""
    return Decimal(cost) * SCALE / units if units else None

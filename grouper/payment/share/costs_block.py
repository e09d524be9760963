"""The costs of many cases parted; the same answers as :mod:`grouper.payment.share.costs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.case.fields import CASE_SCHEMA
from grouper.payment.block import because, no_reasons
from grouper.payment.columns import Columns
from grouper.payment.fixed import Fixed
from grouper.payment.reasons import PayReason
from grouper.payment.share.costs import CLASS_A, CLASS_B, CLASS_C, OUTSIDE
from grouper.payment.share.parts import CENTS, nothing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.payment.block import Block
    from grouper.payment.share.rules import Catalogue

_LINES = ("line_amount", "line_scope", "line_limit", "line_quantity", "line_first_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsBlock:
    """Four parts of each case; where ``reasons`` holds a code they say nothing."""

    reasons: NDArray[np.object_]
    own: Fixed
    first_share: Fixed
    over_limit: Fixed
    scope: Fixed

    @property
    def total(self) -> Fixed:
        """All of it."""
        return self.own + self.first_share + self.over_limit + self.scope

    def take(self, places: NDArray[np.int64]) -> CostsBlock:
        """The costs of some cases."""
        return CostsBlock(
            reasons=self.reasons[places],
            own=self.own.take(places),
            first_share=self.first_share.take(places),
            over_limit=self.over_limit.take(places),
            scope=self.scope.take(places),
        )


def costs_of_block(block: Block, catalogue: Catalogue) -> CostsBlock:
    """The costs of the cases of a block."""
    columns, reasons = block.columns, no_reasons(len(block))
    total, has_total = columns.fixed("total_cost")
    scope, has_scope = columns.fixed("scope_cost")
    told = {name: columns.fixed(name) for name in OUTSIDE}
    negative = total.less(0) | scope.less(0)
    lacking = np.zeros(len(block), np.int64)
    known = nothing(len(block))
    for numbers, stated in told.values():
        negative |= numbers.less(0)
        lacking += ~stated
        known = known + numbers
    rest = total - known
    left = rest - scope
    below = (left * -1).above(catalogue.tolerance)
    above = left.above(catalogue.tolerance)
    # A single part that is not stated is what the others leave of the total.
    fills = has_total & has_scope & (lacking == 1) & left.above(0)
    enough = np.where(
        has_total,
        (lacking == 0) | (has_scope & (below | (lacking == 1) | ~above)),
        has_scope & (lacking == 0),
    )
    mismatch = has_total & has_scope & (below | ((lacking == 0) & above))
    filled = left.where(fills, 0)
    rest = (rest - filled).where(has_total, scope)
    parts = {name: n + filled.where(~stated, 0) for name, (n, stated) in told.items()}
    because(reasons, negative, PayReason.COST_NEGATIVE)
    because(reasons, enough & (mismatch | rest.less(0)), PayReason.COST_MISMATCH)
    parts["scope"] = rest
    open_ = np.flatnonzero(~negative & ~enough)
    if len(open_):
        found = scope_of_lines_block(_some(block.columns, open_), catalogue)
        reasons[open_] = found.reasons
        names = (*OUTSIDE, "scope")
        lines = (found.own, found.over_limit, found.first_share, found.scope)
        for name, numbers in zip(names, lines, strict=True):
            parts[name] = placed(parts[name], open_, numbers)
    return CostsBlock(
        reasons=reasons,
        own=parts[OUTSIDE[0]],
        over_limit=parts[OUTSIDE[1]],
        first_share=parts[OUTSIDE[2]],
        scope=parts["scope"],
    )


def _some(columns: Columns, places: NDArray[np.int64]) -> Columns:
    return columns.some(places if columns.rows is None else columns.rows[places])


def placed(numbers: Fixed, places: NDArray[np.int64], others: Fixed) -> Fixed:
    """Numbers with others in some places, both in fen."""
    numbers, others = numbers.at(CENTS), others.at(CENTS)
    units = numbers.units.astype(object) if others.units.dtype == object else numbers.units.copy()
    units[places] = others.units
    return Fixed(units, numbers.places)


def scope_of_lines_block(columns: Columns, catalogue: Catalogue) -> CostsBlock:
    """The costs of cases out of their charge lines; see :func:`~.costs.scope_of_lines`."""
    count = len(columns)
    reasons = no_reasons(count)
    total, has_total = columns.fixed("total_cost")
    lines, of = _flat(columns)
    amount, stated = lines.fixed("line_amount")
    lined = np.zeros(count, np.bool_)
    lined[of[stated]] = True
    because(reasons, ~lined & ~has_total, PayReason.COST_MISSING)
    because(reasons, ~lined | np.full(count, not catalogue.lines), PayReason.SCOPE_MISSING)
    own, over, first, unknown = _parts(lines, amount, catalogue)
    lost = np.zeros(count, np.bool_)
    lost[of[stated & unknown]] = True
    because(reasons, lost, PayReason.SCOPE_MISSING)
    owns, overs, firsts, sums = (
        _summed(one.where(stated, 0), of, count) for one in (own, over, first, amount)
    )
    apart = (total - sums).above(catalogue.tolerance) | (sums - total).above(catalogue.tolerance)
    because(reasons, has_total & apart, PayReason.COST_MISMATCH)
    whole = total.where(has_total, sums)
    low = owns.less(0) | overs.less(0) | firsts.less(0) | whole.less(0)
    because(reasons, low, PayReason.COST_NEGATIVE)
    scope = whole - owns - overs - firsts
    because(reasons, scope.less(0), PayReason.COST_MISMATCH)
    return CostsBlock(reasons=reasons, own=owns, over_limit=overs, first_share=firsts, scope=scope)


def _parts(
    lines: Columns, amount: Fixed, catalogue: Catalogue
) -> tuple[Fixed, Fixed, Fixed, NDArray[np.bool_]]:
    """Of each line: outside the catalogue, above the limit, first share; and where that is not known."""
    classes = lines.words("line_scope")
    is_a, is_b, is_c = (classes.among((one,)) for one in (CLASS_A, CLASS_B, CLASS_C))
    limit, limited = lines.fixed("line_limit")
    quantity, counted = lines.fixed("line_quantity")
    share, shared = lines.fixed("line_first_share")
    unknown = ~(is_a | is_b | is_c) | (~is_c & limited & ~counted)
    sign = np.where(amount.less(0), -1, 1)
    size = _size(amount)
    over = (size - limit * _size(quantity)).maximum(0).rounded(catalogue.money)
    over = over.where(limited & (is_a | is_b), 0)
    if catalogue.class_b is not None:
        share = share.where(shared, catalogue.class_b)
    else:
        unknown |= is_b & ~shared
    base = size - over if catalogue.within_limit else size
    # A share below nought would be no share; the scalar way takes its size as well.
    first = _size((_size(base) * share).rounded(catalogue.money))
    first = first.minimum(_size(size - over)).where(is_b, 0)
    return (
        amount.where(is_c, 0),
        Fixed(over.units * sign, over.places).at(CENTS),
        Fixed(first.units * sign, first.places).at(CENTS),
        unknown,
    )


def _size(numbers: Fixed) -> Fixed:
    return Fixed(abs(numbers.units), numbers.places)


def _flat(columns: Columns) -> tuple[Columns, NDArray[np.int64]]:
    """The charge lines of cases one under the other, and of which case each is."""
    lists = {name: _list(columns, name) for name in _LINES}
    lengths = lists["line_amount"][1]
    of = np.repeat(np.arange(len(columns)), lengths)
    within = np.arange(len(of)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    fields = []
    for begin, held, values in lists.values():
        there = within < held[of]
        at = pa.array(begin[of] + within, pa.int64(), mask=~there)
        fields.append(values.take(at))
    return Columns(pa.RecordBatch.from_arrays(fields, list(_LINES))), of


def _list(columns: Columns, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64], pa.Array]:
    """Where each case's list begins, how long it is, and the values of all."""
    batch = columns.batch
    if name not in batch.schema.names:
        none = np.zeros(len(columns), np.int64)
        return none, none, pa.nulls(1, CASE_SCHEMA.field(name).type.value_type)
    column = batch.column(name)
    offsets = np.asarray(column.offsets).astype(np.int64)
    lengths = np.where(np.asarray(column.is_valid()), np.diff(offsets), 0)
    rows = slice(None) if columns.rows is None else columns.rows
    return offsets[:-1][rows], lengths[rows], column.values


def _summed(numbers: Fixed, of: NDArray[np.int64], count: int) -> Fixed:
    """The sums of lines by case, exact whatever their size."""
    units: Any = numbers.units
    if units.dtype != object and len(units) * max(int(abs(units).max(initial=0)), 1) >= 2**62:
        units = units.astype(object)
    ends = np.searchsorted(of, np.arange(count + 1))
    running = np.concatenate([np.zeros(1, units.dtype), np.cumsum(units)])
    return Fixed(running[ends[1:]] - running[ends[:-1]], numbers.places)

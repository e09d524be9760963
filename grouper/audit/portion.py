"""One portion of lines made ready: refunds cancelled, odd lines set aside, repeats suspected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.audit.lines import NO_TIME, NONE, Lines
from grouper.audit.refunds import cancelled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_DRAWERS = 22
"""So many first bits of a hash choose its drawer."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Lines ready to be judged.

    Attributes:
        every: all lines as they came.
        lines: those that stand after refunds, with what is left of them.
        repeated: those of ``lines`` that may be the same as another one.
        odd: ``case_no``, ``line``, ``item``, ``day``, ``amount`` and what is ``wrong``.
        counts: of lines.
        stated: columns that some line states.
    """

    every: Lines
    lines: Lines
    repeated: Lines
    odd: pa.Table
    counts: Mapping[str, int]
    stated: frozenset[str]


def portion_of(every: Lines | None) -> Portion:
    """Make lines ready; None: there are none."""
    lines = _none() if every is None else every
    net = cancelled(lines)
    timed, named = lines.second != NO_TIME, lines.item != NONE
    against = (
        ((net.quantity > 0) & (net.amount < 0))
        | ((net.quantity < 0) & (net.amount > 0))
        | ((lines.quantity == 0) & (lines.amount != 0) & lines.counted)
        | (~lines.counted & (lines.amount < 0))
    )
    alone = (net.quantity < 0) & ~against
    wrong = {
        "refund_alone": alone,
        "no_time": ~timed,
        "no_item": ~named,
        "no_quantity": ~lines.counted,
        "no_amount": ~lines.priced,
        "sign": against,
    }
    stands = ~against & ((net.quantity > 0) | ~lines.counted)
    kept = net if stands.all() else net.take(stands)
    counts = {
        "lines": len(lines),
        "lines_cancelled": int(((lines.quantity != 0) & (net.quantity == 0)).sum()),
        **{f"lines_{name}": int(mask.sum()) for name, mask in wrong.items()},
    }
    stated = {
        "line_item": named,
        "line_time": timed,
        "line_quantity": lines.counted,
        "line_class": lines.kind > 0,
        "line_scope": lines.scope > 0,
    }
    return Portion(
        lines,
        kept,
        kept.take(_repeats(kept)),
        _odd(net, wrong),
        counts,
        frozenset(name for name, mask in stated.items() if mask.any()),
    )


def _none() -> Lines:
    kinds = {"kind": np.int8, "scope": np.int8, "counted": bool, "priced": bool}
    wide = dict.fromkeys(("quantity", "amount", "second"), np.int64)
    return Lines(*(np.zeros(0, (kinds | wide).get(name, np.int32)) for name in Lines.__slots__))


def _odd(net: Lines, wrong: Mapping[str, NDArray[np.bool_]]) -> pa.Table:
    parts = []
    for name, mask in wrong.items():
        if mask.any():
            table = net.take(mask).table().select(["case_no", "line", "item", "day", "amount"])
            parts.append(table.append_column("wrong", pa.array([name] * table.num_rows)))
    if parts:
        return pa.concat_tables(parts)
    empty = net.take(np.zeros(len(net), bool)).table()
    return empty.select(["case_no", "line", "item", "day", "amount"]).append_column(
        "wrong", pa.array([], pa.string())
    )


def _repeats(lines: Lines) -> NDArray[np.bool_]:
    """Lines whose hash another line has; the template then looks at the values themselves."""
    # Amounts and seconds are spread by odd factors, case and item lie side by side.
    mixed = (lines.case.astype(np.uint64) << np.uint64(32)) + lines.item.view(np.uint32)
    mixed *= np.uint64(_MIX[0])
    mixed ^= lines.second.view(np.uint64) * np.uint64(_MIX[1])
    mixed ^= lines.amount.view(np.uint64) * np.uint64(_MIX[2])
    mixed ^= mixed >> np.uint64(31)
    # Sorting all hashes would cost more: of each drawer only the last line stays in it, so that the
    # others show that it holds several.
    drawer = (mixed >> np.uint64(64 - _DRAWERS)).astype(np.int32)
    places = np.arange(len(lines), dtype=np.int32)
    held = np.empty(1 << _DRAWERS, np.int32)
    held[drawer] = places
    several = np.zeros(1 << _DRAWERS, bool)
    several[drawer[held[drawer] != places]] = True
    near = np.flatnonzero(several[drawer])
    _, back, count = np.unique(mixed[near], return_inverse=True, return_counts=True)
    found = np.zeros(len(lines), bool)
    found[near[count[back] > 1]] = True
    return found

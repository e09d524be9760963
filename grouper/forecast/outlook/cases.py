"""The hospital's own priced cases as an outlook reads them: exact sums, and what a case is made of.

What cases are worth at a point value v is a straight line, fixed + slope × v (a case with points has
them as its slope). So months are summed once and valued at as many point values as are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.fields import ZONE
from grouper.payment.fixed import Fixed
from grouper.payment.settlement.at_point_value import Pointed

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from grouper.payment.exact import Rounding
    from grouper.payment.settlement.priced import Priced

Part = tuple[str | None, str | None]
"""Method and insurance; None where the record does not say."""
BASE = (
    *("fixed", "slope", "points", "funded_fixed", "funded_slope", "deducted"),
    *("known_fixed", "known_slope", "known_deducted", "booked"),
)
"""What a case adds: of priced ones the payment (fixed + slope × v) and points; of those whose fund's
part is known payment and patient's part within it; of those whose surplus is known the same, and what
was booked. In yuan and points."""
MEASURES = ("cases", "amount", "fund", "booked", "surplus")
"""What an outlook tells; the surplus is the fund's part less what was booked, of cases that know both."""
_FEN = 2


@dataclass(frozen=True, slots=True)
class Exact:
    """Closed cases: how many, and exact sums in yuan."""

    cases: int
    amount: Fraction
    fund: Fraction
    booked: Fraction
    surplus: Fraction


@dataclass(frozen=True)
class Cases:
    """Priced cases in order of part and day; the order in which they came does not matter.

    Attributes:
        parts: methods and insurances.
        starts: where each part begins; one more than parts.
        days: day of discharge, as a number.
        base: [cases, :data:`BASE`].
        sums: of all cases before each, [cases + 1, :data:`BASE`].
        values: point value as priced, NaN where there is none.
        pointed: for exact values.
        money: fen of each case: the patient's part within the payment, and what was booked.
        flags: whether a case is priced, its fund's part and its surplus known, [3, cases].
        begins: the first day of discharge of all.
        limit: the last day that is known.
        undated: cases without a day, which are left out.
    """

    parts: tuple[Part, ...]
    starts: NDArray[np.int64]
    days: NDArray[np.int64]
    base: NDArray[np.float64]
    sums: NDArray[np.float64]
    values: NDArray[np.float64]
    pointed: Pointed
    money: NDArray[np.int64]
    flags: NDArray[np.bool_]
    begins: int
    limit: int
    undated: int

    @classmethod
    def of(cls, priced: Priced, rounding: Rounding) -> Cases:
        """Read a table of priced cases.

        Args:
            priced: the cases.
            rounding: of money, by the region's policy.
        """
        days = _days(priced.table)
        known = np.flatnonzero(~np.isnat(days))
        table = priced.table.take(pa.array(known))
        day = days[known].astype(np.int64)
        parts, part = _parts(table)
        pointed = Pointed.of(table, rounding)
        flags = np.stack([_numbers(table, f"sum_{n}") > 0 for n in ("priced", "funded", "known")])
        money = np.stack([_fen(table, "sum_deducted"), _fen(table, "sum_booked")])
        base = _base(pointed, flags, money)
        # Alike in all of this are cases that no sum can tell apart.
        order = np.lexsort((*base.T, day, part))
        base = base[order]
        sums = np.zeros((len(base) + 1, len(BASE)))
        np.cumsum(base, axis=0, out=sums[1:])
        starts = np.searchsorted(part[order], np.arange(len(parts) + 1))
        value = _floats(pointed.value)
        return cls(
            parts=parts,
            starts=starts,
            days=day[order],
            base=base,
            sums=sums,
            values=np.where(pointed.plain | pointed.moved, value, np.nan)[order],
            pointed=_taken(pointed, order),
            money=money[:, order],
            flags=flags[:, order],
            begins=int(day.min()) if len(day) else 0,
            limit=int(day.max()) if len(day) else -1,
            undated=len(days) - len(known),
        )

    def until(self, day: int) -> Cases:
        """What was known at the end of a day."""
        return replace(self, limit=day)

    def rows(self, part: Part, first: int, last: int) -> slice:
        """The cases of a part from a day to a day, as far as they are known."""
        if part not in self.parts:
            return slice(0, 0)
        place = self.parts.index(part)
        start, end = int(self.starts[place]), int(self.starts[place + 1])
        low, high = np.searchsorted(
            self.days[start:end], [first, min(last, self.limit) + 1], side="left"
        )
        return slice(start + int(low), start + max(int(low), int(high)))

    def sum(self, rows: slice) -> NDArray[np.float64]:
        """The sums of some cases, [:data:`BASE`]."""
        found: NDArray[np.float64] = self.sums[rows.stop] - self.sums[rows.start]
        return found

    def exact(self, rows: slice, value: Decimal | None) -> Exact:
        """The exact sums of some cases at a point value; None: as they were priced."""
        pointed, flags = _sliced(self.pointed, rows), self.flags[:, rows]
        worth = [_worth(pointed, flag, value) for flag in flags]
        funded, known = (
            Fraction(int(self.money[0, rows][flag].sum()), 10**_FEN) for flag in flags[1:]
        )
        booked = Fraction(int(self.money[1, rows].sum()), 10**_FEN)
        return Exact(
            cases=rows.stop - rows.start,
            amount=worth[0],
            fund=worth[1] - funded,
            booked=booked,
            surplus=worth[2] - known - booked,
        )


def at_value(
    base: NDArray[np.float64], value: NDArray[np.float64] | float
) -> dict[str, NDArray[np.float64]]:
    """The amounts of sums at point values, as estimates in yuan.

    Args:
        base: sums, [..., :data:`BASE`].
        value: a point value, or one for each.
    """
    one = {name: base[..., place] for place, name in enumerate(BASE)}
    return {
        "amount": one["fixed"] + one["slope"] * value,
        "fund": one["funded_fixed"] + one["funded_slope"] * value - one["deducted"],
        "booked": one["booked"],
        "surplus": one["known_fixed"]
        + one["known_slope"] * value
        - one["known_deducted"]
        - one["booked"],
    }


def _worth(pointed: Pointed, rows: NDArray[np.bool_], value: Decimal | None) -> Fraction:
    if value is not None:
        return pointed.total(rows, value)
    units = pointed.amount.units[rows]
    return Fraction(sum(units.tolist()), 10**pointed.amount.places)


def _days(table: pa.Table) -> NDArray[np.datetime64]:
    local = pc.local_timestamp(table["discharge_time"].cast(pa.timestamp("s", ZONE)))
    days: NDArray[np.datetime64] = (
        local.cast(pa.date32()).combine_chunks().to_numpy(zero_copy_only=False)
    ).astype("datetime64[D]")
    return days


def _parts(table: pa.Table) -> tuple[tuple[Part, ...], NDArray[np.int64]]:
    """The methods and insurances in order, a missing one last, and the number of each case's."""
    columns = [table[name].combine_chunks().dictionary_encode() for name in ("method", "insurance")]
    keys = [_codes(column) for column in columns]
    words = [[*column.dictionary.to_pylist(), None] for column in columns]
    joined = keys[0] * len(words[1]) + keys[1]
    seen, place = np.unique(joined, return_inverse=True)
    named = [(words[0][one // len(words[1])], words[1][one % len(words[1])]) for one in seen]
    order = sorted(range(len(named)), key=lambda at: [(w is None, w or "") for w in named[at]])
    rank = np.empty(len(named), np.int64)
    rank[order] = np.arange(len(named))
    return tuple(named[at] for at in order), rank[place]


def _codes(column: pa.DictionaryArray) -> NDArray[np.int64]:
    """The number of each word; of none the one after the last."""
    found = pc.fill_null(column.indices, len(column.dictionary))
    codes: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    found: NDArray[Any] = table[name].combine_chunks().to_numpy(zero_copy_only=False)
    return found


def _fen(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Money as whole fen; nought where there is none."""
    column = pc.fill_null(table[name], Decimal("0.00"))
    cents = pc.multiply(column.cast(pa.decimal128(30, 2)), pa.scalar(Decimal(100)))
    found: NDArray[np.int64] = (
        cents.cast(pa.int64()).combine_chunks().to_numpy(zero_copy_only=False)
    )
    return found


def _base(
    pointed: Pointed, flags: NDArray[np.bool_], money: NDArray[np.int64]
) -> NDArray[np.float64]:
    amount, points, value = (
        _floats(one) for one in (pointed.amount, pointed.points, pointed.value)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(pointed.moved, amount / value, 0.0)
    slope = np.where(pointed.plain, points, scaled)
    fixed = np.where(pointed.plain | pointed.moved, 0.0, amount)
    priced, funded, known = flags.astype(np.float64)
    deducted, booked = money / 10**_FEN
    columns = {
        "fixed": fixed * priced,
        "slope": slope * priced,
        "points": points * priced,
        "funded_fixed": fixed * funded,
        "funded_slope": slope * funded,
        "deducted": deducted * funded,
        "known_fixed": fixed * known,
        "known_slope": slope * known,
        "known_deducted": deducted * known,
        "booked": booked * known,
    }
    return np.stack([columns[name] for name in BASE], axis=1)


def _floats(numbers: Fixed) -> NDArray[np.float64]:
    found: NDArray[np.float64] = numbers.units.astype(np.float64) / 10**numbers.places
    return found


def _taken(pointed: Pointed, places: NDArray[np.int64]) -> Pointed:
    return Pointed(
        pointed.points.take(places),
        pointed.value.take(places),
        pointed.amount.take(places),
        pointed.plain[places],
        pointed.moved[places],
    )


def _sliced(pointed: Pointed, rows: slice) -> Pointed:
    points, value, amount = (
        Fixed(one.units[rows], one.places)
        for one in (pointed.points, pointed.value, pointed.amount)
    )
    return Pointed(points, value, amount, pointed.plain[rows], pointed.moved[rows])

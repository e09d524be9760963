"""The columns of a batch of payments, filled cell by cell and brought into Arrow's form at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.payment.block import lacking
from grouper.payment.exact import WEIGHT_PLACES, Rounding, exactly
from grouper.payment.fixed import Fixed, largest
from grouper.payment.reasons import PayReason, PayWarning
from grouper.payment.result import LIMITS, PAYMENT_SCHEMA, PayStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from codebooks.policies.policy import Value
    from grouper.payment.block import Block, Outcomes
    from grouper.payment.share import Shares

_CENTS = 2
_PLACES = {name: PAYMENT_SCHEMA.field(name).type.scale for name in LIMITS}
_WORDS = tuple(f.name for f in PAYMENT_SCHEMA if pa.types.is_dictionary(f.type))
_PLAIN = Rounding(WEIGHT_PLACES, "half_up")


class Results:
    """Payments of so many cases; nothing is said of any of them at first."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._words = {name: _Codes(count) for name in _WORDS}
        self._numbers: dict[str, Any] = {name: np.zeros(count, np.int64) for name in _PLACES}
        self._stated = {name: np.zeros(count, np.bool_) for name in _PLACES}
        self._review = np.zeros(count, np.bool_)
        self._words["pay_status"].put(np.arange(count), PayStatus.UNPRICED.value)

    def refuse(self, rows: NDArray[np.int64], reason: str) -> None:
        """These cases are not priced, for one reason."""
        self._words["pay_reason"].put(rows, str(reason))

    def policy(self, rows: NDArray[np.int64], policy: str) -> None:
        """Which policy holds for these cases."""
        self._words["policy"].put(rows, policy)

    def warn(
        self, rows: NDArray[np.int64], warnings: Sequence[tuple[str, NDArray[np.bool_]]]
    ) -> None:
        """Warnings of these cases, each with where it holds, after those there are already."""
        for code, where in warnings:
            self._words["pay_warnings"].append(rows[where], str(code))

    def assume(self, rows: NDArray[np.int64], asked: Mapping[str, Value]) -> None:
        """Which of the values that were asked are assumptions."""
        paths = sorted({one.given.path for one in asked.values() if one.assumption})
        self._words["assumptions"].put(rows, ";".join(paths))

    def unpaid(
        self,
        rows: NDArray[np.int64],
        reasons: NDArray[np.object_],
        shares: Shares | str,
        of: NDArray[np.int64],
    ) -> None:
        """Cases that no method prices; what the patient pays is told all the same.

        Args:
            rows: in the batch.
            reasons: of each.
            shares: of the cell.
            of: these cases within the cell.
        """
        self._words["pay_reason"].spread(rows, reasons)
        told, known = _share_reasons(shares, of)
        self._words["share_reason"].spread(rows, told)
        if known is not None and not isinstance(shares, str):
            self._put("patient", rows[known], shares.patient.take(of[known]))

    def paid(
        self,
        rows: NDArray[np.int64],
        method: str,
        block: Block,
        outcomes: Outcomes,
        shares: Shares | str,
        of: NDArray[np.int64],
    ) -> None:
        """Cases that a method looked at; arguments as of :meth:`unpaid`."""
        self._words["method"].put(rows, method)
        without = ~lacking(outcomes.reasons)
        self.unpaid(rows[without], outcomes.reasons[without], shares, of[without])
        good = np.flatnonzero(~without)
        if not len(good):
            return
        rows, of = rows[good], of[good]
        self._words["pay_status"].put(rows, PayStatus.PRICED.value)
        if outcomes.band is not None:
            self._words["band"].spread(rows, outcomes.band[good])
        self._put("amount", rows, outcomes.amount.take(good))
        for name in ("unit_weight", "points", "point_value"):
            numbers, stated = getattr(outcomes, name), outcomes.stated.get(name)
            if numbers is not None:
                some = good if stated is None else good[stated[good]]
                at = rows if stated is None else rows[stated[good]]
                self._put(name, at, numbers.take(some))
        self._share(rows, block, outcomes, good, shares, of)
        # The order of the scalar engine: the method's own, those of the costs, then of the payment.
        own = _Codes(self._count)
        for code, where in outcomes.warnings:
            own.append(rows[where[good]], str(code))
        self._words["pay_warnings"].before(rows, own)
        fund, known = self._numbers["fund"][rows], self._stated["fund"][rows]
        self._words["pay_warnings"].append(rows[known & (fund < 0)], PayWarning.FUND_NEGATIVE)
        if outcomes.review is not None:
            marked = rows[outcomes.review[good]]
            self._review[marked] = True
            self._words["pay_warnings"].append(marked, PayWarning.REVIEW_CANDIDATE)

    def _share(
        self,
        rows: NDArray[np.int64],
        block: Block,
        outcomes: Outcomes,
        good: NDArray[np.int64],
        shares: Shares | str,
        of: NDArray[np.int64],
    ) -> None:
        amount = outcomes.amount.take(good)
        money = block.rounding("money")
        own = np.zeros(len(rows), np.bool_)
        if outcomes.fund is not None:
            given = outcomes.stated.get("fund")
            own = np.ones(len(rows), np.bool_) if given is None else given[good]
        told, _ = _share_reasons(shares, of)
        told[own] = None
        self._words["share_reason"].spread(rows, told)
        known = own | lacking(told)
        zero = Fixed(np.zeros(len(rows), np.int64), _CENTS)
        patient = deducted = zero
        if not isinstance(shares, str):
            patient, deducted = shares.patient.take(of), shares.deducted.take(of)
        fund = amount - deducted
        if outcomes.fund is not None:
            stated = outcomes.fund.take(good)
            fund = stated.where(own, fund)
            patient = (amount - stated).where(own, patient)
            deducted = (amount - stated).where(own, deducted)
        cost, costed = block.columns.fixed("total_cost")
        surplus = amount + patient - deducted - cost.take(good)
        for name, numbers, where in (
            ("patient", patient, known),
            ("deducted", deducted, known),
            ("fund", fund, known),
            ("surplus", surplus, known & costed[good]),
        ):
            self._put(name, rows[where], numbers.take(np.flatnonzero(where)).rounded(money))

    def _put(self, name: str, rows: NDArray[np.int64], numbers: Fixed) -> None:
        units = numbers.rounded(Rounding(_PLACES[name], _PLAIN.mode)).units
        if units.dtype == object and self._numbers[name].dtype != object:
            self._numbers[name] = self._numbers[name].astype(object)
        self._numbers[name][rows] = units
        self._stated[name][rows] = True

    def _refuse_beyond(self) -> None:
        """Cases with a number beyond what its column holds are not priced."""
        beyond = np.zeros(self._count, np.bool_)
        for name, limit in LIMITS.items():
            units, most = self._numbers[name], limit * 10 ** _PLACES[name]
            if largest(units) >= most:
                beyond |= self._stated[name] & np.asarray(abs(units) >= most, np.bool_)
        rows = np.flatnonzero(beyond)
        if not len(rows):
            return
        self.refuse(rows, PayReason.TOO_LARGE)
        self._words["pay_status"].put(rows, PayStatus.UNPRICED.value)
        for name in ("band", "share_reason"):
            self._words[name].put(rows, "")
        for stated in self._stated.values():
            stated[rows] = False

    def batch(self) -> pa.RecordBatch:
        """The payments in their order."""
        self._refuse_beyond()
        columns = []
        for field in PAYMENT_SCHEMA:
            if field.name in self._words:
                columns.append(self._words[field.name].array())
            elif field.name == "review":
                columns.append(pa.array(self._review))
            else:
                stated = self._stated[field.name]
                columns.append(decimals(self._numbers[field.name], stated, field.type))
        return pa.RecordBatch.from_arrays(columns, schema=PAYMENT_SCHEMA)


def _share_reasons(
    shares: Shares | str, of: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.bool_] | None]:
    if isinstance(shares, str):
        told = np.full(len(of), shares, object)
        return told, None
    told = shares.reasons[of].copy()
    return told, lacking(told)


def decimals(units: Any, stated: NDArray[np.bool_], of: pa.DataType) -> pa.Array:  # noqa: ANN401
    """An Arrow column of scaled whole numbers; what is not stated is null.

    Args:
        units: one for each row.
        stated: where there is a number.
        of: the decimal type; the numbers fit into it.
    """
    if units.dtype == object:
        values = [
            exactly(int(one), of.scale) if given else None
            for one, given in zip(units, stated, strict=True)
        ]
        return pa.array(values, of)
    halves = np.empty((len(units), 2), np.int64)
    halves[:, 0] = units
    halves[:, 1] = units >> 63
    mask = None if stated.all() else pa.array(stated).buffers()[1]
    return pa.Array.from_buffers(of, len(units), [mask, pa.py_buffer(halves.tobytes())])


class _Codes:
    """A column of words by their codes; −1 is none."""

    def __init__(self, count: int) -> None:
        self._codes = np.full(count, -1, np.int32)
        self._words: dict[str, int] = {}

    def _code(self, word: str) -> int:
        return self._words.setdefault(word, len(self._words))

    def put(self, rows: NDArray[np.int64], word: str) -> None:
        """One word for these rows; an empty one is none."""
        self._codes[rows] = self._code(word) if word else -1

    def spread(self, rows: NDArray[np.int64], words: NDArray[np.object_]) -> None:
        """A word for each row; None is none."""
        for word in set(words.tolist()):
            self.put(rows[words == word], "" if word is None else str(word))
        lost = lacking(words)
        self._codes[rows[lost]] = -1

    def append(self, rows: NDArray[np.int64], word: str) -> None:
        """A further word for these rows, after a semicolon."""
        self._join(rows, lambda known: f"{known};{word}" if known else word)

    def before(self, rows: NDArray[np.int64], first: _Codes) -> None:
        """The words of another column before those of this one."""
        named = first.names()
        for code in np.unique(first._codes[rows]).tolist():
            if code >= 0:
                word = named[code]
                some = rows[first._codes[rows] == code]
                self._join(some, lambda known, word=word: f"{word};{known}" if known else word)

    def _join(self, rows: NDArray[np.int64], joined: Any) -> None:  # noqa: ANN401 -- a function
        named = self.names()
        at = self._codes[rows]
        for code in np.unique(at).tolist():
            self._codes[rows[at == code]] = self._code(joined(named[code] if code >= 0 else ""))

    def names(self) -> list[str]:
        """The words by their codes."""
        return list(self._words)

    def array(self) -> pa.Array:
        """As a dictionary column."""
        indices = pa.array(self._codes, pa.int32(), mask=self._codes < 0)
        return pa.DictionaryArray.from_arrays(indices, pa.array(self.names(), pa.string()))

"""The table of priced cases as everything after pricing reads it.

It has the columns of the case, of its grouping and of its payment. What a settlement does not read
stays in the table it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from codebooks.errors import Where
from grouper.case.fields import CASE_SCHEMA, ZONE
from grouper.payment.place import is_here, people
from grouper.payment.result import PAYMENT_SCHEMA
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.sums import Sums, measured, sums_by
from grouper.schemes.protocol import RESULT_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

    from codebooks.policies.policy import Policy

_CASE = (
    *("case_id", "hospital", "kind", "insurance_type", "insured_region", "department"),
    *("physician", "discharge_way", "discharge_time", "los", "total_cost", "scope_cost"),
)
_GROUPING = ("scheme", "status", "group", "group_name")
_PAYMENT = (
    *("method", "pay_status", "pay_reason", "share_reason", "unit_weight", "points"),
    *("point_value", "amount", "patient", "deducted", "fund", "surplus"),
)
_POLICY = "policy"
_MUST = ("case_id", *_PAYMENT)
_HUNDRED = 100


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


COLUMNS: dict[str, pa.DataType] = {
    **{name: _plain(CASE_SCHEMA.field(name).type) for name in _CASE},
    **{name: _plain(RESULT_SCHEMA.field(name).type) for name in _GROUPING},
    **{name: _plain(PAYMENT_SCHEMA.field(name).type) for name in (*_PAYMENT, _POLICY)},
}
"""The columns that are read, and their types here."""


@dataclass(frozen=True)
class Priced:
    """Priced cases.

    Attributes:
        table: columns of :data:`COLUMNS`; ``insurance`` (as the policy reads the record's word),
            ``here`` (whether insured in the region) and ``month`` (such as 202611; of the discharge,
            local time), null where the record does not say; and those of
            :func:`grouper.payment.settlement.sums.measured`.
        policy: by which words were read.
    """

    table: pa.Table
    policy: Policy

    @classmethod
    def of(cls, table: pa.Table, policy: Policy, file: str | None = None) -> Priced:
        """Read a table.

        Args:
            table: columns of the case, the grouping and the payment; a further column is passed
                over, one of the case or the grouping that is missing is empty.
            policy: of the region on the day of the settlement.
            file: how errors call it.

        Raises:
            SettlementError: ``SETTLE_COLUMN`` (not priced), ``SETTLE_COLUMN_TYPE``.
        """
        for name in _MUST:
            if name not in table.column_names:
                raise SettlementError("SETTLE_COLUMN", Where(file=file, column=name), column=name)
        found = {name: _column(table, name, file) for name in COLUMNS}
        found["insurance"] = _mapped(
            found["insurance_type"], lambda word: people(policy, "insurance", word), pa.string()
        )
        found["here"] = _mapped(
            found["insured_region"], lambda word: is_here(policy.region, word), pa.bool_()
        )
        local = pc.local_timestamp(found["discharge_time"].cast(pa.timestamp("s", ZONE)))
        month = pc.add(pc.multiply(pc.year(local), _HUNDRED), pc.month(local))
        found["month"] = month.cast(pa.int32())
        return cls(measured(pa.table(found)), policy)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def where(self, mask: pa.ChunkedArray | pa.Array) -> Priced:
        """Some of the cases; a mask that is null is false."""
        return replace(self, table=self.table.filter(mask))

    def by(self, *keys: str) -> list[tuple[tuple[str | None, ...], Sums]]:
        """Sums by columns, in order."""
        return sums_by(self.table, keys)

    @cached_property
    def sums(self) -> Sums:
        """Sums of all cases."""
        return self.by()[0][1]

    @cached_property
    def months(self) -> dict[int | None, int]:
        """How many cases each month has; None: without a day of discharge."""
        counts = pc.value_counts(self.table["month"]).to_pylist()
        return {one["values"]: one["counts"] for one in counts}

    @cached_property
    def hospital(self) -> str | None:
        """The hospital, where all cases are of one."""
        found = [one for one in pc.unique(self.table["hospital"]).to_pylist() if one is not None]
        return found[0] if len(found) == 1 else None

    @cached_property
    def repeated(self) -> int:
        """Cases whose id was there before, of the same hospital."""
        named = self.table.filter(pc.is_valid(self.table["case_id"]))
        once = named.select(["hospital", "case_id"]).group_by(["hospital", "case_id"])
        return int(len(named) - len(once.aggregate([])))

    @cached_property
    def foreign(self) -> int:
        """Cases that were priced by another region's policy."""
        counts = pc.value_counts(self.table[_POLICY]).to_pylist()
        return sum(
            one["counts"]
            for one in counts
            if one["values"] and one["values"].partition("@")[0] != self.policy.region
        )

    def names(self) -> dict[str, str]:
        """Names of the groups, by code."""
        named = self.table.select(["group", "group_name"]).group_by("group", use_threads=False)
        rows = named.aggregate([("group_name", "min")]).to_pylist()
        return {row["group"]: row["group_name_min"] or "" for row in rows if row["group"]}


def _column(table: pa.Table, name: str, file: str | None) -> pa.ChunkedArray:
    kind = COLUMNS[name]
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(len(table), kind)], kind)
    column = table[name]
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as cause:
        # Arrow's words may quote a value of the row, so the types have to do.
        where = Where(file=file, column=name)
        raise SettlementError(
            "SETTLE_COLUMN_TYPE", where, column=name, found=str(column.type), wanted=str(kind)
        ) from cause


def _mapped(
    column: pa.ChunkedArray, read: Callable[[str | None], object], kind: pa.DataType
) -> pa.ChunkedArray:
    """What each distinct word of a column means."""
    words = pc.unique(column)
    meant = pa.array([read(word) for word in words.to_pylist()], kind)
    return pc.take(meant, pc.index_in(column, words))

"""Cases grouped anew as they would be with other codes, to see what a code does to the group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.case.fields import CASE_SCHEMA
from grouper.case.issues import ISSUE_SCHEMA
from grouper.run.batches import group_cases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from grouper.run.choose import Chooser

_ASIDE = ("line_", "assessment_")
_LEVELS = {"MCC": 2, "CC": 1}


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a case falls: group, its level of complications and its weight, as the scheme gives them."""

    scheme: str | None
    adrg: str | None
    group: str | None
    level: str | None
    weight: Decimal | None

    def above(self, other: Placed) -> bool:
        """Whether this place is worth more than another: by weight, else by level within the ADRG.

        Where the scheme gives neither (weights of CHS-DRG are the region's, and levels of different
        ADRGs do not compare) nothing is said.
        """
        if self.group is None or other.group is None or self.group == other.group:
            return False
        if self.weight is not None and other.weight is not None:
            return self.weight > other.weight
        same = self.adrg is not None and self.adrg == other.adrg
        return same and _LEVELS.get(self.level or "", 0) > _LEVELS.get(other.level or "", 0)


def placed(
    cases: pa.Table, rows: Sequence[int], dx: Sequence[list[str | None]] | None, chooser: Chooser
) -> list[Placed]:
    """Where cases fall.

    Args:
        cases: columns of ``CASE_SCHEMA``.
        rows: numbers of the cases to group; one may stand more than once.
        dx: the diagnoses to group each by; None: its own.
        chooser: how schemes are chosen.
    """
    if not rows:
        return []
    picked = cases.take(pa.array(rows, pa.int64())).combine_chunks()
    columns, fields = [], []
    for field in CASE_SCHEMA:
        if field.name.startswith(_ASIDE):
            continue
        if field.name == "dx" and dx is not None:
            column = pa.array(dx, field.type)
        elif field.name in picked.column_names:
            found = picked.column(field.name).combine_chunks()
            column = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
            column = column if column.type == field.type else column.cast(field.type, safe=False)
        else:
            column = pa.nulls(len(rows), field.type)
        columns.append(column)
        fields.append(field)
    batch = pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
    results = group_cases(batch, ISSUE_SCHEMA.empty_table(), 1, chooser).results
    names = ("scheme", "adrg", "group", "cc_level", "weight")
    told = [results.column(name).to_pylist() for name in names]
    return [Placed(*values) for values in zip(*told, strict=True)]


def own_dx(cases: pa.Table, rows: Sequence[int]) -> list[list[str | None]]:
    """The diagnoses of some cases as they are written."""
    column = cases.column("dx").take(pa.array(np.asarray(rows, np.int64)))
    return [list(one or ()) for one in column.to_pylist()]

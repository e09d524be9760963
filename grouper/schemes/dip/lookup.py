"""Rows by the diagnosis that they ask for, for one case at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from codebooks.dip.keys import matches_any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grouper.schemes.dip.rows import Row

CATEGORY = 3
"""Length of an ICD-10 category, by which rows are looked up."""


class RowLookup:
    """The rows of one catalogue by category.

    Args:
        rows: the rows, in order.
        codes: the folded codes of the diagnosis code set.
    """

    def __init__(self, rows: Sequence[Row], codes: Iterable[str]) -> None:
        categories = sorted({code[:CATEGORY] for code in codes})
        found: dict[str, list[Row]] = {category: [] for category in categories}
        self._anywhere = tuple(row for row in rows if row.diagnosis_any)
        for row in rows:
            if row.diagnosis_any:
                continue
            touched: set[str] = set()
            for key in row.principal:
                first = bisect_left(categories, key.first[:CATEGORY])
                last = len(categories)
                if not key.is_any:
                    last = bisect_right(categories, key.last[:CATEGORY])
                touched.update(categories[first:last])
            for category in touched:
                found[category].append(row)
        self._found = {category: tuple(those) for category, those in found.items()}

    def rows_of(self, principal: str, diagnoses: Sequence[str]) -> list[Row]:
        """The rows whose diagnosis a case meets, in their order.

        Args:
            principal: the principal diagnosis, folded.
            diagnoses: all diagnoses, folded, for rows that take theirs in any place.
        """
        near = self._found.get(principal[:CATEGORY], ())
        found = [row for row in near if matches_any(row.principal, principal)]
        elsewhere = [
            row
            for row in self._anywhere
            if any(matches_any(row.principal, code) for code in diagnoses)
        ]
        # Rows stand in order already; the few of another kind go between them.
        return sorted([*found, *elsewhere], key=lambda row: row.number) if elsewhere else found

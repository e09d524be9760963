"""A slice as a condition of SQL with bound parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.mart.quality import bit_of
from grouper.mart.slices import Axis

if TYPE_CHECKING:
    from datetime import date

    from grouper.mart.slices import Slice

COLUMN = {axis: f'"{axis.value}"' for axis in Axis}
"""The column of each axis."""
_FILTERS = {
    "department": "departments",
    "group": "groups",
    "adrg": "adrgs",
    "mdc": "mdcs",
    "physician": "physicians",
    "insurance": "insurances",
    "band": "bands",
    "status": "statuses",
    "kind": "kinds",
    "reason": "reasons",
    "pay_reason": "pay_reasons",
    "share_reason": "share_reasons",
}
# The lists of codes that occur are few; those that hold one of the wanted are found once.
_NOTED = """
notes IN (
  SELECT TRY_CAST(list AS word_notes) FROM (SELECT unnest(enum_range(NULL::word_notes)) AS list)
  WHERE list_has_any(string_split(list::VARCHAR, ';'), ?::VARCHAR[])
)
"""


def where(
    cut: Slice, *, without: Axis | None = None, since: date | None = None
) -> tuple[str, list[Any]]:
    """The condition of a slice and its parameters.

    Args:
        cut: the slice.
        without: an axis whose filter is left out; the reach never is.
        since: another first day.
    """
    parts = ["day >= ? AND day < ?"]
    bound: list[Any] = [since or cut.since, cut.until]
    if cut.reach is not None:
        # A case without a department is seen by nobody who sees some departments alone.
        parts.append(_among("department"))
        bound.append(list(cut.reach))
    for column, name in _FILTERS.items():
        wanted = getattr(cut, name)
        if wanted and (without is None or column != without.value):
            parts.append(_among(column))
            bound.append(list(wanted))
    if cut.share_reasons:
        # As they are counted: an unpriced case may say so too, and one whose surplus is known all the same.
        parts.append("pay_status = 'priced' AND surplus IS NULL")
    if cut.notes:
        parts.append(_NOTED)
        bound.append(list(cut.notes))
    if cut.gaps:
        parts.append("gaps & ? <> 0")
        bound.append(sum({bit_of(field) for field in cut.gaps}))
    return " AND ".join(parts), bound


def _among(column: str) -> str:
    """Whether a column holds one of the words of a parameter; a word that no case has is none."""
    word = f'TRY_CAST(word AS "word_{column}")'
    return (
        f'"{column}" IN (SELECT {word} FROM (SELECT unnest(?::VARCHAR[]) AS word) '  # noqa: S608 -- our own columns
        f"WHERE {word} IS NOT NULL)"
    )

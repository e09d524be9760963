"""Counts of an imported DIP catalogue against the published ones."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from codebooks.dip.layout import workbook_layout
from codebooks.importers.report import CountLine

if TYPE_CHECKING:
    from collections.abc import Mapping

_LISTS = ("excluded_diagnoses", "excluded_procedures", "resistant_diagnoses", "primary_care")


def count_lines(
    tables: Mapping[str, list[dict[str, Any]]], *, published: bool
) -> tuple[CountLine, ...]:
    """Groups by section and detail, then the lists; empty ones only where one is published.

    Args:
        tables: rows by table.
        published: whether the published counts of the national catalogue are shown beside.
    """
    known = workbook_layout().published if published else {}
    groups = tables.get("groups", [])
    parts = Counter(f"dip_{row['detail'] or row['section'].lower()}" for row in groups)
    read: dict[str, int] = {**dict.fromkeys(known, 0), **parts, "dip_groups": len(groups)}
    read |= {f"dip_{table}": len(tables[table]) for table in _LISTS if tables.get(table)}
    return tuple(CountLine(key, count, known.get(key)) for key, count in read.items())

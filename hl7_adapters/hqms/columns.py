"""The columns of the HQMS front page (``data/columns.csv``; where from: ``data/SOURCE.md``)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from grouper.case.layout import Part, fold_name
from grouper.case.tables import rows


class Header(StrEnum):
    """What a file writes in its first line."""

    CODE = "column"
    NAME = "name"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class HqmsColumn:
    """One column.

    Attributes:
        column: code, such as ``C03C``.
        name: Chinese name; empty where no source gives one.
        legacy: P-code of older exports; may be empty.
        key: whether a header is recognised by it.
        field: the case's field, or empty.
        slot: see :class:`grouper.case.layout.Binding`.
        part: as above.
    """

    column: str
    name: str
    legacy: str
    key: bool
    field: str
    slot: int
    part: Part


@cache
def columns() -> tuple[HqmsColumn, ...]:
    """All columns in upload order."""
    return tuple(
        HqmsColumn(
            row["column"],
            row["name"],
            row["legacy"],
            row["key"] == "Y",
            row["field"],
            int(row["slot"] or 0),
            Part(row["part"] or Part.ONE),
        )
        for row in rows("columns.csv", "hl7_adapters.hqms")
    )


@cache
def by_header(header: Header) -> dict[str, HqmsColumn]:
    """The columns by what a header of this kind writes (folded)."""
    written = ((str(getattr(column, header)), column) for column in columns())
    return {fold_name(name): column for name, column in written if name}

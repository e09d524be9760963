"""What a scheme says of one code, and what stands around one of its groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from codebooks.folding import fold_code

if TYPE_CHECKING:
    import pyarrow as pa

    from codebooks.book import SchemeBook

_CHILD = {"mdc": "adrg", "adrg": "drg"}


@dataclass(frozen=True, slots=True)
class CodeUse:
    """Where one code stands in one scheme.

    Attributes:
        scheme: the scheme's id.
        sets: the named sets that hold it.
        cc: its CC levels, each with the exclusion table it refers to.
        excludes: exclusion tables in which it stands: as principal diagnosis it takes the
            weight from the CC and MCC codes that refer to them.
        not_principal: may not be a principal diagnosis.
        not_grouping: counts as no procedure.
    """

    scheme: str
    sets: tuple[str, ...]
    cc: tuple[tuple[str, str], ...]
    excludes: tuple[str, ...]
    not_principal: bool
    not_grouping: bool

    def __bool__(self) -> bool:
        return bool(
            self.sets or self.cc or self.excludes or self.not_principal or self.not_grouping
        )


def code_use(book: SchemeBook, code: str) -> CodeUse:
    """All that a scheme says of one code; empty (false) when it does not know it."""
    folded = fold_code(code)
    cc = _matching(book.tables["cc"], "code", folded)
    return CodeUse(
        book.card.id,
        tuple(r["set_id"] for r in _matching(book.tables["sets"], "code", folded)),
        tuple((r["level"], r["exclusion"] or "") for r in cc),
        tuple(
            r["exclusion"] for r in _matching(book.tables["exclusions"], "principal_code", folded)
        ),
        bool(_matching(book.tables["not_principal"], "code", folded)),
        bool(_matching(book.tables["not_grouping"], "code", folded)),
    )


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One rule row of a scheme and the rows below it.

    Attributes:
        table: ``mdc``, ``adrg`` or ``drg``.
        row: the row, with its rule, its parents, its rank and the row of its source.
        below: the ADRG rows of an MDC, the DRG rows of an ADRG, in order of evaluation.
    """

    table: str
    row: dict[str, Any]
    below: tuple[dict[str, Any], ...]


def group_rows(book: SchemeBook, code: str) -> list[GroupRow]:
    """The rule rows of a group code, MDC before ADRG before DRG; empty when it is no group.

    There may be several: an ambiguity step has one code at two levels, and a few variants list
    one DRG under several ADRG rows.
    """
    folded = fold_code(code)
    found: list[GroupRow] = []
    for table in ("mdc", "adrg", "drg"):
        for row in _matching(book.tables[table], table, folded):
            child = _CHILD.get(table)
            below = _matching(book.tables[child], table, folded) if child else []
            if table == "adrg":
                below = [r for r in below if r["mdc"] == row["mdc"]]
            found.append(GroupRow(table, row, tuple(below)))
    return found


def set_members(book: SchemeBook, set_id: str) -> tuple[str, ...]:
    """The codes of a named set or of an exclusion table, sorted; empty when there is none."""
    folded = fold_code(set_id)
    codes = [r["code"] for r in _matching(book.tables["sets"], "set_id", folded)]
    codes += [
        r["principal_code"] for r in _matching(book.tables["exclusions"], "exclusion", folded)
    ]
    return tuple(sorted(codes))


def _matching(table: pa.Table, column: str, folded: str) -> list[dict[str, Any]]:
    # Codes at rest differ from their folded form in letter case alone.
    mask = pc.equal(pc.utf8_upper(table.column(column)), folded)
    rows: list[dict[str, Any]] = table.filter(mask).to_pylist()
    return rows

"""The bureau's file of what it settled: one row a case, columns by aliases (``data/bureau_columns.csv``)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from grouper.case.issues import masked
from grouper.case.layout import fold_name
from grouper.case.tables import rows
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import total
from grouper.payment.settlement.sheets import Line, read_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MONEY_PLACES, POINTS_PLACES = 2, 6
NUMBERS = {
    "points": POINTS_PLACES,
    "amount": MONEY_PLACES,
    "fund": MONEY_PLACES,
    "deduction": MONEY_PLACES,
}
"""The columns of numbers, and how many places they may have."""
_WRITTEN = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.\d{1,12})?", re.ASCII)
_TOTAL = "total_row"
_LONGEST = 18
"""Characters of a number in a workbook: beyond, a binary fraction no longer knows its places."""
_DUST = 1e-12
"""What the sums of a spreadsheet leave behind the last place, as a share of the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One row.

    Attributes:
        where: its place in the file.
        case_id: never empty.
        group, points, amount, fund, deduction, reason: None where the row does not say; amounts in
            yuan. A deduction is what the bureau takes off.
    """

    where: Where
    case_id: str
    group: str | None = None
    points: Decimal | None = None
    amount: Decimal | None = None
    fund: Decimal | None = None
    deduction: Decimal | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BureauFile:
    """A file.

    Attributes:
        name: of the file; ``sha256``: of its bytes.
        columns: the columns that were understood.
        rows: in their order.
        stated: the totals of a row of totals, by column; empty: it has none.
    """

    name: str
    sha256: str
    columns: tuple[str, ...]
    rows: tuple[Settled, ...]
    stated: dict[str, Decimal]

    @property
    def measure(self) -> str:
        """What amounts are compared by: ``fund``, or ``amount`` where the file has no fund."""
        return "fund" if "fund" in self.columns else "amount"

    def total(self, name: str) -> Decimal:
        """The sum of a column."""
        return total(value for row in self.rows if (value := getattr(row, name)) is not None)


def read_bureau(path: Path) -> BureauFile:
    """Read a file (CSV or XLSX).

    Raises:
        SettlementError: ``BUREAU_COLUMN`` (no column of cases, or none of amounts),
            ``BUREAU_COLUMN_TWICE``, ``BUREAU_CASE`` (a row without a case), ``BUREAU_NUMBER``,
            ``BUREAU_EMPTY``, ``BUREAU_TEXT``, each with its row and column.
        GrouperError: the file cannot be read.
    """
    (place, header), *lines = read_lines(path)
    columns = _columns([str(cell).strip() for cell in header], place)
    found: list[Settled] = []
    stated: dict[str, Decimal] = {}
    names = {name: str(header[at]).strip() for name, at in columns.items()}
    for line in lines:
        case_id = _text(line, columns["case_id"])
        if _is_total(line, case_id):
            stated = _numbers(line, columns, names)
            continue
        if not case_id:
            where = Where(line[0].file, line[0].sheet, line[0].row, names["case_id"])
            raise SettlementError("BUREAU_CASE", where)
        known: dict[str, Any] = dict(_numbers(line, columns, names))
        known |= {n: _text(line, columns[n]) or None for n in ("group", "reason") if n in columns}
        found.append(Settled(where=line[0], case_id=case_id, **known))
    if not found:
        raise SettlementError("BUREAU_EMPTY", Where(file=path.name))
    return BureauFile(
        name=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        columns=tuple(columns),
        rows=tuple(found),
        stated=stated,
    )


@cache
def _aliases() -> dict[str, tuple[int, str]]:
    table = rows("bureau_columns.csv", "grouper.payment")
    return {fold_name(row["alias"]): (int(row["rank"]), row["field"]) for row in table}


def _columns(header: Sequence[str], where: Where) -> dict[str, int]:
    """The place of each column; of several for one meaning the one of the lowest rank."""
    found: dict[str, tuple[int, int]] = {}
    for at, name in enumerate(header):
        rank, field = _aliases().get(fold_name(name), (0, ""))
        if not field or field == _TOTAL:
            continue
        known = found.get(field)
        if known is not None and known[0] == rank:
            place = Where(where.file, where.sheet, where.row, name[:40])
            raise SettlementError("BUREAU_COLUMN_TWICE", place, wanted=field)
        if known is None or rank < known[0]:
            found[field] = (rank, at)
    for wanted in (("case_id",), ("fund", "amount")):
        if not any(name in found for name in wanted):
            listed = [r["alias"] for r in rows("bureau_columns.csv", "grouper.payment")]
            known_names = [name for name in listed if _aliases()[fold_name(name)][1] in wanted]
            raise SettlementError(
                "BUREAU_COLUMN", where, wanted=wanted[0], known=", ".join(known_names)
            )
    return {field: at for field, (_, at) in found.items()}


def _is_total(line: Line, case_id: str) -> bool:
    cells = [case_id] if case_id else [str(cell).strip() for cell in line[1] if str(cell).strip()]
    first = fold_name(cells[0]) if cells else ""
    return _aliases().get(first, (0, ""))[1] == _TOTAL


def _text(line: Line, at: int) -> str:
    cell = line[1][at] if at < len(line[1]) else ""
    if isinstance(cell, float) and cell.is_integer():
        # A workbook keeps whole numbers as floats; an id is written without a point.
        return f"{cell:.0f}"
    return str(cell).strip()


def _numbers(line: Line, columns: dict[str, int], names: dict[str, str]) -> dict[str, Decimal]:
    found = {}
    for name, places in NUMBERS.items():
        if name not in columns:
            continue
        at = columns[name]
        cell = line[1][at] if at < len(line[1]) else ""
        if not str(cell).strip():
            continue
        number = number_of(cell, places)
        if number is None:
            where = Where(line[0].file, line[0].sheet, line[0].row, names[name][:40])
            raise SettlementError("BUREAU_NUMBER", where, found=masked(cell)[:20], places=places)
        found[name] = number
    return found


def number_of(cell: object, places: int) -> Decimal | None:
    """A cell as a number of at most so many places; None: it is none.

    A workbook's binary fraction is the decimal it stands for, if it has no more places.
    """
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        nearest = f"{cell:.{places}f}" if isfinite(cell) else ""
        near = nearest and abs(float(nearest) - cell) <= _DUST * max(1, abs(cell))
        return Decimal(nearest) if near and len(nearest) <= _LONGEST else None
    written = str(cell).strip()
    if not _WRITTEN.fullmatch(written):
        return None
    number = Decimal(written.replace(",", ""))
    rounded = number.quantize(Decimal(1).scaleb(-places))
    return rounded if rounded == number else None

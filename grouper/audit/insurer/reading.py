"""An insurer's list of findings as rows: what each says, what of it is kept, or why it cannot be read.

Names and certificates of persons are never kept; where such a value stands in another cell of its
row it is starred there. Cells of columns whose meaning is not known are not kept either.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.errors import Where
from grouper.audit.errors import AuditError
from grouper.audit.insurer.columns import NUMBERS, PRIVATE, Columns
from grouper.audit.insurer.tables import Page, pages
from grouper.case.dates import LOCAL, parse_time
from grouper.case.layout import fold_name
from grouper.payment.settlement.bureau import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from grouper.audit.insurer.tables import Cell

Value = str | Decimal | date
_PLACES = {"money": 2, "quantity": 4}
_LONGEST = 500
"""Characters of a text that are kept, as many as the interface allows."""
_NUMBER = 128
_STAR = "＊"
_LEAST = 2
"""Characters of a private value that is looked for in other cells; one alone is too common."""
_SHOWN = 40
_ONE_OF = ("rule", "rule_name", "content", "amount", "deduction")
"""What makes a table a list of findings, beside the number of a stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    Attributes:
        number: its place among the rows of the file, from 1.
        sheet, row: where it stands; no sheet in CSV.
        said: what it says, by meaning; what is empty is left out.
        numbers: numbers of the stay by meaning, each in the order of its columns.
        cells: the cells that are kept, one for each column of the sheet; others are empty.
        reason, column: why it cannot be read.
    """

    number: int
    sheet: str | None
    row: int
    said: Mapping[str, Value] = field(default_factory=dict)
    numbers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cells: tuple[str, ...] = ()
    reason: str | None = None
    column: str | None = None

    def text(self, meaning: str) -> str | None:
        """A text that it says."""
        found = self.said.get(meaning)
        return found if isinstance(found, str) else None

    def day(self, meaning: str) -> date | None:
        """A day that it says."""
        found = self.said.get(meaning)
        return found if isinstance(found, date) else None

    def decimal(self, meaning: str) -> Decimal | None:
        """A number that it says."""
        found = self.said.get(meaning)
        return found if isinstance(found, Decimal) else None


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a sheet.

    Attributes:
        sheet: None in CSV.
        names: as they stand.
        meanings: of each; None: not known, or another column says the same.
    """

    sheet: str | None
    names: tuple[str, ...]
    meanings: tuple[str | None, ...]

    @property
    def unkept(self) -> tuple[str, ...]:
        """Columns whose cells are not kept, for their meaning is not known."""
        pairs = zip(self.names, self.meanings, strict=True)
        return tuple(name for name, meaning in pairs if meaning is None and name)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsurerList:
    """A file.

    Attributes:
        name: of the file; ``sha256``: of its bytes.
        headers: of its sheets that are lists.
        rows: in their order, those that cannot be read among them.
        stated: amounts of its rows of totals; empty: it has none.
    """

    name: str
    sha256: str
    headers: tuple[Header, ...]
    rows: tuple[Row, ...]
    stated: tuple[Decimal, ...] = ()


def read_list(path: Path, columns: Columns, name: str | None = None) -> InsurerList:
    """Read a list (XLSX; CSV in UTF-8, GB18030 or UTF-16).

    Args:
        path: of the file.
        columns: what the names of columns mean.
        name: how the list is called; None: as the file.

    Raises:
        AuditError: ``INSURER_HEADER`` (no sheet has a header of the known names),
            ``INSURER_COLUMN_TWICE`` (two columns of one name), ``INSURER_EMPTY``,
            ``INSURER_ROWS`` (more than a list may have), ``INSURER_TEXT``.
        GrouperError: the file cannot be read, or is no sound workbook.
    """
    name = name or path.name
    headers: list[Header] = []
    rows: list[Row] = []
    stated: list[Decimal] = []
    for page in pages(path, name):
        found = _header(page, columns, name)
        if found is None:
            continue
        at, header = found
        headers.append(header)
        for place, cells in page.rows[at + 1 :]:
            total = _total(cells, header, columns)
            if total is not None:
                stated += total
                continue
            if len(rows) == columns.most_rows:
                raise AuditError("INSURER_ROWS", Where(file=name), most=columns.most_rows)
            rows.append(_row(len(rows) + 1, page, place, cells, header, columns))
        if page.sheet is None:
            # The other pages are the same text, parted by another mark.
            break
    if not headers:
        known = columns.known(*NUMBERS)
        raise AuditError("INSURER_HEADER", Where(file=name), known=known)
    if not rows:
        raise AuditError("INSURER_EMPTY", Where(file=name))
    return InsurerList(
        name=name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        headers=tuple(headers),
        rows=tuple(rows),
        stated=tuple(stated),
    )


def _header(page: Page, columns: Columns, name: str) -> tuple[int, Header] | None:
    """The first row that names a stay and what is found, and where it is."""
    for at, (row, cells) in enumerate(page.rows[: columns.header_rows]):
        names = [" ".join(str(cell).split()) for cell in cells]
        known = [columns.names.get(fold_name(one)) for one in names]
        meant = {one[0] for one in known if one is not None}
        if not meant.isdisjoint(NUMBERS) and not meant.isdisjoint(_ONE_OF):
            where = Where(name, page.sheet, row)
            return at, Header(page.sheet, tuple(names), _meanings(names, known, columns, where))
    return None


def _meanings(
    names: Sequence[str],
    known: Sequence[tuple[str, int] | None],
    columns: Columns,
    where: Where,
) -> tuple[str | None, ...]:
    """The meaning of each column; of several for one meaning that of the preferred name.

    Numbers of the stay and private columns may be several.
    """
    several = {*NUMBERS, *(one for one, kind in columns.kinds.items() if kind == PRIVATE)}
    best: dict[str, tuple[int, int]] = {}
    for at, one in enumerate(known):
        if one is None or one[0] in several:
            continue
        meaning, rank = one
        before = best.get(meaning)
        if before is not None and before[0] == rank:
            place = Where(where.file, where.sheet, where.row, names[at][:_SHOWN])
            raise AuditError("INSURER_COLUMN_TWICE", place, wanted=names[at][:_SHOWN])
        if before is None or rank < before[0]:
            best[meaning] = (rank, at)
    chosen = {at for _, at in best.values()}
    return tuple(
        one[0] if one is not None and (one[0] in several or at in chosen) else None
        for at, one in enumerate(known)
    )


def _total(cells: Sequence[Cell], header: Header, columns: Columns) -> list[Decimal] | None:
    """The amounts of a row of totals; None: it is none."""
    first = next((text for cell in cells if (text := str(cell).strip())), "")
    if fold_name(first.rstrip(":：")) not in columns.totals:
        return None
    found = []
    for cell, meaning in zip(cells, header.meanings, strict=False):
        if meaning in ("amount", "deduction"):
            number = number_of(cell, _PLACES["money"])
            found += [] if number is None else [number]
    return found[:1]


def _row(
    number: int,
    page: Page,
    row: int,
    cells: Sequence[Cell],
    header: Header,
    columns: Columns,
) -> Row:
    said: dict[str, Value] = {}
    numbers: dict[str, list[str]] = {}
    kept = [""] * len(header.names)
    private: list[str] = []
    fault: tuple[str, str] | None = ("INSURER_ROW_TEXT", "") if row in page.broken else None
    for at, meaning in enumerate(header.meanings):
        if meaning is None:
            continue
        kind = columns.kinds[meaning]
        cell: Cell = cells[at] if at < len(cells) else ""
        if not str(cell).strip() and kind not in ("money", "quantity"):
            # Below the first of merged cells; an amount would count again.
            cell = page.merged.get((row, at), "")
        written = _written(cell)
        if not written:
            continue
        if kind == PRIVATE:
            private.append(written)
            continue
        kept[at] = written
        if kind == "number":
            numbers.setdefault(meaning, []).append(written[:_NUMBER])
            said.setdefault(meaning, written[:_NUMBER])
            continue
        value = _value(cell, written, kind)
        if value is None:
            fault = fault or (f"INSURER_ROW_{kind.upper()}", header.names[at])
        else:
            said[meaning] = value
    _star(kept, said, private)
    return Row(
        number=number,
        sheet=page.sheet,
        row=row,
        said=said,
        numbers={one: tuple(dict.fromkeys(found)) for one, found in numbers.items()},
        cells=tuple(kept),
        reason=fault and fault[0],
        column=(fault and fault[1]) or None,
    )


def _written(cell: Cell) -> str:
    """A cell as text; a workbook keeps whole numbers as floats and days as times."""
    if isinstance(cell, float) and cell.is_integer():
        return f"{cell:.0f}"
    found = "".join(
        one if one.isprintable() or one in "\n\t" else "\ufffd" for one in str(cell)
    ).strip()
    return found[:_LONGEST]


def _value(cell: Cell, written: str, kind: str) -> Value | None:
    if kind == "text":
        return written
    if kind == "day":
        found, _ = parse_time(cell if isinstance(cell, date) else written)
        return None if found is None else found.astimezone(LOCAL).date()
    number = number_of(cell if isinstance(cell, int | float) else written, _PLACES[kind])
    return None if number is None or (kind == "money" and number < 0) else number


def _star(kept: list[str], said: dict[str, Value], private: Iterable[str]) -> None:
    for name in {one for one in private if len(one) >= _LEAST}:
        star = _STAR * len(name)
        kept[:] = [cell.replace(name, star) for cell in kept]
        for meaning, value in said.items():
            if isinstance(value, str):
                said[meaning] = value.replace(name, star)

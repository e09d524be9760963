"""The book of adjustments: entries that make our month equal to the bureau's; nothing in it changes.

Each entry is what the bureau says of a case, less what we reckoned and what earlier entries of the
same month already brought. Reading the same file again adds nothing; a corrected file adds the
correction.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from codebooks.errors import Where
from codebooks.plain import ARROW_FAULTS
from grouper.case.dates import LOCAL
from grouper.payment.result import AMOUNT
from grouper.payment.settlement.bureau import MONEY_PLACES, number_of
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.exactly import NONE, minus, total
from grouper.payment.settlement.sheets import read_lines
from grouper.run.destinations import part_of, whole, writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from decimal import Decimal
    from pathlib import Path

    from grouper.payment.settlement.reconcile import Reconciliation

BOOK_SCHEMA = pa.schema(
    [
        ("entry", pa.int64()),
        ("made", pa.string()),
        ("region", pa.string()),
        ("month", pa.string()),
        ("case_id", pa.string()),
        ("state", pa.string()),
        ("field", pa.string()),
        ("ours", AMOUNT),
        ("theirs", AMOUNT),
        ("earlier", AMOUNT),
        ("amount", AMOUNT),
        ("reason", pa.string()),
        ("file", pa.string()),
        ("sha256", pa.string()),
    ]
)
"""One entry: its number in the book, when it was made (ISO, with the zone), of which case, and why.

``field`` is ``fund``, ``amount`` or ``deduction``; ``amount`` = ``theirs`` − ``ours`` − ``earlier``,
in yuan; a deduction counts below nought. ``file`` and ``sha256``: the bureau's file.
"""
_MONEY = ("ours", "theirs", "earlier", "amount")
_WHOLE = "entry"
_LARGEST = 10**12
"""From here on a number of a workbook no longer keeps its fen: it is written as text."""


def adjustments(
    found: Reconciliation, book: pa.Table, *, region: str, month: str, made: datetime
) -> pa.Table:
    """The entries that a book lacks; a table of :data:`BOOK_SCHEMA`.

    Args:
        found: of the month.
        book: what it holds already.
        region: whose month it is.
        month: such as ``2026-11``.
        made: when; with a zone.
    """
    earlier: dict[tuple[str, str], Decimal] = defaultdict(lambda: NONE)
    for row in book.to_pylist():
        if (row["region"], row["month"]) == (region, month):
            key = (row["case_id"] or "", row["field"])
            earlier[key] = total((earlier[key], row["amount"]))
    sides: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    about: dict[str, tuple[str, str]] = {}
    for one in found.entries:
        about[one.case_id] = (one.state.value, one.reason)
        for name, ours, theirs in (
            (found.measure, one.our_amount, one.their_amount),
            ("deduction", NONE, minus(NONE, one.deduction)),
        ):
            known = sides.get((one.case_id, name), (NONE, NONE))
            sides[one.case_id, name] = (total((known[0], ours)), total((known[1], theirs)))
    rows: list[dict[str, Any]] = []
    for case_id, name in dict.fromkeys((*sides, *earlier)):
        ours, theirs = sides.get((case_id, name), (NONE, NONE))
        before = earlier[case_id, name]
        amount = minus(minus(theirs, ours), before)
        if amount:
            state, reason = about.get(case_id, ("withdrawn", ""))
            rows.append(
                {
                    "entry": book.num_rows + len(rows) + 1,
                    "made": made.astimezone(LOCAL).isoformat(timespec="seconds"),
                    "region": region,
                    "month": month,
                    "case_id": case_id,
                    "state": state,
                    "field": name,
                    "ours": ours,
                    "theirs": theirs,
                    "earlier": before,
                    "amount": amount,
                    "reason": reason,
                    "file": found.file.name,
                    "sha256": found.file.sha256,
                }
            )
    return pa.Table.from_pylist(rows, schema=BOOK_SCHEMA)


def adjusted(book: pa.Table, region: str, month: str) -> Decimal:
    """What the entries of a month add to what we reckoned, in yuan."""
    rows = book.to_pylist()
    return total(r["amount"] for r in rows if (r["region"], r["month"]) == (region, month))


def read_book(path: Path) -> pa.Table:
    """A book; an empty one where the file is not there yet.

    Raises:
        SettlementError: ``BOOK_FORMAT`` (``.csv``, ``.parquet`` or ``.xlsx``), ``BOOK_UNUSABLE``:
            the file is no book, with the row that cannot be read.
        GrouperError: the file cannot be read.
    """
    reader, _ = _form(path)
    if not path.exists():
        return BOOK_SCHEMA.empty_table()
    return reader(path)


def append(path: Path, book: pa.Table, added: pa.Table) -> pa.Table:
    """Write a book with further entries; those it has stay as they are.

    Raises:
        SettlementError: ``BOOK_FORMAT``.
        OutputError: ``OUTPUT_FAILED``.
    """
    _, writer = _form(path)
    both = pa.concat_tables([book, added])
    with whole([path]), writing(path):
        writer(part_of(path), both)
    return both


def _form(path: Path) -> tuple[Callable[[Path], pa.Table], Callable[[Path, pa.Table], None]]:
    forms = {
        ".csv": (_read_lines, _write_csv),
        ".parquet": (_read_parquet, _write_parquet),
        ".xlsx": (_read_lines, _write_workbook),
    }
    found = forms.get(path.suffix.lower())
    if found is None:
        known = ", ".join(forms)
        raise SettlementError("BOOK_FORMAT", Where(file=path.name), found=path.suffix, known=known)
    return found


def _write_csv(path: Path, book: pa.Table) -> None:
    # The byte order mark is for spreadsheets, which else misread Chinese.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow(book.column_names)
        for row in book.to_pylist():
            out.writerow(["" if value is None else _cell(value) for value in row.values()])


def _cell(value: Any) -> str:  # noqa: ANN401 -- a text or a number
    return value if isinstance(value, str) else str(value)


def _write_parquet(path: Path, book: pa.Table) -> None:
    pq.write_table(book, path)


def _write_workbook(path: Path, book: pa.Table) -> None:
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    made = xlsxwriter.Workbook(str(path), options)
    sheet = made.add_worksheet()
    for at, name in enumerate(book.column_names):
        sheet.write_string(0, at, name)
    for number, row in enumerate(book.to_pylist(), 1):
        for at, value in enumerate(row.values()):
            if value is None:
                continue
            if isinstance(value, str) or abs(value) >= _LARGEST:
                sheet.write_string(number, at, str(value))
            else:
                sheet.write_number(number, at, value)
    made.close()


def _read_parquet(path: Path) -> pa.Table:
    try:
        found = pq.read_table(path)
    except ARROW_FAULTS as cause:
        raise SettlementError("BOOK_UNUSABLE", Where(file=path.name), column="-") from cause
    if not found.schema.equals(BOOK_SCHEMA):
        raise SettlementError("BOOK_UNUSABLE", Where(file=path.name), column="-")
    return found


def _read_lines(path: Path) -> pa.Table:
    (place, header), *lines = read_lines(path)
    if [str(cell).strip() for cell in header] != BOOK_SCHEMA.names:
        raise SettlementError("BOOK_UNUSABLE", place, column=BOOK_SCHEMA.names[0])
    rows = []
    for where, cells in lines:
        row: dict[str, Any] = {}
        for name, cell in zip(BOOK_SCHEMA.names, [*cells, *[""] * len(header)], strict=False):
            row[name] = str(cell).strip()
            if name == _WHOLE or name in _MONEY:
                number = number_of(cell, 0 if name == _WHOLE else MONEY_PLACES)
                if number is None:
                    raise SettlementError("BOOK_UNUSABLE", where, column=name)
                row[name] = int(number) if name == _WHOLE else number
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=BOOK_SCHEMA)

"""Price lists as hospitals hand them in, and the prices of catalogues: greatest and full ones, by day.

CSV (UTF-8 or GB18030) or XLSX, of which every sheet with such a header is read. A row that cannot be
used is left out and told; what is wrong with the file as a whole is refused.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from codebooks.errors import Where
from codebooks.importers.container import Workbook, read_bytes
from grouper.audit.context import PRICES
from grouper.audit.errors import AuditError
from grouper.audit.parameters import NEVER
from grouper.audit.templates import toml
from grouper.case.dates import EPOCH

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from codebooks.catalogues.catalogue import Catalogues

_ENCODINGS = ("utf-8-sig", "gb18030")
_WORKBOOKS = (".xlsx", ".xlsm")
_KINDS = ("ceiling", "price")
_HEADER_WITHIN = 10
"""The header stands in one of so many first rows."""
_PRICE = re.compile(r"[0-9]{1,10}([.][0-9]{1,20})?", re.ASCII)
_DAY = re.compile(
    r"(?:([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2}))"
    r"(?:[T ]+00?:00(?::00)?)?",
    re.ASCII,
)
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class PriceList:
    """What a price list says.

    Attributes:
        ceilings, prices: greatest and full prices (:data:`grouper.audit.context.PRICES`), of an item
            never two on one day.
        faults: of rows that were left out.
    """

    ceilings: pa.Table
    prices: pa.Table
    faults: tuple[AuditError, ...]


class _Line(NamedTuple):
    """A price of an item on days since 1970, half-open, and its place."""

    item: str
    price: int
    since: int
    until: int
    where: Where


def read_prices(path: Path) -> PriceList:
    """Read a price list.

    Args:
        path: of the file.

    Raises:
        AuditError: ``AUDIT_PRICES``: it is no text, no sheet has a header with the item and a price,
            or a column stands in it twice.
        CodebookError: ``IMPORT_…``: it cannot be read.
    """
    content = read_bytes(path, Where(file=path.name))
    if path.suffix.lower() in _WORKBOOKS:
        sheets = _sheets(content, path.name)
    else:
        sheets = [(Where(file=path.name), _csv(content, path.name))]
    found: dict[str, list[_Line]] = {kind: [] for kind in _KINDS}
    faults: list[AuditError] = []
    headed = False
    for where, rows in sheets:
        header = _header(rows, where)
        if header is None:
            continue
        headed = True
        first, columns = header
        names = rows[first][1]
        for number, cells in rows[first + 1 :]:
            if any(cells):
                places = {
                    field: Where(where.file, where.sheet, number, names[at])
                    for field, at in columns.items()
                }
                told = {
                    field: cells[at] if at < len(cells) else "" for field, at in columns.items()
                }
                _read(told, places, found, faults)
    if not headed:
        raise AuditError("AUDIT_PRICES", Where(file=path.name), problem="item, ceiling | price")
    tables = {kind: _table(lines, faults) for kind, lines in found.items()}
    return PriceList(tables["ceiling"], tables["price"], tuple(faults))


def _sheets(content: bytes, name: str) -> list[tuple[Where, list[tuple[int, list[str]]]]]:
    book = Workbook(content, name)
    found = []
    for sheet in map(book.sheet, book.names):
        rows = [
            (number, [_text(cell) for cell in row])
            for number, row in enumerate(sheet.rows, sheet.first_row)
        ]
        found.append((Where(file=name, sheet=sheet.name), rows))
    return found


def _csv(content: bytes, name: str) -> list[tuple[int, list[str]]]:
    for encoding in _ENCODINGS:
        try:
            words = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        reader = csv.reader(io.StringIO(words, newline=""), strict=True)
        try:
            return [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
        except csv.Error as cause:
            where = Where(file=name, row=reader.line_num)
            raise AuditError("AUDIT_PRICES", where, problem=str(cause)) from cause
    raise AuditError("AUDIT_PRICES", Where(file=name), problem="UTF-8, GB18030")


def _text(cell: object) -> str:
    """A cell of a workbook as it would be written."""
    if isinstance(cell, datetime | date):
        return cell.isoformat()[: len("2026-01-31")]
    if isinstance(cell, float):
        # What a workbook keeps of 12.30 is the nearest double, which is written as 12.3 again.
        return f"{Decimal(repr(cell)).normalize():f}" if isfinite(cell) else ""
    return str(cell).strip()


def _header(
    rows: Sequence[tuple[int, list[str]]], where: Where
) -> tuple[int, dict[str, int]] | None:
    """The place of the header among the rows, and the columns by what they hold."""
    spelled: Mapping[str, Sequence[str]] = toml("inputs.toml")["prices"]
    known = {word: field for field, words in spelled.items() for word in words}
    for place, (number, cells) in enumerate(rows[:_HEADER_WITHIN]):
        fields = [known.get(cell.lower()) for cell in cells]
        if "item" not in fields or not set(_KINDS) & set(fields):
            continue
        for field in spelled:
            if fields.count(field) > 1:
                at = Where(where.file, where.sheet, number, field)
                raise AuditError("AUDIT_PRICES", at, problem=field)
        return place, {field: at for at, field in enumerate(fields) if field is not None}
    return None


def _read(
    told: Mapping[str, str],
    places: Mapping[str, Where],
    found: dict[str, list[_Line]],
    faults: list[AuditError],
) -> None:
    try:
        read = _lines(told, places)
    except AuditError as fault:
        faults.append(fault)
        return
    for kind, line in read.items():
        found[kind].append(line)


def _lines(told: Mapping[str, str], at: Mapping[str, Where]) -> dict[str, _Line]:
    """The prices of one row by their kind."""
    item = told["item"]
    if not item:
        raise AuditError("AUDIT_PRICE_ITEM", at["item"])
    first, end, last = (
        _day(told[name], at[name]) if name in told else None
        for name in ("valid_from", "valid_to", "valid_last")
    )
    since = -NEVER if first is None else first
    until = min(NEVER if end is None else end, NEVER if last is None else last + 1)
    if until <= since:
        where = at["valid_to" if last is None else "valid_last"]
        raise AuditError("AUDIT_PRICE_PERIOD", where, found=item[:_SHOWN])
    priced = [kind for kind in _KINDS if told.get(kind)]
    if not priced:
        empty = next(kind for kind in _KINDS if kind in told)
        raise AuditError("AUDIT_PRICE_NUMBER", at[empty], found="")
    return {
        kind: _Line(item, _fen(told[kind], at[kind]), since, until, at[kind]) for kind in priced
    }


def _fen(cell: str, at: Where) -> int:
    """A price in fen; nought is none, for it would forbid every charge."""
    plain = cell.replace(",", "")
    fen = Decimal(plain) * 100 if _PRICE.fullmatch(plain) else Decimal(0)
    if not fen or fen != fen.to_integral_value():
        raise AuditError("AUDIT_PRICE_NUMBER", at, found=cell[:_SHOWN])
    return int(fen)


def _day(cell: str, at: Where) -> int | None:
    """A day since 1970; None: empty."""
    if not cell:
        return None
    told = _DAY.fullmatch(cell)
    wrong = AuditError("AUDIT_PRICE_DATE", at, found=cell[:_SHOWN])
    if told is None:
        raise wrong
    try:
        day = date(*(int(number) for number in told.groups() if number is not None))
    except ValueError:
        raise wrong from None
    return (day - EPOCH).days


def _table(lines: Sequence[_Line], faults: list[AuditError]) -> pa.Table:
    """Prices of which no two of an item hold on one day.

    Rows that say the same of one day are put together. Where two differ neither is taken, for nothing
    says which of them is right.
    """
    kept: list[_Line] = []
    for own in _by_item(lines):
        wrong = {
            number
            for number, one in enumerate(own)
            for other in own
            if one.price != other.price
            and max(one.since, other.since) < min(one.until, other.until)
        }
        for number, line in enumerate(own):
            if number in wrong:
                found = line.item[:_SHOWN]
                faults.append(AuditError("AUDIT_PRICE_OVERLAP", line.where, found=found))
            elif kept and kept[-1].item == line.item and line.since < kept[-1].until:
                kept[-1] = kept[-1]._replace(until=max(kept[-1].until, line.until))
            else:
                kept.append(line)
    columns = zip(*((one.item, one.price, one.since, one.until) for one in kept), strict=True)
    arrays = [list(column) for column in columns] or [[], [], [], []]
    return pa.table(arrays, schema=PRICES)


def _by_item(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """The rows of each item by their first day."""
    found: dict[str, list[_Line]] = {}
    for line in sorted(lines, key=lambda one: (one.item, one.since, one.until)):
        found.setdefault(line.item, []).append(line)
    yield from found.values()


def over(first: pa.Table, other: pa.Table) -> pa.Table:
    """Prices of one list, and of another those of items that the first does not name."""
    there = pc.is_in(other["item"], pc.unique(first["item"]))
    return pa.concat_tables([first, other.filter(pc.invert(there))])


def listed_ceilings(catalogues: Catalogues, levels: Collection[str]) -> pa.Table:
    """The ceilings that the imported catalogues name (:data:`grouper.audit.context.PRICES`).

    A ceiling finer than a fen is taken up to the next one, and of several of one item and day the
    greatest, so that no line is blamed that keeps to one of them.

    Args:
        catalogues: as they were imported.
        levels: of the hospitals that are screened; ceilings of other levels are left out.
    """
    every = catalogues.ceilings()
    mine = pc.or_(
        pc.is_null(every["level"]), pc.is_in(every["level"], pa.array(sorted(levels), pa.string()))
    )
    lines: dict[str, list[tuple[int, int, int]]] = {}
    for item, price, since, until in zip(
        *(every.filter(mine)[name].to_pylist() for name in ("item", "price", "since", "until")),
        strict=True,
    ):
        fen = int((price * 100).to_integral_value(ROUND_CEILING))
        lines.setdefault(item, []).append((fen, since, until))
    kept = [(item, *one) for item, own in sorted(lines.items()) for one in _greatest(own)]
    columns = [list(column) for column in zip(*kept, strict=True)] or [[], [], [], []]
    return pa.table(columns, schema=PRICES)


def _greatest(own: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Price, first day and end, of each day the greatest price."""
    if len(own) == 1:
        return list(own)
    edges = sorted({day for _, since, until in own for day in (since, until)})
    found: list[tuple[int, int, int]] = []
    for since, until in pairwise(edges):
        price = max((one for one, start, end in own if start <= since < end), default=None)
        if price is None:
            continue
        if found and found[-1][0] == price and found[-1][2] == since:
            found[-1] = (price, found[-1][1], until)
        else:
            found.append((price, since, until))
    return found

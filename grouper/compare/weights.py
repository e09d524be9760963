"""Weights that a region sets, by group: a CSV file beside the scheme."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError, Where
from codebooks.folding import fold_code
from grouper.case.layout import fold_name
from grouper.case.readers.text_input import encoding_of, undecodable
from grouper.case.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PLACES = 12
"""Decimal places that a weight may have, and digits before the point."""
_LIMIT = Decimal(10) ** PLACES
_STEP = Decimal(1).scaleb(-PLACES)
_EXACT = Context(prec=3 * PLACES, traps=[InvalidOperation, Inexact])
_DELIMITERS = (",", "\t", ";")
_NEEDED = ("group", "weight")
_ARCHIVES = {b"PK\x03\x04": "xlsx", b"\xd0\xcf\x11\xe0": "xls", b"PAR1": "parquet"}
_Line = tuple[int, list[str]]


class WeightsError(GrouperError):
    """The file of weights cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by scheme and group; a scheme of None stands for whichever is asked.

    Attributes:
        file: name of the file they come from.
        values: keys are a scheme's id or None, and the folded code of a group.
    """

    file: str
    values: Mapping[tuple[str | None, str], Decimal]

    def of(self, scheme: str, group: str) -> Decimal | None:
        """The weight of a group of a scheme, None where the file states none."""
        folded = fold_code(group)
        found = self.values.get((scheme, folded))
        return self.values.get((None, folded)) if found is None else found


def read_weights(path: Path) -> Weights:
    """Read a file of weights.

    The first line names the columns (synonyms in ``data/weight_columns.csv``): ``group``,
    ``weight`` and, if there is one, ``scheme``, the id of the scheme that a line is for. Other
    columns are passed over. A line without a weight states none; a repeated line is one line.

    Raises:
        WeightsError: ``WEIGHTS_COLUMN`` (one is lacking), ``WEIGHTS_COLUMN_TWICE``,
            ``WEIGHTS_EMPTY``, ``WEIGHTS_GROUP`` (a weight without a group), ``WEIGHTS_NUMBER`` (not
            a number from 0 with at most 12 digits before and after the point), ``WEIGHTS_TWICE``
            (a group with two weights), ``WEIGHTS_TEXT`` (bytes that are no text).
        GrouperError: ``FILE_NOT_FOUND``, ``FILE_DENIED``, ``FILE_FORMAT`` or ``FILE_ENCODING``.
    """
    where = Where(file=path.name)
    lines = _lines(path, where)
    first = next((line for line in lines if any(cell.strip() for cell in line[1])), None)
    if first is None:
        raise WeightsError("WEIGHTS_EMPTY", where)
    columns = _columns(first, where)
    values: dict[tuple[str | None, str], Decimal] = {}
    seen: dict[tuple[str | None, str], int] = {}
    for row, cells in lines:
        found = _weight(cells, columns, Where(file=path.name, row=row), first[1])
        if found is None:
            continue
        key, weight = found
        if values.get(key, weight) != weight:
            place = Where(file=path.name, row=row, column=first[1][columns["weight"]].strip())
            raise WeightsError("WEIGHTS_TWICE", place, found=key[1], first=seen[key])
        values[key] = weight
        seen.setdefault(key, row)
    if not values:
        raise WeightsError("WEIGHTS_EMPTY", where)
    return Weights(path.name, values)


def _lines(path: Path, where: Where) -> Iterator[_Line]:
    """The records of the file with their numbers as a spreadsheet counts them."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
        known = next((name for magic, name in _ARCHIVES.items() if head.startswith(magic)), None)
        if known:
            raise GrouperError("FILE_FORMAT", where, found=known, known="csv")
        encoding = encoding_of(path, None)
        errors = "replace" if encoding == "utf-16" else "surrogateescape"
        codec = "utf-8-sig" if encoding == "utf-8" else encoding
        content = path.read_bytes().decode(codec, errors)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise GrouperError("FILE_NOT_FOUND", where) from None
    except (OSError, ValueError) as cause:
        raise GrouperError("FILE_DENIED", where, cause=type(cause).__name__) from cause
    content = content.lstrip("\ufeff")
    header = next((line for line in io.StringIO(content) if line.strip()), "")
    delimiter = max(_DELIMITERS, key=header.count)
    text = io.StringIO(content, newline="")
    return _records(csv.reader(text, delimiter=delimiter, strict=True), encoding, where)


def _records(reader: Iterator[list[str]], encoding: str, where: Where) -> Iterator[_Line]:
    row = 0
    while True:
        row += 1
        place = Where(file=where.file, row=row)
        try:
            cells = next(reader, None)
        except csv.Error as cause:
            raise WeightsError("WEIGHTS_TEXT", place) from cause
        if cells is None:
            return
        whole = "".join(cells)
        if "\0" in whole or undecodable(whole, encoding):
            raise WeightsError("WEIGHTS_TEXT", place)
        yield row, cells


@cache
def _synonyms() -> dict[str, str]:
    table = rows("weight_columns.csv", "grouper.compare")
    return {fold_name(row["alias"]): row["column"] for row in table}


def _columns(header: _Line, where: Where) -> dict[str, int]:
    """The place of each column that means something."""
    row, names = header
    place = Where(file=where.file, row=row)
    meant = [_synonyms().get(fold_name(name)) for name in names]
    for name, count in Counter(m for m in meant if m).items():
        if count > 1:
            twice = ", ".join(n.strip() for n, m in zip(names, meant, strict=True) if m == name)
            raise WeightsError("WEIGHTS_COLUMN_TWICE", place, wanted=name, found=twice)
    for name in _NEEDED:
        if name not in meant:
            known = (r for r in rows("weight_columns.csv", "grouper.compare"))
            listed = ", ".join(r["alias"] for r in known if r["column"] == name)
            raise WeightsError("WEIGHTS_COLUMN", place, wanted=name, known=listed)
    return {name: at for at, name in enumerate(meant) if name}


def _weight(
    cells: Sequence[str], columns: Mapping[str, int], where: Where, header: Sequence[str]
) -> tuple[tuple[str | None, str], Decimal] | None:
    """Scheme, group and weight of a line; None for one that states no weight."""

    def cell(name: str) -> str:
        at = columns.get(name)
        return cells[at].strip() if at is not None and at < len(cells) else ""

    def place(name: str) -> Where:
        return Where(file=where.file, row=where.row, column=header[columns[name]].strip())

    group, written = cell("group"), cell("weight")
    if not written:
        return None
    if not group:
        raise WeightsError("WEIGHTS_GROUP", place("group"))
    number = _number(written)
    if number is None:
        raise WeightsError("WEIGHTS_NUMBER", place("weight"), found=written[:20], places=PLACES)
    return (cell("scheme") or None, fold_code(group)), number


def _number(written: str) -> Decimal | None:
    """A weight from 0 on that fits, else None; nothing is rounded."""
    if "_" in written:
        return None
    try:
        number = Decimal(written)
        fits = number.is_finite() and 0 <= number < _LIMIT
        return number.quantize(_STEP, context=_EXACT) if fits else None
    except (InvalidOperation, Inexact):
        return None

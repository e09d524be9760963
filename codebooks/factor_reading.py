"""Reading the triggers and factors of DIP auxiliary directories; what is not understood is refused."""

from __future__ import annotations

import os
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.charlson import charlson_variant
from codebooks.errors import CodebookError
from codebooks.factors import (
    CODE_KEYS,
    NUMBERS,
    PLACES,
    Asked,
    CodeKey,
    Condition,
    Directory,
    Factor,
    FactorTables,
    Trigger,
)
from codebooks.folding import fold_code
from codebooks.registry import registry
from codebooks.strict_csv import Row, read_rows

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from enum import StrEnum
    from pathlib import Path

SHIPPED = "factors"
OWN_TRIGGERS, OWN_FACTORS = "dip_triggers.csv", "dip_factors.csv"
TRIGGER_COLUMNS = (
    "region", "directory", "subtype", "name_zh", "name_en", "alternative", "condition",
    "low", "high", "codes", "table", "valid_from", "valid_to", "source",
)  # fmt: skip
FACTOR_COLUMNS = (
    "region", "scheme", "directory", "subtype", "group",
    "factor", "cases", "valid_from", "valid_to", "source",
)  # fmt: skip
FACTOR_OPTIONAL = ("scheme", "group", "cases", "valid_to")
LEVELS = frozenset({"none", "CC", "MCC"})
SCOPES = ("all", "other")
_WHOLE = re.compile(r"[0-9]{1,7}")
_KEY = re.compile(r"[A-Z0-9]{1,12}")
_MOST = Decimal(1000)


def load_tables() -> FactorTables:
    """The shipped rows and the hospital's own; read anew when a file of theirs changed.

    Raises:
        CodebookError: ``TABLE_…`` as :func:`codebooks.strict_csv.read_rows`, ``FACTOR_…`` as
            :func:`read_triggers` and :func:`read_factors`, with file, row and column.
    """
    shelf, own = paths.shipped() / SHIPPED, paths.installed() / "tables"
    files = (
        (shelf / "triggers.csv", False, True),
        (own / OWN_TRIGGERS, True, True),
        (own / OWN_FACTORS, True, False),
    )
    stamps = tuple((*file, *_stamp(file[0])) for file in files)
    return _read([stamp for stamp in stamps if stamp[3] is not None])


def _stamp(path: Path) -> tuple[int | None, int | None]:
    try:
        found = os.stat(path)  # noqa: PTH116 -- one call gives presence, size and time
    except OSError:
        return None, None
    return found.st_mtime_ns, found.st_size


def _read(stamps: Iterable[tuple[Path, bool, bool, int | None, int | None]]) -> FactorTables:
    return _cached(tuple(stamps))


@cache
def _cached(stamps: tuple[tuple[Path, bool, bool, int | None, int | None], ...]) -> FactorTables:
    triggers: list[Trigger] = []
    for path, own, holds_triggers, *_ in stamps:
        if holds_triggers:
            triggers += read_triggers(path, own=own)
    factors: list[Factor] = []
    for path, own, holds_triggers, *_ in stamps:
        if not holds_triggers:
            factors += read_factors(path, triggers, own=own)
    return FactorTables(tuple(triggers), tuple(factors))


def read_triggers(path: Path, *, own: bool = True) -> list[Trigger]:
    """The triggers of a file.

    Raises:
        CodebookError: ``FACTOR_REGION``, ``FACTOR_WORD`` (an unknown directory, condition or
            level), ``FACTOR_EMPTY`` (a cell that is needed), ``FACTOR_UNUSED`` (a cell that the
            condition does not ask for), ``FACTOR_WHOLE``, ``FACTOR_BOUNDS``, ``FACTOR_KEY``,
            ``FACTOR_TABLE``, ``FACTOR_DATE``, ``FACTOR_PERIOD``, ``FACTOR_OVERLAP``.
    """
    rows = _Periods()
    found = []
    for row in read_rows(path, TRIGGER_COLUMNS):
        region, directory = _region(row), Directory(_word(row, "directory", Directory))
        names = (_text(row, "name_zh"), _text(row, "name_en"))
        subtype, alternative = _text(row, "subtype"), _text(row, "alternative")
        condition = _condition(row)
        start, end = _period(row)
        rows.add(row, (region, directory, subtype, alternative, condition.asked), start, end)
        found.append(
            Trigger(
                region,
                directory,
                subtype,
                names,
                alternative,
                condition,
                start,
                end,
                _text(row, "source"),
                own,
                row.where,
            )
        )
    return found


def read_factors(path: Path, triggers: Iterable[Trigger], *, own: bool = True) -> list[Factor]:
    """The factors of a file, whose subtypes must be defined by ``triggers``.

    Raises:
        CodebookError: as :func:`read_triggers`, and ``FACTOR_SCHEME``, ``FACTOR_SUBTYPE``,
            ``FACTOR_NUMBER`` (not a decimal above 0 and below 1000 with at most six places).
    """
    known = {(t.directory, t.subtype) for t in triggers}
    rows = _Periods()
    found = []
    required = tuple(c for c in FACTOR_COLUMNS if c not in FACTOR_OPTIONAL)
    for row in read_rows(path, required, FACTOR_OPTIONAL):
        region, directory = _region(row), Directory(_word(row, "directory", Directory))
        subtype, group, scheme = _text(row, "subtype"), row.cells["group"], row.cells["scheme"]
        if (directory, subtype) not in known:
            have = ", ".join(dict.fromkeys(s for d, s in known if d == directory))
            raise CodebookError("FACTOR_SUBTYPE", row.at("subtype"), found=subtype, known=have)
        if scheme and scheme not in registry().cards:
            raise CodebookError("FACTOR_SCHEME", row.at("scheme"), found=scheme)
        factor = _factor(row)
        cases = _whole(row, "cases")
        start, end = _period(row)
        rows.add(row, (region, scheme, directory, subtype, group), start, end)
        found.append(
            Factor(
                region,
                scheme,
                directory,
                subtype,
                group,
                factor,
                cases,
                start,
                end,
                _text(row, "source"),
                own,
                row.where,
            )
        )
    return found


class _Periods:
    """The periods of the rows of one key, which may not overlap."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, list[tuple[date, date, int | None]]] = {}

    def add(self, row: Row, key: Hashable, start: date, end: date | None) -> None:
        last = end or date.max
        seen = self._seen.setdefault(key, [])
        for other_start, other_end, number in seen:
            if start < other_end and other_start < last:
                raise CodebookError("FACTOR_OVERLAP", row.where, other=number)
        seen.append((start, last, row.where.row))


def _condition(row: Row) -> Condition:
    asked = Asked(_word(row, "condition", Asked))
    needs_table = asked in {Asked.CHARLSON, Asked.CC_LEVEL}
    unused = ("codes",) if asked in NUMBERS else ("low", "high")
    for column in (*unused, *(() if needs_table else ("table",))):
        if row.cells[column]:
            raise CodebookError("FACTOR_UNUSED", row.at(column), condition=asked)
    if needs_table:
        _check_table(row, asked, _text(row, "table"))
    return _bounds(row, asked) if asked in NUMBERS else _listed(row, asked)


def _bounds(row: Row, asked: Asked) -> Condition:
    low, high = _whole(row, "low"), _whole(row, "high")
    if low is None and high is None:
        raise CodebookError("FACTOR_EMPTY", row.at("low"), column="low")
    if low is not None and high is not None and low > high:
        raise CodebookError("FACTOR_BOUNDS", row.at("high"), low=low, high=high)
    return Condition(asked, low, high, table=row.cells["table"])


def _listed(row: Row, asked: Asked) -> Condition:
    codes, table = _text(row, "codes"), row.cells["table"]
    parts = [part.strip() for part in codes.split("|")]
    if asked in CODE_KEYS:
        return Condition(asked, keys=tuple(_key(row, part) for part in parts), written=codes)
    for part in parts if asked == Asked.CC_LEVEL else ():
        if part not in LEVELS:
            known = ", ".join(sorted(LEVELS))
            raise CodebookError("FACTOR_WORD", row.at("codes"), found=part, known=known)
    return Condition(asked, words=tuple(sorted(set(parts))), table=table, written=codes)


def _check_table(row: Row, asked: Asked, table: str) -> None:
    if asked == Asked.CC_LEVEL:
        card = registry().cards.get(table)
        good = card is not None and card.family == "drg"
    else:
        parts = table.split("/")
        good = len(parts) == len(("mapping", "weights", "scope")) and parts[-1] in SCOPES
        if good:
            try:
                charlson_variant(parts[0], parts[1])
            except CodebookError:
                good = False
    if not good:
        raise CodebookError("FACTOR_TABLE", row.at("table"), found=table)


def _key(row: Row, part: str) -> CodeKey:
    low, dash, high = (fold_code(p).replace(".", "") for p in part.partition("-"))
    high = high if dash else low
    good = _KEY.fullmatch(low) and _KEY.fullmatch(high)
    if not good or len(low) != len(high) or low > high:
        raise CodebookError("FACTOR_KEY", row.at("codes"), found=part)
    return CodeKey(low, high)


def _text(row: Row, column: str) -> str:
    if not row.cells[column]:
        raise CodebookError("FACTOR_EMPTY", row.at(column), column=column)
    return row.cells[column]


def _word(row: Row, column: str, words: type[StrEnum]) -> str:
    word = row.cells[column]
    if word not in list(words):
        known = ", ".join(words)
        raise CodebookError("FACTOR_WORD", row.at(column), found=word, known=known)
    return word


def _region(row: Row) -> str:
    name = _text(row, "region")
    if name not in registry().regions:
        known = ", ".join(registry().regions)
        raise CodebookError("FACTOR_REGION", row.at("region"), found=name, known=known)
    return name


def _whole(row: Row, column: str) -> int | None:
    cell = row.cells[column]
    if cell and not _WHOLE.fullmatch(cell):
        raise CodebookError("FACTOR_WHOLE", row.at(column), found=cell)
    return int(cell) if cell else None


def _factor(row: Row) -> Decimal:
    cell = _text(row, "factor")
    try:
        value = Decimal(cell)
    except InvalidOperation:
        value = Decimal("NaN")
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 < value < _MOST or exponent < -PLACES:
        raise CodebookError("FACTOR_NUMBER", row.at("factor"), found=cell)
    return value


def _period(row: Row) -> tuple[date, date | None]:
    days: list[date | None] = []
    for column in ("valid_from", "valid_to"):
        cell = _text(row, column) if column == "valid_from" else row.cells[column]
        try:
            days.append(date.fromisoformat(cell) if cell else None)
        except ValueError as cause:
            raise CodebookError("FACTOR_DATE", row.at(column), found=cell) from cause
    start, end = days
    if start is None or (end is not None and end <= start):
        raise CodebookError("FACTOR_PERIOD", row.at("valid_to"), found=row.cells["valid_to"])
    return start, end

"""A file of running cases with their forecasts, as ``grouper forecast predict`` writes it, or CSV.

One row a case. An amount comes between its bounds: ``fund_low``, ``fund_middle`` (or ``fund``),
``fund_high``. The day of discharge comes as ``discharge`` (and bounds), or of the day of the stay and
the length of the whole stay (``as_of``, ``day``, ``los_…``).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from codebooks.errors import Where
from codebooks.plain import ARROW_FAULTS
from codebooks.strict_csv import read_rows
from grouper.case.dates import LOCAL
from grouper.case.python_values import python_values
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.months import number
from grouper.forecast.outlook.running import AMOUNTS, Running
from grouper.payment.settlement.deductions import INSURANCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from grouper.forecast.outlook.cases import Part
    from grouper.forecast.outlook.settings import Settings

_REQUIRED = ("case_id",)
_ENDS = ("_low", "_middle", "_high", "_mean", "")
_OPTIONAL = (
    *("method", "insurance", "discharge", "discharge_low", "discharge_high", "point_value"),
    *("level", "as_of", "day", "los_low", "los_middle", "los_high"),
    *(f"{name}{end}" for name in AMOUNTS for end in _ENDS),
)
_MOST = 1e12
_PARQUET = ".parquet"
_Three = tuple[float, float, float]


def read_running(
    path: Path, settings: Settings, parts: Mapping[str, Part] | None = None
) -> tuple[Running, ...]:
    """Read the table.

    Columns: ``case_id``; optional ``method`` and ``insurance`` (``employee``, ``resident``),
    ``discharge``, ``discharge_low``, ``discharge_high`` (days), ``point_value``, ``level``, the
    bounds of ``amount``, ``fund`` and ``surplus``, and ``as_of``, ``day``, ``los_…``. A Parquet file
    may have further columns. A case without one of the amounts, its discharge, method or insurance
    is not forecast.

    Args:
        path: of the file, CSV or Parquet.
        settings: the level of bounds that the file does not state.
        parts: method and insurance of cases that the file does not state, by their id.

    Raises:
        CodebookError: a CSV file that is no such table.
        ForecastError: ``OUTLOOK_RUNNING_FILE``, ``OUTLOOK_RUNNING_COLUMN``, ``OUTLOOK_DATE``,
            ``OUTLOOK_AMOUNT``, ``OUTLOOK_WORD``, ``OUTLOOK_BOUNDS``, ``OUTLOOK_CASE``,
            ``OUTLOOK_CASE_TWICE``; with row and column.
    """
    if path.suffix.lower() == _PARQUET:
        cells: Iterable[tuple[Where, Mapping[str, Any]]] = _parquet(path)
    else:
        cells = ((row.where, row.cells) for row in read_rows(path, _REQUIRED, _OPTIONAL))
    found: dict[str, Running] = {}
    for where, row in cells:
        one = _Row(where, {key: None if cell == "" else cell for key, cell in row.items()}).case(
            float(settings["running"]["level"]), parts or {}
        )
        if one.case_id in found:
            raise ForecastError("OUTLOOK_CASE_TWICE", Where(where.file, None, where.row, "case_id"))
        found[one.case_id] = one
    return tuple(found.values())


def _parquet(path: Path) -> Iterable[tuple[Where, Mapping[str, Any]]]:
    try:
        table = pq.read_table(path)
    except ARROW_FAULTS as cause:
        where = Where(file=path.name)
        raise ForecastError("OUTLOOK_RUNNING_FILE", where, cause=type(cause).__name__) from cause
    for name in (*_REQUIRED, *_OPTIONAL):
        count = table.column_names.count(name)
        if count > 1 or (not count and name in _REQUIRED):
            where = Where(file=path.name, column=name)
            raise ForecastError("OUTLOOK_RUNNING_COLUMN", where, column=name)
    known = [name for name in (*_REQUIRED, *_OPTIONAL) if name in table.column_names]
    # A day that Python has no words for becomes a text that is none.
    columns = [python_values(table[name].combine_chunks()) for name in known]
    for place, cells in enumerate(zip(*columns, strict=True), 1):
        row = dict(zip(known, cells, strict=True))
        yield Where(file=path.name, row=place), {**dict.fromkeys(_OPTIONAL), **row}


class _Row:
    """One row; an empty cell is None."""

    def __init__(self, where: Where, cells: Mapping[str, Any]) -> None:
        self.where, self.cells = where, cells

    def case(self, level: float, parts: Mapping[str, Part]) -> Running:
        """The row as a case."""
        cells = self.cells
        if not cells["case_id"]:
            raise ForecastError("OUTLOOK_CASE", self._at("case_id"))
        case_id = str(cells["case_id"])
        insurance = cells["insurance"]
        if insurance is not None and insurance not in INSURANCES:
            told = {"found": str(insurance)[:20], "known": ", ".join(INSURANCES)}
            raise ForecastError("OUTLOOK_WORD", self._at("insurance"), **told)
        method = cells["method"]
        known = parts.get(case_id, (None, None))
        stated = self._number("level")
        if stated is not None and not 0 < stated < 1:
            raise ForecastError("OUTLOOK_AMOUNT", self._at("level"), found=f"{stated:g}")
        value = self._number("point_value")
        if value is not None and value <= 0:
            raise ForecastError("OUTLOOK_AMOUNT", self._at("point_value"), found=f"{value:g}")
        bounds = {name: self._bounds(name) for name in AMOUNTS}
        means = {name: self._number(f"{name}_mean") for name in AMOUNTS}
        return Running(
            case_id=case_id,
            part=(
                known[0] if method is None else str(method),
                known[1] if insurance is None else str(insurance),
            ),
            level=level if stated is None else stated,
            leaves=self._leaves(),
            amounts={name: one for name, one in bounds.items() if one is not None},
            means={name: one for name, one in means.items() if one is not None},
            value=value,
        )

    def _leaves(self) -> _Three | None:
        """The day of discharge between its bounds, as numbers of days."""
        if self.cells["discharge"] is not None:
            middle = self._day("discharge")
            low, high = (
                middle if self.cells[name] is None else self._day(name)
                for name in ("discharge_low", "discharge_high")
            )
            return self._ordered("discharge", (low, middle, high))
        stay = self._bounds("los")
        day = self._number("day")
        if stay is None or day is None or self.cells["as_of"] is None:
            return None
        admitted = self._day("as_of") - day
        return (admitted + stay[0], admitted + stay[1], admitted + stay[2])

    def _bounds(self, name: str) -> _Three | None:
        middle = f"{name}_middle" if self.cells.get(f"{name}_middle") is not None else name
        found = [self._number(one) for one in (f"{name}_low", middle, f"{name}_high")]
        low, center, high = found
        if low is None or center is None or high is None:
            return None
        return self._ordered(name, (low, center, high))

    def _ordered(self, name: str, bounds: _Three) -> _Three:
        if not bounds[0] <= bounds[1] <= bounds[2]:
            raise ForecastError("OUTLOOK_BOUNDS", self._at(name), column=name)
        return bounds

    def _day(self, name: str) -> int:
        cell = self.cells[name]
        if isinstance(cell, datetime):
            return number((cell.astimezone(LOCAL) if cell.tzinfo else cell).date())
        if isinstance(cell, date):
            return number(cell)
        try:
            return number(date.fromisoformat(str(cell)[:10]))
        except ValueError:
            told = str(cell)[:20]
            raise ForecastError("OUTLOOK_DATE", self._at(name), found=told) from None

    def _number(self, name: str) -> float | None:
        cell = self.cells.get(name)
        if cell is None:
            return None
        try:
            found = float(cell)
        except (TypeError, ValueError):
            found = float("nan")
        if not abs(found) < _MOST:
            raise ForecastError("OUTLOOK_AMOUNT", self._at(name), found=str(cell)[:20])
        return found

    def _at(self, column: str) -> Where:
        return Where(self.where.file, None, self.where.row, column)

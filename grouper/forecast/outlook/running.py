"""Running cases with their forecasts: a table that the forecast of cases writes.

One row a case. Amounts come as three columns, the expected one between its bounds: ``fund_low``,
``fund``, ``fund_high``. A case without amounts is kept and told; what comes of it is left to the
volume of the days ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.errors import Where
from codebooks.strict_csv import read_rows
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.months import at, day_of, number
from grouper.payment.settlement.deductions import INSURANCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from grouper.forecast.outlook.cases import Part
    from grouper.forecast.outlook.settings import Settings

AMOUNTS = ("amount", "fund", "surplus")
_REQUIRED = ("case_id", "method", "insurance", "discharge")
_BOUNDS = tuple(f"{name}{end}" for name in AMOUNTS for end in ("_low", "", "_high"))
_OPTIONAL = ("discharge_low", "discharge_high", "point_value", *_BOUNDS)
_MOST = 1e12
_PARQUET = ".parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One running case.

    Attributes:
        case_id: of the case.
        part: method and insurance.
        leaves: expected day of discharge between its bounds, as numbers of days.
        amounts: by name low, middle and high, in yuan; a name that is lacking is not known.
        value: the point value that the amounts rest on; None: they do not move with it.
    """

    case_id: str
    part: Part
    leaves: tuple[float, float, float]
    amounts: Mapping[str, tuple[float, float, float]]
    value: float | None = None

    @property
    def known(self) -> bool:
        """Whether all its amounts are forecast."""
        return all(name in self.amounts for name in AMOUNTS)


@dataclass(frozen=True)
class Drawn:
    """What the running cases of a part come to, by month.

    Attributes:
        counts: cases that leave in each month, [draws, months].
        fixed, slope: amount, fund and surplus as fixed + slope × point value, [draws, months, 3].
    """

    counts: NDArray[np.int64]
    fixed: NDArray[np.float64]
    slope: NDArray[np.float64]


def draw(
    cases: Sequence[Running], months: Sequence[int], as_of: int, settings: Settings, part: Part
) -> Drawn:
    """Draw when the cases leave and what they come to.

    Args:
        cases: of one part, all with amounts.
        months: asked for, one after another.
        as_of: the last day that is known; nobody has left who is still running then.
        settings: the parameters.
        part: whose cases they are.
    """
    draws = settings.draws
    counts = np.zeros((draws, len(months)), np.int64)
    fixed, slope = (np.zeros((draws, len(months), len(AMOUNTS))) for _ in range(2))
    chance = settings.chance("running", *part)
    reach = NormalDist().inv_cdf((1 + float(settings["running"]["level"])) / 2)
    starts = np.array([np.datetime64(day_of(as_of + 1), "M").astype(np.int64)])
    for one in sorted(cases, key=lambda case: case.case_id):
        days = np.maximum(
            np.rint(_split(one.leaves, chance.standard_normal(draws) / reach)), as_of + 1
        )
        left = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        place = left - int(starts[0]) + at(day_of(as_of + 1)) - months[0]
        inside = np.flatnonzero((place >= 0) & (place < len(months)))
        # One chance for all amounts of a case: what costs more is also paid more.
        far = chance.standard_normal(draws) / reach
        where = (inside, place[inside])
        counts[where] += 1
        amounts = [_split(one.amounts[name], far)[inside] for name in AMOUNTS]
        moves = amounts[0] / one.value if one.value else np.zeros(len(inside))
        for at_, found in enumerate(amounts):
            fixed[(*where, at_)] += found - moves * (one.value or 0.0)
            slope[(*where, at_)] += moves
    return Drawn(counts, fixed, slope)


def _split(
    bounds: tuple[float, float, float], far: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Two halves of normal distributions that meet in the middle; ``far`` 1 is a bound."""
    low, middle, high = bounds
    found: NDArray[np.float64] = middle + far * np.where(far < 0, middle - low, high - middle)
    return found


def read_running(path: Path) -> tuple[Running, ...]:
    """Read the table, CSV or Parquet.

    Columns: ``case_id``, ``method``, ``insurance`` (``employee``, ``resident``), ``discharge``
    (expected day); optional ``discharge_low``, ``discharge_high``, ``point_value`` and low, middle
    and high of ``amount``, ``fund`` and ``surplus``.

    Raises:
        CodebookError: a CSV file that is no such table.
        ForecastError: ``OUTLOOK_RUNNING_FILE``, ``OUTLOOK_RUNNING_COLUMN``, ``OUTLOOK_DATE``,
            ``OUTLOOK_AMOUNT``, ``OUTLOOK_WORD``, ``OUTLOOK_BOUNDS``, ``OUTLOOK_CASE``,
            ``OUTLOOK_CASE_TWICE``, with row and column.
    """
    if path.suffix.lower() == _PARQUET:
        cells: Iterable[tuple[Where, Mapping[str, Any]]] = _parquet(path)
    else:
        cells = ((row.where, row.cells) for row in read_rows(path, _REQUIRED, _OPTIONAL))
    found: dict[str, Running] = {}
    for where, row in cells:
        one = _running(where, row)
        if one.case_id in found:
            raise ForecastError("OUTLOOK_CASE_TWICE", _at(where, "case_id"))
        found[one.case_id] = one
    return tuple(found.values())


def _parquet(path: Path) -> Iterable[tuple[Where, Mapping[str, Any]]]:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as cause:
        where = Where(file=path.name)
        raise ForecastError("OUTLOOK_RUNNING_FILE", where, cause=type(cause).__name__) from cause
    for name in _REQUIRED:
        if name not in table.column_names:
            where = Where(file=path.name, column=name)
            raise ForecastError("OUTLOOK_RUNNING_COLUMN", where, column=name)
    known = [name for name in (*_REQUIRED, *_OPTIONAL) if name in table.column_names]
    for place, row in enumerate(table.select(known).to_pylist(), 1):
        yield Where(file=path.name, row=place), {**dict.fromkeys(_OPTIONAL, ""), **row}


def _running(where: Where, row: Mapping[str, Any]) -> Running:
    case_id = str(row["case_id"] or "")
    if not case_id:
        raise ForecastError("OUTLOOK_CASE", _at(where, "case_id"))
    insurance = row["insurance"] or None
    if insurance is not None and insurance not in INSURANCES:
        told = {"found": str(insurance)[:20], "known": ", ".join(INSURANCES)}
        raise ForecastError("OUTLOOK_WORD", _at(where, "insurance"), **told)
    middle = _day(where, "discharge", row["discharge"])
    ends = [
        middle if _none(row[f"discharge_{end}"]) else _day(where, f"discharge_{end}", row[f"discharge_{end}"])
        for end in ("low", "high")
    ]
    amounts = {}
    for name in AMOUNTS:
        bounds = tuple(_amount(where, f"{name}{end}", row) for end in ("_low", "", "_high"))
        if None not in bounds:
            amounts[name] = _ordered(where, name, bounds)
    value = _amount(where, "point_value", row)
    if value is not None and value <= 0:
        raise ForecastError("OUTLOOK_AMOUNT", _at(where, "point_value"), found=f"{value:g}")
    return Running(
        case_id=case_id,
        part=(str(row["method"]) if row["method"] else None, insurance),
        leaves=_ordered(where, "discharge", (ends[0], middle, ends[1])),
        amounts=amounts,
        value=value,
    )


def _ordered(where: Where, name: str, bounds: Any) -> tuple[float, float, float]:  # noqa: ANN401 -- three numbers
    low, middle, high = (float(one) for one in bounds)
    if not low <= middle <= high:
        raise ForecastError("OUTLOOK_BOUNDS", _at(where, name), column=name)
    return low, middle, high


def _none(cell: object) -> bool:
    return cell is None or cell == ""


def _day(where: Where, column: str, cell: object) -> int:
    if isinstance(cell, date):
        return number(cell.date() if isinstance(cell, datetime) else cell)
    try:
        return number(date.fromisoformat(str(cell)))
    except ValueError:
        told = str(cell)[:20]
        raise ForecastError("OUTLOOK_DATE", _at(where, column), found=told) from None


def _amount(where: Where, column: str, row: Mapping[str, Any]) -> float | None:
    cell = row[column]
    if _none(cell):
        return None
    try:
        found = float(cell)
    except (TypeError, ValueError):
        found = float("nan")
    if not abs(found) < _MOST:
        raise ForecastError("OUTLOOK_AMOUNT", _at(where, column), found=str(cell)[:20])
    return found


def _at(where: Where, column: str) -> Where:
    return Where(where.file, None, where.row, column)

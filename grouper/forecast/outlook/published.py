"""The months that the bureau published: a table that the office keeps, read strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from codebooks.strict_csv import Row, read_rows
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.months import YEAR, month_of, name_of
from grouper.payment.methods import methods
from grouper.payment.settlement.deductions import INSURANCES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from codebooks.errors import Where

Pool = tuple[str, str]
"""Method and insurance: whose points share a budget."""
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,6})?", re.ASCII)
_REQUIRED = ("month", "insurance", "method", "total_points", "point_value")
_OPTIONAL = ("own_points", "budget", "status", "note")


class Status(StrEnum):
    """How sure the bureau is."""

    PRELIMINARY = "preliminary"
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A published month of one method and insurance.

    Attributes:
        month: as a number of :mod:`grouper.forecast.outlook.months`.
        pool: method and insurance.
        points: of all hospitals of the region.
        value: the month's point value in yuan.
        own: the hospital's own points, as the bureau counts them.
        budget: of the year in yuan, as the bureau then said; None: as the policy says.
        status: a final row takes the place of a preliminary one.
    """

    month: int
    pool: Pool
    points: Decimal
    value: Decimal
    own: Decimal | None = None
    budget: Decimal | None = None
    status: Status = Status.FINAL


@dataclass(frozen=True)
class Published:
    """All published months, one a pool and month."""

    months: tuple[Month, ...]

    @classmethod
    def of(cls, rows: Iterable[Month]) -> Published:
        """In order, a final row in the place of a preliminary one."""
        found: dict[tuple[Pool, int], Month] = {}
        for one in rows:
            before = found.get((one.pool, one.month))
            if before is None or one.status is Status.FINAL:
                found[one.pool, one.month] = one
        return cls(tuple(found[key] for key in sorted(found)))

    @cached_property
    def pools(self) -> tuple[Pool, ...]:
        """Methods and insurances that have a row."""
        return tuple(sorted({one.pool for one in self.months}))

    def of_pool(self, pool: Pool) -> list[Month]:
        """The months of one pool, in order."""
        return [one for one in self.months if one.pool == pool]

    def until(self, month: int) -> Published:
        """What was published of months up to this one."""
        return Published(tuple(one for one in self.months if one.month <= month))

    def budget(self, pool: Pool, year: int) -> Decimal | None:
        """The year's budget as the bureau last said it."""
        told = [
            one.budget
            for one in self.of_pool(pool)
            if one.month // YEAR == year and one.budget is not None
        ]
        return told[-1] if told else None


def read_published(path: Path) -> Published:
    """Read the table.

    Columns: ``month`` (2026-11), ``insurance`` (``employee``, ``resident``), ``method``,
    ``total_points``, ``point_value``; optional ``own_points``, ``budget``, ``note``, ``status``
    (``preliminary``, ``final``; empty: final).

    Raises:
        CodebookError: the file is no such table.
        ForecastError: ``OUTLOOK_MONTH``, ``OUTLOOK_WORD``, ``OUTLOOK_NUMBER``, ``OUTLOOK_OWN``
            (more points of ours than of all), ``OUTLOOK_ROW_TWICE``; each with row and column.
    """
    rows: list[Month] = []
    seen: set[tuple[Pool, int, Status]] = set()
    for row in read_rows(path, _REQUIRED, _OPTIONAL):
        one = _month(row)
        if (one.pool, one.month, one.status) in seen:
            told = {"month": name_of(one.month), "method": one.pool[0], "insurance": one.pool[1]}
            raise ForecastError("OUTLOOK_ROW_TWICE", row.where, **told)
        seen.add((one.pool, one.month, one.status))
        rows.append(one)
    return Published.of(rows)


def _month(row: Row) -> Month:
    cells = row.cells
    try:
        month = month_of(cells["month"])
    except ForecastError as error:
        raise ForecastError(error.code, row.at("month"), **error.params) from None
    insurance = _word(row, "insurance", INSURANCES)
    method = _word(row, "method", tuple(sorted(methods())))
    points = _number(cells["total_points"], row.at("total_points"))
    own = _number(cells["own_points"], row.at("own_points")) if cells["own_points"] else None
    if own is not None and own > points:
        raise ForecastError("OUTLOOK_OWN", row.at("own_points"), own=f"{own:f}", all=f"{points:f}")
    known = tuple(one.value for one in Status)
    return Month(
        month=month,
        pool=(method, insurance),
        points=points,
        value=_number(cells["point_value"], row.at("point_value")),
        own=own,
        budget=_number(cells["budget"], row.at("budget")) if cells["budget"] else None,
        status=Status(_word(row, "status", known)) if cells["status"] else Status.FINAL,
    )


def _word(row: Row, column: str, known: tuple[str, ...]) -> str:
    found = row.cells[column]
    if found not in known:
        told = ", ".join(known)
        raise ForecastError("OUTLOOK_WORD", row.at(column), found=found[:20], known=told)
    return found


def _number(written: str, where: Where) -> Decimal:
    """A number above nought."""
    if not _NUMBER.fullmatch(written) or not Decimal(written):
        raise ForecastError("OUTLOOK_NUMBER", where, found=written[:20])
    return Decimal(written)

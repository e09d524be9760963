"""The benchmark's file: CSV, or CSV compressed by gzip, in UTF-8, one row a stay."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codebooks.errors import Where
from grouper.forecast.errors import ForecastError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from grouper.forecast.benchmark.columns import Columns

_GZIP = b"\x1f\x8b"
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
"""A whole number that a program wrote with a decimal point."""


@dataclass(frozen=True, slots=True)
class Stays:
    """The rows of a file, as far as they may be used.

    Attributes:
        file: its name.
        rows: where each stay stands in it, as a spreadsheet counts, [stays].
        values: the texts of each feature by short name, [stays]; empty where the file says nothing.
        cost: what came, [stays]; NaN where the file does not say it.
        costed: whether the file has the column of the target.
    """

    file: str
    rows: NDArray[np.int64]
    values: Mapping[str, NDArray[np.object_]]
    cost: NDArray[np.float64]
    costed: bool

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: NDArray[np.int64]) -> Stays:
        """Some of the stays."""
        return Stays(
            self.file,
            self.rows[places],
            {name: texts[places] for name, texts in self.values.items()},
            self.cost[places],
            self.costed,
        )

    def known(self) -> NDArray[np.int64]:
        """The places of the stays whose cost is known."""
        return np.flatnonzero(~np.isnan(self.cost))

    def in_order(self) -> Stays:
        """The stays in an order that does not depend on the file's: by cost, then by the texts."""
        names = sorted(self.values)
        words = zip(*(self.values[name].tolist() for name in names), strict=True)
        keys = [(cost, *texts) for cost, texts in zip(self.cost.tolist(), words, strict=True)]
        return self.take(np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64))


def read_stays(path: Path, columns: Columns) -> Stays:
    """Read a file; columns that may not be used are not even taken.

    Args:
        path: the file.
        columns: which columns are used.

    Raises:
        ForecastError: ``BENCHMARK_FILE`` when it cannot be read as a table,
            ``BENCHMARK_COLUMN`` when a feature's column is missing or there twice,
            ``BENCHMARK_ROW`` for a row with more or fewer cells than the header,
            ``BENCHMARK_COST`` for a cost that is no amount above nought and up to ``most``,
            ``BENCHMARK_EMPTY`` for a file without a stay.
    """
    rows = _rows(path)
    header = [name.strip() for name in next(rows, (0, []))[1]]
    places = _places(path, header, columns)
    at = header.index(columns.target) if columns.target in header else None
    numbers: list[int] = []
    texts: list[list[str]] = []
    costs: list[float] = []
    for number, row in rows:
        if not row:
            continue
        if len(row) != len(header):
            where = Where(file=path.name, row=number)
            raise ForecastError("BENCHMARK_ROW", where, found=len(row), wanted=len(header))
        numbers.append(number)
        texts.append([_text(row[place]) for place in places.values()])
        costs.append(
            math.nan
            if at is None
            else _cost(row[at], Where(path.name, None, number, header[at]), columns.most)
        )
    if not numbers:
        raise ForecastError("BENCHMARK_EMPTY", Where(file=path.name))
    by_name = dict(zip(places, zip(*texts, strict=True), strict=True))
    return Stays(
        path.name,
        np.array(numbers, np.int64),
        {name: np.array(values, object) for name, values in by_name.items()},
        np.array(costs, np.float64),
        at is not None,
    )


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers, from the header on."""
    try:
        raw = path.read_bytes()
        whole = gzip.decompress(raw) if raw.startswith(_GZIP) else raw
        text = io.StringIO(whole.decode("utf-8-sig"), newline="")
        reader = csv.reader(text, strict=True)
        yield from enumerate(reader, 1)
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as cause:
        found = cause.strerror if isinstance(cause, OSError) else None
        where = Where(file=path.name)
        raise ForecastError("BENCHMARK_FILE", where, cause=found or type(cause).__name__) from cause


def _places(path: Path, header: list[str], columns: Columns) -> dict[str, int]:
    """Where each feature stands."""
    wanted = {one.short: one.column for one in columns.features.values()}
    for column in (*wanted.values(), columns.target):
        count = header.count(column)
        if count > 1 or (count == 0 and column != columns.target):
            where = Where(file=path.name, column=column)
            raise ForecastError("BENCHMARK_COLUMN", where, count=count)
    return {short: header.index(column) for short, column in wanted.items()}


def _text(cell: str) -> str:
    word = cell.strip()
    found = _WHOLE.fullmatch(word)
    return found[1] if found else word


def _cost(cell: str, where: Where, most: float) -> float:
    word = cell.strip()
    if not word:
        return math.nan
    try:
        found = float(word)
    except ValueError as cause:
        raise ForecastError("BENCHMARK_COST", where, most=f"{most:.0f}") from cause
    if not 0 < found <= most:
        raise ForecastError("BENCHMARK_COST", where, most=f"{most:.0f}")
    return found

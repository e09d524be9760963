"""How forecasts are told of, from ``data/forecasts.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from grouper.case.dates import LOCAL

if TYPE_CHECKING:
    from datetime import date, datetime
    from importlib.resources.abc import Traversable

_FILE = files("grouper.service") / "data" / "forecasts.toml"
_NAMES = {"day_bands", "top", "card_days"}


@dataclass(frozen=True, slots=True)
class Telling:
    """How forecasts are told of (``data/forecasts.toml``).

    Attributes:
        day_bands: first day of stay of each band of scores; the last band is open.
        top: a group counts as foretold when it is among so many of the likeliest.
        card_days: a card shows a forecast that is less than so many days behind the last whole one.
    """

    day_bands: tuple[int, ...]
    top: int
    card_days: int


def read_telling(file: Traversable) -> Telling:
    """Read the file.

    Raises:
        CodebookError: ``FORECAST_TELLING``: a name is missing, unknown or has no such value.
    """
    where = Where(file=file.name)
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except ValueError as cause:
        raise CodebookError("FORECAST_TELLING", where, name="") from cause
    for name in sorted(found.keys() ^ _NAMES):
        raise CodebookError("FORECAST_TELLING", where, name=name)
    for name in ("top", "card_days"):
        if type(found[name]) is not int or found[name] < 1:
            raise CodebookError("FORECAST_TELLING", where, name=name)
    bands = found["day_bands"]
    if (
        not isinstance(bands, list)
        or not bands
        or any(type(one) is not int for one in bands)
        or bands[0] != 0
        or any(low >= high for low, high in pairwise(bands))
    ):
        raise CodebookError("FORECAST_TELLING", where, name="day_bands")
    return Telling(tuple(bands), found["top"], found["card_days"])


@cache
def telling() -> Telling:
    """How forecasts are told of.

    Raises:
        CodebookError: as :func:`read_telling`.
    """
    return read_telling(_FILE)


def last_whole_day(at: datetime) -> date:
    """The local day before that of a time: the last one that is known whole."""
    return at.astimezone(LOCAL).date() - timedelta(days=1)

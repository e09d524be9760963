"""The tables beside the field specification (``data/*.csv``), read once."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY_FIELD = "*"


def rows(name: str, package: str = "grouper.case") -> Iterator[dict[str, str]]:
    """The rows of a table in a package's ``data`` folder."""
    text = (files(package) / "data" / name).read_text("utf-8")
    return iter(list(csv.DictReader(text.splitlines())))


_DATED = "-"


@cache
def number_limits() -> dict[str, tuple[Decimal, Decimal]]:
    """The least and the greatest number that a field takes, both inclusive."""
    numbers = [r for r in rows("limits.csv") if _DATED not in r["minimum"][1:]]
    return {r["field"]: (Decimal(r["minimum"]), Decimal(r["maximum"])) for r in numbers}


@cache
def date_limits() -> dict[str, tuple[date, date]]:
    """The first and the last day that a date or a time takes, both inclusive."""
    dated = [r for r in rows("limits.csv") if _DATED in r["minimum"][1:]]
    day = date.fromisoformat
    return {r["field"]: (day(r["minimum"]), day(r["maximum"])) for r in dated}


@cache
def units() -> dict[str, dict[str, Decimal]]:
    """For each unit its spellings (folded to lower case) and their factors."""
    found: dict[str, dict[str, Decimal]] = {}
    for row in rows("units.csv"):
        found.setdefault(row["unit"], {})[row["spelling"]] = Decimal(row["factor"])
    return found


@cache
def missing() -> frozenset[str]:
    """Marks that stand for an empty cell in any field (folded to lower case), the empty text too."""
    marks = {r["spelling"] for r in rows("spellings.csv") if r["field"] == EVERY_FIELD}
    return frozenset(marks | {""})


@cache
def spellings(field: str) -> dict[str, str]:
    """The code-list value of each spelling (folded to lower case); empty: stated as unknown."""
    return {r["spelling"]: r["value"] for r in rows("spellings.csv") if r["field"] == field}


@cache
def vocabulary() -> frozenset[str]:
    """Words of the tables, which no issue needs to hide: they name no person."""
    words = {r["spelling"] for r in rows("spellings.csv")}
    words |= {r["value"] for r in rows("spellings.csv")}
    words |= {r["spelling"] for r in rows("units.csv")}
    return frozenset(words)

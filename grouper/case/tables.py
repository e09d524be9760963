"""The tables beside the field specification (``data/*.csv``), read once."""

from __future__ import annotations

import csv
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the greatest value that a field takes, both inclusive."""

    minimum: Decimal | date
    maximum: Decimal | date


@cache
def limits() -> dict[str, Limits]:
    """Limits by field; dates for dates and times, numbers for all others."""

    def value(text: str) -> Decimal | date:
        return date.fromisoformat(text) if "-" in text else Decimal(text)

    return {
        r["field"]: Limits(value(r["minimum"]), value(r["maximum"])) for r in rows("limits.csv")
    }


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

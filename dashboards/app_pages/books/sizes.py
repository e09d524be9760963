"""Sizes of the pages of codebooks and policies, from ``data/books.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows of a page, groups found at most, rows that speak of a group, characters of cells, days."""

    rows: int
    hits: int
    speaking: int
    cell: int
    source: int
    first_day: date
    last_day: date


@cache
def sizes() -> Sizes:
    """The sizes; a name that is missing or unknown is a programming error."""
    return Sizes(**tomllib.loads((files("dashboards") / "data" / "books.toml").read_text("utf-8")))

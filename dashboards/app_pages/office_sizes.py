"""Sizes on the pages of the insurance office, from ``data/office.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows and charge lines of a page, lines to choose from, versions compared, seconds that a payment is kept."""

    rows: int
    lines: int
    raised: int
    versions: int
    payment_seconds: int


@cache
def sizes() -> Sizes:
    """The sizes; a name that is missing or unknown is a programming error."""
    return Sizes(**tomllib.loads((files("dashboards") / "data" / "office.toml").read_text("utf-8")))

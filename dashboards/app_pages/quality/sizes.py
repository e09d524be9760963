"""Sizes of the page, from ``data/quality.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Sizes:
    """Attributes: as ``data/quality.toml`` says."""

    heat_rows: int
    cases: int


@cache
def sizes() -> Sizes:
    """The sizes."""
    path = files("dashboards") / "data" / "quality.toml"
    return Sizes(**tomllib.loads(path.read_text("utf-8")))

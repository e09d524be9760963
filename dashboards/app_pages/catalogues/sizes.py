"""Sizes of the page, from ``data/catalogues.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Sizes:
    """Attributes: as ``data/catalogues.toml`` says."""

    rows: int
    findings: int
    columns: int


@cache
def sizes() -> Sizes:
    """The sizes."""
    path = files("dashboards") / "data" / "catalogues.toml"
    return Sizes(**tomllib.loads(path.read_text("utf-8")))

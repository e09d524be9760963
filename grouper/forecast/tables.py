"""The tables of this package: hyper-parameters, thresholds and lists, read once."""

from __future__ import annotations

import csv
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def toml(name: str) -> dict[str, Any]:
    """A TOML file of ``grouper/forecast/data``."""
    found: dict[str, Any] = tomllib.loads(_read(name))
    return found


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a CSV file of ``grouper/forecast/data``."""
    return tuple(csv.DictReader(_read(name).splitlines()))


def _read(name: str) -> str:
    return (files("grouper.forecast") / "data" / name).read_text("utf-8")

"""Sizes on the pages of interfaces, messages, accounts and the audit log (``data/interfaces.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Sizes:
    """Seconds, rows and lengths; the file says what each is for."""

    refresh_seconds: int
    kept_seconds: int
    rows: int
    results: int
    parts: int
    alerts: int
    note: int


@cache
def sizes() -> Sizes:
    """The sizes; a name that is missing or unknown is a programming error."""
    file = files("dashboards") / "data" / "interfaces.toml"
    return Sizes(**tomllib.loads(file.read_text("utf-8")))

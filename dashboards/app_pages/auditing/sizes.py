"""Sizes of the audit's pages, from ``data/findings.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def sizes() -> dict[str, int]:
    """By name, as the file says what they are."""
    told = (files("dashboards") / "data" / "findings.toml").read_text("utf-8")
    return {name: int(value) for name, value in tomllib.loads(told).items()}

"""Sizes on the page that compares two schemes, from ``data/compare.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def sizes() -> Mapping[str, int]:
    """The sizes by name."""
    return tomllib.loads((files("dashboards") / "data" / "compare.toml").read_text("utf-8"))

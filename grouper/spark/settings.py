"""How much a worker takes at once, as data."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def settings() -> dict[str, Any]:
    """The table ``data/spark.toml``."""
    found = files("grouper.spark") / "data" / "spark.toml"
    return tomllib.loads(found.read_text("utf-8"))

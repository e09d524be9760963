"""Limits of the servers that answer people and systems (``data/web.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class WebLimits:
    """Limits; ``data/web.toml`` says what each means.

    Attributes:
        open_body: bytes of the body of a request that needs no sign-in.
        head_bytes: bytes of address and headers.
        head_seconds: in which these must have come.
        body_seconds: in which a body must have come.
    """

    open_body: int
    head_bytes: int
    head_seconds: float
    body_seconds: float


@cache
def web_limits() -> WebLimits:
    """The limits."""
    return WebLimits(
        **tomllib.loads((files("grouper.service") / "data" / "web.toml").read_text("utf-8"))
    )

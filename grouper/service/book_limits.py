"""Sizes and limits of the import of schemes and policies, from ``data/books.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLimits:
    """The limits.

    Attributes:
        members: files in a zipped folder.
        name: characters of a file's name that are kept.
        policy_bytes, policy_files: size of one policy file in bytes, and how many at once.
        codes: codes of one set that a list of changes shows.
        every, steady: seconds between two looks at what is installed, and of standing still.
    """

    members: int
    name: int
    policy_bytes: int
    policy_files: int
    codes: int
    every: float
    steady: float


@cache
def book_limits() -> BookLimits:
    """The limits; a name that is missing or unknown is a programming error."""
    told = tomllib.loads((files("grouper.service") / "data" / "books.toml").read_text("utf-8"))
    return BookLimits(**{name: value for part in told.values() for name, value in part.items()})

"""What the pages of interfaces, messages and the audit log look at (``data/interfaces.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from codebooks.errors import CodebookError, Where

_FILE = files("grouper.service") / "data" / "interfaces.toml"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Hours, rows and days; the file says what each is for."""

    hours: int
    newest: int
    scan: int
    replay_at_once: int
    late_hours: int
    failed_days: int


@cache
def interface_sizes() -> Sizes:
    """The sizes.

    Raises:
        CodebookError: ``INTERFACE_SIZES``: a name is missing, unknown or no number of one or more.
    """
    found = tomllib.loads(_FILE.read_text("utf-8"))
    names = set(Sizes.__dataclass_fields__)
    wrong = found.keys() ^ names | {
        name for name in names & found.keys() if type(found[name]) is not int or found[name] < 1
    }
    if wrong:
        raise CodebookError("INTERFACE_SIZES", Where(file=_FILE.name), name=min(wrong))
    return Sizes(**found)

"""The kinds of errands and their limits, from ``data/errands.csv`` and ``data/errands.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib import import_module
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from codebooks.errors import CodebookError, GrouperError, Where
from codebooks.strict_csv import read_rows
from grouper.service.access.principal import Right

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.resources.abc import Traversable

_DATA = files("grouper.service") / "data"
_COLUMNS = ("kind", "function", "right", "inputs")
_DAYS, _DEFAULT = "days", "default"


class ErrandError(GrouperError):
    """An errand that cannot be asked for, found or done."""


class Inputs(StrEnum):
    """What becomes of the files that were handed in when an errand has ended."""

    GONE = "gone"
    """They are taken away: they may name patients."""
    KEPT = "kept"
    """They stay as long as the errand: something later reads them, or they name nobody."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of errand.

    Attributes:
        name: its id.
        function: what does it, ``package.module:function``.
        rights: what who asks for it must hold, all of them.
        inputs: what becomes of the files that were handed in, once it has ended.
    """

    name: str
    function: str
    rights: tuple[Right, ...]
    inputs: Inputs = Inputs.KEPT

    def load(self) -> Callable[..., Mapping[str, Any]]:
        """What does it."""
        module, _, name = self.function.partition(":")
        found: Callable[..., Mapping[str, Any]] = getattr(import_module(module), name)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of errands; ``data/errands.toml`` says what each means."""

    most: int
    most_own: int
    tries: int
    progress_seconds: float
    watch_seconds: float
    most_bytes: int
    days: Mapping[str, int]

    def kept(self, kind: str) -> timedelta:
        """How long an errand is kept after its end."""
        return timedelta(days=self.days.get(kind, self.days[_DEFAULT]))


@cache
def kinds() -> Mapping[str, Kind]:
    """All kinds by name.

    Raises:
        CodebookError: the table is not as it should be.
    """
    with as_file(_DATA / "errands.csv") as path:
        return {
            row.cells["kind"]: Kind(
                row.cells["kind"],
                row.cells["function"],
                tuple(Right(one) for one in row.cells["right"].split()),
                Inputs(row.cells["inputs"]),
            )
            for row in read_rows(path, _COLUMNS)
        }


def kind_of(name: str) -> Kind:
    """A kind by its name.

    Raises:
        ErrandError: ``ERRAND_KIND``.
    """
    found = kinds().get(name)
    if found is None:
        raise ErrandError("ERRAND_KIND", kind=name)
    return found


@cache
def limits() -> Limits:
    """The limits.

    Raises:
        CodebookError: ``ERRAND_LIMITS``.
    """
    return read_limits(_DATA / "errands.toml")


def read_limits(file: Traversable) -> Limits:
    """Read the file of limits.

    Raises:
        CodebookError: ``ERRAND_LIMITS``: a name is missing, unknown or no number above nought.
    """
    where = Where(file=file.name)
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except ValueError as cause:
        raise CodebookError("ERRAND_LIMITS", where, name="") from cause
    for name in sorted(found.keys() ^ {field.name for field in fields(Limits)}):
        raise CodebookError("ERRAND_LIMITS", where, name=name)
    days = found.pop(_DAYS)
    if not isinstance(days, dict) or _DEFAULT not in days:
        raise CodebookError("ERRAND_LIMITS", where, name=f"{_DAYS}.{_DEFAULT}")
    for name, value in (found | {f"{_DAYS}.{kind}": of for kind, of in days.items()}).items():
        whole = not name.endswith("_seconds")
        number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not number or value <= 0:
            raise CodebookError("ERRAND_LIMITS", where, name=name)
    return Limits(**found, days=days)

"""The columns of an insurer's list: names by meaning (``data/columns.toml``), and a hospital's own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from codebooks import paths
from codebooks.errors import Where
from codebooks.plain import toml_of
from grouper.audit.errors import AuditError
from grouper.case.layout import fold_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PRIVATE = "private"
"""The meaning of columns that name persons: never kept."""
KINDS = ("number", "text", "day", "quantity", "money", PRIVATE)
NUMBERS = ("case", "settlement", "visit", "record", "person")
"""The columns that say which stay is meant, the surest first."""
_TABLES = ("limits", "level", "total", "settlement", "hospital", "columns")
_TOML = "columns.toml"
OWN = "insurer_columns.toml"
"""Name of the hospital's own file."""
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Columns:
    """What the names of columns mean, and what else a list is read by.

    Attributes:
        kinds: kind of each meaning (:data:`KINDS`).
        names: meaning and rank of each folded name; the lesser rank is preferred.
        levels: level of a finding by the folded words of the insurer's class.
        default_level: where neither the insurer nor our rule says one.
        totals: folded words that begin a row of totals.
        header_rows: rows of a sheet in which the header is looked for.
        most_rows: rows that a file may have.
        settlement_paths: where a stay's record keeps the number of its settlement.
        hospitals: codes that mean this hospital beside its own.
    """

    kinds: Mapping[str, str]
    names: Mapping[str, tuple[str, int]]
    levels: Mapping[str, str]
    default_level: str
    totals: frozenset[str]
    header_rows: int
    most_rows: int
    settlement_paths: tuple[str, ...]
    hospitals: frozenset[str]

    def known(self, *meanings: str) -> str:
        """The names of some meanings, for an error."""
        found = [name for name, (meaning, _) in self.names.items() if meaning in meanings]
        return ", ".join(found)


@cache
def shipped() -> Columns:
    """The columns as shipped."""
    text = (files("grouper.audit.insurer") / "data" / _TOML).read_text("utf-8")
    return _read(tomllib.loads(text), Where(file=_TOML), ())


def read_columns(path: Path | None) -> Columns:
    """The columns with those of a hospital's file before them; None: as shipped.

    Raises:
        AuditError: ``INSURER_COLUMNS``: it cannot be read, or names what there is not.
    """
    if path is None:
        return shipped()
    where = Where(file=path.name)
    try:
        own = toml_of(path.read_text("utf-8"))
    except (OSError, ValueError) as cause:
        raise AuditError("INSURER_COLUMNS", where, problem=type(cause).__name__) from cause
    base = tomllib.loads((files("grouper.audit.insurer") / "data" / _TOML).read_text("utf-8"))
    extra = own.get("columns", {})
    for name, value in own.items():
        if name in ("source", "columns"):
            continue
        if name not in _TABLES or not isinstance(value, dict):
            raise AuditError("INSURER_COLUMNS", _at(where, name), problem=name[:_SHOWN])
        base[name] = base[name] | value
    if not isinstance(extra, dict):
        raise AuditError("INSURER_COLUMNS", _at(where, "columns"), problem="columns")
    return _read(base, where, tuple(extra.items()))


def at_hand(path: Path | None = None) -> Columns:
    """The columns of a file, else with the hospital's own ``GROUPER_DATA/audit/insurer_columns.toml``.

    Raises:
        AuditError: ``INSURER_COLUMNS``.
    """
    own = paths.installed() / "audit" / OWN
    return read_columns(path or (own if own.is_file() else None))


def _read(found: dict[str, Any], where: Where, own: Sequence[tuple[str, Any]]) -> Columns:
    kinds: dict[str, str] = {}
    names: dict[str, tuple[str, int]] = {}
    for meaning, about in found["columns"].items():
        kinds[meaning] = str(about["kind"])
        for rank, name in enumerate(about["names"]):
            names[fold_name(name)] = (meaning, rank)
    for meaning, about in own:
        listed = about.get("names") if isinstance(about, dict) else None
        if meaning not in kinds or not _words(listed):
            raise AuditError("INSURER_COLUMNS", _at(where, meaning), problem=meaning[:_SHOWN])
        for rank, name in enumerate(listed or ()):
            # Before every shipped name of this meaning.
            names[fold_name(name)] = (meaning, rank - len(listed or ()))
    try:
        levels = {
            fold_name(word): level
            for level, words in found["level"].get("words", {}).items()
            for word in words
        }
        return Columns(
            kinds=kinds,
            names=names,
            levels=levels,
            default_level=str(found["level"]["default"]),
            totals=frozenset(fold_name(word) for word in found["total"]["names"]),
            header_rows=_whole(found["limits"]["header_rows"]),
            most_rows=_whole(found["limits"]["rows"]),
            settlement_paths=tuple(str(one) for one in found["settlement"]["paths"]),
            hospitals=frozenset(str(one) for one in found["hospital"]["codes"]),
        )
    except (AttributeError, TypeError, ValueError) as cause:
        raise AuditError("INSURER_COLUMNS", where, problem=type(cause).__name__) from cause


def _words(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) and one.strip() for one in found)


def _whole(found: object) -> int:
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise ValueError(found)
    return found


def _at(where: Where, name: str) -> Where:
    return Where(file=where.file, column=name[:_SHOWN])

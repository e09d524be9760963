"""What the hospital calls its departments and physicians: tables of its own data folder.

``departments.csv`` and ``physicians.csv`` have the columns ``code`` and ``name``, and may have
``valid_from`` and ``valid_to`` (half-open, empty: open). Codes are those that messages and files of
cases use. Neither file need be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from codebooks.strict_csv import Row

KINDS: Mapping[str, str] = {"department": "departments.csv", "physician": "physicians.csv"}
"""Whose names, and in which file."""
_COLUMNS, _OPTIONAL = ("code", "name"), ("valid_from", "valid_to")


@dataclass(frozen=True, slots=True)
class Naming:
    """A name while it holds.

    Attributes:
        name: in the hospital's words.
        valid_from, valid_to: half-open.
    """

    name: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True)
class HospitalNames:
    """Names by kind and code, those of one code in the order of their days."""

    known: Mapping[str, Mapping[str, tuple[Naming, ...]]]

    def name(self, kind: str, code: str, day: date | None = None) -> str | None:
        """What a code is called.

        Args:
            kind: of :data:`KINDS`.
            code: as messages have it.
            day: on which; None, or a day on which it had no name: its last name.
        """
        namings = self.known.get(kind, {}).get(code, ())
        for one in namings:
            if day is not None and one.valid_from <= day < one.valid_to:
                return one.name
        return namings[-1].name if namings else None

    def last(self, kind: str) -> dict[str, str]:
        """The last name of each code of a kind, in the order of the file."""
        return {code: namings[-1].name for code, namings in self.known.get(kind, {}).items()}


NONE = HospitalNames({})


def hospital_names(folder: Path) -> HospitalNames:
    """Read the tables that are there.

    Args:
        folder: the hospital's data folder.

    Raises:
        CodebookError: as :func:`codebooks.strict_csv.read_rows`, and ``NAMES_EMPTY`` (code or name
            is missing), ``NAMES_DAY`` (no day), ``NAMES_OVERLAP`` (two names of a code on one day).
    """
    return HospitalNames(
        {kind: _read(folder / file) for kind, file in KINDS.items() if (folder / file).is_file()}
    )


def _read(path: Path) -> dict[str, tuple[Naming, ...]]:
    found: dict[str, list[Naming]] = {}
    for row in read_rows(path, _COLUMNS, _OPTIONAL):
        for name in _COLUMNS:
            if not row.cells[name]:
                raise CodebookError("NAMES_EMPTY", row.at(name), column=name)
        first, last = _day(row, "valid_from", date.min), _day(row, "valid_to", date.max)
        code = row.cells["code"]
        beside = found.setdefault(code, [])
        if last <= first or any(one.valid_from < last and first < one.valid_to for one in beside):
            raise CodebookError("NAMES_OVERLAP", row.where, code=code)
        beside.append(Naming(row.cells["name"], first, last))
    return {
        code: tuple(sorted(namings, key=lambda one: one.valid_from))
        for code, namings in found.items()
    }


def _day(row: Row, column: str, otherwise: date) -> date:
    written = row.cells[column]
    if not written:
        return otherwise
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise CodebookError("NAMES_DAY", row.at(column), found=written) from None

"""``manifest.json`` of a mart: which files belong to its state, and what they were made of.

It is replaced in one step, so that a reader always sees one whole state; a build that is broken off
leaves the last one as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter

from codebooks.plain import json_of
from grouper.mart.errors import MartError

MANIFEST = "manifest.json"
FORMAT = 2


@dataclass(slots=True, kw_only=True)
class Year:
    """By what the months of a year were made."""

    inputs: str
    rules: str
    schemes: list[str]


@dataclass(slots=True, kw_only=True)
class Manifest:
    """The state of a mart.

    Attributes:
        made: when, aware, ISO 8601.
        source: ``hospital`` or ``store``.
        region: of the policy.
        months: file of each month with cases.
        years: of each year, by what it was made: a hash of its ``inputs``, of the ``rules``, and
            the ``schemes`` that it met.
        means: file of the group means.
        names: of values of an axis, such as of departments.
        policies: ids.
        sources: how many groups' means came from where.
        assumptions: paths of the policy's values that are assumptions.
        format: of these files.
    """

    made: str = ""
    source: str = ""
    region: str = ""
    months: dict[str, str] = field(default_factory=dict)
    years: dict[str, Year] = field(default_factory=dict)
    means: str = ""
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    policies: list[str] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def schemes(self) -> list[str]:
        """All schemes that were met."""
        return sorted({one for year in self.years.values() for one in year.schemes})

    @property
    def files(self) -> set[str]:
        """The files of this state."""
        return {*self.months.values(), self.means} - {""}

    @property
    def at(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.made)


_STATE = TypeAdapter(Manifest)


def read(folder: Path) -> Manifest:
    """The state of a folder.

    Raises:
        MartError: ``MART_ABSENT``, ``MART_OLD``, ``MART_BROKEN``.
    """
    try:
        found: Any = json_of((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise MartError("MART_ABSENT") from None
    except (OSError, ValueError):
        raise MartError("MART_BROKEN") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise MartError("MART_OLD")
    try:
        state = _STATE.validate_python(found)
        files, _ = state.files, state.at
    except ValueError:
        raise MartError("MART_OLD") from None
    # Only what lies in the folder itself: a name that leads elsewhere is none of ours.
    if not all(Path(name).name == name and (folder / name).is_file() for name in files):
        raise MartError("MART_BROKEN")
    return state


def publish(folder: Path, state: Manifest) -> None:
    """Make a state the one that readers see, and take away the files of others.

    A reader that has the last state open has read its files already (:mod:`grouper.mart.loading`).
    """
    fresh = folder / f"{MANIFEST}.{uuid4().hex}"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(asdict(state), file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / MANIFEST)
    for path in folder.glob("*.parquet"):
        if path.name not in state.files:
            path.unlink(missing_ok=True)


def stamp_of(folder: Path) -> str:
    """What the state of a folder is known by; empty: there is none."""
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:16]
    except OSError:
        return ""

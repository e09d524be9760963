"""The tables that the hospital is made of (``data/``), read once, and the hash over all of them."""

from __future__ import annotations

import csv
import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from grouper.demo.hospital.errors import HospitalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DATA = files("grouper.demo.hospital") / "data"


@cache
def toml(name: str) -> Mapping[str, Any]:
    """A TOML table of the folder."""
    return tomllib.loads((DATA / name).read_text("utf-8"))


@cache
def rows(name: str) -> Sequence[Mapping[str, str]]:
    """The rows of a CSV table of the folder.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_TABLE`` for a row whose cells are not those of the header.
    """
    reader = csv.DictReader((DATA / name).read_text("utf-8").splitlines(), strict=True)
    found = []
    for row in reader:
        if None in row or None in row.values():
            raise HospitalError("DEMO_HOSPITAL_TABLE", Where(file=name, row=reader.line_num))
        found.append(row)
    return tuple(found)


@cache
def data_hash() -> str:
    """SHA-256 over the names and bytes of all tables."""
    digest = hashlib.sha256()
    for file in sorted(DATA.iterdir(), key=lambda f: f.name):
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Profile:
    """Whom a group may strike.

    Attributes:
        id: its name.
        prefixes: beginnings of diagnoses.
        words: words of a diagnosis's name.
        procedures: beginnings of procedures.
        ages: a mixture of ages in years: share, mean, standard deviation, youngest, oldest; empty
            for newborns.
        days: the least and most age in days; empty but for newborns.
        female: share of women.
        returns: factor on the chance of coming back.
        death: factor on the chance of dying.
        series: whether a return within a planned series is for the same group.
    """

    id: str
    female: float
    returns: float
    prefixes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    ages: tuple[tuple[float, ...], ...] = ()
    days: tuple[int, ...] = ()
    death: float = 1.0
    series: bool = False


def _tuples(value: Any) -> Any:  # noqa: ANN401 -- whatever a TOML table holds
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


@cache
def profiles() -> tuple[Profile, ...]:
    """The profiles in their order.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_TABLE`` for an unknown key or a missing one.
    """
    found = []
    for number, row in enumerate(toml("profiles.toml")["profiles"], 1):
        try:
            found.append(Profile(**{key: _tuples(value) for key, value in row.items()}))
        except TypeError as cause:
            raise HospitalError(
                "DEMO_HOSPITAL_TABLE", Where(file="profiles.toml", row=number)
            ) from cause
    return tuple(found)

"""Where a value comes from: places in the order of trying, a table of values, a unit."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hl7_adapters.hl7v2.codec import NULL
from hl7_adapters.hl7v2.times import case_date, case_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hl7_adapters.hl7v2.places import Place, Scope

READINGS: dict[str, Callable[[str], str]] = {"text": str, "time": case_time, "date": case_date}
"""How a value is spelled for the Case, by the name that a mapping uses."""


@lru_cache(maxsize=4096)
def fold(value: str) -> str:
    """The form in which values are looked up: case, width and blanks do not matter."""
    return "".join(unicodedata.normalize("NFKC", value).casefold().split())


@dataclass(frozen=True, slots=True)
class Table:
    """A table of values: what senders write, folded, and what it means; "" means nothing."""

    name: str
    meanings: Mapping[str, str]

    def get(self, value: str) -> str | None:
        """The meaning; None if the table does not know the value."""
        return self.meanings.get(fold(value))


class Unknown:
    """Values that no table knows, by the place where they stand; each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], None] = {}

    def add(self, place: str, value: str) -> None:
        """Note a value."""
        self._found[place, value] = None

    def all(self) -> tuple[tuple[str, str], ...]:
        """Place and value of each."""
        return tuple(self._found)


@dataclass(frozen=True, slots=True)
class Source:
    """Where one value comes from.

    Attributes:
        places: the first one that holds something counts.
        reading: how it is spelled.
        table: what its values mean; a value that it does not know is kept and noted.
        unit: where the unit stands that goes with the value.
    """

    places: tuple[Place, ...] = ()
    reading: str = "text"
    table: Table | None = None
    unit: Place | None = None

    def found(self, scope: Scope) -> tuple[str, str]:
        """The value as it stands there and its place.

        Returns:
            ``""`` when nothing is said; :data:`NULL` when the sender says that there is none and
            no later place holds a value.
        """
        null = ""
        for place in self.places:
            value = place.read(scope)
            if value == NULL:
                null = null or place.text
            elif value:
                return value, place.text
        return (NULL, null) if null else ("", "")

    def read(self, scope: Scope, unknown: Unknown) -> str | None:
        """The value for the Case: "" when nothing is said, None when the sender clears it."""
        value, place = self.found(scope)
        if not value:
            return ""
        if value == NULL:
            return None
        if self.table is not None:
            meaning = self.table.get(value)
            if meaning is not None:
                return meaning
            unknown.add(place, value)
            return value
        unit = self.unit.read(scope) if self.unit else ""
        written = READINGS[self.reading](value)
        return written + unit if unit and unit != NULL else written

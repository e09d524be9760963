"""Reading a TOML table strictly: every key is known, every value of its kind, or it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from codebooks.errors import CodebookError, Where
from codebooks.plain import toml_of
from hl7_adapters.hl7v2.places import read_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from enum import StrEnum
    from pathlib import Path

    from hl7_adapters.hl7v2.places import Place

    Document = dict[str, Any]

E = TypeVar("E", bound="StrEnum")


def read_toml(path: Path) -> Document:
    """A TOML file.

    Raises:
        CodebookError: ``HL7_FILE`` (cannot be read), ``HL7_TOML`` (is none, or not UTF-8).
    """
    where = Where(file=path.name)
    try:
        return toml_of(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CodebookError("HL7_FILE", where, reason=reason) from error
    except ValueError as error:
        raise CodebookError("HL7_TOML", where, reason=str(error)) from error


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Document:
    """Two documents as one: tables are merged key by key, anything else is replaced."""
    found = dict(below)
    for key, value in above.items():
        known = found.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            found[key] = merged(known, value)
        else:
            found[key] = value
    return found


class SettingsTable:
    """One table of a document; :meth:`close` refuses keys that nobody asked for.

    Args:
        data: what stands in it.
        file: name of the file, for errors.
        key: dotted key of the table; empty for the document.
    """

    def __init__(self, data: Mapping[str, Any], file: str, key: str = "") -> None:
        self._data = data
        self._taken: set[str] = set()
        self.file = file
        self.key = key

    def fail(self, code: str, name: str, **params: object) -> NoReturn:
        """Refuse the value of a key.

        Raises:
            CodebookError: always, with the file and the dotted key.
        """
        key = f"{self.key}.{name}" if self.key and name else self.key or name
        raise CodebookError(code, Where(file=self.file), key=key, **params)

    def close(self) -> None:
        """Refuse keys that are not known.

        Raises:
            CodebookError: ``HL7_KEY_UNKNOWN``.
        """
        for name in self._data:
            if name not in self._taken:
                self.fail("HL7_KEY_UNKNOWN", name, known=", ".join(sorted(self._taken)))

    def names(self) -> tuple[str, ...]:
        """All keys."""
        return tuple(self._data)

    def table(self, name: str) -> SettingsTable:
        """A table inside; an empty one when it is absent."""
        value = self._take(name, dict, {})
        return SettingsTable(value, self.file, f"{self.key}.{name}" if self.key else name)

    def tables(self) -> Iterator[tuple[str, SettingsTable]]:
        """All tables inside, by name: here every key is a name."""
        for name in self._data:
            yield name, self.table(name)

    def list_of_tables(self, name: str) -> list[SettingsTable]:
        """The tables of an array."""
        found = []
        for number, value in enumerate(self._take(name, list, []), 1):
            key = f"{name}[{number}]"
            if not isinstance(value, dict):
                self.fail("HL7_VALUE", key, wanted="table")
            found.append(SettingsTable(value, self.file, f"{self.key}.{key}" if self.key else key))
        return found

    def text(self, name: str, default: str = "") -> str:
        """A text."""
        value: str = self._take(name, str, default)
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """One of some texts."""
        value = self.text(name, default)
        if value not in allowed:
            self.fail("HL7_VALUE", name, wanted=", ".join(allowed))
        return value

    def member(self, name: str, kind: type[E], default: E) -> E:
        """A member of an enumeration, by its value."""
        return kind(self.choice(name, [member.value for member in kind], default.value))

    def members(self, name: str, kind: type[E], default: Sequence[E]) -> tuple[E, ...]:
        """Members of an enumeration."""
        values = self.texts(name, [member.value for member in default])
        known = [member.value for member in kind]
        for value in values:
            if value not in known:
                self.fail("HL7_VALUE", name, wanted=", ".join(known))
        return tuple(kind(value) for value in values)

    def flag(self, name: str) -> bool | None:
        """True or false; None when it is not said."""
        value: bool | None = self._take(name, bool, None)
        return value

    def texts(self, name: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """An array of texts."""
        values = self._take(name, list, list(default))
        if not all(isinstance(value, str) for value in values):
            self.fail("HL7_VALUE", name, wanted="texts")
        return tuple(values)

    def words(self) -> dict[str, str]:
        """All of it, when every value is a text and every key a name."""
        return {name: self.text(name) for name in self._data}

    def place(self, name: str, text: str) -> Place:
        """The place that a text names."""
        place = read_place(text)
        if place is None:
            self.fail("HL7_PLACE", name, found=text)
        return place

    def places(self, name: str) -> tuple[Place, ...]:
        """An array of places."""
        return tuple(self.place(name, text) for text in self.texts(name))

    def pairs(self, name: str) -> tuple[tuple[Place, Place], ...]:
        """An array of pairs of places."""
        found = []
        for pair in self._take(name, list, []):
            if (
                not isinstance(pair, list)
                or len(pair) != 2  # noqa: PLR2004 -- a pair
                or not all(isinstance(text, str) for text in pair)
            ):
                self.fail("HL7_VALUE", name, wanted="[[place, place], …]")
            found.append((self.place(name, pair[0]), self.place(name, pair[1])))
        return tuple(found)

    def _take(self, name: str, kind: type, default: Any) -> Any:  # noqa: ANN401 -- the kind's own
        self._taken.add(name)
        if name not in self._data:
            return default
        value = self._data[name]
        if not isinstance(value, kind):
            self.fail("HL7_VALUE", name, wanted=kind.__name__)
        return value

"""The forms of catalogue files as data (``data/catalogues/*.toml``): columns, words, codes, limits."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codebooks import paths

if TYPE_CHECKING:
    from collections.abc import Mapping

DRUGS, SERVICES, MATERIALS, GREY, MAPPING = ("drugs", "services", "materials", "grey", "mapping")
KINDS = (DRUGS, SERVICES, MATERIALS, GREY, MAPPING)
LISTED = (DRUGS, SERVICES, MATERIALS)
"""The kinds that say which national codes there are."""
DAYS = ("valid_from", "valid_last", "valid_to")


class Kind(StrEnum):
    """What a column holds.

    ``first_day``: first day in force; ``last_day``: last day in force; ``end_day``: first day no
    longer in force.
    """

    NATIONAL = "national"
    ID = "id"
    TEXT = "text"
    SCOPE = "scope"
    SHARE = "share"
    PRICE = "price"
    FIRST_DAY = "first_day"
    LAST_DAY = "last_day"
    END_DAY = "end_day"


ARROW = {
    Kind.NATIONAL: pa.string(),
    Kind.ID: pa.string(),
    Kind.TEXT: pa.string(),
    Kind.SCOPE: pa.string(),
    Kind.SHARE: pa.decimal128(9, 4),
    Kind.PRICE: pa.decimal128(18, 4),
}
"""The Arrow type of each kind but the days, which become the row's validity."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a catalogue.

    Attributes:
        name: its name in the house.
        kind: what it holds.
        required: whether a row without it is left out.
        needed: whether a file must have the column.
        labels: header texts by which it is found, the first one being that of words.
    """

    name: str
    kind: Kind
    required: bool
    needed: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one kind of catalogue.

    Attributes:
        kind: one of :data:`KINDS`.
        key: the field of which one row is in force on a day.
        fields: in the order of the table.
    """

    kind: str
    key: str
    fields: Mapping[str, Field]

    @property
    def content(self) -> tuple[Field, ...]:
        """The fields without the days."""
        return tuple(field for name, field in self.fields.items() if name not in DAYS)

    @property
    def schema(self) -> pa.Schema:
        """The columns of the content."""
        return pa.schema([(field.name, ARROW[field.kind]) for field in self.content])

    @property
    def needed(self) -> tuple[Field, ...]:
        """The fields that a file must have."""
        return tuple(field for field in self.fields.values() if field.needed)


@dataclass(frozen=True, slots=True)
class CodeForm:
    """A form of national codes.

    Attributes:
        name: of the form.
        catalogue: the kind of catalogue that lists such codes.
        pattern: the code whole.
        within: so many first characters are the code of a listed item, too; 0: only the whole.
    """

    name: str
    catalogue: str
    pattern: re.Pattern[str]
    within: int


@dataclass(frozen=True, slots=True)
class Common:
    """``data/catalogues/common.toml``, whose comments say what each part is."""

    header_rows: int
    blanks: frozenset[str]
    endless: frozenset[str]
    endless_from: int
    longest_text: int
    price_places: int
    suffixes: tuple[str, ...]
    percent: tuple[str, ...]
    scopes: Mapping[str, str]
    levels: Mapping[str, str]
    codes: tuple[CodeForm, ...]

    def form_of(self, code: str) -> CodeForm | None:
        """The form that a code has; None: none."""
        return next((one for one in self.codes if one.pattern.fullmatch(code)), None)


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((paths.shipped() / "catalogues" / f"{name}.toml").read_text("utf-8"))


@cache
def common() -> Common:
    """What all catalogues have in common."""
    plain = _toml("common")
    return Common(
        header_rows=plain["header_rows"],
        blanks=frozenset(plain["blanks"]),
        endless=frozenset(plain["endless"]),
        endless_from=plain["endless_from"],
        longest_text=plain["longest_text"],
        price_places=plain["price_places"],
        suffixes=tuple(plain["suffixes"]),
        percent=tuple(plain["percent"]),
        scopes={word: scope for scope, words in plain["scopes"].items() for word in words},
        levels={word: level for level, words in plain["levels"].items() for word in words},
        codes=tuple(
            CodeForm(
                name, one["catalogue"], re.compile(one["pattern"], re.ASCII), one.get("within", 0)
            )
            for name, one in plain["codes"].items()
        ),
    )


@cache
def form(kind: str) -> Form:
    """The form of one of :data:`KINDS`."""
    plain = _toml(kind)
    fields = {
        name: Field(
            name,
            Kind(one["kind"]),
            one.get("required", False),
            one.get("needed", one.get("required", False)),
            tuple(one["labels"]),
        )
        for name, one in plain["fields"].items()
    }
    return Form(kind, plain["key"], fields)

"""The layouts of DIP files, as data: ``data/importers/dip_3_0.toml`` and ``dip_city.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from codebooks import paths

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """One sheet of the official workbook.

    Attributes:
        table: the book's table that it fills.
        section: of its groups, else empty.
        detail: of its groups, else empty.
        marks: words of which one stands in the sheet's name.
        columns: the columns in the sheet's order, each with the texts its header may have.
    """

    table: str
    section: str
    detail: str
    marks: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class WorkbookLayout:
    """The official workbook.

    Attributes:
        header_rows: the header stands in one of a sheet's first rows.
        remarks: how a row of remarks below the groups begins.
        nested: header texts by which the second header inside a sheet moves columns.
        sheets: the sheets in the order of the numbers.
        published: the published counts.
        defaults: of the card.
        options: of the card.
    """

    header_rows: int
    remarks: tuple[str, ...]
    nested: Mapping[str, tuple[str, ...]]
    sheets: tuple[SheetLayout, ...]
    published: Mapping[str, int]
    defaults: Mapping[str, Any]
    options: Mapping[str, bool | int | str]


@dataclass(frozen=True, slots=True)
class CityLayout:
    """A bureau's table.

    Attributes:
        header_rows: the header stands in one of the first rows.
        columns: texts that the header of each field may have.
        labels: the header that an export writes for each field.
        sections: patterns of the words for the kinds of groups, by section.
        kinds: the word that an export writes for each section.
        treatments: patterns of the words for the kinds of treatment.
        suffixes: the treatment that a comprehensive group's code ends with.
        blanks: what stands in a cell for nothing.
        defaults: of the card.
        options: of the card.
    """

    header_rows: int
    columns: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]
    sections: Mapping[str, tuple[str, ...]]
    kinds: Mapping[str, str]
    treatments: Mapping[str, tuple[str, ...]]
    suffixes: Mapping[str, str]
    blanks: frozenset[str]
    defaults: Mapping[str, Any]
    options: Mapping[str, bool | int | str]


@cache
def workbook_layout() -> WorkbookLayout:
    """The layout of the official workbook."""
    plain = _read("dip_3_0.toml")
    return WorkbookLayout(
        header_rows=plain["header_rows"],
        remarks=tuple(plain["remarks"]),
        nested=_texts(plain["nested"]),
        sheets=tuple(
            SheetLayout(
                table=sheet["table"],
                section=sheet.get("section", ""),
                detail=sheet.get("detail", ""),
                marks=tuple(sheet["marks"]),
                columns=_texts(sheet["columns"]),
            )
            for sheet in plain["sheet"]
        ),
        published=plain["published"],
        defaults=plain["defaults"],
        options=plain["options"],
    )


@cache
def city_layout() -> CityLayout:
    """The columns that bureaus use."""
    plain = _read("dip_city.toml")
    columns = _texts(plain["columns"])
    return CityLayout(
        header_rows=plain["header_rows"],
        columns=columns,
        labels={field: texts[0] for field, texts in columns.items()},
        sections=_texts(plain["sections"]),
        kinds=plain["kinds"],
        treatments=_texts(plain["treatments"]),
        suffixes=plain["suffixes"],
        blanks=frozenset(plain["blanks"]),
        defaults=plain["defaults"],
        options=plain["options"],
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((paths.shipped() / "importers" / name).read_text("utf-8"))


def _texts(plain: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(texts) for name, texts in plain.items()}

"""The layouts an import knows, as data: sheets, columns, limits, published counts, supplements."""

from __future__ import annotations

import csv
import json
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from codebooks import paths

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """One sheet: the table it fills, its names, and the header texts of each field."""

    table: str
    names: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What is larger is not opened: bytes of a file, bytes unpacked, cells of one sheet."""

    file_bytes: int
    unpacked_bytes: int
    cells: int


@dataclass(frozen=True, slots=True)
class Layout:
    """``data/importers/chs_drg.toml``, whose comments say what each part is."""

    header_rows: int
    levels: tuple[str, ...]
    newborn_weights: tuple[str, ...]
    limits: Limits
    defaults: Mapping[str, Any]
    lists_book: str
    list_tables: tuple[str, ...]
    nothing: Mapping[str, str]
    sheets: tuple[SheetLayout, ...]


@dataclass(frozen=True, slots=True)
class PublishedCounts:
    """The counts that the publisher of a scheme states, by the keys of ``import.count``."""

    scheme: str
    region: str
    source: str
    counts: Mapping[str, int]


@cache
def layout() -> Layout:
    """The layout of CHS-DRG files."""
    plain = tomllib.loads((paths.shipped() / "importers" / "chs_drg.toml").read_text("utf-8"))
    return Layout(
        header_rows=plain["header_rows"],
        levels=tuple(plain["levels"]),
        newborn_weights=tuple(plain["newborn_weights"]),
        limits=Limits(**plain["limits"]),
        defaults=plain["defaults"],
        lists_book=plain["lists"]["book"],
        list_tables=tuple(plain["lists"]["tables"]),
        nothing=plain["nothing"],
        sheets=tuple(
            SheetLayout(
                sheet["table"],
                tuple(sheet["names"]),
                {field: tuple(aliases) for field, aliases in sheet["columns"].items()},
            )
            for sheet in plain["sheet"]
        ),
    )


@cache
def published_counts() -> PublishedCounts:
    """The published counts of the national scheme."""
    path = paths.shipped() / "importers" / "published_counts.json"
    return PublishedCounts(**json.loads(path.read_text("utf-8")))


@cache
def exclusion_supplements() -> tuple[tuple[str, str], ...]:
    """The exclusion rows that stand in print alone, as (exclusion, principal code)."""
    path = paths.shipped() / "importers" / "exclusion_supplements.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple((r["exclusion"], r["principal_code"]) for r in csv.DictReader(file))

"""The layouts of an outpatient scheme's files, as data (``data/importers/apg.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from codebooks import paths

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TableLayout:
    """One table: names of its file or sheet, header texts of its columns, those that it needs."""

    table: str
    names: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    needed: frozenset[str]


@dataclass(frozen=True, slots=True)
class ApgLayout:
    """All tables, how far down a header may stand, and what a card need not say."""

    header_rows: int
    tables: tuple[TableLayout, ...]
    defaults: Mapping[str, Any]


@cache
def apg_layout() -> ApgLayout:
    """The layout of APG files."""
    plain = tomllib.loads((paths.shipped() / "importers" / "apg.toml").read_text("utf-8"))
    return ApgLayout(
        plain["header_rows"],
        tuple(
            TableLayout(
                table["table"],
                tuple(table["names"]),
                {column: tuple(texts) for column, texts in table["columns"].items()},
                frozenset(plain["needed"][table["table"]]),
            )
            for table in plain["table"]
        ),
        plain["defaults"],
    )

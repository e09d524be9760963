"""CHS-DRG: six tables and two lists, as ``docs/RULES.md`` lays them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _INT = pa.string(), pa.int32()

TABLES: Mapping[str, pa.Schema] = {
    "mdc": pa.schema([("mdc", _TEXT), ("name", _TEXT), ("rule", _TEXT), ("sort", _INT)]),
    "adrg": pa.schema(
        [("adrg", _TEXT), ("name", _TEXT), ("rule", _TEXT), ("mdc", _TEXT), ("sort", _INT)]
    ),
    "drg": pa.schema(
        [
            ("drg", _TEXT),
            ("name", _TEXT),
            ("rule", _TEXT),
            ("adrg", _TEXT),
            ("mdc", _TEXT),
            ("sort", _INT),
        ]
    ),
    "sets": pa.schema([("set_id", _TEXT), ("code", _TEXT)]),
    "cc": pa.schema([("code", _TEXT), ("level", _TEXT), ("exclusion", _TEXT)]),
    "exclusions": pa.schema([("exclusion", _TEXT), ("principal_code", _TEXT)]),
    "not_principal": pa.schema([("code", _TEXT)]),
    "not_grouping": pa.schema([("code", _TEXT)]),
}
"""The tables of a book, in the order in which they are hashed. ``sort`` is the rank in the scope."""

"""Tables of a book of the family ``pdpm``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

TABLES: Mapping[str, pa.Schema] = {}
"""The tables, in the order in which they are hashed."""

GROUP_COLUMN = ("groups", "group")

"""The tables of a scheme book, family by family.

A family's form is a mapping of table names to Arrow schemas, in the order in which they are hashed.
Adding a family is adding a module here and a line to :data:`FORMS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.forms import apg, dip, drg, msdrg, pdpm

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

FORMS: Mapping[str, Mapping[str, pa.Schema]] = {
    "drg": drg.TABLES,
    "dip": dip.TABLES,
    "apg": apg.TABLES,
    "pdpm": pdpm.TABLES,
    "msdrg": msdrg.TABLES,
}
"""The form of each family's books."""

GROUP_TABLE: Mapping[str, tuple[str, str]] = {
    "drg": ("drg", "drg"),
    "dip": dip.GROUP_COLUMN,
    "apg": apg.GROUP_COLUMN,
    "pdpm": pdpm.GROUP_COLUMN,
    "msdrg": msdrg.GROUP_COLUMN,
}
"""Table and column that list a family's groups; a group may have several rows (versions)."""

"""The demonstration hospital that several benchmarks work on, and copies of its months."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.plan import make_plan
from grouper.demo.hospital.tables import toml

if TYPE_CHECKING:
    from pathlib import Path

FIRST, MONTHS, SEED = "2025-01", 24, 20250101


def hospital_at(folder: Path, scale: float = 1.0) -> Path:
    """The demonstration hospital, or what is missing of it.

    Args:
        folder: where it lies.
        scale: its size; 1.0: about 2,500 inpatients a month.
    """
    own = toml("hospital.toml")["hospital"]
    plan = make_plan(FIRST, MONTHS, SEED, scale, region=own["region"], scheme=own["scheme"])
    make_hospital(folder, plan)
    return folder


def renamed(table: pa.Table, copy: int) -> pa.Table:
    """With ids and persons of their own for each copy."""
    for name in ("case_id", "person"):
        if name in table.column_names:
            ids = pc.binary_join_element_wise(str(copy), table[name].cast(pa.string()), "-")
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, ids.dictionary_encode())
    return table

"""Quantities of a credit evaluation that no finding tells, handed in as a table."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.strict_csv import read_rows
from grouper.audit.errors import AuditError
from grouper.audit.fund.credit import Quantity
from grouper.audit.fund.credit_scheme import NAMES

if TYPE_CHECKING:
    from pathlib import Path

_NUMBER = re.compile(r"\d{1,15}(\.\d{1,4})?", re.ASCII)
_SHOWN = 20


def read_values(path: Path, month: str) -> dict[str, Quantity]:
    """The quantities of a month.

    Columns: ``month`` (2026-11: until its end, since the year began), ``input``, ``part``, ``whole``,
    ``source``; optional ``note``. Of several months the last one up to the month asked for counts.

    Args:
        path: of the table (CSV, UTF-8 or GB18030).
        month: the last one that counts; those of other years are passed over.

    Raises:
        CodebookError: the file is no such table.
        AuditError: ``CREDIT_VALUE``: with row and column.
    """
    found: dict[str, tuple[str, Quantity]] = {}
    seen: set[tuple[str, str]] = set()
    for row in read_rows(path, ("month", "input", "part", "whole", "source"), ("note",)):
        cells = row.cells
        checks = {
            "month": re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", cells["month"], re.ASCII),
            "input": cells["input"] in NAMES,
            "part": _NUMBER.fullmatch(cells["part"]),
            "whole": _NUMBER.fullmatch(cells["whole"]),
            "source": cells["source"],
        }
        for name, good in checks.items():
            if not good:
                known = ", ".join(NAMES)
                said = cells[name][:_SHOWN]
                raise AuditError("CREDIT_VALUE", row.at(name), found=said, known=known)
        key = (cells["month"], cells["input"])
        if key in seen:
            known = ", ".join(NAMES)
            raise AuditError("CREDIT_VALUE", row.at("input"), found=cells["input"], known=known)
        seen.add(key)
        if cells["month"][:4] != month[:4] or cells["month"] > month:
            continue
        before = found.get(cells["input"])
        if before is None or before[0] < cells["month"]:
            one = Quantity(
                part=Decimal(cells["part"]), whole=Decimal(cells["whole"]), source=cells["source"]
            )
            found[cells["input"]] = (cells["month"], one)
    return {name: one for name, (_, one) in found.items()}

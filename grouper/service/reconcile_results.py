"""What a reconciliation found, as a file: one row a case, the largest difference first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.errors import Where
from codebooks.plain import ARROW_FAULTS
from grouper.payment.result import AMOUNT, POINTS
from grouper.payment.settlement.bureau import BureauFile
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.reconcile import COMPARED, Entry, Reconciliation, State
from grouper.service.adjustment_book import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from grouper.payment.settlement.causes import Cause

_TYPES = {"group": pa.string(), "points": POINTS, "amount": AMOUNT, "fund": AMOUNT}
_SIDES = ("ours", "theirs")
ENTRIES = pa.schema(
    [
        ("key", pa.string()),
        ("case_id", pa.string()),
        ("department", pa.string()),
        ("state", pa.string()),
        ("cause", pa.string()),
        *((f"{name}_{side}", _TYPES[name]) for name in COMPARED for side in _SIDES),
        ("differs", pa.list_(pa.string())),
        ("deduction", AMOUNT),
        ("difference", AMOUNT),
        ("reason", pa.string()),
        ("rows", pa.list_(pa.int64())),
    ]
)
"""``key`` names the case in the book of adjustments; ``case_id`` is null where it is none of ours."""


def entry_table(
    found: Reconciliation, told: Sequence[Cause], departments: Mapping[str, str | None]
) -> pa.Table:
    """The entries of a reconciliation; a table of :data:`ENTRIES`.

    Args:
        found: the reconciliation.
        told: the likely reason of each entry.
        departments: of our cases, by case id.
    """
    rows: list[dict[str, Any]] = []
    for one, cause in zip(found.entries, told, strict=True):
        row: dict[str, Any] = {
            "key": one.case_id,
            "case_id": None if one.case_id.startswith(UNKNOWN) else one.case_id,
            "department": departments.get(one.case_id),
            "state": one.state.value,
            "cause": cause.value,
            "differs": list(one.differs),
            "deduction": one.deduction,
            "difference": one.difference,
            "reason": one.reason,
            "rows": list(one.rows),
        }
        for side, values in (("ours", one.ours), ("theirs", one.theirs)):
            row |= {f"{name}_{side}": values.get(name) for name in COMPARED}
        rows.append(row)
    rows.sort(key=lambda row: (-abs(row["difference"]), row["rows"], row["key"]))
    return pa.Table.from_pylist(rows, schema=ENTRIES)


def write_entries(path: Path, entries: pa.Table) -> None:
    """Keep entries."""
    pq.write_table(entries, path)


def read_entries(path: Path) -> pa.Table:
    """Entries as they were kept.

    Raises:
        SettlementError: ``RECONCILIATION_GONE``: the file is not there, or is no such.
    """
    try:
        found = pq.read_table(path)
    except ARROW_FAULTS as cause:
        raise SettlementError("RECONCILIATION_GONE", Where(file=path.name)) from cause
    if not found.schema.equals(ENTRIES):
        raise SettlementError("RECONCILIATION_GONE", Where(file=path.name))
    return found


def reconciliation_of(entries: pa.Table, *, file: str, sha256: str, measure: str) -> Reconciliation:
    """The reconciliation that was kept, for the book of adjustments; the file's own rows are not kept.

    Args:
        entries: of :data:`ENTRIES`.
        file: name of the statement.
        sha256: of its bytes.
        measure: what amounts were compared by.
    """
    return Reconciliation(
        file=BureauFile(name=file, sha256=sha256, columns=(measure,), rows=(), stated={}),
        measure=measure,
        entries=tuple(
            Entry(
                case_id=row["key"],
                state=State(row["state"]),
                ours={name: row[f"{name}_ours"] for name in COMPARED},
                theirs={name: row[f"{name}_theirs"] for name in COMPARED},
                differs=tuple(row["differs"]),
                deduction=row["deduction"],
                reason=row["reason"],
                rows=tuple(row["rows"]),
                measure=measure,
            )
            for row in entries.to_pylist()
        ),
    )

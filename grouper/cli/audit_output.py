"""The file of findings that ``grouper audit`` writes."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from codebooks.errors import Where
from grouper.audit.errors import AuditError
from grouper.case.readers.text_input import readable
from grouper.run.destinations import check_destinations, part_of, whole, writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

_ENDINGS = (".parquet", ".csv")


def check_output(output: Path, inputs: Sequence[Path] = ()) -> None:
    """See that a file of findings can be written.

    Args:
        output: the file.
        inputs: files that are read, which it must not be.

    Raises:
        GrouperError: ``AUDIT_OUTPUT``: another ending; as
            :func:`grouper.run.destinations.check_destinations`.
    """
    if output.suffix.lower() not in _ENDINGS:
        known = ", ".join(_ENDINGS)
        where = Where(file=output.name)
        raise AuditError("AUDIT_OUTPUT", where, found=output.suffix, known=known)
    for one in inputs:
        check_destinations(one, [output])


def write_findings(findings: pa.Table, output: Path) -> None:
    """Write findings whole or not at all, by the file's ending as Parquet or CSV."""
    with whole([output]), writing(output):
        if output.suffix.lower() == _ENDINGS[0]:
            pq.write_table(findings, part_of(output))
            return
        with part_of(output).open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file)
            writer.writerow(findings.column_names)
            writer.writerows([_cell(v) for v in row.values()] for row in findings.to_pylist())


def _cell(value: Any) -> Any:  # noqa: ANN401 -- a value of any column
    if isinstance(value, list):
        parts = [f"{v['key']}={v['value']}" if isinstance(v, dict) else str(v) for v in value]
        return readable(
            "; ".join(parts) if value and isinstance(value[0], dict) else " ".join(parts)
        )
    return readable(value) if isinstance(value, str) else value

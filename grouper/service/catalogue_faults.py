"""All faults of the installed mapping as an errand, and pages of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.catalogues.catalogue import Catalogues
from codebooks.catalogues.importer import check_installed
from codebooks.errors import CodebookError
from codebooks.findings import Finding, Severity
from grouper.service.catalogue_imports import limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from grouper.service.errand_process import Work

FAULTS = "faults.parquet"
_SCHEMA = pa.schema([(name, pa.string()) for name in ("code", "severity", "params")])


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the mapping.

    Attributes:
        code: of its words (``finding.<code>``).
        severity: what it weighs.
        params: what its words need; codes and prices alone.
    """

    code: str
    severity: Severity
    params: Mapping[str, object]

    def finding(self) -> Finding:
        """As a finding, which has words."""
        return Finding(self.code, self.severity, params=self.params)


def stamp() -> str:
    """What the installed catalogues are known by: another stamp, another answer."""
    return "-".join(one.kept.sha256[:12] for one in Catalogues().kinds.values())


def run(work: Work) -> Mapping[str, Any]:
    """Hold the installed mapping against the installed catalogues.

    ``params``: ``day`` (ISO), ``level`` (I, II, III or None), ``stamp`` (of what was installed when it
    was asked for).

    Raises:
        CodebookError: ``CATALOGUE_NONE``, ``CATALOGUE_LEVEL``, ``CATALOGUE_BROKEN``,
            ``CATALOGUE_VALID_FROM``.
    """
    try:
        day = date.fromisoformat(str(work.params.get("day")))
    except ValueError:
        found = str(work.params.get("day"))
        raise CodebookError("CATALOGUE_VALID_FROM", found=found) from None
    work.told(0, 1)
    report = check_installed(day, work.params.get("level"), shown=limits().faults)
    rows = [
        {
            "code": one.code,
            "severity": one.severity.value,
            "params": json.dumps({k: str(v) for k, v in one.params.items()}, ensure_ascii=False),
        }
        for one in report.findings
    ]
    rows.sort(key=lambda row: (row["code"], row["params"]))
    pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), work.out / FAULTS)
    work.told(1, 1)
    counts = Counter(row["code"] for row in rows)
    counts.update(report.omitted)
    return {"rows": report.rows, "faults": dict(counts.most_common())}


def page(folder: Path, code: str | None, start: int, limit: int) -> tuple[list[Fault], bool]:
    """A page of faults, by kind and item.

    Args:
        folder: of what the errand wrote.
        code: of this kind alone; None: all.
        start: how many are passed over.
        limit: at most so many.

    Returns:
        The faults, and whether there are more behind them.

    Raises:
        OSError: the file is not there any more.
    """
    table = pq.read_table(folder / FAULTS, schema=_SCHEMA)
    if code is not None:
        table = table.filter(pc.equal(table["code"], code))
    rows = table.slice(start, limit).to_pylist()
    found = [Fault(r["code"], Severity(r["severity"]), json.loads(r["params"])) for r in rows]
    return found, start + limit < table.num_rows

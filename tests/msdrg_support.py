"""Cases of the US for the tests of MS-DRG."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from codebooks.book import SchemeBook, table_book
from codebooks.registry import registry
from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.msdrg.scheme import MsdrgScheme
from grouper.schemes.protocol import RESULT_SCHEMA, Grouping

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

ZONE = ZoneInfo("Asia/Shanghai")
POA = {"Y": "1", "W": "2", "U": "3", "N": "4"}


def scheme(**options: Any) -> MsdrgScheme:
    """The shipped scheme, with other options on its card."""
    book = registry().book("ms-drg")
    return MsdrgScheme(book.with_card(options={**book.card.options, **options}))


def changed(table: str, change: Any) -> SchemeBook:
    """The shipped book with the rows of one table changed."""
    book = registry().book("ms-drg")
    rows = {name: book.rows(name) for name in book.form}
    rows[table] = change(rows[table])
    return table_book(book.card, rows)


def case(dx: str, px: str = "", /, **fields: Any) -> Case:
    """A case of version 43.1; codes by blanks, a diagnosis with its letter after a colon."""
    pairs = [code.partition(":")[::2] for code in dx.split()]
    stated: dict[str, Any] = {
        "region": "us",
        "code_system": "icd10cm",
        "sex": 1,
        "age": 65,
        "discharge_status": "1",
        "day": "2026-06-01",
        "dx": tuple(code for code, _ in pairs),
        "dx_poa": tuple(POA.get(letter) for _, letter in pairs),
        "px": tuple(px.split()),
    } | fields
    day = stated.pop("day")
    time = datetime.fromisoformat(f"{day}T10:00").replace(tzinfo=ZONE) if day else None
    return Case(**{"discharge_time": time, **stated})


def labelled(facts: Path) -> list[tuple[Case, dict[str, str]]]:
    """The claims labelled by the official software, and their labels."""
    path = facts / "cases" / "ms_drg_v43_1_cms_1000.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        codes = [row["principal_dx_poa"], *row["secondary_dx_poa"].split("|")]
        made = case(
            " ".join(codes),
            row["procedures"].replace("|", " "),
            case_id=row["id"],
            age=int(row["age"]),
            sex=int(row["sex"]) + 1,
            discharge_status=row["discharge_status"],
        )
        found.append((made, row))
    return found


def batch_of(cases: Sequence[Case]) -> pa.RecordBatch:
    """Cases as a batch of ``CASE_SCHEMA``."""
    return pa.RecordBatch.from_pylist([c.to_mapping() for c in cases], schema=CASE_SCHEMA)


def grouped_in_batches(
    asked: MsdrgScheme, batch: pa.RecordBatch, size: int
) -> list[dict[str, Any]]:
    """The results of a batch, asked so many cases at a time."""
    found: list[dict[str, Any]] = []
    for start in range(0, batch.num_rows, size):
        found += asked.group_batch(batch.slice(start, size)).to_pylist()
    return found


def as_row(grouping: Grouping) -> dict[str, Any]:
    """A single grouping as the row of a batch."""
    row = {name: getattr(grouping, name) for name in RESULT_SCHEMA.names}
    row["status"] = grouping.status.value
    row["reason"] = grouping.reason.value if grouping.reason else None
    row["warnings"] = ";".join(w.reason.value for w in grouping.warnings) or None
    return row


def warned(grouping: Grouping) -> dict[str, tuple[str, ...]]:
    """The codes of each warning."""
    return {w.reason.value: w.codes for w in grouping.warnings}


def by_kind(grouping: Grouping, kind: str) -> Iterable[tuple[str | None, str | None, str | None]]:
    """Code, action and reason of the parts of one kind."""
    return [(p.code, p.action, p.reason) for p in grouping.parts if p.kind == kind]

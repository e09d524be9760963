"""Writes a month's files so that each is whole or not there, and reads what a file says of itself."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.errors import Where
from codebooks.registry import registry
from codebooks.treatment import treatment_kinds
from grouper.demo.hospital.errors import HospitalError
from grouper.demo.hospital.planting import Planted
from grouper.demo.hospital.tables import data_hash, toml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grouper.demo.hospital.plan import Plan

FORMAT = 1
"""Counts up when the program makes other months of the same tables."""
KINDS = ("outpatient", "long_stay", "charges", "inpatient")
"""The folders, in the order in which a month is written; the month is whole with the last one."""

_KEY = b"grouper.demo_hospital"
_PART = ".part"
_CHUNK = 1 << 20


def fingerprint(plan: Plan) -> str:
    """What a month depends on, as a hash: seed, scale, tables, book and treatment kinds."""
    book = registry().book(toml("hospital.toml")["hospital"]["scheme"])
    parts = {
        "format": FORMAT,
        "seed": plan.seed,
        "scale": plan.scale,
        "tables": data_hash(),
        "book": book.content_hash(),
        "treatments": treatment_kinds(book.card.procedure_code_set).content_sha256,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write_table(path: Path, table: pa.Table, about: dict[str, Any]) -> None:
    """Write a file under another name and give it its own when it is whole.

    Args:
        path: where it shall be.
        table: what it holds.
        about: what it says of itself.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_WRITE``.
    """
    note = json.dumps(about, ensure_ascii=False, sort_keys=True).encode()
    part = path.with_name(path.name + _PART)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.replace_schema_metadata({_KEY: note}), part, compression="zstd")
        part.replace(path)
    except OSError as cause:
        raise HospitalError("DEMO_HOSPITAL_WRITE", Where(file=path.name)) from cause
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Write a text file in the same manner.

    Raises:
        HospitalError: ``DEMO_HOSPITAL_WRITE``.
    """
    part = path.with_name(path.name + _PART)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(content, "utf-8", newline="")
        part.replace(path)
    except OSError as cause:
        raise HospitalError("DEMO_HOSPITAL_WRITE", Where(file=path.name)) from cause
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def about(path: Path) -> dict[str, Any] | None:
    """What a file says of itself; None where it is not there, not whole or not one of ours."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        found: dict[str, Any] = json.loads(metadata[_KEY])
    except (OSError, KeyError, ValueError, pa.ArrowException):
        return None
    return found


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def as_plain(planted: Sequence[Planted]) -> list[dict[str, Any]]:
    """What was planted, for a file's own words."""
    return [asdict(one) for one in planted]


def from_plain(rows: Sequence[dict[str, Any]]) -> list[Planted]:
    """The same, read back."""
    return [Planted(**{**row, "lines": tuple(row["lines"])}) for row in rows]

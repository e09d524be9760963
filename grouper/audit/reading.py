"""The cases and charges of a hospital, read from its files.

A folder has ``inpatient/``, perhaps ``outpatient/`` and ``long_stay/`` (cases), and ``charges/``
(lines), each with Parquet files (as ``grouper demo-hospital`` writes them); or files are named one by
one. Of a month, files that are named after other months are not read, but for the months beside it:
a stay begins in the one before, a return comes in the one after.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.errors import Where
from grouper.audit.errors import AuditError
from grouper.audit.lines import NO_TIME, local_seconds
from grouper.case.dates import DAY_SECONDS
from grouper.case.fields import CASE_SCHEMA
from grouper.case.normalise import plain
from grouper.case.readers import open_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from grouper.case.readers import CaseBatch

KINDS = ("inpatient", "outpatient", "long_stay")
_CHARGES = "charges"
_MONTH = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True, slots=True)
class Sources:
    """What was read.

    Attributes:
        cases: columns of ``CASE_SCHEMA``, each id once.
        charges: files of charge lines, or a table of them as :func:`grouper.audit.engine.audit`
            takes it.
        left_out: how many records were left out, by why (``rejected``, ``repeated``, ``no_id``).
    """

    cases: pa.Table
    charges: tuple[Path, ...] | pa.Table
    left_out: dict[str, int]


def read_sources(
    paths: Sequence[Path], charges: Sequence[Path] = (), month: date | None = None
) -> Sources:
    """Read cases, and find their charges.

    Args:
        paths: folders and files of cases.
        charges: files of charge lines beside those of the folders.
        month: first day of the month that is meant; None: all.

    Raises:
        AuditError: ``AUDIT_FOLDER``: a folder has no files of cases.
        GrouperError: a file of cases cannot be read.
    """
    files, lines = source_files(paths, charges, month)
    left: dict[str, int] = {}
    tables = [CASE_SCHEMA.empty_table(), *(_cases(path, left) for path in files)]
    return Sources(once(pa.concat_tables(tables), left), tuple(lines), left)


def source_files(
    paths: Sequence[Path], charges: Sequence[Path] = (), month: date | None = None
) -> tuple[list[Path], list[Path]]:
    """The files of cases and those of their charge lines; arguments as of :func:`read_sources`.

    Raises:
        AuditError: ``AUDIT_FOLDER``: a folder has no files of cases.
    """
    files: list[Path] = []
    lines = list(charges)
    for path in paths:
        if path.is_dir():
            own = [one for kind in KINDS for one in _files(path / kind, month)]
            if not own:
                raise AuditError("AUDIT_FOLDER", Where(file=path.name))
            files += own
            lines += _files(path / _CHARGES, month)
        else:
            files.append(path)
    return files, lines


def of_month(cases: pa.Table, month: date) -> NDArray[np.bool_]:
    """The cases that ended in a month; those without an end belong to the month they began in."""
    ends = _days(cases, "discharge_time")
    days = np.where(ends < 0, _days(cases, "admission_time"), ends)
    first = (month - date(1970, 1, 1)).days
    until = (_shifted(month, 1) - date(1970, 1, 1)).days
    found: NDArray[np.bool_] = (days >= first) & (days < until)
    return found


def stay_files(paths: Sequence[Path], month: date, months: int) -> list[Path]:
    """The files of inpatient stays in folders that are named after one of the months before.

    Args:
        paths: folders and files; files are passed over.
        month: first day of a month.
        months: how many before it.
    """
    wanted = {f"{one.year:04}-{one.month:02}" for one in _months_before(month, months)}
    found = [_files(path / KINDS[0], None) for path in paths if path.is_dir()]
    return [one for files in found for one in files if one.stem in wanted]


def before(cases: pa.Table, month: date, months: int) -> NDArray[np.bool_]:
    """The cases that ended in one of the months before."""
    ends = _days(cases, "discharge_time")
    first = (_shifted(month, -months) - date(1970, 1, 1)).days
    until = (month - date(1970, 1, 1)).days
    found: NDArray[np.bool_] = (ends >= first) & (ends < until)
    return found


def _months_before(month: date, months: int) -> list[date]:
    return [_shifted(month, -by) for by in range(1, months + 1)]


def _days(cases: pa.Table, name: str) -> NDArray[np.int64]:
    seconds = local_seconds(cases[name].combine_chunks(), cases.num_rows)
    return np.where(seconds == NO_TIME, -1, np.floor_divide(seconds, DAY_SECONDS))


def _shifted(month: date, by: int) -> date:
    number = month.year * 12 + month.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)


def _files(folder: Path, month: date | None) -> list[Path]:
    found = sorted(folder.glob("*.parquet"))
    if month is None:
        return found
    near = {f"{one.year:04}-{one.month:02}" for one in (_shifted(month, by) for by in (-1, 0, 1))}
    return [one for one in found if not _MONTH.fullmatch(one.stem) or one.stem in near]


def _cases(path: Path, left: dict[str, int]) -> pa.Table:
    batches = [accepted(batch, left) for batch in open_source(path).batches()]
    return pa.Table.from_batches(batches, CASE_SCHEMA)


def accepted(batch: CaseBatch, left: dict[str, int]) -> pa.RecordBatch:
    """The cases of a batch that are none of the rejected; those are counted."""
    keep = ~batch.rejected
    _count(left, "rejected", int((~keep).sum()))
    whole = plain(batch.cases)
    return whole if keep.all() else whole.filter(pa.array(keep))


def once(cases: pa.Table, left: dict[str, int]) -> pa.Table:
    """Without records whose id was there before, or that have none; those are counted."""
    ids = cases["case_id"].combine_chunks()
    encoded = pc.dictionary_encode(ids)
    at = np.asarray(pc.fill_null(encoded.indices, -1))
    _, first = np.unique(at, return_index=True)
    keep = np.zeros(len(at), bool)
    keep[first] = True
    keep &= at >= 0
    _count(left, "no_id", int((at < 0).sum()))
    _count(left, "repeated", int((~keep & (at >= 0)).sum()))
    return cases if keep.all() else cases.filter(pa.array(keep))


def _count(left: dict[str, int], why: str, number: int) -> None:
    if number:
        left[why] = left.get(why, 0) + number

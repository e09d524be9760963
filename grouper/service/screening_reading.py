"""Stored stays as the tables that the audit asks: cases, and their lines with numbers that last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import structlog

from grouper.audit.reading import Sources
from grouper.case.fields import CASE_SCHEMA
from grouper.case.issues import Severity
from grouper.service.month import batch_of
from grouper.store import history
from grouper.store.database import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from grouper.case.record import Case
    from grouper.store.database import Writing as Reading
    from grouper.store.screening_due import Near

UNREADABLE = "SCREENING_FAILED"
"""Reason of a stay whose reading or screening ended in a fault of ours."""
_LINES = tuple(field.name for field in CASE_SCHEMA if field.name.startswith("line_"))
_CHARGES = pa.schema(
    [
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        *(pa.field(name, CASE_SCHEMA.field(name).type.value_type) for name in _LINES),
    ]
)
_log = structlog.get_logger("grouper.screening")


@dataclass(frozen=True, slots=True)
class Read:
    """A stay as it was read.

    Attributes:
        near: as the screening knows it.
        case: without its lines.
        lines: the lists ``line_…`` of the case.
        numbers: of its lines.
        names: what the sender calls its lines, by their numbers.
    """

    near: Near
    case: Case
    lines: Mapping[str, Sequence[Any]]
    numbers: Sequence[int]
    names: Mapping[int, str]


def read_stay(connection: Reading, near: Near) -> Read | str:
    """A stay at its version, or the stable reason why there is no case of it.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    try:
        found = history.billed_at(connection, near.id, near.version)
    except Exception as error:
        # One record that cannot be read stops no other; a store that is away stops all.
        if isinstance(error, StoreError) and error.code != "VERSION_ABSENT":
            raise
        # By its type alone: its words may hold values of the case.
        _log.error("reading", stay=near.id, error=type(error).__name__)
        return UNREADABLE
    rejects = (one.reason for one in found.issues if one.severity is Severity.REJECT)
    if (reason := next(rejects, None)) is not None:
        return reason
    lines = {name: getattr(found.case, name) for name in _LINES}
    bare: dict[str, Any] = dict.fromkeys(_LINES, ())
    names = {number: one.line for number, one in zip(found.numbers, found.lines, strict=True)}
    return Read(near, replace(found.case, **bare), lines, found.numbers, names)


def sources_of(stays: Iterable[Read]) -> Sources:
    """Stays as cases with a table of their lines."""
    stays = list(stays)
    cases = pa.Table.from_batches([batch_of([one.case for one in stays])], CASE_SCHEMA)
    tables = [_CHARGES.empty_table(), *(_charges(one) for one in stays if one.numbers)]
    return Sources(cases, pa.concat_tables(tables), {})


def _charges(one: Read) -> pa.Table:
    count = len(one.numbers)
    columns: dict[str, Any] = {
        "case_id": pa.array([one.case.case_id] * count, pa.string()),
        "line": pa.array(one.numbers, pa.int32()),
    }
    for name in _LINES:
        values = one.lines[name]
        # A list is empty where no line states its member.
        columns[name] = pa.array(values or [None] * count, _CHARGES.field(name).type)
    return pa.table([columns[name] for name in _CHARGES.names], schema=_CHARGES)


def mask_of(stays: Sequence[Read], wanted: Iterable[int]) -> NDArray[np.bool_]:
    """Which of the stays are among these rows."""
    chosen = set(wanted)
    return np.array([one.near.id in chosen for one in stays], bool)

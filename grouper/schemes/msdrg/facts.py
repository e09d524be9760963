"""What MS-DRG asks of a case, read from a case or from the rows of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from codebooks.registry import INPATIENT
from grouper.schemes.columns import column_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from grouper.case.record import Case

NEEDS = (
    "sex",
    "age",
    "age_days",
    "discharge_time",
    "discharge_way",
    "discharge_status",
    "kind",
    "code_system",
    "dx",
    "dx_poa",
    "px",
)
"""The columns of a case that MS-DRG asks about."""

FIRST_YEAR = 365
"""Age in days below which the age in years is 0."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one case, as it states them; None or () is missing.

    ``day`` is the local day of discharge; ``age`` is 0 where the case states the age in days alone
    and it is below one year.
    """

    kind: str
    code_system: str | None
    sex: int | None
    age: int | None
    day: date | None
    status: str | None
    way: str | None
    dx: tuple[str | None, ...]
    poa: tuple[str | None, ...]
    px: tuple[str | None, ...]


def facts_of(case: Case) -> Facts:
    """The facts of a case."""
    return Facts(
        case.kind,
        case.code_system,
        case.sex,
        _age(case.age, case.age_days),
        case.discharge_time.date() if case.discharge_time else None,
        case.discharge_status,
        case.discharge_way,
        case.dx,
        case.dx_poa,
        case.px,
    )


def facts_in(batch: pa.RecordBatch) -> Iterator[Facts]:
    """The facts of each row of a batch with columns of ``CASE_SCHEMA``."""
    columns = {name: _values(column_of(batch, name)) for name in NEEDS}
    for row in zip(*(columns[name] for name in NEEDS), strict=True):
        case = dict(zip(NEEDS, row, strict=True))
        yield Facts(
            case["kind"] or INPATIENT,
            case["code_system"],
            case["sex"],
            _age(case["age"], case["age_days"]),
            case["discharge_time"],
            case["discharge_status"],
            case["discharge_way"],
            tuple(case["dx"] or ()),
            tuple(case["dx_poa"] or ()),
            tuple(case["px"] or ()),
        )


def _age(age: int | None, days: int | None) -> int | None:
    if age is None and days is not None and 0 <= days < FIRST_YEAR:
        return 0
    return age


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        local = pc.local_timestamp(column) if column.type.tz else column
        column = local.cast(pa.date32(), safe=False)
    values: list[Any] = column.to_pylist()
    return values

"""What follows from other fields when the record does not state it, and where the two disagree.

Age and stay follow the front page of the Chinese medical record (住院病案首页): age in whole years
and, below one year, in days, both on the day of admission (the day of birth is day 0); the days of
admission and of discharge count as one, so that a stay within one day is 1 day. What is stated is
never overwritten; a disagreement is a warning. The scalar form decides; the columnar form computes
the rows on which nothing is to be remarked and hands the others to the scalar form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.case.dates import day_key, local_days
from grouper.case.fields import FIELDS
from grouper.case.reading import Remark

if TYPE_CHECKING:
    from datetime import date, datetime

    from numpy.typing import NDArray

YEAR_DAYS = 365
"""Below this many days a child whose age is not stated is 0 years old."""
USED = ("birth_date", "age", "age_days", "admission_time", "discharge_time", "los")
DERIVED = ("age", "age_days", "los")
_YEAR = 10_000


_Key = TypeVar("_Key", int, "NDArray[np.int32]")


def years_between(birth: _Key, day: _Key) -> _Key:
    """Whole years from a birth to a day, both written ``yyyymmdd``; numbers or arrays of them."""
    return (day - birth) // _YEAR


def _key(day: date) -> int:
    return day.year * _YEAR + day.month * 100 + day.day


def derive(values: dict[str, Any]) -> list[Remark]:
    """Fill ``age``, ``age_days`` and ``los`` in place where they are None.

    Returns:
        Remarks: ``BIRTH_AFTER_ADMISSION``, ``AGE_CONFLICT``, ``DATE_ORDER``, ``LOS_CONFLICT``.
    """
    remarks: list[Remark] = []
    admitted: datetime | None = values["admission_time"]
    discharged: datetime | None = values["discharge_time"]
    admission = admitted.date() if admitted else None
    if values["birth_date"] is not None and admission is not None:
        _derive_age(values, values["birth_date"], admission, remarks)
    if values["age"] is None and values["age_days"] is not None and values["age_days"] < YEAR_DAYS:
        values["age"] = 0
    elif values["age"] and values["age_days"] is not None and values["age_days"] < YEAR_DAYS:
        remarks.append(Remark("age_days", "AGE_CONFLICT", str(values["age_days"])))
    if admission is not None and discharged is not None:
        days = (discharged.date() - admission).days
        if days < 0:
            remarks.append(Remark("discharge_time", "DATE_ORDER", str(discharged.date())))
        elif values["los"] is None:
            values["los"] = max(days, 1)
        elif values["los"] != max(days, 1):
            remarks.append(Remark("los", "LOS_CONFLICT", str(values["los"])))
    return remarks


def _derive_age(
    values: dict[str, Any], birth: date, admission: date, remarks: list[Remark]
) -> None:
    if birth > admission:
        remarks.append(Remark("birth_date", "BIRTH_AFTER_ADMISSION", str(birth)))
        return
    age, days = years_between(_key(birth), _key(admission)), (admission - birth).days
    if values["age"] is None:
        values["age"] = age
    elif values["age"] != age:
        remarks.append(Remark("age", "AGE_CONFLICT", str(values["age"])))
    if values["age_days"] is None:
        if age == 0 and values["age"] == 0:
            values["age_days"] = days
    elif values["age_days"] != days:
        remarks.append(Remark("age_days", "AGE_CONFLICT", str(values["age_days"])))


class _Column:
    """Whole numbers of a column and where they are known."""

    def __init__(self, column: pa.Array | None, size: int, *, zoned: bool = False) -> None:
        self.known: NDArray[np.bool_]
        self.values: NDArray[np.signedinteger[Any]]
        if column is None or column.null_count == size:
            self.known, self.values = np.zeros(size, np.bool_), np.zeros(size, np.int64)
            return
        self.known = np.ones(size, np.bool_)
        if zoned:
            column = column.view(pa.int64())
        elif pa.types.is_date32(column.type):
            column = column.view(pa.int32())
        if column.null_count:
            self.known = column.is_valid().to_numpy(zero_copy_only=False)
            column = pc.fill_null(column, pa.scalar(0, column.type))
        values = column.to_numpy()
        self.values = local_days(values) if zoned else values


def derive_columns(
    columns: dict[str, pa.Array | None], size: int
) -> tuple[dict[str, pa.Array], list[tuple[int, Remark]]]:
    """The columnar form of :func:`derive`.

    Args:
        columns: the columns named in :data:`USED`, of their schema types; None where nothing is
            known.
        size: number of rows.

    Returns:
        The columns named in :data:`DERIVED` that change, and the remarks with their rows (0-based).
    """
    found = {name: _Column(columns[name], size) for name in DERIVED}
    unclear = np.zeros(size, np.bool_)
    changed: set[str] = set()
    if columns["admission_time"] is not None:
        admitted = _Column(columns["admission_time"], size, zoned=True)
        if columns["birth_date"] is not None:
            birth = _Column(columns["birth_date"], size)
            unclear |= _age_columns(birth, admitted, found["age"], found["age_days"], changed)
        if columns["discharge_time"] is not None:
            discharged = _Column(columns["discharge_time"], size, zoned=True)
            unclear |= _stay_column(admitted, discharged, found["los"], changed)
    if columns["age_days"] is not None or "age_days" in changed:
        unclear |= _infants(found["age"], found["age_days"], changed)
    rows = np.flatnonzero(unclear)
    remarks = _decide(rows, columns, found)
    if len(rows):
        changed = set(DERIVED)
    arrays = {name: _array(name, found[name]) for name in DERIVED if name in changed}
    return arrays, remarks


def _fill(column: _Column, where: NDArray[np.bool_], values: Any) -> bool:  # noqa: ANN401 -- a number or an array of them
    if not where.any():
        return False
    column.values = np.where(where, values, column.values)
    column.known = column.known | where
    return True


def _age_columns(
    birth: _Column, admitted: _Column, age: _Column, age_days: _Column, changed: set[str]
) -> NDArray[np.bool_]:
    both = birth.known & admitted.known
    days = admitted.values - birth.values
    years = years_between(
        day_key(birth.values.astype(np.int32)), day_key(admitted.values.astype(np.int32))
    )
    unclear = both & (days < 0)
    unclear |= both & age.known & (age.values != years)
    unclear |= both & age_days.known & (age_days.values != days)
    clear = both & ~unclear
    if _fill(age, clear & ~age.known, years):
        changed.add("age")
    if _fill(age_days, clear & ~age_days.known & (years == 0), days):
        changed.add("age_days")
    result: NDArray[np.bool_] = unclear
    return result


def _infants(age: _Column, age_days: _Column, changed: set[str]) -> NDArray[np.bool_]:
    infant = age_days.known & (age_days.values < YEAR_DAYS)
    unclear: NDArray[np.bool_] = infant & age.known & (age.values > 0)
    if _fill(age, infant & ~age.known, 0):
        changed.add("age")
    return unclear


def _stay_column(
    admitted: _Column, discharged: _Column, los: _Column, changed: set[str]
) -> NDArray[np.bool_]:
    both = admitted.known & discharged.known
    stay = discharged.values - admitted.values
    days = np.maximum(stay, 1)
    unclear: NDArray[np.bool_] = both & ((stay < 0) | (los.known & (los.values != days)))
    if _fill(los, both & ~unclear & ~los.known, days):
        changed.add("los")
    return unclear


def _decide(
    rows: NDArray[np.intp], columns: dict[str, pa.Array | None], found: dict[str, _Column]
) -> list[tuple[int, Remark]]:
    if not len(rows):
        return []
    at = pa.array(rows)
    stated = {
        name: [None] * len(rows)
        if (column := columns[name]) is None
        else column.take(at).to_pylist()
        for name in USED
    }
    remarks: list[tuple[int, Remark]] = []
    for column in found.values():
        column.values, column.known = column.values.copy(), column.known.copy()
    for place, row in enumerate(rows):
        values = {name: stated[name][place] for name in USED}
        remarks += [(int(row), remark) for remark in derive(values)]
        for name, column in found.items():
            column.known[row] = values[name] is not None
            column.values[row] = values[name] or 0
    return remarks


def _array(name: str, column: _Column) -> pa.Array:
    numbers = column.values.astype(FIELDS[name].value_type.to_pandas_dtype())
    return pa.array(numbers, mask=None if column.known.all() else ~column.known)

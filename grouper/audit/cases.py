"""Cases as the templates ask about them: one row a case, one a diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.registry import INPATIENT, OUTPATIENT
from grouper.audit.lines import NO_TIME, local_seconds, whole_numbers
from grouper.audit.templates import toml
from grouper.case.dates import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_CATEGORY = 3
_TEXTS = ("case_id", "person", "hospital", "insurance_type", "department", "physician")
_YEAR_DAYS = 365


def case_rows(cases: pa.Table, levels: Mapping[str, str], judged: NDArray[np.bool_]) -> pa.Table:
    """The cases as the view ``cases``.

    Args:
        cases: columns of ``CASE_SCHEMA``.
        judged: which of them are judged; others only stand beside.
        levels: level (I, II, III) of hospitals; one that is not named has none.

    Returns:
        One row a case in their order: texts as they are; ``sex``; ``age`` and ``age_days`` (from
        the day of birth where they are not stated); ``first_second``, ``last_second`` (local) and
        the days; what kind of case it is; ``total`` in fen; the principal diagnosis, its category
        and whether returns for it are natural; whether it was cut short; the day of birth.
    """
    told = toml("cases.toml")
    count = cases.num_rows
    columns: dict[str, Any] = {"case_no": np.arange(count, dtype=np.int32), "judged": judged}
    for name in _TEXTS:
        columns[name] = plain_texts(cases[name])
    columns["sex"] = cases["sex"]
    first, last = (
        local_seconds(cases[name].combine_chunks(), count)
        for name in ("admission_time", "discharge_time")
    )
    columns |= _times("first", first) | _times("last", last) | _ages(cases, first)
    level_of = [levels.get(one) if one else None for one in columns["hospital"].to_pylist()]
    columns["hospital_level"] = pa.array(level_of, pa.string())
    kind = plain_texts(cases["kind"])
    columns["inpatient"] = _is(kind, [INPATIENT])
    columns["outpatient"] = _is(kind, [OUTPATIENT])
    columns["stay"] = pc.invert(columns["outpatient"])
    emergency = _is(plain_texts(cases["visit_type"]), told["emergency"])
    columns["place"] = pc.if_else(
        columns["outpatient"],
        pc.if_else(emergency, "emergency", "outpatient"),
        pc.if_else(columns["inpatient"], "inpatient", pa.scalar(None, pa.string())),
    )
    columns["total"] = whole_numbers(cases["total_cost"], 2)
    dx = cases["dx"].combine_chunks()
    columns["diagnoses"] = _filled(dx)
    columns["procedures"] = _filled(cases["px"].combine_chunks())
    principal = _first(dx)
    columns["principal"] = principal
    columns["category"] = pc.utf8_slice_codeunits(principal, 0, _CATEGORY)
    planned = _is(plain_texts(cases["visit_type"]), told["planned"])
    columns["exempt"] = pc.or_(_is(columns["category"], told["exempt"]), planned)
    way = plain_texts(cases["discharge_way"])
    columns["transferred"] = _is(way, told["transfers"])
    columns["cut_short"] = _is(way, told["cut_short"])
    columns["birth_day"] = cases["birth_date"].combine_chunks().cast(pa.int32())
    return pa.table(columns)


def diagnosis_rows(cases: pa.Table) -> pa.Table:
    """The diagnoses as the view ``dx``: number of the case and code, each once."""
    dx = cases["dx"].combine_chunks()
    table = pa.table(
        {
            "case_no": pc.list_parent_indices(dx).cast(pa.int32()),
            "code": plain_texts(pc.list_flatten(dx)),
        }
    )
    return table.filter(pc.is_valid(table["code"]))


def plain_texts(column: Any) -> Any:  # noqa: ANN401 -- Arrow
    """A column of texts, not encoded."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.cast(pa.string())


def _is(column: Any, words: list[str]) -> Any:  # noqa: ANN401 -- Arrow
    return pc.is_in(column, pa.array(words, pa.string()))


def _times(name: str, seconds: NDArray[np.int64]) -> dict[str, pa.Array]:
    untold = seconds == NO_TIME
    days = np.floor_divide(np.where(untold, 0, seconds), DAY_SECONDS).astype(np.int32)
    return {
        f"{name}_second": pa.array(seconds, mask=untold),
        f"{name}_day": pa.array(days, mask=untold),
    }


def _ages(cases: pa.Table, first: NDArray[np.int64]) -> dict[str, Any]:
    """Age in whole years and in days; at the least what the other says where one is not stated."""
    begun = pa.array(np.floor_divide(first, DAY_SECONDS).astype("datetime64[D]"), pa.date32())
    begun = pc.if_else(pa.array(first != NO_TIME), begun, pa.scalar(None, pa.date32()))
    birth = cases["birth_date"].combine_chunks()
    lived = pc.subtract(begun.cast(pa.int32()), birth.cast(pa.int32()))
    lived = pc.if_else(pc.greater_equal(lived, 0), lived, pa.scalar(None, pa.int32()))
    had = pc.greater_equal(
        pc.add(pc.multiply(pc.month(begun), 100), pc.day(begun)),
        pc.add(pc.multiply(pc.month(birth), 100), pc.day(birth)),
    )
    years = pc.subtract(pc.subtract(pc.year(begun), pc.year(birth)), pc.if_else(had, 0, 1))
    years = pc.if_else(pc.is_valid(lived), years, pa.scalar(None, pa.int64())).cast(pa.int32())
    age = pc.coalesce(cases["age"].combine_chunks().cast(pa.int32()), years)
    told = cases["age_days"].combine_chunks()
    days = pc.coalesce(
        told, lived, pc.if_else(pc.greater(age, 0), pc.multiply(age, _YEAR_DAYS), None)
    )
    age = pc.coalesce(age, pc.divide(days, pa.scalar(366, pa.int32())))
    return {"age": age, "age_days": days.cast(pa.int32())}


def _filled(column: Any) -> pa.Array:  # noqa: ANN401 -- Arrow
    """How many entries of each list are stated."""
    parents = np.asarray(pc.list_parent_indices(column))
    valid = np.asarray(pc.is_valid(pc.list_flatten(column)))
    return pa.array(np.bincount(parents[valid], minlength=len(column)).astype(np.int32))


def _first(column: Any) -> Any:  # noqa: ANN401 -- Arrow
    """The first entry of each list; null where there is none."""
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    starts = np.cumsum(np.append(0, np.asarray(lengths)[:-1])) if len(column) else np.zeros(0, int)
    flat = plain_texts(pc.list_flatten(column))
    return flat.take(pa.array(starts, pa.int64(), mask=np.asarray(lengths) == 0))

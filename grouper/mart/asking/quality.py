"""How whole the data of cases are, why cases stop, and what missing fields cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from grouper.mart.asking.where import COLUMN, where
from grouper.mart.quality import (
    COMPLETENESS,
    GAPS,
    QUALITY,
    REASONS,
    UNUSABLE,
    Sort,
    Stage,
    fields,
    sorts,
)

if TYPE_CHECKING:
    import duckdb

    from grouper.mart.quality import Asked
    from grouper.mart.slices import Axis, Slice

_PLACES = Decimal("0.0001")
# Few different sets occur: cases are counted by set first, fields from the short table of sets.
_SETS = """
SELECT value, sum(cases)::BIGINT AS cases, coalesce(sum(cases) FILTER (gaps = 0), 0)::BIGINT AS whole,
  {sums}
FROM (
  SELECT {column}::VARCHAR AS value, coalesce(asked, 0) AS asked, coalesce(gaps, 0) AS gaps,
    count(*) AS cases
  FROM facts WHERE {where} GROUP BY ALL
) GROUP BY value
"""
_SUM = "coalesce(sum(cases) FILTER ({of} & {bit} <> 0), 0)::BIGINT AS {name}"
_COUNTS = """
SELECT {column}::VARCHAR AS value, notes::VARCHAR AS notes, count(*) AS cases,
  count(*) FILTER (status = 'ungrouped') AS ungrouped,
  count(*) FILTER (status = 'ambiguous') AS ambiguous,
  count(*) FILTER (status = 'invalid') AS invalid,
  count(*) FILTER (pay_status IS DISTINCT FROM 'priced') AS unpriced,
  count(*) FILTER (pay_status = 'priced' AND surplus IS NULL) AS unshared
FROM facts WHERE {where} GROUP BY ALL
"""
# What is asked of the reasons is not asked of the gaps: together they would make a long table.
_STOPS = """
SELECT status::VARCHAR AS status, reason::VARCHAR AS reason, pay_status::VARCHAR AS pay_status,
  pay_reason::VARCHAR AS pay_reason, share_reason::VARCHAR AS share_reason,
  surplus IS NULL AS unshared, {further}, count(*) AS cases, coalesce(sum(cost), 0)::BIGINT AS fen
FROM facts WHERE {where} GROUP BY ALL
"""
_NOTES, _GAPS = "notes::VARCHAR AS notes", "coalesce(gaps, 0) AS gaps"
_NAMES = "SELECT value, name FROM names WHERE axis = ?"
_STATUSES = ("ungrouped", "ambiguous", "invalid", "unpriced", "unshared")


def completeness(cursor: duckdb.DuckDBPyConnection, cut: Slice, axis: Axis | None) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.completeness`."""
    names = _names(cursor, axis)
    rows = [
        {
            "value": row["value"],
            "name": names.get(row["value"], ""),
            "field": one.field,
            **_of_field(one, row),
        }
        for row in _sets(cursor, cut, axis)
        for one in fields()
    ]
    return pa.Table.from_pylist(rows, COMPLETENESS)


def quality(cursor: duckdb.DuckDBPyConnection, cut: Slice, axis: Axis | None) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.quality`."""
    counts: dict[str | None, Counter[str]] = defaultdict(Counter)
    for row in _told(cursor, _COUNTS, cut, axis):
        own = counts[row["value"]]
        own.update({name: row[name] for name in _STATUSES})
        said = _sorts_of(row["notes"])
        own.update(dict.fromkeys(said, row["cases"]))
        own["codes"] += row["cases"] if said & UNUSABLE else 0
    names = _names(cursor, axis)
    rows = []
    for row in _sets(cursor, cut, axis):
        value = row["value"]
        asked = sum(one.weight * row[_asked(one)] for one in fields())
        lacking = sum(one.weight * row[_missing(one)] for one in fields())
        rows.append(
            {
                "value": value,
                "name": names.get(value, ""),
                "cases": row["cases"],
                "complete": _share(asked - lacking, asked),
                "whole": row["whole"],
                **{name: counts[value][name] for name in (*_STATUSES, "codes", *Sort)},
            }
        )
    return pa.Table.from_pylist(rows, QUALITY)


def reasons(cursor: duckdb.DuckDBPyConnection, cut: Slice) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.reasons`."""
    found: dict[tuple[str, str | None, str | None], list[int]] = defaultdict(lambda: [0, 0])
    cases = 0
    for row in _told(cursor, _STOPS, cut, None, further=_NOTES):
        cases += row["cases"]
        for key in _keys(row):
            found[key][0] += row["cases"]
            found[key][1] += row["fen"]
    order = {stage.value: place for place, stage in enumerate(Stage)}
    ranked = sorted(
        found.items(), key=lambda one: (order[one[0][0]], -one[1][0], *map(str, one[0][1:]))
    )
    rows = [
        {
            "stage": stage,
            "status": status,
            "reason": reason,
            "sort": sorts().get(reason or "") if stage == Stage.NOTE else None,
            "cases": count,
            "share": _share(count, cases),
            "sum_cost": _yuan(fen),
        }
        for (stage, status, reason), (count, fen) in ranked
    ]
    return pa.Table.from_pylist(rows, REASONS)


def gaps(cursor: duckdb.DuckDBPyConnection, cut: Slice) -> pa.Table:
    """See :meth:`grouper.mart.mart.Mart.gaps`."""
    whole = next(iter(_sets(cursor, cut, None)), None)
    stopped: dict[int, Counter[str]] = defaultdict(Counter)
    for row in _told(cursor, _STOPS, cut, None, further=_GAPS):
        for one in fields():
            if row["gaps"] >> one.bit & 1:
                stopped[one.bit].update(_stopped(one, row))
    rows = []
    for one in fields():
        own = stopped[one.bit]
        rows.append(
            {
                "field": one.field,
                "field_weight": one.weight,
                **_of_field(one, whole),
                **{name: own[name] for name in ("ungrouped", "unpriced", "unshared")},
                "sum_cost": _yuan(own["fen"]),
            }
        )
    return pa.Table.from_pylist(rows, GAPS)


def _sets(cursor: duckdb.DuckDBPyConnection, cut: Slice, axis: Axis | None) -> list[dict[str, Any]]:
    """By value, in its order: the cases, those that lack nothing, and each field's counts."""
    sums = [
        _SUM.format(of=of, bit=1 << one.bit, name=name)
        for one in fields()
        for of, name in (("asked", _asked(one)), ("gaps", _missing(one)))
    ]
    found = _told(cursor, _SETS, cut, axis, sums=", ".join(sums))
    return sorted(found, key=lambda row: (row["value"] is None, row["value"] or ""))


def _asked(one: Asked) -> str:
    return f"asked_{one.bit}"


def _missing(one: Asked) -> str:
    return f"missing_{one.bit}"


def _of_field(one: Asked, row: dict[str, Any] | None) -> dict[str, Any]:
    asked, missing = (0, 0) if row is None else (row[_asked(one)], row[_missing(one)])
    return {"asked": asked, "missing": missing, "complete": _share(asked - missing, asked)}


def _told(
    cursor: duckdb.DuckDBPyConnection, ask: str, cut: Slice, axis: Axis | None, **parts: str
) -> list[dict[str, Any]]:
    condition, bound = where(cut)
    column = "NULL" if axis is None else COLUMN[axis]
    found = cursor.sql(ask.format(column=column, where=condition, **parts), params=bound)
    rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
    return rows


def _names(cursor: duckdb.DuckDBPyConnection, axis: Axis | None) -> dict[str | None, str]:
    if axis is None:
        return {}
    return {value: name or "" for value, name in cursor.execute(_NAMES, [axis.value]).fetchall()}


def _sorts_of(notes: str | None) -> set[Sort]:
    return {sorts()[one] for one in (notes or "").split(";") if one in sorts()}


def _keys(row: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    """The rows of :data:`REASONS` in which cases stand."""
    found: list[tuple[str, str | None, str | None]] = []
    if row["status"] != "grouped":
        found.append((Stage.GROUP.value, row["status"], row["reason"]))
    if row["pay_status"] != "priced":
        found.append((Stage.PRICE.value, None, row["pay_reason"]))
    elif row["unshared"]:
        found.append((Stage.SHARE.value, None, row["share_reason"]))
    found += [(Stage.NOTE.value, None, one) for one in (row["notes"] or "").split(";") if one]
    return found


def _stopped(one: Asked, row: dict[str, Any]) -> dict[str, int]:
    """What the absence of a field stopped, of some cases that lack it."""
    ungrouped = row["status"] != "grouped" and row["reason"] in one.reasons
    priced = row["pay_status"] == "priced"
    unpriced = not priced and (ungrouped or row["pay_reason"] in one.reasons)
    unshared = priced and row["unshared"] and row["share_reason"] in one.reasons
    found = {"ungrouped": ungrouped, "unpriced": unpriced, "unshared": unshared}
    told = {name: row["cases"] for name, so in found.items() if so}
    return told | {"fen": row["fen"]} if told else told


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(_PLACES, "ROUND_HALF_UP") if whole else None


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)

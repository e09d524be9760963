"""Answers of the mart on the quality of data, in words and under the names of the page's columns."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from codebooks.messages import catalogue, text
from dashboards.frame.errors import advice
from dashboards.frame.labels import labelled
from grouper.mart.quality import Sort, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.mart.slices import Axis

SHARES = ("ungrouped", "unpriced", "codes", "conflict")
"""Counts of cases whose share is drawn and told; not grouped are all that are not plainly grouped."""
_PLACES = Decimal("0.0001")
_RENAMED = {"asked": "field_asked", "missing": "field_missing", "codes": "unusable_codes"} | {
    one.value: f"remark_{one}" for one in Sort
}


def field_name(field: str, lang: str) -> str:
    """What a field is called."""
    # A field that is a list in the case is asked of in one respect alone.
    own = catalogue(lang).get(f"quality_field.{field}")
    return text(f"case.label.{field}", lang) if own is None else own


def reason_name(code: str | None, lang: str) -> str:
    """A reason in words; itself where it has none."""
    if code is None:
        return text("quality_page.no_reason", lang)
    return catalogue(lang).get(f"reason.{code}", code)


def to_do(code: str | None, lang: str) -> str:
    """What is to be done about a reason, for people at a page; empty: nothing is known."""
    told = catalogue(lang).get(f"advice.{code}", "")
    return advice(code or "", told, lang) if told else ""


def completeness(found: pa.Table, axis: Axis, lang: str) -> pa.Table:
    """How many cases of each value lack each field."""
    named = labelled(found, axis, lang)
    words = [field_name(one, lang) for one in named["field"].to_pylist()]
    return _renamed(named.append_column("field_name", [pa.array(words, pa.string())]))


def quality(found: pa.Table, axis: Axis, lang: str) -> pa.Table:
    """How whole and usable the data of each value are, with shares of the cases."""
    named = labelled(found, axis, lang)
    for name in SHARES:
        shares = [share_of(name, row) for row in found.to_pylist()]
        named = named.append_column(f"{name}_share", [pa.array(shares, pa.decimal128(18, 4))])
    return _renamed(named)


def share_of(name: str, row: dict[str, int]) -> Decimal | None:
    """The share of the cases of a row that are so."""
    part = count_of(name, row)
    return (Decimal(part) / row["cases"]).quantize(_PLACES) if row["cases"] else None


def count_of(name: str, row: dict[str, int]) -> int:
    """How many cases of a row are so."""
    if name == "ungrouped":
        return row["ungrouped"] + row["ambiguous"] + row["invalid"]
    return row[name]


def gaps(found: pa.Table, lang: str) -> pa.Table:
    """What the absence of each field costs, in words."""
    fields = found["field"].to_pylist()
    names = [field_name(one, lang) for one in fields]
    use = [text(f"quality_use.{one}", lang) for one in fields]
    told = found.append_column("field_name", [pa.array(names, pa.string())])
    return _renamed(told.append_column("needed_for", [pa.array(use, pa.string())]))


def reasons(found: pa.Table, stage: Stage, lang: str) -> pa.Table:
    """Why cases stopped at a stage, or the remarks on them, in words."""
    rows = [row for row in found.to_pylist() if row["stage"] == stage]

    def told(make: Callable[[dict[str, str | None]], str]) -> pa.Array:
        return pa.array([make(row) for row in rows], pa.string())

    key = {Stage.GROUP: ("status", "status"), Stage.NOTE: ("quality_sort", "sort")}.get(stage)
    what = told(lambda row: text(f"{key[0]}.{row[key[1]]}", lang) if key and row[key[1]] else "")
    columns = {
        "what": what,
        "reason": told(lambda row: reason_name(row["reason"], lang)),
        "advice": told(lambda row: to_do(row["reason"], lang)),
        "code": told(lambda row: row["reason"] or ""),
    }
    kept = found.filter(pa.compute.equal(found["stage"], stage.value))
    told_of = {name: kept[name] for name in ("cases", "share", "sum_cost")}
    return pa.table(columns | told_of)


def _renamed(found: pa.Table) -> pa.Table:
    return found.rename_columns([_RENAMED.get(name, name) for name in found.column_names])

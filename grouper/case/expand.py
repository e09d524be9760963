"""Nested records of JSON as parallel lists: charge lines, and assessments with their items.

``lines`` is a list of objects, one a charge line; ``assessments`` a list of objects with ``date``,
``type`` and ``items`` (item to value). What has another shape stays as it is, under its own name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LINES, ASSESSMENTS = "lines", "assessments"
_LINE = ("item", "name", "class", "quantity", "amount", "time")
_SPENT = {"date", "type", "items"}


def expand(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record with its nested lists laid out as parallel ones; the same one if it has none."""
    nested = [name for name in (LINES, ASSESSMENTS) if name in record]
    if not nested:
        return record
    found: dict[str, Any] = {}
    for name, value in record.items():
        laid_out = _EXPANDERS[name](value) if name in nested else None
        if laid_out is None or any(column in record for column in laid_out):
            found[name] = value
        else:
            found |= laid_out
    return found


def _objects(value: Any) -> bool:  # noqa: ANN401 -- whatever JSON holds
    return isinstance(value, list) and all(isinstance(v, dict) for v in value)


def _lines(value: Any) -> dict[str, list[Any]] | None:  # noqa: ANN401 -- whatever JSON holds
    if not _objects(value):
        return None
    used = [name for name in _LINE if any(name in line for line in value)]
    if any(set(line) - set(_LINE) for line in value):
        return None
    return {f"line_{name}": [line.get(name) for line in value] for name in used}


def _assessments(value: Any) -> dict[str, list[Any]] | None:  # noqa: ANN401 -- whatever JSON holds
    if not _objects(value) or any(set(one) - _SPENT for one in value):
        return None
    if not all(isinstance(one.get("items"), dict) for one in value):
        return None
    rows = [
        (item, score, one.get("date"), one.get("type"))
        for one in value
        for item, score in (one["items"] or {None: None}).items()
    ]
    names = ("item", "value", "date", "type")
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return {f"assessment_{n}": list(column) for n, column in zip(names, columns, strict=True)}


_EXPANDERS = {LINES: _lines, ASSESSMENTS: _assessments}

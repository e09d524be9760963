"""What changed in a catalogue from one day to another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.catalogues.forms import Kind
from codebooks.catalogues.history import contents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.catalogues.forms import Form

ADDED, REMOVED, PRICE, SCOPE, MAPPING, OTHER = (
    "added",
    "removed",
    "price",
    "scope",
    "mapping",
    "other",
)
SORTS = (ADDED, REMOVED, PRICE, SCOPE, MAPPING, OTHER)
"""What may have happened to a key: it came, it went, or fields of it changed."""
_OF_KIND = {Kind.PRICE: PRICE, Kind.SHARE: SCOPE, Kind.SCOPE: SCOPE}
_MAPPED = ("code", "city_code")


@dataclass(frozen=True, slots=True)
class Change:
    """One key that came, went, or of which a field differs.

    Attributes:
        key: of the catalogue.
        name: that the catalogue gives it.
        sort: one of :data:`SORTS`.
        field: that differs; None for what came or went.
        old: value before; None: none.
        new: value after.
    """

    key: str
    name: str
    sort: str
    field: str | None = None
    old: str | None = None
    new: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes, in the order of key and field."""

    changes: tuple[Change, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many keys of each sort, those without any left out."""
        seen = {(change.sort, change.key) for change in self.changes}
        counted = Counter(sort for sort, _ in seen)
        return {sort: counted[sort] for sort in SORTS if counted[sort]}


def difference(form: Form, old: pa.Table, new: pa.Table) -> Difference:
    """Compare two states of a catalogue by key.

    Args:
        form: of the catalogue.
        old: rows with the columns of the content.
        new: likewise.
    """
    before, after = _by_key(form, old), _by_key(form, new)
    changes = [
        Change(key, _name(rows), ADDED)
        for key, rows in _rows_of(form, new, _lacking(after, before)).items()
    ]
    changes += [
        Change(key, _name(rows), REMOVED)
        for key, rows in _rows_of(form, old, _lacking(before, after)).items()
    ]
    both = after.take(pa.array(np.flatnonzero(_there(after, before))))
    at = pc.index_in(both["key"], before["key"])
    same = pc.equal(both["content"], before["content"].take(at))
    differing = both.filter(pc.invert(same))["key"]
    left, right = _rows_of(form, old, differing), _rows_of(form, new, differing)
    for key in left:
        changes += _changed(form, key, left[key], right[key])
    order = {sort: place for place, sort in enumerate(SORTS)}
    changes.sort(key=lambda one: (one.key, order[one.sort], one.field or ""))
    return Difference(tuple(changes))


def _by_key(form: Form, rows: pa.Table) -> pa.Table:
    """Each key once, with the content of its rows in one order."""
    table = pa.table({"key": rows[form.key], "content": contents(form, rows)})
    table = table.sort_by([("key", "ascending"), ("content", "ascending")])
    grouped = table.group_by("key", use_threads=False).aggregate([("content", "list")])
    lists = grouped["content_list"].combine_chunks()
    joined = pc.binary_join(lists, pa.scalar("\x03"))
    return pa.table({"key": grouped["key"], "content": joined})


def _there(some: pa.Table, other: pa.Table) -> Any:  # noqa: ANN401 -- numpy
    return np.asarray(pc.is_in(some["key"], other["key"]))


def _lacking(some: pa.Table, other: pa.Table) -> Any:  # noqa: ANN401 -- Arrow
    """The keys of one that the other has not."""
    return some["key"].filter(pa.array(~_there(some, other)))


def _rows_of(form: Form, rows: pa.Table, keys: Any) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401 -- Arrow
    found: dict[str, list[dict[str, Any]]] = {}
    chosen = rows.filter(pc.is_in(rows[form.key], value_set=keys)).select(form.schema.names)
    for row in chosen.to_pylist():
        found.setdefault(row[form.key], []).append(row)
    return found


def _name(rows: list[dict[str, Any]]) -> str:
    for field in ("hospital_name", "name"):
        for row in rows:
            if row.get(field):
                return str(row[field])
    return ""


def _changed(
    form: Form, key: str, old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> list[Change]:
    found = []
    for field in form.content:
        before, after = _told(old, field.name), _told(new, field.name)
        if before != after:
            sort = _OF_KIND.get(field.kind, OTHER)
            if form.key != "code" and field.name in _MAPPED:
                sort = MAPPING
            found.append(Change(key, _name(new), sort, field.name, before, after))
    return found


def _told(rows: list[dict[str, Any]], name: str) -> str | None:
    values = sorted({_word(row[name]) for row in rows if row[name] is not None})
    return "; ".join(values) or None


def _word(value: object) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)

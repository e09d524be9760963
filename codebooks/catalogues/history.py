"""Imports laid over one another: which row was in force when.

An import is the list as it stands from its day on. It closes what was in force and opens its own rows.
A day that a row states itself is believed: it opens a row earlier or later than the import's day, but
never over what an earlier list had said of the same key. Imports count in the order of their days, in
whatever order they came; of two of one day the later one stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from numpy.typing import NDArray

    from codebooks.catalogues.forms import Form

NEVER = (1 << 31) - 1
"""The day after every day."""
_SPAN = 1 << 33
_VALIDITY = (("since", pa.int32()), ("until", pa.int32()), ("import", pa.int32()))


class Part(NamedTuple):
    """One import: its number, its day, whether it is the whole list, and its rows as read."""

    number: int
    day: date
    whole: bool
    rows: pa.Table


def history_schema(form: Form) -> pa.Schema:
    """The columns of a history: the content, ``since``, ``until`` (days since 1970) and ``import``."""
    return pa.schema([*form.schema, *_VALIDITY])


def history(form: Form, parts: Iterable[Part]) -> pa.Table:
    """All rows with the days on which they are in force, in the order of key and day.

    Args:
        form: of the catalogue.
        parts: the imports.

    Returns:
        Columns of :func:`history_schema`; ``import`` is the one that opened the row. Equal rows
        that follow on one another are one.
    """
    current = history_schema(form).empty_table()
    for part in sorted(parts, key=lambda one: (one.day, one.number)):
        current = _laid_over(form, current, part)
    return _joined(form, current)


def disputes(form: Form, rows: pa.Table) -> pa.Table:
    """The days on which a key has more than one row: ``key``, ``since``, ``until``.

    Args:
        form: of the catalogue.
        rows: as :func:`history` gives them.
    """
    key = _codes(rows[form.key])
    since, until = _days(rows, "since"), _days(rows, "until")
    order = np.lexsort((since, key))
    key, since, until = key[order], since[order], until[order]
    before = _running_end(key, until)
    over = np.zeros(len(key), bool)
    over[1:] = (key[1:] == key[:-1]) & (since[1:] < before[:-1])
    at = np.flatnonzero(over)
    ends = np.minimum(until[at], before[at - 1]) if len(at) else until[at]
    return pa.table(
        {
            "key": rows[form.key].take(pa.array(order[at])).combine_chunks(),
            "since": pa.array(since[at].astype(np.int32)),
            "until": pa.array(ends.astype(np.int32)),
        }
    )


def contents(form: Form, rows: pa.Table) -> pa.ChunkedArray:
    """The content of each row as one text, equal where all its fields are."""
    # The separators stand in no cell; an absent value is told from an empty one.
    columns = [pc.fill_null(rows[name].cast(pa.string()), "\x01") for name in form.schema.names]
    return pc.binary_join_element_wise(*columns, "\x02")


def _laid_over(form: Form, current: pa.Table, part: Part) -> pa.Table:
    day = np.datetime64(part.day, "D").astype(int)
    new = _opened(form, part, int(day))
    keys = new[form.key]
    since, until = _days(current, "since"), _days(current, "until")
    closing = np.ones(current.num_rows, bool)
    if not part.whole:
        closing = np.asarray(pc.is_in(current[form.key], pc.unique(keys)))
    until = np.where(closing, np.minimum(until, day), until)
    current = _dated(current, since, until)
    old = current.group_by(form.key).aggregate([("until", "max")])
    at = pc.index_in(keys, old[form.key])
    ended = np.asarray(pc.fill_null(old["until_max"].take(at), -NEVER)).astype(np.int64)
    begun = np.maximum(_days(new, "since"), np.minimum(ended, day))
    new = _dated(new, begun, _days(new, "until"))
    return pa.concat_tables([current, new])


def _opened(form: Form, part: Part, day: int) -> pa.Table:
    rows = part.rows
    starts = pc.fill_null(rows["starts"].cast(pa.int32()), day)
    ends = pc.fill_null(rows["ends"].cast(pa.int32()), NEVER)
    columns: dict[str, Any] = {name: rows[name] for name in form.schema.names}
    columns["since"], columns["until"] = starts, ends
    columns["import"] = pa.array(np.full(rows.num_rows, part.number, np.int32))
    return pa.table(columns, schema=history_schema(form))


def _dated(rows: pa.Table, since: NDArray[np.int64], until: NDArray[np.int64]) -> pa.Table:
    """The rows with other days; without those that no day is left of."""
    for name, days in (("since", since), ("until", until)):
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), pa.array(days.astype(np.int32)))
    return rows.filter(pa.array(since < until))


def _joined(form: Form, rows: pa.Table) -> pa.Table:
    """Rows of the same content that touch or overlap are one."""
    if not rows.num_rows:
        return rows
    content = _codes(contents(form, rows))
    since, until = _days(rows, "since"), _days(rows, "until")
    order = np.lexsort((_days(rows, "import"), since, content))
    content, since, until = content[order], since[order], until[order]
    ends = _running_end(content, until)
    starts = np.ones(len(content), bool)
    starts[1:] = (content[1:] != content[:-1]) | (since[1:] > ends[:-1])
    first = np.flatnonzero(starts)
    joined = rows.take(pa.array(order[first]))
    joined = _dated(joined, since[first], np.maximum.reduceat(until, first))
    keys = [(form.key, "ascending"), ("since", "ascending")]
    return joined.take(pc.sort_indices(joined, [*keys, ("import", "ascending")])).combine_chunks()


def _codes(column: Any) -> NDArray[np.int64]:  # noqa: ANN401 -- Arrow
    """A number for each different value."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = pc.dictionary_encode(column)
    return np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int64)


def _days(rows: pa.Table, name: str) -> NDArray[np.int64]:
    return np.asarray(rows[name].combine_chunks()).astype(np.int64)


def _running_end(group: NDArray[np.int64], until: NDArray[np.int64]) -> NDArray[np.int64]:
    """The greatest end so far within each group; rows of a group follow on one another."""
    # Each group lies above all days of those before it.
    place = np.cumsum(np.append(0, group[1:] != group[:-1])) if len(group) else group
    return np.maximum.accumulate(until + place * _SPAN) - place * _SPAN

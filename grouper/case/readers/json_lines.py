"""JSON Lines: one record a line, whose names may vary from line to line.

The original columns are the names of the first lines, typed where all of them agree. A later value
that does not fit its column, and names that come later, stand as JSON in the column ``_rest``; a
line that is no record stands in ``_line``.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codebooks.plain import json_of
from grouper.case.expand import expand
from grouper.case.fields import CASE_SCHEMA
from grouper.case.issues import Issue, Severity, issue_table
from grouper.case.layout import bind, unique_names
from grouper.case.readers.source import CaseBatch, Source, empty_file
from grouper.case.readers.text_input import open_text, readable, undecodable
from grouper.case.record_reading import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from grouper.case.layout import Layout

REST, LINE = "_rest", "_line"
_SAMPLE = 1000
"""Lines whose names and values make the original's schema."""
_SMALLEST, _GREATEST, _EXACT = -(2**63), 2**63 - 1, 2**53
_LAYOUTS = 1024
_NONE = type(None)
_PYTHON: dict[pa.DataType, set[type]] = {
    pa.bool_(): {bool, _NONE},
    pa.int64(): {int, _NONE},
    pa.float64(): {float, int, _NONE},
    pa.list_(pa.string()): {list, _NONE},
    pa.string(): {str, _NONE},
}
"""The types of a column of the original, and what Python has for their values."""


class _BadLineError(Exception):
    """A line that is no record; the argument is the reason code."""


class JsonLinesSource(Source):
    """A file of JSON objects, one a line."""

    format = "jsonl"

    def __init__(
        self,
        path: Path,
        encoding: str,
        batch_rows: int,
        lay_out: Callable[[Sequence[str]], Layout],
    ) -> None:
        self.encoding = encoding
        self._lay_out = lay_out
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self.size = path.stat().st_size
        self.path = path
        self.bytes_read = 0
        sample = list(islice(self._objects(), _SAMPLE))
        objects = [found for _, found, _ in sample if found is not None]
        names = tuple(dict.fromkeys(name for found in objects for name in found))
        meant = tuple(dict.fromkeys(name for found in objects for name in expand(found)))
        super().__init__(path, lay_out(meant), _schema(names, objects), batch_rows)
        if not sample:
            self.file_issues = [empty_file()]
        self.bytes_read = 0

    def batches(self) -> Iterator[CaseBatch]:
        """The records; see :meth:`Source.batches`."""
        lines, row = self._objects(), 1
        while part := list(islice(lines, self.batch_rows)):
            yield self._batch(part, row)
            row += len(part)

    def _objects(self) -> Iterator[tuple[str, dict[str, Any] | None, str]]:
        """Each line with its object, or with the reason why it holds none."""
        with open_text(self.path, self.encoding) as text:
            while line := text.line():
                self.bytes_read = text.bytes_read
                stripped = line.strip()
                if not stripped:
                    continue
                try:
                    yield "", _object(stripped, self.encoding), ""
                except _BadLineError as bad:
                    yield readable(stripped), None, str(bad)

    def _batch(
        self, part: list[tuple[str, dict[str, Any] | None, str]], first_row: int
    ) -> CaseBatch:
        issues: list[Issue] = []
        records: list[dict[str, Any]] = []
        for row, (_, found, reason) in enumerate(part, first_row):
            values, said = self._read(found or {}, row, reason)
            records.append(values)
            issues += said
        arrays = [
            pa.array([values[field.name] for values in records], field.type)
            for field in CASE_SCHEMA
        ]
        cases = pa.RecordBatch.from_arrays(arrays, schema=CASE_SCHEMA)
        original = _original(self.schema, [(line, found) for line, found, _ in part])
        return CaseBatch(first_row, original, cases, issue_table(issues))

    def _read(
        self, found: Mapping[str, Any], row: int, reason: str
    ) -> tuple[dict[str, Any], list[Issue]]:
        found = expand(found)
        names = tuple(found)
        layout = self._layouts.get(names)
        if layout is None:
            layout = (self._lay_out(names) if names else bind(())).with_defaults(
                dict(self.layout.defaults)
            )
            if len(self._layouts) > _LAYOUTS:
                self._layouts.clear()
            self._layouts[names] = layout
        values, issues = reader_of(layout).read(tuple(found.values()), row)
        if reason:
            issues = [Issue(row, "", reason, Severity.REJECT)]
        return values, issues


def _object(line: str, encoding: str) -> dict[str, Any]:
    if undecodable(line, encoding):
        raise _BadLineError("ROW_ENCODING")
    try:
        found = json_of(line, object_pairs_hook=_pairs)
        if "\\u" in line:
            # An escape may stand for half a character, which no text can hold.
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _BadLineError("ROW_ENCODING") from None
    except (ValueError, RecursionError):
        raise _BadLineError("ROW_JSON") from None
    if not isinstance(found, dict):
        raise _BadLineError("ROW_JSON")
    return found


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found and found[name] != value:
            raise _BadLineError("COLUMN_CONFLICT")
        found[name] = value
    return found


def _schema(names: Sequence[str], objects: list[dict[str, Any]]) -> pa.Schema:
    kinds = [_type([o[name] for o in objects if name in o]) for name in names]
    columns = unique_names([*names, REST, LINE])
    return pa.schema(list(zip(columns, [*kinds, pa.string(), pa.string()], strict=True)))


def _type(values: list[Any]) -> pa.DataType:
    stated = [value for value in values if value is not None]
    for kind in _PYTHON:
        if stated and all(_fits(value, kind) for value in stated):
            return kind
    return pa.string()


def _fits(value: Any, kind: pa.DataType) -> bool:  # noqa: ANN401 -- whatever JSON holds
    if value is None:
        return True
    if pa.types.is_boolean(kind) or isinstance(value, bool):
        return pa.types.is_boolean(kind) and isinstance(value, bool)
    if pa.types.is_int64(kind):
        return isinstance(value, int) and _SMALLEST <= value <= _GREATEST
    if pa.types.is_float64(kind):
        return isinstance(value, float) or (isinstance(value, int) and abs(value) <= _EXACT)
    if pa.types.is_list(kind):
        return isinstance(value, list) and all(e is None or isinstance(e, str) for e in value)
    return isinstance(value, str)


def _original(schema: pa.Schema, part: list[tuple[str, dict[str, Any] | None]]) -> pa.RecordBatch:
    *own, rest_column, line_column = schema
    records = [found or {} for _, found in part]
    known = {field.name for field in own}
    rests = [{name: r[name] for name in r.keys() - known} for r in records]
    arrays = [_column(field, records, rests) for field in own]
    texts = [
        json.dumps(rest, ensure_ascii=False, sort_keys=True) if rest else None for rest in rests
    ]
    arrays.append(pa.array(texts, rest_column.type))
    arrays.append(pa.array([line or None for line, _ in part], line_column.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _column(
    field: pa.Field, records: list[dict[str, Any]], rests: list[dict[str, Any]]
) -> pa.Array:
    """One column of the original; a value that does not fit goes to the rest of its record."""
    values = [record.get(field.name) for record in records]
    if set(map(type, values)) <= _PYTHON[field.type]:
        try:
            return pa.array(values, field.type)
        except (pa.ArrowException, OverflowError):
            pass  # a number too large, or a list of other things than text
    for at, value in enumerate(values):
        if not _fits(value, field.type):
            rests[at][field.name], values[at] = value, None
    return pa.array(values, field.type)

"""Columns into Arrow: exact money, times of the zone, and the table of cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.case.fields import CASE_SCHEMA, FIELDS, ZONE, Kind
from grouper.demo.hospital.catalogue import NO_LIMIT, SCOPES, SHARE, items

if TYPE_CHECKING:
    from grouper.demo.hospital.inpatients import Front
    from grouper.demo.hospital.lines import Lines
    from grouper.demo.hospital.world import Array

_MONEY, _QUANTITY = pa.decimal128(14, 2), pa.decimal128(14, 4)
_TIME = pa.timestamp("s", tz=ZONE)
_WORD = pa.dictionary(pa.int32(), pa.string())
Names = Mapping[str, Sequence[str]]
"""Codes of ``departments`` and ``physicians``, by number."""

_SECOND_KINDS = {Kind.TIME: pa.int64(), Kind.DATE: pa.int32()}

CHARGE_SCHEMA = pa.schema(
    [
        ("case_id", _WORD),
        ("line", pa.int32()),
        ("line_item", _WORD),
        ("line_name", _WORD),
        ("line_class", _WORD),
        ("line_quantity", _QUANTITY),
        ("line_price", _MONEY),
        ("line_amount", _MONEY),
        ("line_time", _TIME),
        ("line_scope", _WORD),
        ("line_first_share", _QUANTITY),
        ("line_limit", _MONEY),
        ("line_department", _WORD),
        ("line_physician", _WORD),
    ]
)
"""The columns of a month's charges, one row a line; names as in the Case, and the unit price."""


def decimals(values: Array, kind: pa.DataType, missing: Array | None = None) -> pa.Array:
    """Whole numbers in the last place of a decimal type as its values.

    Args:
        values: whole numbers, such as fen.
        kind: the decimal type.
        missing: which are null.
    """
    wide = np.empty((len(values), 2), np.int64)
    wide[:, 0] = values
    wide[:, 1] = np.asarray(values, np.int64) >> 63
    valid = None
    if missing is not None and missing.any():
        valid = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes())
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(wide)])


def times(values: Array) -> pa.Array:
    """Seconds since 1970 as times of the zone."""
    return pa.array(values, pa.int64()).cast(_TIME)


def words(places: Array, names: Sequence[str]) -> pa.Array:
    """Places among names as a dictionary column."""
    return pa.DictionaryArray.from_arrays(
        pa.array(places, pa.int32()), pa.array(names, pa.string())
    )


def line_columns(
    lines: Lines, departments: Array, physicians: Array, names: Names
) -> dict[str, pa.Array]:
    """The columns of lines by the names of the Case, with the unit price.

    Args:
        lines: the lines.
        departments: number of the department of each stay.
        physicians: number of the physician of each stay.
        names: codes of ``departments`` and ``physicians``.
    """
    table = items()
    item = lines.item
    share = np.where(table.scope == SCOPES.index("C"), SHARE, table.first_share)[item]
    limit = table.limit[item]
    return {
        "line_item": words(item, table.code),
        "line_name": words(item, table.name),
        "line_class": words(item, table.kind),
        "line_quantity": decimals(lines.quantity * 10_000, _QUANTITY),
        "line_price": decimals(table.price[item], _MONEY),
        "line_amount": decimals(lines.amount(), _MONEY),
        "line_time": times(lines.time),
        "line_scope": words(table.scope[item], SCOPES),
        "line_first_share": decimals(share, _QUANTITY),
        "line_limit": decimals(np.maximum(limit, 0), _MONEY, limit == NO_LIMIT),
        "line_department": words(departments[lines.stay], names["departments"]),
        "line_physician": words(physicians[lines.stay], names["physicians"]),
    }


def charges(
    lines: Lines, case_ids: Sequence[str], departments: Array, physicians: Array, names: Names
) -> pa.Table:
    """The table of charges of stays; the lines have to be in order."""
    columns = {
        "case_id": words(lines.stay, case_ids),
        "line": pa.array(lines.numbers(), pa.int32()),
        **line_columns(lines, departments, physicians, names),
    }
    return pa.table([columns[name] for name in CHARGE_SCHEMA.names], schema=CHARGE_SCHEMA)


def nested_lines(
    lines: Lines, stays: int, departments: Array, physicians: Array, names: Names
) -> dict[str, pa.Array]:
    """The lines as lists, one for each case; the lines have to be in order."""
    offsets = pa.array(np.searchsorted(lines.stay, np.arange(stays + 1)), pa.int32())
    flat = line_columns(lines, departments, physicians, names)
    return {
        name: pa.ListArray.from_arrays(
            offsets, values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values
        )
        for name, values in flat.items()
        if name in FIELDS
    }


def cases(
    front: Front,
    count: int,
    constants: Mapping[str, str],
    money: Mapping[str, Array],
    lists: Mapping[str, pa.Array] | None = None,
) -> pa.Table:
    """A table of cases.

    Args:
        front: columns by name; dates as days, times as seconds since 1970.
        count: how many cases.
        constants: columns that are the same for all.
        money: columns in fen.
        lists: columns that are made already.
    """
    arrays = []
    for field in CASE_SCHEMA:
        name = field.name
        if lists and name in lists:
            arrays.append(lists[name])
        elif name in constants:
            arrays.append(pa.repeat(pa.scalar(constants[name]), count))
        elif name in money:
            arrays.append(decimals(money[name], field.type))
        elif name in front:
            arrays.append(_column(name, front[name]))
        else:
            arrays.append(pa.nulls(count, field.type))
    return pa.table(arrays, schema=CASE_SCHEMA)


def _column(name: str, values: list[Any]) -> pa.Array:
    field = FIELDS[name]
    plain = _SECOND_KINDS.get(field.kind)
    if plain is None:
        return pa.array(values, field.type)
    made = pa.array(values, pa.list_(plain) if field.nested else plain)
    return made.cast(field.type)

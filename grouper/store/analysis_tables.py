"""What is laid out for analysis: three tables, read in blocks from the store's own.

``stays``: heads with the grouping that counts; ``versions``: their history, the record as
``docs/CASE.md`` names its fields, in JSON; ``charge_rows``: charge lines as they came. Times are
local (``Asia/Shanghai``). Numbers of patients and stays, names, and what senders state beyond the
Case are not among them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import BigInteger, func, select, type_coerce

from grouper.case.fields import ZONE
from grouper.intake.record import raw_case
from grouper.store.heads import SAME_AS
from grouper.store.lines import is_marker
from grouper.store.schema import charge_line, grouping, person, stay, stay_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Column, ColumnElement, Connection, Select

BLOCK = 20_000
"""Stays whose heads share a file: one that changed has the others written again."""
ROWS = 20_000
"""Rows that are read at once."""
_TIME = pa.timestamp("us")
_FURTHER = {
    "hospital_item": ("hospital_item",),
    "department": ("line_department", "department"),
    "scope": ("line_scope", "scope"),
}
"""What a charge line states beside its columns and is wanted here: by which names, the best first."""

STAYS = pa.schema(
    [
        ("stay_id", pa.int64()),
        ("case_id", pa.string()),
        ("person", pa.string()),
        ("hospital", pa.string()),
        ("merged_into", pa.int64()),
        ("state", pa.string()),
        ("kind", pa.string()),
        ("department", pa.string()),
        ("admitted", _TIME),
        ("discharged", _TIME),
        ("version", pa.int32()),
        ("changed", _TIME),
        ("total_cost", pa.decimal128(16, 2)),
        ("grouped_version", pa.int32()),
        *((name, pa.string()) for name in ("scheme", "content_hash", "status", "reason")),
        *((name, pa.string()) for name in ("warnings", "mdc", "adrg", "group", "group_name")),
        *((name, pa.string()) for name in ("cc_level", "group_kind", "weight")),
    ]
)
VERSIONS = pa.schema(
    [
        ("id", pa.int64()),
        ("stay_id", pa.int64()),
        ("version", pa.int32()),
        ("at", _TIME),
        ("message_id", pa.int64()),
        ("record_version", pa.int32()),
        ("record", pa.string()),
        ("issues", pa.string()),
    ]
)
CHARGES = pa.schema(
    [
        ("id", pa.int64()),
        ("stay_id", pa.int64()),
        ("line", pa.string()),
        ("message_id", pa.int64()),
        ("gone", pa.bool_()),
        ("marker", pa.bool_()),
        ("item", pa.string()),
        ("name", pa.string()),
        ("class", pa.string()),
        ("quantity", pa.decimal128(18, 4)),
        ("amount", pa.decimal128(16, 2)),
        ("charged", _TIME),
        *((name, pa.string()) for name in _FURTHER),
    ]
)
SCHEMAS = {"stays": STAYS, "versions": VERSIONS, "charge_rows": CHARGES}

LINES = """
CREATE VIEW lines AS
WITH last AS (
    SELECT * FROM charge_rows QUALIFY row_number()
    OVER (PARTITION BY stay_id, line ORDER BY message_id DESC, id DESC) = 1
)
SELECT l.* EXCLUDE (gone, marker) FROM last l JOIN stays s USING (stay_id)
WHERE NOT l.gone AND NOT l.marker AND s.merged_into IS NULL AND NOT EXISTS (
    SELECT 1 FROM last m
    WHERE m.marker AND m.stay_id = l.stay_id AND starts_with(l.line, m.line[:-2])
    AND (m.message_id > l.message_id OR (m.message_id = l.message_id AND m.id > l.id))
)
"""
"""The charge lines that stand, by the rule of :mod:`grouper.store.lines`."""


def fingerprints(connection: Connection) -> dict[int, str]:
    """Of each block of stays a text that changes with any of its heads."""
    c = stay.c
    block = (c.id - 1) // BLOCK
    sums = [func.sum(func.coalesce(x, 0)) for x in (c.grouping_id, c.person_id, c.merged_into)]
    changed = _micro(c.changed)
    facts = [func.count(), func.sum(c.version), *sums]
    ask = select(block, *facts, func.max(changed), func.sum(changed % 1_000_003)).group_by(block)
    return {int(row[0]): " ".join(str(int(x)) for x in row[1:]) for row in connection.execute(ask)}


def stays(connection: Connection, block: int) -> Iterator[pa.Table]:
    """Heads of a block."""
    head = [n for n in STAYS.names if n in stay.c and n not in {"admitted", "discharged"}]
    found = [n for n in STAYS.names if n in grouping.c and n not in stay.c]
    ask = (
        select(
            stay.c.id.label("stay_id"),
            *(stay.c[name] for name in head if name != "changed"),
            *(_micro(stay.c[name]).label(name) for name in ("admitted", "discharged", "changed")),
            person.c.pseudonym.label("person"),
            grouping.c.version.label("grouped_version"),
            *(grouping.c[name] for name in found if name != "stay_id"),
        )
        .outerjoin_from(stay, person, person.c.id == stay.c.person_id)
        .outerjoin(grouping, grouping.c.id == stay.c.grouping_id)
        .where(stay.c.id > block * BLOCK, stay.c.id <= (block + 1) * BLOCK)
        .order_by(stay.c.id)
    )
    return _tables(connection, ask, STAYS)


def versions(connection: Connection, after: int) -> Iterator[pa.Table]:
    """Versions with a greater id."""
    c = stay_version.c
    columns = (c.id, c.stay_id, c.version, c.message_id, c.record, c.issues)
    ask = select(*columns, _micro(c.at).label("at")).where(c.id > after).order_by(c.id)
    return _tables(connection, ask, VERSIONS, _version)


def _version(row: dict[str, Any]) -> None:
    record = row["record"]
    row["record_version"] = record.get(SAME_AS, row["version"])
    row["record"] = None if SAME_AS in record else orjson.dumps(raw_case(record)).decode()
    row["issues"] = orjson.dumps(row["issues"]).decode()


def charges(connection: Connection, after: int) -> Iterator[pa.Table]:
    """Rows of charge lines with a greater id."""
    c = charge_line.c
    names = [name for name in CHARGES.names if name in c and name != "charged"]
    columns = [*(c[name] for name in names), c.about, _micro(c.charged).label("charged")]
    return _tables(
        connection, select(*columns).where(c.id > after).order_by(c.id), CHARGES, _charge
    )


def _charge(row: dict[str, Any]) -> None:
    row["marker"] = is_marker(row["line"])
    about = row.pop("about")
    for name, stated in _FURTHER.items():
        value = next((about[one] for one in stated if about.get(one) is not None), None)
        row[name] = None if value is None else str(value)
    if isinstance(row["quantity"], str):
        row["quantity"] = Decimal(row["quantity"])


def _micro(column: Column[Any]) -> ColumnElement[int]:
    """A time as it is stored: microseconds since 1970."""
    return type_coerce(column, BigInteger)


def _tables(
    connection: Connection,
    ask: Select[Any],
    schema: pa.Schema,
    read: Callable[[dict[str, Any]], None] | None = None,
) -> Iterator[pa.Table]:
    stored = pa.schema([(f.name, pa.int64() if f.type == _TIME else f.type) for f in schema])
    with connection.execution_options(yield_per=ROWS).execute(ask) as result:
        for rows in result.mappings().partitions(ROWS):
            plain = [dict(row) for row in rows]
            if read is not None:
                for row in plain:
                    read(row)
            table = pa.Table.from_pylist(plain, schema=stored)
            yield pa.table([_local(table[f.name], f.type) for f in schema], schema=schema)


def _local(column: pa.ChunkedArray, to: pa.DataType) -> pa.ChunkedArray:
    if to != _TIME:
        return column
    return pc.local_timestamp(column.cast(pa.timestamp("us", tz=ZONE)))

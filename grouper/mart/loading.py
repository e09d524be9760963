"""The files of a mart read into DuckDB: words as numbers, each case beside the means of its group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from grouper.mart.answers import About
from grouper.mart.errors import MartError
from grouper.mart.facts import FACTS, NANO
from grouper.mart.manifest import read, stamp_of

if TYPE_CHECKING:
    from pathlib import Path

    from grouper.mart.manifest import Manifest

__all__ = ["loaded", "stamp_of"]

ENUMS = (
    *("kind", "department", "physician", "insurance", "scheme", "status", "reason", "mdc", "adrg"),
    *("group", "cc_level", "method", "band", "pay_status", "pay_reason", "month"),
    *("share_reason", "notes"),
)
"""Columns that are read as numbers of a list of words: smaller, and quicker to group by."""
_LEFT_OUT = ("group_name", "policy")
_TRIES = 3
_NAMES = pa.schema([("axis", pa.string()), ("value", pa.string()), ("name", pa.string())])
_KEYS = """
CREATE TEMP TABLE keys AS
SELECT (row_number() OVER ())::INTEGER AS gid, named.scheme, named."group", mean_cost, mean_days
FROM (
  SELECT DISTINCT scheme, "group" FROM given WHERE status = 'grouped' AND "group" IS NOT NULL
) AS named
LEFT JOIN means ON means.scheme IS NOT DISTINCT FROM named.scheme AND means."group" = named."group"
"""
# A mean of nought compares with nothing, and visits with no mean of stays; the same holds in the
# payment's indices.
_FACT = """
CREATE TABLE facts AS
SELECT * EXCLUDE (cost_mean, days_mean),
  round(cost / (100 * nullif(cost_mean, 0)) * {nano})::BIGINT AS cost_ratio,
  round(days / nullif(days_mean, 0) * {nano})::BIGINT AS time_ratio,
  round(cost_mean * 100)::BIGINT AS mean_cost, round(days_mean * 100)::BIGINT AS mean_days
FROM (
  SELECT {columns}, keys.gid,
    CASE WHEN given.kind = 'inpatient' THEN keys.mean_cost END AS cost_mean,
    CASE WHEN given.kind = 'inpatient' THEN keys.mean_days END AS days_mean
  FROM given
  LEFT JOIN keys ON keys.scheme IS NOT DISTINCT FROM given.scheme
    AND keys."group" = given."group" AND given.status = 'grouped'
)
"""
# Half up, as the payment rounds its indices: scale × a ÷ b.
_MACROS = """
CREATE MACRO half_up(a, b, scale) AS
  CASE WHEN coalesce(b, 0) = 0 THEN NULL
  ELSE sign(a) * ((2 * abs(a)::HUGEINT * scale + b) // (2 * b::HUGEINT)) END;
CREATE MACRO yuan(fen) AS (fen::DECIMAL(20, 0) * 0.01::DECIMAL(3, 2))::DECIMAL(20, 2);
CREATE MACRO index4(number) AS (number::DECIMAL(20, 0) * 0.0001::DECIMAL(5, 4))::DECIMAL(18, 4);
"""


def loaded(folder: Path) -> tuple[duckdb.DuckDBPyConnection, About]:
    """Read a mart into memory; nothing of the files is asked for later.

    Raises:
        MartError: ``MART_ABSENT``, ``MART_OLD``, ``MART_BROKEN``.
    """
    for left in reversed(range(_TRIES)):
        stamp = stamp_of(folder)
        state = read(folder)
        connection = duckdb.connect()
        try:
            _load(connection, folder, state)
            return connection, _about(connection, state, stamp)
        except duckdb.Error:
            connection.close()
            # Between the list and the files another build may have come.
            if not left or stamp_of(folder) == stamp:
                raise MartError("MART_BROKEN") from None
    raise MartError("MART_BROKEN")


def _load(connection: duckdb.DuckDBPyConnection, folder: Path, state: Manifest) -> None:
    connection.execute(_MACROS)
    paths = [str(folder / name) for _, name in sorted(state.months.items())]
    if paths:
        connection.read_parquet(paths).create_view("given")
    else:
        connection.from_arrow(FACTS.empty_table()).create("given")
    connection.read_parquet(str(folder / state.means)).create_view("means")
    # One pass over the files finds the words of all columns.
    lists = ", ".join(f'list(DISTINCT "{name}") AS "{name}"' for name in ENUMS)
    connection.execute(f"CREATE TEMP TABLE lists AS SELECT {lists} FROM given")  # noqa: S608 -- our own columns
    for name in ENUMS:
        connection.execute(
            f'CREATE TYPE "word_{name}" AS ENUM (SELECT word FROM '  # noqa: S608 -- as above
            f'(SELECT unnest("{name}") AS word FROM lists) WHERE word IS NOT NULL ORDER BY word)'
        )
    columns = [
        f'given."{name}"::"word_{name}" AS "{name}"' if name in ENUMS else f'given."{name}"'
        for name in FACTS.names
        if name not in _LEFT_OUT
    ]
    connection.execute(_KEYS)
    connection.execute(_FACT.format(columns=", ".join(columns), nano=NANO))
    connection.execute(
        "CREATE TABLE names AS SELECT 'group' AS axis, \"group\" AS value, "
        "min(nullif(group_name, '')) AS name "
        'FROM given WHERE "group" IS NOT NULL GROUP BY "group"'
    )
    rows = [
        {"axis": axis, "value": value, "name": name}
        for axis, known in state.names.items()
        for value, name in known.items()
    ]
    connection.register("further", pa.Table.from_pylist(rows, _NAMES))
    connection.execute("INSERT INTO names SELECT * FROM further")
    connection.unregister("further")


def _about(connection: duckdb.DuckDBPyConnection, state: Manifest, stamp: str) -> About:
    asked = "SELECT min(day), max(day), count(*) FROM facts"
    first, last, cases = connection.execute(asked).fetchall()[0]
    return About(
        made=state.at,
        source=state.source,
        region=state.region,
        months=tuple(sorted(state.months)),
        first=first,
        last=last,
        cases=cases,
        schemes=tuple(state.schemes),
        policies=tuple(state.policies),
        means=dict(state.sources),
        assumptions=tuple(state.assumptions),
        stamp=stamp,
    )

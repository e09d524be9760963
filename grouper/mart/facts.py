"""The facts of priced cases: one row a case, money in whole fen, neither person nor visit number."""

from __future__ import annotations

import csv
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from grouper.case.fields import FIELDS, ZONE
from grouper.mart import asked
from grouper.payment.result import PAYMENT_SCHEMA
from grouper.payment.run import ISSUES
from grouper.payment.settlement.priced import COLUMNS, Priced
from grouper.schemes.protocol import RESULT_SCHEMA

if TYPE_CHECKING:
    from grouper.payment.settlement.looked import Looked

CLASSES = (*(f"{number:02}" for number in range(1, 15)), "")
"""Classes of charges in the order of their columns; the last: any other, or unknown."""
CLASS_COLUMNS = tuple(f"class_{one or 'none'}" for one in CLASSES)
NANO = 1_000_000_000
"""Weights and indices are kept as whole billionths, so that their sums are exact."""
WORDS = (
    *("case_id", "kind", "department", "physician", "insurance", "scheme", "status", "reason"),
    *("mdc", "adrg", "group", "group_name", "cc_level", "method", "band", "pay_status"),
    *("pay_reason", "share_reason", "policy", "month", "notes"),
)
FEN = ("cost", "amount", "fund", "patient", "deducted", "surplus", "standard", *CLASS_COLUMNS)
FACTS = pa.schema(
    [
        *((name, pa.string()) for name in WORDS),
        ("day", pa.date32()),
        ("sex", pa.int8()),
        ("age", pa.int16()),
        ("days", pa.int32()),
        ("asked", pa.int32()),
        ("gaps", pa.int32()),
        *((name, pa.bool_()) for name in ("operated", "transferred", "died")),
        ("weight", pa.int64()),
        *((name, pa.int64()) for name in FEN),
    ]
)
"""``month`` such as ``2026-01``; ``day``: local, of discharge; ``days``: of the stay. ``weight``: in
billionths of the policy's base, null where the policy names none. ``standard``: what the group is
worth by itself, where the method reckons from its weight, else what is due. ``died``: null where the
way of discharge is not stated. ``class_…``: charge lines in fen by class; null: no lines at hand.
``asked``, ``gaps``: fields asked of the case and those it lacks, as bits (:mod:`grouper.mart.quality`);
``notes``: codes of remarks on it, joined by ``;``."""

_FURTHER = (
    *("reason", "mdc", "adrg", "cc_level", "band", "pay_reason", "sex", "age", "px"),
    *("admission_department", "line_class", "line_amount", "policy", "warnings", "pay_warnings"),
)
"""Columns beside those of a settlement; one that is missing is empty."""
_CHARGES = pa.schema(
    [("case_id", pa.string()), ("line_class", pa.string()), ("line_amount", pa.decimal128(20, 2))]
)
# Cases that hold their lines themselves, and the lines of the others, which are found by their id.
_LINES = """
CREATE TEMP TABLE bill AS
WITH own AS (
  SELECT row, unnest(line_amount) AS amount,
    unnest(CASE WHEN len(line_class) = len(line_amount) THEN line_class END) AS class
  FROM cases WHERE len(line_amount) > 0
), other AS (
  SELECT row, charges.line_amount AS amount, charges.line_class AS class
  FROM cases JOIN charges USING (case_id) WHERE coalesce(len(cases.line_amount), 0) = 0
), line AS (SELECT row, amount, class FROM own UNION ALL SELECT row, amount, class FROM other)
SELECT row, {sums} FROM line WHERE amount IS NOT NULL GROUP BY row
"""
_FACTS = """
SELECT {columns}
FROM cases
LEFT JOIN bill USING (row)
LEFT JOIN bases USING (method)
LEFT JOIN standards ON standards.method = cases.method
  AND list_contains(string_split(standards.bands, ';'), cases.band)
WHERE discharge_time IS NOT NULL
ORDER BY day, case_id, cases.row
"""
_LOCAL = f"timezone('{ZONE}', discharge_time)"
_WORTH = """
CASE WHEN amount IS NULL THEN NULL
  WHEN standards.factor IS NULL OR unit_weight IS NULL OR point_value IS NULL THEN {amount}
  ELSE (round(unit_weight::DECIMAL(18, 6) * point_value::DECIMAL(18, 6), 2)::DECIMAL(20, 2) * 100)::BIGINT
    * standards.factor END
"""
_WEIGHT = """
((2::HUGEINT * (unit_weight::DECIMAL(18, 6) * 1000000)::HUGEINT * 1000 * part + whole)
  // (2::HUGEINT * whole))::BIGINT
"""


def facts(raw: pa.Table, looked: Looked, charges: pa.Table | None = None) -> pa.Table:
    """The facts of cases (:data:`FACTS`), by day; one without a day of discharge is no fact.

    Args:
        raw: columns of the case, the grouping and the payment.
        looked: the region's policy.
        charges: one row a charge line (``case_id``, ``line_class``, ``line_amount`` in yuan) of cases
            that do not hold their lines themselves.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
        SettlementError: ``SETTLE_COLUMN``, ``SETTLE_COLUMN_TYPE``.
    """
    table = _cases(raw, Priced.of(raw, looked.policy))
    lines = _CHARGES.empty_table() if charges is None else _plain(charges, _CHARGES)
    with duckdb.connect() as connection:
        connection.register("given", table)
        connection.execute("CREATE TEMP TABLE cases AS SELECT * FROM given")
        connection.register("charges", lines)
        connection.register("bases", _bases(looked))
        connection.register("standards", _standards())
        connection.execute(_LINES.format(sums=", ".join(_sums())))
        deaths = list(looked.value("indices.death_ways").value)
        ask = _FACTS.format(columns=", ".join(_columns()))
        return connection.sql(ask, params=[deaths]).to_arrow_table().cast(FACTS)


def _cases(raw: pa.Table, priced: Priced) -> pa.Table:
    further = dict.fromkeys((*_FURTHER, *asked.columns(), *asked.SAID))
    schema = {name: _kind(name) for name in further if name not in COLUMNS}
    found = {name: priced.table[name] for name in (*COLUMNS, "insurance")}
    for name, kind in schema.items():
        if name in raw.column_names:
            found[name] = raw[name].cast(kind)
        else:
            found[name] = pa.chunked_array([pa.nulls(len(raw), kind)], kind)
    found["row"] = pa.chunked_array([pa.array(range(len(raw)), pa.int64())])
    return pa.table(found)


def _kind(name: str) -> pa.DataType:
    if name == ISSUES:
        return pa.string()
    if name in FIELDS:
        return _value(FIELDS[name].type)
    schema = RESULT_SCHEMA if name in RESULT_SCHEMA.names else PAYMENT_SCHEMA
    return _value(schema.field(name).type)


def _value(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return pa.list_(_value(kind.value_type)) if pa.types.is_list(kind) else kind


def _plain(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return pa.table({one.name: table[one.name].cast(one.type) for one in schema})


def _bases(looked: Looked) -> pa.Table:
    """What a weight of one is: ``whole`` ÷ ``part``, by method."""
    rows = []
    for row in looked.value("indices.weight_bases").value:
        whole, part = Decimal(row["base"]).as_integer_ratio()
        rows.append({"method": str(row["method"]), "whole": whole, "part": part})
    schema = pa.schema([("method", pa.string()), ("whole", pa.int64()), ("part", pa.int64())])
    return pa.Table.from_pylist(rows, schema)


def _standards() -> pa.Table:
    """By which methods and bands a case is worth its weight × ``factor`` × the point value."""
    text = files("grouper.mart").joinpath("data/standards.csv").read_text("utf-8")
    rows = [{**row, "factor": int(row["factor"])} for row in csv.DictReader(text.splitlines())]
    schema = pa.schema([("method", pa.string()), ("bands", pa.string()), ("factor", pa.int64())])
    return pa.Table.from_pylist(rows, schema)


def _sums() -> list[str]:
    known = ", ".join(f"'{one}'" for one in CLASSES if one)
    asked = [
        f"class = '{one}'" if one else f"coalesce(class, '') NOT IN ({known})" for one in CLASSES
    ]
    return [
        f"(coalesce(sum(amount::DECIMAL(20, 2)) FILTER ({which}), 0) * 100)::BIGINT AS {name}"
        for name, which in zip(CLASS_COLUMNS, asked, strict=True)
    ]


def _columns() -> list[str]:
    """The expression of each column, in the order of :data:`FACTS`; one parameter: ways of death."""
    own = {
        "month": f"strftime({_LOCAL}, '%Y-%m')",
        "day": f"{_LOCAL}::DATE",
        "days": "los",
        "operated": "coalesce(len(px), 0) > 0",
        "transferred": "admission_department <> department",
        "died": "list_contains(?::VARCHAR[], discharge_way)",
        "cost": _fen("total_cost"),
        "standard": _WORTH.format(amount=_fen("amount")),
        "asked": asked.asked(),
        "gaps": asked.gaps(),
        "notes": asked.notes(),
        "weight": f"CASE WHEN whole IS NOT NULL THEN {_WEIGHT} END",
        **{name: name for name in CLASS_COLUMNS},
    }
    found = []
    for name in FACTS.names:
        plain = _fen(f'cases."{name}"') if name in FEN else f'cases."{name}"'
        found.append(f'{own.get(name, plain)} AS "{name}"')
    return found


def _fen(column: str) -> str:
    return f"({column}::DECIMAL(20, 2) * 100)::BIGINT"

"""Findings on cases, gathered and written as a table of ``FINDING_SCHEMA``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from grouper.audit.finding import FINDING_SCHEMA
from grouper.case.dates import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grouper.audit.coding.facts import Facts

_DIGITS = 24
_NOTHING = Decimal("0.00")
UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Found:
    """One finding on a case, as a check makes it.

    Attributes:
        at: number of the case.
        rule, row, level: as in ``FINDING_SCHEMA``.
        codes: the codes at fault, in their official spelling.
        evidence: key and value pairs.
        lines: numbers of charge lines.
        observed, allowed, unit: what was found against what may be.
        amount: yuan at stake; nought where a coding fault has no amount of its own.
        alike: two findings of one rule on one case with equal ``alike`` are one; the first stays.
    """

    at: int
    rule: str
    row: str | None
    level: str
    codes: tuple[str, ...] = ()
    evidence: tuple[tuple[str, str], ...] = ()
    lines: tuple[int, ...] = ()
    observed: Decimal | None = None
    allowed: Decimal | None = None
    unit: str | None = None
    amount: Decimal = _NOTHING
    alike: tuple[str, ...] | None = field(default=None)


def finding_id(one: Found, case_id: str | None) -> str:
    """The id of a finding: the same fault of two runs has the same one.

    The codes at fault are part of it: two codes of one case may break the same row.
    """
    lines = ",".join(str(line) for line in one.lines)
    parts = (one.rule, one.row or "", case_id or "", lines, *one.codes)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:_DIGITS]


def once(found: Iterable[Found]) -> list[Found]:
    """Findings without those that another one of the same rule on the same case already tells."""
    kept: list[Found] = []
    seen: set[tuple[int, str, tuple[str, ...]]] = set()
    for one in found:
        if one.alike is not None:
            key = (one.at, one.rule, one.alike)
            if key in seen:
                continue
            seen.add(key)
        kept.append(one)
    return kept


def table_of(found: Iterable[Found], facts: Facts, book: str, moment: str = UPLOAD) -> pa.Table:
    """Findings as a table in the order of case, rule, first line and id."""
    texts = {name: _texts(facts, name) for name in ("case_id", "person", "department", "physician")}
    days = facts.scalars("admission_time"), facts.scalars("discharge_time")
    rows = []
    for one in found:
        known = next((day for day in days if day.known[one.at]), None)
        rows.append(
            {
                "finding": finding_id(one, texts["case_id"][one.at]),
                "rule": one.rule,
                "row": one.row,
                "book": book,
                "level": one.level,
                **{name: values[one.at] for name, values in texts.items()},
                "lines": list(one.lines),
                "items": list(one.codes),
                "day": None if known is None else int(known.values[one.at]) // DAY_SECONDS,
                "observed": one.observed,
                "allowed": one.allowed,
                "unit": one.unit,
                "amount": one.amount,
                "evidence": [{"key": key, "value": value} for key, value in one.evidence],
                "moment": moment,
            }
        )
    rows.sort(key=_order)
    columns = [pa.array([row[name] for row in rows], _loose(name)) for name in FINDING_SCHEMA.names]
    return pa.table(
        [column.cast(FINDING_SCHEMA.field(at).type) for at, column in enumerate(columns)],
        schema=FINDING_SCHEMA,
    )


def _loose(name: str) -> pa.DataType:
    return pa.int32() if name == "day" else FINDING_SCHEMA.field(name).type


def _order(row: Mapping[str, object]) -> tuple[str, str, int, str]:
    lines = row["lines"]
    first = lines[0] if isinstance(lines, list) and lines else 0
    return str(row["case_id"] or ""), str(row["rule"]), first, str(row["finding"])


def _texts(facts: Facts, name: str) -> list[str | None]:
    column = facts.raw(name)
    return [None] * facts.count if column is None else column.cast(pa.string()).to_pylist()

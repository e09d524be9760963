"""Shares by department and month against the limits of the months before: what is watched."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.cases import plain_texts
from grouper.audit.charges import Portions, blocks_of
from grouper.audit.context import UPLOAD
from grouper.audit.lines import NO_TIME, PARTS, local_seconds
from grouper.audit.monitors.charts import Month, judged
from grouper.audit.monitors.measures import COST, NO_ITEMS, SEVERE, asked
from grouper.audit.monitors.sums import Sums, series, severe
from grouper.audit.planning import FIELDS, NotRun
from grouper.audit.templates import toml
from grouper.case.dates import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from codebooks.audit.books import AuditBook
    from grouper.audit.monitors.measures import Asked

_SHARE = pa.decimal128(9, 6)
MONITOR_SCHEMA = pa.schema(
    [
        pa.field("rule", pa.string(), nullable=False),
        # Name of the measure (data/monitors.toml).
        pa.field("measure", pa.string(), nullable=False),
        # inpatient or outpatient.
        pa.field("kind", pa.string(), nullable=False),
        pa.field("department", pa.string(), nullable=False),
        # Of the discharge, 2026-11; of a case without one, of its beginning.
        pa.field("month", pa.string(), nullable=False),
        # How many cases.
        pa.field("n", pa.int64(), nullable=False),
        # Shares: of the month, of the months before, and the limits by them.
        pa.field("value", _SHARE),
        pa.field("centre", _SHARE),
        pa.field("lower", _SHARE),
        pa.field("upper", _SHARE),
        # above or below the limits; null: within them, or not judged.
        pa.field("flag", pa.string()),
        # Why the month was not judged: few_cases, few_months.
        pa.field("reason", pa.string()),
    ]
)
"""The columns of the table of monitors; rows in the order of measure, kind, department and month."""


@dataclass(frozen=True, slots=True)
class Monitored:
    """What was watched.

    Attributes:
        table: columns of ``MONITOR_SCHEMA``.
        not_run: measures that could not be asked, by rule, with what is missing.
        counts: ``cases``; ``cases_without_department`` and ``cases_without_time``, which are in no
            series; ``lines_of_other_cases``.
    """

    table: pa.Table
    not_run: tuple[NotRun, ...]
    counts: Mapping[str, int]


def monitor(
    cases: pa.Table,
    charges: pa.Table | Sequence[Path] | None,
    book: AuditBook,
    *,
    costs: pa.Table | None = None,
    rules: frozenset[str] | None = None,
    until: str | None = None,
    portion_lines: int | None = None,
) -> Monitored:
    """Watch the months of a hospital.

    Args:
        cases: columns of ``CASE_SCHEMA``, each id once: of as many months as are known.
        charges: their lines, as :func:`grouper.audit.engine.audit` takes them.
        book: the rule book, whose table ``behaviour`` has the thresholds.
        costs: mean costs of groups (``case_id``, ``mean`` in fen), for severe cases.
        rules: the rules wanted; None: all.
        until: the last month that is looked at, ``2026-11``; None: all are.
        portion_lines: lines to look at together; nothing depends on it.

    Raises:
        AuditError: ``AUDIT_CHARGES``: the charges cannot be read.
    """
    cases = cases.combine_chunks()
    known = costs is not None and costs.num_rows > 0
    wanted, absent = asked(book, UPLOAD, rules, costs=known)
    rows = _rows(cases)
    kept = np.ones(cases.num_rows, bool)
    if until is not None:
        kept = np.asarray(pc.fill_null(pc.less_equal(rows["month"], until), fill_value=True))
    sums, strangers = Sums(cases.num_rows, wanted), list[int]()
    size = portion_lines or int(toml("engine.toml")["portion_lines"])
    blocks = blocks_of(charges) if charges is not None else []
    sums.read(Portions(cases, kept, blocks, size), strangers)
    mask = pa.array(kept)
    cases, rows = cases.filter(mask), rows.filter(mask).combine_chunks()
    ids = plain_texts(cases["case_id"])
    found: list[dict[str, Any]] = []
    for one in wanted:
        measure = one.measure
        if measure.of == COST:
            lack = _lacking(one, sums)
            if lack is not None:
                absent.append(lack)
                continue
            part, whole = sums.part(measure)[kept], sums.whole[kept]
        else:
            heavy = measure.cases == SEVERE and costs is not None
            own = severe(costs, ids, int(one.fold * PARTS)) if heavy else _transferred(cases)
            part, whole = own.astype(np.int64), np.ones(len(own), np.int64)
        found += _points(one, series(rows, part, whole, measure.kinds))
    counts = Counter(cases=cases.num_rows, lines_of_other_cases=sum(strangers))
    counts["cases_without_department"] = rows["department"].null_count
    counts["cases_without_time"] = rows["month"].null_count
    absent.sort(key=lambda one: (one.rule, one.template or ""))
    table = pa.Table.from_pylist(found, schema=MONITOR_SCHEMA)
    return Monitored(table, tuple(absent), dict(sorted(counts.items())))


def _lacking(one: Asked, sums: Sums) -> NotRun | None:
    """Why a measure of costs says nothing; None: it does."""
    measure = one.measure
    if measure.items and not sums.seen[measure.name]:
        return NotRun(measure.rule, NO_ITEMS, measure.items, measure.name)
    if measure.classes and not sums.classed:
        return NotRun(measure.rule, FIELDS, ("line_class",), measure.name)
    return None


def _transferred(cases: pa.Table) -> NDArray[np.bool_]:
    ways = pa.array(toml("cases.toml")["transfers"], pa.string())
    return np.asarray(pc.is_in(plain_texts(cases["discharge_way"]), ways))


def _rows(cases: pa.Table) -> pa.Table:
    """Kind, department and month of each case."""
    count = cases.num_rows
    end = local_seconds(cases["discharge_time"].combine_chunks(), count)
    begin = local_seconds(cases["admission_time"].combine_chunks(), count)
    second = np.where(end == NO_TIME, begin, end)
    untold = second == NO_TIME
    days = np.floor_divide(np.where(untold, 0, second), DAY_SECONDS).astype("datetime64[D]")
    months = np.datetime_as_string(days.astype("datetime64[M]"))
    return pa.table(
        {
            "kind": plain_texts(cases["kind"]),
            "department": plain_texts(cases["department"]),
            "month": pa.array(months.tolist(), pa.string(), mask=untold),
        }
    )


def _points(
    one: Asked, found: Iterator[tuple[tuple[str, str], list[tuple[str, int, int, int]]]]
) -> Iterator[dict[str, Any]]:
    measure = one.measure
    for (kind, department), months in found:
        for point in judged([Month(*month) for month in months], one):
            yield {
                "rule": measure.rule,
                "measure": measure.name,
                "kind": kind,
                "department": department,
                "month": point.month,
                "n": point.cases,
                "value": point.value,
                "centre": point.centre,
                "lower": point.lower,
                "upper": point.upper,
                "flag": point.flag,
                "reason": point.reason,
            }

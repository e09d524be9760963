"""What a stay of a group costs and how long it is: the reference that costs of stays are held against.

The mean is that of the region's policy, else of the scheme's own table of groups, else of the
hospital's stays of the months before. Deviation and first decile of the stays are known from those
alone. Never do the stays that are screened stand for themselves.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP
from math import isqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.policies.yaml_nodes import PolicyError
from codebooks.registry import INPATIENT, NATIONAL
from grouper.audit.context import GROUP_COSTS
from grouper.audit.lines import NO_TIME, local_seconds, whole_numbers
from grouper.audit.reading import before, read_sources, stay_files
from grouper.audit.templates import sql, toml
from grouper.case.dates import DAY_SECONDS
from grouper.case.fields import CASE_SCHEMA
from grouper.case.issues import ISSUE_SCHEMA
from grouper.payment.indices.means import OWN, means_of
from grouper.payment.place import NoPlaceError, Terms
from grouper.payment.settlement.looked import Looked
from grouper.run.batches import group_cases
from grouper.run.choose import Chooser

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    from grouper.payment.indices.means import GroupKey, Mean

_FEN = 100
_NEEDED = ("case_id", "region")


class _Own(NamedTuple):
    """A group among the hospital's own stays: fen, and whole days."""

    stays: int
    mean: int
    deviation: int
    days_p10: int | None


def own_stays(paths: Sequence[Path], month: date) -> pa.Table:
    """The inpatient stays of the months before, from the folders that are screened.

    Args:
        paths: folders and files as ``grouper audit`` takes them; files are passed over.
        month: first day of the month that is screened.

    Returns:
        Columns of ``CASE_SCHEMA``: the stays that ended in the months before (of the number in
        ``inputs.toml``).

    Raises:
        GrouperError: a file of cases cannot be read.
    """
    months = int(toml("inputs.toml")["own_costs"]["months"])
    files = stay_files(paths, month, months)
    if not files:
        return CASE_SCHEMA.empty_table()
    cases = read_sources(files).cases
    return cases.filter(pa.array(before(cases, month, months)))


def group_costs(
    cases: pa.Table,
    history: pa.Table | None,
    day: date,
    *,
    region: str | None = None,
    scheme: str | None = None,
    terms: Terms | None = None,
) -> pa.Table:
    """The reference of each inpatient stay.

    Args:
        cases: columns of ``CASE_SCHEMA``.
        history: the hospital's stays of the months before; None: there are none.
        day: on which the policies hold.
        region: of cases that name none.
        scheme: of all cases; None: the one that binds each.
        terms: the policies; None: those of this installation.

    Returns:
        :data:`grouper.audit.context.GROUP_COSTS`: a row for each stay that falls into a group of
        which anything is known.
    """
    chooser = Chooser(scheme=scheme, region=region or NATIONAL)
    asked = _grouped(cases, chooser)
    known = _own(_grouped(history, chooser)) if history is not None and history.num_rows else {}
    rows = asked.to_pylist()
    wanted: dict[str, dict[GroupKey, tuple[()]]] = {}
    for row in rows:
        wanted.setdefault(row["region"] or region or NATIONAL, {})[row["scheme"], row["group"]] = ()
    means = {
        place: _published(place, day, groups, terms or Terms()) for place, groups in wanted.items()
    }
    found = []
    for row in rows:
        key = row["scheme"], row["group"]
        own, mean = known.get(key), means[row["region"] or region or NATIONAL].get(key)
        told = _told(own, mean)
        if told is not None:
            found.append({"case_id": row["case_id"], "group": row["group"], **told})
    return pa.Table.from_pylist(found, schema=GROUP_COSTS)


def _told(own: _Own | None, mean: Mean | None) -> dict[str, Any] | None:
    published = mean.cost if mean is not None else None
    if own is None and published is None:
        return None
    return {
        "mean": own.mean if own and published is None else _fen(published),
        "mean_of": mean.source if mean is not None and published is not None else OWN,
        "deviation": own.deviation if own else None,
        "count": own.stays if own else None,
        "days_p10": own.days_p10 if own else None,
    }


def _fen(yuan: Decimal | None) -> int | None:
    return None if yuan is None else int((yuan * _FEN).to_integral_value(ROUND_HALF_UP))


def _grouped(cases: pa.Table, chooser: Chooser) -> pa.Table:
    """The inpatient stays that fall into a group, with scheme and group."""
    stays = cases.filter(pc.equal(cases["kind"], INPATIENT))
    parts = []
    for batch in stays.combine_chunks().to_batches():
        results = group_cases(batch, ISSUE_SCHEMA.empty_table(), 1, chooser).results
        columns: dict[str, Any] = {name: batch.column(name) for name in _NEEDED}
        first, last = (_days(batch.column(name)) for name in ("admission_time", "discharge_time"))
        columns |= {"days": pc.subtract(last, first), "fen": whole_numbers(batch["total_cost"], 2)}
        for name in ("scheme", "group"):
            columns[name] = results.column(name).cast(pa.string())
        parts.append(pa.table(columns))
    if not parts:
        names = (*_NEEDED, "scheme", "group")
        return pa.table({name: pa.array([], pa.string()) for name in names})
    table = pa.concat_tables(parts)
    return table.filter(pc.is_valid(table["group"]))


def _days(times: pa.Array) -> pa.Array:
    """Local days since 1970."""
    seconds = local_seconds(times, len(times))
    told = seconds != NO_TIME
    return pa.array(np.where(told, seconds, 0) // DAY_SECONDS, pa.int64(), mask=~told)


def _own(stays: pa.Table) -> dict[GroupKey, _Own]:
    """The groups that have enough stays."""
    least = int(toml("inputs.toml")["own_costs"]["least_stays"])
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("stays", stays)
        rows = connection.execute(sql("own_costs"), {"least": least}).fetchall()
    found = {}
    for scheme, group, count, total, squares, days in rows:
        # n·Σx² − (Σx)² over n·(n − 1), the square of the sample's deviation, in whole fen.
        spread = int(count) * int(squares) - int(total) ** 2
        deviation = isqrt(spread // (count * (count - 1)))
        found[scheme, group] = _Own(count, (2 * int(total) + count) // (2 * count), deviation, days)
    return found


def _published(
    region: str, day: date, groups: Mapping[GroupKey, Iterable[Any]], terms: Terms
) -> dict[GroupKey, Mean]:
    """The means of the region's policy, else of the scheme; nothing where no policy can be used."""
    try:
        found = means_of(Looked(terms.policy(region, day)), groups).by
    except (NoPlaceError, PolicyError):
        return {}
    return {key: mean for key, mean in found.items() if mean.cost is not None}

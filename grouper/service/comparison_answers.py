"""What a page asks of a comparison that was made: its report, its cases page by page, what can be asked for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from codebooks.registry import INPATIENT, registry
from grouper.case.dates import LOCAL
from grouper.compare.sides import AUTO
from grouper.compare.tally import Change
from grouper.schemes.reasons import Status
from grouper.service import json_files
from grouper.service.comparing import CASES, SUMMARY, ComparingError, comparing_data, scheme_on
from grouper.store.discharges import span
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from grouper.service.settings import Settings
    from grouper.store.database import Database


_IN_GROUP = "CASE WHEN {end}_status = 'grouped' THEN coalesce({end}_group, '') ELSE '' END"
"""The group of a case; empty: it is in none, whatever a scheme calls that."""
_STATUS = f"coalesce({{end}}_status, '{Status.INVALID}')"
_REASON = "CASE WHEN {end}_status = 'grouped' THEN '' ELSE coalesce({end}_reason, '') END"
"""Why a case is in no group, as flows tell it; of a grouped one nothing is told apart."""
_PLACES = {
    "department": "coalesce(department, '')",
    "from_group": _IN_GROUP.format(end="from"),
    "to_group": _IN_GROUP.format(end="to"),
    "from_scheme": "coalesce(from_scheme, '')",
    "to_scheme": "coalesce(to_scheme, '')",
    "from_status": _STATUS.format(end="from"),
    "to_status": _STATUS.format(end="to"),
    "from_reason": _REASON.format(end="from"),
    "to_reason": _REASON.format(end="to"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What can be compared.

    Attributes:
        months: with discharged stays, the newest first.
        schemes: all at hand, those that ever bind the region first.
        bound: the one that binds inpatients now; None: none does.
        coming: the next one that binds them; None: none is known.
    """

    months: tuple[str, ...]
    schemes: tuple[str, ...]
    bound: str | None
    coming: str | None


def choices(settings: Settings, database: Database) -> Choices:
    """What can be compared in this hospital.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
        CodebookError: ``REGION_UNKNOWN``.
    """
    with database.reading() as connection:
        found = span(connection)
    months: list[str] = []
    if found is not None:
        first, day = (one.astimezone(LOCAL).date().replace(day=1) for one in found)
        while day >= first and len(months) < comparing_data()["months"]:
            months.append(f"{day:%Y-%m}")
            day = (day - timedelta(days=1)).replace(day=1)
    known, region = registry(), settings.region
    today = now().astimezone(LOCAL).date()
    bound = scheme_on(region, today)
    begins = sorted({one.valid_from for one in known.bindings if one.valid_from > today})
    later = (scheme_on(region, day) for day in begins)
    coming = next((one for one in later if one is not None and one != bound), None)
    of_region = _of_region(region)
    schemes = sorted(known.cards, key=lambda one: (one not in of_region, one))
    return Choices(months=tuple(months), schemes=tuple(schemes), bound=bound, coming=coming)


def _of_region(region: str) -> frozenset[str]:
    """The schemes that ever bind inpatients of a region or of one above it."""
    known = registry()
    at, found = known.region(region), set()
    while True:
        found |= {
            one.scheme for one in known.bindings if one.region == at.id and one.kind == INPATIENT
        }
        if at.parent is None:
            return frozenset(found)
        at = known.region(at.parent)


def summary(folder: Path) -> dict[str, Any]:
    """The report of a comparison, as :func:`grouper.service.comparing.shortened` made it.

    Args:
        folder: of what the errand wrote.

    Raises:
        ComparingError: ``COMPARING_GONE``: its files are not there any more.
    """
    found = json_files.read(folder / SUMMARY)
    if found is None:
        raise ComparingError("COMPARING_GONE")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which cases of a comparison; None asks nothing.

    Attributes:
        change: what became of them; None: any change at all.
        department: empty: not stated.
        from_group, to_group: under the first and the second scheme; empty: in no group.
        from_scheme, to_scheme: the schemes; empty: none was chosen.
        from_status, to_status: such as ``grouped``.
        from_reason, to_reason: why it is in no group; empty: in a group, or nothing says why.
    """

    change: str | None = None
    department: str | None = None
    from_group: str | None = None
    to_group: str | None = None
    from_scheme: str | None = None
    to_scheme: str | None = None
    from_status: str | None = None
    to_status: str | None = None
    from_reason: str | None = None
    to_reason: str | None = None

    @classmethod
    def of_flow(cls, flow: Mapping[str, Any]) -> Which:
        """The cases of a flow of the report, and of no other one."""
        ends = {
            f"{end}_{name}": flow[end][name] or ""
            for end in ("from", "to")
            for name in ("scheme", "status", "reason", "group")
        }
        return cls(change=flow["change"], **ends)


def cases(folder: Path, which: Which, start: int, limit: int) -> tuple[pa.Table, int]:
    """A page of cases, those whose weight moves most first, and how many there are in all.

    Args:
        folder: of what the errand wrote.
        which: of them.
        start: how many to pass over.
        limit: most rows of the page.

    Raises:
        ComparingError: ``COMPARING_GONE``.
    """
    path = folder / CASES
    if not path.is_file():
        raise ComparingError("COMPARING_GONE")
    asked, values = _conditions(which)
    told = "FROM read_parquet($path) WHERE " + " AND ".join(asked)
    about: dict[str, Any] = {"path": str(path), **values}
    with duckdb.connect() as connection:
        count = connection.sql(f"SELECT count(*) {told}", params=about).fetchall()
        rows = connection.sql(
            f"SELECT * {told} LIMIT $limit OFFSET $start",
            params=about | {"limit": limit, "start": start},
        )
        return rows.to_arrow_table(), int(count[0][0])


def _conditions(which: Which) -> tuple[list[str], dict[str, Any]]:
    changes = [one.word for one in Change if one not in (Change.SAME, Change.OUTSIDE)]
    asked = ["list_contains($changes, change)"]
    values: dict[str, Any] = {"changes": changes if which.change is None else [which.change]}
    for field in fields(Which):
        value = getattr(which, field.name)
        if field.name == "change" or value is None:
            continue
        asked.append(f"{_PLACES[field.name]} = ${field.name}")
        values[field.name] = value
    return asked, values


__all__ = ["AUTO", "Choices", "Which", "cases", "choices", "summary"]

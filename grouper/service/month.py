"""The stays of the store that were discharged in a month, as a table of priced cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from grouper.case.dates import LOCAL
from grouper.case.fields import CASE_SCHEMA
from grouper.case.issues import codes_by_row, issue_table
from grouper.payment.place import Terms
from grouper.payment.run import ISSUES, below, group_batch, price_table
from grouper.store import history, reading
from grouper.store.database import StoreError
from grouper.store.migrate import pending
from grouper.store.reading import Wanted
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grouper.case.issues import Issue
    from grouper.case.record import Case
    from grouper.store.database import Database

_PAGE = 500
_MONTHS = 12
_LONGER = timedelta(days=32)


def priced_month(
    database: Database,
    month: str,
    *,
    region: str,
    progress: Callable[[int], None] | None = None,
    whole_year: bool = False,
) -> pa.Table:
    """Every stay that was discharged in a month, at its newest version, grouped and priced.

    They are priced with the year before them, so that what a patient paid counts, and with the month
    after them, as far as its stays are there: a patient who comes back may reduce the payment of the
    stay before. What is not of the month is no part of the answer, unless the year until then is
    asked for.

    Args:
        database: the store.
        month: such as ``2026-11``.
        region: of cases that name none.
        progress: called with the stays read.
        whole_year: with the months of the year before it.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``; ``STORE_OLD``: its tables are not there, or of an older
            version.
        GrouperError: a scheme's book is not at hand.
    """
    year, number = (int(part) for part in month.split("-"))
    first = datetime(year, number, 1, tzinfo=LOCAL)
    until = datetime(year + number // _MONTHS, number % _MONTHS + 1, 1, tzinfo=LOCAL)
    start = datetime(year, 1, 1, tzinfo=LOCAL)
    priced = priced_between(database, start, month_after(until), region=region, progress=progress)
    return discharged_between(priced, start if whole_year else first, until)


def month_after(until: datetime) -> datetime:
    """The end of the month that begins at a time: so far stays are read for who came back."""
    return (until + _LONGER).replace(day=1)


def discharged_between(table: pa.Table, since: datetime, until: datetime) -> pa.Table:
    """The rows that were discharged from one time until before another.

    Args:
        table: with ``discharge_time``.
        since: the first time of discharge, aware.
        until: the time after the last one.
    """
    times = table["discharge_time"]
    begins, ends = (
        pa.scalar(one, CASE_SCHEMA.field("discharge_time").type) for one in (since, until)
    )
    within = pa.compute.and_(pa.compute.greater_equal(times, begins), pa.compute.less(times, ends))
    return table.filter(within)


def priced_between(
    database: Database,
    since: datetime,
    until: datetime,
    *,
    region: str,
    progress: Callable[[int], None] | None = None,
    noted: bool = False,
) -> pa.Table:
    """Every stay discharged from one time until before another, grouped and priced together.

    Args:
        database: the store.
        since: the first time of discharge, aware.
        until: the time after the last one.
        region: of cases that name none.
        progress: called with the stays read.
        noted: with the column :data:`grouper.payment.run.ISSUES`.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``, ``STORE_OLD``.
        GrouperError: a scheme's book is not at hand.
    """
    if missing := pending(database):
        raise StoreError("STORE_OLD", steps=len(missing))
    tables, done = [], 0
    wanted = Wanted(states=[StayState.DISCHARGED], discharged_from=since, discharged_until=until)
    for page in _told(database, wanted):
        cases, said = [one for one, _ in page], [told for _, told in page]
        found = group_batch(batch_of(cases), issue_table([]), region)
        tables.append(_noted(found, said) if noted else pa.Table.from_batches([found]))
        done += len(cases)
        if progress:
            progress(done)
    if not tables:
        empty = group_batch(batch_of([]), issue_table([]), region)
        tables = [_noted(empty, []) if noted else pa.Table.from_batches([empty])]
    return price_table(below(tables), Terms(region=region))


def _noted(found: pa.RecordBatch, said: list[list[Issue]]) -> pa.Table:
    issues = [replace(one, row=row) for row, told in enumerate(said) for one in told]
    codes = codes_by_row(issue_table(issues), 0, len(said))
    return pa.Table.from_batches([found]).append_column(ISSUES, codes)


def pages_of(database: Database, wanted: Wanted) -> Iterator[list[Case]]:
    """The cases of stays at their newest version, page by page.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    for page in _told(database, wanted):
        yield [one for one, _ in page]


def _told(database: Database, wanted: Wanted) -> Iterator[list[tuple[Case, list[Issue]]]]:
    """Cases, and what is wrong with the values of each, page by page."""
    with database.reading() as connection:
        after = None
        while True:
            heads, after = reading.stays(connection, wanted, after, _PAGE)
            if heads:
                yield [history.case_at(connection, head.id, head.version) for head in heads]
            if after is None:
                return


def batch_of(cases: list[Case]) -> pa.RecordBatch:
    """Cases as a batch of ``CASE_SCHEMA``."""
    return pa.RecordBatch.from_pydict(
        {
            field.name: pa.array([getattr(case, field.name) for case in cases], field.type)
            for field in CASE_SCHEMA
        }
    )

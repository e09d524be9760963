"""The office's outlook from the store: an errand whose result is kept, and scored when the month has come.

What it rests on: the discharged stays of the last years priced anew, the bureau's published months
that the service keeps, and the newest forecasts of the running stays. It knows all until the end of
the last whole day, or until the last day of which the store has something.
"""

from __future__ import annotations

import calendar
import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codebooks.policies.policies import policies
from codebooks.registry import registry
from grouper.case.dates import LOCAL
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.document import document
from grouper.forecast.outlook.months import YEAR, at, month_of, name_of
from grouper.forecast.outlook.office import Office
from grouper.forecast.outlook.published import Published
from grouper.payment.settlement.priced import COLUMNS
from grouper.service import bureau_months, kept_results
from grouper.service.access.principal import Right, demand
from grouper.service.forecast_telling import last_whole_day
from grouper.service.month import discharged_between, month_after, priced_between
from grouper.service.outlook_running import running_of
from grouper.service.settling import sizes
from grouper.store import forecasts
from grouper.store.database import StoreError
from grouper.store.discharges import span, standing
from grouper.store.migrate import pending
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from grouper.forecast.outlook.result import Outlook
    from grouper.service.access.principal import Principal
    from grouper.service.errand_process import Work
    from grouper.service.kept_results import Kept
    from grouper.service.settings import Settings
    from grouper.store.database import Database

KIND = "outlook"
RIGHT = Right.ALL_DEPARTMENTS
"""Who may see and make an outlook: it is of the whole hospital."""
FOLDER = "outlooks"
_FAR = 2 * YEAR
"""So many months before the one asked for a fan begins at most, where a pool was published long ago."""
FAN = "fan.json"
"""Point values of all open months of the year: rows of ``month``, ``method``, ``insurance``, ``value``,
``basis`` and ``intervals`` as in the document."""


@dataclass(frozen=True, slots=True)
class Days:
    """What an outlook may know.

    Attributes:
        first: day of the first discharge that is read.
        as_of: the last day that is known.
        foretold: day of the newest forecasts; None: there are none.
    """

    first: date
    as_of: date
    foretold: date | None


def months_to_ask(at_: datetime) -> list[str]:
    """The months that an outlook can be asked for: from some before the present one on."""
    present, of = at(at_.astimezone(LOCAL).date()), _sizes()
    months = range(present - of["months_behind"], present + of["months_ahead"] + 1)
    return [name_of(one) for one in months]


def outlooks(settings: Settings, by: Principal, month: str | None = None) -> list[Kept]:
    """The outlooks that are kept (of a month), the newest first.

    Raises:
        AccessError: ``NOT_ALLOWED``.
    """
    demand(by, RIGHT)
    return kept_results.all_of(settings.folder / FOLDER, month)


def fan_of(kept: Kept) -> list[dict[str, Any]]:
    """The point values of the open months of the year, as :data:`FAN` has them."""
    found: list[dict[str, Any]] = json.loads((kept.folder / FAN).read_text("utf-8"))
    return found


def run(work: Work) -> Mapping[str, Any]:
    """Look ahead (an errand): ``month`` of its ``params``, its year and the open months of that year.

    Returns:
        ``month``, and the ``name`` of the outlook.

    Raises:
        ForecastError: ``OUTLOOK_MONTH``, ``OUTLOOK_HORIZON``, ``OUTLOOK_EMPTY``, and of a row of the
            bureau's months that cannot be read.
        StoreError: ``STORE_UNAVAILABLE``, ``STORE_OLD``.
        GrouperError: a scheme's book or the policy is not at hand.
    """
    month = str(work.params["month"])
    wanted = month_of(month)
    published = bureau_months.at_hand(work.settings) or Published(())
    made = now()
    days = days_of(work.database, made)
    table = _history(work, days)
    closed = frozenset(one for one in table["case_id"].to_pylist() if one is not None)
    running = () if days.foretold is None else running_of(work.database, days.foretold, closed)
    year, name = divmod(wanted, YEAR)
    office = Office.of(
        table,
        published,
        region=registry().region(work.settings.region).id,
        day=date(year, name + 1, calendar.monthrange(year, name + 1)[1]),
        at_hand=policies(),
    )
    found = office.look(month, days.as_of, running)
    others = _open_months(published, wanted)
    fan: list[dict[str, Any]] = []
    for done, one in enumerate(others):
        work.told(done, len(others))
        try:
            seen = found if one == wanted else office.look(name_of(one), days.as_of, running)
        except ForecastError as error:
            if error.code != "OUTLOOK_HORIZON":
                raise
            break
        fan += _values(seen)
    kept = kept_results.keep(
        work.settings.folder / FOLDER,
        month,
        {
            "made": made.isoformat(),
            "actor": work.actor,
            "as_of": days.as_of.isoformat(),
            "foretold": days.foretold and days.foretold.isoformat(),
            "published": bureau_months.stamp_of(work.settings),
        },
        lambda lang: document(found, lang),
        lambda folder: _write_fan(folder, fan),
        most=_sizes()["most"],
    )
    return {"month": month, "name": kept.name}


def days_of(database: Database, made: datetime) -> Days:
    """What an outlook that is made now may know.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``, ``STORE_OLD``.
        ForecastError: ``OUTLOOK_EMPTY``: no stay has been discharged.
    """
    if missing := pending(database):
        raise StoreError("STORE_OLD", steps=len(missing))
    with database.reading() as connection:
        ends, foretold = span(connection), forecasts.last_day(connection)
    if ends is None:
        raise ForecastError("OUTLOOK_EMPTY")
    first, newest = (one.astimezone(LOCAL).date() for one in ends)
    as_of = min(last_whole_day(made), max(newest, foretold or newest))
    begins = max(at(first), at(as_of) - _sizes()["history_months"])
    # Whole years: what a patient paid since January counts.
    return Days(date(begins // YEAR, 1, 1), as_of, foretold)


def _history(work: Work, days: Days) -> pa.Table:
    """The discharged stays until the last day that is known, priced year by year.

    Each year is priced with the January after it: a patient who comes back may reduce the payment of
    the stay before.
    """
    place = registry().region(work.settings.region).id
    until = datetime.combine(days.as_of + timedelta(days=1), time(), LOCAL)
    begins = datetime.combine(days.first, time(), LOCAL)
    with work.database.reading() as connection:
        stays = standing(connection, begins, until).stays
    tables, read = [], 0
    for year in range(days.first.year, days.as_of.year + 1):
        since = datetime(year, 1, 1, tzinfo=LOCAL)
        ends = datetime(year + 1, 1, 1, tzinfo=LOCAL)
        done = read
        table = priced_between(
            work.database,
            since,
            min(until, month_after(ends)),
            region=place,
            progress=lambda count, done=done: work.told(done + count, max(stays, done + count)),  # type: ignore[misc]
        )
        table = discharged_between(table, since, ends)
        read += table.num_rows
        tables.append(_light(table))
    return pa.concat_tables(tables)


def _light(table: pa.Table) -> pa.Table:
    """What an outlook reads of priced cases, words as plain texts."""
    return pa.table({name: table[name].cast(kind) for name, kind in COLUMNS.items()})


def _open_months(published: Published, wanted: int) -> list[int]:
    """The months that the bureau has not published of all pools, to the end of the year asked for."""
    ends = [published.of_pool(pool)[-1].month for pool in published.pools]
    begins = min([*(one + 1 for one in ends), wanted])
    return list(range(max(begins, wanted - _FAR), wanted - wanted % YEAR + YEAR))


def _values(found: Outlook) -> list[dict[str, Any]]:
    told = document(found)
    period: Mapping[str, Any] = told["periods"][0]
    names = ("method", "insurance", "value", "basis", "intervals")
    return [
        {"month": period["name"], **{name: one[name] for name in names}}
        for one in period["point_values"]
        if one["value"] is not None
    ]


def _write_fan(folder: Path, fan: Sequence[Mapping[str, Any]]) -> None:
    (folder / FAN).write_text(json.dumps(list(fan), ensure_ascii=False), "utf-8")


def _sizes() -> Mapping[str, int]:
    return sizes()["outlook"]

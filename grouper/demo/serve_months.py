"""What pages of the demonstration show from the first look: statement, outlook, comparison.

The months of the bureau are invented.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

from grouper.case.dates import LOCAL
from grouper.compare.sides import AUTO
from grouper.forecast.outlook.months import at, name_of
from grouper.service import bureau_months, comparing, outlooks, settling
from grouper.service.access.principal import Principal
from grouper.service.errand_process import run_one
from grouper.service.errands import Errands
from grouper.store.states import Role

if TYPE_CHECKING:
    from datetime import datetime

    from grouper.service.settings import Settings
    from grouper.store.database import Database

_FILE = "bureau_months.csv"
_COLUMNS = ("month", "insurance", "method", "total_points", "point_value", "status", "note")
"""Without our own points: those of the file are of a hospital of full size."""
_BY = Principal(account_id=0, name="demo", role=Role.OFFICE)
_NEXT = "dip-3.0"
"""What binds the region of the demonstration from 2027 on."""
_COMPARED = 2
"""Months that are grouped under both schemes."""


def publish(settings: Settings, moment: datetime) -> int:
    """Lay the invented months that the bureau had published at a moment into the service's folder.

    A month is published a month after its end.

    Returns:
        How many rows.
    """
    last = name_of(at(moment.astimezone(LOCAL).date()) - 2)
    path = bureau_months.path_of(settings)
    with (files("grouper.demo") / _FILE).open(encoding="utf-8") as given:
        rows = [row for row in csv.DictReader(given) if row["month"] <= last]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def settle(settings: Settings, database: Database, moment: datetime) -> int:
    """Settle the last whole month, and look ahead at the present one; both are kept.

    Returns:
        How many of the two were made.
    """
    present = at(moment.astimezone(LOCAL).date())
    asked = ((settling.KIND, present - 1), (outlooks.KIND, present))
    errands, found = Errands.at(settings), 0
    for kind, month in asked:
        one = errands.ask(kind, {"month": name_of(month)}, by=_BY, language=settings.language)
        done = run_one(errands, one.id, settings, database)
        found += done is not None and done.answer is not None
        # What was made is kept apart from the errand.
        errands.remove(one.id)
    return found


def compare(settings: Settings, database: Database, moment: datetime) -> int:
    """Compare the last whole months under what binds with the same under the scheme of 2027.

    Returns:
        How many cases.
    """
    present = at(moment.astimezone(LOCAL).date())
    wanted = {
        "since": name_of(present - _COMPARED),
        "last": name_of(present - 1),
        "from": AUTO,
        "to": _NEXT,
    }
    errands = Errands.at(settings)
    one = errands.ask(comparing.KIND, wanted, by=_BY, language=settings.language)
    done = run_one(errands, one.id, settings, database)
    return 0 if done is None or done.answer is None else int(done.answer["cases"])

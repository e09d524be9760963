"""The demonstration's months of the bureau, its last month settled, and its outlook, as pages show them."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

from grouper.case.dates import LOCAL
from grouper.forecast.outlook.months import at, name_of
from grouper.service import bureau_months, outlooks, settling
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
_ACTOR = "demo"


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
    by = Principal(account_id=0, name=_ACTOR, role=Role.OFFICE)
    errands, found = Errands.at(settings), 0
    for kind, month in asked:
        one = errands.ask(kind, {"month": name_of(month)}, by=by, language=settings.language)
        done = run_one(errands, one.id, settings, database)
        found += done is not None and done.answer is not None
        # What was made is kept apart from the errand.
        errands.remove(one.id)
    return found

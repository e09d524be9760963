"""A store for the tests of the office's outlook: the bureau's months, invented cases, forecasts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from outlook_support import at_hand, cases, written
from service_support import Service

from grouper.case.dates import LOCAL
from grouper.forecast.outlook.published import Published
from grouper.forecast.outlook.settings import Settings
from grouper.service import bureau_months, outlooks
from grouper.service.forecasting import refused, row_of
from grouper.service.outlooks import Days
from grouper.store import forecasts
from grouper.store.reading import stay_by_case

DAY = date(2026, 3, 9)
AT = datetime(2026, 3, 10, 1, tzinfo=LOCAL)


def kept(running: Service, text: str) -> None:
    path = bureau_months.path_of(running.settings)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")


def foretold(running: Service, case_id: str, of: date = DAY, **values: Any) -> None:
    """A forecast of a stay, plainly invented."""
    with running.database.reading() as connection:
        head = stay_by_case(connection, case_id)
    assert head is not None
    at = datetime.combine(of + timedelta(days=1), AT.timetz())
    told = refused(case_id, "m1", "FORECAST_HISTORY", at) | values
    with running.database.writing_store() as connection:
        forecasts.write(connection, [row_of(told, head.id, head.version, "m1", at, at)])


FORECAST: dict[str, Any] = {
    "status": "forecast",
    "reason": None,
    "day": 8,
    "level": 0.9,
    "insurance": "employee",
    "method": "dip_score",
    "point_value": "5.4",
    **{f"los_{end}": value for end, value in (("low", 9.0), ("middle", 10.0), ("high", 14.0))},
    **{
        f"{name}_{end}": value
        for name in ("amount", "fund", "surplus")
        for end, value in (("low", "900.00"), ("middle", "1000.00"), ("high", "1300.00"))
    },
}


def looking(
    running: Service,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    as_of: date,
    months: Published,
    horizon: int = 18,
) -> None:
    """The store has the invented cases until a day, the bureau has published these months."""
    table = cases(12)
    days = pa.array([one.date() <= as_of for one in table["discharge_time"].to_pylist()])
    table_of = Settings.shipped().table
    simulation = table_of["simulation"] | {"horizon_months": horizon}
    shipped = Settings({**table_of, "simulation": simulation}, 100)
    monkeypatch.setattr(outlooks, "days_of", lambda *_: Days(date(2025, 1, 1), as_of, None))
    monkeypatch.setattr(outlooks, "_history", lambda *_: outlooks._light(table.filter(days)))
    of_region = at_hand(tmp_path / f"{as_of}")
    monkeypatch.setattr(outlooks, "policies", lambda: of_region)
    monkeypatch.setattr(Settings, "shipped", classmethod(lambda _: shipped))
    kept(running, written(months))

"""The newest forecasts of the running stays, as the office's outlook takes them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from grouper.forecast.outlook.running_file import read_running
from grouper.forecast.outlook.settings import Settings
from grouper.forecast.result import AMOUNTS, FORECAST_SCHEMA
from grouper.service.forecasting import typed
from grouper.store import forecasts
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from grouper.forecast.outlook.running import Running
    from grouper.store.database import Database

_PAGE = 500
_STILL = (StayState.RUNNING, StayState.DISCHARGED)
_NAMES = (
    *("case_id", "as_of", "day", "level", "insurance", "method", "point_value"),
    *(f"{name}_{end}" for name in ("los", *AMOUNTS) for end in ("low", "middle", "high", "mean")),
)
_SCHEMA = pa.schema(
    [FORECAST_SCHEMA.field(name) for name in _NAMES if name in FORECAST_SCHEMA.names]
)


def running_of(database: Database, day: date, closed: Collection[str]) -> tuple[Running, ...]:
    """The stays that were foretold on a day and have not ended since, as far as is known.

    One whose forecast was refused is among them, without amounts.

    Args:
        database: the store.
        day: of the forecasts.
        closed: ids of the cases that have ended.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
        ForecastError: a forecast that the outlook cannot read.
    """
    rows: list[dict[str, Any]] = []
    after = 0
    with database.reading() as connection:
        while found := forecasts.page(connection, day, after=after, limit=_PAGE):
            after = found[-1].forecast.stay_id
            rows += [
                {**typed(one.forecast.document), "case_id": one.case_id}
                for one in found
                if one.state in _STILL and one.case_id not in closed
            ]
    table = pa.Table.from_pylist(
        [{name: row.get(name) for name in _SCHEMA.names} for row in rows], _SCHEMA
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "running.parquet"
        pq.write_table(table, path)
        return read_running(path, Settings.shipped())

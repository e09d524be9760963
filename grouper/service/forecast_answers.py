"""Forecasts as the service answers them: the stored ones, and those made within a request."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 -- Pydantic reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from grouper.forecast.words import document
from grouper.service.context import Time
from grouper.service.forecast_telling import last_whole_day
from grouper.service.forecasting import (
    documents_of,
    reason_of,
    refused,
    row_of,
    typed,
)
from grouper.service.grouping import issues_out, read_case
from grouper.service.models import Asked, IssueOut
from grouper.store import forecasts
from grouper.store.schema import now
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.case.record import Case
    from grouper.service.forecasting import Model
    from grouper.service.stored import Reach, Stay
    from grouper.store.database import Database
    from grouper.store.forecasts import ForecastRow, Listed

_NO_STAY = 0
_log = structlog.get_logger("grouper.forecasting")
_FIRST, _LAST = 1970, 2200


def _plausible(at: datetime) -> datetime:
    """A moment in whose years calendars can be reckoned with.

    Raises:
        ValueError: it is none.
    """
    if not _FIRST <= at.year <= _LAST:
        msg = "no such year"
        raise ValueError(msg)
    return at


Moment = Annotated[Time, AfterValidator(_plausible)]
"""A moment that a case is asked about."""


class ForecastOut(BaseModel):
    """A forecast."""

    as_of: date = Field(description="the last whole local day that was known")
    made: datetime
    version: int | None = Field(description="of the stored case, from which it was made")
    model: str
    stored: bool = Field(description="false: made within this request, not kept")
    forecast: dict[str, Any] = Field(description="the document of docs/FORECAST.md")
    score: dict[str, Any] | None = Field(description="what came, once the stay is discharged")


class CaseForecast(BaseModel):
    """The forecast of a stored case; with ``history`` all of them, the oldest day first."""

    case_id: str
    state: str
    stale: bool = Field(
        description="no day was asked for, the case still runs, and its forecast is of an earlier day"
    )
    forecast: ForecastOut
    history: list[ForecastOut] | None


class ListedForecast(ForecastOut):
    """A forecast in a list, beside what its stay is now."""

    case_id: str
    visit: str = Field(description="the hospital's number of the stay")
    department: str | None
    state: str


class ForecastList(BaseModel):
    """A page of the forecasts of a day; give ``next`` as after for the page behind it."""

    as_of: date | None = Field(description="null: there are no forecasts at all")
    forecasts: list[ListedForecast]
    next: int | None


class ForecastRequest(Asked):
    """A running case to be foretold; nothing of it is kept."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "case": {
                    "case_id": "D0001",
                    "kind": "inpatient",
                    "sex": "1",
                    "age": 66,
                    "admission_time": "2026-02-20 08:00",
                    "admission_dx": "I21.001",
                    "dx": ["I21.001"],
                },
                "at": "2026-02-20T12:00:00+08:00",
            }
        },
    )

    case: dict[str, Any] = Field(max_length=2000, description="as for grouping")
    region: str | None = Field(default=None, max_length=64, description="as for grouping")
    at: Moment | None = Field(default=None, description="the moment; absent: now")


class ForecastAnswer(BaseModel):
    """A case foretold."""

    case_id: str | None
    forecast: ForecastOut
    issues: list[IssueOut]


def forecast_out(row: ForecastRow, lang: str, *, stored: bool = True) -> dict[str, Any]:
    """A forecast as :class:`ForecastOut`."""
    return {
        "as_of": row.as_of,
        "made": row.made,
        "version": row.version or None,
        "model": row.model,
        "stored": stored,
        "forecast": document(typed(row.document), lang),
        "score": row.score,
    }


def listed_out(one: Listed, lang: str) -> dict[str, Any]:
    """A forecast as :class:`ListedForecast`."""
    beside = {name: getattr(one, name) for name in ("case_id", "visit", "department", "state")}
    return forecast_out(one.forecast, lang) | beside


def made_now(
    model: Model,
    case: Case,
    region: str,
    at: datetime,
    *,
    drivers: bool,
    stay_id: int = _NO_STAY,
    version: int = 0,
) -> ForecastRow:
    """The forecast of one case, made within a request; one that fails is refused with its reason."""
    try:
        (found,) = documents_of(model, [case], region, at, drivers=drivers)
    except Exception as error:  # noqa: BLE001 -- the same refusal as at night
        # By its type alone: its words may hold values of the case.
        _log.error("forecast", stay=stay_id, error=type(error).__name__)
        found = refused(case.case_id, model.id, reason_of(error), at)
    return row_of(found, stay_id, version, model.id, at, now())


def stored_forecasts(database: Database, stay: Stay, as_of: date | None) -> Sequence[ForecastRow]:
    """The forecasts that are kept of a stay, the oldest day first.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        return forecasts.of_stay(connection, stay.head.id, as_of)


def is_stale(stay: Stay, row: ForecastRow | None, at: datetime) -> bool:
    """Whether a running stay has no forecast of the last whole day."""
    running = stay.head.state == StayState.RUNNING
    return running and (row is None or row.as_of < last_whole_day(at))


def page_of(
    database: Database,
    reach: Reach,
    as_of: date | None,
    *,
    department: str | None,
    status: str | None,
    after: int,
    limit: int,
) -> tuple[date | None, list[Listed], int | None]:
    """A page of the forecasts of a day (None: the last one), within reach, and where the next begins.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    departments = None if reach is None else list(reach)
    if department is not None:
        departments = [one for one in (department,) if reach is None or one in reach]
    with database.reading() as connection:
        day = as_of or forecasts.last_day(connection)
        if day is None:
            return None, [], None
        found = forecasts.page(
            connection,
            day,
            departments=departments,
            status=status,
            after=after,
            limit=limit + 1,
        )
    shown = found[:limit]
    return day, shown, shown[-1].forecast.stay_id if len(found) > limit else None


def handed_in(
    model: Model,
    raw: Mapping[str, Any],
    region: str,
    lang: str,
    at: datetime,
    *,
    drivers: bool,
) -> dict[str, Any]:
    """A case handed in, foretold: as :class:`ForecastAnswer`.

    Raises:
        ServiceError: as :func:`grouper.service.grouping.read_case`.
    """
    case, issues = read_case(raw, None, lang)
    row = made_now(model, case, region, at, drivers=drivers)
    return {
        "case_id": case.case_id,
        "forecast": forecast_out(row, lang, stored=False),
        "issues": issues_out(issues, lang),
    }

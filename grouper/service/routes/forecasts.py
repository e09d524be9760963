"""Routes of forecasts: of stored cases (every look is logged) and of cases handed in.

Nothing is trained here. A running case without a forecast of the last whole day is foretold within
the request by the approved model; that is not kept, the night does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from codebooks.errors import GrouperError
from grouper.forecast.result import ForecastStatus  # noqa: TC001 -- FastAPI reads the annotations
from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer, pages
from grouper.service.audit_queue import Entry
from grouper.service.context import NO_NUL, Day, Lang, Services, aware, services_of
from grouper.service.forecast_answers import (
    CaseForecast,
    ForecastAnswer,
    ForecastList,
    ForecastRequest,
    forecast_out,
    handed_in,
    is_stale,
    listed_out,
    made_now,
    page_of,
    stored_forecasts,
)
from grouper.service.problems import ServiceError
from grouper.service.requests import ExactRoute
from grouper.service.routes.cases import CaseId  # noqa: TC001 -- FastAPI reads the annotations
from grouper.service.stored import stay_of_case
from grouper.store.schema import now

if TYPE_CHECKING:
    from grouper.service.forecasting import Model

router = APIRouter(prefix="/api/v1", tags=["forecasts"], route_class=ExactRoute)
Viewer = Annotated[Principal, Depends(require(Right.CASES))]
Asking = Annotated[Principal, Depends(require(Right.GROUP))]


def _model(services: Services, *, needed: bool) -> Model | None:
    """The approved model; one that cannot be read is no matter where a stored forecast will do."""
    try:
        return services.forecaster()
    except GrouperError:
        if needed:
            raise
        return None


@router.get("/cases/{case_id}/forecast", responses=pages(CaseForecast))
def of_case(
    request: Request,
    case_id: CaseId,
    viewer: Viewer,
    lang: Lang,
    at: Annotated[
        Day | None, Query(description="that of a day; absent: the last, made now where it lacks")
    ] = None,
    history: Annotated[bool, Query(description="all that are kept as well")] = False,
) -> Response:
    """The newest forecast of a stored case, or that of a day."""
    services = services_of(request)
    stay = stay_of_case(services.database, case_id, viewer.reach)
    kept = stored_forecasts(services.database, stay, None if history else at)
    found = [row for row in kept if at is None or row.as_of == at]
    row, moment = (found[-1] if found else None), now()
    stored, stale = True, at is None and is_stale(stay, row, moment)
    model = _model(services, needed=row is None) if stale else None
    if model is not None:
        how = services.settings
        row = made_now(
            model,
            stay.case,
            how.region,
            moment,
            drivers=how.forecast.drivers,
            stay_id=stay.head.id,
            version=stay.version,
        )
        stored, stale = False, False
    if row is None:
        raise ServiceError("STORED_FORECAST_ABSENT")
    about = {"version": stay.version}
    entry = Entry(viewer.name, "case_forecast_shown", f"case:{stay.case_id}", about)
    services.audit.record(entry)
    told = {
        "case_id": stay.case_id,
        "state": stay.head.state,
        "stale": stale,
        "forecast": forecast_out(row, lang, stored=stored),
        "history": [forecast_out(one, lang) for one in kept] if history else None,
    }
    return json_answer(told, lang)


@router.get("/forecasts", responses=pages(ForecastList))
def listed(
    request: Request,
    viewer: Viewer,
    lang: Lang,
    as_of: Annotated[Day | None, Query(description="absent: the last day there is")] = None,
    department: Annotated[str | None, Query(max_length=128, pattern=NO_NUL)] = None,
    status: ForecastStatus | None = None,
    after: Annotated[int, Query(ge=0, lt=2**62, description="next of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The forecasts of a day, of stays within reach, for the office."""
    services = services_of(request)
    day, found, following = page_of(
        services.database,
        viewer.reach,
        as_of,
        department=department,
        status=None if status is None else status.value,
        after=after,
        limit=limit,
    )
    about = {"cases": [one.case_id for one in found]}
    services.audit.record(Entry(viewer.name, "forecasts_listed", "forecasts", about))
    told = {
        "as_of": day,
        "forecasts": [listed_out(one, lang) for one in found],
        "next": following,
    }
    return json_answer(told, lang)


@router.post("/forecast", responses=pages(ForecastAnswer))
def one(request: Request, asked: ForecastRequest, _asking: Asking, lang: Lang) -> Response:
    """Foretell one running case that is handed in, by the approved model."""
    services = services_of(request)
    how = services.settings
    model = services.forecaster()
    if model is None:
        raise ServiceError("FORECAST_NO_MODEL", name=how.forecast.model)
    told = handed_in(
        model,
        asked.case,
        asked.region or how.region,
        lang,
        aware(asked.at) or now(),
        drivers=how.forecast.drivers,
    )
    return json_answer(told, lang)

"""Conditions that an operator should know of."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from grouper.service.access.principal import Right, require
from grouper.service.context import Lang, services_of
from grouper.service.showing import alert_words
from grouper.service.stored import alerts_of
from grouper.service.stored_models import AlertOut, Alerts

router = APIRouter(
    prefix="/api/v1", tags=["alerts"], dependencies=[Depends(require(Right.METRICS))]
)


@router.get("/alerts")
def alerts(
    request: Request,
    lang: Lang,
    standing: Annotated[bool, Query(description="only those that have not ended")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Alerts:
    """Alerts with their start and end, the newest first."""
    found = alerts_of(services_of(request).database, standing=standing, limit=limit)
    return Alerts(
        alerts=[
            AlertOut(
                kind=one.kind,
                text=alert_words(one.kind, lang),
                started=one.started,
                ended=one.ended,
                about=dict(one.about),
            )
            for one in found
        ]
    )

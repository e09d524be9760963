"""Conditions that an operator should know of."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from codebooks.messages import catalogue, text
from grouper.service.access.principal import Right, require
from grouper.service.context import Lang, services_of
from grouper.service.stored import alerts_of
from grouper.service.stored_models import AlertOut, Alerts

router = APIRouter(
    prefix="/api/v1", tags=["alerts"], dependencies=[Depends(require(Right.METRICS))]
)


def _words(kind: str, lang: str) -> str:
    # Some kinds name what they are about behind a colon (``delivery:DESTINATION``).
    name, _, about = kind.partition(":")
    key = f"alert.{name}"
    return text(key, lang, about=about) if key in catalogue(lang) else kind


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
                text=_words(one.kind, lang),
                started=one.started,
                ended=one.ended,
                about=dict(one.about),
            )
            for one in found
        ]
    )

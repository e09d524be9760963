"""The audit log, for those who may read it."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- Pydantic reads the annotations
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from grouper.service.access.principal import Right, require
from grouper.service.context import NO_NUL, services_of
from grouper.service.stored import audit_of

router = APIRouter(prefix="/api/v1", tags=["audit"], dependencies=[Depends(require(Right.AUDIT))])
Word = Annotated[str | None, Query(max_length=128, pattern=NO_NUL)]


class EntryOut(BaseModel):
    """Who did or saw what."""

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    about: dict[str, Any]


class AuditLog(BaseModel):
    """Entries, the newest first."""

    entries: list[EntryOut]
    next: int | None = Field(description="give it as before for the page behind it")


@router.get("/audit")
def audit_log(
    request: Request,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    object: Word = None,  # noqa: A002 -- the word that callers write
    actor: Word = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditLog:
    """Entries of the audit log; ``grouper store verify`` checks their chain."""
    database = services_of(request).database
    found = audit_of(database, before=before, object_=object, actor=actor, limit=limit)
    entries = [
        EntryOut(
            id=one.id,
            at=one.at,
            actor=one.actor,
            action=one.action,
            object=one.object,
            about=one.about,
        )
        for one in found
    ]
    return AuditLog(entries=entries, next=found[-1].id if len(found) == limit else None)

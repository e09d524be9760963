"""The routes of CDS Hooks (2.0): discovery, the services, feedback."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from codebooks.messages import text
from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer, pages
from grouper.service.audit_queue import Entry, logged
from grouper.service.cds.cards import discharge_cards, order_cards, plain_card, view_cards
from grouper.service.cds.models import (
    Cards,
    Discovery,
    Feedback,
    HookRequest,
    ServiceOut,
)
from grouper.service.cds.order_audit import audit_cards, keep_feedback
from grouper.service.cds.tables import Service, Situation, services
from grouper.service.cds.telling import Found, find
from grouper.service.context import Lang, services_of
from grouper.service.problems import ServiceError
from grouper.service.requests import ExactRoute

router = APIRouter(tags=["cds-hooks"], route_class=ExactRoute)
Caller = Annotated[Principal, Depends(require(Right.CDS))]
Id = Annotated[
    str, Path(max_length=64, description="an id of the discovery document, such as grouper-order")
]
DISCHARGE, VIEW = "encounter-discharge", "patient-view"


@router.get("/cds-services", response_model_exclude_none=True)
def discovery(lang: Lang) -> Discovery:
    """The services at hand; nothing of the hospital is in it, so nobody has to sign in."""
    return Discovery(
        services=[
            ServiceOut(
                id=one.id,
                hook=one.hook,
                title=text(f"cds.service.{one.id}.title", lang),
                description=text(f"cds.service.{one.id}.description", lang),
                prefetch=dict(one.prefetch) or None,
            )
            for one in services().values()
        ]
    )


def _service(name: str) -> Service:
    if name not in services():
        raise ServiceError("SERVICE_UNKNOWN")
    return services()[name]


@router.post("/cds-services/{service}", responses=pages(Cards))
def call(request: Request, service: Id, asked: HookRequest, caller: Caller, lang: Lang) -> Response:
    """The cards for a stay; that it was looked at is logged before they are sent."""
    wanted = _service(service)
    if asked.hook != wanted.hook:
        raise ServiceError("HOOK_MISMATCH", hook=wanted.hook)
    parts = services_of(request)
    if wanted.audits:
        return json_answer({"cards": audit_cards(parts, asked, caller, lang)}, lang)
    found = find(parts, asked, caller, lang)
    done = None
    if found.told is not None:
        about = {"hook": asked.hook, "user": asked.context.userId or ""}
        done = parts.audit.submit(Entry(caller.name, "card_shown", found.object, about))
    cards = _cards(found, lang, asked.hook)
    if done is not None:
        logged(done)
    return json_answer({"cards": cards}, lang)


def _cards(found: Found, lang: str, hook: str) -> list[dict[str, object]]:
    if found.told is None:
        # Only at discharge is it news that a stay is unknown; another patient's number always is.
        if found.situation is Situation.UNKNOWN_STAY and hook != DISCHARGE:
            return []
        return [plain_card(found.situation, lang)]
    if hook == VIEW:
        return view_cards(found.told, lang)
    return discharge_cards(found.told, lang) if hook == DISCHARGE else order_cards(found.told, lang)


@router.post("/cds-services/{service}/feedback", responses={200: {"description": "kept"}})
def feedback(request: Request, service: Id, asked: Feedback, caller: Caller) -> Response:
    """What became of cards; kept in the audit log, without free comments."""
    wanted = _service(service)
    parts = services_of(request)
    if wanted.audits:
        keep_feedback(parts, asked, caller)
    audit = parts.audit
    waiting = []
    for one in asked.feedback:
        why = one.overrideReason
        about = {
            "service": wanted.id,
            "outcome": one.outcome,
            "reason": why.reason.code if why and why.reason else "",
            "commented": bool(why and why.userComment),
        }
        waiting.append(audit.submit(Entry(caller.name, "card_feedback", f"card:{one.card}", about)))
    for done in waiting:
        logged(done)
    return Response(status_code=200)

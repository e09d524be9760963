"""Routes about messages: what became of them, and settling those that wait in quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from codebooks.errors import GrouperError
from codebooks.messages import catalogue, text
from grouper.service.access.principal import Principal, Right, require
from grouper.service.audit_queue import Entry
from grouper.service.context import NO_NUL, Lang, Time, aware, services_of
from grouper.service.requests import ExactRoute
from grouper.service.stored import case_ids
from grouper.service.stored_models import (
    Dismissal,
    MessageDetail,
    MessageList,
    MessageOut,
    Repeat,
    Replayed,
)
from grouper.store.inbox import Inbox
from grouper.store.quarantine import Quarantine, Wanted
from grouper.store.states import UNSETTLED, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.store.database import Database
    from grouper.store.inbox import Stored
    from grouper.store.outcomes import Outcome

router = APIRouter(prefix="/api/v1", tags=["messages"], route_class=ExactRoute)
Clerk = Annotated[Principal, Depends(require(Right.QUARANTINE))]
Number = Annotated[int, Path(ge=1, le=2**62)]
Word = Annotated[str | None, Query(max_length=256, pattern=NO_NUL)]
WAITING = "waiting"


def _words(key: str, code: str | None, lang: str) -> str | None:
    name = f"{key}.{code}"
    return text(name, lang) if code and name in catalogue(lang) else None


def _told(found: Outcome, cases: Mapping[int, str], lang: str) -> dict[str, Any]:
    return {
        "message_id": found.message_id,
        "state": found.state.value,
        "reason": found.reason or None,
        "reason_text": _words("reason", found.reason, lang),
        "advice": _words("advice", found.reason, lang),
        "place": found.place or None,
        "received": found.received,
        "at": found.at,
        "attempts": found.attempts,
        "form": found.form,
        "kind": found.kind,
        "sender": found.sender,
        "control_id": found.control_id,
        "cases": [cases[stay] for stay in found.stays if stay in cases],
        "settled_by": found.settled_by,
        "settled_note": found.settled_note,
    }


def _waiting(stored: Stored) -> dict[str, Any]:
    return {
        "message_id": stored.id,
        "state": WAITING,
        "reason": stored.reason or None,
        "reason_text": None,
        "advice": None,
        "place": stored.place or None,
        "received": stored.received,
        "at": None,
        "attempts": 0,
        "form": stored.form,
        "kind": stored.kind,
        "sender": stored.sender,
        "control_id": stored.control_id,
        "cases": [],
        "settled_by": None,
        "settled_note": None,
    }


@router.get("/messages")
def find(
    request: Request,
    clerk: Clerk,
    lang: Lang,
    state: Annotated[
        list[State] | None, Query(max_length=8, description="absent: those that wait for a person")
    ] = None,
    reason: Word = None,
    form: Word = None,
    kind: Word = None,
    sender: Word = None,
    control_id: Word = None,
    patient: Word = None,
    visit: Word = None,
    since: Annotated[Time | None, Query(description="came at this time or later")] = None,
    until: Annotated[Time | None, Query(description="came before this time")] = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> MessageList:
    """Messages that were looked at by the worker, in the order of their numbers."""
    services = services_of(request)
    database = services.database
    wanted = Wanted(
        states=tuple(state) if state else UNSETTLED,
        reason=reason,
        form=form,
        kind=kind,
        sender=sender,
        control_id=control_id,
        patient=patient,
        visit=visit,
        since=aware(since),
        until=aware(until),
    )
    found = Quarantine(database).search(wanted, limit=limit, after=after)
    services.audit.record(Entry(clerk.name, "messages_searched", "messages", {"count": len(found)}))
    cases = case_ids(database, [stay for one in found for stay in one.stays])
    told = [MessageOut(**_told(one, cases, lang)) for one in found]
    last = found[-1].message_id if len(found) == limit else None
    return MessageList(messages=told, next=last)


@router.get("/messages/{message_id}")
def one(request: Request, message_id: Number, clerk: Clerk, lang: Lang) -> MessageDetail:
    """One message with its numbers, its repeats and its replays; the look is logged."""
    database = services_of(request).database
    shown = Quarantine(database).show(message_id, clerk.name)
    stored, outcome = shown.stored, shown.outcome
    if outcome is None:
        told = _waiting(stored)
    else:
        told = _told(outcome, case_ids(database, outcome.stays), lang)
    return MessageDetail(
        **told,
        channel=stored.channel,
        facility=stored.facility,
        patient=stored.patient,
        visit=stored.visit,
        size=stored.size,
        verdict=stored.verdict.value,
        replay_of=stored.replay_of,
        replays=list(shown.replays),
        repeats=[Repeat(received=at, channel=channel) for at, channel in shown.repeats],
    )


@router.get(
    "/messages/{message_id}/raw",
    response_class=Response,
    responses={
        200: {
            "description": "the bytes as they came",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
def raw(
    request: Request,
    message_id: Number,
    clerk: Clerk,
    _named: Annotated[Principal, Depends(require(Right.PERSONS))],
) -> Response:
    """A message as it came, byte for byte; it may name the patient, and the look is logged."""
    services = services_of(request)
    stored = _stored(services.database, message_id)
    if stored.raw is None:
        raise GrouperError("RAW_GONE")
    services.audit.record(Entry(clerk.name, "message_raw", f"message:{message_id}"))
    name = f'attachment; filename="message-{message_id}.bin"'
    return Response(stored.raw, 200, {"Content-Disposition": name}, "application/octet-stream")


def _stored(database: Database, number: int) -> Stored:
    return Inbox(database).one(number)


@router.post("/messages/{message_id}/replay", status_code=202)
def replay(request: Request, response: Response, message_id: Number, clerk: Clerk) -> Replayed:
    """Apply a message that waits once more, from its original."""
    done = Quarantine(services_of(request).database).replay([message_id], clerk.name)
    if not done:
        return Replayed(message_id=None, status=None)
    place = f"/api/v1/messages/{done[0]}"
    response.headers["Location"] = place
    return Replayed(message_id=done[0], status=place)


@router.post("/messages/{message_id}/dismiss", status_code=204)
def dismiss(request: Request, message_id: Number, asked: Dismissal, clerk: Clerk) -> Response:
    """Put a message that waits aside, and say why."""
    Quarantine(services_of(request).database).dismiss([message_id], clerk.name, asked.note)
    return Response(status_code=204)

"""Routes of the insurer's own shape: NHSA 3101 (before), 3102 (during), 3103 (what became of it).

A hospital's system that speaks to the insurer's platform can ask the same here first. Answers are in
the shape of the interface, also where a message cannot be used: ``infcode`` -1 and ``err_msg``, with
the HTTP status that the error has elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from codebooks.errors import GrouperError
from codebooks.messages import catalogue, text
from grouper.intake.preaudit import Preauditor, Refusal, preauditors
from grouper.service.access.principal import Principal, Right, require
from grouper.service.context import Lang, services_of
from grouper.service.order_feedback import keep_reactions
from grouper.service.preaudit import answered
from grouper.service.problems import ServiceError, standing

if TYPE_CHECKING:
    from grouper.service.context import Services

router = APIRouter(prefix="/api/v1/nhsa", tags=["orders"])
Caller = Annotated[Principal, Depends(require(Right.CDS))]
Transaction = Annotated[str, Path(pattern=r"^\d{4}$", description="3101, 3102 or 3103")]
MEDIA_TYPE = "application/json"


async def _body(request: Request) -> bytes:
    return await request.body()


Raw = Annotated[bytes, Depends(_body)]


@router.post(
    "/{transaction}",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "object"}}},
        }
    },
)
def preaudit(
    request: Request, transaction: Transaction, raw: Raw, caller: Caller, lang: Lang
) -> Response:
    """Check what a message asks about, or keep what became of findings."""
    porch = preauditors().get(transaction)
    if porch is None:
        raise ServiceError("NOT_FOUND")
    services = services_of(request)
    try:
        body = _answer(services, porch, transaction, raw, caller, lang)
    except GrouperError as error:
        refusal = _refusal(error, porch.reply_of(raw), lang)
        return _response(porch.refuse(refusal), standing(error.code).status, lang)
    return _response(body, 200, lang)


def _answer(
    services: Services,
    porch: Preauditor,
    transaction: str,
    raw: bytes,
    caller: Principal,
    lang: str,
) -> bytes:
    if transaction in porch.asks:
        asked = porch.read(raw, transaction)
        told, remarks = answered(services, asked, caller, lang)
        return porch.answer(asked, told, remarks)
    reactions = porch.read_reactions(raw, transaction)
    unknown = keep_reactions(services, reactions.found, caller)
    if unknown:
        raise ServiceError("PREAUDIT_UNKNOWN", place="warns", keys=" ".join(unknown)[:500])
    return porch.confirm(reactions)


def _refusal(error: GrouperError, reply: str, lang: str) -> Refusal:
    of, hint = ("error", "hint")
    if f"error.{error.code}" not in catalogue(lang):
        of, hint = ("reason", "advice")
    place = error.where.describe(lang) or str(error.params.get("place", ""))
    what, advice = (text(f"{kind}.{error.code}", lang, **error.params) for kind in (of, hint))
    return Refusal(code=error.code, place=place, what=what, advice=advice, reply=reply)


def _response(body: bytes, status: int, lang: str) -> Response:
    return Response(body, status, {"Content-Language": lang}, MEDIA_TYPE)

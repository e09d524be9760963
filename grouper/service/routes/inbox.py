"""The way in for messages that come over HTTP: stored first, then answered."""

from __future__ import annotations

from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, Field

from codebooks.errors import GrouperError
from grouper.service.access.principal import Principal, Right, require
from grouper.service.context import Lang, services_of
from grouper.service.form_answers import answer, media_types
from grouper.service.problems import MEDIA_TYPE

router = APIRouter(prefix="/api/v1", tags=["inbox"])
_CHANNEL = 64


class Accepted(BaseModel):
    """A message that is stored; it will be applied in its turn."""

    message_id: int
    verdict: str = Field(description="AA")
    duplicate: bool = Field(description="the same message was stored before")
    status: str = Field(description="where to look what became of it")
    text: str


def _own_answers() -> dict[str, Any]:
    kinds = {kind for found in media_types().values() for kind in found}
    return {kind: {"schema": {"type": "string"}} for kind in sorted(kinds)}


def _responses() -> dict[int | str, dict[str, Any]]:
    refused = {
        MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
        **_own_answers(),
    }
    found: dict[int | str, dict[str, Any]] = {
        status: {"content": refused, "description": words}
        for status, words in (
            (400, "AR: cannot be read; kept"),
            (413, "AR: too large"),
            (415, "AR: type, version or character set not served; kept"),
            (422, "AE: stored, waits in quarantine with its reason"),
            (503, "AR: not stored, send it again"),
        )
    }
    accepted = {"application/json": {}, **_own_answers()}
    found[202] = {"model": Accepted, "content": accepted, "description": "AA: stored"}
    return found


@router.post(
    "/inbox/{form}",
    status_code=202,
    responses=_responses(),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def put(
    request: Request,
    form: Annotated[str, Path(max_length=32, description="hl7v2, fhir, nhsa, table")],
    principal: Annotated[Principal, Depends(require(Right.SEND))],
    lang: Lang,
    accept: Annotated[str, Header(max_length=1024)] = "",
    idempotency_key: Annotated[
        str,
        Header(
            max_length=256,
            pattern=r"^[\x21-\x7e]*$",
            description="id of the message, for forms that carry none of their own",
        ),
    ] = "",
) -> Response:
    """Store a message as it comes, and answer what is thought of it."""
    services = services_of(request)
    if form not in services.forms:
        known = ", ".join(sorted(services.forms))
        raise GrouperError("FORM_UNKNOWN", found=form, known=known)
    reader = services.forms[form]
    raw = await request.body()
    envelope = await run_sync(reader.envelope, raw, idempotency_key)
    receipt = await services.commits.put(envelope, f"rest:{principal.name}"[:_CHANNEL])
    return answer(reader, envelope, receipt, accept, lang)

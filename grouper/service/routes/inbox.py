"""The way in for messages that come over HTTP: stored first, then answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, Field

from codebooks.errors import GrouperError
from grouper.intake.pieces import key_identity, pieces, put_pieces
from grouper.service.access.principal import Principal, Right, require
from grouper.service.batch_answers import PiecesAnswer, batch_answer
from grouper.service.context import Lang, services_of
from grouper.service.form_answers import answer, media_types
from grouper.service.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.intake.envelope import Envelope
    from grouper.intake.forms import Form

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
    found[202] = {
        "model": Accepted | PiecesAnswer,
        "content": accepted,
        "description": "AA: stored; of a batch all messages",
    }
    found[200] = {
        "model": PiecesAnswer,
        "description": "a batch: all messages stored, some AE or AR",
    }
    batch = {"schema": {"$ref": "#/components/schemas/PiecesAnswer"}}
    found[503]["content"] = {**refused, "application/json": batch}
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
    """Store a message as it comes, or each message of a batch, and answer what is thought of it."""
    services = services_of(request)
    if form not in services.forms:
        known = ", ".join(sorted(services.forms))
        raise GrouperError("FORM_UNKNOWN", found=form, known=known)
    reader = services.forms[form]
    raw = await request.body()
    channel = f"rest:{principal.name}"[:_CHANNEL]
    parts, envelope = await run_sync(_read, reader, raw, idempotency_key)
    if envelope is None:
        receipts = await put_pieces(
            len(parts),
            lambda n: reader.envelope(parts[n], key_identity(idempotency_key, n)),
            services.commits.put,
            channel,
        )
        return batch_answer(receipts, lang)
    receipt = await services.commits.put(envelope, channel)
    return answer(reader, envelope, receipt, accept, lang)


def _read(reader: Form, raw: bytes, key: str) -> tuple[Sequence[bytes], Envelope | None]:
    """The messages of a body; of a single one its envelope too, in the same trip to a thread."""
    parts = pieces(reader, raw)
    return parts, reader.envelope(parts[0], key) if len(parts) == 1 else None

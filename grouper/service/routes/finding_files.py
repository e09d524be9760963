"""Routes of files of evidence: handed in by whoever may answer, shown as an attachment alone."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Path, Request, Response, UploadFile

from grouper.audit.review.tables import limits
from grouper.service import finding_evidence
from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer
from grouper.service.audit_queue import Entry
from grouper.service.context import Lang, services_of
from grouper.service.finding_answers import FileOut, file_out
from grouper.service.findings import asker_of
from grouper.store.schema import now

router = APIRouter(prefix="/api/v1", tags=["findings"])
Viewer = Annotated[Principal, Depends(require(Right.FINDINGS))]
Answering = Annotated[Principal, Depends(require(Right.ANSWER))]
Number = Annotated[int, Path(ge=1, lt=2**62)]


@router.post(
    "/findings/{finding_id}/files",
    status_code=201,
    responses={201: {"model": FileOut}},
    # The form's name in the document is made of it.
    operation_id="attach_evidence",
)
def attach(
    request: Request,
    finding_id: Number,
    file: Annotated[UploadFile, File(description="PDF, image, text or spreadsheet")],
    answering: Answering,
    lang: Lang,
) -> Response:
    """Hang a file of evidence on a finding; the same file is kept once."""
    # One byte more than is taken tells that it is too large.
    content = file.file.read(limits().most_bytes + 1)
    database, asker = services_of(request).database, asker_of(answering)
    found, _ = finding_evidence.attach(
        database, asker, finding_id, file.filename or "", content, now()
    )
    told = file_out(found)
    return json_answer(told, lang, 201, Location=told["place"])


@router.get(
    "/findings/{finding_id}/files/{file_id}",
    response_class=Response,
    responses={
        200: {
            "description": "the file",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
def fetch(request: Request, finding_id: Number, file_id: Number, viewer: Viewer) -> Response:
    """A file of evidence, as an attachment; the look is logged."""
    services = services_of(request)
    found, content = finding_evidence.read(services.database, asker_of(viewer), finding_id, file_id)
    about = {"file": file_id}
    entry = Entry(viewer.name, "finding_file_shown", f"finding:{finding_id}", about)
    services.audit.record(entry)
    # Never shown in the browser: whatever it is, it runs nowhere.
    name = f"attachment; filename=\"evidence-{file_id}\"; filename*=UTF-8''{quote(found.name)}"
    return Response(content, 200, {"Content-Disposition": name}, "application/octet-stream")

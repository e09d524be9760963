"""Routes of the insurer's lists of findings: taken in, shown, and answered in their own columns."""

from __future__ import annotations

import shutil
from datetime import datetime  # noqa: TC003 -- FastAPI reads the annotations
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from fastapi import Path as InPath
from pydantic import BaseModel, Field

from codebooks.audit.books import audit_book
from grouper.audit.insurer.columns import at_hand
from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer, pages
from grouper.service.audit_queue import Entry
from grouper.service.context import Day, Lang, services_of
from grouper.service.insurer_answers import answers, batch_out, listing, shown, taken_out
from grouper.service.insurer_lists import take_in
from grouper.store.schema import now

router = APIRouter(prefix="/api/v1", tags=["findings"])
Reviewer = Annotated[Principal, Depends(require(Right.REVIEW))]
Number = Annotated[int, InPath(ge=1, lt=2**62)]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ENDINGS = 8
"""Characters of a file's ending; it only tells an old workbook from a text."""


class ReasonOut(BaseModel):
    """Why rows could not be read, or have no stay."""

    code: str
    text: str
    advice: str
    rows: int


class BatchTaken(BaseModel):
    """What became of a list."""

    batch: int
    repeated: bool = Field(description="it was taken in before; then nothing was done")
    rows: int
    unread: int = Field(description="rows that could not be read")
    findings: int
    fresh: int = Field(description="findings that were not known")
    matched: int = Field(description="findings of a stay that is here")
    own: int = Field(description="findings that our own screening has too")
    external: int = Field(description="findings of rules that our book does not have")
    reasons: list[ReasonOut]
    unkept: list[str] = Field(description="columns of unknown meaning; their cells are not kept")
    total_agrees: bool | None = Field(description="whether amounts add up to the stated totals")


class BatchOut(BaseModel):
    """A list that was taken in."""

    id: int
    at: datetime
    actor: str
    name: str
    sha256: str
    hospital: str
    due: datetime | None = Field(description="deadline of findings for which the file has none")
    rows: int
    unread: int
    matched: int
    findings: int
    own: int
    external: int
    unkept: list[str]
    total_agrees: bool | None
    reasons: list[ReasonOut]


class BatchList(BaseModel):
    """Lists, the newest first."""

    batches: list[BatchOut]
    next: int | None


class BatchShown(BatchOut):
    """A list with what became of its findings."""

    states: list[dict[str, Any]] = Field(description="findings by state of their review")
    closed: int
    kept_back: list[dict[str, Any]] = Field(description="rows with a reason, at most 500")
    recall: list[dict[str, Any]] = Field(
        description="by rule, what of the insurer's findings our own screening had found"
    )


@router.post(
    "/findings/batches",
    status_code=201,
    responses={**pages(BatchTaken), 201: pages(BatchTaken)[200]},
)
def add(
    request: Request,
    file: Annotated[UploadFile, File(description="XLSX, or CSV in UTF-8 or GB18030")],
    reviewer: Reviewer,
    lang: Lang,
    due: Annotated[
        Day | None, Form(description="last day to answer, where the file names none")
    ] = None,
) -> Response:
    """Take in a list; the same file is taken once (200 the second time)."""
    services = services_of(request)
    name = PurePath((file.filename or "").replace("\\", "/")).name or "list"
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"list{PurePath(name).suffix[:_ENDINGS]}"
        with path.open("xb") as out:
            shutil.copyfileobj(file.file, out)
        taken = take_in(
            services.database,
            path,
            audit_book(),
            at_hand(),
            hospital=services.settings.hospital,
            actor=reviewer.name,
            at=now(),
            due=due,
            name=name,
        )
    where = f"/api/v1/findings/batches/{taken.batch_id}"
    status = 200 if taken.repeated else 201
    return json_answer(taken_out(taken, lang), lang, status, Location=where)


@router.get("/findings/batches", responses=pages(BatchList))
def every(
    request: Request,
    _reviewer: Reviewer,
    lang: Lang,
    before: Annotated[
        int | None, Query(ge=1, lt=2**62, description="next of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Lists, the newest first."""
    found, following = listing(services_of(request).database, before, limit)
    told = {"batches": [batch_out(one, lang) for one in found], "next": following}
    return json_answer(told, lang)


@router.get("/findings/batches/{batch_id}", responses=pages(BatchShown))
def one(request: Request, batch_id: Number, reviewer: Reviewer, lang: Lang) -> Response:
    """A list with its rows that were kept back, states, and the recall of our own screening."""
    services = services_of(request)
    told = shown(services.database, batch_id, audit_book(), lang)
    services.audit.record(Entry(reviewer.name, "finding_batch_shown", f"finding_batch:{batch_id}"))
    return json_answer(told, lang)


@router.get(
    "/findings/batches/{batch_id}/answers",
    responses={200: {"description": "the list with its answers", "content": {_XLSX: {}}}},
)
def answered(request: Request, batch_id: Number, reviewer: Reviewer, lang: Lang) -> Response:
    """The list in its own columns, with opinion, note and evidence of each row, as a workbook."""
    services = services_of(request)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "answers.xlsx"
        batch = answers(services.database, batch_id, path, lang)
        content = path.read_bytes()
    services.audit.record(
        Entry(reviewer.name, "finding_batch_answered", f"finding_batch:{batch_id}")
    )
    called = quote(f"{PurePath(batch.name).stem}-answers.xlsx")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{called}",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, 200, headers, _XLSX)

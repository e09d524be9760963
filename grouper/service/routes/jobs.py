"""Routes for files of cases that are grouped as jobs."""

from __future__ import annotations

import shutil
from datetime import datetime  # noqa: TC003 -- FastAPI reads the annotations
from enum import StrEnum
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Path, Request, Response, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from codebooks.registry import registry
from grouper.service.access.principal import Principal, Right, require
from grouper.service.audit_queue import Entry
from grouper.service.context import Lang, Services, services_of
from grouper.service.job_files import Job, JobState
from grouper.service.problems import ServiceError
from grouper.store.schema import now

router = APIRouter(prefix="/api/v1", tags=["jobs"])
Owner = Annotated[Principal, Depends(require(Right.JOBS))]
Number = Annotated[str, Path(min_length=1, max_length=64)]
MEDIA = {"csv": "text/csv", "jsonl": "application/jsonl", "parquet": "application/octet-stream"}
_ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


class Output(StrEnum):
    """The kind of file that a job gives."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"


class Part(StrEnum):
    """A file of a job that has ended."""

    RESULT = "result"
    REJECTS = "rejects"
    TRACES = "traces"


class JobOut(BaseModel):
    """How a job stands."""

    id: str
    state: JobState
    created: datetime
    started: datetime | None
    ended: datetime | None
    scheme: str | None
    region: str
    rows: int = Field(description="cases done")
    share: float | None = Field(description="part of the file that was read, from 0 to 1")
    summary: dict[str, Any] | None = Field(description="counts, once it is done")
    code: str | None = Field(description="stable code of the error, when it failed")
    detail: str | None
    advice: str | None
    files: dict[str, str] = Field(description="where its files can be fetched, once it is done")


class JobList(BaseModel):
    """The jobs of this account, newest first."""

    jobs: list[JobOut]


def _out(services: Services, job: Job) -> JobOut:
    progress = services.jobs.progress(job)
    files = {}
    if job.state is JobState.DONE:
        there = job.files(services.jobs.folder(job))
        files = {
            part.value: f"/api/v1/jobs/{job.id}/{part.value}"
            for part in Part
            if there[part].is_file()
        }
    return JobOut(
        id=job.id,
        state=job.state,
        created=job.created,
        started=job.started,
        ended=job.ended,
        scheme=job.scheme,
        region=job.region,
        rows=progress.rows,
        share=progress.share,
        summary=dict(progress.summary) if progress.summary else None,
        code=job.code,
        detail=job.detail,
        advice=job.advice,
        files=files,
    )


@router.post("/jobs", status_code=202)
def add(
    request: Request,
    response: Response,
    file: Annotated[UploadFile, File(description="CSV, JSON Lines or Parquet, by its ending")],
    owner: Owner,
    lang: Lang,
    scheme: Annotated[str | None, Form(max_length=64)] = None,
    region: Annotated[str | None, Form(max_length=64)] = None,
    output: Annotated[Output, Form()] = Output.CSV,
    explain: Annotated[bool, Form(description="write the trace of every case")] = False,
) -> JobOut:
    """Group a file of cases; the answer says where to look how far it has come."""
    services = services_of(request)
    kind = _ENDINGS.get(PurePath(file.filename or "").suffix.lower())
    if kind is None:
        raise ServiceError("JOB_FORMAT", known=", ".join(_ENDINGS))
    if scheme:
        registry().card(scheme)
    place = registry().region(region or services.settings.region).id
    services.jobs.room()
    number, folder = services.jobs.prepare()
    job = Job(
        id=number,
        owner=owner.account_id,
        created=now(),
        format=kind,
        output=output.value,
        scheme=scheme or None,
        region=place,
        explain=explain,
        language=lang,
    )
    try:
        with job.files(folder)["input"].open("xb") as out:
            shutil.copyfileobj(file.file, out)
        services.audit.record(Entry(owner.name, "job_added", f"job:{number}"))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    job = services.jobs.add(job)
    response.headers["Location"] = f"/api/v1/jobs/{number}"
    return _out(services, job)


@router.get("/jobs")
def every(request: Request, owner: Owner) -> JobList:
    """The jobs of this account, newest first."""
    services = services_of(request)
    return JobList(jobs=[_out(services, job) for job in services.jobs.of(owner.account_id)])


@router.get("/jobs/{job_id}")
def one(request: Request, job_id: Number, owner: Owner) -> JobOut:
    """How a job stands."""
    services = services_of(request)
    return _out(services, services.jobs.one(job_id, owner.account_id))


@router.get(
    "/jobs/{job_id}/{part}",
    response_class=FileResponse,
    responses={
        200: {
            "description": "the file",
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA.values()
            },
        }
    },
)
def fetch(request: Request, job_id: Number, part: Part, owner: Owner) -> FileResponse:
    """The results, the rejected cases or the traces of a job that is done."""
    services = services_of(request)
    job = services.jobs.one(job_id, owner.account_id)
    path = job.files(services.jobs.folder(job))[part]
    if job.state is not JobState.DONE or not path.is_file():
        raise ServiceError("JOB_NOT_DONE")
    about = {"part": part.value}
    services.audit.record(Entry(owner.name, "job_fetched", f"job:{job_id}", about))
    kind = MEDIA[path.suffix[1:]]
    return FileResponse(path, media_type=kind, filename=path.name)


@router.delete("/jobs/{job_id}", status_code=204)
def remove(request: Request, job_id: Number, owner: Owner) -> Response:
    """End a job if it has not ended, and take away all its files."""
    services = services_of(request)
    job = services.jobs.one(job_id, owner.account_id)
    services.audit.record(Entry(owner.name, "job_removed", f"job:{job_id}"))
    services.jobs.cancel(job)
    return Response(status_code=204)

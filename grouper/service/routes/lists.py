"""Routes of settlement lists: what was sent held against the case, and the list of a case.

Nothing is written back: what is found is given to a person, who takes it to the hospital's system.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from codebooks.messages import text
from grouper.intake.porches import reviewers
from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer
from grouper.service.audit_queue import Entry
from grouper.service.context import Lang, Services, services_of
from grouper.service.problems import ServiceError
from grouper.service.routes.cases import CaseId  # noqa: TC001 -- FastAPI reads the annotations
from grouper.service.sent_lists import sent_list
from grouper.service.stored import Stay, person_of, record_of, stay_of_case

if TYPE_CHECKING:
    from grouper.intake.porches import Reviewer

router = APIRouter(prefix="/api/v1", tags=["settlement lists"])
Viewer = Annotated[Principal, Depends(require(Right.CASES))]
Knowing = Annotated[Principal, Depends(require(Right.PERSONS))]


class ListForm(StrEnum):
    """How the differences are written."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


class Differences(BaseModel):
    """What the case proposes against the list that was sent last."""

    message_id: int
    kind: str = Field(description="the transaction, such as 4101")
    differences: list[dict[str, Any]]


class Checks(BaseModel):
    """What the field tables say against the list that was sent last."""

    message_id: int
    kind: str
    findings: list[dict[str, Any]]


class Written(BaseModel):
    """The list of a case, ready to be uploaded by the hospital's own system."""

    kind: str
    head: dict[str, str] = Field(
        description="fields around the nodes that the case states: its place, the insured place"
    )
    input: dict[str, Any]
    unwritten: list[str] = Field(description="fields of the case that the list has no place for")
    findings: list[dict[str, Any]]


def _sent(services: Services, stay: Stay) -> tuple[int, str, bytes, Reviewer]:
    """The list that was sent last for a stay: number, kind, bytes and who reads it."""
    found = sent_list(services.database, stay.head)
    return found.message_id, found.kind, found.raw, found.reviewer


def _look(services: Services, viewer: Principal, stay: Stay, action: str) -> None:
    services.audit.record(Entry(viewer.name, action, f"case:{stay.case_id}", {}))


@router.get(
    "/cases/{case_id}/differences",
    response_model=Differences,
    responses={200: {"content": {"text/csv": {}, "application/octet-stream": {}}}},
)
def differences(
    request: Request,
    case_id: CaseId,
    viewer: Viewer,
    lang: Lang,
    form: Annotated[ListForm, Query(alias="format")] = ListForm.JSON,
) -> Response:
    """The case as it stands now against the settlement list or front page that was sent last."""
    services = services_of(request)
    stay = stay_of_case(services.database, case_id, viewer.reach)
    number, kind, raw, reviewer = _sent(services, stay)
    _look(services, viewer, stay, "differences_shown")
    source = text("service.list_source", lang, version=stay.version)
    if form is ListForm.JSON:
        found = reviewer.differences(raw, stay.case, source, lang)
        return json_answer({"message_id": number, "kind": kind, "differences": found}, lang)
    content, media = reviewer.document(raw, stay.case, source, form.value, lang)
    headers = {"Content-Disposition": f'attachment; filename="differences.{form.value}"'}
    return Response(content, 200, headers, media)


@router.get("/cases/{case_id}/checks", response_model=Checks)
def checks(request: Request, case_id: CaseId, viewer: Viewer, lang: Lang) -> Response:
    """The list that was sent last, held against the field tables of its transaction."""
    services = services_of(request)
    stay = stay_of_case(services.database, case_id, viewer.reach)
    number, kind, raw, reviewer = _sent(services, stay)
    _look(services, viewer, stay, "checks_shown")
    told = {"message_id": number, "kind": kind, "findings": reviewer.checks(raw, lang)}
    return json_answer(told, lang)


@router.get("/cases/{case_id}/settlement-list", response_model=Written)
def settlement_list(
    request: Request,
    case_id: CaseId,
    viewer: Viewer,
    _knowing: Knowing,
    lang: Lang,
    kind: Annotated[str, Query(max_length=16, pattern=r"^\w+$")] = "4101",
) -> Response:
    """The case as a settlement list or front page; it names the patient."""
    services = services_of(request)
    stay = stay_of_case(services.database, case_id, viewer.reach)
    reviewer = next((one for one in reviewers().values() if kind in one.kinds), None)
    if reviewer is None:
        raise ServiceError("NO_SUCH_LIST", kind=kind)
    who = person_of(services.database, stay.head)
    record = record_of(services.database, stay)
    _look(services, viewer, stay, "list_written")
    details = {} if who is None else who.details
    return json_answer(reviewer.written(stay.case, record, details, kind, lang), lang)

"""Routes of screenings: a month or a case screened, how runs stand, and what stands of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from grouper.service import findings
from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer, pages
from grouper.service.audit_queue import Entry
from grouper.service.context import NO_NUL, Lang, Services, services_of
from grouper.service.findings import asker_of
from grouper.service.requests import ExactRoute
from grouper.service.routes.cases import CaseId  # noqa: TC001 -- FastAPI reads the annotations
from grouper.service.screening import How, screen_stored
from grouper.service.screening_answers import (
    CaseFindings,
    CaseScreened,
    ScreeningAsked,
    ScreeningDetail,
    ScreeningList,
    ScreeningOut,
    case_out,
    known,
    live_states,
    page_of,
    scope_of_case,
    screening_detail,
    screening_out,
    wait_for,
)
from grouper.service.stored import head_of_case
from grouper.store.findings import Wanted
from grouper.store.schema import now

if TYPE_CHECKING:
    from grouper.store.findings import Listed
    from grouper.store.reading import StayHead
    from grouper.store.screenings import ScreeningRow

router = APIRouter(prefix="/api/v1", tags=["screenings"], route_class=ExactRoute)
Viewer = Annotated[Principal, Depends(require(Right.FINDINGS))]
Reviewer = Annotated[Principal, Depends(require(Right.REVIEW))]
Number = Annotated[int, Path(ge=1, lt=2**62)]
_MOST = 1_000
"""Findings of one case that are shown."""


@router.post(
    "/screenings",
    responses={
        200: {"model": CaseScreened, "description": "a case, screened"},
        202: {"model": ScreeningOut, "description": "a month, which is screened by and by"},
    },
)
def asked(request: Request, asked: ScreeningAsked, reviewer: Reviewer, lang: Lang) -> Response:
    """Have a month of discharges screened again, or screen one case at once."""
    services = services_of(request)
    if asked.month is not None:
        row = wait_for(services.database, services.settings, asked.month, reviewer.name)
        place = f"/api/v1/screenings/{row.id}"
        return json_answer(screening_out(row), lang, 202, Location=place)
    head = head_of_case(services.database, asked.case_id or "", reviewer.reach)
    row = _screened(services, head, reviewer)
    _, failed = known(services.database, row.id or 0)
    standing = _standing(services, head, reviewer)
    entry = Entry(reviewer.name, "case_findings_shown", f"case:{head.case_id}", _about(standing))
    services.audit.record(entry)
    told = case_out(head.case_id, head.state, standing, lang)
    return json_answer(told | {"screening": screening_detail(row, failed, lang)}, lang)


def _screened(services: Services, head: StayHead, reviewer: Principal) -> ScreeningRow:
    how = services.settings.audit
    return screen_stored(
        services.database,
        scope_of_case(head.case_id),
        How(region=services.settings.region, page=how.page, book=how.book, shadow=how.shadow),
        now(),
        actor=reviewer.name,
    )


def _standing(services: Services, head: StayHead, viewer: Principal) -> list[Listed]:
    """The live findings of a case, within what the asker may see."""
    wanted = Wanted(case_id=head.case_id, states=live_states(), shadow=False, gone=False)
    found, _, _ = findings.page(services.database, asker_of(viewer), wanted, None, _MOST)
    return found


def _about(found: list[Listed]) -> dict[str, Any]:
    return {"findings": [one.finding.id for one in found]}


@router.get("/screenings", responses=pages(ScreeningList))
def listed(
    request: Request,
    _reviewer: Reviewer,
    lang: Lang,
    scope: Annotated[
        str | None, Query(max_length=64, pattern=NO_NUL, description="running, discharged, 2026-11")
    ] = None,
    before: Annotated[
        int | None, Query(ge=1, lt=2**62, description="next of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Screenings, the newest first."""
    found, following = page_of(services_of(request).database, scope, before, limit)
    told = {"screenings": [screening_out(one) for one in found], "next": following}
    return json_answer(told, lang)


@router.get("/screenings/{number}", responses=pages(ScreeningDetail))
def one(request: Request, number: Number, reviewer: Reviewer, lang: Lang) -> Response:
    """How a screening stands, what it could not ask, and the stays that it could not screen."""
    services = services_of(request)
    row, failed = known(services.database, number)
    about = {"cases": [each.case_id for each in failed]}
    entry = Entry(reviewer.name, "screening_shown", f"screening:{number}", about)
    services.audit.record(entry)
    return json_answer(screening_detail(row, failed, lang), lang)


@router.get("/cases/{case_id}/findings", responses=pages(CaseFindings))
def of_case(request: Request, case_id: CaseId, viewer: Viewer, lang: Lang) -> Response:
    """The live findings of a stored case."""
    services = services_of(request)
    head = head_of_case(services.database, case_id, viewer.reach)
    found = _standing(services, head, viewer)
    entry = Entry(viewer.name, "case_findings_shown", f"case:{head.case_id}", _about(found))
    services.audit.record(entry)
    return json_answer(case_out(head.case_id, head.state, found, lang), lang)

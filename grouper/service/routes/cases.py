"""Routes of stored cases; every look is logged before anything is shown.

A case out of the account's reach is answered like one that does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from codebooks.messages import text as words
from grouper.payment.words import document
from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer, page, pages
from grouper.service.audit_queue import Entry
from grouper.service.context import NO_NUL, Lang, Services, Time, aware, services_of
from grouper.service.models import PageForm
from grouper.service.pricing import payment_of, written
from grouper.service.problems import ServiceError
from grouper.service.showing import case_out, detail_out, grouped_out, line_out, person_out
from grouper.service.stored import (
    find_stays,
    head_of_case,
    lines_of,
    merged_into,
    person_of,
    stay_of_case,
    versions_of,
)
from grouper.service.stored_models import (
    CaseDetail,
    CaseList,
    Lines,
    PaymentOut,
    PersonOut,
    TraceOut,
    Versions,
)
from grouper.service.tracing import retrace
from grouper.store.reading import Wanted
from grouper.store.schema import now
from grouper.store.states import StayState  # noqa: TC001 -- FastAPI reads the annotations

if TYPE_CHECKING:
    from grouper.store.reading import StayHead

router = APIRouter(prefix="/api/v1", tags=["cases"])
Viewer = Annotated[Principal, Depends(require(Right.CASES))]
CaseId = Annotated[str, Path(min_length=1, max_length=36)]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="absent: the newest")]
Word = Annotated[str | None, Query(max_length=128, pattern=NO_NUL)]
Since = Annotated[Time | None, Query(description="at this time or later")]
Until = Annotated[Time | None, Query(description="before this time")]


def _seen(services: Services, viewer: Principal, head: StayHead, action: str, **about: int) -> None:
    services.audit.record(Entry(viewer.name, action, f"case:{head.case_id}", about))


@router.get("/cases", responses=pages(CaseList))
def cases(
    request: Request,
    viewer: Viewer,
    lang: Lang,
    state: Annotated[list[StayState] | None, Query(max_length=8)] = None,
    kind: Word = None,
    department: Word = None,
    group: Word = None,
    scheme: Word = None,
    status: Word = None,
    reason: Word = None,
    text: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=256,
            description="a case id or number of a patient, or the beginning of that of a stay",
        ),
    ] = None,
    admitted_from: Since = None,
    admitted_until: Until = None,
    discharged_from: Since = None,
    discharged_until: Until = None,
    after: Annotated[
        str | None, Query(max_length=64, description="next of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Stored cases within reach, the one changed last first."""
    services = services_of(request)
    wanted = Wanted(
        states=state or None,
        departments=None if department is None else [department],
        kind=kind,
        group=group,
        scheme=scheme,
        status=status,
        reason=reason,
        text=text,
        admitted_from=aware(admitted_from),
        admitted_until=aware(admitted_until),
        discharged_from=aware(discharged_from),
        discharged_until=aware(discharged_until),
    )
    found, following = find_stays(services.database, viewer.reach, wanted, after, limit)
    about = {"cases": [head.case_id for head in found]}
    services.audit.record(Entry(viewer.name, "cases_listed", "cases", about))
    told = {"cases": [case_out(head, lang) for head in found], "next": following}
    return json_answer(told, lang)


@router.get("/cases/{case_id}", responses=pages(CaseDetail))
def one(
    request: Request, case_id: CaseId, viewer: Viewer, lang: Lang, version: Number = None
) -> Response:
    """A case whole: its fields, groupings and issues; charge lines have their own route."""
    services = services_of(request)
    stay = stay_of_case(services.database, case_id, viewer.reach, version)
    merged = merged_into(services.database, stay.head)
    _seen(services, viewer, stay.head, "case_shown", version=stay.version)
    return json_answer(detail_out(stay, merged, lang), lang)


@router.get("/cases/{case_id}/versions", responses=pages(Versions))
def versions(request: Request, case_id: CaseId, viewer: Viewer, lang: Lang) -> Response:
    """All versions of a case with their groupings, the newest first."""
    services = services_of(request)
    head = head_of_case(services.database, case_id, viewer.reach)
    found = versions_of(services.database, head)
    _seen(services, viewer, head, "case_versions_shown")
    told = [
        {
            "version": one.version,
            "at": one.at,
            "message_id": one.message_id,
            "groupings": [grouped_out(grouping, lang) for grouping in groupings],
        }
        for one, groupings in found
    ]
    return json_answer({"versions": told}, lang)


@router.get("/cases/{case_id}/trace", responses=pages(TraceOut, "text", "html"))
def trace(
    request: Request,
    case_id: CaseId,
    viewer: Viewer,
    lang: Lang,
    version: Number = None,
    scheme: Annotated[
        str | None, Query(max_length=64, description="absent: the one that binds")
    ] = None,
    format: PageForm = PageForm.JSON,  # noqa: A002 -- the word that callers write
) -> Response:
    """Why a case fell into its group: recomputed from the stored version and the scheme.

    A scheme whose rules changed since then is told (``same_rules`` is false).
    """
    services = services_of(request)
    stay = stay_of_case(services.database, case_id, viewer.reach, version)
    found = retrace(stay, scheme, services.settings.region)
    _seen(services, viewer, stay.head, "case_trace_shown", version=stay.version)
    warning = None if found.same_rules is not False else words("service.rules_changed", lang)
    if format is PageForm.JSON:
        told = {
            "version": stay.version,
            "scheme": found.scheme,
            "content_hash": found.content_hash,
            "stored_hash": found.stored_hash,
            "same_rules": found.same_rules,
            "warning": warning,
            "trace": found.trace.document(lang),
        }
        return json_answer(told, lang)
    if format is PageForm.HTML:
        answer = page(found.trace.html(lang), "html", lang)
    else:
        answer = page("\n\n".join(filter(None, (warning, found.trace.text(lang)))), "text", lang)
    if warning:
        # A page is the trace as it is; the header says what the JSON says in a field.
        answer.headers["X-Same-Rules"] = "false"
    return answer


@router.get("/cases/{case_id}/payment", responses=pages(PaymentOut, "text", "html"))
def payment(
    request: Request,
    case_id: CaseId,
    viewer: Viewer,
    lang: Lang,
    version: Number = None,
    format: PageForm = PageForm.JSON,  # noqa: A002 -- the word that callers write
) -> Response:
    """What the policy of its day pays for a case, line by line; a running one as if it ended today."""
    services = services_of(request)
    stay = stay_of_case(services.database, case_id, viewer.reach, version)
    found = payment_of(services.database, stay, services.settings.region, now())
    _seen(services, viewer, stay.head, "case_payment_shown", version=stay.version)
    if format is PageForm.JSON:
        return json_answer({"version": stay.version, "payment": document(found, lang)}, lang)
    return page(written(found, format, lang), format.value, lang)


@router.get("/cases/{case_id}/lines", responses=pages(Lines))
def lines(
    request: Request,
    case_id: CaseId,
    viewer: Viewer,
    lang: Lang,
    version: Number = None,
    start: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=2000)] = 500,
) -> Response:
    """The charge lines that stand."""
    services = services_of(request)
    stay = stay_of_case(services.database, case_id, viewer.reach, version)
    found = lines_of(services.database, stay, start, limit + 1)
    _seen(services, viewer, stay.head, "case_lines_shown", version=stay.version)
    following = start + limit if len(found) > limit else None
    told = {"lines": [line_out(one) for one in found[:limit]], "next": following}
    return json_answer(told, lang)


@router.get("/cases/{case_id}/person", responses=pages(PersonOut))
def person(
    request: Request,
    case_id: CaseId,
    viewer: Viewer,
    _named: Annotated[Principal, Depends(require(Right.PERSONS))],
    lang: Lang,
) -> Response:
    """Who the patient is; a right of its own, and logged as such."""
    services = services_of(request)
    head = head_of_case(services.database, case_id, viewer.reach)
    found = person_of(services.database, head)
    if found is None:
        raise ServiceError("STORED_PERSON_UNKNOWN")
    _seen(services, viewer, head, "person_shown")
    return json_answer(person_out(found), lang)

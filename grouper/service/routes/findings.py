"""Routes of findings and their review; every look is logged before anything is shown.

A finding out of reach is answered like one that does not exist. What physicians are shown are the
live findings that concern their departments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from grouper.audit.review.statistics import BY
from grouper.audit.review.steps import Said
from grouper.service import finding_statistics, findings
from grouper.service.access.principal import AccessError, Principal, Right, require
from grouper.service.answers import json_answer, pages
from grouper.service.audit_queue import Entry
from grouper.service.context import NO_NUL, Day, Lang, Time, aware, services_of
from grouper.service.finding_answers import FindingDetail, FindingList, detail_out, list_out
from grouper.service.finding_asked import (
    DeductionTable,
    NoteAsked,
    RaiseAsked,
    StatisticsOut,
    StepAsked,
    statistics_out,
)
from grouper.service.finding_raising import Raised, raise_finding
from grouper.service.findings import asker_of
from grouper.service.requests import ExactRoute
from grouper.store.findings import Wanted
from grouper.store.schema import now

if TYPE_CHECKING:
    from grouper.service.findings import Shown

router = APIRouter(prefix="/api/v1", tags=["findings"], route_class=ExactRoute)
Viewer = Annotated[Principal, Depends(require(Right.FINDINGS))]
Answering = Annotated[Principal, Depends(require(Right.ANSWER))]
Reviewer = Annotated[Principal, Depends(require(Right.REVIEW))]
Number = Annotated[int, Path(ge=1, lt=2**62)]
Word = Annotated[str | None, Query(max_length=128, pattern=NO_NUL)]
Words = Annotated[
    list[Annotated[str, Query(max_length=64, pattern=NO_NUL)]] | None, Query(max_length=64)
]
_BY = f"^({'|'.join(BY)})$"
_FORM = "^(json|csv)$"


def _seen(request: Request, viewer: Principal, action: str, about: dict[str, Any]) -> None:
    services_of(request).audit.record(Entry(viewer.name, action, "findings", about))


@router.get("/findings", responses=pages(FindingList))
def listed(
    request: Request,
    viewer: Viewer,
    lang: Lang,
    state: Annotated[
        Words, Query(description="absent: those in which something is to be done")
    ] = None,
    level: Words = None,
    rule: Words = None,
    department: Word = None,
    physician: Word = None,
    source: Word = None,
    assignee: Word = None,
    case_id: Word = None,
    text: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=128,
            description="a key, a case id, or the beginning of a number of a stay or of a rule",
        ),
    ] = None,
    batch: Annotated[int | None, Query(ge=1, lt=2**62, description="the insurer's list")] = None,
    due_before: Annotated[Time | None, Query(description="due before this time")] = None,
    day_from: Annotated[Day | None, Query(description="of the finding")] = None,
    day_until: Annotated[Day | None, Query(description="before this day")] = None,
    shadow: bool | None = None,
    gone: Annotated[bool | None, Query(description="no longer found by screening")] = None,
    every: Annotated[bool, Query(description="in whatever state")] = False,
    after: Annotated[
        int | None, Query(ge=1, lt=2**62, description="next of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Findings within reach, the newest first."""
    wanted = Wanted(
        states=state or (None if every else findings.open_states()),
        levels=level or None,
        rules=rule or None,
        department=department,
        physician=physician,
        source=source,
        assignee=assignee,
        case_id=case_id,
        text=text,
        batch_id=batch,
        due_before=aware(due_before),
        day_from=day_from,
        day_until=day_until,
        shadow=shadow,
        gone=gone,
    )
    services = services_of(request)
    found, following, counted = findings.page(
        services.database, asker_of(viewer), wanted, after, limit
    )
    _seen(request, viewer, "findings_listed", {"findings": [one.finding.id for one in found]})
    return json_answer(list_out(found, following, counted, lang), lang)


@router.post("/findings", status_code=201, responses={201: {"model": FindingDetail}})
def raised(request: Request, asked: RaiseAsked, reviewer: Reviewer, lang: Lang) -> Response:
    """Raise a finding by hand; who raises it may not close it."""
    said = Raised(
        case_id=asked.case_id,
        rule=asked.rule,
        level=None if asked.level is None else asked.level.value,
        lines=asked.lines,
        amount=asked.amount,
        note=asked.note,
        book=asked.book,
    )
    shown = raise_finding(services_of(request).database, asker_of(reviewer), said, now())
    number = shown.listed.finding.id
    return json_answer(detail_out(shown, lang), lang, 201, Location=f"/api/v1/findings/{number}")


@router.get("/findings/statistics", responses=pages(StatisticsOut))
def statistics(
    request: Request,
    viewer: Viewer,
    lang: Lang,
    by: Annotated[str, Query(pattern=_BY)] = "rule",
    since: Annotated[Day | None, Query(description="day of the finding, or later")] = None,
    until: Annotated[Day | None, Query(description="before this day")] = None,
    source: Word = None,
) -> Response:
    """What became of findings by rule, department, physician or month; and of order checks."""
    if by == "physician" and viewer.reach is not None:
        # Nobody is shown how colleagues fare.
        raise AccessError("NOT_ALLOWED", right=Right.ALL_DEPARTMENTS.value)
    found = finding_statistics.tallied(
        services_of(request).database,
        viewer.reach,
        by,
        now(),
        since=since,
        until=until,
        source=source,
        hidden=asker_of(viewer).reviews,
    )
    _seen(request, viewer, "finding_statistics_shown", {"by": by})
    return json_answer(statistics_out(found, by, lang), lang)


@router.get("/findings/deductions", responses=pages(DeductionTable, "csv"))
def deductions(
    request: Request,
    viewer: Viewer,
    lang: Lang,
    month: Annotated[str, Query(pattern=r"^[0-9]{4}-[0-9]{2}$", description="YYYY-MM")],
    form: Annotated[str, Query(alias="format", pattern=_FORM)] = "json",
) -> Response:
    """The deduction table of a month: the findings closed in it with a deduction."""
    rows = finding_statistics.deductions(services_of(request).database, viewer.reach, month, lang)
    about = {"month": month, "findings": [row["finding"] for row in rows]}
    _seen(request, viewer, "deductions_shown", about)
    if form == "csv":
        headers = {
            "Content-Disposition": f'attachment; filename="deductions-{month}.csv"',
            "Content-Language": lang,
        }
        content = finding_statistics.as_csv(rows, lang)
        return Response(content, 200, headers, "text/csv; charset=utf-8")
    total = finding_statistics.total_of(rows)
    return json_answer({"month": month, "deductions": rows, "total": total}, lang)


@router.get("/findings/{finding_id}", responses=pages(FindingDetail))
def one(request: Request, finding_id: Number, viewer: Viewer, lang: Lang) -> Response:
    """A finding whole: in words, with its events and files, and the steps the asker may take."""
    services = services_of(request)
    shown = findings.show(services.database, asker_of(viewer), finding_id)
    entry = Entry(viewer.name, "finding_shown", f"finding:{finding_id}")
    services.audit.record(entry)
    return json_answer(detail_out(shown, lang), lang)


@router.post("/findings/{finding_id}/steps", responses=pages(FindingDetail))
def step(
    request: Request, finding_id: Number, asked: StepAsked, answering: Answering, lang: Lang
) -> Response:
    """Take a step of the review; the answer is the finding as it stands then."""
    said = Said(
        note=asked.note,
        amount=asked.amount,
        verdict=asked.false_positive,
        due=aware(asked.due),
        assignee=asked.assignee,
        department=asked.department,
    )
    shown = findings.step(
        services_of(request).database,
        asker_of(answering),
        finding_id,
        asked.action,
        asked.state,
        said,
        now(),
    )
    return _told(shown, lang)


@router.post("/findings/{finding_id}/comments", responses=pages(FindingDetail))
def comment(
    request: Request, finding_id: Number, asked: NoteAsked, answering: Answering, lang: Lang
) -> Response:
    """Say something about a finding; its state stays."""
    database = services_of(request).database
    return _told(
        findings.comment(database, asker_of(answering), finding_id, asked.note, now()), lang
    )


def _told(shown: Shown, lang: str) -> Response:
    return json_answer(detail_out(shown, lang), lang)

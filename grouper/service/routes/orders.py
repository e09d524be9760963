"""Routes of order checks: what rules say of lines before they are signed, and what became of it.

The look is logged before anything is shown. A system with the right *cds* alone sees every
department: it vouches for the physician before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request, Response

from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer, pages
from grouper.service.audit_queue import Entry, logged
from grouper.service.context import Lang, services_of
from grouper.service.grouping import read_case
from grouper.service.order_answers import (
    OrderAnswer,
    OrderReactions,
    OrderRequest,
    ReactionKind,
    ReactionsKept,
    answer_out,
    proposed_of,
)
from grouper.service.order_feedback import Reaction, keep_reactions
from grouper.service.order_reading import subject_of_case
from grouper.service.order_stays import named_stay, ruling_now
from grouper.service.orders import check, rows_of
from grouper.service.problems import ServiceError
from grouper.service.requests import ExactRoute
from grouper.store.schema import now

if TYPE_CHECKING:
    from grouper.service.context import Services
    from grouper.service.order_desk import Ruling
    from grouper.service.order_reading import Subject

router = APIRouter(prefix="/api/v1", tags=["orders"], route_class=ExactRoute)
Caller = Annotated[Principal, Depends(require(Right.CDS))]
VIA = "rest"


def _subject(
    services: Services, asked: OrderRequest, caller: Principal, lang: str
) -> tuple[Subject, Ruling]:
    if asked.case is None:
        return named_stay(
            services, caller, case_id=asked.case_id, visit=asked.visit, patient=asked.patient
        )
    case, _ = read_case(asked.case, None, lang)
    return subject_of_case(case), ruling_now(services)


@router.post("/orders/check", responses=pages(OrderAnswer))
def check_orders(request: Request, asked: OrderRequest, caller: Caller, lang: Lang) -> Response:
    """What the rules say of lines that are proposed; nothing is changed by it."""
    services = services_of(request)
    subject, ruling = _subject(services, asked, caller, lang)
    about = {"via": VIA, "moment": asked.moment.value, "lines": len(asked.lines)}
    done = services.audit.submit(Entry(caller.name, "orders_checked", subject.object, about))
    at, desk = now(), services.orders
    proposed = proposed_of(asked.lines)
    checked = check(desk, subject, proposed, ruling, moment=asked.moment.value, at=at)
    told = answer_out(checked, ruling.book, at, lang)
    logged(done)
    desk.keep(rows_of(checked, VIA, caller.name))
    return json_answer(told, lang)


@router.post("/orders/answers", responses=pages(ReactionsKept))
def answer_orders(request: Request, asked: OrderReactions, caller: Caller, lang: Lang) -> Response:
    """What became of orders that something was told about."""
    for one in asked.answers:
        if one.answer is ReactionKind.GO_ON and not one.reason.strip():
            raise ServiceError("PREAUDIT_REASON", place="reason")
    found = [Reaction(one.key, one.answer.value, one.reason.strip()) for one in asked.answers]
    unknown = keep_reactions(services_of(request), found, caller)
    return json_answer({"kept": len(found) - len(unknown), "unknown": unknown}, lang)

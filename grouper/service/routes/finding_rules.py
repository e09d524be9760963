"""Routes of exceptions from rules, and of the standing of rules here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from codebooks.audit.books import NATIONAL
from grouper.service import finding_rules
from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer, pages
from grouper.service.audit_queue import Entry
from grouper.service.context import NO_NUL, Lang, services_of
from grouper.service.finding_asked import (
    ReasonAsked,
    StandingAsked,
    StandingList,
    StandingOut,
    WhitelistAsked,
    WhitelistList,
    WhitelistOut,
    standing_out,
    whitelist_out,
)
from grouper.service.finding_rules import Exempting
from grouper.service.requests import ExactRoute
from grouper.store.schema import now

router = APIRouter(prefix="/api/v1", tags=["findings"], route_class=ExactRoute)
Reviewer = Annotated[Principal, Depends(require(Right.REVIEW))]
Number = Annotated[int, Path(ge=1, lt=2**62)]
Word = Annotated[str | None, Query(max_length=64, pattern=NO_NUL)]


@router.get("/whitelists", responses=pages(WhitelistList))
def whitelists(request: Request, reviewer: Reviewer, lang: Lang, rule: Word = None) -> Response:
    """All exceptions from rules (of one), the newest first."""
    services = services_of(request)
    found = finding_rules.every(services.database, rule)
    services.audit.record(Entry(reviewer.name, "whitelists_listed", "whitelists"))
    return json_answer({"whitelists": [whitelist_out(row, lang) for row in found]}, lang)


@router.post("/whitelists", status_code=201, responses={201: {"model": WhitelistOut}})
def propose(request: Request, asked: WhitelistAsked, reviewer: Reviewer, lang: Lang) -> Response:
    """Propose an exception; it holds once another account has approved it."""
    said = Exempting(
        rule=asked.rule,
        row=asked.row,
        scope=asked.bound(),
        reason=asked.reason,
        valid_from=asked.valid_from,
        valid_to=asked.valid_to,
        book=asked.book,
    )
    found = finding_rules.propose(services_of(request).database, reviewer.name, said, now())
    return json_answer(whitelist_out(found, lang), lang, 201)


@router.post("/whitelists/{whitelist_id}/approve", responses=pages(WhitelistOut))
def approve(request: Request, whitelist_id: Number, reviewer: Reviewer, lang: Lang) -> Response:
    """Let an exception hold from the next screening on; who proposed it may not."""
    database = services_of(request).database
    found = finding_rules.approve(database, reviewer.name, whitelist_id, now())
    return json_answer(whitelist_out(found, lang), lang)


@router.post("/whitelists/{whitelist_id}/end", responses=pages(WhitelistOut))
def end(
    request: Request, whitelist_id: Number, asked: ReasonAsked, reviewer: Reviewer, lang: Lang
) -> Response:
    """End an exception from the next screening on, or put a proposed one aside."""
    database = services_of(request).database
    found = finding_rules.end(database, reviewer.name, whitelist_id, asked.reason, now())
    return json_answer(whitelist_out(found, lang), lang)


@router.get("/rules/standings", responses=pages(StandingList))
def standings(
    request: Request,
    _reviewer: Reviewer,
    lang: Lang,
    book: Annotated[str, Query(max_length=64, pattern=NO_NUL)] = NATIONAL,
) -> Response:
    """The rules of a book, each with its standing and how often it was wrong."""
    found = finding_rules.standings_of(services_of(request).database, book)
    return json_answer({"book": book, "rules": [standing_out(one, lang) for one in found]}, lang)


@router.post("/rules/standings", responses=pages(StandingOut))
def set_standing(
    request: Request, asked: StandingAsked, reviewer: Reviewer, lang: Lang
) -> Response:
    """Give a rule a standing: live, shadow (tried out), review or off."""
    found = finding_rules.set_standing(
        services_of(request).database,
        reviewer.name,
        asked.book,
        asked.rule,
        asked.standing,
        asked.reason,
        now(),
    )
    return json_answer(standing_out(found, lang), lang)

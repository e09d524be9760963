"""Routes that group what is handed in; nothing of it is kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from grouper.compare.one_case import case_document, case_page, conclusions, paths
from grouper.compare.sides import side_of
from grouper.run.one_case import grouping_of
from grouper.service.access.principal import Right, require
from grouper.service.answers import json_answer, page, pages
from grouper.service.context import Lang, services_of
from grouper.service.grouping import batch_item, group_out, issues_out, read_case
from grouper.service.models import (
    BatchAnswer,
    BatchRequest,
    CompareAnswer,
    CompareRequest,
    ExplainRequest,
    GroupAnswer,
    GroupRequest,
    PageForm,
    PriceAnswer,
    PriceRequest,
)
from grouper.service.pricing import price_out
from grouper.service.requests import ExactRoute
from grouper.store.schema import now

router = APIRouter(
    prefix="/api/v1",
    tags=["grouping"],
    route_class=ExactRoute,
    dependencies=[Depends(require(Right.GROUP))],
)


async def _region(request: Request) -> str:
    return services_of(request).settings.region


Region = Annotated[str, Depends(_region)]


@router.post("/group", responses=pages(GroupAnswer))
def group(asked: GroupRequest, default: Region, lang: Lang) -> Response:
    """Group one case by the scheme that binds it, or by a named one."""
    region = asked.region or default
    return json_answer(group_out(asked.case, asked.scheme, region, lang, asked.trace), lang)


@router.post("/group/batch", responses=pages(BatchAnswer))
def group_batch(asked: BatchRequest, default: Region, lang: Lang) -> Response:
    """Group up to 1,000 cases; one that cannot be grouped says why and stops no other."""
    region = asked.region or default
    found = [batch_item(raw, asked.scheme, region, lang) for raw in asked.cases]
    return json_answer({"results": found}, lang)


@router.post("/explain", responses=pages(dict[str, Any], "text", "html"))
def explain(asked: ExplainRequest, default: Region, lang: Lang) -> Response:
    """Why a case falls into its group: the trace as JSON, text or HTML page."""
    case, _ = read_case(asked.case, asked.scheme, lang)
    trace = grouping_of(case, asked.scheme, asked.region or default).trace
    if asked.format is PageForm.JSON:
        return json_answer(trace.document(lang), lang)
    written = trace.text(lang) if asked.format is PageForm.TEXT else trace.html(lang)
    return page(written, asked.format, lang)


@router.post("/price", responses=pages(PriceAnswer))
def price(asked: PriceRequest, default: Region, lang: Lang) -> Response:
    """Group and price one case: the payment with its arithmetic and what each line rests on."""
    region = asked.region or default
    return json_answer(price_out(asked.case, asked.scheme, region, lang, now()), lang)


@router.post("/compare", responses=pages(CompareAnswer, "text", "html"))
def compare(asked: CompareRequest, default: Region, lang: Lang) -> Response:
    """One case under two schemes: where they part, and what that changes."""
    region = asked.region or default
    sides = side_of(asked.first, region), side_of(asked.second, region)
    case, issues = read_case(asked.case, sides[0].scheme or sides[1].scheme, lang)
    one, other = (grouping_of(case, side.scheme, side.region) for side in sides)
    found = case_document(sides, (one, other), lang)
    if asked.format is PageForm.HTML:
        return page(case_page(found, lang), "html", lang)
    lines = list(conclusions(found, lang))
    if asked.format is PageForm.TEXT:
        return page("\n".join([*lines, "", paths(found, lang)]), "text", lang)
    answer = {"comparison": found, "conclusions": lines, "issues": issues_out(issues, lang)}
    return json_answer(answer, lang)

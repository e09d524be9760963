"""The route of fund and credit: what ``grouper fund`` tells, from the store and the data folder."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from codebooks.audit.books import audit_book
from codebooks.registry import registry
from grouper.audit.fund.document import document
from grouper.service.access.principal import Principal, Right, require
from grouper.service.answers import json_answer, pages
from grouper.service.audit_queue import Entry
from grouper.service.context import NO_NUL, Lang, services_of
from grouper.service.fund import Files, fund_view, last_month
from grouper.store.schema import now

router = APIRouter(prefix="/api/v1", tags=["fund"])
Reader = Annotated[Principal, Depends(require(Right.ALL_DEPARTMENTS))]
_MONTH = r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$"


class FundView(BaseModel):
    """How the fund, the budget, the leads and the credit stand (``docs/FUND.md``)."""

    kind: str
    language: str
    region: str
    hospital: str | None
    month: str
    policy: str | None
    payable: list[dict[str, Any]] = Field(description="how long the fund lasts, by insurance")
    payable_absent: list[str] = Field(description="insurances that the ledger does not have")
    budget: dict[str, Any] = Field(description="how the year's budget is used")
    leads: list[dict[str, Any]] = Field(description="findings by topic")
    credit: dict[str, Any] | None = Field(description="inputs of a credit evaluation")
    missing: dict[str, dict[str, str]] = Field(description="why a part is missing")


@router.get("/fund", responses=pages(FundView))
def view(
    request: Request,
    reader: Reader,
    lang: Lang,
    month: Annotated[
        str | None, Query(pattern=_MONTH, description="the last that counts; absent: the last over")
    ] = None,
    region: Annotated[str | None, Query(max_length=64, pattern=NO_NUL)] = None,
) -> Response:
    """Months payable, use of the budget, leads by topic, inputs of credit.

    Ledger, settled months, outlook and quantities are those of the data folder; nothing is settled
    within a request.
    """
    services = services_of(request)
    place = registry().region(region or services.settings.region).id
    wanted = month or last_month(now())
    found = fund_view(
        services.database, audit_book(), Files().or_at_hand(), region=place, month=wanted
    )
    services.audit.record(Entry(reader.name, "fund_shown", "fund", {"month": wanted}))
    return json_answer(document(found, lang), lang)

"""Routes about what is at hand: schemes, which of them binds, codes and groups by search."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from codebooks.registry import INPATIENT, registry
from codebooks.search import Match, search
from grouper.case.fields import ZONE
from grouper.service.access.principal import Right, require
from grouper.service.context import Day  # noqa: TC001 -- FastAPI reads the annotations

router = APIRouter(
    prefix="/api/v1", tags=["codebooks"], dependencies=[Depends(require(Right.GROUP))]
)


class SchemeOut(BaseModel):
    """A scheme at hand; it is in force from ``valid_from`` up to the day before ``valid_to``."""

    id: str
    family: str
    region: str
    region_name: str
    kinds: list[str]
    valid_from: date
    valid_to: date | None
    standing: str = Field(description="how far its tables can be relied on")
    source: str
    installed: bool = Field(description="imported by the hospital")


class Schemes(BaseModel):
    """All schemes at hand, by id."""

    schemes: list[SchemeOut]


class BindingOut(BaseModel):
    """Which scheme binds a kind of case of a region on a day, and on what that rests."""

    scheme: str
    region: str = Field(description="the region whose binding it is: the one asked for or above it")
    kind: str
    valid_from: date
    valid_to: date | None
    source: str
    installed: bool


class HitOut(BaseModel):
    """A code or group found."""

    set: str = Field(description="the code set or scheme")
    kind: str
    code: str
    name: str
    match: str = Field(description="how it was found, such as exact_code or initials_prefix")


class Hits(BaseModel):
    """What was found, best first."""

    hits: list[HitOut]


@router.get("/schemes")
def schemes() -> Schemes:
    """All schemes at hand."""
    books = registry()
    found = [
        SchemeOut(
            id=name,
            family=card.family,
            region=card.region,
            region_name=books.regions[card.region].name
            if card.region in books.regions
            else card.region,
            kinds=list(card.kinds),
            valid_from=card.valid_from,
            valid_to=card.valid_to,
            standing=card.standing,
            source=card.source,
            installed=name in books.installed,
        )
        for name, card in sorted(books.cards.items())
    ]
    return Schemes(schemes=found)


@router.get("/schemes/binding")
def binding(
    region: Annotated[str, Query(max_length=64, description="id or name")],
    on: Annotated[Day | None, Query(description="day of discharge; absent: today")] = None,
    kind: Annotated[str, Query(max_length=16)] = INPATIENT,
) -> BindingOut:
    """The scheme that binds a case by its region, day of discharge and kind."""
    day = on or datetime.now(ZoneInfo(ZONE)).date()
    found = registry().binding(region, day, kind)
    return BindingOut(
        scheme=found.scheme,
        region=found.region,
        kind=found.kind,
        valid_from=found.valid_from,
        valid_to=found.valid_to,
        source=found.source,
        installed=found.installed,
    )


@router.get("/codebooks/search")
def find(
    q: Annotated[
        str,
        Query(min_length=1, max_length=200, description="code, name, words or pinyin initials"),
    ],
    within: Annotated[
        list[str] | None, Query(alias="in", max_length=32, description="code sets or schemes")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Hits:
    """Codes and groups by code, name or pinyin initials."""
    hits = [
        HitOut(
            set=hit.set_id,
            kind=hit.kind,
            code=hit.code,
            name=hit.name,
            match=Match(hit.match).name.lower(),
        )
        for hit in search(q, within or None, limit)
    ]
    return Hits(hits=hits)

"""Requests and answers of CDS Hooks 2.0."""

from __future__ import annotations

from typing import Any
from uuid import UUID  # noqa: TC003 -- Pydantic reads the annotations

from pydantic import BaseModel, ConfigDict, Field

from grouper.service.context import NO_NUL

_ID = Field(min_length=1, max_length=256, pattern=NO_NUL)


class Context(BaseModel):
    """What the hook is about; members that we do not use are passed over."""

    model_config = ConfigDict(extra="ignore")

    userId: str | None = Field(default=None, max_length=256)  # noqa: N815 -- CDS Hooks names it
    patientId: str = _ID  # noqa: N815 -- as above
    encounterId: str | None = Field(default=None, max_length=256, pattern=NO_NUL)  # noqa: N815 -- as above
    draftOrders: dict[str, Any] | None = None  # noqa: N815 -- as above; a Bundle of order-sign


class HookRequest(BaseModel):
    """A call of a service; members that we do not use are passed over."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "example": {
                "hook": "encounter-discharge",
                "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
                "context": {
                    "userId": "Practitioner/D01",
                    "patientId": "P0001",
                    "encounterId": "V0001",
                },
            }
        },
    )

    hook: str = _ID
    hookInstance: UUID  # noqa: N815 -- CDS Hooks names it
    context: Context
    prefetch: dict[str, Any] | None = Field(default=None, max_length=64)


class ServiceOut(BaseModel):
    """A service in the discovery document."""

    id: str
    hook: str
    title: str
    description: str
    prefetch: dict[str, str] | None = None


class Discovery(BaseModel):
    """The services at hand."""

    services: list[ServiceOut]


class Coding(BaseModel):
    """A code with its display."""

    code: str
    system: str
    display: str


class Source(BaseModel):
    """Where a card comes from."""

    label: str


class CardOut(BaseModel):
    """A card."""

    uuid: UUID
    summary: str = Field(max_length=139)
    indicator: str = Field(pattern="^(info|warning|critical)$")
    source: Source
    detail: str | None = Field(default=None, min_length=1)
    overrideReasons: list[Coding] = Field(min_length=1)  # noqa: N815 -- CDS Hooks names it


class Cards(BaseModel):
    """The answer to a hook."""

    cards: list[CardOut]


class Reason(BaseModel):
    """The reason that was chosen for setting a card aside."""

    model_config = ConfigDict(extra="ignore")

    code: str = Field(max_length=64)
    system: str | None = Field(default=None, max_length=256)


class OverrideReason(BaseModel):
    """Why a card was set aside; a free comment is not kept, it might name the patient."""

    model_config = ConfigDict(extra="ignore")

    reason: Reason | None = None
    userComment: str | None = Field(default=None, max_length=4000)  # noqa: N815 -- as above


class FeedbackItem(BaseModel):
    """What became of one card."""

    model_config = ConfigDict(extra="ignore")

    card: UUID
    outcome: str = Field(pattern="^(accepted|overridden)$")
    overrideReason: OverrideReason | None = None  # noqa: N815 -- as above
    outcomeTimestamp: str | None = Field(default=None, max_length=64)  # noqa: N815 -- as above


class Feedback(BaseModel):
    """What became of cards."""

    model_config = ConfigDict(extra="ignore")

    feedback: list[FeedbackItem] = Field(min_length=1, max_length=100)

"""Stored cases and messages as the service answers them."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- Pydantic reads the annotations
from decimal import Decimal  # noqa: TC003 -- as above
from typing import Any

from pydantic import BaseModel, Field

from grouper.service.models import Asked, IssueOut


class GroupedOut(BaseModel):
    """The grouping of a stored case by the scheme that binds it, or by a compared one."""

    scheme: str = Field(description="empty where none binds; the reason says why")
    content_hash: str
    binding: bool
    status: str
    status_text: str
    reason: str | None
    reason_text: str | None
    warnings: list[str] = Field(description="stable codes")
    mdc: str | None
    adrg: str | None
    group: str | None
    group_name: str | None
    cc_level: str | None
    group_kind: str | None
    weight: str | None
    at: datetime


class CaseOut(BaseModel):
    """A stored case as it is now; nothing in it names the patient."""

    case_id: str = Field(description="Grouper's own id")
    hospital: str
    visit: str = Field(description="the hospital's number of the stay")
    state: str = Field(description="running, discharged, cancelled or merged")
    kind: str
    department: str | None
    admitted: datetime | None
    discharged: datetime | None
    version: int
    changed: datetime
    total_cost: Decimal | None = Field(description="in yuan")
    pseudonym: str | None = Field(description="of the patient")
    grouping: GroupedOut | None


class CaseList(BaseModel):
    """A page of cases, the one changed last first; ``next`` asks for the page behind it."""

    cases: list[CaseOut]
    next: str | None


class CaseDetail(CaseOut):
    """A stored case whole: its fields, its groupings, and what is wrong with its values."""

    merged_into: str | None = Field(description="the case that goes on in its place")
    case: dict[str, Any] = Field(description="the fields of docs/CASE.md that are stated")
    issues: list[IssueOut]
    groupings: list[GroupedOut]


class VersionOut(BaseModel):
    """A version of a case and the message that made it."""

    version: int
    at: datetime
    message_id: int
    groupings: list[GroupedOut]


class Versions(BaseModel):
    """All versions of a case, the newest first."""

    versions: list[VersionOut]


class TraceOut(BaseModel):
    """The trace of a stored version, recomputed."""

    version: int
    scheme: str
    content_hash: str = Field(description="of the scheme's rules now")
    stored_hash: str | None = Field(description="of the rules the stored grouping was made by")
    same_rules: bool | None = Field(description="whether both are equal; null: was not grouped")
    warning: str | None
    trace: dict[str, Any]


class PaymentOut(BaseModel):
    """The payment of a stored version, reckoned anew."""

    version: int
    payment: dict[str, Any] = Field(description="the document of docs/PAYMENT.md")


class LineOut(BaseModel):
    """A charge line that stands."""

    line: str
    item: str | None
    name: str | None
    line_class: str | None
    quantity: Decimal | None
    amount: Decimal | None = Field(description="in yuan; a refund is negative")
    charged: datetime | None


class Lines(BaseModel):
    """A page of charge lines in the order they were written."""

    lines: list[LineOut]
    next: int | None = Field(description="give it as start for the page behind it")


class PersonOut(BaseModel):
    """Who the patient is, as the messages said."""

    pseudonym: str
    patient: str = Field(description="the hospital's number of the patient")
    name: str | None
    id_number: str | None
    birth_date: str | None
    sex: str | None


class MessageOut(BaseModel):
    """A message and what became of it."""

    message_id: int
    state: str = Field(description="waiting, or what became of it")
    reason: str | None
    reason_text: str | None
    advice: str | None
    place: str | None
    received: datetime
    at: datetime | None = Field(description="when it was applied or put aside")
    attempts: int
    form: str
    kind: str
    sender: str
    control_id: str
    cases: list[str] = Field(description="ids of the cases it touched, as far as in reach")
    settled_by: str | None
    settled_note: str | None


class MessageList(BaseModel):
    """A page of messages in the order of their numbers."""

    messages: list[MessageOut]
    next: int | None = Field(description="give it as after for the page behind it")


class Repeat(BaseModel):
    """A duplicate that came again."""

    received: datetime
    channel: str


class MessageDetail(MessageOut):
    """A message with its numbers."""

    channel: str
    facility: str
    patient: str
    visit: str
    size: int
    verdict: str
    replay_of: int | None
    replays: list[int]
    repeats: list[Repeat]


class Replayed(BaseModel):
    """The number under which the message stands in the inbox once more."""

    message_id: int | None = Field(description="null: a replay of it waits already")
    status: str | None


class Dismissal(Asked):
    """Why a message is put aside."""

    note: str = Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")


class AlertOut(BaseModel):
    """A condition that an operator should know of."""

    kind: str
    text: str
    started: datetime
    ended: datetime | None
    about: dict[str, Any]


class Alerts(BaseModel):
    """Alerts, the newest first."""

    alerts: list[AlertOut]

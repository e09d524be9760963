"""What the routes work with, made once for an app and found through the request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from pydantic import BeforeValidator

from grouper.case.fields import ZONE
from grouper.service.language import lang_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from grouper.intake.forms import Form
    from grouper.service.audit_queue import AuditQueue
    from grouper.service.forecasting import Model
    from grouper.service.jobs import Jobs
    from grouper.service.metrics import Metrics
    from grouper.service.order_desk import OrderDesk
    from grouper.service.readiness import Readiness
    from grouper.service.references import References
    from grouper.service.settings import Settings
    from grouper.store.database import Database
    from grouper.store.group_commit import GroupCommit


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one app.

    Attributes:
        settings: of the service.
        database: inbox and store.
        forms: forms of messages by name.
        commits: takes messages into the inbox.
        audit: writes the audit log.
        jobs: files being grouped.
        metrics: counts.
        readiness: what has to be there before requests are served.
        references: the hospital's own cost of each group.
        forecaster: gives the approved model of forecasts; None: there is none.
        orders: what order checks work with.
    """

    settings: Settings
    database: Database
    forms: Mapping[str, Form]
    commits: GroupCommit
    audit: AuditQueue
    jobs: Jobs
    metrics: Metrics
    readiness: Readiness
    references: References
    forecaster: Callable[[], Model | None]
    orders: OrderDesk


def services_of(request: Request) -> Services:
    """The parts of the app that answers a request."""
    found: Services = request.app.state.services
    return found


def aware(time: datetime | None) -> datetime | None:
    """A time that was asked for; without a zone it is local time of :data:`ZONE`."""
    if time is None or time.tzinfo is not None:
        return time
    return time.replace(tzinfo=ZoneInfo(ZONE))


def _written(value: object) -> object:
    """A text; a bare number is no time, though Pydantic would take it for seconds.

    Raises:
        ValueError: it has no date.
    """
    if isinstance(value, str) and "-" not in value[1:]:
        msg = "no date"
        raise ValueError(msg)
    return value


NO_NUL = r"^[^\x00]*$"
"""Pattern of texts that are looked for: a NUL is in none, and PostgreSQL takes none."""
Time = Annotated[datetime, BeforeValidator(_written)]
"""A time that is asked for, as ISO 8601 writes it."""
Day = Annotated[date, BeforeValidator(_written)]
"""A day that is asked for, likewise."""


async def _lang(request: Request) -> str:
    # FastAPI would send a plain function to a thread, which costs more than it does.
    return lang_of(request)


Lang = Annotated[str, Depends(_lang)]
"""The language of the answer, as a parameter of a route."""

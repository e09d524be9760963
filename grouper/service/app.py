"""The app: REST under ``/api/v1``, CDS Hooks, health and metrics."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from codebooks.messages import text
from grouper.intake.forms import forms as forms_at_hand
from grouper.service import openapi, problems
from grouper.service.access.gate import Gate
from grouper.service.access.installing import install as install_access
from grouper.service.audit_queue import AuditQueue
from grouper.service.cds.routes import router as cds
from grouper.service.context import Services
from grouper.service.forecast_model import approved_model
from grouper.service.jobs import Jobs
from grouper.service.metrics import Metrics
from grouper.service.order_desk import OrderDesk
from grouper.service.readiness import Readiness
from grouper.service.references import References
from grouper.service.requests import BodyLimit
from grouper.service.routes import (
    alerts,
    audit,
    cases,
    codebooks,
    finding_batches,
    finding_files,
    finding_rules,
    findings,
    forecasts,
    fund,
    grouping,
    health,
    inbox,
    jobs,
    lists,
    messages,
    orders,
    preaudit,
    screenings,
)
from grouper.service.stored import queue_of, reference_of, write_looks
from grouper.service.wrapping import Outermost
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from grouper.intake.forms import Form
    from grouper.service.settings import Settings
    from grouper.store.database import Database

ROUTERS = (
    grouping.router,
    codebooks.router,
    cases.router,
    forecasts.router,
    # Before the routes of findings, which take any word for the number of one.
    finding_batches.router,
    fund.router,
    findings.router,
    finding_files.router,
    finding_rules.router,
    orders.router,
    preaudit.router,
    screenings.router,
    lists.router,
    inbox.router,
    messages.router,
    jobs.router,
    alerts.router,
    audit.router,
    cds,
    health.router,
)


def _services(settings: Settings, database: Database, forms: Mapping[str, Form] | None) -> Services:
    intake = settings.intake
    return Services(
        settings=settings,
        database=database,
        forms=forms_at_hand() if forms is None else forms,
        commits=GroupCommit(
            Inbox(database), group=intake.group, linger_ms=intake.linger, waiting=intake.waiting
        ),
        audit=AuditQueue(partial(write_looks, database)),
        jobs=Jobs(settings.folder),
        metrics=Metrics(partial(queue_of, database), settings.folder),
        readiness=Readiness(settings, database),
        references=References(partial(reference_of, database)),
        forecaster=partial(approved_model, settings),
        orders=OrderDesk(settings, database),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    services.readiness.start()
    services.jobs.start()
    services.orders.start()
    try:
        yield
    finally:
        services.jobs.close()
        await services.commits.close()
        services.orders.close()
        services.audit.close()


class App(FastAPI):
    """FastAPI with our own OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi.document(self)
        return self.openapi_schema


def create_app(
    settings: Settings, database: Database, *, forms: Mapping[str, Form] | None = None
) -> FastAPI:
    """The app on a database whose tables are there.

    Args:
        settings: of the service.
        database: inbox and store; whoever opened it closes it.
        forms: forms of messages by name; None: those at hand.
    """
    lang, web = settings.language, settings.web
    app = App(
        title=text("service.title", lang),
        description=text("service.description", lang),
        version=version("yibao-grouper"),
        lifespan=_lifespan,
        docs_url="/docs" if web.docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if web.docs else None,
        separate_input_output_schemas=False,
    )
    app.state.settings = settings
    app.state.services = _services(settings, database, forms)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    # Each layer lies around those added before it.
    app.add_middleware(Gate, language=lang)
    app.add_middleware(BodyLimit, limit=web.body_limit, language=lang)
    install_access(app, settings, database)
    if web.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(web.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Accept-Language"],
        )
    app.add_middleware(
        Outermost,
        metrics=app.state.services.metrics,
        language=lang,
        encrypted=settings.encrypted,
    )
    return app

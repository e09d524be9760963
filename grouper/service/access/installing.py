"""Adds everything about access to the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.service.access.account_routes import account_routes
from grouper.service.access.middleware import Access
from grouper.service.access.oidc import Provider
from grouper.service.access.oidc_routes import oidc_routes
from grouper.service.access.routes import session_routes

if TYPE_CHECKING:
    from fastapi import FastAPI

    from grouper.service.settings import Settings
    from grouper.store.database import Database


def install(app: FastAPI, settings: Settings, database: Database) -> None:
    """Add the middleware that finds the principal, and the routes of sign-in and accounts."""
    app.add_middleware(Access, settings=settings, database=database)
    app.include_router(session_routes(settings, database))
    app.include_router(account_routes(settings, database))
    if settings.oidc.issuer:
        provider = Provider(settings.oidc)
        app.include_router(oidc_routes(settings, database, provider))

"""The server of the application: Streamlit behind the service's sign-in, one process of the service."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
import structlog
from starlette.middleware import Middleware

from dashboards.frame.errors import show_error
from dashboards.frame.guard import Guard
from dashboards.frame.parts import Parts, hold
from dashboards.frame.ready import preparing
from dashboards.frame.sign_in import SignIn
from dashboards.frame.signed import of_token
from grouper.service import status
from grouper.service.access import tokens
from grouper.service.front import run

if TYPE_CHECKING:
    from grouper.service.access.principal import Principal
    from grouper.service.settings import Settings
    from grouper.store.database import Database

SCRIPT = Path(__file__).with_name("app.py")
_log = structlog.get_logger("dashboards")


def create(settings: Settings, database: Database) -> st.App:
    """The application on a database whose tables are there.

    Args:
        settings: of the service.
        database: inbox and store; whoever opened it closes it.
    """
    # Streamlit would write an error's own words, which may hold values of a case, beside our line.
    logging.getLogger("streamlit.error_util").disabled = True
    hold(Parts(settings, database, partial(_asker, settings, database)))
    return st.App(
        SCRIPT,
        routes=SignIn(settings, database).routes(),
        middleware=[Middleware(Guard, settings=settings, database=database)],
        on_script_error=show_error,
    )


def _asker(settings: Settings, database: Database) -> Principal | None:
    return of_token(settings, database, st.context.cookies.get(tokens.COOKIE))


def serve(settings: Settings, database: Database) -> None:
    """Show pages until a signal comes."""
    pages = settings.pages
    _log.info("serving", host=pages.host, port=pages.port)
    with status.telling(settings.folder, "pages"), preparing(settings):
        run(create(settings, database), settings, pages)

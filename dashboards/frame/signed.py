"""Who is signed in: by the service's session cookie, looked up anew in every run of the script."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from grouper.service.access import tokens
from grouper.service.access.middleware import principal
from grouper.store import sessions

if TYPE_CHECKING:
    from grouper.service.access.principal import Principal
    from grouper.service.settings import Settings
    from grouper.store.database import Database


def of_token(settings: Settings, database: Database, token: str | None) -> Principal | None:
    """The principal of a session that holds and whose password need not be changed first.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    if not token:
        return None
    idle = timedelta(seconds=settings.access.idle)
    found = sessions.account_of(database, tokens.kept(token), idle)
    if found is None or found.must_change:
        return None
    via = "oidc" if found.subject else "session"
    return replace(principal(found, via), via=via)


def holds(settings: Settings, database: Database, token: str) -> bool:
    """Whether a session holds; this look is no use of it.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    idle = timedelta(seconds=settings.access.idle)
    return sessions.holds(database, tokens.kept(token), idle)

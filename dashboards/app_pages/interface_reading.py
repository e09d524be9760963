"""What both pages of interfaces ask often: kept for some seconds for all who may see the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.interface_sizes import sizes
from grouper.service import interface_view
from grouper.store.schema import now

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.interface_view import Channel, Standing
    from grouper.service.settings import Settings
    from grouper.store.database import Database


def standing(view: View) -> Standing:
    """How inbox, quarantine and ways back stand.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    settings, database = view.parts.settings, view.parts.database
    return _standing(settings, database, view.principal, str(settings.url))


def channels(view: View) -> list[Channel]:
    """The ways in.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    settings, database = view.parts.settings, view.parts.database
    return _channels(settings, database, view.principal, str(settings.url))


@st.cache_data(ttl=sizes().kept_seconds, max_entries=8, show_spinner=False)
def _standing(
    _settings: Settings,
    _database: Database,
    principal: Principal,
    place: str,  # noqa: ARG001 -- part of the key
) -> Standing:
    return interface_view.standing(_settings, _database, principal)


@st.cache_data(ttl=sizes().kept_seconds, max_entries=8, show_spinner=False)
def _channels(
    _settings: Settings,
    _database: Database,
    principal: Principal,
    place: str,  # noqa: ARG001 -- part of the key
) -> list[Channel]:
    return interface_view.channels(_settings, _database, principal, now())

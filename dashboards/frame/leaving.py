"""Signing out of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from grouper.service.access import tokens
from grouper.store import audit, sessions

if TYPE_CHECKING:
    from dashboards.frame.view import View


def sign_out(view: View) -> None:
    """End the session; the cookie that the browser still sends opens nothing any more."""
    token = st.context.cookies.get(tokens.COOKIE, "")
    name = view.principal.name
    with view.parts.database.writing_store() as connection:
        sessions.end(connection, tokens.kept(token))
        audit.append(connection, name, "sign_out", name, {"where": "pages"})

"""The catalogues of drugs, services and materials, grey codes and the mapping: lists, search, import, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.auditing.acting import said
from dashboards.app_pages.catalogues import faults, importing, lists, searching
from dashboards.frame.language import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dashboards.frame.view import View

_PARTS: Mapping[str, Callable[[View], None]] = {
    "lists": lists.show,
    "search": searching.show,
    "import": importing.show,
    "faults": faults.show,
}
_KEY = "catalogues.part"


def page(view: View) -> None:
    """Show one part of the page; the others ask nothing."""
    said()
    asked = st.query_params.get("part")
    if _KEY not in st.session_state:
        st.session_state[_KEY] = asked if asked in _PARTS else next(iter(_PARTS))
    chosen = st.segmented_control(
        say("catalogue_page.part"),
        list(_PARTS),
        format_func=lambda one: say(f"catalogue_part.{one}"),
        key=_KEY,
        required=True,
        label_visibility="collapsed",
    )
    part = chosen or next(iter(_PARTS))
    if asked != part:
        st.query_params["part"] = part
    _PARTS[part](view)

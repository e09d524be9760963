"""What needs the insurance office today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from dashboards.frame.view import View


def page(view: View) -> None:
    """Show the page."""
    st.write(view.principal.name)

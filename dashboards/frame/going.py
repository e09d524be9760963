"""Going to another page within the session, so that language and filters stay as they are."""

from __future__ import annotations

import streamlit as st


def _nothing() -> None:
    """A page is found by its address alone; what it does is not asked."""


def go(page: str, **params: str) -> None:
    """Show another page; the run of the script ends here.

    Args:
        page: its id in ``pages.csv``, of a page that is not the home of the role.
        params: what it is to show; never a name or a number of a patient.
    """
    st.switch_page(st.Page(_nothing, url_path=page), query_params=params)

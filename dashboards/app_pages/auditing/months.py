"""A month to be chosen, the last one that is over first."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from dashboards.app_pages.auditing.sizes import sizes
from dashboards.frame.language import say
from grouper.case.dates import LOCAL
from grouper.store.schema import now


def months(count: int) -> list[str]:
    """The present month and those before it, the newest first."""
    first = now().astimezone(LOCAL).date().replace(day=1)
    found = []
    for _ in range(count):
        found.append(f"{first:%Y-%m}")
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def month_picked(key: str, *, over: bool = False) -> str:
    """The month that is chosen, which also stands in the address.

    Args:
        key: of the widget.
        over: begin with the last month that is over, and not with the present one.
    """
    known = months(sizes()["months"])
    if st.session_state.get(key) not in known:
        asked = st.query_params.get("month")
        st.session_state[key] = asked if asked in known else known[1 if over else 0]
    chosen = st.selectbox(say("findings_page.month"), known, key=key, width=200)
    month = str(chosen)
    if st.query_params.get("month") != month:
        st.query_params["month"] = month
    return month

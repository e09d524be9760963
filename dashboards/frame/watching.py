"""A page that is left alone ends with its session."""

from __future__ import annotations

import streamlit as st

EVERY = 60.0
"""Seconds between two looks."""


@st.fragment(run_every=EVERY)
def watch() -> None:
    """Let the browser ask once a minute; the socket answers for the session (``socket``)."""

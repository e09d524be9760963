"""The little that Streamlit's theme cannot say."""

from __future__ import annotations

from importlib.resources import files

import streamlit as st


def style() -> None:
    """Put the style sheet into the page."""
    st.html(f"<style>{(files('dashboards') / 'frame' / 'style.css').read_text('utf-8')}</style>")

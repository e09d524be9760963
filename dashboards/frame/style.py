"""The little that Streamlit's theme cannot say."""

from __future__ import annotations

import json
from importlib.resources import files

import streamlit as st

from dashboards.frame.language import say

# Words of Streamlit's own client, which knows no language but English, are drawn over by ours.
_UPLOADER = """
[data-testid="stFileUploaderDropzone"] button [data-testid="stMarkdownContainer"] p { font-size: 0; }
[data-testid="stFileUploaderDropzone"] button [data-testid="stMarkdownContainer"] p::after { content: %(button)s; font-size: 1rem; }
[data-testid="stFileUploaderDropzoneInstructions"] span { font-size: 0; }
[data-testid="stFileUploaderDropzoneInstructions"] span::after { content: %(drop)s; font-size: 0.85rem; }
"""


def style() -> None:
    """Put the style sheet into the page."""
    sheet = (files("dashboards") / "frame" / "style.css").read_text("utf-8")
    own = {
        name: json.dumps(say(f"uploader.{name}"), ensure_ascii=False) for name in ("button", "drop")
    }
    st.html(f"<style>{sheet}{_UPLOADER % own}</style>")

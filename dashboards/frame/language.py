"""The language of a page: the session's own choice, else that of the service."""

from __future__ import annotations

import streamlit as st

from codebooks.messages import LANGUAGES, text
from dashboards.frame.parts import parts

_KEY = "lang"


def lang() -> str:
    """The language of this session; ``?lang=en`` in a link chooses one."""
    asked = st.query_params.get(_KEY)
    if asked in LANGUAGES:
        st.session_state[_KEY] = asked
    chosen = st.session_state.get(_KEY)
    return chosen if chosen in LANGUAGES else parts().settings.language


def say(key: str, /, **params: object) -> str:
    """A text in the language of the page."""
    return text(key, lang(), **params)


def choose() -> None:
    """The switch of the language."""
    now = lang()

    def changed() -> None:
        picked = st.session_state.get("lang_choice")
        if picked in LANGUAGES:
            st.session_state[_KEY] = picked
            st.query_params.pop(_KEY, None)

    st.segmented_control(
        say("page.language"),
        LANGUAGES,
        default=now,
        format_func=lambda one: text("page.language_name", one),
        key="lang_choice",
        on_change=changed,
        label_visibility="collapsed",
    )

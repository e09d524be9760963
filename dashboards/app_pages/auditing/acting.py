"""Doing something from a page: by whoever is signed in at that moment, told on the next run.

Buttons call these from callbacks, which Streamlit runs before the page is read anew. So what a
person saw when the button was pressed (the state of a finding) is what the button was made with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.frame.errors import show_error
from dashboards.frame.language import say
from grouper.service.access.principal import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal, Right

_SAID, _HINT = "auditing.said", "auditing.hint"


def act(view: View, right: Right, doing: Callable[[Principal], str]) -> GrouperError | None:
    """Do something, and keep what is to be said of it.

    Args:
        view: of the page when it was shown.
        right: that is needed.
        doing: what is done by the principal who is signed in now; returns what is said then.

    Returns:
        The error that was met; None: it is done, or nobody is signed in any more (the page says so).
    """
    principal = view.parts.asker()
    if principal is None:
        return None
    try:
        if not principal.may(right):
            raise AccessError("NOT_ALLOWED", right=right.value)
        st.session_state[_SAID] = doing(principal)
    except GrouperError as error:
        st.session_state[_SAID] = error
        return error
    return None


def hint(words: str) -> None:
    """Keep what is to be said where nothing could be done yet."""
    st.session_state[_HINT] = words


def said() -> GrouperError | None:
    """Show what was said of the last thing done, once; returns the error, if it was one."""
    advice = st.session_state.pop(_HINT, None)
    if advice is not None:
        st.info(advice, icon=":material/info:")
    told = st.session_state.pop(_SAID, None)
    if isinstance(told, GrouperError):
        show_error(told)
        return told
    if told is not None:
        st.success(told, icon=":material/check:")
    return None


def typed(key: str) -> str:
    """What was written into a field; empty: nothing."""
    return str(st.session_state.get(key) or "").strip()


def nothing(key: str) -> None:
    """Say that there is nothing here, and what to do."""
    st.info(say(key), icon=":material/info:")

"""An error on a page: what we declare in its own words, all else by a number that the log has too."""

from __future__ import annotations

import re
from uuid import uuid4

import streamlit as st
import structlog

from codebooks.errors import GrouperError
from codebooks.messages import catalogue, text
from dashboards.frame.language import lang
from dashboards.frame.rows import plain
from grouper.service.logs import fault_of

_log = structlog.get_logger("dashboards")
_COMMANDS = re.compile(
    r"\bgrouper [a-z]|(?<!\w)--[a-z]|\bmake (serve|demo|test|bench)\b|\bpip install|\b(GET|POST|PUT|DELETE) /|/api/"
    r"|\bGROUPER_|\b[\w/]+\.(toml|json|ya?ml|md|py)\b|\byibao-grouper\b"
)
"""What speaks to who types commands: of no use to who sits before a page."""


def show_error(error: Exception) -> bool:
    """Say what went wrong; True: it is said.

    Nothing of an error that we did not declare is shown: its words may hold values of a case.
    """
    if isinstance(error, GrouperError):
        st.error(shown(error, lang()), icon=":material/error:")
        return True
    number = uuid4().hex[:8]
    _log.error("page", number=number, fault=fault_of(error))
    st.error(text("page.fault", lang(), number=number), icon=":material/error:")
    return True


def told(error: GrouperError, lang: str) -> str:
    """An error as people at a page read it: what is wrong, and what they can do.

    Its words are not Markdown; :func:`shown` makes them safe to show.

    Args:
        error: that we declare.
        lang: ``zh`` or ``en``.
    """
    place = error.where.describe(lang)
    return text(
        "error.layout" if place else "error.placeless",
        lang,
        code=error.code,
        place=place,
        what=text(f"error.{error.code}", lang, **error.params),
        hint=_hint(error, lang),
    )


def shown(error: GrouperError, lang: str) -> str:
    """An error as Markdown shows it: nothing of its words is read as more than themselves.

    Args:
        error: that we declare.
        lang: ``zh`` or ``en``.
    """
    # Of the code nothing can be misread, and so it stays one word to search for.
    code = f"[{error.code}]"
    return plain(told(error, lang)).replace(plain(code), code, 1)


def _hint(error: GrouperError, lang: str) -> str:
    """The advice for people; where there is none but that for the command line, whom to ask."""
    own = f"page_hint.{error.code}"
    if own in catalogue(lang):
        return text(own, lang, **error.params)
    return advice(error.code, text(f"hint.{error.code}", lang, **error.params), lang)


def advice(code: str, words: str, lang: str) -> str:
    """What people at a page can do about an error or a reason.

    Args:
        code: of the error or reason; its own words for pages stand under ``page_hint``.
        words: the advice that is given everywhere else.
        lang: ``zh`` or ``en``.
    """
    own = catalogue(lang).get(f"page_hint.{code}")
    # One that names values of the error serves where these are known.
    if own is not None and "{" not in own:
        return own
    return text("page_hint.ask", lang, code=code) if _COMMANDS.search(words) else words

"""The mart as the pages ask it: opened once for the process, anew when it was made anew.

Answers are kept for a while by what was asked; the slice is part of that, and the reach of who asks
is part of the slice, so nobody is shown what another one may see.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.frame.errors import show_error
from grouper.mart.mart import Mart
from grouper.service.mart import mart_folder

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.mart.slices import Slice
    from grouper.service.settings import Settings

_SECONDS = 3600
_ANSWERS = 512


def mart_of(view: View) -> Mart | None:
    """The mart; None: there is none that can be used, which is said on the page."""
    try:
        return opened(view.parts.settings)
    except GrouperError as error:
        show_error(error)
        return None


def opened(settings: Settings) -> Mart:
    """The mart as it is now; whoever comes while it is opened waits for it.

    Raises:
        MartError: as :meth:`grouper.mart.mart.Mart.open`.
    """
    folder = mart_folder(settings)
    return _opened(str(folder), Mart.stamp(folder))


def ask(mart: Mart, question: str, cut: Slice, **wanted: object) -> Any:  # noqa: ANN401 -- each its own
    """An answer of the mart, kept for other runs of the script.

    Args:
        mart: to ask.
        question: name of a method of :class:`~grouper.mart.mart.Mart`.
        cut: of which cases, within whose reach.
        wanted: further arguments of the method.
    """
    return _asked(mart, mart.about.stamp, question, cut, wanted)


@st.cache_resource(max_entries=2, show_spinner=False)
def _opened(folder: str, stamp: str) -> Mart:  # noqa: ARG001 -- a new stamp is another mart
    return Mart.open(Path(folder))


@st.cache_data(ttl=_SECONDS, max_entries=_ANSWERS, show_spinner=False)
def _asked(_mart: Mart, stamp: str, question: str, cut: Slice, wanted: dict[str, object]) -> Any:  # noqa: ANN401, ARG001 -- as above
    return getattr(_mart, question)(cut, **wanted)

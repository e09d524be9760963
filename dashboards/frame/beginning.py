"""How a page of figures begins: the filter, the mart, the headline, and what its pictures rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.frame.filters import slice_of
from dashboards.frame.grounds import grounds
from dashboards.frame.headline import HEADLINE, headline
from dashboards.frame.language import say
from dashboards.frame.marts import ask, mart_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.frame.grounds import Grounds
    from dashboards.frame.view import View
    from grouper.mart.answers import Headline
    from grouper.mart.mart import Mart
    from grouper.mart.slices import Slice


@dataclass(frozen=True, slots=True)
class Begun:
    """What the rest of the page goes on with.

    Attributes:
        mart: to be asked.
        cut: the cases that the filter chose, within reach.
        found: their headline.
        cases: how many; at least one.
        on: what pictures of them rest on.
    """

    mart: Mart
    cut: Slice
    found: Headline
    cases: int
    on: Grounds


def begin(view: View, key: str, names: Sequence[str] = HEADLINE) -> Begun | None:
    """Show filter and headline.

    Args:
        view: who looks.
        key: of the page.
        names: the figures of the headline.

    Returns:
        None: there is nothing to go on with, which was said.
    """
    cut = slice_of(view, key=key)
    mart = mart_of(view) if cut else None
    if cut is None or mart is None:
        return None
    found = ask(mart, "headline", cut)
    cases = int(found.cases.value or 0)
    if not cases:
        st.info(say("filter.no_case"), icon=":material/info:")
        return None
    headline(found, view.lang, names=names)
    return Begun(mart, cut, found, cases, grounds(mart.about, cut, cases, view.lang))

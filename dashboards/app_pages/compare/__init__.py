"""Cases of some months under two schemes: what becomes of cases, groups, weights and departments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.compare.asking import called, form
from dashboards.app_pages.compare.result import result
from dashboards.app_pages.compare.sizes import sizes
from dashboards.frame.errands import errand_box, errands
from dashboards.frame.language import say
from grouper.service.comparing import KIND
from grouper.service.comparison_answers import choices
from grouper.service.errands import ErrandState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.view import View
    from grouper.service.errands import Errand

_CHOSEN, _NEWEST = "compare.chosen", "compare.newest"


def page(view: View) -> None:
    """Show the page."""
    st.caption(say("compare_page.about"))
    found = choices(view.parts.settings, view.parts.database)
    if not found.months:
        st.info(say("compare_page.no_data"), icon=":material/info:")
        return
    form(view, found)
    newest = errand_box(view, KIND, key="compare")
    made = [
        one
        for one in errands(view).of(view.principal, KIND, shared=True)
        if one.state is ErrandState.DONE
    ][: sizes()["made"]]
    if newest is None or not made:
        st.info(say("compare_page.nothing"), icon=":material/info:")
        return
    result(view, _chosen(made, newest, view.lang))


def _chosen(made: Sequence[Errand], newest: Errand, lang: str) -> Errand:
    """The comparison to show: that of the address, else the newest, until another is chosen."""
    known: Mapping[str, Errand] = {one.id: one for one in made}
    if st.session_state.get(_NEWEST) != newest.id:
        first = _NEWEST not in st.session_state
        asked = st.query_params.get("id", "") if first else ""
        if first and asked and asked not in known:
            st.warning(say("compare_page.gone"), icon=":material/search_off:")
        st.session_state[_NEWEST] = newest.id
        st.session_state[_CHOSEN] = asked if asked in known else newest.id
    if st.session_state.get(_CHOSEN) not in known:
        st.session_state[_CHOSEN] = newest.id
    chosen = str(
        st.selectbox(
            say("compare_page.made"),
            list(known),
            key=_CHOSEN,
            format_func=lambda one: called(known[one], lang),
        )
    )
    if st.query_params.get("id") != chosen:
        st.query_params["id"] = chosen
    return known[chosen]

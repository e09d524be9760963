"""Search for codes and groups by code, name or pinyin initials; ordered by how well they match."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from codebooks.errors import CodebookError
from codebooks.registry import INPATIENT, registry
from codebooks.search import search
from dashboards.frame.language import say
from dashboards.frame.rows import plain
from grouper.case.dates import LOCAL
from grouper.service.correction import code_sets
from grouper.service.discharge_limits import discharge_limits

if TYPE_CHECKING:
    from codebooks.search import Hit
    from dashboards.frame.view import View

_ALL, _GROUP = "all", "group"


def page(view: View) -> None:
    """Show the page."""
    st.caption(say("codes.lead"))
    sets = _sets(view.parts.settings.region)
    what, where = st.columns(2)
    with what:
        query = st.text_input(
            say("codes.find"), placeholder=say("codes.placeholder"), key="codes_query"
        )
    with where:
        within = st.segmented_control(
            say("codes.where"),
            [_ALL, *sets],
            default=_ALL,
            format_func=lambda one: say("codes.all" if one == _ALL else f"code_kind.{one}"),
            key="codes_where",
            disabled=not sets,
        )
    if not sets:
        st.caption(say("codes.no_scheme"))
    if not query.strip():
        st.info(say("codes.start"), icon=":material/search:")
        return
    asked = [one for kind, one in sets.items() if within in (None, _ALL, kind)]
    most = discharge_limits().most_hits
    hits = search(query, asked or None, most + 1)
    if not hits:
        st.info(say("codes.no_hits"), icon=":material/search_off:")
        return
    st.table(_table(hits[:most]))
    if len(hits) > most:
        st.caption(say("codes.most", most=most))
    st.caption(say("codes.note"))


def _sets(region: str) -> dict[str, str]:
    """The code sets and groups of the scheme that binds inpatients today; empty: none does."""
    try:
        scheme = registry().binding(region, datetime.now(LOCAL).date(), INPATIENT).scheme
    except CodebookError:
        return {}
    return {**code_sets(scheme), _GROUP: scheme}


def _table(hits: list[Hit]) -> pa.Table:
    columns = {
        say("discharge.code"): [plain(hit.code) for hit in hits],
        say("discharge.name"): [plain(hit.name) for hit in hits],
        say("discharge.kind"): [say(f"code_kind.{hit.kind}") for hit in hits],
        say("codes.set"): [hit.set_id for hit in hits],
    }
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})

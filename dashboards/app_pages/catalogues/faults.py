"""The faults of the installed mapping: asked for as an errand, told by kind, page by page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import text
from dashboards.app_pages.auditing.acting import nothing
from dashboards.app_pages.catalogues.choosing import began, day_choice, today
from dashboards.app_pages.catalogues.sizes import sizes
from dashboards.frame.errands import ask_errand, errand_box, errands
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.rows import Column, first, table, turner
from grouper.service.catalogue_faults import page, stamp
from grouper.service.catalogue_imports import MAPPING
from grouper.service.catalogue_view import standings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dashboards.frame.view import View
    from grouper.service.errands import Errand

_KEY = "catalogues.faults"
_LEVELS = ("I", "II", "III")


def show(view: View) -> None:
    """Show the part of the page."""
    if not next(one for one in standings(view.principal, today()) if one.kind == "mapping").imports:
        nothing("catalogue_page.no_mapping")
        return
    st.caption(say("catalogue_page.faults_about"))
    when, level, button = st.columns((1, 1, 2), vertical_alignment="bottom")
    with when:
        day = day_choice(_KEY, say("catalogue_page.on"))
    with level:
        chosen = st.selectbox(
            say("catalogue_page.level"),
            _LEVELS,
            index=None,
            key=f"{_KEY}.level",
            placeholder=say("catalogue_page.no_level"),
        )
    if day is None:
        nothing("catalogue_page.no_day")
        return
    wanted = {"day": day.isoformat(), "level": chosen, "stamp": stamp()}
    with button:
        st.button(
            say("catalogue_page.check_mapping"),
            icon=":material/rule:",
            key=f"{_KEY}.ask",
            on_click=_ask,
            args=(view, wanted),
        )
    done = errand_box(view, MAPPING, key=_KEY, matches=partial(_same, wanted))
    if done is not None:
        _faults(view, done)


def _ask(view: View, wanted: Mapping[str, Any]) -> None:
    ask_errand(view, MAPPING, wanted)


def _same(wanted: Mapping[str, Any], errand: Errand) -> bool:
    return dict(errand.params) == dict(wanted)


def _faults(view: View, errand: Errand) -> None:
    answer = errand.answer or {}
    counts: Mapping[str, int] = answer["faults"]
    every = sum(counts.values())
    st.markdown(say("catalogue_page.faults_found", rows=count(answer["rows"]), count=count(every)))
    if not every:
        st.success(say("catalogue_page.no_fault"), icon=":material/check:")
        return
    chosen: str | None = st.selectbox(
        say("catalogue_page.fault_kind"),
        list(counts),
        index=None,
        format_func=lambda one: text(
            "catalogue_page.fault_count",
            view.lang,
            fault=text(f"mapping_fault.{one}", view.lang),
            count=count(counts[one]),
        ),
        key=f"{_KEY}.code",
        placeholder=say("catalogue_page.all_faults"),
        on_change=first,
        args=(_KEY,),
    )
    start = began(_KEY)
    try:
        found, more = page(errands(view).files(errand), chosen, start, sizes().rows)
    except OSError:
        nothing("catalogue_page.gone")
        return
    columns = [
        Column(say("catalogue_column.severity"), short=True),
        Column(say("catalogue_column.kind"), short=True),
        Column(say("catalogue_column.words")),
    ]
    rows = [
        (
            text(f"severity.{one.severity}", view.lang),
            say(f"mapping_fault.{one.code}"),
            text(f"finding.{one.code}", view.lang, **one.params),
        )
        for one in found
    ]
    table(columns, rows)
    turner(_KEY, str(start + sizes().rows) if more else None)

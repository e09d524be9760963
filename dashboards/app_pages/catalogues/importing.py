"""A file handed in, checked by the service, looked through, and installed when that is confirmed."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import streamlit as st

from codebooks.catalogues.forms import KINDS
from codebooks.messages import text
from dashboards.app_pages.auditing.acting import act, hint, nothing, typed
from dashboards.app_pages.catalogues.choosing import began, today
from dashboards.app_pages.catalogues.fields import FieldError, columns_of
from dashboards.app_pages.catalogues.reports import left_out, report
from dashboards.app_pages.catalogues.sizes import sizes
from dashboards.frame.errands import ask_errand, errand_box, errands
from dashboards.frame.figures import NONE, count
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, plain, table, turner
from grouper.service.access.principal import Right
from grouper.service.catalogue_imports import (
    CHANGES,
    CHECK,
    INSTALL,
    LEFT_OUT,
    Wanted,
    file_name,
    held_file,
    read_report,
    stored_name,
)
from grouper.service.catalogue_view import left_out_csv
from grouper.service.errand_files import IN
from grouper.service.errands import ErrandState

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.errands import Errand

_KEY = "catalogues.import"
_ENDINGS = ("xlsx", "csv")
_LEVELS = ("I", "II", "III")
_LONGEST = 200
_CSV = "text/csv"


def show(view: View) -> None:
    """Show the part of the page."""
    done = errand_box(view, CHECK, key=_KEY)
    _form(view, open_=done is None)
    if done is not None:
        _checked(view, done)


def _form(view: View, *, open_: bool) -> None:
    if f"{_KEY}.from" not in st.session_state:
        st.session_state[f"{_KEY}.from"] = today()
    with (
        st.expander(say("catalogue_page.hand_in"), expanded=open_, icon=":material/upload_file:"),
        st.form(f"{_KEY}.form", border=False),
    ):
        st.caption(say("catalogue_page.hand_in_about"))
        left, right = st.columns(2)
        with left:
            st.selectbox(
                say("catalogue_page.kind"),
                KINDS,
                format_func=lambda one: text(f"catalogue_kind.{one}", view.lang),
                key=f"{_KEY}.kind",
            )
            st.date_input(say("catalogue_page.valid_from"), key=f"{_KEY}.from", format="YYYY-MM-DD")
        with right:
            st.radio(
                say("catalogue_page.extent"),
                ("whole", "changes"),
                format_func=lambda one: say(f"catalogue_page.extent_{one}"),
                key=f"{_KEY}.extent",
            )
            st.text_input(say("catalogue_page.source"), key=f"{_KEY}.source", max_chars=_LONGEST)
        st.file_uploader(say("catalogue_page.file"), type=list(_ENDINGS), key=f"{_KEY}.file")
        with st.popover(say("catalogue_page.more_options"), icon=":material/tune:"):
            st.selectbox(
                say("catalogue_page.level"),
                _LEVELS,
                index=None,
                key=f"{_KEY}.level",
                placeholder=say("catalogue_page.no_level"),
                help=say("catalogue_page.level_help"),
            )
            st.text_input(say("catalogue_page.sheet"), key=f"{_KEY}.sheet", max_chars=_LONGEST)
            st.text_area(
                say("catalogue_page.columns"),
                key=f"{_KEY}.columns",
                placeholder=say("catalogue_page.columns_example"),
                help=say("catalogue_page.columns_help"),
            )
        st.form_submit_button(
            say("catalogue_page.check"), type="primary", on_click=_ask, args=(view,)
        )


def _ask(view: View) -> None:
    """Hand the file in to be checked."""
    given, day = st.session_state.get(f"{_KEY}.file"), st.session_state.get(f"{_KEY}.from")
    if given is None:
        hint(say("catalogue_page.no_file"))
        return
    if not isinstance(day, date):
        hint(say("catalogue_page.no_day"))
        return
    kind = st.session_state[f"{_KEY}.kind"]
    try:
        columns = columns_of(typed(f"{_KEY}.columns"), kind, view.lang, sizes().columns)
    except FieldError as error:
        hint(say("catalogue_page.column_unknown", line=plain(str(error))))
        return
    wanted = Wanted(
        kind=kind,
        file=file_name(given.name),
        valid_from=day,
        whole=st.session_state[f"{_KEY}.extent"] == "whole",
        source=typed(f"{_KEY}.source") or None,
        sheet=typed(f"{_KEY}.sheet") or None,
        columns=columns,
        level=st.session_state.get(f"{_KEY}.level"),
    )
    ask_errand(view, CHECK, wanted.params(), files={stored_name(wanted.file): given.getvalue()})


def _checked(view: View, done: Errand) -> None:
    """What a check found, and what can be done with it."""
    folder = errands(view).files(done)
    wanted, answer = Wanted.of(done.params), done.answer or {}
    try:
        told = read_report(folder)
        gone = pq.read_table(folder / LEFT_OUT)
        changes = pq.read_table(folder / CHANGES)
    except OSError:
        nothing("catalogue_page.gone")
        return
    st.subheader(
        say(
            "catalogue_page.checked",
            kind=text(f"catalogue_kind.{wanted.kind}", view.lang),
            file=plain(wanted.file),
        ),
        anchor=False,
    )
    extent = say(f"catalogue_page.extent_{'whole' if wanted.whole else 'changes'}")
    day = wanted.valid_from.isoformat()
    st.caption(say("catalogue_page.checked_about", day=day, extent=extent, actor=plain(done.actor)))
    if answer["refused"]:
        st.error(say("catalogue_page.refused"), icon=":material/block:")
    _install(view, done, answer)
    report(told, view.lang)
    if gone.num_rows:
        left_out(gone, view.lang)
        st.download_button(
            say("catalogue_page.download"),
            partial(left_out_csv, gone, view.lang),
            f"{wanted.kind}-left-out.csv",
            _CSV,
            icon=":material/download:",
            on_click="ignore",
            key=f"{_KEY}.download",
        )
    _changes(changes, view.lang)


def _install(view: View, done: Errand, answer: Mapping[str, Any]) -> None:
    """The button that installs; how the installation stands, where it was asked for."""
    own = partial(_is_of, done.id)
    installed = errand_box(view, INSTALL, key=f"{_KEY}.install", matches=own)
    if installed is not None:
        number = (installed.answer or {})["number"]
        st.success(say("catalogue_page.installed", number=number), icon=":material/check:")
        return
    asked = [one for one in errands(view).of(view.principal, INSTALL, shared=True) if own(one)]
    if any(one.state is not ErrandState.FAILED for one in asked):
        return
    agree, install, drop = st.columns((3, 1, 1), vertical_alignment="center")
    agreed = False
    if not answer["refused"]:
        agreed = agree.checkbox(say("catalogue_page.agree"), key=f"{_KEY}.agree.{done.id}")
        install.button(
            say("catalogue_page.install"),
            type="primary",
            disabled=not agreed,
            key=f"{_KEY}.install.button",
            on_click=_ask_install,
            args=(view, done),
            width="stretch",
        )
    if done.owner == view.principal.account_id:
        drop.button(
            say("catalogue_page.drop"),
            key=f"{_KEY}.drop",
            on_click=_drop,
            args=(view, done),
            width="stretch",
        )


def _is_of(check: str, errand: Errand) -> bool:
    return errand.params.get("check") == check


def _ask_install(view: View, done: Errand) -> None:
    answer = done.answer or {}
    name = str(done.params["file"])
    known = {key: answer[key] for key in ("sha256", "base", "number")}
    ask_errand(
        view,
        INSTALL,
        {**done.params, **known, "check": done.id},
        files={stored_name(name): held_file(errands(view).folder(done.id) / IN, name)},
    )


def _drop(view: View, done: Errand) -> None:
    def doing(principal: Principal) -> str:
        looked(view, "errand_cancelled", f"errand:{done.id}", again=True)
        errands(view).cancel(done.id, principal)
        return say("catalogue_page.dropped")

    act(view, Right.BOOKS, doing)


def _changes(changes: pa.Table, lang: str) -> None:
    """What the file changes against the list in force, page by page."""
    if not changes.num_rows:
        return
    st.markdown(f"**{say('catalogue_page.changes', count=count(changes.num_rows))}**")
    names = ("key", "name", "change", "field", "old", "new")
    columns = [Column(say(f"catalogue_column.{name}"), short=name == "key") for name in names]
    key = f"{_KEY}.changes"
    start = began(key)
    rows = changes.slice(start, sizes().rows).to_pylist()
    table(
        columns,
        [
            (
                row["key"],
                row["name"],
                say(f"catalogue_change.{row['sort']}"),
                text(f"catalogue.field.{row['field']}", lang) if row["field"] else NONE,
                row["old"],
                row["new"],
            )
            for row in rows
        ],
    )
    following = start + sizes().rows
    turner(key, str(following) if following < changes.num_rows else None)

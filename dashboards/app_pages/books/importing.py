"""An official file: chosen, checked by the service, looked at, and installed when it is confirmed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.importers.layout import layout
from codebooks.importers.options import AUTO, NONE
from dashboards.app_pages.auditing.acting import act, hint, typed
from dashboards.app_pages.auditing.tables import moment
from dashboards.app_pages.books.changes import show_changes
from dashboards.app_pages.books.report import show_report
from dashboards.app_pages.books.shelf import day_of
from dashboards.app_pages.books.words import known
from dashboards.frame.errands import errand_box, errands
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import say_plain
from grouper.service.access.principal import Right
from grouper.service.book_answers import at_hand, region_name, regions
from grouper.service.book_changes import read_changes
from grouper.service.book_imports import KIND, ask, install_checked, installed_as, report_of
from grouper.service.book_reading import COMMAS, FAMILIES, BookWish, read_amount, read_pairs
from grouper.service.book_source import ENDINGS
from grouper.service.errands import ErrandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.errands import Errand

_KEY = "books.import"
_SURE = f"{_KEY}.sure"


def show(view: View) -> None:
    """Show the part."""
    if not view.principal.may(Right.BOOKS):
        st.info(say("books_import.not_yours"), icon=":material/info:")
        return
    _form(view)
    done = errand_box(view, KIND, key=_KEY)
    if done is None:
        st.caption(say("books_import.nothing"))
        return
    _checked(view, done)


def _form(view: View) -> None:
    with (
        st.expander(say("books_import.upload"), icon=":material/upload_file:", expanded=True),
        st.form(f"{_KEY}.form", border=False),
    ):
        st.caption(say("books_import.about"))
        st.file_uploader(say("books_import.file"), type=list(ENDINGS), key=f"{_KEY}.file")
        first, second, third, fourth = st.columns(4)
        with first:
            st.text_input(
                say("books_import.id"),
                key=f"{_KEY}.id",
                help=say("books_import.id_help"),
                placeholder="chs-drg-3.0-2027",
            )
        with second:
            _choice(
                "region", list(regions()), lambda one: region_name(one, view.lang), from_file=True
            )
        with third:
            day_of(f"{_KEY}.valid_from", say("books_import.valid_from"), None)
        with fourth:
            day_of(f"{_KEY}.valid_to", say("books_import.valid_to"), None)
        st.text_input(
            say("books_import.source"), key=f"{_KEY}.source", help=say("books_import.source_help")
        )
        st.checkbox(say("books_import.replace"), key=f"{_KEY}.replace")
        with st.expander(say("books_import.more")):
            _more(view)
        st.form_submit_button(
            say("books_import.check"), type="primary", on_click=_ask, args=(view,)
        )


def _choice(
    name: str,
    options: Sequence[str],
    words: Any = str,  # noqa: ANN401 -- a function
    *,
    from_file: bool = False,
) -> None:
    st.selectbox(
        say(f"books_import.{name}"),
        options,
        index=None,
        key=f"{_KEY}.{name}",
        format_func=words,
        placeholder=say("books_import.from_file" if from_file else "books_import.as_usual"),
    )


def _more(view: View) -> None:
    first, second = st.columns(2)
    ids = [one.card.id for one in at_hand()]
    drg = [one.card.id for one in at_hand() if one.card.family == "drg"]
    with first:
        _choice(
            "family", FAMILIES, lambda one: known("books_family", one, view.lang), from_file=True
        )
        _choice(
            "newborn_weight",
            layout().newborn_weights,
            lambda one: known("cli_codebooks.weight", one, view.lang),
        )
        _choice(
            "lists_from",
            [NONE, *drg],
            lambda one: say("books_import.no_lists") if one == NONE else one,
        )
        st.checkbox(say("books_import.supplements"), key=f"{_KEY}.supplements")
        _choice("base", ids)
    with second:
        st.text_input(say("books_import.sheet"), key=f"{_KEY}.sheet")
        st.text_input(say("books_import.city_mean"), key=f"{_KEY}.city_mean")
        st.number_input(
            say("books_import.score_base"), 1, value=1000, step=1, key=f"{_KEY}.score_base"
        )
        _choice("comma", COMMAS, lambda one: say(f"books_comma.{one}"))
    st.text_area(
        say("books_import.columns"),
        key=f"{_KEY}.columns",
        height="content",
        help=say("books_import.columns_help"),
    )
    st.text_area(say("books_import.settings"), key=f"{_KEY}.settings", height="content")


def _wish() -> BookWish:
    """What was chosen.

    Raises:
        CodebookError: ``BOOK_PAIR``, ``BOOK_AMOUNT``.
    """

    def picked(name: str) -> Any:  # noqa: ANN401 -- of whatever widget
        return st.session_state.get(f"{_KEY}.{name}") or None

    return BookWish(
        id=typed(f"{_KEY}.id") or None,
        source=typed(f"{_KEY}.source") or None,
        sheet=typed(f"{_KEY}.sheet") or None,
        region=picked("region"),
        valid_from=picked("valid_from"),
        valid_to=picked("valid_to"),
        newborn_weight=picked("newborn_weight"),
        family=picked("family"),
        base=picked("base"),
        supplements=bool(picked("supplements")),
        lists_from=picked("lists_from") or AUTO,
        replace=bool(picked("replace")),
        city_mean=read_amount(typed(f"{_KEY}.city_mean")),
        score_base=int(picked("score_base") or 1000),
        comma=picked("comma") or COMMAS[0],
        columns=read_pairs(typed(f"{_KEY}.columns")),
        settings=read_pairs(typed(f"{_KEY}.settings")),
    )


def _ask(view: View) -> None:
    given = st.session_state.get(f"{_KEY}.file")
    if given is None:
        hint(say("books_import.no_file"))
        return

    def doing(principal: Principal) -> str:
        parts = view.parts
        content = given.getvalue()
        ask(parts.settings, parts.database, principal, _wish(), given.name, content, view.lang)
        return say("books_import.asked")

    act(view, Right.BOOKS, doing)


def _checked(view: View, done: Errand) -> None:
    """The report of the newest check, what it would change, and the confirmation."""
    answer = done.answer or {}
    folder = errands(view).files(done)
    report = report_of(folder)
    if report is None:
        return
    st.subheader(say("books_import.report"), anchor=False)
    st.caption(
        say_plain(
            "books_import.checked",
            file=report["file"],
            at=moment(done.ended),
            actor=done.actor,
        )
    )
    if answer["refused"]:
        st.error(say("books_import.refused"), icon=":material/block:")
    elif installed_as(answer):
        st.success(say_plain("books_import.is_installed", id=answer["id"]), icon=":material/check:")
    else:
        st.info(say("books_import.sound"), icon=":material/task_alt:")
    show_report(view, report, key=f"{_KEY}.{done.id}")
    if not answer["refused"]:
        _changes(view, answer, read_changes(folder), done.id)
        if not installed_as(answer):
            _confirm(view, done, answer)
    if done.owner == view.principal.account_id:
        st.button(
            say("books_import.forget"), key=f"{_KEY}.forget", on_click=_forget, args=(view, done.id)
        )


def _changes(
    view: View, answer: Mapping[str, Any], told: Mapping[str, Any] | None, number: str
) -> None:
    st.subheader(say("books_import.changes"), anchor=False)
    if told is None:
        st.info(say("books_import.no_predecessor"), icon=":material/info:")
        return
    st.caption(say_plain("books_import.against", old=told["old"], new=answer["id"]))
    show_changes(view, told, key=f"{_KEY}.changes.{number}")


def _confirm(view: View, done: Errand, answer: Mapping[str, Any]) -> None:
    with st.container(border=True):
        st.markdown(
            say_plain(
                "books_import.will",
                id=answer["id"],
                region=region_name(answer["region"], view.lang),
                since=answer["valid_from"],
            )
        )
        st.caption(say("books_import.then"))
        sure = st.checkbox(say("books_import.sure"), key=f"{_SURE}.{done.id}")
        st.button(
            say("books_import.install"),
            key=f"{_KEY}.install",
            type="primary",
            disabled=not sure,
            on_click=_install,
            args=(view, done.id),
        )


def _install(view: View, number: str) -> None:
    def doing(principal: Principal) -> str:
        with st.spinner(say("books_import.installing")):
            card = install_checked(view.parts.settings, view.parts.database, principal, number)
        return say("books_import.installed", id=card.id, since=card.valid_from)

    act(view, Right.BOOKS, doing)


def _forget(view: View, number: str) -> None:
    def doing(principal: Principal) -> str:
        looked(view, "errand_cancelled", f"errand:{number}", again=True)
        # Somebody or the clerk may have taken it away before.
        with suppress(ErrandError):
            errands(view).cancel(number, principal)
        return say("books_import.forgotten")

    act(view, Right.BOOKS, doing)

"""The hospital's own policy files: checked, put into force when it is confirmed, withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.auditing.acting import act, hint
from dashboards.app_pages.books.shelf import region_of, today
from dashboards.app_pages.policy.comparing import show_changing
from dashboards.frame.errors import show_error, told
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.rows import Column, plain, say_plain, table
from grouper.service.access.principal import Right
from grouper.service.book_answers import region_name
from grouper.service.policy_own import check_draft, install_own, own_files, withdraw_own

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.access.principal import Principal
    from grouper.service.policy_own import CheckedFile, Draft

_KEY = "policy.own"
_FILES, _DRAFT = f"{_KEY}.files", f"{_KEY}.draft"
_COLUMNS = ("file", "values", "outcome")


def show(view: View) -> None:
    """Show the part."""
    if not view.principal.may(Right.BOOKS):
        st.info(say("policy_own.not_yours"), icon=":material/info:")
        return
    st.caption(say("policy_own.about"))
    region = region_of(view, f"{_KEY}.region", say("policy_page.region"))
    _standing(view, region)
    with st.form(f"{_KEY}.form", border=True):
        st.file_uploader(
            say("policy_own.file"), type=["yaml", "csv"], accept_multiple_files=True, key=_FILES
        )
        st.form_submit_button(
            say("policy_own.check"), type="primary", on_click=_take, args=(view, region)
        )
    draft: tuple[str, Draft | GrouperError] | None = st.session_state.get(_DRAFT)
    if draft is None or draft[0] != region:
        return
    found = draft[1]
    if isinstance(found, GrouperError):
        show_error(found)
    else:
        _checked(view, found)


def _take(view: View, region: str) -> None:
    by = view.parts.asker()
    if by is None:
        return
    given = st.session_state.get(_FILES) or []
    if not given:
        hint(say("policy_own.no_file"))
        return
    found: Draft | GrouperError
    try:
        found = check_draft(region, {one.name: one.getvalue() for one in given}, today(), by)
    except GrouperError as error:
        found = error
    # Checked once; what is put into force is checked again.
    st.session_state[_DRAFT] = (region, found)


def _standing(view: View, region: str) -> None:
    """The own files that are in force, each of which can be taken out of it."""
    names = own_files(region, view.principal)
    with st.expander(
        say("policy_own.standing", count=count(len(names))), icon=":material/folder_open:"
    ):
        if not names:
            st.caption(say("policy_own.none"))
            return
        for name in names:
            words, button = st.columns((5, 1), vertical_alignment="center")
            words.markdown(plain(name))
            with button, st.popover(say("policy_own.withdraw"), width="stretch"):
                st.markdown(say_plain("policy_own.withdraw_sure", file=name))
                st.button(
                    say("policy_own.withdraw_do"),
                    key=f"{_KEY}.withdraw.{name}",
                    on_click=_withdraw,
                    args=(view, region, name),
                )


def _checked(view: View, draft: Draft) -> None:
    st.subheader(say("policy_own.report"), anchor=False)
    table(
        [Column(say(f"policy_column.{name}"), right=name == "values") for name in _COLUMNS],
        [(one.name, count(one.values), _outcome(one)) for one in draft.checked],
    )
    for one in draft.checked:
        if one.error is not None:
            st.error(plain(told(one.error, view.lang)), icon=":material/error:")
    for error in draft.faults:
        st.error(plain(told(error, view.lang)), icon=":material/error:")
    if not draft.usable or draft.after is None:
        st.info(say("policy_own.refused"), icon=":material/block:")
        st.button(say("policy_own.forget"), key=f"{_KEY}.forget", on_click=_forget)
        return
    if draft.before is not None:
        st.subheader(say("policy_own.changes"), anchor=False)
        st.caption(say("policy_own.changes_about", day=today()))
        show_changing(view, draft.before, draft.after, key=f"{_KEY}.changes")
    with st.container(border=True):
        place = region_name(draft.region, view.lang)
        st.markdown(say_plain("policy_own.will", region=place))
        st.caption(say("books_import.then"))
        sure = st.checkbox(say("policy_own.sure"), key=f"{_KEY}.sure.{draft.stamp}")
        first, second, _ = st.columns((1, 1, 3))
        first.button(
            say("policy_own.install"),
            key=f"{_KEY}.install",
            type="primary",
            disabled=not sure,
            on_click=_install,
            args=(view, draft),
            width="stretch",
        )
        second.button(
            say("policy_own.forget"), key=f"{_KEY}.forget", on_click=_forget, width="stretch"
        )


def _outcome(one: CheckedFile) -> str:
    if one.error is not None:
        return say("policy_own.unusable", code=one.error.code)
    if one.unused:
        return say("policy_own.unused")
    return say("policy_own.replaces" if one.replaces else "policy_own.usable")


def _forget() -> None:
    st.session_state.pop(_DRAFT, None)


def _install(view: View, draft: Draft) -> None:
    def doing(principal: Principal) -> str:
        kept = install_own(view.parts.database, principal, draft)
        _forget()
        return say("policy_own.installed", count=count(len(kept)))

    act(view, Right.BOOKS, doing)


def _withdraw(view: View, region: str, name: str) -> None:
    def doing(principal: Principal) -> str:
        withdraw_own(view.parts.database, principal, region, name)
        return say("policy_own.withdrawn", file=plain(name))

    act(view, Right.BOOKS, doing)

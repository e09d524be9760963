"""Errands on a page: long work that is asked for, watched, left and cancelled there.

The work itself is done by the service (:mod:`grouper.service.errands`); a page only looks at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.frame.errors import advice, show_error
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import plain
from grouper.service import status
from grouper.service.errands import Errand, ErrandError, Errands, ErrandState
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dashboards.frame.view import View

EVERY = 2.0
"""Seconds between two looks at an errand that is under way."""
_SAID = "errands.said"
_CLERK = "clerk"


def errands(view: View) -> Errands:
    """The errands of the service."""
    return Errands.at(view.parts.settings)


def ask_errand(
    view: View,
    kind: str,
    params: Mapping[str, Any],
    *,
    files: Mapping[str, bytes | Path] | None = None,
) -> Errand | None:
    """Ask for an errand in the name of who is signed in now, and log that; for callbacks of buttons too.

    Args:
        view: of the page.
        kind: what is to be done.
        params: what with, plain JSON; never a name or a number of a patient.
        files: files that it reads, by plain names.

    Returns:
        The errand; None: it was refused, and :func:`errand_box` of the page says why.
    """
    by = view.parts.asker()
    if by is None:
        return None
    try:
        made, new = errands(view).asked(kind, params, by=by, language=view.lang, files=files)
        try:
            looked(view, "errand_asked", f"errand:{made.id}", {"kind": kind}, again=True)
        except GrouperError:
            # What cannot be logged is not done; what was asked for before was logged then.
            if new:
                errands(view).cancel(made.id, by)
            raise
    except GrouperError as error:
        st.session_state[_SAID] = error
        return None
    return made


def errand_box(
    view: View,
    kind: str,
    *,
    key: str,
    matches: Callable[[Errand], bool] = lambda _: True,
) -> Errand | None:
    """Show how the newest errand of a kind stands, while it is under way or when it failed.

    Errands of others who see the same departments count too: what is done once is there for all.

    Args:
        view: who looks.
        kind: of errand.
        key: of the page, so that each page has widgets of its own.
        matches: which of the errands are meant, for one those of the month that is chosen.

    Returns:
        The newest one that is done; None: there is none yet.
    """
    said = st.session_state.pop(_SAID, None)
    if isinstance(said, GrouperError):
        show_error(said)
    found = [one for one in errands(view).of(view.principal, kind, shared=True) if matches(one)]
    newest = found[0] if found else None
    if newest is not None and not newest.state.ended:
        st.fragment(_under_way, run_every=EVERY)(view, newest.id, key)
    elif newest is not None and newest.state is ErrandState.FAILED:
        _failed(view, newest, key)
    return next((one for one in found if one.state is ErrandState.DONE), None)


def _under_way(view: View, number: str, key: str) -> None:
    try:
        errand = errands(view).one(number, view.principal)
    except ErrandError:
        st.rerun()
    if errand.state.ended:
        st.rerun()
    with st.container(border=True):
        words, button = st.columns((5, 1), vertical_alignment="center")
        with words:
            _progress(view, errand)
            st.caption(say("errand_box.leave"))
        if errand.owner == view.principal.account_id:
            button.button(
                say("errand_box.cancel"),
                key=f"{key}.cancel",
                on_click=_cancel,
                args=(view, number),
                width="stretch",
            )
        if not _clerk_is_there(view):
            st.warning(say("errand_box.away"), icon=":material/pause_circle:")


def _progress(view: View, errand: Errand) -> None:
    if errand.state is not ErrandState.RUNNING:
        before = errands(view).before(errand)
        waiting = "interrupted" if errand.state is ErrandState.INTERRUPTED else "waiting"
        st.markdown(
            f":material/hourglass_top: {say(f'errand_box.{waiting}', before=count(before))}"
        )
        return
    seconds = (now() - errand.started).total_seconds() if errand.started else 0.0
    words = {"done": count(errand.done), "of": count(errand.of), "seconds": f"{seconds:.0f}"}
    if errand.share is None:
        st.markdown(f":material/autorenew: {say('errand_box.running', **words)}")
    else:
        st.progress(errand.share, text=say("errand_box.running_of", **words))


def _failed(view: View, errand: Errand, key: str) -> None:
    words = say(
        "errand_box.failed",
        code=errand.code,
        what=plain(errand.detail or ""),
        hint=plain(advice(errand.code or "", errand.advice or "", view.lang)),
    )
    st.error(words, icon=":material/error:")
    if errand.owner == view.principal.account_id:
        st.button(
            say("errand_box.forget"), key=f"{key}.forget", on_click=_cancel, args=(view, errand.id)
        )


def _cancel(view: View, number: str) -> None:
    """Take an errand away in the name of who is signed in now."""
    by = view.parts.asker()
    if by is None:
        return
    try:
        looked(view, "errand_cancelled", f"errand:{number}", again=True)
        errands(view).cancel(number, by)
    except ErrandError:
        # Somebody or the clerk took it away before.
        return
    except GrouperError as error:
        st.session_state[_SAID] = error


def _clerk_is_there(view: View) -> bool:
    told = status.read(view.parts.settings.folder)
    return any(one.process == _CLERK and one.alive(now()) for one in told)

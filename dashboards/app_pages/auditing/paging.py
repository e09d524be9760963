"""Pages of rows that begin behind the last row of the page before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.frame.figures import count
from dashboards.frame.language import say

if TYPE_CHECKING:
    from collections.abc import Callable


class Paging:
    """Where someone is among the pages; asking for something else begins anew.

    Args:
        key: of the session.
        wanted: what is asked for.
    """

    def __init__(self, key: str, wanted: object) -> None:
        self._key = key
        told = _plain(wanted)
        if st.session_state.get(f"{key}.wanted") != told:
            st.session_state[f"{key}.wanted"] = told
            st.session_state[key] = []

    @property
    def _behind(self) -> list[int]:
        behind: list[int] = st.session_state[self._key]
        return behind

    @property
    def at(self) -> int:
        """The page, from 0."""
        return len(self._behind)

    @property
    def after(self) -> int | None:
        """The row behind which the page begins; None: the first one."""
        return self._behind[-1] if self._behind else None

    def buttons(self, following: int | None, shown: int, every: int | None = None) -> None:
        """Forth and back, and where one is.

        Args:
            following: behind which row the next page begins; None: this is the last.
            shown: rows of this page.
            every: rows of all pages; None: not known.
        """
        behind = self._behind
        if not behind and following is None:
            return
        back, forth, where = st.columns((1, 1, 6), vertical_alignment="center")
        back.button(
            say("findings_paging.back"),
            key=f"{self._key}.back",
            disabled=not behind,
            on_click=_moved(behind[:-1], self._key),
            width="stretch",
        )
        forth.button(
            say("findings_paging.forth"),
            key=f"{self._key}.forth",
            disabled=following is None,
            on_click=_moved([*behind, following or 0], self._key),
            width="stretch",
        )
        told = {"page": count(len(behind) + 1), "rows": count(shown)}
        known = "where" if every is not None else "page"
        where.caption(say(f"findings_paging.{known}", every=count(every), **told))


def _moved(behind: list[int], key: str) -> Callable[[], None]:
    def moved() -> None:
        st.session_state[key] = behind

    return moved


def _plain(wanted: object) -> str:
    """What is asked for as a text; the moment up to which something is overdue aside."""
    return repr(wanted).replace(repr(getattr(wanted, "due_before", None)), "")

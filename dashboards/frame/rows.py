"""Tables of a page of rows, as real tables of the document: read aloud, searched, printed, linked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from dashboards.frame.figures import NONE
from dashboards.frame.language import say
from dashboards.frame.navigation import address, pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dashboards.frame.view import View

_MEANT = re.compile(r"([\\`*_{}\[\]()<>#+|~$:!&@^=])")
"""Signs that Markdown might read as more than themselves."""


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads to another page."""

    label: str
    to: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        name: in words.
        right: of figures, which stand below each other by their digits.
        short: of days, codes and single words, which are never broken into two lines.
    """

    name: str
    right: bool = False
    short: bool = False


Cell = str | Link | None


def link(view: View, label: str, page: str, **params: str) -> Cell:
    """A cell that leads to a page; where there is no such page or one may not see it, its words alone.

    Args:
        view: who looks; the link keeps that one's language.
        label: in words.
        page: its id.
        params: what it is to show; never a name or a number of a patient.
    """
    row = next((one for one in pages() if one.page == page), None)
    if row is None or not row.allowed(view):
        return label
    if view.lang != view.parts.settings.language:
        params["lang"] = view.lang
    return Link(label, address(page, **params))


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    """Show a table.

    Args:
        columns: its heads.
        rows: their cells, as many as columns; None: nothing is known.
    """
    written = [
        _row([_plain(one.name) for one in columns]),
        _row([_rule(one) for one in columns]),
        *(_row([_cell(one) for one in row]) for row in rows),
    ]
    st.markdown("\n".join(written))


def plain(words: str) -> str:
    """Words as they are, whatever Markdown would make of them."""
    return _plain(words)


def say_plain(key: str, /, **params: object) -> str:
    """A text of ours, which may be Markdown, with values from elsewhere, which are none."""
    return say(key, **{name: plain(str(value)) for name, value in params.items()})


def turned(key: str) -> str | None:
    """Where the page of rows begins that is to be shown now; None: at the beginning."""
    held: list[str] = st.session_state.get(_stack(key), [])
    return held[-1] if held else None


def turner(key: str, following: str | None) -> None:
    """Buttons to the page of rows before and behind; nothing where there is one page alone.

    Args:
        key: of the list; the same as :func:`turned` was asked with.
        following: where the page behind begins; None: this is the last.
    """
    held: list[str] = st.session_state.setdefault(_stack(key), [])
    if not held and following is None:
        return
    # Beside each other as wide as their words: columns would cut them in a small window.
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            say("rows.before"), key=f"{key}.before", disabled=not held, on_click=_back, args=(key,)
        )
        st.caption(say("rows.page", number=len(held) + 1), width="content")
        st.button(
            say("rows.behind"),
            key=f"{key}.behind",
            disabled=following is None,
            on_click=_on,
            args=(key, following),
        )


def first(key: str) -> None:
    """Begin a list anew, for what is asked of it has changed."""
    st.session_state.pop(_stack(key), None)


def _stack(key: str) -> str:
    return f"{key}.pages"


def _back(key: str) -> None:
    held: list[str] = st.session_state.get(_stack(key), [])
    if held:
        held.pop()


def _on(key: str, following: str | None) -> None:
    if following is not None:
        st.session_state.setdefault(_stack(key), []).append(following)


def _rule(column: Column) -> str:
    """How Markdown aligns a column; the style sheet keeps what is aligned in one line."""
    return "---:" if column.right else ":---" if column.short else "---"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    if cell is None or cell == "":
        return NONE
    return f"[{_plain(cell.label)}]({cell.to})" if isinstance(cell, Link) else _plain(cell)


def _plain(words: str) -> str:
    return _MEANT.sub(r"\\\1", " ".join(words.split()))

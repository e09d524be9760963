"""What the parts of the page choose by: a kind of catalogue, a day; and how a day and a page are told."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.catalogues.forms import KINDS
from codebooks.messages import text
from dashboards.frame.language import lang, say
from dashboards.frame.rows import first, turned
from grouper.case.dates import LOCAL
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGITS = 9
"""Of the place of a page in an address."""


def kind_choice(key: str, kinds: Sequence[str] = KINDS) -> str:
    """Choose a kind; the address may name one.

    Args:
        key: of the part of the page.
        kinds: to choose from.
    """
    held = f"{key}.kind"
    asked = st.query_params.get("kind")
    if held not in st.session_state:
        st.session_state[held] = asked if asked in kinds else kinds[0]
    chosen = st.segmented_control(
        say("catalogue_page.kind"),
        kinds,
        format_func=lambda one: text(f"catalogue_kind.{one}", lang()),
        key=held,
        required=True,
        on_change=first,
        args=(key,),
    )
    kind = chosen or kinds[0]
    if asked != kind:
        st.query_params["kind"] = kind
    return kind


def today() -> date:
    """The local day."""
    return now().astimezone(LOCAL).date()


def day_choice(key: str, words: str, *, everything: bool = False) -> date | None:
    """Choose a day, at first today.

    Args:
        key: of the part of the page.
        words: what the day is.
        everything: whether no day may be chosen, which means all days.

    Returns:
        The day; None: none is chosen.
    """
    held = f"{key}.day"
    if held not in st.session_state:
        st.session_state[held] = today()
    chosen = st.date_input(
        words,
        key=held,
        format="YYYY-MM-DD",
        min_value=date(1950, 1, 1),
        max_value=date(2099, 12, 31),
        on_change=first,
        args=(key,),
        help=say("catalogue_page.day_help") if everything else None,
    )
    return chosen if isinstance(chosen, date) else None


def began(key: str) -> int:
    """How many rows stand before the page that is to be shown."""
    told = turned(key)
    return int(told) if told and told.isdecimal() and len(told) <= _DIGITS else 0

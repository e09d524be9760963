"""What differs in a region between two days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.books.paging import buttons, turn
from dashboards.app_pages.books.shelf import day_of, region_of, today
from dashboards.app_pages.books.words import short
from dashboards.app_pages.policy.holding import policy_of
from dashboards.frame.figures import NONE, count
from dashboards.frame.language import say
from dashboards.frame.rows import Column, say_plain, table
from grouper.service.book_answers import region_name
from grouper.service.policy_answers import changing
from grouper.service.policy_words import topic_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from codebooks.policies.policy import Policy
    from dashboards.frame.view import View

_KEY = "policy.compare"
_COLUMNS = ("topic", "parameter", "keys", "old", "new", "unit")


def show(view: View) -> None:
    """Show the part."""
    first, second, third = st.columns(3, vertical_alignment="bottom")
    with first:
        region = region_of(view, f"{_KEY}.region", say("policy_page.region"))
    with second:
        old = day_of(f"{_KEY}.old", say("policy_page.old"), _january())
    with third:
        new = day_of(f"{_KEY}.new", say("policy_page.new"), today())
    if old is None or new is None:
        st.info(say("books_page.no_day"), icon=":material/info:")
        return
    if new <= old:
        st.warning(say("policy_page.backwards"), icon=":material/warning:")
        return
    before, after = policy_of(region, old), None
    if before is not None:
        after = policy_of(region, new)
    if before is None or after is None:
        return
    place = {"region": region_name(region, view.lang), "old": old, "new": new}
    st.caption(say_plain("policy_page.compared", before=before.id, after=after.id, **place))
    show_changing(view, before, after, key=_KEY)


def show_changing(view: View, before: Policy, after: Policy, *, key: str) -> None:
    """Show all in which two policies differ.

    Args:
        view: who looks.
        before: the one policy.
        after: the other.
        key: of the page's widgets.
    """
    found = changing(before, after, view.lang)
    if not found:
        st.success(say("policy_page.no_difference"), icon=":material/check:")
        return
    st.caption(say("policy_page.differences", count=count(len(found))))
    shown = turn(f"{key}.rows", found, (before.id, after.id))
    rows: list[Sequence[str]] = [
        (
            topic_words(one.topic, view.lang),
            one.parameter,
            short(one.keys),
            NONE if one.old is None else short(one.old),
            NONE if one.new is None else short(one.new),
            one.unit,
        )
        for one in shown
    ]
    table([Column(say(f"policy_column.{name}"), short=name == "unit") for name in _COLUMNS], rows)
    buttons(f"{key}.rows", len(found))


def _january() -> date:
    return today().replace(month=1, day=1)

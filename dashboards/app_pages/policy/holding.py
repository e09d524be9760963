"""What holds in a region on a day: every parameter with its value and what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import CodebookError
from dashboards.app_pages.books.paging import buttons, turn
from dashboards.app_pages.books.shelf import day_of, region_of, today
from dashboards.app_pages.books.sizes import sizes
from dashboards.app_pages.books.words import short, validity
from dashboards.frame.errors import show_error
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.rows import Column, plain, say_plain, table
from grouper.service.book_answers import region_name
from grouper.service.policy_answers import holdings, is_priced, policy_on, table_rows, topics
from grouper.service.policy_words import say as policy_say
from grouper.service.policy_words import topic_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from codebooks.policies.policy import Policy
    from dashboards.frame.view import View
    from grouper.service.policy_answers import Holding

_KEY = "policy"
_FIND = f"{_KEY}.find"
_COLUMNS = ("parameter", "keys", "value", "term", "origin", "source")


def show(view: View) -> None:
    """Show the part."""
    policy = policy_picked(view, f"{_KEY}.day", say("policy_page.day"))
    if policy is None:
        return
    every = holdings(policy, view.lang)
    first, second = st.columns(2, vertical_alignment="bottom")
    there = [name for name in topics(view.lang) if any(one.topic == name for one in every)]
    with first:
        if st.session_state.get(f"{_KEY}.topic") not in (None, *there):
            st.session_state[f"{_KEY}.topic"] = None
        topic = st.selectbox(
            say("policy_page.topic"),
            there,
            index=None,
            key=f"{_KEY}.topic",
            format_func=lambda one: topic_words(one, view.lang),
            placeholder=say("policy_page.all_topics"),
        )
    with second:
        wanted = st.text_input(say("policy_page.find"), key=_FIND)
    doubtful = st.toggle(say("policy_page.assumptions"), key=f"{_KEY}.assumptions")
    found = [
        one
        for one in every
        if topic in (None, one.topic)
        and (one.assumption or not doubtful)
        and wanted.strip().lower() in f"{one.parameter} {one.path} {one.value} {one.keys}".lower()
    ]
    _metrics(every)
    if not found:
        st.info(say("policy_page.nothing"), icon=":material/info:")
        return
    shown = turn(f"{_KEY}.holdings", found, (policy.id, topic, wanted, doubtful))
    table(
        [Column(say(f"policy_column.{name}")) for name in _COLUMNS],
        [_row(one, view.lang) for one in shown],
    )
    buttons(f"{_KEY}.holdings", len(found))
    _detail(view, policy, found)


def policy_picked(view: View, key: str, label: str) -> Policy | None:
    """Choose region and day; None: there is no policy to show, and the page says why."""
    first, second = st.columns((2, 2), vertical_alignment="bottom")
    with first:
        region = region_of(view, f"{key}.region", say("policy_page.region"))
    with second:
        day = day_of(key, label, today())
    if day is None:
        st.info(say("books_page.no_day"), icon=":material/info:")
        return None
    policy = policy_of(region, day)
    if policy is None:
        return None
    place = {"region": region_name(region, view.lang), "day": day}
    if is_priced(policy):
        st.caption(say_plain("policy_page.holds", policy=policy.id, **place))
    else:
        st.warning(say_plain("policy_page.no_rules", **place), icon=":material/warning:")
    return policy


def policy_of(region: str, day: date) -> Policy | None:
    """The policy of a day; None: a file cannot be used, and the page says which."""
    try:
        return policy_on(region, day)
    except CodebookError as error:
        st.error(say("policy_page.broken"), icon=":material/error:")
        show_error(error)
        return None


def _metrics(every: Sequence[Holding]) -> None:
    figures = {
        "parameters": len({one.path for one in every}),
        "own": len({one.path for one in every if one.own}),
        "assumptions": len({one.path for one in every if one.assumption}),
        "topics": len({one.topic for one in every}),
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(say(f"policy_metric.{name}"), count(value), border=True)


def _row(one: Holding, lang: str) -> Sequence[str]:
    mark = policy_say("assumption", lang) if one.assumption else ""
    return (
        f"{topic_words(one.topic, lang)} · {one.parameter}",
        short(one.keys),
        f"{short(one.value)} {one.unit}".rstrip() + mark,
        validity(one.valid_from, one.valid_to, lang),
        one.origin,
        short(one.source, sizes().source),
    )


def _detail(view: View, policy: Policy, found: Sequence[Holding]) -> None:
    """One value with all that is said of it; of a table its rows."""
    labels = [
        " · ".join(filter(None, (topic_words(one.topic, view.lang), one.parameter, one.keys)))
        for one in found
    ]
    key = f"{_KEY}.one"
    if st.session_state.get(key) not in (None, *range(len(found))):
        st.session_state[key] = None
    at = st.selectbox(
        say("policy_page.detail"),
        range(len(found)),
        index=None,
        key=key,
        format_func=lambda one: short(labels[one]),
        placeholder=say("books_page.choose"),
    )
    if at is None:
        return
    one = found[at]
    with st.container(border=True):
        st.markdown(f"**{plain(labels[at])}**")
        if one.assumption:
            st.warning(say("policy_page.is_assumption"), icon=":material/help:")
        pairs = {
            "value": one.value,
            "unit": one.unit,
            "term": validity(one.valid_from, one.valid_to, view.lang),
            "origin": one.origin,
            "source": one.source,
            "note": one.note,
            "about": one.about,
            "place": one.place,
            "path": one.path,
        }
        table(
            [Column(say("books_column.field"), short=True), Column(say("books_column.value"))],
            [(say(f"policy_column.{name}"), words) for name, words in pairs.items() if words],
        )
        if one.rows > 1:
            heads, rows = table_rows(policy, one.path, one.at, view.lang)
            rows_key = f"{_KEY}.rows"
            shown = turn(rows_key, rows, (policy.id, one.path, one.at))
            table([Column(head) for head in heads], shown)
            buttons(rows_key, len(rows))

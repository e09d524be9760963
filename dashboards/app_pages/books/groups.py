"""A group of a scheme: found by code or words, its rules, its policy of the day, its cases."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import CodebookError
from codebooks.messages import text
from codebooks.registry import INPATIENT
from dashboards.app_pages.books.paging import buttons, turn
from dashboards.app_pages.books.shelf import day_of, region_of, today
from dashboards.app_pages.books.sizes import sizes
from dashboards.app_pages.books.words import known, short, table_name, validity
from dashboards.frame.drill import drill, narrowed
from dashboards.frame.errors import show_error
from dashboards.frame.language import say
from dashboards.frame.marts import mart_of
from dashboards.frame.rows import Column, link, plain, say_plain, table
from grouper.mart.slices import Axis, Slice
from grouper.service.book_answers import at_hand, region_name, terms
from grouper.service.book_groups import card_of, find, policy_rows
from grouper.service.policy_words import key_words, topic_words, unit_words, value_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.search import Hit
    from dashboards.frame.rows import Cell
    from dashboards.frame.view import View
    from grouper.service.book_groups import GroupCard, Named, PolicyRow, RuleCard

_SCHEME, _QUERY, _GROUP, _CASES = "books.scheme", "books.query", "books.group", "books.cases"
_REGION, _DAY = "books.group_region", "books.group_day"
_AXES = {"mdc": Axis.MDC, "adrg": Axis.ADRG}
_ENTERED = "books.entered"


def show(view: View) -> None:
    """Show the part."""
    scheme = _scheme(view)
    with st.container():
        query = st.text_input(
            say("books_page.find"), key=_QUERY, placeholder=say("books_page.find_how")
        )
    if scheme is None:
        return
    if not query.strip():
        st.info(say("books_page.find_start"), icon=":material/search:")
        return
    most = sizes().hits
    hits = find(scheme, query, most + 1)
    if not hits:
        st.info(say("books_page.find_none"), icon=":material/search_off:")
        return
    chosen = _chosen(hits[:most], view.lang)
    if len(hits) > most:
        st.caption(say("books_page.find_most", most=most))
    if chosen is None:
        return
    card = card_of(scheme, chosen.code, view.lang, sizes().speaking)
    if card is None:
        st.info(say("books_page.find_none"), icon=":material/search_off:")
        return
    st.subheader(plain(f"{card.code} {card.name}".strip()), anchor=False)
    _rules(view, card)
    _rows(view, card)
    _policy(view, card)
    _cases(view, card, chosen.kind)


def _scheme(view: View) -> str | None:
    """Which scheme; by default the one that binds the service's inpatients today."""
    known_ids = [one.card.id for one in at_hand()]
    asked = {name: st.query_params.get(name) for name in ("scheme", "group")}
    if st.session_state.get(_ENTERED) != asked and any(asked.values()):
        # A link to a group was followed; what the page itself shares is no link.
        st.session_state[_ENTERED] = asked
        if asked["scheme"] in known_ids:
            st.session_state[_SCHEME] = asked["scheme"]
        if asked["group"]:
            st.session_state[_QUERY] = asked["group"]
            st.session_state.pop(_GROUP, None)
    if _SCHEME not in st.session_state:
        st.session_state[_SCHEME] = _bound(view) or known_ids[0]
    chosen: str | None = st.selectbox(say("books_page.scheme"), known_ids, key=_SCHEME)
    return chosen


def _bound(view: View) -> str | None:
    day = today()
    try:
        found = terms(view.parts.settings.region, INPATIENT)
    except CodebookError:
        return None
    return next(
        (
            one.scheme
            for one in found
            if one.since <= day and (one.until is None or day < one.until)
        ),
        None,
    )


def _chosen(hits: Sequence[Hit], lang: str) -> Hit | None:
    labels = [
        f"{known('cli_codebooks.kind', hit.kind, lang)} {hit.code} {hit.name}".strip()
        for hit in hits
    ]
    if st.session_state.get(_GROUP, 0) not in range(len(hits)):
        st.session_state.pop(_GROUP, None)
    at = st.selectbox(
        say("books_page.found", count=len(hits)),
        range(len(hits)),
        key=_GROUP,
        format_func=lambda one: labels[one],
    )
    return None if at is None else hits[at]


def _rules(view: View, card: GroupCard) -> None:
    """The rules as the official sheet words them, with their place."""
    for number, rule in enumerate(card.rules):
        _rule(view, card, rule, number)


def _rule(view: View, card: GroupCard, rule: RuleCard, number: int) -> None:
    with st.container(border=True):
        kind = text(f"cli_codebooks.kind.{rule.table}", view.lang)
        st.markdown(f"**{plain(f'{kind} {rule.code} {rule.name}')}**")
        if rule.above:
            st.markdown(f"{say('books_page.above')} {_path(rule.above)}")
        st.caption(say("books_page.official"))
        if rule.rule:
            st.code(rule.rule, language=None, wrap_lines=True)
            st.caption(say("books_page.in_words"))
            # Each line of the words is one alternative.
            st.markdown("  \n".join(plain(line) for line in rule.words.splitlines()))
        else:
            st.markdown(say("books_page.always"))
        place = say("books_page.rank", rank=rule.rank)
        if rule.source_row is not None:
            place += say("books_page.stop") + say("books_page.row", row=rule.source_row)
        st.caption(place)
        if rule.below:
            st.caption(say("books_page.below", count=len(rule.below)))
            key = f"books.below.{number}"
            shown = turn(key, rule.below, (card.scheme, rule.code))
            table(
                [Column(say("books_column.code"), short=True), Column(say("books_column.name"))],
                [(_link(view, card, one), one.name) for one in shown],
            )
            buttons(key, len(rule.below))


def _link(view: View, card: GroupCard, one: Named) -> Cell:
    return link(view, one.code, "codebooks", **_to(card.scheme, one.code))


def _path(above: Sequence[Named]) -> str:
    return say("books_page.within").join(plain(f"{one.code} {one.name}".strip()) for one in above)


def _rows(view: View, card: GroupCard) -> None:
    """Of a scheme without rules: its own row cell by cell, and what else speaks of its code."""
    if not card.rows:
        return
    name, cells = card.rows[0]
    st.caption(table_name(name, view.lang))
    _cells(cells, view.lang)
    others = card.rows[1:]
    if others:
        with st.expander(say("books_page.speaking", count=len(others) + card.more)):
            key = "books.speaking"
            shown = turn(key, others, (card.scheme, card.code))
            names = ("of", "code", "what")
            table(
                [Column(say(f"books_column.{one}"), short=one == "of") for one in names],
                [_speaking(view, card, *one) for one in shown],
            )
            buttons(key, len(others))
    if card.more:
        st.caption(say("books_page.more_rows", count=card.more))


def _speaking(view: View, card: GroupCard, name: str, cells: Mapping[str, str]) -> Sequence[Cell]:
    """A row in short: a group by its way there, another one by what its cells say."""
    group = cells.get("group")
    said = cells.get("name") or say("books_page.joint").join(cells.values())
    where = table_name(name, view.lang)
    if group is None:
        return where, cells.get("code"), short(said)
    return where, link(view, group, "codebooks", **_to(card.scheme, group)), short(said)


def _to(scheme: str, group: str) -> dict[str, str]:
    return {"part": "groups", "scheme": scheme, "group": group}


def _cells(cells: Mapping[str, str], lang: str) -> None:
    table(
        [Column(say("books_column.field"), short=True), Column(say("books_column.value"))],
        [
            (known("books_cell", name, lang), known(f"books_cell_value.{name}", value, lang))
            for name, value in cells.items()
        ],
    )


def _policy(view: View, card: GroupCard) -> None:
    """What the policy of a day says of the group, where the group's scheme binds on that day."""
    st.subheader(say("books_page.policy"), anchor=False)
    first, second = st.columns(2)
    with first:
        region = region_of(view, _REGION, say("books_page.region"))
    with second:
        day = day_of(_DAY, say("books_page.day"), today())
    if day is None:
        st.info(say("books_page.no_day"), icon=":material/info:")
        return
    bound = next(
        (
            one.scheme
            for kind in next(o.card.kinds for o in at_hand() if o.card.id == card.scheme)
            for one in terms(region, kind)
            if one.since <= day and (one.until is None or day < one.until)
        ),
        None,
    )
    place = {"region": region_name(region, view.lang), "day": day}
    if bound != card.scheme:
        words = "other_scheme" if bound else "no_scheme"
        st.info(
            say_plain(f"books_page.{words}", scheme=bound or "", **place), icon=":material/info:"
        )
        return
    try:
        found = policy_rows(region, day, card.code)
    except CodebookError as error:
        show_error(error)
        return
    if not found:
        st.info(say("books_page.no_policy", **place), icon=":material/info:")
        return
    names = ("topic", "keys", "value", "term", "source")
    table(
        [Column(say(f"books_column.{name}"), short=name == "term") for name in names],
        [_policy_row(one, view.lang) for one in found],
    )


def _policy_row(one: PolicyRow, lang: str) -> Sequence[str]:
    given = one.given
    joint = text("books_page.joint", lang)
    values = joint.join(
        f"{column.called(lang)} {value_words(one.cells[name], lang, column)}"
        f" {unit_words(column, lang)}".rstrip()
        for name, column in one.form.columns.items()
        if name not in one.form.key and one.cells[name] is not None
    )
    if given.assumption:
        values += text("policy_cli.assumption", lang)
    return (
        f"{topic_words(given.topic, lang)}{joint}{one.form.called(lang)}",
        key_words(one.form, one.keys, lang),
        values,
        validity(given.valid_from, given.valid_to, lang),
        given.source,
    )


def _cases(view: View, card: GroupCard, kind: str) -> None:
    """The cases of the mart in this group, when they are asked for."""
    st.subheader(say("books_page.cases"), anchor=False)
    mart = mart_of(view)
    if mart is None:
        return
    about = mart.about
    if card.scheme not in about.schemes:
        schemes = say("books_page.joint").join(about.schemes)
        st.info(
            say_plain("books_page.cases_other", schemes=schemes or say("books_page.nothing")),
            icon=":material/info:",
        )
        return
    if about.first is None or about.last is None or view.principal.reach == ():
        st.info(say("books_page.cases_none"), icon=":material/info:")
        return
    if not st.toggle(say("books_page.cases_show"), key=_CASES):
        return
    whole = Slice(
        since=about.first,
        until=about.last + timedelta(days=1),
        reach=view.principal.reach,
        kinds=(),
    )
    cut = narrowed(whole, _AXES.get(kind, Axis.GROUP), card.code)
    drill(view, mart, cut, key="books.drill", title=card.code)

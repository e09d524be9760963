"""The schemes at hand, and which of them binds on a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import catalogue, text
from codebooks.registry import INPATIENT, LONG_STAY, OUTPATIENT
from dashboards.app_pages.books.paging import buttons, turn
from dashboards.app_pages.books.sizes import sizes
from dashboards.app_pages.books.words import known, last_day, standing, table_name, validity
from dashboards.frame.errors import show_error
from dashboards.frame.figures import NONE, count
from dashboards.frame.labels import worded
from dashboards.frame.language import say
from dashboards.frame.rows import Column, say_plain, table
from grouper.case.dates import LOCAL
from grouper.service.book_answers import at_hand, broken, region_name, regions, terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.frame.view import View
    from grouper.service.book_answers import SchemeAtHand, Term

KINDS = (INPATIENT, OUTPATIENT, LONG_STAY)
_REGION, _KIND, _DAY, _ONE = "books.region", "books.kind", "books.day", "books.one"
_HASH = 12
"""Signs of a hash in a table; the whole stands on the card."""


def show(view: View) -> None:
    """Show the part."""
    _binding(view)
    found = at_hand()
    st.subheader(say("books_page.at_hand", count=count(len(found))), anchor=False)
    _table(view, found)
    for name, error in broken().items():
        st.error(say_plain("books_page.broken", id=name), icon=":material/error:")
        show_error(error)
    _card(view, found)


def today() -> date:
    """The day it is here."""
    return datetime.now(LOCAL).date()


def day_of(key: str, label: str, begun: date | None) -> date | None:
    """Choose a day; None: none is chosen.

    Args:
        key: of the widget.
        label: its words.
        begun: what it begins with.
    """
    first, last = sizes().first_day, sizes().last_day
    day = st.date_input(label, begun, key=key, format="YYYY-MM-DD", min_value=first, max_value=last)
    return day if isinstance(day, date) else None


def region_of(view: View, key: str, label: str) -> str:
    """Choose a region; the service's own comes first.

    Args:
        view: of the page.
        key: of the widget.
        label: its words.
    """
    every = regions()
    own = next(
        (
            one.id
            for one in every.values()
            if view.parts.settings.region in (one.id, one.name, *one.aliases)
        ),
        next(iter(every)),
    )
    asked = st.query_params.get("region")
    if key not in st.session_state:
        st.session_state[key] = asked if asked in every else own
    chosen = st.selectbox(
        label, list(every), key=key, format_func=lambda one: region_name(one, view.lang)
    )
    place = str(chosen or own)
    _share("region", place if place != own else None)
    return place


def _share(name: str, value: str | None) -> None:
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def _binding(view: View) -> None:
    """Say in a sentence which scheme binds, and which one after it."""
    first, second, third = st.columns((2, 3, 2), vertical_alignment="bottom")
    with first:
        region = region_of(view, _REGION, say("books_page.region"))
    with second:
        picked = st.segmented_control(
            say("books_page.kind"),
            KINDS,
            default=INPATIENT,
            key=_KIND,
            format_func=lambda one: worded("kind", one, view.lang),
        )
    with third:
        day = day_of(_DAY, say("books_page.day"), today())
    if day is None:
        st.info(say("books_page.no_day"), icon=":material/info:")
        return
    kind = picked or INPATIENT
    found = terms(region, kind)
    place = {"region": region_name(region, view.lang), "kind": worded("kind", kind, view.lang)}
    now = next((one for one in found if _covers(one, day)), None)
    later = [one for one in found if one.since > day]
    after = "".join(
        say_plain(
            f"books_page.binds_{'later' if one.scheme else 'later_absent'}",
            since=one.since,
            scheme=one.scheme or "",
        )
        for one in later
    )
    if now is None:
        words = say(f"books_page.binds_{'none_yet' if later else 'none'}", day=day, **place)
        st.warning(words + after, icon=":material/warning:")
    else:
        _sentence(now, day, place, after)
    _course(view, found)


def _covers(term: Term, day: date) -> bool:
    return term.since <= day and (term.until is None or day < term.until)


def _sentence(now: Term, day: date, place: dict[str, str], after: str) -> None:
    """Say which scheme binds, until when, and which one after it."""
    if now.scheme is None:
        words = say_plain("books_page.binds_absent", day=day, source=now.source, **place)
        st.warning(words + after, icon=":material/warning:")
        return
    words = say_plain("books_page.binds", day=day, scheme=now.scheme, **place)
    if now.until is not None:
        words += say("books_page.binds_until", last=last_day(now.until), scheme=now.scheme)
    st.success(words + after, icon=":material/event_available:")


def _course(view: View, found: Sequence[Term]) -> None:
    with st.expander(say("books_page.course"), icon=":material/history:"):
        if not found:
            st.caption(say("books_page.no_course"))
            return
        names = ("term", "scheme", "bound_by", "origin", "source")
        table(
            [Column(say(f"books_column.{name}"), short=name != "source") for name in names],
            [
                (
                    validity(one.since, one.until, view.lang),
                    one.scheme or say("books_page.not_at_hand"),
                    region_name(one.region, view.lang) if one.scheme else NONE,
                    _origin(installed=one.installed, lang=view.lang) if one.scheme else NONE,
                    one.source,
                )
                for one in found
            ],
        )


def _origin(*, installed: bool, lang: str) -> str:
    return text(f"cli_codebooks.origin.{'installed' if installed else 'shipped'}", lang)


def _table(view: View, found: Sequence[SchemeAtHand]) -> None:
    names = ("id", "family", "region", "term", "standing", "origin", "hash")
    wide = ("id", "region", "term", "standing")
    shown = turn("books.shelf", found)
    table(
        [Column(say(f"books_column.{name}"), short=name not in wide) for name in names],
        [
            (
                one.card.id,
                known("books_family", one.card.family, view.lang),
                region_name(one.card.region, view.lang),
                validity(one.card.valid_from, one.card.valid_to, view.lang),
                standing(one.card.standing, view.lang),
                _origin(installed=one.installed, lang=view.lang),
                one.content[:_HASH],
            )
            for one in shown
        ],
    )
    buttons("books.shelf", len(found))


def _card(view: View, found: Sequence[SchemeAtHand]) -> None:
    by_id = {one.card.id: one for one in found}
    asked = st.query_params.get("scheme")
    if _ONE not in st.session_state:
        st.session_state[_ONE] = asked if asked in by_id else None
    chosen = st.selectbox(
        say("books_page.card"),
        list(by_id),
        index=None,
        key=_ONE,
        placeholder=say("books_page.choose"),
    )
    if chosen is None:
        return
    one = by_id[chosen]
    card = one.card
    lang = view.lang
    options = [
        known("cli_codebooks.option", name, lang)
        if on is True
        else f"{known('cli_codebooks.option', name, lang)}: {on}"
        for name, on in card.options.items()
        if on is not False
    ]
    joint = say("books_page.joint")
    pairs = {
        "id": card.id,
        "family": known("books_family", card.family, lang),
        "region": region_name(card.region, lang),
        "kinds": joint.join(worded("kind", kind, lang) for kind in card.kinds),
        "term": validity(card.valid_from, card.valid_to, lang),
        "code_sets": joint.join(dict.fromkeys((card.diagnosis_code_set, card.procedure_code_set))),
        "newborn_weight": known("cli_codebooks.weight", card.newborn_weight, lang),
        "options": joint.join(options),
        "counts": joint.join(_count(name, rows, lang) for name, rows in one.counts.items()),
        "standing": standing(card.standing, lang, whole=True),
        "source": card.source,
        "origin": _origin(installed=one.installed, lang=lang),
        "hash": one.content,
    }
    table(
        [Column(say("books_column.field"), short=True), Column(say("books_column.value"))],
        [(say(f"books_column.{name}"), words) for name, words in pairs.items() if words],
    )


def _count(table: str, rows: int, lang: str) -> str:
    if f"cli_codebooks.count.{table}" in catalogue(lang):
        return text(f"cli_codebooks.count.{table}", lang, count=count(rows))
    return f"{table_name(table, lang)} {count(rows)}"

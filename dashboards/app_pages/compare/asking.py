"""What is to be compared: months, the two schemes, and weights where a person has them as a file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import GrouperError
from codebooks.messages import text
from codebooks.registry import registry
from dashboards.frame.errands import ask_errand
from dashboards.frame.errors import show_error
from dashboards.frame.language import say
from grouper.case.dates import LOCAL
from grouper.compare.words import say as compare_word
from grouper.service.comparing import KIND, WEIGHTS, Wish
from grouper.service.comparison_answers import AUTO

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.comparison_answers import Choices
    from grouper.service.errands import Errand

_NAMES = ("since", "last", "from", "to")
_REFUSED = "compare.refused"


def form(view: View, found: Choices) -> None:
    """Show the form; what is asked for is an errand.

    Args:
        view: who asks.
        found: what can be compared.
    """
    _begin(found)
    months = sorted(found.months)
    with st.form("compare.form"):
        for column, name in zip(st.columns(2), _NAMES[:2], strict=True):
            column.selectbox(say(f"compare_page.{name}"), months, key=f"compare.{name}")
        for column, name in zip(st.columns(2), _NAMES[2:], strict=True):
            column.selectbox(
                say(f"compare_page.{name}"),
                (AUTO, *found.schemes),
                key=f"compare.{name}",
                format_func=partial(scheme_name, lang=view.lang),
            )
        with st.expander(say("compare_page.weights")):
            st.caption(say("compare_page.weights_about"))
            for column, end in zip(st.columns(2), WEIGHTS, strict=True):
                column.file_uploader(
                    say(f"compare_page.weights_{end}"),
                    type=["csv", "txt"],
                    key=f"compare.weights_{end}",
                )
        st.form_submit_button(
            say("compare_page.begin"), type="primary", on_click=_begun, args=(view,)
        )
    refused = st.session_state.pop(_REFUSED, None)
    if isinstance(refused, GrouperError):
        show_error(refused)


def scheme_name(scheme: str, lang: str) -> str:
    """A scheme in words, with its region."""
    if scheme == AUTO:
        return compare_word(lang, "auto")
    card = registry().cards.get(scheme)
    if card is None:
        return scheme
    region = registry().regions.get(card.region)
    # Regions have Chinese names alone.
    place = region.name if region is not None and lang == "zh" else card.region
    family = compare_word(lang, f"family.{card.family}")
    return text("compare_page.scheme", lang, scheme=scheme, family=family, region=place)


def called(errand: Errand, lang: str) -> str:
    """A comparison in words: its months, its sides, when it was asked for, by whom."""
    params = errand.params
    return text(
        "compare_page.called",
        lang,
        since=params["since"],
        last=params["last"],
        first=_short(params["from"], lang),
        second=_short(params["to"], lang),
        at=errand.created.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M"),
        actor=errand.actor,
    )


def _short(scheme: str, lang: str) -> str:
    return compare_word(lang, "auto") if scheme == AUTO else scheme


def _begin(found: Choices) -> None:
    """By default the last months, under what binds and what is to bind next."""
    if "compare.since" in st.session_state and "compare.to" in st.session_state:
        return
    last = found.months[0]
    year = [one for one in found.months if one[:4] == last[:4]]
    begun = {"since": year[-1], "last": last, "from": AUTO, "to": found.coming or found.bound}
    for name, value in begun.items():
        st.session_state[f"compare.{name}"] = value or found.schemes[0]


def _begun(view: View) -> None:
    params = {name: st.session_state.get(f"compare.{name}") for name in _NAMES}
    held = {
        name: given.getvalue()
        for end, name in WEIGHTS.items()
        if (given := st.session_state.get(f"compare.weights_{end}")) is not None
    }
    try:
        Wish.of(params)
    except GrouperError as error:
        st.session_state[_REFUSED] = error
        return
    ask_errand(view, KIND, params, files=held)

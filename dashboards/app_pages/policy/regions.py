"""Which regions have a policy, by which methods they pay and when, and what cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.app_pages.books.words import validity
from dashboards.frame.errors import show_error
from dashboards.frame.figures import count
from dashboards.frame.language import say
from dashboards.frame.rows import Column, link, table
from grouper.payment.settlement.document import named
from grouper.service.book_answers import region_name
from grouper.service.policy_answers import faults, region_policies
from grouper.service.policy_words import topic_words

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.policy_answers import RegionPolicy


def show(view: View) -> None:
    """Show the part."""
    found = region_policies()
    st.caption(say("policy_page.regions_about", count=count(len(found))))
    names = ("region", "priced", "methods", "topics", "own")
    table(
        [
            Column(say(f"policy_column.{name}"), right=name == "topics", short=name == "region")
            for name in names
        ],
        [
            (
                link(
                    view,
                    region_name(one.region, view.lang),
                    "policies",
                    part="holding",
                    region=one.region,
                ),
                _priced(one, view.lang),
                _methods(one, view.lang),
                count(len(one.topics)),
                say("books_page.joint").join(topic_words(name, view.lang) for name in one.own),
            )
            for one in found
        ],
    )
    wrong = faults()
    if wrong:
        st.subheader(say("policy_page.faults", count=count(len(wrong))), anchor=False)
        st.caption(say("policy_page.faults_about"))
        for fault in wrong:
            show_error(fault.error)


def _priced(one: RegionPolicy, lang: str) -> str:
    if one.fault is not None:
        return say("policy_page.unusable", code=one.fault.code)
    spans = [validity(span.since, span.until, lang) for span in one.priced]
    return say("books_page.joint").join(spans) or say("policy_page.unpriced")


def _methods(one: RegionPolicy, lang: str) -> str:
    methods = dict.fromkeys(method for span in one.priced for method in span.methods)
    return say("books_page.joint").join(named("method", method, lang) for method in methods)

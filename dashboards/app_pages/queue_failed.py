"""Failed work of the service as rows of the queue: what, when, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from codebooks.messages import catalogue, text
from dashboards.app_pages.interface_words import moment
from dashboards.frame.language import say
from dashboards.frame.rows import Column, table
from grouper.service.failed_work import Work, failed_work
from grouper.store.schema import now

if TYPE_CHECKING:
    from dashboards.frame.view import View
    from grouper.service.failed_work import Failed


def failed(view: View) -> None:
    """Show what failed of late."""
    found = failed_work(view.parts.settings, view.parts.database, view.principal, now())
    if not found:
        st.info(say("queue_page.none"), icon=":material/check:")
        return
    names = ("when", "what", "why", "advice")
    table(
        [Column(say(f"queue_failed.{name}"), short=name == "when") for name in names],
        [
            (
                moment(one.at),
                what(one, view.lang),
                why(one, view.lang),
                one.advice or say(f"queue_failed.advice_of.{one.work}"),
            )
            for one in found
        ],
    )


def what(one: Failed, lang: str) -> str:
    """The work in words."""
    words, about = catalogue(lang), dict(one.about)
    if one.work is Work.SCREENING:
        scope = about["scope"]
        about["scope"] = words.get(f"queue_failed.scope.{scope}", scope)
    if one.work is Work.ERRAND:
        about["kind"] = words.get(f"errand_kind.{about['kind']}", about["kind"])
    return text(f"queue_failed.work.{one.work}", lang, **about)


def why(one: Failed, lang: str) -> str:
    """Why, in the words that were written down with it, else those of its code."""
    if one.detail:
        return one.detail
    words = catalogue(lang)
    for kind in ("reason", "error"):
        told = words.get(f"{kind}.{one.code}")
        if told is not None and "{" not in told:
            return told
    return one.code or words["queue_failed.unknown"]

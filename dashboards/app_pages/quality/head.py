"""The headline of the page: each figure with its share and that of the period before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import text
from dashboards.app_pages.quality.worded import SHARES, count_of, share_of
from dashboards.frame.figures import count, share
from dashboards.frame.marts import ask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from grouper.mart.mart import Mart
    from grouper.mart.slices import Slice

_LONGEST_MONTH = timedelta(days=31)


def headline(mart: Mart, cut: Slice, now: Mapping[str, Any], lang: str) -> None:
    """Show the completeness, and the cases that are not grouped, not priced, or wrong.

    Args:
        mart: to ask for the period before.
        cut: of the page.
        now: the row of all its cases (:data:`grouper.mart.quality.QUALITY`).
        lang: ``zh`` or ``en``.
    """
    before = _before(mart, cut)
    columns = st.columns(1 + len(SHARES))
    with columns[0]:
        old = None if before is None else before["complete"]
        st.metric(
            text("fact.complete", lang),
            share(now["complete"], places=2),
            delta=_change(now["complete"], old),
            border=True,
        )
        st.caption(_beneath(old, lang))
    for column, name in zip(columns[1:], SHARES, strict=True):
        own = share_of(name, dict(now))
        old = None if before is None else share_of(name, dict(before))
        with column:
            st.metric(
                text(f"quality_metric.{name}", lang),
                count(count_of(name, dict(now))),
                delta=_change(own, old),
                delta_color="inverse",
                border=True,
            )
            told = text("quality_page.of_cases", lang, share=share(own, places=2))
            st.caption(f"{told} {_beneath(old, lang)}")


def month_of(cut: Slice, month: str) -> Slice | None:
    """The part of a slice that lies in a month such as ``2026-03``; None: no day of it does."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + _LONGEST_MONTH).replace(day=1)
    since, until = max(cut.since, first), min(cut.until, following)
    return replace(cut, since=since, until=until) if since < until else None


def _before(mart: Mart, cut: Slice) -> dict[str, Any] | None:
    """The figures of the period of the same length before; None: the mart does not reach so far."""
    before = cut.before()
    if mart.about.first is None or before.since < mart.about.first.replace(day=1):
        return None
    rows: list[dict[str, Any]] = ask(mart, "quality", before, axis=None).to_pylist()
    return rows[0] if rows else None


def _change(now: Decimal | None, before: Decimal | None) -> str | None:
    if now is None or before is None:
        return None
    return f"{share(now - before, places=2, sign=True)}"


def _beneath(before: Decimal | None, lang: str) -> str:
    if before is None:
        return text("headline.no_before", lang)
    return text("headline.before", lang, value=share(before, places=2))

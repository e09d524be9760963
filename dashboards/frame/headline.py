"""Headline figures: value, change against the period before, and interval."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from codebooks.messages import text
from dashboards.frame.figures import NONE, count, days, ratio, share, span, yuan
from grouper.mart.answers import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.mart.answers import Figure, Headline

HEADLINE = ("cases", "cmi", "cost_index", "time_index", "surplus")
"""What stands first, at most five."""
ALL = (
    *HEADLINE,
    "groups",
    "weight",
    "cost",
    "amount",
    "fund",
    "patient",
    "mean_cost",
    "mean_days",
    "high_share",
    "low_share",
    "losing_share",
    "ungrouped",
    "unpriced",
    "deaths",
    "death_share",
)
TOLD = ("measure", "value", "before", "change", "low_bound", "high_bound", "interval", "unit")
"""Columns of :func:`told`."""
_FORMS = {
    "cases": "count",
    "groups": "count",
    "ungrouped": "count",
    "unpriced": "count",
    "deaths": "count",
    "high": "count",
    "low": "count",
    "losing": "count",
    "mean_days": "days",
    "high_share": "share",
    "low_share": "share",
    "losing_share": "share",
    "death_share": "share",
    "cmi": "ratio",
    "weight": "number",
    "cost_index": "ratio",
    "time_index": "ratio",
}
"""The form of each figure; those not named here are amounts in yuan."""
_BIG = Decimal(10_000)
_LARGE = {"zh": Decimal(10_000), "en": Decimal(1_000)}
"""From so many yuan on an amount is written in the language's large unit, and what that is."""
_LESS_IS_BETTER = frozenset({"cost_index", "time_index"})
_MORE_IS_BETTER = frozenset({"surplus"})


def headline(found: Headline, lang: str, *, names: Sequence[str] = HEADLINE) -> None:
    """Show figures in a row.

    Args:
        found: of the slice.
        lang: ``zh`` or ``en``.
        names: which figures, at most five.
    """
    for column, name in zip(st.columns(len(names)), names, strict=True):
        figure: Figure = getattr(found, name)
        good = "normal" if name in _MORE_IS_BETTER else "off"
        with column:
            number, unit = short(name, figure.value, lang)
            st.metric(
                text("table_heading", lang, name=called(name, lang), unit=unit)
                if unit
                else called(name, lang),
                number,
                delta=_change(name, figure, lang),
                delta_color="inverse" if name in _LESS_IS_BETTER else good,  # type: ignore[arg-type]
                border=True,
            )
            st.caption(_beneath(name, figure, lang))


def called(name: str, lang: str) -> str:
    """A figure's name."""
    return text(f"fact.{name}", lang)


def short(name: str, value: Decimal | None, lang: str) -> tuple[str, str]:
    """A figure and its unit apart, for where there is little room.

    Args:
        name: of the figure.
        value: None: not known.
        lang: ``zh`` or ``en``; large amounts are in the language's own large unit.
    """
    form = _FORMS.get(name, "yuan")
    if value is None:
        return NONE, ""
    if form == "days":
        return f"{value:,.1f}", text("unit.days", lang)
    if form != "yuan":
        return written(name, value, lang), ""
    if abs(value) < _BIG:
        return f"{value:,.2f}", text("unit.yuan", lang)
    return f"{value / _LARGE[lang]:,.1f}", text("unit.large_yuan", lang)


def written(name: str, value: Decimal | None, lang: str, *, sign: bool = False) -> str:
    """A figure as people read it."""
    form = _FORMS.get(name, "yuan")
    if value is None or form == "yuan":
        return yuan(value, lang, sign=sign)
    plain = {
        "count": lambda: count(int(value)),
        "number": lambda: f"{value:,.0f}",
        "ratio": lambda: ratio(value),
        "share": lambda: share(value),
        "days": lambda: days(value, lang),
    }[form]()
    return f"+{plain}" if sign and value > 0 else plain


def told(found: Headline, lang: str) -> pa.Table:
    """All figures as a table; shares and indices as plain numbers."""
    rows = []
    for name in ALL:
        figure: Figure = getattr(found, name)
        rows.append(
            {
                "measure": text(f"fact.{name}", lang),
                "value": _plain(figure.value),
                "before": _plain(figure.before),
                "change": _plain(_difference(figure)),
                "low_bound": _plain(figure.low),
                "high_bound": _plain(figure.high),
                "interval": _method(figure, lang),
                "unit": text(f"unit.{_FORMS.get(name, 'yuan')}", lang),
            }
        )
    numbers = pa.decimal128(24, 6)
    words = {"measure", "interval", "unit"}
    schema = pa.schema([(name, pa.string() if name in words else numbers) for name in TOLD])
    return pa.Table.from_pylist(rows, schema)


def _plain(value: Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _difference(figure: Figure) -> Decimal | None:
    if figure.value is None or figure.before is None:
        return None
    return figure.value - figure.before


def _change(name: str, figure: Figure, lang: str) -> str | None:
    """The difference; of amounts that are never below nought, and of counts, the share it is."""
    difference = _difference(figure)
    if difference is None:
        return None
    if _FORMS.get(name) == "count" and figure.before:
        return share(difference / figure.before, sign=True)
    return written(name, difference, lang, sign=True)


def _beneath(name: str, figure: Figure, lang: str) -> str:
    if figure.low is not None and figure.high is not None:
        bounds = span(written(name, figure.low, lang), written(name, figure.high, lang), lang)
        return text("headline.interval", lang, span=bounds)
    if figure.before is None:
        return text("headline.no_before", lang)
    return text("headline.before", lang, value=written(name, figure.before, lang))


def _method(figure: Figure, lang: str) -> str:
    return "" if figure.interval is Interval.NONE else text(f"headline.{figure.interval}", lang)

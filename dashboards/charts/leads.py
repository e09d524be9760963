"""Findings by topic: yuan at stake, open and decided."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import altair as alt
import pyarrow as pa

from codebooks.messages import text
from dashboards.charts.data import inline
from dashboards.charts.theme import MAIN, OTHER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARTS = ("open", "closed")
"""Of what is at stake: still open, and closed as rightly found; cleared ones are not at stake."""
_BAR = 26
"""Pixels of a bar with the room around it."""
_LEAST = 3
_AROUND = 100
"""Pixels of axis and legend, which are part of a chart's height."""


def parts_of(lead: Mapping[str, Any]) -> dict[str, Decimal]:
    """What is at stake in a topic, in yuan, by part.

    Args:
        lead: of the document of the fund (``leads``).
    """
    amount, still = Decimal(lead["amount"]), Decimal(lead["open_amount"])
    return dict(zip(PARTS, (still, amount - still), strict=True))


def leads_chart(leads: Sequence[Mapping[str, Any]], lang: str) -> alt.Chart:
    """Bars by topic, the largest at stake at the top.

    Args:
        leads: of the document of the fund.
        lang: ``zh`` or ``en``.
    """
    rows = [
        {
            "topic": lead["name"],
            "part": text(f"chart.leads.part.{name}", lang),
            "yuan": float(value),
            "order": PARTS.index(name),
        }
        for lead in leads
        for name, value in parts_of(lead).items()
    ]
    names = [text(f"chart.leads.part.{name}", lang) for name in PARTS]
    topics = [one["name"] for one in sorted(leads, key=lambda one: -Decimal(one["amount"]))]
    drawn: alt.Chart = (
        alt.Chart(inline(rows))
        .mark_bar()
        .encode(
            y=alt.Y(
                "topic:N",
                sort=topics,
                title=None,
                axis=alt.Axis(labelLimit=300, labelOverlap=False),
            ),
            x=alt.X("sum(yuan):Q", title=text("chart.leads.axis", lang)),
            color=alt.Color(
                "part:N",
                sort=names,
                scale=alt.Scale(domain=names, range=[OTHER, MAIN]),
                title=None,
                legend=alt.Legend(orient="bottom"),
            ),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("topic:N", title=text("chart.leads.topic", lang)),
                alt.Tooltip("part:N", title=text("chart.leads.which", lang)),
                alt.Tooltip("yuan:Q", format=",.2f", title=text("chart.leads.axis", lang)),
            ],
        )
        .properties(height=max(_LEAST, len(topics)) * _BAR + _AROUND)
    )
    return drawn


def leads_table(leads: Sequence[Mapping[str, Any]], lang: str) -> pa.Table:
    """The figures of the chart: a row a topic."""
    columns: dict[str, list[Any]] = {
        text("chart.leads.topic", lang): [one["name"] for one in leads],
    }
    for name in PARTS:
        columns[text(f"chart.leads.part.{name}", lang)] = [parts_of(one)[name] for one in leads]
    return pa.table(columns)

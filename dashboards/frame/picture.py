"""A picture with what it rests on: unit, period, population and source, and its figures as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import text
from dashboards.frame.rows import plain

if TYPE_CHECKING:
    import altair as alt
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart and what it rests on.

    Attributes:
        key: of its texts: ``chart.<key>.title`` and ``chart.<key>.alt`` (what it shows, in words).
        chart: of Altair, without title.
        table: the figures it shows, as people read them.
        unit: in words.
        period: in words.
        population: whose figures, and how many cases.
        source: where they come from, and as of when.
    """

    key: str
    chart: alt.Chart | alt.LayerChart | alt.HConcatChart | alt.VConcatChart
    table: pa.Table
    unit: str
    period: str
    population: str
    source: str


def show(picture: Picture, lang: str, *, key: str | None = None) -> Any:  # noqa: ANN401 -- Streamlit's own
    """Show a picture, what it rests on, and its figures for those who cannot see it.

    Args:
        picture: to show.
        lang: ``zh`` or ``en``.
        key: makes what is chosen in the chart known to the page; None: nothing can be chosen.

    Returns:
        What was chosen, if anything can be.
    """
    st.subheader(text(f"chart.{picture.key}.title", lang), anchor=False)
    spoken = text(f"chart.{picture.key}.alt", lang)
    drawn = picture.chart.properties(description=spoken)
    chosen = st.altair_chart(drawn, key=key, on_select="rerun" if key else "ignore")
    st.caption(
        text(
            "chart.foot",
            lang,
            unit=plain(picture.unit),
            period=plain(picture.period),
            population=plain(picture.population),
            source=plain(picture.source),
        )
    )
    with st.expander(text("chart.as_table", lang)):
        st.dataframe(picture.table, hide_index=True)
    return chosen

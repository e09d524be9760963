"""A chart as a file of its own, with its title and what it rests on within it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import vl_convert

from codebooks.messages import text
from dashboards.charts.theme import FONT

if TYPE_CHECKING:
    from dashboards.frame.picture import Picture

_WIDTH = 760
_SCALE = 2.0
_LINE = 60


def png(picture: Picture, made: str, lang: str) -> bytes:
    """A chart as PNG on white ground."""
    drawn: bytes = vl_convert.vegalite_to_png(_spec(picture, made, lang), scale=_SCALE)
    return drawn


def svg(picture: Picture, made: str, lang: str) -> bytes:
    """A chart as SVG."""
    drawn: str = vl_convert.vegalite_to_svg(_spec(picture, made, lang))
    return drawn.encode()


def _spec(picture: Picture, made: str, lang: str) -> str:
    foot = text(
        "chart.foot",
        lang,
        unit=picture.unit,
        period=picture.period,
        population=picture.population,
        source=picture.source,
    )
    told = f"{foot}{text('export.made_at', lang, made=made)}"
    step = _LINE if lang == "zh" else 2 * _LINE
    under = [told[at : at + step] for at in range(0, len(told), step)]
    title = alt.Title(text(f"chart.{picture.key}.title", lang), subtitle=under, anchor="start")
    chart = picture.chart.properties(title=title, width=_WIDTH, background="white")
    spec: str = chart.configure_title(font=FONT, subtitleFont=FONT).to_json()
    return spec

"""The cost expected of a stay, day by day as it was foretold, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pyarrow as pa

from codebooks.messages import text
from dashboards.charts.theme import MAIN
from dashboards.frame.figures import yuan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal

Point = tuple["date", "Decimal | None", "Decimal | None", "Decimal | None"]
"""Day, low end, middle, high end in yuan."""


def course(points: Sequence[Point], lang: str) -> tuple[Any, pa.Table]:
    """The chart, and its figures as a table.

    Args:
        points: the oldest day first; every one has a middle.
        lang: ``zh`` or ``en``.
    """
    plain = pa.table(
        {
            "day": [f"{one[0].isoformat()}T00:00:00" for one in points],
            "low": [_float(one[1] if one[1] is not None else one[2]) for one in points],
            "middle": [_float(one[2]) for one in points],
            "high": [_float(one[3] if one[3] is not None else one[2]) for one in points],
        }
    )
    x = alt.X(
        "day:T",
        title=text("case_forecast.day", lang),
        axis=alt.Axis(format="%m-%d", tickCount={"interval": "day", "step": 1}, labelOverlap=True),
    )
    title = text("case_forecast.of.cost", lang)
    base = alt.Chart(plain)
    band = base.mark_area(opacity=0.25, color=MAIN).encode(
        x=x, y=alt.Y("low:Q", title=title), y2="high:Q"
    )
    line = base.mark_line(color=MAIN, point=True).encode(x=x, y=alt.Y("middle:Q", title=title))
    shown = pa.table(
        {
            text("case_forecast.day", lang): [one[0].isoformat() for one in points],
            text("case_forecast.low", lang): [yuan(one[1], lang) for one in points],
            text("case_forecast.middle", lang): [yuan(one[2], lang) for one in points],
            text("case_forecast.high", lang): [yuan(one[3], lang) for one in points],
        }
    )
    return alt.layer(band, line), shown


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)

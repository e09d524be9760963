"""How all charts look: colours that colour-blind people tell apart, the page's font, no ornament."""

from __future__ import annotations

import altair as alt
from altair.utils.schemapi import disable_debug_mode

# A chart is held against the schema when it is drawn; each of its parts before that, and each of its
# rows, cost half of the time of a page.
disable_debug_mode()
FONT = "Microsoft YaHei, PingFang SC, Noto Sans CJK SC, WenQuanYi Micro Hei, sans-serif"
MAIN, OTHER, GOOD, BAD, QUIET = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#75818c"
"""Okabe and Ito's colours: the main one, a second one, surplus, loss, what stands behind."""
SERIES = (MAIN, OTHER, GOOD, "#cc79a7", "#56b4e9", BAD, "#b8a100", QUIET)


@alt.theme.register("grouper", enable=True)
def theme() -> alt.theme.ThemeConfig:
    """The theme."""
    return alt.theme.ThemeConfig(
        {
            "config": {
                "font": FONT,
                "range": {"category": list(SERIES)},
                "axis": {"labelFontSize": 12, "titleFontSize": 12, "gridOpacity": 0.35},
                "legend": {"labelFontSize": 12, "titleFontSize": 12},
                # The chart says in words what it shows and has its table: its single marks need no
                # voice of their own, and one without a name would be read as an unnamed picture.
                "mark": {"aria": False},
                "view": {"stroke": None},
                "bar": {"color": MAIN},
                "line": {"color": MAIN, "strokeWidth": 2},
                "point": {"color": MAIN, "filled": True, "size": 60},
            }
        }
    )

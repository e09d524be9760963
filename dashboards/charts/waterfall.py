"""From what was charged to what is left: each step begins where the last one ended."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import altair as alt

from codebooks.messages import text
from dashboards.charts import theme
from dashboards.charts.data import inline, layered, money_axis, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEIGHT = 340
_LABEL = 160
"""Pixels of a label before it is cut."""
_NOTHING = Decimal(0)


def steps(amounts: Sequence[tuple[str, Decimal, bool]]) -> list[dict[str, Any]]:
    """Where each bar begins and ends.

    Args:
        amounts: label, amount in yuan, and whether it is a sum that stands on nought itself; else
            it is a change of what went before.

    Returns:
        ``step``, ``start`` and ``end`` in yuan (exact), ``amount``, ``kind``: ``sum``, ``more`` or
        ``less``.
    """
    found: list[dict[str, Any]] = []
    level = _NOTHING
    for label, amount, is_sum in amounts:
        start = _NOTHING if is_sum else level
        level = start + amount
        kind = "sum" if is_sum else "more" if amount >= 0 else "less"
        found.append({"step": label, "start": start, "end": level, "amount": amount, "kind": kind})
    return found


def waterfall(found: list[dict[str, Any]], lang: str) -> alt.LayerChart:
    """The bars, each with its amount.

    Args:
        found: of :func:`steps`.
        lang: ``zh`` or ``en``.
    """
    drawn = [{name: plain(one) for name, one in row.items()} for row in found]
    for row in drawn:
        row["top"] = max(row["start"], row["end"])
        row["kind"] = text(f"waterfall.{row['kind']}", lang)
    kinds = [text(f"waterfall.{one}", lang) for one in ("sum", "more", "less")]
    base = alt.Chart(inline(drawn)).encode(
        x=alt.X(
            "step:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelAngle=-30, labelOverlap=False, labelLimit=_LABEL),
        )
    )
    bars = base.mark_bar().encode(
        y=alt.Y("start:Q", title=text("chart_axis.amount", lang), axis=money_axis(lang)),
        y2="end:Q",
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=kinds, range=[theme.MAIN, theme.GOOD, theme.BAD]),
        ),
        tooltip=[
            alt.Tooltip("step:N", title=text("chart_axis.step", lang)),
            alt.Tooltip("amount:Q", title=text("chart_axis.amount_yuan", lang), format="+,.2f"),
        ],
    )
    amount = text("chart_axis.money", lang).replace("datum.value", "datum.amount")
    words = (
        base.transform_calculate(written=amount)
        .mark_text(dy=-7, fontSize=11, color=theme.QUIET)
        .encode(y="top:Q", text="written:N")
    )
    return layered(bars, words, height=_HEIGHT)

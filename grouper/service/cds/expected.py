"""What is expected of a running stay, in one line of a card.

Only the likeliest group is named, with its probability, and what the stay is expected to cost and to
be paid as it is: never what another group or code would bring.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.forecast.levels import UNGROUPED
from grouper.forecast.result import ForecastStatus
from grouper.service.cds.markdown import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = {"cost": "forecast_cost", "los": "forecast_los", "amount": "forecast_payment"}


def likeliest(forecast: Mapping[str, Any], lang: str) -> tuple[str, str]:
    """The likeliest group in words, and its probability."""
    first = forecast["groups"][0]
    group: str = first["group"]
    if group.startswith(UNGROUPED):
        named = text(f"status.{group.removeprefix(UNGROUPED)}", lang)
    else:
        named = f"{group} {first['name'] or ''}".strip()
    return named, f"{first['probability']:.0%}"


def forecast_line(forecast: Mapping[str, Any] | None, lang: str) -> list[str]:
    """The line of a forecast, as Markdown; none where there is no forecast.

    Args:
        forecast: the document as it is kept, amounts as texts.
        lang: of the words.
    """
    if forecast is None or forecast["status"] != ForecastStatus.FORECAST or not forecast["groups"]:
        return []
    group, probability = likeliest(forecast, lang)
    parts = [text("cds.forecast_likely", lang, group=escaped(group), probability=probability)]
    for measure, key in _WORDS.items():
        ends = {end: forecast[f"{measure}_{end}"] for end in ("low", "middle", "high")}
        if any(value is None for value in ends.values()):
            continue
        shown = {end: _shown(value, measure) for end, value in ends.items()}
        parts.append(text(f"cds.{key}", lang, level=f"{forecast['level']:.0%}", **shown))
    told = text("cds.joint", lang).join(parts)
    return [text("cds.forecast", lang, as_of=forecast["as_of"][:10], parts=told)]


def _shown(value: Any, measure: str) -> str:  # noqa: ANN401 -- a number, or an amount as text
    return f"{value:.1f}" if measure == "los" else f"{Decimal(value):,.0f}"

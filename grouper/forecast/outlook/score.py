"""What became of a forecast: held against what the bureau published and what the cases came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.months import last, month_of, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.forecast.outlook.published import Published

KIND = "grouper outlook"
"""What a forecast's file says it is."""
_YEAR_LONG = len("2026")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One figure of a forecast and what came.

    Attributes:
        period: such as ``2026-11`` or ``2026``.
        what: ``point_value``, or a measure such as ``fund``.
        method, insurance: of which part; both None: of all.
        forecast: what was expected.
        baseline: the simple forecast, where there is one.
        came: what came; None: not known yet.
        inside: by level, whether what came lies in the interval.
    """

    period: str
    what: str
    method: str | None
    insurance: str | None
    forecast: Decimal
    baseline: Decimal | None
    came: Decimal | None
    inside: Mapping[str, bool]

    @property
    def error(self) -> Decimal | None:
        """(forecast − what came) ÷ what came."""
        return _away(self.forecast, self.came)

    @property
    def baseline_error(self) -> Decimal | None:
        """The same of the simple forecast."""
        return None if self.baseline is None else _away(self.baseline, self.came)


def score(told: Mapping[str, Any], published: Published) -> list[Scored]:
    """Hold a forecast against the bureau's published months.

    A month's point value is the published one. A year's is what the forecast's rule gives once all
    months are published: it comes with the next forecast of a closed year, so pass that outlook to
    :func:`against`.

    Args:
        told: a forecast's document.
        published: the bureau's months.

    Raises:
        ForecastError: ``OUTLOOK_DOCUMENT``: it is no forecast's document.
    """
    came: dict[tuple[str, str, str | None, str | None], Decimal] = {}
    for period in _periods(told):
        if len(period["name"]) == _YEAR_LONG:
            continue
        wanted = month_of(period["name"])
        for one in published.months:
            if one.month == wanted:
                came[period["name"], "point_value", *one.pool] = one.value
    return _scored(told, came)


def against(told: Mapping[str, Any], later: Mapping[str, Any]) -> list[Scored]:
    """Hold a forecast against a later one: of a period that is over, figures without width have come.

    Args:
        told: the forecast's document.
        later: the document of a later forecast of the same month, or of the same year.

    Raises:
        ForecastError: ``OUTLOOK_DOCUMENT``.
    """
    over = {one["name"] for one in _periods(later) if _over(later, one["name"])}
    came = {
        key: figure["expected"]
        for key, figure in _figures(later)
        if key[0] in over and not _open(figure)
    }
    return _scored(told, came)


def _scored(
    told: Mapping[str, Any], came: Mapping[tuple[str, str, str | None, str | None], Decimal]
) -> list[Scored]:
    found = []
    for key, figure in _figures(told):
        period, what, method, insurance = key
        # What was known already was no forecast.
        if key not in came or not _open(figure):
            continue
        value = came[key]
        found.append(
            Scored(
                period=period,
                what=what,
                method=method,
                insurance=insurance,
                forecast=figure["expected"],
                baseline=figure["baseline"],
                came=value,
                inside={level: low <= value <= high for level, low, high in figure["spans"]},
            )
        )
    return found


def _figures(
    told: Mapping[str, Any],
) -> list[tuple[tuple[str, str, str | None, str | None], dict[str, Any]]]:
    """The figures of a document by what they are; those without a number are left out."""
    found = []
    try:
        for period in _periods(told):
            name = period["name"]
            for one in period["point_values"]:
                if one["value"] is not None:
                    key = (name, "point_value", one["method"], one["insurance"])
                    found.append((key, _figure(one["value"], one["intervals"], one["baseline"])))
            parts: Sequence[Mapping[str, Any]] = [
                *period["parts"],
                {"method": None, "insurance": None, "figures": period["whole"]},
            ]
            for place, part in enumerate(parts):
                # The whole comes last and is told apart from cases of no method by its name.
                prefix = "" if place < len(period["parts"]) else "all "
                for what, figure in part["figures"].items():
                    key = (name, f"{prefix}{what}", part["method"], part["insurance"])
                    told_ = _figure(figure["expected"], figure["intervals"], None)
                    found.append((key, told_))
    except (KeyError, TypeError, AttributeError, ArithmeticError, ValueError) as cause:
        raise ForecastError("OUTLOOK_DOCUMENT", Where()) from cause
    return found


def _open(figure: Mapping[str, Any]) -> bool:
    return any(low != high for _, low, high in figure["spans"])


def _over(told: Mapping[str, Any], name: str) -> bool:
    """Whether a period was over on the day of an outlook."""
    year = len(name) == _YEAR_LONG
    end = last(month_of(f"{name}-12" if year else name))
    try:
        return number(date.fromisoformat(told["as_of"])) >= end
    except ValueError as cause:
        raise ForecastError("OUTLOOK_DOCUMENT", Where()) from cause


def _figure(expected: str, intervals: Any, baseline: str | None) -> dict[str, Any]:  # noqa: ANN401 -- out of JSON
    return {
        "expected": Decimal(expected),
        "spans": [
            (str(one["level"]), Decimal(one["low"]), Decimal(one["high"])) for one in intervals
        ],
        "baseline": None if baseline is None else Decimal(baseline),
    }


def _periods(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The periods of a document that says what it is, of what day and of which parameters."""
    periods = told.get("periods") if isinstance(told, dict) else None
    if (
        not isinstance(periods, list)
        or told.get("kind") != KIND
        or not all(isinstance(told.get(name), str) for name in ("as_of", "settings", "inputs"))
        or not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in periods)
    ):
        raise ForecastError("OUTLOOK_DOCUMENT", Where())
    return periods


def _away(found: Decimal, came: Decimal | None) -> Decimal | None:
    return None if not came else (found - came) / abs(came)

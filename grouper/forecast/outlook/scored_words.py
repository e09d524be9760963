"""What became of an outlook: as a document, in words and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.forecast.outlook.telling import names, percent, plainly, say
from grouper.payment.settlement.document import named
from grouper.payment.settlement.files import Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from grouper.forecast.outlook.score import Scored

_SCORED = (
    *("period", "method", "insurance", "figure", "expected", "came", "error", "baseline"),
    *("baseline_error", "inside"),
)


def scored_document(found: Sequence[Scored], told: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """What became of a forecast, as plain values."""
    return {
        "kind": "grouper outlook score",
        "language": lang,
        "as_of": told["as_of"],
        "settings": told["settings"],
        "inputs": told["inputs"],
        "scored": [
            {
                "period": one.period,
                "method": one.method,
                "insurance": one.insurance,
                "figure": one.what,
                "expected": f"{one.forecast:f}",
                "came": f"{one.came:f}",
                "error": _share(one.error),
                "baseline": None if one.baseline is None else f"{one.baseline:f}",
                "baseline_error": _share(one.baseline_error),
                "inside": dict(one.inside),
            }
            for one in found
        ],
    }


def _share(error: Decimal | None) -> str | None:
    return None if error is None else f"{error:.4f}"


def scored_lines(told: Mapping[str, Any]) -> list[str]:
    """What became of a forecast, in words."""
    lang = told["language"]
    rows = [say(lang, "score_title", day=told["as_of"])]
    for one in told["scored"]:
        inside = [
            say(lang, "inside" if held else "outside", level=percent(float(level)))
            for level, held in one["inside"].items()
        ]
        row = say(
            lang,
            "scored",
            period=one["period"],
            part=_whose(one, lang),
            figure=_measure(one["figure"], lang),
            expected=plainly(one["expected"]),
            came=plainly(one["came"]),
            error=_signed(one["error"]),
            inside=say(lang, "comma").join(inside),
        )
        if one["baseline_error"] is not None:
            row += say(lang, "scored_baseline", error=_signed(one["baseline_error"]))
        rows.append(row)
    return rows if told["scored"] else [*rows, say(lang, "score_nothing")]


def scored_sheets(told: Mapping[str, Any]) -> list[Sheet]:
    """What became of a forecast, as a table."""
    lang = told["language"]
    rows = [
        [
            one["period"],
            named("method", one["method"], lang) if one["method"] else "",
            named("insurance", one["insurance"], lang) if one["insurance"] else "",
            _measure(one["figure"], lang),
            *(one[key] or "" for key in ("expected", "came", "error", "baseline")),
            one["baseline_error"] or "",
            say(lang, "comma").join(level for level, held in one["inside"].items() if held),
        ]
        for one in told["scored"]
    ]
    head = [say(lang, f"column.{name}") for name in _SCORED]
    return [Sheet(say(lang, "sheet_scored"), head, rows, frozenset(range(4, 9)))]


def _whose(one: Mapping[str, Any], lang: str) -> str:
    if one["figure"].startswith("all "):
        return say(lang, "whole")
    return say(lang, "part", **names(one, lang))


def _measure(figure: str, lang: str) -> str:
    return say(lang, f"measure.{figure.removeprefix('all ')}")


def _signed(share: str | None) -> str:
    return "—" if share is None else f"{100 * float(share):+.2f}%"

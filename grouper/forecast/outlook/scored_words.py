"""What became of outlooks, one or many of the past: as a document, in words and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.forecast.outlook.telling import names, percent, plainly, say
from grouper.payment.settlement.document import named
from grouper.payment.settlement.files import Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from grouper.forecast.outlook.backtest import Tested
    from grouper.forecast.outlook.score import Scored

_SCORED = (
    *("period", "method", "insurance", "figure", "expected", "came", "error", "baseline"),
    *("baseline_error", "inside"),
)

_TESTED = (*("figure", "day", "tries", "error", "baseline_error", "level", "covered", "width"),)
_PLACES = 4


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


def tested_document(found: Sequence[Tested], settings: str, lang: str) -> dict[str, Any]:
    """A back-test as plain values; errors and widths are shares of what came."""
    return {
        "kind": "grouper outlook backtest",
        "language": lang,
        "settings": settings,
        "tested": [
            {
                "figure": one.what,
                "day": one.day,
                "tries": one.tries,
                "error": round(one.error, _PLACES),
                "baseline_error": round(one.baseline, _PLACES),
                "covered": {str(k): round(v, _PLACES) for k, v in one.covered.items()},
                "width": {str(k): round(v, _PLACES) for k, v in one.width.items()},
            }
            for one in found
        ],
    }


def tested_lines(told: Mapping[str, Any]) -> list[str]:
    """A back-test in words."""
    lang = told["language"]
    rows = [say(lang, "tested_title")]
    for one in told["tested"]:
        covered = [
            say(lang, "covered", level=percent(float(level)), share=_rounded(share))
            for level, share in one["covered"].items()
        ]
        rows.append(
            say(
                lang,
                "tested",
                figure=say(lang, f"measure.{one['figure']}"),
                day=one["day"],
                tries=one["tries"],
                error=_rounded(one["error"]),
                baseline=_rounded(one["baseline_error"]),
                covered=say(lang, "comma").join(covered),
            )
        )
    return rows if told["tested"] else [*rows, say(lang, "tested_nothing")]


def tested_sheets(told: Mapping[str, Any]) -> list[Sheet]:
    """A back-test as a table, a row a figure, day and level."""
    lang = told["language"]
    head = [say(lang, f"column.{name}") for name in _TESTED]
    rows = [
        [
            say(lang, f"measure.{one['figure']}"),
            *(str(one[key]) for key in ("day", "tries", "error", "baseline_error")),
            *(level, str(one["covered"][level]), str(one["width"][level])),
        ]
        for one in told["tested"]
        for level in one["covered"]
    ]
    return [Sheet(say(lang, "sheet_tested"), head, rows, frozenset(range(1, len(_TESTED))))]


def _rounded(share: float) -> str:
    return f"{100 * share:.1f}%"

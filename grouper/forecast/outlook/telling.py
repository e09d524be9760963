"""An outlook's document as lines of text and as tables."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.payment.settlement.document import named
from grouper.payment.settlement.files import Sheet
from grouper.payment.words import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


_COLUMNS = (
    *("period", "method", "insurance", "figure", "certain", "running", "coming", "expected"),
    *("level", "low", "high"),
)
_NUMBERS = frozenset(range(4, 11))
_SMALL, _TENTH, _WHOLE = 10, Decimal("0.1"), Decimal(1)


def say(lang: str, key: str, **params: object) -> str:
    """A text of the outlook."""
    return text(f"outlook.{key}", lang, **params)


def lines(told: Mapping[str, Any], *, explain: bool = False) -> list[str]:
    """The outlook in words; with ``explain`` each figure with its arithmetic."""
    lang = told["language"]
    rows = [say(lang, "title", month=told["periods"][0]["name"], region=told["region"])]
    rows.append(say(lang, "known", day=told["as_of"], cases=f"{told['cases']:,}"))
    rows += [
        "  " + say(lang, "last_published", month=one["last"], **names(one, lang))
        for one in told["published"]
    ]
    if told["running"]:
        rows.append(say(lang, "running", cases=told["running"], unknown=told["running_unknown"]))
    for key, name in (("later", "later"), ("undated", "undated"), ("published_ahead", "ahead")):
        if told[key]:
            rows.append(say(lang, name, count=f"{told[key]:,}"))
    rows += [_noted(one, lang) for one in told["notes"]]
    for period in told["periods"]:
        rows += ["", *_period(period, lang, explain=explain)]
    return rows


def _period(period: Mapping[str, Any], lang: str, *, explain: bool) -> list[str]:
    rows = [say(lang, "period", name=period["name"], policy=period["policy"])]
    rows.append(say(lang, "point_values"))
    for one in period["point_values"]:
        rows += ["  " + row for row in _worth(one, lang, explain=explain)]
    rows.append(say(lang, "parts"))
    # First what the office asks for first.
    if period["whole"]:
        rows.append("  " + say(lang, "whole"))
        rows += ["    " + row for row in _figures(period["whole"], lang)]
        rows += [f"    {line['written']}" for line in period["lines"] if explain]
    else:
        rows.append("  " + say(lang, "no_whole"))
    for one in period["parts"]:
        rows.append("  " + say(lang, "part", **_called(one)))
        if one["reason"]:
            closed = {name: plainly(value) for name, value in one["closed"].items()}
            rows.append("    " + _noted(one["reason"], lang))
            rows.append("    " + say(lang, "closed_alone", **closed))
        rows += ["    " + row for row in _figures(one["figures"], lang)]
        if explain:
            rows += [f"    {line['written']}" for line in one["lines"]]
    if period["assumptions"]:
        paths = say(lang, "comma").join(period["assumptions"])
        rows.append(say(lang, "assumptions", paths=paths))
    return rows


def _worth(one: Mapping[str, Any], lang: str, *, explain: bool) -> list[str]:
    whose = _called(one)
    if one["value"] is None:
        reason = _noted(one["reason"], lang)
        return [say(lang, "no_value", **whose, reason=reason)]
    row = say(
        lang,
        "value",
        **whose,
        value=one["value"],
        basis=one["basis_name"],
        spans=_spans(one["intervals"], lang, str),
    )
    if one["baseline"]:
        row += say(lang, "baseline", value=one["baseline"])
    rows = [row, *("  " + _noted(note, lang) for note in one["notes"])]
    if explain:
        rows += [f"  {line['written']}" for line in one["lines"]]
    return rows


def _figures(figures: Mapping[str, Any], lang: str) -> list[str]:
    return [
        say(
            lang,
            "figure",
            name=say(lang, f"measure.{name}"),
            **_parts_of(one),
            spans=_spans(one["intervals"], lang, roughly),
        )
        for name, one in figures.items()
    ]


def _parts_of(one: Mapping[str, Any]) -> dict[str, str]:
    """Expected, closed, running and to come; what is not exact without its fen."""
    exact = all(span["low"] == span["high"] for span in one["intervals"])
    tell = plainly if exact else roughly
    found = {key: tell(one[key]) for key in ("expected", "certain")}
    for key in ("running", "coming"):
        told = tell(one[key])
        found[key] = f"− {told[1:]}" if told.startswith("-") else f"+ {told}"
    return found


def _spans(
    spans: Iterable[Mapping[str, Any]], lang: str, tell: Callable[[str], str] | None = None
) -> str:
    tell = tell or plainly
    told = [
        say(
            lang,
            "span",
            level=percent(one["level"]),
            low=tell(one["low"]),
            high=tell(one["high"]),
        )
        for one in spans
        if one["low"] != one["high"]
    ]
    return say(lang, "semicolon").join(told) or say(lang, "certain")


def _noted(note: Mapping[str, Any], lang: str) -> str:
    return say(lang, "note", code=note["code"], text=note["text"], advice=note["advice"]).rstrip()


def names(one: Mapping[str, Any], lang: str) -> dict[str, str]:
    """Method and insurance of a part, as people call them."""
    return {axis: named(axis, one[axis], lang) for axis in ("method", "insurance")}


def _called(one: Mapping[str, Any]) -> dict[str, str]:
    return {"method": one["method_name"], "insurance": one["insurance_name"]}


def percent(level: float) -> str:
    """A share as people write it."""
    return f"{100 * level:g}%"


def plainly(value: str) -> str:
    """A number out of a document, for people."""
    return shown(Decimal(value))


def roughly(value: str) -> str:
    """An estimate out of a document, for people: in whole yuan or cases, a small one with a tenth."""
    found = Decimal(value)
    places = _TENTH if abs(found) < _SMALL else _WHOLE
    # Adding nought takes the sign from a nought.
    return f"{found.quantize(places, ROUND_HALF_UP) + 0:,f}".removesuffix(".0")


def sheets(told: Mapping[str, Any]) -> list[Sheet]:
    """All figures in one table, a row a figure and level; then the arithmetic."""
    lang = told["language"]
    rows: list[list[str]] = []
    arithmetic: list[list[str]] = []
    for period in told["periods"]:
        for one in period["point_values"]:
            value = one["value"] or ""
            what = say(lang, "measure.point_value")
            rows += _rows(period, one, what, ["", "", "", value], one["intervals"])
        whole = {
            "method_name": say(lang, "whole"),
            "insurance_name": "",
            "figures": period["whole"],
        }
        for one in [*period["parts"], whole]:
            for name, figure in one["figures"].items():
                cells = [figure[key] for key in ("certain", "running", "coming", "expected")]
                what = say(lang, f"measure.{name}")
                rows += _rows(period, one, what, cells, figure["intervals"])
        arithmetic += [
            [
                *(period["name"], one["method_name"], one["insurance_name"]),
                *(line["label"], line["worked"], line["value"]),
            ]
            for one in [*period["point_values"], *period["parts"]]
            for line in one["lines"]
        ]
    head = [say(lang, f"column.{name}") for name in _COLUMNS]
    other = ("period", "method", "insurance", "line", "formula", "value")
    return [
        Sheet(say(lang, "sheet_figures"), head, rows, _NUMBERS),
        Sheet(say(lang, "sheet_lines"), [say(lang, f"column.{c}") for c in other], arithmetic),
    ]


def _rows(
    period: Mapping[str, Any],
    one: Mapping[str, Any],
    what: str,
    cells: Sequence[str],
    spans: Sequence[Mapping[str, Any]],
) -> list[list[str]]:
    """A row a level; one without bounds where there are none."""
    start = [period["name"], one["method_name"], one["insurance_name"], what, *cells]
    return [[*start, str(s["level"]), s["low"], s["high"]] for s in spans] or [[*start, "", "", ""]]

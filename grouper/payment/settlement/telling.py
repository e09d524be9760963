"""A settlement's document as lines of text."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.payment.words import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTED = 40
"""Rows of a total that the text gives; the files give all."""


def say(lang: str, key: str, **params: object) -> str:
    """A text of the settlement."""
    return text(f"settlement.{key}", lang, **params)


def lines(told: dict[str, Any], *, explain: bool = False) -> list[str]:
    """The settlement in words; with ``explain`` each figure with its arithmetic."""
    lang = told["language"]
    sums = told["sums"]
    rows = [
        say(lang, f"title_{told['period']}", when=told["when"], region=told["region"]),
        say(lang, "policy", policy=told["policy"]),
        say(lang, "cases", **_shown(sums)),
    ]
    rows += _open(told, lang)
    for part in told["parts"]:
        rows += ["", *part_lines(part, lang, explain=explain)]
    rows += ["", say(lang, "whole" if told["lines"] else "nothing_settled")]
    rows += [f"  {_line(line, lang, explain=explain)}" for line in told["lines"]]
    rows += ["", *_totals(told, "department", lang)]
    rows += ["", *_best(told, lang)]
    if told["assumptions"]:
        rows += ["", say(lang, "assumptions", paths=say(lang, "comma").join(told["assumptions"]))]
    return rows


def part_lines(part: dict[str, Any], lang: str, *, explain: bool) -> list[str]:
    """One method and insurance."""
    names = {"method": part["method_name"], "insurance": part["insurance_name"]}
    rows = [say(lang, "part", **names, **_shown(part["sums"]))]
    if part["reason"]:
        return [*rows, "  " + say(lang, "unsettled", code=part["reason"], text=part["reason_text"])]
    if Decimal(part["sums"]["unknown_amount"]):
        rows.append("  " + say(lang, "part_unknown", **_shown(part["sums"])))
    return rows + [f"  {_line(line, lang, explain=explain)}" for line in part["lines"]]


def _line(line: dict[str, Any], lang: str, *, explain: bool) -> str:
    """A line with its arithmetic if it has any, or what it is and its value."""
    written: str = line["written"]
    decides = not line["unit"]
    if decides or (explain and line["formula"]):
        return written
    unit = text(f"pay.unit.{line['unit']}", lang)
    return f"{line['label']} {shown(Decimal(line['value']))}{unit}"


def _open(told: dict[str, Any], lang: str) -> list[str]:
    rows = [] if told["sums"]["cases"] else ["  " + say(lang, "no_cases")]
    for key in ("unpriced", "unknown"):
        rows += ["  " + say(lang, key, **one) for one in told[key]]
    for key in ("elsewhere", "undated", "repeated", "foreign"):
        if told[key]:
            rows.append("  " + say(lang, key, cases=told[key]))
    return rows


def _totals(told: dict[str, Any], axis: str, lang: str) -> list[str]:
    rows = told["totals"][axis]
    found = [say(lang, f"by_{axis}")]
    found += ["  " + say(lang, "total", **_row(row)) for row in rows[:_LISTED]]
    if len(rows) > _LISTED:
        found.append("  " + say(lang, "rest", count=len(rows) - _LISTED))
    return found


def _best(told: dict[str, Any], lang: str) -> list[str]:
    rows = []
    for key in ("surpluses", "losses"):
        named: Sequence[dict[str, Any]] = told[key]
        rows.append(say(lang, key if named else f"no_{key}"))
        rows += ["  " + say(lang, "group", **_row(row)) for row in named]
    return rows


def _row(row: dict[str, Any]) -> dict[str, str]:
    name = row["name"] if row["name"] == row["key"] else f"{row['key'] or ''} {row['name']}".strip()
    return {"label": name, **_shown(row)}


def _shown(sums: dict[str, Any]) -> dict[str, str]:
    amounts = {key: value for key, value in sums.items() if key not in {"key", "name"}}
    return {key: _amount(value) for key, value in amounts.items()}


def _amount(value: str | int | None) -> str:
    if value is None:
        return "—"
    return shown(Decimal(value)) if isinstance(value, str) else f"{value:,}"

"""A settlement's document as tables."""

from __future__ import annotations

from typing import Any

from grouper.payment.settlement.files import Sheet
from grouper.payment.settlement.telling import say

_COUNTS = ("cases", "priced", "unpriced", "funded", "known", "losing")
_OPEN = ("case_id", "group", "reason", "text", "advice")
_AMOUNTS = (
    *("points", "amount", "unknown_amount", "deducted", "patient", "fund", "cost", "booked"),
    "surplus",
)


def sheets(told: dict[str, Any]) -> list[Sheet]:
    """All totals in one table (the CSV), then one of each part's lines."""
    lang = told["language"]
    names = (*_COUNTS, *_AMOUNTS)
    head = [say(lang, f"column.{name}") for name in ("axis", "key", "name", *names)]
    rows = []
    for axis, totals in told["totals"].items():
        rows += [
            [
                axis,
                row["key"] or "",
                row["name"],
                *("" if row[name] is None else str(row[name]) for name in names),
            ]
            for row in totals
        ]
    numbers = frozenset(range(3, 3 + len(names)))
    lines = [
        [part["method_name"], part["insurance_name"], line["label"], line["formula"], line["value"]]
        for part in told["parts"]
        for line in part["lines"]
    ]
    lines += [
        [say(lang, "whole"), "", one["label"], one["formula"], one["value"]]
        for one in told["lines"]
    ]
    columns = ("method", "insurance", "line", "formula", "value")
    return [
        Sheet(say(lang, "sheet_totals"), head, rows, numbers),
        Sheet(say(lang, "sheet_lines"), [say(lang, f"column.{c}") for c in columns], lines),
        Sheet(
            say(lang, "sheet_unpriced"),
            [say(lang, f"column.{c}") for c in ("reason", "name", "cases")],
            [
                [one["reason"] or "", one["text"], str(one["cases"])]
                for key in ("unpriced", "unknown")
                for one in told[key]
            ],
            frozenset({2}),
        ),
        Sheet(
            say(lang, "sheet_open"),
            [say(lang, f"column.{c}") for c in (*_OPEN, "open")],
            [
                [
                    *(one[name] or "" for name in _OPEN),
                    say(lang, "open_unknown" if one["priced"] else "open_unpriced"),
                ]
                for one in told["open_cases"]
            ],
        ),
    ]

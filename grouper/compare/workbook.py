"""A comparison as an Excel workbook: a sheet each for summary, groups, flows and departments."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import xlsxwriter

from codebooks.messages import text
from grouper.compare.words import counts, findings, reason_words, say, side_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_MOST = 1_048_575
"""Rows below the header that a sheet holds."""
_WIDEST = 300
"""Pixels of the widest column."""
_LONGEST = 32_767
"""Characters that a cell holds."""
_FIGURES = ("from_weighed", "from_weight", "to_weighed", "to_weight", "moved", "share_change")

Cell = str | int | Decimal | None


def write_workbook(path: Path, plain: Mapping[str, Any], lang: str) -> None:
    """Write a report (:func:`grouper.compare.document.document`) in one language.

    Texts are never read as formulas; numbers are cells of numbers, as exact as Excel keeps them.

    Raises:
        OSError: the file cannot be written.
    """
    sides = [side_name(plain[end], lang) for end in ("from", "to")]
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(str(path), options)
    bold = book.add_format({"bold": True})

    def sheet(key: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        made = book.add_worksheet(say(lang, f"sheet.{key}"))
        made.freeze_panes(1, 0)
        for at, name in enumerate(header):
            made.write_string(0, at, name, bold)
        for number, row in zip(range(1, _MOST + 1), rows, strict=False):
            for at, cell in enumerate(row):
                if isinstance(cell, str):
                    made.write_string(number, at, cell)
                elif cell is not None:
                    made.write_number(number, at, cell)
        made.autofit(_WIDEST)

    def column(key: str, **params: object) -> str:
        return say(lang, f"column.{key}", **params)

    lines = [*counts(plain, lang), *findings(plain, lang), say(lang, "note.not_advice")]
    title = say(lang, "title", first=sides[0], second=sides[1])
    sheet("summary", [title], [(line.strip(),) for line in lines])
    figures = [column(name) for name in _FIGURES]
    places = [f"{side} {column(n)}" for side in sides for n in ("scheme", "code", "name", "status")]
    head = [*places, column("change"), column("cases"), *figures]
    sheet("flows", head, (_flow(flow, lang) for flow in plain["flows"]))
    head = [column(n) for n in ("scheme", "code", "name", "kind", "cases", "inside", "outside")]
    for end in ("from", "to"):
        groups = (_group(group, lang) for group in plain["groups"][end])
        sheet(f"groups_{end}", [*head, *figures, column("flows")], groups)
    changes = [say(lang, f"change.{change}") for change in plain["changes"]]
    departments = (_department(department, lang) for department in plain["departments"])
    sheet("departments", [column("department"), column("cases"), *changes, *figures], departments)
    book.close()


def _figures(part: Mapping[str, Any]) -> list[Cell]:
    """Weights and their changes as numbers; a change of share in percentage points."""
    numbers = [None if part[name] is None else Decimal(part[name]) for name in _FIGURES]
    share = numbers[-1]
    return [*numbers[:-1], None if share is None else share * 100]


def _place(place: Mapping[str, Any], lang: str) -> list[Cell]:
    status = text(f"status.{place['status']}", lang)
    told = [status, place["reason"], reason_words(lang, place["reason"])]
    return [place["scheme"], place["group"], place["name"], " ".join(t for t in told if t)]


def _flow(flow: Mapping[str, Any], lang: str) -> list[Cell]:
    places = [cell for end in ("from", "to") for cell in _place(flow[end], lang)]
    return [*places, say(lang, f"change.{flow['change']}"), flow["cases"], *_figures(flow)]


def _group(group: Mapping[str, Any], lang: str) -> list[Cell]:
    ends = (
        f"{e['group'] or text('status.' + e['status'], lang)} {e['cases']}" for e in group["flows"]
    )
    return [
        group["scheme"],
        group["group"],
        group["name"],
        say(lang, f"kind.{group['kind']}"),
        group["cases"],
        group["cases_inside"],
        group["cases_outside"],
        *_figures(group),
        say(lang, "comma").join(ends)[:_LONGEST],
    ]


def _department(department: Mapping[str, Any], lang: str) -> list[Cell]:
    name = department["department"]
    shown = say(lang, "no_department") if name is None else str(name)[:_LONGEST]
    return [shown, department["cases"], *department["changes"].values(), *_figures(department)]

"""A reconciliation as a document, as text and as tables."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import language
from grouper.payment.settlement.files import Sheet
from grouper.payment.settlement.reconcile import COMPARED
from grouper.payment.settlement.telling import say
from grouper.payment.words import shown

if TYPE_CHECKING:
    from grouper.payment.settlement.reconcile import Entry, Reconciliation

_NOTHING = {"missing_here": "ours", "unpriced": "ours", "missing_there": "theirs"}
"""The side that says nothing of the cases of a state; that is no amount of nought."""
_NAMED = 10
"""Differences that the text names."""


def reconciliation_document(found: Reconciliation, lang: str | None = None) -> dict[str, Any]:
    """A reconciliation as plain values; amounts as texts."""
    lang = lang or language()
    return {
        "language": lang,
        "file": found.file.name,
        "sha256": found.file.sha256,
        "measure": found.measure,
        "columns": list(found.file.columns),
        "ours": f"{found.ours:f}",
        "theirs": f"{found.theirs:f}",
        "deduction": f"{found.deduction:f}",
        "net": found.net,
        "totals": [
            {
                "state": one.state.value,
                "cases": one.cases,
                "ours": f"{one.ours:f}",
                "theirs": f"{one.theirs:f}",
                "deduction": f"{one.deduction:f}",
                "difference": f"{one.difference:f}",
            }
            for one in found.totals
        ],
        "differing": {name: found.differing[name] for name in COMPARED if found.differing[name]},
        "stated": [
            {"column": name, "stated": f"{stated:f}", "summed": f"{summed:f}"}
            for name, stated, summed in found.stated
        ],
        "entries": [_entry(one) for one in found.entries],
    }


def reconciliation_lines(told: dict[str, Any]) -> list[str]:
    """A reconciliation in words: totals, and the largest differences by their row in the file.

    Cases are named in the files alone.
    """
    lang = told["language"]
    rows = [
        say(
            lang,
            "reconcile.title",
            file=told["file"],
            measure=say(lang, f"column.{told['measure']}"),
        )
    ]
    for one in told["totals"]:
        numbers = {k: shown(Decimal(one[k])) for k in ("ours", "theirs", "deduction", "difference")}
        name = say(lang, f"reconcile.state.{one['state']}")
        if one["state"] in _NOTHING:
            numbers[_NOTHING[one["state"]]] = "—"
        rows.append("  " + say(lang, "reconcile.total", name=name, cases=one["cases"], **numbers))
    whole = {name: shown(Decimal(told[name])) for name in ("ours", "theirs", "deduction")}
    rows.append(say(lang, "reconcile.whole", **whole))
    if told["net"]:
        rows.append("  " + say(lang, "reconcile.net", cases=told["net"]))
    for name, count in told["differing"].items():
        column = say(lang, f"column.{name}")
        rows.append("  " + say(lang, "reconcile.differing", name=column, cases=count))
    for one in told["stated"]:
        column = say(lang, f"column.{one['column']}")
        rows.append("  " + say(lang, "reconcile.stated", **{**one, "column": column}))
    apart = [one for one in told["entries"] if Decimal(one["difference"]) and one["rows"]]
    apart.sort(key=lambda one: -abs(Decimal(one["difference"])))
    rows += [
        "  "
        + say(
            lang,
            "reconcile.entry",
            rows=", ".join(map(str, one["rows"])),
            state=say(lang, f"reconcile.state.{one['state']}"),
            difference=shown(Decimal(one["difference"])),
        )
        for one in apart[:_NAMED]
    ]
    return rows


def reconciliation_sheets(told: dict[str, Any]) -> list[Sheet]:
    """A reconciliation as a table of the cases, then one of the totals."""
    lang = told["language"]
    sides = [f"{side}_{name}" for side in ("ours", "theirs") for name in COMPARED]
    columns = ("case_id", "state", *sides, "deduction", "difference", "differs", "reason", "rows")
    rows = [
        [
            one["case_id"],
            say(lang, f"reconcile.state.{one['state']}"),
            *(one[side].get(name) or "" for side in ("ours", "theirs") for name in COMPARED),
            one["deduction"],
            one["difference"],
            " ".join(say(lang, f"column.{name}") for name in one["differs"]),
            one["reason"],
            " ".join(map(str, one["rows"])),
        ]
        for one in told["entries"]
    ]
    head = [_head(name, lang) for name in columns]
    numbers = frozenset(
        at
        for at, name in enumerate(columns)
        if name.partition("_")[2] in {"points", "amount", "fund"}
    )
    totals = [
        [
            say(lang, f"reconcile.state.{one['state']}"),
            *(str(one[name]) for name in ("cases", "ours", "theirs", "deduction", "difference")),
        ]
        for one in told["totals"]
    ]
    names = ("state", "cases", "ours", "theirs", "deduction", "difference")
    return [
        Sheet(say(lang, "reconcile.sheet_cases"), head, rows, numbers),
        Sheet(
            say(lang, "reconcile.sheet_totals"),
            [say(lang, f"column.{name}") for name in names],
            totals,
            frozenset(range(1, 6)),
        ),
    ]


def _head(name: str, lang: str) -> str:
    side, _, column = name.partition("_")
    if side in {"ours", "theirs"}:
        return f"{say(lang, f'column.{side}')} {say(lang, f'column.{column}')}"
    return say(lang, f"column.{name}")


def _entry(one: Entry) -> dict[str, Any]:
    return {
        "case_id": one.case_id,
        "state": one.state.value,
        "ours": _side(one.ours),
        "theirs": _side(one.theirs),
        "differs": list(one.differs),
        "deduction": f"{one.deduction:f}",
        "difference": f"{one.difference:f}",
        "reason": one.reason,
        "rows": list(one.rows),
    }


def _side(side: Any) -> dict[str, str | None]:  # noqa: ANN401 -- a mapping of codes and numbers
    return {
        name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in side.items()
    }

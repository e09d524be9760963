"""A simulation and a reconciliation as documents, text and tables."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import language
from grouper.payment.settlement.document import named
from grouper.payment.settlement.files import Sheet
from grouper.payment.settlement.reconcile import COMPARED
from grouper.payment.settlement.simulate import FIGURES
from grouper.payment.settlement.telling import say
from grouper.payment.words import shown, told_line

if TYPE_CHECKING:
    from grouper.payment.settlement.reconcile import Entry, Reconciliation
    from grouper.payment.settlement.simulate import Compared, Simulation

_NAMED = 10
"""Differences that the text names."""


def simulation_document(found: Simulation, lang: str | None = None) -> dict[str, Any]:
    """A simulation as plain values; amounts as texts."""
    lang = lang or language()
    return {
        "language": lang,
        "region": found.region,
        "policy": found.policy,
        "parts": [_compared(one, lang) for one in found.parts],
        "whole": _compared(found.whole, lang),
        "unpriced_before": found.unpriced[0],
        "unpriced_after": found.unpriced[1],
        "assumptions": list(found.assumptions),
    }


def simulation_lines(told: dict[str, Any]) -> list[str]:
    """A simulation in words."""
    lang = told["language"]
    rows = [say(lang, "simulation.title", region=told["region"], policy=told["policy"])]
    for one in (*told["parts"], told["whole"]):
        if one["method"] is None:
            rows += ["", say(lang, "whole")]
        else:
            names = {"method": one["method_name"], "insurance": one["insurance_name"]}
            rows += ["", say(lang, "simulation.part", **names)]
        rows += [
            "  "
            + say(
                lang,
                "simulation.row",
                name=say(lang, f"column.{name}"),
                before=shown(Decimal(one["before"][name])),
                after=shown(Decimal(one["after"][name])),
                difference=shown(Decimal(one["difference"][name])),
            )
            for name in FIGURES
        ]
        if one["break_even"] is not None:
            rows.append("  " + say(lang, "simulation.break_even", factor=one["break_even"]))
        rows += ["  " + say(lang, "simulation.break_even_point", **v) for v in one["point_values"]]
    unpriced = {"before": told["unpriced_before"], "after": told["unpriced_after"]}
    rows += ["", say(lang, "simulation.unpriced", **unpriced)]
    return rows


def simulation_sheets(told: dict[str, Any]) -> list[Sheet]:
    """A simulation as one table: a row for each figure of each part."""
    lang = told["language"]
    rows = [
        [
            one["method_name"] if one["method"] else say(lang, "whole"),
            one["insurance_name"] if one["method"] else "",
            say(lang, f"column.{name}"),
            *(one[key][name] for key in ("before", "after", "difference")),
        ]
        for one in (*told["parts"], told["whole"])
        for name in FIGURES
    ]
    columns = ("method", "insurance", "figure", "before", "after", "difference")
    head = [say(lang, f"column.{name}") for name in columns]
    return [Sheet(say(lang, "simulation.sheet"), head, rows, frozenset({3, 4, 5}))]


def _compared(one: Compared, lang: str) -> dict[str, Any]:
    difference = {line.name: line.value for line in one.lines}
    return {
        "method": one.method,
        "method_name": named("method", one.method, lang),
        "insurance": one.insurance,
        "insurance_name": named("insurance", one.insurance, lang),
        "before": {name: f"{value:f}" for name, value in one.before.items()},
        "after": {name: f"{value:f}" for name, value in one.after.items()},
        "difference": {name: f"{difference[name]:f}" for name in FIGURES},
        "lines": [told_line(line, lang) for line in one.lines],
        "break_even": None if one.break_even is None else f"{one.break_even:f}",
        "point_values": [
            {"value": f"{value:f}", "even": f"{even:f}"} for value, even in one.point_values
        ],
    }


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
        rows.append("  " + say(lang, "reconcile.total", name=name, cases=one["cases"], **numbers))
    whole = {name: shown(Decimal(told[name])) for name in ("ours", "theirs", "deduction")}
    rows.append(say(lang, "reconcile.whole", **whole))
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

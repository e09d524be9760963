"""A simulation as a document, as text and as a table."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import language
from grouper.payment.settlement.document import named
from grouper.payment.settlement.files import Sheet
from grouper.payment.settlement.simulate import FIGURES
from grouper.payment.settlement.telling import say
from grouper.payment.words import shown, told_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.payment.settlement.simulate import Compared, Simulation


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
        "unmet": list(found.unmet),
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
                **{key: _amount(one[key][name]) for key in ("before", "after", "difference")},
            )
            for name in FIGURES
        ]
        if one["break_even"] is not None:
            rows.append("  " + say(lang, "simulation.break_even", factor=one["break_even"]))
        rows += ["  " + say(lang, "simulation.break_even_point", **v) for v in one["point_values"]]
    unpriced = {"before": told["unpriced_before"], "after": told["unpriced_after"]}
    rows += ["", say(lang, "simulation.unpriced", **unpriced)]
    rows += [say(lang, "simulation.unmet", found=one) for one in told["unmet"]]
    return rows


def simulation_sheets(told: dict[str, Any]) -> list[Sheet]:
    """A simulation as one table: a row for each figure of each part."""
    lang = told["language"]
    rows = [
        [
            one["method_name"] if one["method"] else say(lang, "whole"),
            one["insurance_name"] if one["method"] else "",
            say(lang, f"column.{name}"),
            *(one[key][name] or "" for key in ("before", "after", "difference")),
        ]
        for one in (*told["parts"], told["whole"])
        for name in FIGURES
    ]
    columns = ("method", "insurance", "figure", "before", "after", "difference")
    head = [say(lang, f"column.{name}") for name in columns]
    return [Sheet(say(lang, "simulation.sheet"), head, rows, frozenset({3, 4, 5}))]


def _amount(written: str | None) -> str:
    return "—" if written is None else shown(Decimal(written))


def _figures(one: Compared, numbers: Mapping[str, object]) -> dict[str, str | None]:
    """The figures as texts; null for what no case knows."""
    return {name: None if name in one.unknown else f"{numbers[name]:f}" for name in FIGURES}


def _compared(one: Compared, lang: str) -> dict[str, Any]:
    difference = {line.name: line.value for line in one.lines}
    return {
        "method": one.method,
        "method_name": named("method", one.method, lang),
        "insurance": one.insurance,
        "insurance_name": named("insurance", one.insurance, lang),
        "before": _figures(one, one.before),
        "after": _figures(one, one.after),
        "difference": _figures(one, difference),
        "lines": [told_line(line, lang) for line in one.lines],
        "break_even": None if one.break_even is None else f"{one.break_even:f}",
        "point_values": [
            {"value": f"{value:f}", "even": f"{even:f}"} for value, even in one.point_values
        ],
    }

"""An outlook as plain values: the JSON document, which is also what is scored later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.messages import language, text
from grouper.forecast.outlook.score import KIND
from grouper.payment.settlement.document import named
from grouper.payment.words import advice_text, reason_text, told_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from grouper.forecast.outlook.result import (
        Figure,
        Note,
        Outlook,
        PartOutlook,
        Period,
        Span,
        Worth,
    )


def document(found: Outlook, lang: str | None = None) -> dict[str, Any]:
    """The outlook as dictionaries, lists, texts and whole numbers.

    Amounts and point values are texts, so that no reader rounds them; ``docs/OUTLOOK.md`` lists the
    parts.
    """
    lang = lang or language()
    return {
        "kind": KIND,
        "language": lang,
        "region": found.region,
        "hospital": found.hospital,
        "as_of": found.as_of.isoformat(),
        "settings": found.settings,
        "inputs": found.inputs,
        "draws": found.draws,
        "cases": found.cases,
        "undated": found.undated,
        "later": found.later,
        "running": found.running,
        "running_unknown": found.unknown,
        "published": [
            {"method": method, "insurance": insurance, "last": last}
            for (method, insurance), last in sorted(found.published.items())
        ],
        "published_ahead": found.ahead,
        "notes": _notes(found.notes, lang),
        "periods": [_period(one, lang) for one in found.periods],
    }


def _period(found: Period, lang: str) -> dict[str, Any]:
    return {
        "name": found.name,
        "policy": found.policy,
        "point_values": [_worth(one, lang) for one in found.worths],
        "parts": [_part(one, lang) for one in found.parts],
        "whole": _figures(found.whole),
        "lines": [told_line(one, lang) for one in found.lines],
        "assumptions": list(found.assumptions),
    }


def _worth(found: Worth, lang: str) -> dict[str, Any]:
    return {
        "method": found.pool[0],
        "method_name": named("method", found.pool[0], lang),
        "insurance": found.pool[1],
        "insurance_name": named("insurance", found.pool[1], lang),
        "value": _text(found.value),
        "basis": found.basis.value,
        "basis_name": text(f"outlook.basis.{found.basis.value}", lang),
        "intervals": _spans(found.spans),
        "baseline": _text(found.baseline),
        "lines": [told_line(one, lang) for one in found.lines],
        "reason": None if found.reason is None else _note(found.reason, lang),
        "notes": _notes(found.notes, lang),
    }


def _part(found: PartOutlook, lang: str) -> dict[str, Any]:
    method, insurance = found.part
    return {
        "method": method,
        "method_name": named("method", method, lang),
        "insurance": insurance,
        "insurance_name": named("insurance", insurance, lang),
        "figures": _figures(found.figures),
        "closed": {name: _text(value) for name, value in found.closed.items()},
        "lines": [told_line(one, lang) for one in found.lines],
        "reason": None if found.reason is None else _note(found.reason, lang),
    }


def _figures(found: Mapping[str, Figure]) -> dict[str, Any]:
    return {
        name: {
            "expected": _text(one.expected),
            "certain": _text(one.certain),
            "running": _text(one.running),
            "coming": _text(one.coming),
            "intervals": _spans(one.spans),
        }
        for name, one in found.items()
    }


def _spans(found: Iterable[Span]) -> list[dict[str, Any]]:
    return [{"level": one.level, "low": _text(one.low), "high": _text(one.high)} for one in found]


def _notes(found: Iterable[Note], lang: str) -> list[dict[str, Any]]:
    return [_note(one, lang) for one in found]


def _note(found: Note, lang: str) -> dict[str, Any]:
    params = dict(found.params)
    return {
        "code": found.code,
        "params": {name: str(value) for name, value in params.items()},
        "text": reason_text(found.code, lang, params),
        "advice": advice_text(found.code, lang, params),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"

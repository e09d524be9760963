"""The view of fund and credit as plain values: the JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.messages import catalogue, language, text
from grouper.payment.settlement.deductions import INSURANCES
from grouper.payment.settlement.document import named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

    from grouper.audit.fund.budget import Use
    from grouper.audit.fund.credit import Credit, Judged
    from grouper.audit.fund.leads import Lead, Sums
    from grouper.audit.fund.outlook import Outlook
    from grouper.audit.fund.payable import Payable
    from grouper.audit.fund.view import View

KIND = "grouper fund"
_AMOUNTS = ("amount", "open_amount", "confirmed_amount")


def document(view: View, lang: str | None = None) -> dict[str, Any]:
    """The view as dictionaries, lists, texts and whole numbers.

    Amounts and shares are texts, so that no reader rounds them; ``docs/FUND.md`` lists the parts.
    """
    lang = lang or language()
    return {
        "kind": KIND,
        "language": lang,
        "region": view.region,
        "hospital": view.hospital,
        "month": view.month,
        "policy": view.policy,
        "payable": [_payable(one, lang) for one in view.payables],
        "payable_absent": _absent(view, lang),
        "budget": {
            "settled": list(view.settled),
            "open_months": list(view.open_months),
            "other": f"{view.other:f}",
            "uses": [_use(one, lang) for one in view.uses],
            "outlook": None if view.outlook is None else _outlook(view.outlook),
            "left_out": [
                {"month": month, **reason_of(code, lang)} for month, code in view.left_out
            ],
        },
        "leads": [_lead(one, view.departments, lang) for one in view.leads],
        "credit": None if view.credit is None else _credit(view.credit, lang),
        "missing": {part: reason_of(code, lang) for part, code in view.missing.items()},
    }


def reason_of(code: str, lang: str) -> dict[str, str]:
    """A reason: its code, its words and what is to be done."""
    words = catalogue(lang)
    return {
        "code": code,
        "text": words.get(f"reason.{code}", code),
        "advice": words.get(f"advice.{code}", ""),
    }


def _reason(code: str | None, lang: str) -> dict[str, str] | None:
    return None if code is None else reason_of(code, lang)


def _absent(view: View, lang: str) -> list[str]:
    """Insurances that the ledger does not have, where it has others."""
    there = {one.insurance for one in view.payables}
    return [named("insurance", one, lang) for one in INSURANCES if there and one not in there]


def _payable(one: Payable, lang: str) -> dict[str, Any]:
    return {
        "insurance": one.insurance,
        "insurance_name": named("insurance", one.insurance, lang),
        "month": one.month,
        "late": one.late,
        "balance": _text(one.balance),
        "outlay": _text(one.outlay),
        "averaged": one.averaged,
        "missing": list(one.missing),
        "broken": [{"month": month, "off": _text(off)} for month, off in one.broken],
        "months": _text(one.value),
        "level": one.level,
        "level_name": None if one.level is None else text(f"fund_view.level.{one.level}", lang),
        "by": one.by,
        "source": one.source,
        "standing": one.standing,
        "standing_name": text(f"fund_view.standing.{one.standing}", lang),
        "reason": _reason(one.reason, lang),
    }


def _use(one: Use, lang: str) -> dict[str, Any]:
    basis = one.budget.basis
    return {
        "insurance": one.insurance,
        "insurance_name": text("fund_view.all", lang)
        if one.insurance is None
        else named("insurance", one.insurance, lang),
        "used": _text(one.used),
        "budget": _text(one.budget.value),
        "basis": basis,
        "basis_name": None if basis is None else text(f"fund_view.basis.{basis}", lang),
        "paths": list(one.budget.paths),
        "assumptions": list(one.budget.assumptions),
        "share": _text(one.share),
        "expected": _text(one.expected),
        "course": one.course,
        "course_name": None if one.course is None else text(f"fund_view.course.{one.course}", lang),
        "projected": _text(one.projected),
        "unknown": _text(one.unknown),
        "reason": _reason(one.reason, lang),
    }


def _outlook(one: Outlook) -> dict[str, Any]:
    return {
        "year": one.year,
        "as_of": one.as_of,
        "expected": _text(one.expected),
        "intervals": [
            {"level": span.level, "low": _text(span.low), "high": _text(span.high)}
            for span in one.spans
        ],
    }


def _lead(one: Lead, most: int, lang: str) -> dict[str, Any]:
    by = sorted(one.departments.items(), key=lambda pair: (-pair[1].amount, pair[0] or ""))
    return {
        "topic": one.key,
        "name": one.names[lang],
        **_sums(one.sums),
        "sources": dict(sorted(one.sources.items())),
        "departments": [
            {"department": department, **_sums(sums)} for department, sums in by[:most]
        ],
        "more_departments": max(len(by) - most, 0),
    }


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "found": sums.found,
        "open": sums.open,
        "confirmed": sums.confirmed,
        "cleared": sums.cleared,
        **{name: _text(getattr(sums, name)) for name in _AMOUNTS},
        "oldest": _day(sums.oldest),
    }


def _credit(found: Credit, lang: str) -> dict[str, Any]:
    scheme = found.scheme
    return {
        "scheme": {
            "region": scheme.region,
            "valid_from": scheme.valid_from.isoformat(),
            "valid_to": _day(scheme.valid_to),
            "standing": scheme.standing,
            "standing_name": text(f"fund_view.standing.{scheme.standing}", lang),
            "source": scheme.source,
            "own": scheme.own,
        },
        "inputs": [_input(one, lang) for one in found.inputs],
        "weight": _text(found.weight),
        "known": _text(found.known),
        "points": _text(found.points),
        "grade": found.grade,
        "best": found.best,
        "worst": found.worst,
        "missing": [one.input.name for one in found.inputs if one.points is None],
    }


def _input(one: Judged, lang: str) -> dict[str, Any]:
    quantity = one.quantity
    told: Mapping[str, Any] = {
        "part": None if quantity is None else _text(quantity.part),
        "whole": None if quantity is None else _text(quantity.whole),
        "source": None if quantity is None else quantity.source,
    }
    return {
        "input": one.input.name,
        "name": text(f"fund_view.input.{one.input.name}", lang),
        "unit": one.input.unit,
        **told,
        "value": _text(one.value),
        "weight": _text(one.input.weight),
        "full": _text(one.input.full),
        "none": _text(one.input.none),
        "points": _text(one.points),
        "reason": _reason(one.reason, lang),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()

"""The document of fund and credit as lines of text, and as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.payment.settlement.files import Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NONE = "—"
_PAYABLE = ("insurance_name", "month", "balance", "outlay", "averaged", "months", "level_name")
_USE = ("insurance_name", "used", "budget", "basis_name", "share", "expected", "projected")
_LEAD = ("topic", "name", "department", "found", "open", "confirmed", "cleared", "amount", "oldest")
_INPUT = ("name", "part", "whole", "value", "weight", "points", "source")


def say(lang: str, key: str, /, **params: object) -> str:
    """A text of the view."""
    return text(f"fund_words.{key}", lang, **params)


def lines(told: Mapping[str, Any]) -> list[str]:
    """The document in words."""
    lang = told["language"]
    rows = [say(lang, "title", **_plain(told))]
    for part, telling in (
        ("payable", _payable),
        ("budget", _budget),
        ("leads", _leads),
        ("credit", _credit),
    ):
        rows += ["", say(lang, f"{part}_title")]
        reason = told["missing"].get(part)
        if reason is not None:
            rows.append("  " + say(lang, "missing", **reason))
        rows += ["  " + line for line in telling(told, lang)]
    return rows


def _payable(told: Mapping[str, Any], lang: str) -> list[str]:
    rows = []
    for one in told["payable"]:
        if one["reason"] is not None:
            rows.append(say(lang, "payable_none", **_plain(one), **_of(one["reason"])))
        else:
            rows.append(say(lang, "payable", **_plain(one)))
            rows.append("  " + say(lang, "payable_by", **_plain(one)))
        if one["missing"]:
            rows.append("  " + say(lang, "gaps", months=_list(one["missing"], lang)))
        if one["late"]:
            rows.append("  " + say(lang, "late", late=one["late"], month=one["month"]))
        rows += ["  " + say(lang, "broken", **each) for each in one["broken"]]
    if told["payable_absent"]:
        rows.append(say(lang, "absent", names=_list(told["payable_absent"], lang)))
    return rows


def _budget(told: Mapping[str, Any], lang: str) -> list[str]:
    found = told["budget"]
    rows = []
    if found["settled"]:
        rows.append(say(lang, "settled", count=len(found["settled"]), last=found["settled"][-1]))
    if found["open_months"]:
        rows.append(say(lang, "open_months", months=_list(found["open_months"], lang)))
    for one in found["uses"]:
        if one["reason"] is not None:
            rows.append(say(lang, "use_none", **_plain(one), **_of(one["reason"])))
            continue
        rows.append(say(lang, "use", **_plain(one)))
        if one["expected"] is not None:
            rows.append("  " + say(lang, "expected", **_plain(one)))
        if one["assumptions"]:
            rows.append("  " + say(lang, "assumptions", paths=_list(one["assumptions"], lang)))
    outlook = found["outlook"]
    if outlook is not None:
        rows.append(say(lang, "outlook", **_plain(outlook)))
        rows += ["  " + say(lang, "interval", **each) for each in outlook["intervals"]]
    reason = told["missing"].get("outlook")
    if reason is not None:
        rows.append(say(lang, "missing", **reason))
    rows += [say(lang, "left_out", **one) for one in found["left_out"]]
    return rows


def _leads(told: Mapping[str, Any], lang: str) -> list[str]:
    rows = []
    for one in told["leads"]:
        rows.append(say(lang, "lead", **_plain(one)))
        rows += ["  " + say(lang, "department", **_plain(each)) for each in one["departments"]]
        if one["more_departments"]:
            rows.append("  " + say(lang, "more", count=one["more_departments"]))
    if not rows and "leads" not in told["missing"]:
        rows.append(say(lang, "no_leads"))
    return rows


def _credit(told: Mapping[str, Any], lang: str) -> list[str]:
    found = told["credit"]
    if found is None:
        return []
    rows = [say(lang, "scheme", **_plain(found["scheme"]))]
    for one in found["inputs"]:
        if one["reason"] is not None:
            rows.append(say(lang, "input_none", **_plain(one), **_of(one["reason"])))
        else:
            rows.append(say(lang, f"input_{one['unit']}", **_plain(one)))
    if found["grade"] is None:
        rows.append(say(lang, "no_grade", count=len(found["missing"]), **_plain(found)))
    else:
        rows.append(say(lang, "grade", **_plain(found)))
    return rows


def sheets(told: Mapping[str, Any]) -> list[Sheet]:
    """The document as tables: months payable, use of the budget, leads, credit."""
    lang = told["language"]
    leads = [
        {"department": None, **one} | row
        for one in told["leads"]
        for row in ({}, *({**each, "name": one["name"]} for each in one["departments"]))
    ]
    inputs = [] if told["credit"] is None else told["credit"]["inputs"]
    return [
        _sheet("payable", _PAYABLE, told["payable"], lang),
        _sheet("budget", _USE, told["budget"]["uses"], lang),
        _sheet("leads", _LEAD, leads, lang),
        _sheet("credit", _INPUT, inputs, lang),
    ]


def _sheet(part: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]], lang: str) -> Sheet:
    head = [say(lang, f"column.{name}") for name in names]
    cells = [["" if row[name] is None else str(row[name]) for name in names] for row in rows]
    return Sheet(say(lang, f"{part}_title"), head, cells)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they are shown; what is not known is a dash."""
    return {
        name: _NONE if value is None else value
        for name, value in row.items()
        if not isinstance(value, (list, dict)) and name != "reason"
    }


def _of(reason: Mapping[str, str]) -> dict[str, str]:
    return {"code": reason["code"], "text": reason["text"], "advice": reason["advice"]}


def _list(words: Sequence[str], lang: str) -> str:
    return say(lang, "separator").join(words)

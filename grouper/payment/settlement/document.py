"""A settlement as plain values: the JSON document, from which the other forms are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.messages import catalogue, language, text
from grouper.payment.settlement.result import AXES
from grouper.payment.settlement.sums import AMOUNTS, COUNTS
from grouper.payment.settlement.totals import largest, open_cases, totals, unknown, unpriced
from grouper.payment.words import advice_text, reason_text, told_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grouper.payment.settlement.result import Part, Settlement
    from grouper.payment.settlement.sums import Sums
    from grouper.payment.settlement.totals import Total, Unpriced


def document(found: Settlement, lang: str | None = None) -> dict[str, Any]:
    """The settlement as dictionaries, lists, texts and whole numbers.

    Amounts are texts, so that no reader rounds them; ``docs/SETTLEMENT.md`` lists the parts.
    """
    lang = lang or language()
    by = {axis: totals(found.priced, axis) for axis in AXES}
    up, down = largest(by["group"])
    return {
        "language": lang,
        "period": found.period.value,
        "when": found.when,
        "region": found.region,
        "hospital": found.hospital,
        "policy": found.policy,
        "day": found.day.isoformat(),
        "sums": sums_document(found.sums),
        "paid": None if found.paid is None else f"{found.paid:f}",
        "parts": [part_document(part, lang) for part in found.parts],
        "lines": [told_line(line, lang) for line in found.lines],
        "deductions": [
            {
                "month": one.month,
                "method": one.method,
                "insurance": one.insurance,
                "kind": one.kind,
                "amount": f"{one.amount:f}",
                "reason": one.reason,
            }
            for one in found.entries
        ],
        "unpriced": _reasons(unpriced(found.priced), lang),
        "unknown": _reasons(unknown(found.priced), lang),
        "elsewhere": found.elsewhere,
        "undated": found.undated,
        "repeated": found.repeated,
        "foreign": found.foreign,
        "open_cases": [_open_case(one, lang) for one in open_cases(found.priced)],
        "totals": {axis: [total_document(one, axis, lang) for one in by[axis]] for axis in AXES},
        "surpluses": [total_document(one, "group", lang) for one in up],
        "losses": [total_document(one, "group", lang) for one in down],
        "assumptions": list(found.assumptions),
    }


def part_document(part: Part, lang: str) -> dict[str, Any]:
    """One part, with its lines."""
    return {
        "method": part.method,
        "method_name": named("method", part.method, lang),
        "insurance": part.insurance,
        "insurance_name": named("insurance", part.insurance, lang),
        "sums": sums_document(part.sums),
        "lines": [told_line(line, lang) for line in part.lines],
        "reason": part.reason,
        "reason_text": part.reason and reason_text(part.reason, lang, dict(part.params)),
    }


def total_document(total: Total, axis: str, lang: str) -> dict[str, Any]:
    """One row of totals."""
    name = total.name or named(axis, total.key, lang)
    return {"key": total.key, "name": name, **sums_document(total.sums)}


def sums_document(sums: Sums) -> dict[str, Any]:
    """Counts as numbers, amounts as texts; null where none of the cases knows the amount."""
    counts = {name: getattr(sums, name) for name in COUNTS}
    known = {name: sums.known_amount(name) for name in AMOUNTS}
    amounts = {name: None if value is None else f"{value:f}" for name, value in known.items()}
    return {**counts, "unpriced": sums.unpriced, **amounts}


def named(axis: str, key: str | None, lang: str) -> str:
    """What a value of a column is called; as it stands where no text names it."""
    if key is None:
        return text("settlement.not_stated", lang)
    known = {"method": f"pay.method.{key}", "insurance": f"settlement.insurance.{key}"}
    words = catalogue(lang)
    return words.get(known.get(axis, ""), key)


def _reasons(found: Iterable[Unpriced], lang: str) -> list[dict[str, Any]]:
    return [
        {
            "reason": one.reason,
            "text": reason_text(one.reason, lang) if one.reason else named("", None, lang),
            "cases": one.cases,
        }
        for one in found
    ]


def _open_case(row: dict[str, Any], lang: str) -> dict[str, Any]:
    """A case without a price, or of which the fund's part is not known, and what is to be done."""
    reason = row["pay_reason"] or row["share_reason"]
    return {
        "case_id": row["case_id"],
        "group": row["group"],
        "priced": bool(row["sum_priced"]),
        "reason": reason,
        "text": reason_text(reason, lang) if reason else named("", None, lang),
        "advice": (reason and advice_text(reason, lang)) or "",
    }

"""Cards: what is known of a stay, put into words for the physician."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from codebooks.messages import text
from grouper.service.cds.expected import forecast_line, likeliest
from grouper.service.cds.markdown import escaped
from grouper.service.cds.tables import Situation, indicators, limits, override_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Card = dict[str, Any]
"""A card of CDS Hooks; it holds no null and nothing empty."""
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Reference:
    """The hospital's own discharged cases of a group: how many, and their mean cost in yuan."""

    cases: int
    mean: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the cards tell of a stay.

    Attributes:
        document: the trace (``docs/TRACE.md``) in the language of the cards; None when no scheme
            could be chosen.
        reason: stable code of why none could.
        issues: reasons of values that could not be used, in words.
        cost: so far, in yuan; None: not known.
        reference: of the group; None: there is none.
        payment: the document of the payment; None: no policy is at hand.
        forecast: the document of the stay's forecast; None: there is none.
    """

    document: Mapping[str, Any] | None
    reason: str | None = None
    issues: Sequence[str] = ()
    cost: Decimal | None = None
    reference: Reference | None = None
    payment: Mapping[str, Any] | None = None
    forecast: Mapping[str, Any] | None = None


def card(
    situation: Situation,
    summary: str,
    lang: str,
    detail: str = "",
    reasons: Sequence[Mapping[str, str]] | None = None,
) -> Card:
    """A card.

    Args:
        situation: what it is about; its indicator is data.
        summary: cut to what CDS Hooks allows.
        lang: of the texts.
        detail: as Markdown; empty: none.
        reasons: why it may be set aside; None: the usual ones.
    """
    most = limits().summary
    told = override_reasons(lang) if reasons is None else reasons
    made: Card = {
        "uuid": str(uuid4()),
        "summary": summary if len(summary) <= most else summary[: most - 1] + _CUT,
        "indicator": indicators()[situation],
        "source": {"label": text("cds.source", lang)},
        "overrideReasons": [dict(reason) for reason in told],
    }
    if detail:
        made["detail"] = detail
    return made


def plain_card(situation: Situation, lang: str) -> Card:
    """A card of a situation that needs no more words than its own."""
    return card(situation, text(f"cds.{situation.value}", lang), lang)


def discharge_cards(told: Told, lang: str) -> list[Card]:
    """The cards at discharge: the group and why, and what is missing or unclear."""
    cards = [_group_card(told, lang)]
    remarks = [*_remarks(told), *told.issues]
    if remarks:
        most = limits().items
        shown = [f"- {escaped(item)}" for item in remarks[:most]]
        if len(remarks) > most:
            shown.append(f"- {text('cds.more', lang, count=len(remarks) - most)}")
        blocked = told.document is None or told.document["result"]["reason"] is not None
        situation = Situation.MISSING if blocked else Situation.REMARKS
        summary = text(f"cds.{situation.value}", lang, count=len(remarks))
        cards.append(card(situation, summary, lang, "\n".join(shown)))
    return cards


def order_cards(told: Told, lang: str) -> list[Card]:
    """The cards before an order is signed: only what concerns it now; often none."""
    cards = []
    if told.document is not None and told.document["result"]["status"] == "invalid":
        result = told.document["result"]
        summary = text("cds.blocking", lang, reason=result["reason_text"])
        cards.append(card(Situation.BLOCKING, summary, lang, escaped(result["advice"])))
    if _above(told):
        summary = text("cds.above_reference", lang)
        detail = "\n\n".join(_cost(told, lang))
        cards.append(card(Situation.ABOVE_REFERENCE, summary, lang, detail))
    return cards


def view_cards(told: Told, lang: str) -> list[Card]:
    """The card when a patient is opened: what is expected of the stay; without a forecast none."""
    lines = forecast_line(told.forecast, lang)
    if told.forecast is None or not lines:
        return []
    group, probability = likeliest(told.forecast, lang)
    summary = text("cds.forecast_group", lang, group=group, probability=probability)
    return [card(Situation.FORECAST, summary, lang, "\n\n".join(lines))]


def _above(told: Told) -> bool:
    reference = _reference(told)
    if told.cost is None or reference is None:
        return False
    return told.cost > reference.mean * limits().above_reference


def _reference(told: Told) -> Reference | None:
    """The reference, if enough cases stand behind it."""
    found = told.reference
    return found if found is not None and found.cases >= limits().reference_cases else None


def _group_card(told: Told, lang: str) -> Card:
    if told.document is None:
        words = text(f"reason.{told.reason}", lang)
        advice = text(f"advice.{told.reason}", lang)
        summary = text("cds.no_scheme", lang, reason=words)
        return card(Situation.INVALID, summary, lang, escaped(advice))
    result = told.document["result"]
    named = _named(result["group"]) if result["group"] else text("cds.no_group", lang)
    summary = text("cds.summary", lang, group=named, status=result["status_text"])
    parts = [text("cds.scheme", lang, scheme=escaped(told.document["scheme"]["id"]))]
    why = _why(told.document, lang)
    if why:
        parts.append(text("cds.why", lang, why=why))
    if result["reason"]:
        words, advice = (escaped(result[name] or "") for name in ("reason_text", "advice"))
        parts.append(text("cds.reason", lang, reason=words, advice=advice))
    parts += _cost(told, lang)
    parts += _payment(told, lang)
    parts += forecast_line(told.forecast, lang)
    return card(Situation(result["status"]), summary, lang, "\n\n".join(parts))


def _named(entry: Mapping[str, Any]) -> str:
    return f"{entry['code']} {entry['name']}".strip()


def _why(document: Mapping[str, Any], lang: str) -> str:
    """Principal diagnosis, procedures that decided, complications that counted; one sentence."""
    diagnoses, procedures = document["case"]["diagnoses"], document["case"]["procedures"]
    found = _decided(document)
    parts = []
    if diagnoses and diagnoses[0]["code"]:
        parts.append(text("cds.principal", lang, named=escaped(_named(diagnoses[0]))))
    decided = [one for one in procedures if one["code"] and one["code"] in found]
    if decided:
        parts.append(text("cds.procedure", lang, named=escaped(_named(decided[0]))))
    counted = [one for one in document["complications"] if one["counts"]]
    if counted:
        most = limits().complications
        names = [escaped(f"{_named(one)} {one['level']}") for one in counted[:most]]
        joined = text("cds.separator", lang).join(names)
        parts.append(text("cds.complications", lang, named=joined, count=len(counted)))
    return text("cds.joint", lang).join(parts)


def _decided(document: Mapping[str, Any]) -> set[str]:
    """The codes that the steps to the group found; without such evidence, the main procedure's."""
    evidence = [
        one["found"]
        for step in document["path"]
        for one in (step["held_by"] or {}).get("evidence", ())
    ]
    found = {code for one in evidence if one for code in str(one).replace(",", " ").split()}
    if found:
        return found
    return {one["code"] for one in document["case"]["procedures"][:1]}


def _remarks(told: Told) -> Iterator[str]:
    """The grouping's own reason and warnings, with the codes they speak of."""
    if told.document is None:
        return
    result = told.document["result"]
    if result["reason"]:
        yield result["reason_text"]
    for warning in told.document["warnings"]:
        codes = " ".join(warning["codes"])
        yield f"{warning['text']} {codes}".strip()


def _cost(told: Told, lang: str) -> list[str]:
    """Cost so far, and beside it the hospital's own cases of the group; nothing is advised."""
    if told.cost is None:
        return []
    parts = [text("cds.cost", lang, cost=f"{told.cost:,.2f}")]
    reference = _reference(told)
    if reference is not None:
        mean = f"{reference.mean:,.2f}"
        parts.append(text("cds.reference", lang, cases=reference.cases, mean=mean))
    return parts


def _payment(told: Told, lang: str) -> list[str]:
    """What the policy pays for the group as it is, or why that is not known; nothing is advised."""
    payment = told.payment
    if payment is None:
        return []
    if payment["amount"] is None:
        return [text("cds.unpriced", lang, reason=escaped(payment["reason_text"] or ""))]
    amount = f"{Decimal(payment['amount']):,.2f}"
    assumed = text("cds.assumed", lang) if payment["assumptions"] else ""
    method = escaped(payment["method_name"])
    return [text("cds.payment", lang, method=method, amount=amount, assumed=assumed)]

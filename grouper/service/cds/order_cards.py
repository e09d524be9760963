"""Cards before an order is signed: a finding each, the worst first by level, and what was not checked.

A card's id holds the key of what was told, so that the feedback to the card is the answer to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from codebooks.messages import text
from grouper.service.cds.cards import card
from grouper.service.cds.markdown import escaped
from grouper.service.cds.order_tables import order_reasons
from grouper.service.cds.tables import Situation, limits
from grouper.service.order_answers import finding_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.audit.books import AuditBook
    from grouper.service.cds.cards import Card
    from grouper.service.cds.drafts import Draft
    from grouper.service.orders import Checked

_VERSION, _VARIANT = 8 << 76, 2 << 62
"""A UUID whose bits are ours to choose (RFC 9562, version 8)."""
_LOW, _MIDDLE = 62, 12
_BITS = 96
_UNCODED = frozenset({"NO_ITEM", "UNKNOWN_ITEM"})
"""Reasons of lines that no rule could judge; others are for those who keep the record."""


def card_id(key: str) -> UUID:
    """The id of the card that tells a finding; :func:`key_of` reads the key back."""
    bits = int(key, 16) << (_LOW + _MIDDLE + 48 - _BITS)
    low = bits & ((1 << _LOW) - 1)
    middle = bits >> _LOW & ((1 << _MIDDLE) - 1)
    high = bits >> (_LOW + _MIDDLE)
    return UUID(int=high << 80 | _VERSION | middle << 64 | _VARIANT | low)


def key_of(card: UUID) -> str | None:
    """The key of what a card told; None: it is no card of a finding."""
    if card.version != _VERSION >> 76:
        return None
    number = card.int
    bits = (number >> 80) << (_LOW + _MIDDLE)
    bits |= (number >> 64 & ((1 << _MIDDLE) - 1)) << _LOW
    bits |= number & ((1 << _LOW) - 1)
    return f"{bits >> (_LOW + _MIDDLE + 48 - _BITS):024x}"


def order_audit_cards(
    checked: Checked,
    drafts: Sequence[Draft],
    book: AuditBook,
    lang: str,
    *,
    stored: bool,
) -> list[Card]:
    """The cards of a check.

    Args:
        checked: the check.
        drafts: what was to be ordered.
        book: the rule book.
        lang: of the texts.
        stored: whether the stay is known; else that is said.
    """
    most = limits().orders
    called = {one.name: one.display for one in drafts}
    cards = []
    for found in checked.told[:most]:
        told = finding_out(found, checked, book, lang)
        # What an order brings about may lie with a charge that is there already.
        names = [called[one["id"]] for one in told["lines"] if one["id"] in called]
        names = names or told["items"]
        summary = text(
            "order_cards.summary",
            lang,
            level=told["level_text"],
            rule=told["rule_name"],
            order=text("cds.separator", lang).join(dict.fromkeys(names)),
        )
        details = (told["why"], told["source"], told["advice"])
        detail = "\n\n".join(escaped(one) for one in details if one)
        situation = Situation(f"order_{told['level']}")
        made = card(situation, summary, lang, detail, reasons=order_reasons(lang))
        cards.append(made | {"uuid": str(card_id(found.key))})
    remarks = _remarks(checked, called, lang, more=len(checked.told) - most, stored=stored)
    if remarks:
        summary = text("order_cards.unjudged", lang, count=len(remarks))
        detail = "\n".join(f"- {escaped(one)}" for one in remarks)
        cards.append(
            card(Situation.ORDER_UNJUDGED, summary, lang, detail, reasons=order_reasons(lang))
        )
    return cards


def _remarks(
    checked: Checked, called: Mapping[str, str], lang: str, *, more: int, stored: bool
) -> list[str]:
    """What the physician should know was not checked or is not shown."""
    found = []
    if more > 0:
        found.append(text("order_cards.more", lang, count=more))
    if not stored:
        found.append(text("order_cards.alone", lang))
    proposed = {line.number for line in checked.lines}
    uncoded = [
        called.get(checked.names[one.line], checked.names[one.line])
        for one in checked.uncoded
        if one.reason in _UNCODED and one.line in proposed
    ]
    if uncoded:
        names: Any = text("cds.separator", lang).join(uncoded)
        found.append(text("order_cards.uncoded", lang, count=len(uncoded), orders=names))
    return found

"""Charge lines of a stay: ChargeItems, or the items of its Claims.

A Claim without ``related`` is the whole bill: its items take the place of all lines before. Where
a message states both, the Claim's items count and the ChargeItems are not added to them.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.intake.event import ItemAction, Line
from hl7_adapters.fhir.extensions import YUAN, stated_extensions
from hl7_adapters.fhir.message import written
from hl7_adapters.fhir.people import named, physician
from hl7_adapters.fhir.values import (
    Coding,
    Json,
    codings,
    decimal,
    digits,
    first_text,
    name_of,
    objects,
    one,
    pick,
    plain,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hl7_adapters.fhir.message import Message, Stay

_PARTIES = {
    "department": named,
    "physician": named,
    "line_department": named,
    "line_physician": physician,
}
_KEY = 128
"""Characters of a line's key that the store holds."""


def lines(message: Message, stay: Stay, claims: Sequence[Json]) -> tuple[tuple[Line, ...], bool]:
    """The charge lines, and whether they take the place of all before.

    Args:
        message: the message.
        stay: whose lines; what is not understood is noted there.
        claims: the claims of the stay that stand.

    Raises:
        InexactError: the message must be read exactly.
    """
    billed = [claim for claim in claims if objects(claim.get("item"))]
    items = stay.all("ChargeItem")
    gone = [
        Line(key=key, action=ItemAction.DELETE)
        for claim in stay.all("Claim")
        if message.stated(claim, "Claim") == "excluded"
        for key, *_ in _items(message, claim)
    ]
    if billed:
        if items:
            stay.extra["ChargeItem"] = {"count": len(items), "status": "Claim.item"}
        found = [_claimed(message, stay, *part) for c in billed for part in _items(message, c)]
        # A claim that follows another one adds to the bill; the only one is the bill.
        whole = not any(message.pick(claim, "Claim", "related") for claim in billed)
        return tuple(gone + found), whole
    return tuple(gone + _charged(message, stay, items)), message.whole and bool(items)


def _charged(message: Message, stay: Stay, items: Sequence[Json]) -> list[Line]:
    found: list[Line] = []
    nameless: dict[str, int] = {}
    for item in items:
        place = message.resources.place(item)
        key = message.number(item, "ChargeItem", "line")
        stands = message.stated(item, "ChargeItem") != "excluded"
        about = _about(message, stay, item, "ChargeItem", place) if stands or not key else {}
        if not key:
            # The same charge sent again has the same key; two equal charges are two.
            content = hashlib.sha256(repr(sorted(about.items())).encode()).hexdigest()
            nameless[content] = nameless.get(content, 0) + 1
            key = f"{content}/{nameless[content]}"
            stay.note(f"{place}.identifier", "")
        if stands:
            found.append(Line(key=_short(key), about=about))
        else:
            found.append(Line(key=_short(key), action=ItemAction.DELETE))
    return found


def _claimed(message: Message, stay: Stay, key: str, item: Json, place: str) -> Line:
    return Line(key=key, about=_about(message, stay, item, "Claim.item", place))


def _items(message: Message, claim: Json) -> Iterator[tuple[str, Json, str]]:
    """Key, item and place of the lines of a claim: its details where they make up the item."""
    number = message.number(claim, "Claim", "line")
    where = message.resources.place(claim)
    for at, item in enumerate(objects(message.pick(claim, "Claim", "item"))):
        own = first_text(message.pick(item, "Claim.item", "sequence")) or f"#{at + 1}"
        place = f"{where}.item[{at}]"
        details = _details(message, item)
        if not details:
            yield _short(f"{number}/{own}"), item, place
        for inner, detail in enumerate(details):
            sequence = first_text(message.pick(detail, "Claim.item", "sequence"))
            key = f"{number}/{own}.{sequence or f'#{inner + 1}'}"
            yield _short(key), _inherited(item, detail), f"{place}.detail[{inner}]"


def _details(message: Message, item: Json) -> list[Json]:
    """The details of an item, if their amounts make up its own; else the item is one line."""
    details = objects(message.pick(item, "Claim.item", "detail"))
    if not details:
        return []
    total, _ = _money(message, item, "Claim.item", message.here(item, "Claim.item"))
    amounts = (_money(message, d, "Claim.item", message.here(d, "Claim.item"))[0] for d in details)
    known = [amount for amount in amounts if amount is not None]
    whole = total is None or sum(known, Decimal(0)) == total
    return details if len(known) == len(details) and whole else []


def _inherited(item: Json, detail: Json) -> Json:
    """A detail with the item's time and category where it states none of its own."""
    names = ("servicedDate", "servicedPeriod", "category")
    return {name: item[name] for name in names if name in item} | detail


def _about(message: Message, stay: Stay, item: Json, kind: str, place: str) -> dict[str, Any]:
    found = stated_extensions(message, kind, item, stay)
    paths, here = message.book.paths[kind], message.here(item, kind)
    concept = pick(item, paths["code"])
    other = _item_codes(message, stay, found, codings(concept), place)
    found.setdefault("line_item", found.get("hospital_item") or other)
    found["line_name"] = name_of(concept)
    if "category" in here:
        category = pick(item, paths["category"])
        stated = message.code("line_class", category, stay, f"{place}.category")
        if stated is not None:
            found.setdefault("line_class", stated)
    _parties(message, found, item, kind)
    if "time" in here:
        found["line_time"] = first_text(pick(item, paths["time"]))
    if "quantity" in here:
        stated_quantity = one(item, paths["quantity"]) or {}
        found["line_quantity"] = digits(stated_quantity.get("value"))
        found["unit"] = text(stated_quantity.get("unit"))
        if not found["line_quantity"]:
            stay.note(f"{place}.quantity", "")
    amount, fault = _money(message, item, kind, here)
    if fault:
        stay.note(f"{place}.{fault}", fault)
    if amount is not None:
        found["line_amount"] = plain(amount)
    return {name: value for name, value in found.items() if value != ""}


def _parties(message: Message, found: dict[str, Any], item: Json, kind: str) -> None:
    """Who ordered and who did what is charged; an extension that says so goes first."""
    paths, here = message.book.paths[kind], message.here(item, kind)
    for name, called in _PARTIES.items():
        for reference in objects(pick(item, paths[name]))[:1] if name in here else ():
            found.setdefault(name, called(message, reference, item))


def _item_codes(
    message: Message, stay: Stay, found: dict[str, Any], stated: list[Coding], place: str
) -> str:
    """Class and codes of the charged item into ``found``; the first code of no known system."""
    systems = message.book.systems["item"]
    classes = message.book.codes.get("line_class", {})
    other = ""
    for coding in stated:
        meaning = systems.get(coding.system, ("", 0))[0]
        if (coding.system, coding.code) in classes:
            found.setdefault("line_class", classes[coding.system, coding.code])
        elif meaning == "national":
            found.setdefault("line_item", coding.code)
        elif meaning == "hospital":
            found.setdefault("hospital_item", coding.code)
        else:
            other = other or coding.code
            stay.note(f"{place}.code", written(coding))
    return other


def _money(message: Message, item: Json, kind: str, here: set[str]) -> tuple[Decimal | None, str]:
    """The amount of a line in yuan, stated or from price, quantity and factor; and a fault."""
    paths = message.book.paths[kind]
    if "amount" in here:
        stated = objects(pick(item, paths["amount"]))
        return amount_of(message, stated) if stated else (None, "amount")
    if "price" not in here:
        return None, ""
    price, fault = amount_of(message, objects(pick(item, paths["price"])))
    factors, quantity = pick(item, paths["factor"]), one(item, paths["quantity"])
    factor = decimal(factors[0]) if factors else Decimal(1)
    number = decimal(quantity.get("value")) if quantity else Decimal(1)
    if price is None or factor is None or number is None:
        return None, fault or "price"
    return price * number * factor, ""


def amount_of(message: Message, stated: Sequence[Json]) -> tuple[Decimal | None, str]:
    """The amount of Money or of MonetaryComponents in yuan; or a fault by its name.

    Of components, base, surcharge and tax are added, discount and deduction taken away, whatever
    sign they are written with (``codes.csv``, ``price_part``).

    Raises:
        InexactError: the message must be read exactly.
    """
    parts = message.book.codes.get("price_part", {})
    total: Decimal | None = None
    for part in stated:
        inner = part.get("amount")
        money = inner if isinstance(inner, dict) else part
        sign = parts.get(("", text(part.get("type"))), "add" if money is part else "leave")
        if sign == "leave":
            continue
        number = decimal(money.get("value"))
        if number is None:
            return None, "amount"
        if money.get("currency", YUAN) != YUAN:
            return None, "currency"
        total = (total or Decimal(0)) + (-abs(number) if sign == "take" else number)
    return total, "amount" if stated and total is None else ""


def _short(key: str) -> str:
    """A key as the store holds it; a longer one is known by its hash."""
    return key if len(key) <= _KEY else hashlib.sha256(key.encode()).hexdigest()

"""The template of items that the catalogues do not bear out on their day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grouper.audit.catalogue import IS_GREY, NO_FORM, AtHand
from grouper.audit.lines import SCOPES
from grouper.audit.order.index import PARTS
from grouper.audit.order.world import Found, amount_of, day_words, first_day, part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codebooks.catalogues.catalogue import Catalogues
    from grouper.audit.catalogue import Said
    from grouper.audit.order.lines import Entry
    from grouper.audit.order.world import Asked, World

_HUNDRED = 100
_PRICE_PARTS = PARTS * _HUNDRED
"""A price is in ten-thousandths of a yuan, an amount in fen, a quantity in ten-thousandths."""
_VERIFY = "verify"


class SaidOf:
    """What the catalogues say of items; what is asked once is kept. Any thread may ask.

    Args:
        catalogues: those at hand; None, or none imported: nothing is said of any item.
    """

    def __init__(self, catalogues: Catalogues | None) -> None:
        self.catalogues = catalogues
        self._at_hand: AtHand | None = None
        self._said: dict[str, Said] = {}

    def warm(self) -> None:
        """Read the catalogues, which the first item would else wait for."""
        self.of(("",))

    def of(self, items: Sequence[str]) -> list[tuple[str, Said]]:
        """The items of which something may be said, with what is."""
        if not self.catalogues:
            return []
        if self._at_hand is None:
            self._at_hand = AtHand(self.catalogues)
        new = [item for item in items if item not in self._said]
        if new:
            # Two threads may both ask: it is the same.
            self._said |= zip(new, self._at_hand.said(new), strict=True)
        return [(item, self._said[item]) for item in items]


class _Key(NamedTuple):
    """What a finding is of: level where it is not the rule's, what is wrong, and as of what."""

    level: str | None
    wrong: str
    since: int | None
    scope: str
    listed: str
    price: int | None


def catalogue(world: World, asked: Asked) -> Iterator[Found]:
    """Not listed, not in force, grey, without mapping, of another class, dearer than one's own list."""
    for item, said in world.said.of(world.items):
        found: dict[_Key, list[tuple[Entry, int]]] = {}
        for line in world.by_item[item]:
            for key, most in _wrong(line, said):
                found.setdefault(key, []).append((line, most))
        for key, own in found.items():
            lines = [line for line, _ in own]
            charged, most = amount_of(lines), sum(most for _, most in own)
            priced = key.price is not None
            for rule in asked.rules:
                yield Found(
                    rule.rule,
                    None,
                    key.level or rule.level,
                    lines,
                    [item],
                    first_day(lines),
                    charged - most,
                    charged * _HUNDRED if priced else None,
                    most * _HUNDRED if priced else None,
                    "yuan" if priced else None,
                    (
                        ("wrong", key.wrong),
                        ("from", day_words(key.since) or ""),
                        ("line_scope", key.scope),
                        ("listed_scope", key.listed),
                        ("own_price", _yuan(key.price)),
                    ),
                )


def _wrong(line: Entry, said: Said) -> Iterator[tuple[_Key, int]]:
    day = line.day
    if day is None:
        return
    for since, until, why in said.gaps:
        # What the patient pays alone is told of grey codes only.
        if since <= day < until and (why == IS_GREY or line.scope is None or line.reimbursed):
            level = _VERIFY if line.scope is None or why == NO_FORM else None
            yield _Key(level, why, since, "", "", None), 0
    for since, until, listed in said.scopes:
        if since <= day < until and line.scope is not None and line.scope != listed:
            worse = SCOPES.index(line.scope) > SCOPES.index(listed)
            yield _Key(_VERIFY if worse else None, "scope", None, line.scope, listed, None), 0
    for since, until, price in said.prices:
        if since <= day < until and line.quantity > 0:
            most = part(price, line.quantity, _PRICE_PARTS)
            if line.amount > most:
                yield _Key(None, "own_price", None, "", "", price), most


def _yuan(price: int | None) -> str:
    return "" if price is None else f"{price // PARTS}.{price % PARTS:04}"

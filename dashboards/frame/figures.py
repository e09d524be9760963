"""Figures as people read them: yuan, shares, days; nothing is shown as nothing and never as nought."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.messages import text

if TYPE_CHECKING:
    from datetime import date

NONE = "—"
_BIG = Decimal(10_000)


def yuan(amount: Decimal | None, lang: str, *, sign: bool = False) -> str:
    """An amount in yuan; from ten thousand on in units of ten thousand where Chinese does so.

    Args:
        amount: in yuan; None: not known.
        lang: ``zh`` or ``en``.
        sign: whether a plus is written.
    """
    if amount is None:
        return NONE
    plus = "+" if sign else ""
    if lang == "zh" and abs(amount) >= _BIG:
        return text("figure.ten_thousand", lang, number=f"{amount / _BIG:{plus},.2f}")
    places = 0 if abs(amount) >= _BIG else 2
    return text("figure.yuan", lang, number=f"{amount:{plus},.{places}f}")


def exact(amount: Decimal, lang: str) -> str:
    """An amount to the cent, where it is to be added up."""
    return text("figure.yuan", lang, number=f"{amount:,.2f}")


def count(number: int | None) -> str:
    """A whole number."""
    return NONE if number is None else f"{number:,}"


def share(part: Decimal | float | None, *, places: int = 1, sign: bool = False) -> str:
    """A share of one as per cent."""
    return NONE if part is None else f"{part:{'+' if sign else ''}.{places}%}"


def ratio(value: Decimal | float | None, *, places: int = 3) -> str:
    """An index such as CMI."""
    return NONE if value is None else f"{value:.{places}f}"


def days(value: Decimal | float | None, lang: str, *, places: int = 1) -> str:
    """A length of stay."""
    if value is None:
        return NONE
    return text("figure.days", lang, number=f"{value:,.{places}f}")


def span(low: str, high: str, lang: str) -> str:
    """An interval."""
    return text("figure.span", lang, low=low, high=high)


def day(value: date | None) -> str:
    """A day."""
    return NONE if value is None else value.isoformat()

"""Small readings of FHIR's data types, for values of any shape at all.

None of them raises for a wrong type: what is no list, no coding, no text is none.
"""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from hl7_adapters.fhir.book import CONVERTED
from hl7_adapters.fhir.reader import exact_float

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hl7_adapters.fhir.book import Book

LONGEST = 256
"""Characters that an identifier may have: what the tables of the store hold."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MOST_DIGITS = 40
_WHOLE = 10**15
Json = dict[str, Any]


class Coding(NamedTuple):
    """One coding; texts may be empty."""

    system: str
    code: str
    display: str = ""


def items(value: object) -> list[Any]:
    """The elements of a list; anything else is a list of one, nothing a list of none."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def objects(value: object) -> list[Json]:
    """The objects of a list (or the one object)."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def pick(resource: Json, paths: Sequence[tuple[str, ...]]) -> list[Any]:
    """The values at the first path where there are any; lists on the way are gone through."""
    for path in paths:
        value: Any = resource.get(path[0])
        if value is None:
            continue
        found = value if isinstance(value, list) else [value]
        for key in path[1:]:
            found = [
                inner
                for item in found
                if isinstance(item, dict)
                for inner in items(item.get(key))
                if inner is not None
            ]
        if found:
            return found
    return []


def one(resource: Json, paths: Sequence[tuple[str, ...]]) -> Json | None:
    """The first object at a path: for references, of which there is mostly one."""
    for path in paths:
        value: Any = resource.get(path[0])
        if value is not None and len(path) == 1 and isinstance(value, dict):
            return value
    return next(iter(objects(pick(resource, paths))), None)


def text(value: object) -> str:
    """A text, or a whole number as a text; else empty."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**_MOST_DIGITS else ""
    return ""


def first_text(values: Sequence[Any]) -> str:
    """The first text among values."""
    for value in values:
        found = text(value)
        if found:
            return found
    return ""


def codings(concept: object) -> list[Coding]:
    """The codings of a CodeableConcept, a CodeableReference, a Coding, a code, or a list of them."""
    found: list[Coding] = []
    for value in concept if isinstance(concept, list) else (concept,):
        if isinstance(value, dict):
            stated = value.get("coding")
            if stated is None:
                inner = value.get("concept")
                stated = inner.get("coding") if isinstance(inner, dict) else value
            for coding in stated if isinstance(stated, list) else (stated,):
                if isinstance(coding, dict) and (code := text(coding.get("code"))):
                    system, display = coding.get("system"), coding.get("display")
                    system = text(system).removesuffix("/") if system else ""
                    found.append(Coding(system, code, text(display) if display else ""))
        elif isinstance(value, str) and value:
            found.append(Coding("", value.strip()))
    return found


def name_of(concept: object) -> str:
    """What a concept is called: its text, else the first display."""
    for value in concept if isinstance(concept, list) else (concept,):
        if isinstance(value, dict):
            stated = value.get("text")
            if stated is None and isinstance(inner := value.get("concept"), dict):
                stated = inner.get("text")
            if stated and (found := text(stated)):
                return found
    return next((c.display for c in codings(concept) if c.display), "")


def decimal(value: object) -> Decimal | None:
    """A number as it was written.

    Raises:
        InexactError: the message must be read exactly.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return exact_float(value)
    if isinstance(value, int | Decimal):
        found = Decimal(value)
        return found if -_MOST_DIGITS < found.adjusted() < _MOST_DIGITS or not found else None
    return None


def plain(value: Decimal) -> str:
    """A number as a text without exponent and useless zeros."""
    written = format(value, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def digits(value: object) -> str:
    """A number as a text, as :func:`plain` writes it; empty where it is none.

    Raises:
        InexactError: the message must be read exactly.
    """
    if type(value) is int and -_WHOLE < value < _WHOLE:
        return str(value)
    number = decimal(value)
    return "" if number is None else plain(number)


def identifier(value: object) -> str:
    """The value of an identifier; empty where it has none that can be used."""
    found = text(value)
    return "" if len(found) > LONGEST or _CONTROL.search(found) else found


def converted(quantity: object, field: str, book: Book) -> tuple[str, str] | None:
    """A quantity with a unit, in the field's own: the field it belongs to and its number.

    None when the unit is not known or cannot be turned into the field's.

    Raises:
        InexactError: the message must be read exactly.
    """
    if not isinstance(quantity, dict):
        return None
    number = decimal(quantity.get("value"))
    unit = text(quantity.get("code")) or text(quantity.get("unit"))
    if number is None or quantity.get("comparator") is not None or unit not in book.units:
        return None
    dimension, factor = book.units[unit]
    rule = book.quantities.get((field, dimension))
    if rule is None:
        return None
    per, into = rule
    with localcontext(prec=CONVERTED):
        exact = number * factor / per
        # A third of an hour written in minutes comes back a hair beside the whole number.
        rounded = exact.quantize(Decimal("0.000001"))
    return into, plain(rounded)

"""Extensions by their URL: values of fields, and what is kept because nothing maps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.intake.forms import IntakeError
from hl7_adapters.fhir.values import Json, codings, converted, decimal, objects, plain, text

if TYPE_CHECKING:
    from hl7_adapters.fhir.message import Message, Stay

YUAN = "CNY"
_DEEPEST = 100
_WHOLE = 2**53


def stated_extensions(message: Message, kind: str, element: Json, stay: Stay) -> dict[str, Any]:
    """The mapped extensions of a resource or an element, as raw values by field.

    What no row of ``extensions.csv`` maps is kept in the stay's ``extra`` under its URL.

    Raises:
        InexactError: the message must be read exactly.
    """
    if "extension" not in element and "modifierExtension" not in element:
        return {}
    fields = message.book.extensions.get(kind, {})
    found: dict[str, Any] = {}
    for name in ("extension", "modifierExtension"):
        for extension in objects(element.get(name)):
            url = text(extension.get("url"))
            if url not in fields:
                stay.extra[f"{kind}.{name}[{url}]"] = kept(extension)
                continue
            field, value = fields[url], _value(extension)
            into = raw_value(message, field, value)
            if into is None:
                stay.note(f"{kind}.extension[{url}]", "")
                stay.extra[f"{kind}.{name}[{url}]"] = kept(extension)
            else:
                found[into[0]] = into[1]
    return found


def leave(message: Message, stay: Stay, resource: Json, kind: str) -> None:
    """Keep the elements of a resource that nothing reads, under their path."""
    known = message.book.elements.get(kind, {})
    for key, value in resource.items():
        if key not in known:
            stay.extra[f"{kind}.{key}"] = kept(value)


def raw_value(message: Message, field: str, value: object) -> tuple[str, str] | None:
    """A FHIR value as the raw value of a field; None when it cannot be one.

    A code goes through ``codes.csv`` where that knows the field and the system; a quantity is
    brought to the field's unit, which may make it another field's (an age in days).

    Raises:
        InexactError: the message must be read exactly.
    """
    if isinstance(value, dict):
        if "value" in value:
            if value.get("code") or value.get("unit"):
                return converted(value, field, message.book)
            foreign = value.get("currency", YUAN) != YUAN
            inner = None if foreign or isinstance(value["value"], dict) else value["value"]
            return raw_value(message, field, inner)
        for coding in codings(value):
            known = message.book.codes.get(field, {}).get((coding.system, coding.code))
            return field, known if known is not None else coding.code
        return None
    if isinstance(value, str):
        return (field, value.strip()) if value.strip() else None
    number = decimal(value)
    return None if number is None else (field, plain(number))


def _value(extension: Json) -> object:
    return next((v for key, v in extension.items() if key.startswith("value")), None)


def kept(value: object, depth: int = 0) -> Any:  # noqa: ANN401 -- any JSON value
    """A JSON value as the record keeps it: numbers with a fraction become their text.

    Raises:
        InexactError: the message must be read exactly.
        IntakeError: ``MESSAGE_UNREADABLE``: nested deeper than any resource is.
    """
    if depth > _DEEPEST:
        raise IntakeError("MESSAGE_UNREADABLE", place="$")
    if isinstance(value, dict):
        return {key: kept(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [kept(inner, depth + 1) for inner in value]
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, int) and abs(value) < _WHOLE:
        return value
    number = decimal(value)
    return "" if number is None else plain(number)

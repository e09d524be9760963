"""From bytes to JSON values: quickly where that is exact, exactly where it is not.

Amounts must not pass through binary fractions, and a property that stands twice must not lose one
of its values. orjson knows neither, but is four times as fast as the reader that does, and for
nearly every message it comes to the same:

- A number of at most 15 significant digits goes through a float unchanged: its shortest text is
  the number that was written. Longer ones are found in the bytes (six digits after the point, an
  exponent less than nought) or by their size (:func:`exact_float`), and the message is read again by :func:`read_exact`.
- A property that stands twice shows as a difference in the count of colons between the bytes and
  what was read.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import orjson

from grouper.intake.forms import IntakeError

_MARK = b"\xef\xbb\xbf"
# Both end as a number ends, which the parts of an OID or a UUID within quotes do not.
_LONG = re.compile(rb"\.[0-9]{6,}[\s,\]}eE]")
# A long mantissa is smaller than the bound below only by an exponent less than nought.
_SHRUNK = (re.compile(rb"e-[0-9]+[\s,\]}]"), re.compile(rb"E-[0-9]+[\s,\]}]"))
_CONTROL = re.compile(rb"\\u00(?:0[0-8bcefBCEF]|1[0-9a-fA-F])")
_COLON = b"\\u003"
_EXACT_BELOW = 1e9


class InexactError(Exception):
    """A number may have lost digits: the message must be read by :func:`read_exact`."""


def read_fast(raw: bytes) -> dict[str, Any]:
    """The resource of a message; numbers with a fraction are floats (:func:`exact_float`).

    Raises:
        IntakeError: ``MESSAGE_UNREADABLE``, ``FHIR_NOT_UTF8`` or ``FHIR_KEY_TWICE``.
        InexactError: read it by :func:`read_exact`.
    """
    text = raw.removeprefix(_MARK)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _unreadable(text, error) from None
    if _CONTROL.search(text):
        raise IntakeError("MESSAGE_UNREADABLE", place="$")
    try:
        written = orjson.dumps(value)
    except TypeError:  # nested deeper than any resource is
        raise IntakeError("MESSAGE_UNREADABLE", place="$") from None
    if written == text:
        # Written back to the same bytes, nothing can have been lost.
        return _resource(value)
    if _LONG.search(text) or any(found.search(text) for found in _SHRUNK):
        raise InexactError
    if _COLON in text or text.count(b":") != written.count(b":"):
        raise InexactError
    return _resource(value)


def read_exact(raw: bytes) -> dict[str, Any]:
    """The resource of a message; numbers with a fraction are decimals, properties are single.

    Raises:
        IntakeError: as :func:`read_fast`.
    """
    text = raw.removeprefix(_MARK)
    try:
        # What it takes for good is decided by one reader alone: no NaN, no half of a character.
        orjson.loads(text)
        value = json.loads(text, parse_float=Decimal, object_pairs_hook=_single)
    except orjson.JSONDecodeError as error:
        raise _unreadable(text, error) from None
    except (ValueError, ArithmeticError, RecursionError):
        raise IntakeError("MESSAGE_UNREADABLE", place="$") from None
    return _resource(value)


def exact_float(value: float) -> Decimal:
    """The decimal number that a float of :func:`read_fast` was written as.

    Raises:
        InexactError: it may have had more digits.
    """
    if not -_EXACT_BELOW < value < _EXACT_BELOW:
        raise InexactError
    return Decimal(repr(value))


def read(raw: bytes) -> tuple[dict[str, Any], bool]:
    """The resource of a message, and whether it was read exactly.

    Raises:
        IntakeError: as :func:`read_fast`.
    """
    try:
        return read_fast(raw), False
    except InexactError:
        return read_exact(raw), True


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise IntakeError("FHIR_KEY_TWICE", place="$")
    return found


def _unreadable(text: bytes, error: orjson.JSONDecodeError) -> IntakeError:
    try:
        text.decode()
    except UnicodeDecodeError:
        return IntakeError("FHIR_NOT_UTF8", place="$")
    return IntakeError("MESSAGE_UNREADABLE", place=f"line {error.lineno}, column {error.colno}")


def _resource(value: object) -> dict[str, Any]:
    if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
        return value
    raise IntakeError("MESSAGE_UNREADABLE", place="resourceType")

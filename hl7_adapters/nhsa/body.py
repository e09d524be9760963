"""The bytes of a message as JSON: numbers stay as they were written, nothing is lost silently."""

from __future__ import annotations

import json
import re
from typing import Any

from grouper.intake.forms import IntakeError

Json = Any
"""A dictionary, list, text, :class:`Number`, truth value or None."""

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CHINESE, _LATIN = "\u0800", "\u00ff"
_DEEPEST = 40
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_SHOWN = 64


class Number(str):
    """The text of a number that was written without quotes: ``51.2300`` keeps its zeros."""

    __slots__ = ()


def parse(raw: bytes) -> dict[str, Json]:
    """The JSON object of a message.

    Raises:
        IntakeError: ``CHARSET_BROKEN``; ``MESSAGE_TRUNCATED``: it ends too early;
            ``MESSAGE_UNREADABLE``: no JSON object, a name twice with different values, numbers
            that are none (NaN), characters that no text holds, or nested too deep.
    """
    text = decode(raw)
    found = loads(text)
    if not isinstance(found, dict):
        raise unreadable("$")
    return found


def decode(raw: bytes) -> str:
    """The text of a message: a byte order mark decides, else UTF-8, else GB18030.

    Some Chinese pairs of GB18030 are valid UTF-8 too (女 reads as Ů): where all that is not ASCII
    would be such letters, GB18030 is meant.

    Raises:
        IntakeError: ``CHARSET_BROKEN``.
    """
    try:
        for mark, codec in _MARKS:
            if raw.startswith(mark):
                return raw.decode(codec)
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return raw.decode("gb18030").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise IntakeError("CHARSET_BROKEN", place="$") from None
    if not text.isascii() and _LATIN < max(text) < _CHINESE:
        try:
            return raw.decode("gb18030")
        except UnicodeDecodeError:
            return text
    return text


def loads(text: str) -> Json:
    """A JSON text.

    Raises:
        IntakeError: as :func:`parse`.
    """
    if not text.strip():
        raise unreadable("$")
    try:
        found = _DECODER.decode(text.strip())
    except json.JSONDecodeError as error:
        if error.pos >= len(text.strip()) or error.msg.startswith("Unterminated string"):
            raise IntakeError("MESSAGE_TRUNCATED", place=f"@{error.pos}") from None
        raise unreadable(f"@{error.pos}") from None
    except RecursionError:
        raise unreadable("$") from None
    if not depth_fits(found):
        raise unreadable("$")
    if "\\u" in text:
        _fit(found, "$")
    return found


def _fit(value: Json, place: str) -> None:
    """No text may hold what no database and no other text can: NUL, half a surrogate."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _fit(name, place)
            _fit(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for at, inner in enumerate(value, 1):
            _fit(inner, f"{place}[{at}]")
    elif isinstance(value, str) and _UNFIT.search(value):
        raise unreadable(place)


def unreadable(place: str) -> IntakeError:
    """``MESSAGE_UNREADABLE`` at a place."""
    return IntakeError("MESSAGE_UNREADABLE", place=_UNFIT.sub("?", place)[:_SHOWN])


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: dict[str, Json] = {}
        for name, value in pairs:
            if name in seen and seen[name] != value:
                raise unreadable(name)
            seen[name] = value
    return found


def _constant(name: str) -> Json:
    raise unreadable(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=Number, parse_int=Number, parse_constant=_constant
)


def depth_fits(value: Json, left: int = _DEEPEST) -> bool:
    """Whether a value is nested no deeper than anything that the interface sends."""
    if not left:
        return False
    if isinstance(value, dict):
        return all(depth_fits(inner, left - 1) for inner in value.values())
    if isinstance(value, list):
        return all(depth_fits(inner, left - 1) for inner in value)
    return True

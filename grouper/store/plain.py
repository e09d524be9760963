"""What senders state, as JSON that every database takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from grouper.intake.forms import IntakeError

if TYPE_CHECKING:
    from grouper.case.issues import Issue
    from grouper.intake.event import Event

NUMBER_LENGTH = 256
"""Longest number of a patient, a stay or a charge line, in characters."""
_NUL, _NUL_SHOWN = "\x00", "␀"


def usable(number: str, place: str, length: int = NUMBER_LENGTH) -> str:
    """A number of the hospital, if it can be kept as it is.

    Raises:
        IntakeError: ``NUMBER_UNUSABLE``: too long, or not a text that a database takes.
    """
    if len(number) > length or not number.isprintable():
        raise IntakeError("NUMBER_UNUSABLE", place=place)
    return number


def issue_json(issue: Issue) -> dict[str, Any]:
    """An issue as it is kept with a version."""
    return {
        "field": issue.field,
        "reason": issue.reason,
        "severity": str(issue.severity),
        "value": issue.value,
    }


def plain(event: Event) -> Event:
    """An event whose values are plain JSON: nothing else reaches the tables.

    Dates, decimals and other values become their text; a NUL, which PostgreSQL does not take, is
    shown as ``␀``, and half a character as ``?``.

    Raises:
        IntakeError: ``MESSAGE_UNREADABLE``: it is nested without an end.
    """
    if _is_plain(event):
        return event
    try:
        changed = replace(
            event,
            facts=_plain(event.facts),
            extra=_plain(event.extra),
            person=_plain(event.person),
            assessments=None if event.assessments is None else _plain(event.assessments),
            unknown=tuple((str(p), str(v)) for p, v in _plain(event.unknown)),
            dx=_codes(event.dx),
            px=_codes(event.px),
            lines=tuple(replace(line, about=_plain(line.about)) for line in event.lines),
        )
        orjson.dumps(changed)
    except (RecursionError, TypeError):
        raise IntakeError("MESSAGE_UNREADABLE", place="") from None
    return changed


def _is_plain(event: Event) -> bool:
    try:
        return b"\\u0000" not in orjson.dumps(event)
    except TypeError:
        return False


def _codes(codes: Any) -> Any:  # noqa: ANN401 -- codes or None
    if codes is None:
        return None
    return tuple(
        replace(c, code=_plain(c.code), key=_plain(c.key), about=_plain(c.about)) for c in codes
    )


def _plain(value: Any) -> Any:  # noqa: ANN401 -- anything that a form reads
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)
    if isinstance(value, Mapping):
        return {_text(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return _text(value)


def _text(value: object) -> str:
    written = str(value).replace(_NUL, _NUL_SHOWN)
    return written.encode("utf-8", "replace").decode("utf-8")

"""The acknowledgement: in the sender's character set and separators, as far as they are known.

Original mode of HL7 v2 (chapter 2, 2.9.2): MSA-1 is AA, AE or AR, whatever MSH-15 and MSH-16 ask;
it is sent when the message is stored. MSA-2 is the sender's MSH-10, letter by letter.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from codebooks.messages import catalogue, text
from grouper.case.fields import ZONE
from grouper.intake.envelope import Verdict
from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.charsets import charsets
from hl7_adapters.hl7v2.codec import NULL, build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.intake.envelope import Envelope, Receipt
    from hl7_adapters.hl7v2.book import AnswerRule
    from hl7_adapters.hl7v2.codec import Field, Message

ASCII = "ASCII"
_ID_BYTES = 10
"""MSH-10 of an answer: 20 hex digits, the most that old versions allow."""
_PLACE = re.compile(r"(?P<segment>[A-Z][A-Z0-9]{2})-(?P<field>[0-9]+)")
_VERSION = re.compile(r"([0-9]+)\.([0-9]+)")
_ENGLISH = "en"
_ACK, _PROCESSING = "ACK", "P"
_STRUCTURED = (2, 4)
_ZONE = ZoneInfo(ZONE)
_SEPARATORS = ("|", "^~\\&")
_UNREADABLE = str.maketrans("", "", "\0\ufffd")


def acknowledge(
    head: Message | None, envelope: Envelope, receipt: Receipt, rule: AnswerRule, lang: str | None
) -> bytes:
    """The answer to a message.

    The words are in ``lang`` where the sender's character set has them, else in English.

    Args:
        head: the message, or its header alone; None when it has none.
        envelope: what is known of it.
        receipt: what became of it.
        rule: how answers are written.
        lang: ``zh``, ``en``, or None for the language of the process.
    """
    if head is not None and receipt.verdict is Verdict.ACCEPTED:
        with contextlib.suppress(IntakeError):
            return _accepted(head, envelope, rule)
    for language in (lang, _ENGLISH):
        try:
            segments = _segments(head, envelope, receipt, rule, language)
            return build(segments, head.charset if head else ASCII)
        except IntakeError:
            # The set lacks a character, or the separators do not serve.
            continue
    return build(_segments(None, envelope, receipt, rule, _ENGLISH, plain=True), ASCII)


def _accepted(head: Message, envelope: Envelope, rule: AnswerRule) -> bytes:
    """The answer to a message that was read: its own texts need no escaping anew."""
    header = head.segments[0]
    charset = charsets().get(head.charset)
    kind = _kind(head, _field(head, 12) or rule.version)
    mark = head.syntax.component
    if charset is None or header.value(10).strip() != envelope.control_id or not mark:
        raise IntakeError("MESSAGE_UNREADABLE", place="MSH")
    fields = [
        "MSH",
        header.raw(2) or _SEPARATORS[1],
        *(header.raw(number) for number in (5, 6, 3, 4)),
        _now(),
        "",
        kind if isinstance(kind, str) else mark.join(map(str, kind)),
        secrets.token_hex(_ID_BYTES),
        header.raw(11) or _PROCESSING,
        header.raw(12) or rule.version,
        *[""] * 5,
        header.raw(18) or head.charset,
    ]
    field = head.syntax.field
    answer = [field.join(fields), field.join(["MSA", Verdict.ACCEPTED, header.raw(10).strip()])]
    return charset.encode("\r".join(answer) + "\r")


def _now() -> str:
    return datetime.now(_ZONE).strftime("%Y%m%d%H%M%S%z")


def _kind(head: Message | None, version: str) -> str | tuple[str, ...]:
    """MSH-9 of the answer; the structure since version 2.4."""
    trigger = _field(head, 9, 2)
    if not trigger:
        return _ACK
    return (_ACK, trigger) if _number(version) < _STRUCTURED else (_ACK, trigger, _ACK)


def _segments(
    head: Message | None,
    envelope: Envelope,
    receipt: Receipt,
    rule: AnswerRule,
    lang: str | None,
    *,
    plain: bool = False,
) -> list[tuple[str, Sequence[Field]]]:
    version = _field(head, 12) or rule.version
    reason = receipt.reason if receipt.verdict is not Verdict.ACCEPTED else ""
    control_id = envelope.control_id.translate(_UNREADABLE)
    words = _words(reason, lang)
    if plain:
        control_id = control_id.encode("ascii", "replace").decode("ascii")
    found: list[tuple[str, Sequence[Field]]] = [
        ("MSH", _header(head, version)),
        ("MSA", (receipt.verdict.value, control_id, f"{reason} {words}".strip())),
    ]
    if reason:
        place = receipt.place or envelope.place
        found.append(("ERR", _error(reason, place, words, version, rule, lang)))
    return found


def _header(head: Message | None, version: str) -> list[Field]:
    marks = (head.syntax.field, _encoding(head)) if head else _SEPARATORS
    return [
        *marks,
        _echo(head, 5),
        _echo(head, 6),
        _echo(head, 3),
        _echo(head, 4),
        _now(),
        "",
        _kind(head, version),
        secrets.token_hex(_ID_BYTES),
        _field(head, 11) or _PROCESSING,
        version,
    ]


def _encoding(head: Message) -> str:
    syntax = head.syntax
    return (
        syntax.component
        + syntax.repetition
        + syntax.escape
        + syntax.subcomponent
        + syntax.truncation
    )


def _echo(head: Message | None, field: int) -> Field:
    """A name of the sender's, with its components."""
    if head is None:
        return ""
    segment = head.segments[0]
    count = segment.components(field)
    parts = tuple(_clean(segment.value(field, n)) for n in range(1, count + 1))
    return parts if len(parts) > 1 else "".join(parts)


def _field(head: Message | None, field: int, component: int = 1) -> str:
    if head is None:
        return ""
    return _clean(head.segments[0].value(field, component).strip())


def _clean(value: str) -> str:
    return "" if value == NULL else value.translate(_UNREADABLE)


def _words(reason: str, lang: str | None) -> str:
    return text(f"reason.{reason}", lang) if f"reason.{reason}" in catalogue(lang or "zh") else ""


def _error(
    reason: str, place: str, words: str, version: str, rule: AnswerRule, lang: str | None
) -> list[Field]:
    """ERR; before version 2.5 all of it in one field (ERR-1)."""
    code = rule.codes.get(reason, rule.otherwise)
    found = _PLACE.match(place)
    at = (found["segment"], "1", found["field"]) if found else ()
    if _number(version) < _number(rule.error_since):
        where = at or ("", "", "")
        return [(*where, (code, f"{reason} {words}".strip(), "HL70357"))]
    advice = ""
    if f"advice.{reason}" in catalogue(lang or "zh"):
        advice = text(f"advice.{reason}", lang)
    return [
        "",
        at or "",
        (code, "", "HL70357"),
        "E",
        (reason, words),
        "",
        place,
        advice,
    ]


def _number(version: str) -> tuple[int, int]:
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2])) if found else _STRUCTURED

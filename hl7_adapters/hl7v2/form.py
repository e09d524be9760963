"""HL7 v2 as a form of the inbox: the envelope, the events and the answer."""

from __future__ import annotations

import contextlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError
from codebooks.messages import LANGUAGES, text
from grouper.intake.envelope import Envelope, Verdict
from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2 import outline
from hl7_adapters.hl7v2.ack import acknowledge
from hl7_adapters.hl7v2.batch import split_batch
from hl7_adapters.hl7v2.codec import NULL, parse
from hl7_adapters.hl7v2.events import read_events
from hl7_adapters.hl7v2.head import read_head
from hl7_adapters.hl7v2.identify import check, groups, message_type, rule_of
from hl7_adapters.hl7v2.mapping import load_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from grouper.intake.envelope import Receipt
    from grouper.intake.event import Event
    from grouper.intake.outline import Part
    from hl7_adapters.hl7v2.book import Book
    from hl7_adapters.hl7v2.codec import Message

NAME = "hl7v2"
_CHARSET = 18
_HEADER, _BATCH = b"MSH", (b"FHS", b"BHS")
OPTIONS = ("mapping", "language")
_REFUSED = frozenset({"TYPE_UNSUPPORTED", "VERSION_UNSUPPORTED", "CHARSET_UNKNOWN"})
"""Answered AR: the sender would have to send something else. All others are answered AE."""


class Hl7Form:
    """HL7 version 2 messages, read by a mapping.

    Args:
        mapping: what they mean; the shipped mapping by default.
        language: of the words in answers; by default that of the process.
    """

    name = NAME

    def __init__(self, mapping: Book | None = None, language: str | None = None) -> None:
        self._given = mapping
        self._language = language

    @cached_property
    def book(self) -> Book:
        """The mapping in use."""
        return self._given or load_mapping()

    def configure(self, options: Mapping[str, Any]) -> None:
        """Take the options of the settings (``[forms.hl7v2]``).

        Args:
            options: ``mapping``, a TOML file above the shipped mapping; ``language``, ``zh`` or
                ``en``.

        Raises:
            GrouperError: ``SETTING_INVALID``; ``CodebookError``: the mapping is refused.
        """
        for name in options:
            if name not in OPTIONS:
                raise _invalid(name, "unknown", known=", ".join(OPTIONS))
        language = options.get("language", self._language)
        if language not in (None, *LANGUAGES):
            raise _invalid("language", "one_of", known=", ".join(LANGUAGES))
        path = options.get("mapping")
        if path is not None and not isinstance(path, str | Path):
            raise _invalid("mapping", "path")
        if path:
            self._given = load_mapping(Path(path))
            self.__dict__.pop("book", None)
        self._language = language

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        """Read what is needed to store and answer a message; it never raises.

        Args:
            raw: the message without its frame; any bytes at all.
            control_id: stands for MSH-10 where the message has none.
        """
        try:
            message = parse(raw)
        except IntakeError as error:
            return _envelope(raw, read_head(raw), control_id, error)
        failed: IntakeError | None = None
        patient = visit = ""
        try:
            rule = rule_of(message, self.book)
            parts = groups(message, rule, self.book)
            patient, visit = parts[0].patient, parts[0].visit
            if not (_value(message, 10) or control_id):
                raise IntakeError("CONTROL_ID_MISSING", place="MSH-10")  # noqa: TRY301 -- as the others
            for part in parts:
                check(part, rule)
        except IntakeError as error:
            failed = error
        return _envelope(raw, message, control_id, failed, patient, visit)

    def split(self, raw: bytes) -> Sequence[bytes]:
        """The messages of a batch (FHS, BHS, or several MSH), or the one message as it came.

        Raises:
            IntakeError: the batch is not whole (:func:`hl7_adapters.hl7v2.batch.split_batch`).
        """
        # Nearly everything is one message: that is seen much faster than it is split.
        if raw.count(_HEADER) == 1 and not raw.lstrip().startswith(_BATCH):
            return (raw,)
        return split_batch(raw)

    def events(self, raw: bytes) -> tuple[Event, ...]:
        """What the message says, in its order.

        Raises:
            IntakeError: it cannot be used; nothing else is raised for any bytes.
        """
        return read_events(parse(raw), self.book)

    def outline(self, raw: bytes) -> Iterable[Part]:
        """As :meth:`grouper.intake.outline.Outlined.outline`."""
        return outline.outline(raw)

    def named(self, place: str) -> Mapping[str, str]:
        """As :meth:`grouper.intake.outline.Outlined.named`."""
        return outline.named(place)

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        """The acknowledgement, also of a message that cannot be read."""
        head = read_head(envelope.raw)
        if head is None or b"\0" in envelope.raw or not head.segments[0].value(_CHARSET):
            # The character set shows in the width of the characters, or in the whole message.
            with contextlib.suppress(IntakeError):
                head = parse(envelope.raw)
        return acknowledge(head, envelope, receipt, self.book.answer, self._language)


def _envelope(
    raw: bytes,
    message: Message | None,
    control_id: str,
    error: IntakeError | None,
    patient: str = "",
    visit: str = "",
) -> Envelope:
    verdict = Verdict.ACCEPTED
    if error is not None:
        verdict = Verdict.REFUSED if error.code in _REFUSED else Verdict.UNUSABLE
    return Envelope(
        form=NAME,
        raw=raw,
        sender=_value(message, 3) if message else "",
        facility=_value(message, 4) if message else "",
        control_id=(_value(message, 10) if message else "") or control_id,
        kind=message_type(message) if message else "",
        patient=patient,
        visit=visit,
        verdict=verdict,
        reason=error.code if error else "",
        place=str(error.params.get("place", "")) if error else "",
    )


def _value(message: Message, field: int) -> str:
    value = message.segments[0].value(field).strip()
    return "" if value == NULL else value


def _invalid(option: str, why: str, **params: object) -> GrouperError:
    reason = text(f"hl7v2.why.{why}", **params)
    return GrouperError("SETTING_INVALID", setting=f"forms.{NAME}.{option}", why=reason)


FORM = Hl7Form()
"""The form in the service (entry point ``grouper.forms``)."""

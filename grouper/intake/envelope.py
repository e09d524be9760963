"""The envelope of a message: what is known of it before it is stored, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What the sender is told, in the words of HL7 v2 (MSA-1).

    ``AA``: stored and understood. ``AE``: stored but not usable, it waits in quarantine. ``AR``:
    of a type, version or character set that is not served (kept for the record); also the answer
    to a message that could not be stored, with reason ``NOT_STORED``.
    """

    ACCEPTED = "AA"
    UNUSABLE = "AE"
    REFUSED = "AR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a form reads from a message before it is stored.

    Attributes:
        form: name of the form that read it.
        raw: the bytes as they came, without the frame of the transport.
        sender: sending application (MSH-3); empty if the form has none.
        facility: sending facility (MSH-4).
        control_id: the sender's id of the message (MSH-10, or an idempotency key); empty when the
            form has none, and then nothing can be a duplicate.
        kind: type of the message as written in the form, such as ``ADT^A08`` or ``4101A``.
        patient: the hospital's number of the patient; private.
        visit: the hospital's number of the stay or visit; private.
        verdict: what the form can say of it.
        reason: stable code when the verdict is not ``AA``; its words are ``reason.<CODE>`` and
            ``advice.<CODE>``.
        place: where in the message, such as ``PID-3`` or ``setlinfo.psn_no``.
    """

    form: str
    raw: bytes
    sender: str = ""
    facility: str = ""
    control_id: str = ""
    kind: str = ""
    patient: str = ""
    visit: str = ""
    verdict: Verdict = Verdict.ACCEPTED
    reason: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a message that was put into the inbox.

    Attributes:
        message_id: its number in the inbox (for a duplicate, the first one's); None: not stored.
        verdict: what is answered.
        reason: stable code when the verdict is not ``AA``.
        place: where in the message.
        duplicate: the same message was stored before; nothing new was stored.
    """

    message_id: int | None
    verdict: Verdict
    reason: str = ""
    place: str = ""
    duplicate: bool = False

"""What a message and its answer say of each other: MSH-10, and MSA-1 with MSA-2."""

from __future__ import annotations

from dataclasses import dataclass

from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.codec import parse


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement.

    Attributes:
        code: MSA-1: ``AA``, ``AE``, ``AR``, or of the enhanced mode ``CA``, ``CE``, ``CR``.
        control_id: MSA-2, the MSH-10 of the message that is answered.
        raw: the whole answer; it may quote the message, so it belongs in no log.
    """

    code: str
    control_id: str
    raw: bytes

    @property
    def accepted(self) -> bool:
        """Whether the receiver took the message."""
        return self.code in {"AA", "CA"}


def control_id(raw: bytes) -> str:
    """MSH-10 of a message; empty if it has none or cannot be read."""
    return _value(raw, "MSH", 10)


def read_answer(raw: bytes) -> Answer | None:
    """The acknowledgement that a frame holds; None if it is none."""
    code = _value(raw, "MSA", 1)
    return Answer(code, _value(raw, "MSA", 2), raw) if code else None


def _value(raw: bytes, name: str, field: int) -> str:
    try:
        segment = parse(raw).first(name)
    except IntakeError:
        return ""
    return segment.value(field).strip() if segment else ""

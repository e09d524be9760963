"""What a listener counts, by names that Prometheus takes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WITHIN_MS = (5, 10, 25, 50, 100, 250, 1000, 5000)
"""Milliseconds from the end of a frame to its answer, for the counts ``mllp_ack_within_*``."""


@dataclass(slots=True)
class Counts:
    """Counts since the start; those that are not ``_open`` or ``_in_flight`` only grow.

    Attributes:
        connections: that were let in.
        connections_open: now.
        connections_refused: over the limit.
        closed_idle: closed after their idle limit.
        closed_frame: closed because a frame did not end, in time or in length.
        closed_ack: closed because answers were not read.
        closed_fault: closed because no answer could be written; see the log.
        received_bytes: all bytes that came.
        sent_bytes: all bytes of answers, frames included.
        garbage_bytes: between frames.
        frames: whole ones.
        frames_empty: of blanks only; skipped without an answer.
        frames_too_large: over the limit; refused.
        frames_truncated: broken off by another frame or by the end of the connection; they get no
            answer, so that the sender repeats them.
        messages: taken from frames; more than frames where batches come.
        in_flight: messages now between frame and answer.
        duplicates: that were stored before.
        not_stored: answered AR because the inbox could not take them.
        aa: answered AA.
        ae: answered AE.
        ar: answered AR.
        ack_seconds: from the end of a frame to its answer, summed.
        within: answers within each of :data:`WITHIN_MS`.
    """

    connections: int = 0
    connections_open: int = 0
    connections_refused: int = 0
    closed_idle: int = 0
    closed_frame: int = 0
    closed_ack: int = 0
    closed_fault: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    garbage_bytes: int = 0
    frames: int = 0
    frames_empty: int = 0
    frames_too_large: int = 0
    frames_truncated: int = 0
    messages: int = 0
    in_flight: int = 0
    duplicates: int = 0
    not_stored: int = 0
    aa: int = 0
    ae: int = 0
    ar: int = 0
    ack_seconds: float = 0.0
    within: list[int] = field(default_factory=lambda: [0] * len(WITHIN_MS))

    def answered(self, seconds: float) -> None:
        """Count one answer by the time it took."""
        self.ack_seconds += seconds
        for place in range(len(WITHIN_MS) - 1, -1, -1):
            if seconds * 1000 > WITHIN_MS[place]:
                break
            self.within[place] += 1

    def metrics(self) -> Mapping[str, float]:
        """All of them: ``mllp_messages_total``, ``mllp_ack_within_50_ms_total`` and so on."""
        found: dict[str, float] = {}
        for name in (f.name for f in fields(self) if f.name != "within"):
            now = name in {"connections_open", "in_flight"}
            found[f"mllp_{name}" if now else f"mllp_{name}_total"] = getattr(self, name)
        for limit, count in zip(WITHIN_MS, self.within, strict=True):
            found[f"mllp_ack_within_{limit}_ms_total"] = count
        return found

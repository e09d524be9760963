"""From a message to its answer: the form reads it, the inbox stores it, the form answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.intake.forms import IntakeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grouper.intake.forms import Form
    from grouper.intake.porches import Put
    from hl7_adapters.mllp.counts import Counts

LOG = logging.getLogger("hl7_adapters.mllp")
_BATCH = (b"FHS", b"BHS")
_KIND_OF = {Verdict.ACCEPTED: "aa", Verdict.UNUSABLE: "ae", Verdict.REFUSED: "ar"}


class Desk:
    """Answers messages. A fault in the form or the inbox costs no other message its answer.

    No log here tells the text of an unexpected error: it may quote the message.
    """

    def __init__(
        self,
        form: Form,
        put: Put,
        split: Callable[[bytes], Sequence[bytes]],
        counts: Counts,
        channel: str,
    ) -> None:
        self._form = form
        self._put = put
        self._split = split
        self._counts = counts
        self._channel = channel

    def messages(self, frame: bytes) -> Sequence[bytes]:
        """The messages of a frame; one, if it is no batch or none that can be taken apart."""
        # Nearly every frame holds one message: that is seen much faster than it is split.
        if frame.count(b"MSH") == 1 and not frame.lstrip().startswith(_BATCH):
            return (frame,)
        try:
            return self._split(frame) or (frame,)
        except IntakeError:
            # Stored whole, it stands in quarantine with its reason.
            return (frame,)

    async def answer(self, raw: bytes) -> bytes | None:
        """Store one message and answer it; None if there is no way to write an answer."""
        envelope = self._envelope(raw)
        try:
            receipt = await self._put(envelope, self._channel)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the sender must be told
            LOG.error("MLLP: storing failed: %s", type(error).__name__)  # noqa: TRY400 -- its text may quote the message
            receipt = Receipt(message_id=None, verdict=Verdict.REFUSED, reason="NOT_STORED")
        self._counts.duplicates += receipt.duplicate
        self._counts.not_stored += receipt.message_id is None
        return self._written(envelope, receipt)

    def refusal(self, head: bytes, reason: str) -> bytes | None:
        """The answer to a message that is not stored, if its begin says which one it is."""
        envelope = self._envelope(head)
        if not envelope.control_id:
            return None
        receipt = Receipt(message_id=None, verdict=Verdict.REFUSED, reason=reason)
        return self._written(envelope, receipt)

    def _envelope(self, raw: bytes) -> Envelope:
        try:
            return self._form.envelope(raw)
        except Exception as error:  # noqa: BLE001 -- a fault of the form must not lose the message
            LOG.error("MLLP: reading an envelope failed: %s", type(error).__name__)  # noqa: TRY400 -- as above
            return Envelope(
                form=self._form.name, raw=raw, verdict=Verdict.UNUSABLE, reason="PROCESSING_FAILED"
            )

    def _written(self, envelope: Envelope, receipt: Receipt) -> bytes | None:
        try:
            answer = self._form.answer(envelope, receipt)
        except Exception as error:  # noqa: BLE001 -- the connection is closed for it
            LOG.error("MLLP: writing an answer failed: %s", type(error).__name__)  # noqa: TRY400 -- as above
            return None
        name = _KIND_OF[receipt.verdict]
        setattr(self._counts, name, getattr(self._counts, name) + 1)
        return answer

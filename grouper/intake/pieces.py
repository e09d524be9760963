"""From the bytes of a file or a body to its messages, and these into the inbox in their order."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from grouper.intake.envelope import Envelope, Receipt, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grouper.intake.forms import Form
    from grouper.intake.porches import Put

WINDOW = 256
"""So many messages of one batch wait for their commit together."""
WINDOW_BYTES = 8 * 1024 * 1024
"""A window takes no further message once it holds so many bytes."""
NOT_STORED = Receipt(message_id=None, verdict=Verdict.REFUSED, reason="NOT_STORED")
_FAULT = "PROCESSING_FAILED"


@runtime_checkable
class Splits(Protocol):
    """A form whose messages may come several in one piece; other forms know no batches."""

    def split(self, raw: bytes) -> Sequence[bytes]:
        """The messages of a batch in their order, or the one message as it came.

        Raises:
            IntakeError: it cannot be taken apart, or is not whole.
        """
        ...


def pieces(form: Form, raw: bytes) -> Sequence[bytes]:
    """The messages that bytes hold, in their order; at least one.

    A batch that cannot be taken apart, whatever the form makes of it, is one message: stored whole,
    it stands in quarantine with its reason.
    """
    if not isinstance(form, Splits):
        return (raw,)
    try:
        return tuple(form.split(raw)) or (raw,)
    except Exception:  # noqa: BLE001 -- a fault of the form must not lose what came
        return (raw,)


def file_identity(name: bytes, raw: bytes, number: int = 0) -> str:
    """The id of a message that came in a file, for forms without ids of their own.

    The same file is known again by it, however often it is put; a file of the same name and other
    content is another message, and so is a file of other name and the same content.

    Args:
        name: of the file, without its folders.
        raw: the message.
        number: its place in the file, from 0: a batch may hold the same bytes twice.
    """
    return _digest(name, str(number).encode(), raw)


def key_identity(key: str, number: int) -> str:
    """The id of one message of a batch that came with one key; empty without a key."""
    return _digest(key.encode("utf-8", "replace"), str(number).encode()) if key else ""


def _digest(*parts: bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


def enveloped(form: Form, raw: bytes, identity: Callable[[], str]) -> Envelope:
    """The envelope of a message; its own id goes before the one that is given.

    A fault of the form costs no message: it is stored with the reason ``PROCESSING_FAILED``.
    """
    try:
        envelope = form.envelope(raw)
        return envelope if envelope.control_id else form.envelope(raw, identity())
    except Exception:  # noqa: BLE001 -- whatever a form does wrong, its message must be kept
        return Envelope(
            form=form.name,
            raw=raw,
            control_id=identity(),
            verdict=Verdict.UNUSABLE,
            reason=_FAULT,
        )


async def put_pieces(
    count: int,
    envelope: Callable[[int], Envelope],
    put: Put,
    channel: str,
    *,
    go_on: Callable[[], bool] = lambda: True,
) -> list[Receipt]:
    """Store the messages of a batch in their order, many in one commit.

    Where one could not be stored, those after its window are not tried, so that a later message is
    not stored long before an earlier one.

    Args:
        count: of the messages.
        envelope: makes that of a number from 0; called in a thread.
        put: stores one.
        channel: how they came.
        go_on: asked before each window; when it says no, the rest is not tried.

    Returns:
        A receipt for each; :data:`NOT_STORED` for those that were not tried.
    """
    receipts: list[Receipt] = []
    while len(receipts) < count and go_on():
        window = await asyncio.to_thread(_window, len(receipts), count, envelope)
        receipts += await asyncio.gather(*(put(one, channel) for one in window))
        if any(receipt.message_id is None for receipt in receipts[-len(window) :]):
            break
    return receipts + [NOT_STORED] * (count - len(receipts))


def _window(start: int, count: int, envelope: Callable[[int], Envelope]) -> list[Envelope]:
    found: list[Envelope] = []
    size = 0
    while start + len(found) < count and len(found) < WINDOW and size < WINDOW_BYTES:
        found.append(envelope(start + len(found)))
        size += len(found[-1].raw)
    return found

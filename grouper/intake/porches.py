"""What porches offer the service beside forms: listeners, senders and encoders of results.

Each is found by an entry point, so that the service needs to know none of them.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

from codebooks.errors import GrouperError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from grouper.intake.envelope import Envelope, Receipt
    from grouper.intake.result import CaseResult

    Put = Callable[[Envelope, str], Awaitable[Receipt]]
    """Stores a message that came by a channel; the receipt comes after the commit."""

LISTENERS, SENDERS, ENCODERS = "grouper.listeners", "grouper.senders", "grouper.encoders"


class Listener(Protocol):
    """Receives messages over a connection and answers them.

    The entry point is a callable ``(options, put) -> Listener`` that checks its options
    (a table of the settings) and raises ``GrouperError`` ``SETTING_INVALID`` for a wrong one.
    """

    async def start(self) -> None:
        """Open the port.

        Raises:
            GrouperError: ``PORT_TAKEN`` or ``TLS_FILES``.
        """
        ...

    async def stop(self) -> None:
        """Take no more messages, answer those that are stored, and close."""
        ...

    def metrics(self) -> Mapping[str, float]:
        """Counts since the start, by a name that Prometheus takes."""
        ...


class Sender(Protocol):
    """Takes results back to one destination.

    The entry point is a callable ``(options) -> Sender``, as for listeners.
    """

    async def send(self, payload: bytes) -> str:
        """Deliver one message.

        Returns:
            What the receiver answered, in short (``AA``).

        Raises:
            GrouperError: ``DELIVERY_FAILED`` (try again) or ``DELIVERY_REFUSED`` (the receiver
                does not want it).
        """
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class Encoder(Protocol):
    """Writes a result in a form of messages.

    The entry point is a callable ``(options) -> Encoder``, as for listeners.
    """

    def encode(self, result: CaseResult, control_id: str) -> bytes:
        """The message of one result.

        Args:
            result: the case, its grouping and, where priced, its payment.
            control_id: unique id of the message.
        """
        ...


@cache
def _found(group: str) -> Mapping[str, Any]:
    return {point.name: point.load() for point in entry_points(group=group)}


def porch(group: str, name: str) -> Any:  # noqa: ANN401 -- the callable of the group
    """The callable that a porch offers under a name.

    Raises:
        GrouperError: ``PORCH_UNKNOWN``.
    """
    known = _found(group)
    if name not in known:
        raise GrouperError("PORCH_UNKNOWN", found=name, group=group, known=", ".join(sorted(known)))
    return known[name]

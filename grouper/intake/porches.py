"""What porches offer the service beside forms: listeners, senders and encoders of results.

Each is found by an entry point, so that the service needs to know none of them.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

from codebooks.errors import GrouperError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from grouper.case.record import Case
    from grouper.intake.envelope import Envelope, Receipt
    from grouper.intake.result import CaseResult

    Put = Callable[[Envelope, str], Awaitable[Receipt]]
    """Stores a message that came by a channel; the receipt comes after the commit."""

LISTENERS, SENDERS, ENCODERS = "grouper.listeners", "grouper.senders", "grouper.encoders"
REVIEWERS = "grouper.reviewers"


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


class Reviewer(Protocol):
    """Holds the lists that were sent for a stay against its case; the entry point is one of them.

    Nothing is ever written back: a person takes what is found to the hospital's own system.
    """

    @property
    def form(self) -> str:
        """Name of the form whose messages it reads."""
        ...

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of messages that are whole lists of a stay."""
        ...

    def differences(
        self, raw: bytes, case: Case, source: str, lang: str
    ) -> Sequence[Mapping[str, Any]]:
        """What the case proposes against what was sent, one mapping a difference.

        Raises:
            IntakeError: the message cannot be read.
        """
        ...

    def checks(self, raw: bytes, lang: str) -> Sequence[Mapping[str, Any]]:
        """What the field tables say against a message, one mapping a finding.

        Raises:
            IntakeError: as above.
        """
        ...

    def document(
        self, raw: bytes, case: Case, source: str, media: str, lang: str
    ) -> tuple[bytes, str]:
        """The differences as a file (``csv`` or ``xlsx``), and its media type.

        Raises:
            IntakeError: as above.
        """
        ...

    def written(
        self,
        case: Case,
        record: Mapping[str, Any],
        person: Mapping[str, Any],
        kind: str,
        lang: str,
    ) -> Mapping[str, Any]:
        """The list of a case, ready for the hospital's system to upload.

        Raises:
            GrouperError: the kind is none that can be written.
        """
        ...


@cache
def reviewers() -> Mapping[str, Reviewer]:
    """The reviewers at hand, by name."""
    return _found(REVIEWERS)


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

"""Takes results to a receiver by MLLP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.errors import GrouperError
from hl7_adapters.mllp.client import MllpClient, undelivered
from hl7_adapters.mllp.tls import client_context

if TYPE_CHECKING:
    from hl7_adapters.mllp.options import SenderOptions


class MllpSender:
    """Sends each result and reads its answer; the connection stays open between them."""

    def __init__(self, options: SenderOptions) -> None:
        """Nothing is opened yet.

        Raises:
            GrouperError: ``TLS_FILES``.
        """
        self._retry = frozenset(options.retry)
        self._client = MllpClient(
            options.host,
            options.port,
            tls=client_context(options),
            server_name=options.tls_server_name,
            connect_seconds=options.connect_seconds,
            answer_seconds=options.answer_seconds,
            frame_limit=options.frame_limit,
        )

    async def send(self, payload: bytes) -> str:
        """Deliver one message.

        Returns:
            MSA-1 of the answer: ``AA`` or ``CA``.

        Raises:
            GrouperError: ``DELIVERY_FAILED`` (try again: nobody there, no answer in time, an
                answer that ``retry`` names) or ``DELIVERY_REFUSED`` (any other answer).
        """
        answer = await self._client.send(payload)
        if answer.accepted:
            return answer.code
        if answer.code in self._retry:
            raise undelivered("later", answer=answer.code)
        raise GrouperError("DELIVERY_REFUSED", answer=answer.code)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

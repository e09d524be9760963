"""The settlement list or front page that was sent last for a stay, and who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.intake.porches import reviewers
from grouper.service.problems import ServiceError
from grouper.service.stored import versions_of
from grouper.store.inbox import Inbox

if TYPE_CHECKING:
    from grouper.intake.porches import Reviewer
    from grouper.store.database import Database
    from grouper.store.reading import StayHead

_LOOKED_AT = 200
"""Versions of a stay, the newest first, whose messages are looked at for a list."""


@dataclass(frozen=True, slots=True)
class SentList:
    """A list that was sent.

    Attributes:
        message_id: of the message, by its number in the inbox.
        kind: the transaction, such as ``4101``.
        raw: the message as it came.
        reviewer: who reads it.
    """

    message_id: int
    kind: str
    raw: bytes
    reviewer: Reviewer


def sent_list(database: Database, head: StayHead) -> SentList:
    """The list that was sent last for a stay.

    Raises:
        ServiceError: ``NO_LIST_SENT``; ``RAW_GONE``: retention let go of the message.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    by_form = {one.form: one for one in reviewers().values()}
    inbox = Inbox(database)
    for version, _ in versions_of(database, head)[:_LOOKED_AT]:
        found = inbox.one(version.message_id)
        reviewer = by_form.get(found.form)
        if reviewer is None or found.kind not in reviewer.kinds:
            continue
        if found.raw is None:
            raise ServiceError("RAW_GONE")
        return SentList(found.id, found.kind, found.raw, reviewer)
    raise ServiceError("NO_LIST_SENT")


def list_kinds() -> list[str]:
    """The kinds of messages that are whole lists of a stay, in their order."""
    return sorted({kind for one in reviewers().values() for kind in one.kinds})

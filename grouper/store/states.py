"""States that are stored as words."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What became of a message (``outcome.state``)."""

    APPLIED = "applied"
    """Its effects are in the store."""
    IGNORED = "ignored"
    """Understood, without meaning for a case."""
    QUARANTINED = "quarantined"
    """Kept with its reason until someone replays or dismisses it."""
    REFUSED = "refused"
    """Answered AR: of a type, version or character set that is not served; kept."""
    REPLAYED = "replayed"
    """Was quarantined; a replay of it was applied."""
    DISMISSED = "dismissed"
    """Was quarantined; someone put it aside and said why."""
    FAILED_AGAIN = "failed_again"
    """A replay that could not be applied either; its original stays in quarantine."""


UNSETTLED = (State.QUARANTINED, State.REFUSED)
"""Outcomes whose raw message retention never lets go of."""


class StayState(StrEnum):
    """Where a stay stands (``stay.state``)."""

    RUNNING = "running"
    DISCHARGED = "discharged"
    CANCELLED = "cancelled"
    MERGED = "merged"


class Role(StrEnum):
    """What an account may do (``account.role``)."""

    OFFICE = "office"
    PHYSICIAN = "physician"
    MANAGER = "manager"
    ADMIN = "admin"
    INTERFACE = "interface"


class Delivery(StrEnum):
    """Where a result on its way back stands (``outbox.state``)."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"

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


class FindingState(StrEnum):
    """Where the program itself puts a finding (``finding.state``); people's steps lead to others.

    The states and steps of the review are data of :mod:`grouper.audit.review`; a test holds that
    these are among them.
    """

    NEW = "new"
    NOTIFIED = "notified"
    """Of the insurer's list."""
    SHADOW = "shadow"
    """Of a rule in shadow or in review."""
    EXEMPT = "exempt"
    """An exception holds."""
    GONE = "gone"
    """No longer found, before anyone reviewed it."""
    JUDGED = "judged"
    """Was in shadow; someone said whether it is rightly found."""
    CORRECTED = "corrected"
    """Closed: the charge or the list was put right."""


class Source(StrEnum):
    """Who found a finding (``finding.source``)."""

    OWN = "own"
    INSURER = "insurer"
    PERSON = "person"


class Standing(StrEnum):
    """Whether a rule speaks here (``rule_standing.standing``)."""

    LIVE = "live"
    SHADOW = "shadow"
    """Being tried out: found, not shown to physicians."""
    REVIEW = "review"
    """Was often wrong: as in shadow, until someone has looked at it."""
    OFF = "off"
    """Not asked."""

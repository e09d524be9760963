"""What became of orders that something was told about, kept with what was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.intake.preaudit import Reaction
from grouper.service.order_stays import reach_of
from grouper.service.stored import within
from grouper.store import audit, order_checks, reading
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.service.access.principal import Principal
    from grouper.service.context import Services
    from grouper.store.database import Writing

__all__ = ["Reaction", "keep_reactions"]


def keep_reactions(services: Services, found: Sequence[Reaction], caller: Principal) -> list[str]:
    """Keep what became of findings, with an entry of the audit log each, in one transaction.

    The reason stays with the finding: it is free text that might name a patient, and is no part of
    the log.

    Args:
        services: parts of the app.
        found: by the keys of what was told.
        caller: who says so; a person answers what it was told itself, and what was told of stays
            within its reach.

    Returns:
        The keys under which nothing was told that the caller may answer.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``; nothing is kept.
    """
    # What was told a moment ago may still be on its way.
    services.orders.flush()
    at, unknown, actor = now(), [], caller.name
    with services.database.writing_store() as connection:
        for one in found:
            reason = one.reason or None
            if not _may(connection, caller, one.key) or not order_checks.answer(
                connection, one.key, one.answer, reason, actor, at
            ):
                unknown.append(one.key)
                continue
            about = {"answer": one.answer, "reasoned": bool(reason)}
            audit.append(connection, actor, "order_answered", f"finding:{one.key}", about, at=at)
    return unknown


def _may(connection: Writing, caller: Principal, key: str) -> bool:
    """Whether all that was told under a key was told to the caller, or of stays within its reach."""
    reach = reach_of(caller)
    if reach is None:
        return True
    for told in order_checks.of_key(connection, key):
        if told.actor == caller.name:
            continue
        head = None if told.stay_id is None else reading.stay_by_id(connection, told.stay_id)
        if head is None or not within(reach, head):
            return False
    return True

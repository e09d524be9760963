"""What became of orders that something was told about, kept with what was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.intake.preaudit import Reaction
from grouper.store import audit, order_checks
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.service.context import Services

__all__ = ["Reaction", "keep_reactions"]


def keep_reactions(services: Services, found: Sequence[Reaction], actor: str) -> list[str]:
    """Keep what became of findings, with an entry of the audit log each, in one transaction.

    The reason stays with the finding: it is free text that might name a patient, and is no part of
    the log.

    Args:
        services: parts of the app.
        found: by the keys of what was told.
        actor: the account that says so.

    Returns:
        The keys under which nothing was told.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``; nothing is kept.
    """
    # What was told a moment ago may still be on its way.
    services.orders.flush()
    at, unknown = now(), []
    with services.database.writing_store() as connection:
        for one in found:
            reason = one.reason or None
            if not order_checks.answer(connection, one.key, one.answer, reason, actor, at):
                unknown.append(one.key)
                continue
            about = {"answer": one.answer, "reasoned": bool(reason)}
            audit.append(connection, actor, "order_answered", f"finding:{one.key}", about, at=at)
    return unknown

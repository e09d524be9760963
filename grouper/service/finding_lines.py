"""The charge lines that a finding names, as they stand now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.store import history

if TYPE_CHECKING:
    from collections.abc import Collection

    from grouper.service.stored import Stay
    from grouper.store.database import Database


def lines_named(
    database: Database, stay: Stay, names: Collection[str], limit: int
) -> list[dict[str, Any]]:
    """Lines of a stay by what the sender calls them, in their order; their typed values.

    Args:
        database: the store.
        stay: within reach of who asks (:func:`grouper.service.stored.stay_of_case`).
        names: of the lines; those that do not stand any more are left out.
        limit: most lines.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        lines = history.lines_at(connection, stay.head.id, stay.version)
        named = [line for line in lines if line.line in names]
        return history.typed_lines(connection, named[:limit])

"""The charge lines of a stay as an insurer's finding is held against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.audit.insurer.findings import Known
from grouper.case.dates import LOCAL
from grouper.store import history

if TYPE_CHECKING:
    from grouper.store.database import Writing
    from grouper.store.finding_stays import Found


def known_lines(connection: Writing, stay: Found) -> list[Known]:
    """The lines that stand in the newest version of a stay, numbered as our own findings number them.

    Args:
        connection: a reading transaction.
        stay: of which.
    """
    if not stay.version:
        return []
    billed = history.billed_at(connection, stay.id)
    typed = history.typed_lines(connection, billed.lines)
    return [
        Known(
            number=number,
            name=line["line"],
            item=line["item"],
            text=line["name"],
            day=line["charged"] and line["charged"].astimezone(LOCAL).date(),
            quantity=line["quantity"],
            amount=line["amount"],
        )
        for number, line in zip(billed.numbers, typed, strict=True)
    ]

"""Groupings of stays: added, never changed; the head of a stay names the one that counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select, update

from grouper.store.ids import Ids
from grouper.store.schema import grouping as table
from grouper.store.schema import stay

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingRow:
    """One grouping of one version of a stay, as the columns of ``grouping``.

    Attributes:
        stay_id: whose.
        version: of the stay.
        at: when it was made.
        scheme: empty where none binds; the reason says why.
        content_hash: of the scheme.
        binding: by the scheme that binds the stay; else it is for comparison.
        warnings: stable codes with ``;`` between them.
        weight: the decimal as text.
    """

    stay_id: int
    version: int
    at: datetime
    scheme: str
    content_hash: str
    binding: bool
    status: str
    reason: str | None = None
    warnings: str | None = None
    mdc: str | None = None
    adrg: str | None = None
    group: str | None = None
    group_name: str | None = None
    cc_level: str | None = None
    group_kind: str | None = None
    weight: str | None = None


def write(connection: Connection, rows: Sequence[GroupingRow]) -> list[int]:
    """Add groupings; a binding one becomes the one that counts for its stay.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`; the stays are there.
        rows: in the order in which they were made.

    Returns:
        Their ids, in the same order.
    """
    if not rows:
        return []
    ids = Ids(connection, table)
    values = [{"id": ids.take(), **asdict(row)} for row in rows]
    connection.execute(insert(table), values)
    _count(connection, [{"of": v["stay_id"], "counts": v["id"]} for v in values if v["binding"]])
    return [v["id"] for v in values]


def withdraw(connection: Connection, stays: Sequence[int]) -> None:
    """No grouping counts for these stays any more (they were cancelled); the rows remain."""
    _count(connection, [{"of": number, "counts": None} for number in stays])


def _count(connection: Connection, heads: list[dict[str, Any]]) -> None:
    if heads:
        change = update(stay).where(stay.c.id == bindparam("of"))
        connection.execute(change.values(grouping_id=bindparam("counts")), heads)


def of_stay(connection: Connection, stay_id: int, version: int | None = None) -> list[GroupingRow]:
    """All groupings of a stay (of one of its versions), the oldest first."""
    columns = [column for column in table.c if column.name != "id"]
    ask = select(*columns).where(table.c.stay_id == stay_id).order_by(table.c.id)
    if version is not None:
        ask = ask.where(table.c.version == version)
    return [GroupingRow(**row) for row in connection.execute(ask).mappings()]

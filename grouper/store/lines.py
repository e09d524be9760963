"""Charge lines: rows that are only ever added, and which of them stand.

Rows are ordered by ``message_id`` (the stamp of what said them), then ``id``. Of one ``line`` the
last row counts; it stands unless it is ``gone`` or a later marker ``*`` took away all lines before
it. What came under the number of a stay that was merged into another is named ``~ID~LINE`` there,
``ID`` being the row of the stay that ended; a marker ``~ID~*`` is of those lines alone. A sender's
own line that begins with ``~`` or ``*`` has a ``~`` put before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from grouper.store.schema import charge_line as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

MARKER = "*"
_C = table.c
# Made once: each message with charges asks.
_ROWS = select(_C.line, _C.message_id, _C.id, _C.gone, _C.amount, _C.about).where(
    _C.stay_id == bindparam("stay")
)
_SOME = _ROWS.where(_C.line.in_(bindparam("lines", expanding=True)))
_ALL = _ROWS.where(_C.id <= bindparam("until"))
_LAST = (1 << 63) - 1
_PREFIX = re.compile(r"~\d+~")


@dataclass(frozen=True, slots=True)
class Entry:
    """What counts of one row of ``charge_line``."""

    line: str
    stamp: int
    id: int
    gone: bool = False
    amount: Decimal | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def after(self, other: Entry) -> bool:
        """Whether this row comes later in the order."""
        return (self.stamp, self.id) > (other.stamp, other.id)


def prefix_of(ended: int, inner: str = "") -> str:
    """What is put before the lines of a stay that was merged into another."""
    return f"~{ended}~{inner}"


def line_name(key: str, prefix: str) -> str:
    """What a sender's line is called in the rows of a stay."""
    return f"{prefix}~{key}" if key.startswith(("~", MARKER)) else f"{prefix}{key}"


def markers(line: str) -> list[str]:
    """Names of the markers that a line obeys."""
    found, place = [MARKER], 0
    while (ahead := _PREFIX.match(line, place)) is not None:
        place = ahead.end()
        found.append(line[:place] + MARKER)
    return found


def is_marker(line: str) -> bool:
    """Whether a line is a marker, of all lines or of those of a stay that ended."""
    place = 0
    while (ahead := _PREFIX.match(line, place)) is not None:
        place = ahead.end()
    return line[place:] == MARKER


def last_rows(rows: Iterable[Entry]) -> dict[str, Entry]:
    """Of each line the row that counts, markers among them."""
    found: dict[str, Entry] = {}
    for row in rows:
        known = found.get(row.line)
        if known is None or row.after(known):
            found[row.line] = row
    return found


def stands(line: str, last: Mapping[str, Entry | None]) -> Entry | None:
    """The row of a line that stands.

    Args:
        line: its name.
        last: rows that count, by name: that of the line and of the markers it obeys.
    """
    row = last.get(line)
    if row is None or row.gone:
        return None
    for marker in markers(line):
        taken = last.get(marker)
        if taken is not None and taken.after(row):
            return None
    return row


def standing(last: Mapping[str, Entry | None]) -> dict[str, Entry]:
    """All lines that stand, in the order in which they were written."""
    names = [line for line in last if not is_marker(line)]
    found = [row for line in names if (row := stands(line, last)) is not None]
    return {row.line: row for row in sorted(found, key=lambda r: r.id)}


def total(rows: Iterable[Entry]) -> Decimal | None:
    """The sum of amounts, in yuan; None when no row has one."""
    amounts = [row.amount for row in rows if row.amount is not None]
    return sum(amounts, Decimal(0)) if amounts else None


def read_rows(
    connection: Connection,
    stay: int,
    lines: Sequence[str] | None = None,
    until: int | None = None,
) -> list[Entry]:
    """Rows of a stay: those of some lines, or all (up to an id)."""
    if lines is not None:
        found = connection.execute(_SOME, {"stay": stay, "lines": lines})
    else:
        found = connection.execute(_ALL, {"stay": stay, "until": _LAST if until is None else until})
    return [Entry(*row) for row in found]
